//! Azure Event Grid and CloudEvents: a handshake of their own around whatever proves the deliveries.

use std::fmt;

use http::{HeaderName, HeaderValue, Method, StatusCode};
use serde_json::Value;

use super::http_auth::Bearer;
use super::json;
use super::scheme::{self, Scheme, Setup};
use super::terms::{Binds, Terms};
use super::uses::{SecretIds, SecretUses};
use super::verifier::{
    Answer, ConfigError, Delivery, Preparing, Rejection, Verifier, WebhookRequest,
};

const EVENT_TYPE: HeaderName = HeaderName::from_static("aeg-event-type");
const ORIGIN: HeaderName = HeaderName::from_static("webhook-request-origin");
const RATE: HeaderName = HeaderName::from_static("webhook-request-rate");
const ALLOWED_ORIGIN: HeaderName = HeaderName::from_static("webhook-allowed-origin");
const ALLOWED_RATE: HeaderName = HeaderName::from_static("webhook-allowed-rate");

const AZURE: &str = "eventgrid.azure.net";

pub(super) static SCHEMES: &[Scheme] = &[
    Scheme {
        name: "azure-event-grid",
        sender: "Azure Event Grid",
        constructor: "EventGrid::by",
        signs: "nothing by itself: a token of Microsoft Entra, or a secret in a header",
        proof: "Authorization, or a header of the subscription",
        binds: Binds::Sender,
        refuse_with: 503,
        retry_budget: Some(86_400),
        retries: "after 10 s, 30 s, 1, 5, 10, 30 min and so on for 24 h; 400, 401, 403, 413 end it",
        handshake: Some(
            "a validation event gets its code; OPTIONS with an origin that is allowed, a 200",
        ),
        handshake_by: &["OPTIONS"],
        delivery_id: Some("/0/id"),
        build: event_grid,
        ..Scheme::UNSAID
    },
    Scheme {
        name: "cloudevents",
        sender: "CloudEvents",
        constructor: "CloudEvents::by",
        signs: "nothing by itself: a bearer token",
        proof: "Authorization",
        binds: Binds::Sender,
        retries: "as the sender likes",
        handshake: Some("OPTIONS with an origin that is allowed gets a 200"),
        handshake_by: &["OPTIONS"],
        build: |setup| {
            let origins = setup
                .text(0)?
                .split(',')
                .map(|origin| origin.trim().to_owned());
            let origins: Vec<_> = origins.collect();
            Ok(Box::new(CloudEvents::by(
                Bearer::new(setup.secrets()),
                origins,
            )))
        },
        ..Scheme::UNSAID
    },
];

fn event_grid(setup: &Setup) -> Result<Box<dyn Verifier>, ConfigError> {
    #[cfg(feature = "webhook-asymmetric")]
    if setup
        .secrets
        .first()
        .is_some_and(|it| it.trim_ascii_start().starts_with(b"{"))
    {
        use super::jwks::Jwks;
        use super::jwt::JwtIssuer;

        let jwks = Jwks::given(setup.text(0)?);
        let issuer = setup.issuer.as_deref().unwrap_or_default();
        let audience = setup.audience.as_deref().unwrap_or_default();
        let mut token = JwtIssuer::new(issuer, audience, jwks);
        token.leave_unknown(setup);
        return Ok(Box::new(EventGrid::by(token)));
    }
    // Its handshakes need no secret.
    if setup.diagnosing && setup.secrets.iter().all(|secret| secret.is_empty()) {
        return Ok(Box::new(EventGrid::by(Nothing)));
    }
    Ok(Box::new(EventGrid::by(Bearer::new(setup.secrets()))))
}

/// Where no secret is known: handshakes alone can be judged.
struct Nothing;

impl Verifier for Nothing {
    fn verify(&self, _: &WebhookRequest<'_>) -> Result<Delivery, Rejection> {
        Err(Rejection::SignatureMissing(
            "no secret is given that could prove it",
        ))
    }
}

/// Azure Event Grid, whose deliveries this verifier proves: a
/// [`JwtIssuer::entra`](super::JwtIssuer::entra), or an [`ApiKey`](super::ApiKey) in a header that the
/// event subscription adds.
///
/// The layer answers the validation of a subscription, by event and by OPTIONS. A refusal is a 503:
/// after a 401 Event Grid drops the event.
///
/// # Example
///
/// ```
/// use session_auth::webhook::{ApiKey, EventGrid, Verifier};
///
/// let grid = EventGrid::by(ApiKey::new("X-Events-Key", "the-secret")?);
/// assert_eq!(grid.terms().refuse_with, 503);
/// # Ok::<_, session_auth::webhook::ConfigError>(())
/// ```
#[must_use]
pub struct EventGrid {
    proof: Box<dyn Verifier>,
    refuse_with: Option<StatusCode>,
}

impl EventGrid {
    /// Accepts what this verifier accepts.
    pub fn by(proof: impl Verifier) -> Self {
        Self {
            proof: Box::new(proof),
            refuse_with: None,
        }
    }

    /// Sets the status of a refusal. The default is 503.
    pub fn refuse_with(mut self, status: StatusCode) -> Self {
        self.refuse_with = Some(status);
        self
    }

    fn is_validation(request: &WebhookRequest<'_>) -> bool {
        let value = request.headers().get(EVENT_TYPE);
        request.method() == Method::POST && value.is_some_and(|it| it == "SubscriptionValidation")
    }

    /// The code of the one validation event, and nothing but it.
    fn validate(&self, request: &WebhookRequest<'_>) -> Result<Delivery, Rejection> {
        // A token that is there has to be right.
        if let Err(rejection @ Rejection::SignatureInvalid(_)) = self.proof.verify_head(request) {
            return Err(rejection);
        }
        let wrong = Rejection::SignatureInvalid("no event that validates a subscription");
        let body = json::whole(request.body()).ok_or(wrong)?;
        let [event] = body.as_array().map(Vec::as_slice).unwrap_or_default() else {
            return Err(wrong);
        };
        if event.get("eventType").and_then(Value::as_str)
            != Some("Microsoft.EventGrid.SubscriptionValidationEvent")
        {
            return Err(wrong);
        }
        let code = event
            .pointer("/data/validationCode")
            .and_then(Value::as_str);
        let code = code
            .filter(|code| (1..=128).contains(&code.len()))
            .ok_or(wrong)?;
        let code = Value::from(code);
        Ok(handshake(
            "azure-event-grid",
            Answer::json(format!(r#"{{"validationResponse":{code}}}"#)),
        ))
    }
}

fn handshake(scheme: &'static str, answer: Answer) -> Delivery {
    named(scheme, Delivery::new().with_answer(answer))
}

/// A delivery of this scheme, whatever proves it.
fn named(scheme: &'static str, mut delivery: Delivery) -> Delivery {
    delivery.scheme = Some(scheme);
    delivery
}

/// CloudEvents' "HTTP 1.1 Web Hooks for Event Delivery", section 4.
fn allow(
    scheme: &'static str,
    request: &WebhookRequest<'_>,
    origins: &[String],
) -> Result<Delivery, Rejection> {
    let origin = request.proof(&ORIGIN)?;
    let known = origins
        .iter()
        .find(|known| known.eq_ignore_ascii_case(origin));
    let value = known
        .and_then(|known| HeaderValue::from_str(known).ok())
        .ok_or(Rejection::SignatureInvalid("an origin that is not allowed"))?;
    let mut answer = Answer::new(StatusCode::OK).with_header(ALLOWED_ORIGIN, value);
    if let Ok(rate) = request.proof(&RATE) {
        let digits = (1..=9).contains(&rate.len()) && rate.bytes().all(|b| b.is_ascii_digit());
        let rate = if digits { rate } else { "*" };
        if let Ok(rate) = HeaderValue::from_str(rate) {
            answer = answer.with_header(ALLOWED_RATE, rate);
        }
    }
    Ok(handshake(scheme, answer))
}

impl Verifier for EventGrid {
    fn verify(&self, request: &WebhookRequest<'_>) -> Result<Delivery, Rejection> {
        if request.method() == Method::OPTIONS {
            return allow("azure-event-grid", request, &[AZURE.to_owned()]);
        }
        if Self::is_validation(request) {
            return self.validate(request);
        }
        self.proof
            .verify(request)
            .map(|it| named("azure-event-grid", it))
    }

    fn verify_head(&self, request: &WebhookRequest<'_>) -> Result<Option<Delivery>, Rejection> {
        if request.method() == Method::OPTIONS {
            return self.verify(request).map(Some);
        }
        if Self::is_validation(request) {
            return Ok(None);
        }
        let delivery = self.proof.verify_head(request)?;
        Ok(delivery.map(|it| named("azure-event-grid", it)))
    }

    fn prepare<'a>(&'a self, request: &WebhookRequest<'a>) -> Option<Preparing<'a>> {
        self.proof.prepare(request)
    }

    fn challenge(&self) -> Option<HeaderValue> {
        self.proof.challenge()
    }

    fn terms(&self) -> Terms {
        let mut terms =
            scheme::known(SCHEMES, "azure-event-grid").map_or_else(Terms::default, Scheme::terms);
        terms.binds = self.proof.terms().binds.or(terms.binds);
        if let Some(status) = self.refuse_with {
            terms.refuse_with = status;
        }
        terms
    }

    fn secret_uses(&self, ids: &SecretIds) -> Vec<SecretUses> {
        self.proof.secret_uses(ids)
    }

    fn check(&self) -> Result<(), ConfigError> {
        self.proof.check()
    }
}

impl fmt::Debug for EventGrid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventGrid").finish_non_exhaustive()
    }
}

/// CloudEvents over HTTP webhooks, whose deliveries this verifier proves: a [`Bearer`], by the
/// specification. OPTIONS by one of these origins is answered by the layer.
///
/// # Example
///
/// ```
/// use session_auth::webhook::{Bearer, CloudEvents, Verifier};
///
/// CloudEvents::by(Bearer::new("the-token"), ["eventgrid.azure.net"]).check()?;
/// # Ok::<_, session_auth::webhook::ConfigError>(())
/// ```
#[must_use]
pub struct CloudEvents {
    proof: Box<dyn Verifier>,
    origins: Vec<String>,
}

impl CloudEvents {
    /// Accepts what this verifier accepts, of these origins.
    pub fn by<O: Into<String>>(proof: impl Verifier, origins: impl IntoIterator<Item = O>) -> Self {
        Self {
            proof: Box::new(proof),
            origins: origins.into_iter().map(Into::into).collect(),
        }
    }
}

impl Verifier for CloudEvents {
    fn verify(&self, request: &WebhookRequest<'_>) -> Result<Delivery, Rejection> {
        if request.method() == Method::OPTIONS {
            return allow("cloudevents", request, &self.origins);
        }
        self.proof
            .verify(request)
            .map(|it| named("cloudevents", it))
    }

    fn verify_head(&self, request: &WebhookRequest<'_>) -> Result<Option<Delivery>, Rejection> {
        if request.method() == Method::OPTIONS {
            return self.verify(request).map(Some);
        }
        let delivery = self.proof.verify_head(request)?;
        Ok(delivery.map(|it| named("cloudevents", it)))
    }

    fn prepare<'a>(&'a self, request: &WebhookRequest<'a>) -> Option<Preparing<'a>> {
        self.proof.prepare(request)
    }

    fn challenge(&self) -> Option<HeaderValue> {
        self.proof.challenge()
    }

    fn terms(&self) -> Terms {
        let terms =
            scheme::known(SCHEMES, "cloudevents").map_or_else(Terms::default, Scheme::terms);
        let proof = self.proof.terms();
        Terms {
            binds: proof.binds.or(terms.binds),
            refuse_with: proof.refuse_with,
            ..terms
        }
    }

    fn secret_uses(&self, ids: &SecretIds) -> Vec<SecretUses> {
        self.proof.secret_uses(ids)
    }

    fn check(&self) -> Result<(), ConfigError> {
        if self.origins.is_empty() || self.origins.iter().any(|it| it.trim().is_empty()) {
            return Err(ConfigError::new(
                "no origin is allowed, or an empty one: name who may send",
            ));
        }
        let fits = |b: u8| b.is_ascii_alphanumeric() || b".-_:[]".contains(&b);
        for origin in &self.origins {
            if !origin.bytes().all(fits) {
                return Err(ConfigError::new(format!(
                    "{origin:?} is no origin that a sender names: write its host, \
                     `eventgrid.azure.net` (no scheme, no wildcard; a newline at the end?)"
                )));
            }
        }
        self.proof.check()
    }
}

impl fmt::Debug for CloudEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CloudEvents")
            .field("origins", &self.origins)
            .finish_non_exhaustive()
    }
}
