//! Senders that prove themselves by a token of an issuer (RFC 7519): it says who sends, and nothing of
//! what.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwapOption;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::blanks::setting;
use super::both::both;
use super::claims::{Claim, Header, Registered, object};
use super::headers::credentials;
use super::json;
use super::jwks::{ALGORITHMS, Jwks};
use super::scheme::{self, Scheme, Setup};
use super::terms::{Binds, Terms};
use super::verifier::{ConfigError, Delivery, Preparing, Rejection, Verifier, WebhookRequest};

/// The longest token that is looked at, in bytes.
const LONGEST: usize = 16 * 1024;
/// How far the issuer's clock may be ahead, in seconds.
const LEEWAY: u64 = 60;

/// The end of the year 9999, in seconds since 1970.
const LATEST: u64 = 253_402_300_799;

const ISSUERS_OF_GOOGLE: [&str; 2] = ["https://accounts.google.com", "accounts.google.com"];

pub(super) static SCHEMES: &[Scheme] = &[
    Scheme {
        name: "google-pubsub",
        sender: "Google Pub/Sub",
        constructor: "JwtIssuer::google_pubsub",
        signs: "a token of Google's, for an audience, in the name of a service account",
        proof: "Authorization",
        binds: Binds::Sender,
        retry_budget: Some(7 * 86_400),
        retries: "exponentially for 7 days",
        delivery_id: Some("/message/messageId"),
        feature: Some("webhook-asymmetric"),
        build: |setup| {
            let audience = setup.audience.as_deref().or(setup.public_url.as_deref());
            let mut issuer = JwtIssuer::google_pubsub(
                audience.unwrap_or_default(),
                setup.account.as_deref().unwrap_or_default(),
                Jwks::given(setup.text(0)?),
            );
            issuer.unknown(setup, audience.is_none(), setup.account.is_none());
            Ok(Box::new(issuer))
        },
        ..Scheme::UNSAID
    },
    Scheme {
        name: "cloudflare-access",
        sender: "Cloudflare Access",
        constructor: "JwtIssuer::cloudflare_access",
        signs: "a token of the team's, for an application",
        proof: "Cf-Access-Jwt-Assertion",
        binds: Binds::Sender,
        feature: Some("webhook-asymmetric"),
        build: |setup| {
            let mut issuer = JwtIssuer::cloudflare_access(
                setup.issuer.as_deref().unwrap_or_default(),
                setup.audience.as_deref().unwrap_or_default(),
                Jwks::given(setup.text(0)?),
            );
            issuer.leave_unknown(setup);
            Ok(Box::new(issuer))
        },
        ..Scheme::UNSAID
    },
];

/// A token of an issuer, RS256 or ES256, by its published keys. Needs the feature
/// `webhook-asymmetric`.
///
/// - The key is the one of the token's `kid`, and the algorithm is the key's. A token without `kid`,
///   with another algorithm, or with `crit`, is refused.
/// - `iss` and `aud` have to be what is expected; `exp` has to be there, and `exp`, `nbf` and `iat`
///   are whole numbers.
/// - **Nothing of the delivery is bound**: keep a replay window.
///
/// # Example
///
/// ```
/// use session_auth::webhook::{Jwks, JwtIssuer};
///
/// # async fn get(url: &str) -> std::io::Result<String> { Ok(String::new()) }
/// let jwks = Jwks::fetched(|| async { Ok(get("https://www.googleapis.com/oauth2/v3/certs").await?) });
/// let pubsub = JwtIssuer::google_pubsub(
///     "https://hooks.example.com/webhooks/pubsub",
///     "pusher@project.iam.gserviceaccount.com",
///     jwks,
/// );
/// # drop(pubsub);
/// ```
#[must_use]
pub struct JwtIssuer {
    scheme: Option<&'static Scheme>,
    header: HeaderName,
    issuers: Vec<String>,
    any_issuer: bool,
    /// What the issuers are named by, where they are Microsoft's.
    tenant: Option<String>,
    audience: Option<String>,
    any_audience: bool,
    /// A claim, and what it has to be.
    claims: Vec<(&'static str, Value)>,
    id_pointer: Option<String>,
    jwks: Jwks,
    /// In seconds, where it was set.
    leeway: Option<u64>,
    refuse_with: Option<StatusCode>,
    /// That of the last token which it gave: all that one key signed have the same, to the letter.
    last_header: ArcSwapOption<KnownHeader>,
}

/// Why a token is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Malformed(&'static str),
    Forged(&'static str),
    Expired(&'static str),
    Unavailable(&'static str),
}

impl From<Fault> for Rejection {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Malformed(what) | Fault::Forged(what) | Fault::Expired(what) => {
                Self::SignatureInvalid(what)
            }
            Fault::Unavailable(what) => Self::Unavailable(what),
        }
    }
}

impl JwtIssuer {
    /// Accepts tokens of this issuer for this audience, in `Authorization: Bearer`.
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>, jwks: Jwks) -> Self {
        Self {
            scheme: None,
            header: AUTHORIZATION,
            issuers: vec![issuer.into()],
            any_issuer: false,
            tenant: None,
            audience: Some(audience.into()),
            any_audience: false,
            claims: Vec::new(),
            id_pointer: None,
            jwks,
            leeway: None,
            refuse_with: None,
            last_header: ArcSwapOption::empty(),
        }
    }

    /// Accepts tokens that are signed with this secret, of whatever issuer and for whatever audience.
    #[track_caller]
    pub(crate) fn hs256(secret: impl AsRef<[u8]>) -> Self {
        let mut issuer = Self::new("", "", Jwks::secret(secret.as_ref()));
        (issuer.any_issuer, issuer.any_audience) = (true, true);
        issuer
    }

    /// Google Pub/Sub: the audience of the push subscription (by default its URL), and its service
    /// account. Anybody at Google can have a token for your audience; the account is what says that it
    /// is yours. The keys are at `https://www.googleapis.com/oauth2/v3/certs`.
    pub fn google_pubsub(
        audience: impl Into<String>,
        service_account: impl Into<String>,
        jwks: Jwks,
    ) -> Self {
        let mut issuer = Self::new("", audience, jwks);
        issuer.issuers = ISSUERS_OF_GOOGLE.map(str::to_owned).to_vec();
        issuer.claims = vec![
            ("email", Value::from(service_account.into())),
            ("email_verified", Value::from(true)),
        ];
        issuer.id_pointer = Some("/message/messageId".to_owned());
        issuer.scheme = scheme::known(SCHEMES, "google-pubsub");
        issuer
    }

    /// Cloudflare Access: the team's address, `https://team.cloudflareaccess.com`, and the tag of the
    /// application. The keys are at `/cdn-cgi/access/certs` of the team's address.
    pub fn cloudflare_access(
        team: impl Into<String>,
        application: impl Into<String>,
        jwks: Jwks,
    ) -> Self {
        let team: String = team.into();
        // As Cloudflare writes it in a token.
        let mut issuer = Self::new(team.trim_end_matches('/'), application, jwks);
        issuer.header = HeaderName::from_static("cf-access-jwt-assertion");
        issuer.scheme = scheme::known(SCHEMES, "cloudflare-access");
        issuer
    }

    /// Microsoft Entra, for [`EventGrid`](super::EventGrid): the tenant's id, which is a GUID and neither a domain
    /// nor `common`, as in its tokens; and the application that the event subscription names. The token has to be
    /// Event Grid's own. The keys are at `https://login.microsoftonline.com/<tenant>/discovery/v2.0/keys`.
    pub fn entra(tenant: &str, audience: impl Into<String>, jwks: Jwks) -> Self {
        let tenant = tenant.to_ascii_lowercase();
        let mut issuer = Self::new("", audience, jwks);
        issuer.issuers = vec![
            format!("https://sts.windows.net/{tenant}/"),
            format!("https://login.microsoftonline.com/{tenant}/v2.0"),
        ];
        issuer.tenant = Some(tenant);
        issuer
    }

    /// Sets by how much the issuer's clock may differ: a token is good for so much longer, and so much
    /// earlier. In whole seconds. The default is none after `exp`, and a minute before `nbf` and `iat`.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = Some(leeway.as_secs());
        self
    }

    /// Asks for a claim with this value, besides.
    pub fn claim(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.claims.push((name, value.into()));
        self
    }

    /// Where in a body of JSON the delivery is named: a pointer (RFC 6901) to a string or a whole
    /// number.
    pub fn delivery_id_at(mut self, pointer: impl Into<String>) -> Self {
        self.id_pointer = Some(pointer.into());
        self
    }

    /// Sets the status of a refusal: 503 where a sender would give up on a 4xx. The default is 401.
    pub fn refuse_with(mut self, status: StatusCode) -> Self {
        self.refuse_with = Some(status);
        self
    }

    /// Leaves out what nobody has said, to find out what is wrong with a delivery.
    fn unknown(&mut self, setup: &Setup, audience: bool, account: bool) {
        if !setup.diagnosing {
            return;
        }
        self.any_audience = audience;
        if account {
            self.claims.clear();
        }
    }

    pub(super) fn leave_unknown(&mut self, setup: &Setup) {
        self.unknown(setup, setup.audience.is_none(), false);
        self.any_issuer = setup.diagnosing && setup.issuer.is_none();
    }

    fn text<'a>(&self, request: &WebhookRequest<'a>) -> Result<&'a str, Rejection> {
        if self.header == AUTHORIZATION {
            credentials(request, "Bearer")
        } else {
            request.proof(&self.header)
        }
    }

    fn of_head(&self, request: &WebhookRequest<'_>) -> Result<Delivery, Rejection> {
        self.check_token(&self.read(self.text(request)?)?, request.now())?;
        let mut delivery = Delivery::new();
        delivery.scheme = self.scheme.map(|scheme| scheme.name);
        Ok(delivery)
    }

    /// Decodes a token.
    pub(crate) fn read<'a>(&self, text: &'a str) -> Result<Token<'a>, Fault> {
        let known = self.last_header.load();
        Token::of_three_parts(text, known.as_ref())
            .ok_or(Fault::Malformed("no token of three parts"))
    }

    /// Believes a token, or says why not.
    fn check_token(&self, token: &Token<'_>, now: SystemTime) -> Result<(), Fault> {
        self.is_signed(token)?;
        self.judge(&judged(token)?, token.claims(), now)
    }

    /// The same, and what a service takes of it.
    pub(crate) fn believe<C: DeserializeOwned>(
        &self,
        token: &Token<'_>,
        now: SystemTime,
    ) -> Result<Believed<C>, Fault> {
        self.is_signed(token)?;
        let json = token.claims();
        let mut claims = Registered::default();
        let own = match both(json, &mut claims) {
            Some(own) => {
                self.judge(&claims, json, now)?;
                Some(own)
            }
            None => {
                claims = judged(token)?;
                self.judge(&claims, json, now)?;
                object(json)
            }
        };
        let end = claims.exp.whole().and_then(|end| self.end_of(end));
        Ok(Believed {
            claims: own.ok_or(Fault::Malformed(
                "the claims are not those that handlers take",
            ))?,
            scopes: claims.scopes(),
            end: end.and_then(|end| UNIX_EPOCH.checked_add(end)),
        })
    }

    /// Whether the issuer gave this token. Nothing of its claims is read before.
    fn is_signed(&self, token: &Token<'_>) -> Result<(), Fault> {
        // RFC 7797 wants `b64` named in `crit`; not everybody does so.
        if token.header.is_extended {
            return Err(Fault::Malformed("the token asks for an extension"));
        }
        let keys = self.jwks.keys();
        let key = match (keys.find(token.kid()), keys.fetched_at) {
            (Some(key), _) => key,
            (None, _) if token.kid().is_none() => {
                return Err(Fault::Malformed("the token names no key"));
            }
            (None, None) => return Err(Fault::Unavailable("the issuer's keys are not there")),
            (None, Some(_)) if self.jwks.is_behind() => {
                return Err(Fault::Unavailable(
                    "the issuer's keys could not be looked up again",
                ));
            }
            (None, Some(_)) => return Err(Fault::Forged("the issuer has no such key")),
        };
        if token.header.algorithm != Some(key.algorithm()) {
            return Err(Fault::Forged("the token's algorithm is not the key's"));
        }
        if !key.verifies(token.signed.as_bytes(), token.signature()) {
            return Err(Fault::Forged("the key did not sign this token"));
        }
        // Only of what was signed: nobody else can have one forgotten.
        if !token.header_is_known {
            self.last_header.store(Some(Arc::clone(&token.header)));
        }
        Ok(())
    }

    /// Whether the keys have to be looked up for this token.
    pub(crate) fn needs_keys_for(&self, token: &Token<'_>, now: SystemTime) -> bool {
        looking_up(token, now, |kid, now| self.jwks.is_to_fetch(kid, now)).unwrap_or_default()
    }

    pub(crate) async fn look_up_keys_for(&self, text: &str, now: SystemTime) {
        let Ok(token) = self.read(text) else {
            return;
        };
        let looking = looking_up(&token, now, |kid, now| self.jwks.fetch(kid, now));
        drop(token);
        if let Some(Some(looking)) = looking {
            // Whether the key is there then, the token is asked.
            let _ = looking.await;
        }
    }

    /// How long after 1970 a token is over that expires then.
    fn end_of(&self, expires: u64) -> Option<Duration> {
        let over = expires.checked_add(self.leeway.unwrap_or_default())?;
        over.checked_add(1).map(Duration::from_secs)
    }

    fn judge(&self, claims: &Registered<'_>, json: &[u8], now: SystemTime) -> Result<(), Fault> {
        let now = now
            .duration_since(UNIX_EPOCH)
            .map_or(0, |now| now.as_secs());
        // RFC 7519 allows a fraction; no issuer writes one, and readers differ in what they make of it.
        let whole = |claim: &Claim<'_>| match *claim {
            Claim::Absent => Ok(None),
            // Later is written in milliseconds, by mistake, and would be good for ever.
            Claim::Whole(seconds) if seconds <= LATEST => Ok(Some(seconds)),
            _ => Err(Fault::Malformed(
                "a time of the token is no whole number of seconds",
            )),
        };
        let expires = whole(&claims.exp)?.ok_or(Fault::Malformed("the token has no `exp`"))?;
        if now > expires.saturating_add(self.leeway.unwrap_or_default()) {
            return Err(Fault::Expired("the token is expired"));
        }
        let early = self.leeway.unwrap_or(LEEWAY);
        for from in [&claims.iat, &claims.nbf] {
            if whole(from)?.is_some_and(|from| from > now.saturating_add(early)) {
                return Err(Fault::Forged("the token is of the future"));
            }
        }
        let issuer = claims.iss.text();
        let is_issuer = |known: &String| Some(known.as_str()) == issuer;
        if !self.any_issuer && !self.issuers.iter().any(is_issuer) {
            return Err(Fault::Forged("a token of another issuer"));
        }
        let is_for = |audience: &str| match &claims.aud {
            Claim::One(one) => one == audience,
            Claim::Many(all) => all.iter().any(|one| one == audience),
            _ => false,
        };
        if !self.any_audience && !self.audience.as_deref().is_some_and(is_for) {
            return Err(Fault::Forged("a token for another audience"));
        }
        if self.claims.is_empty() {
            return Ok(());
        }
        let all: Value = object(json).unwrap_or_default();
        for (name, value) in &self.claims {
            if all.get(name) != Some(value) {
                return Err(Fault::Forged("a claim of the token is another"));
            }
        }
        Ok(())
    }

    fn is_of(&self, scheme: &str) -> bool {
        self.scheme.is_some_and(|own| own.name == scheme)
    }

    /// Whether it can believe any token.
    pub(crate) fn is_configured(&self) -> Result<(), ConfigError> {
        self.jwks.check()?;
        if let Some(tenant) = &self.tenant {
            setting("the tenant of Microsoft Entra", tenant)?;
            if !is_guid(tenant) {
                return Err(ConfigError::new(format!(
                    "the tenant of Microsoft Entra is {tenant:?}, and tokens have its id: write the GUID of the \
                     directory"
                )));
            }
        }
        if !self.any_issuer {
            for issuer in &self.issuers {
                setting("the issuer of the token", issuer)?;
            }
            let is_address = |issuer: &&String| issuer.starts_with("https://");
            let other = self.issuers.iter().find(|it| !is_address(it));
            if let (Some(other), true) = (other, self.is_of("cloudflare-access")) {
                return Err(ConfigError::new(format!(
                    "the issuer of the token is {other:?}: write the team's address, \
                     `https://team.cloudflareaccess.com`"
                )));
            }
        }
        if !self.any_audience {
            let audience = self.audience.as_deref().unwrap_or_default();
            setting("the audience of the token", audience)?;
        }
        for (name, value) in &self.claims {
            if let Some(text) = value.as_str() {
                setting(&format!("the expected `{name}`"), text)?;
            }
            let is_address = || value.as_str().is_some_and(|it| it.contains('@'));
            if *name == "email" && self.is_of("google-pubsub") && !is_address() {
                return Err(ConfigError::new(format!(
                    "the expected `email` is {value}, which is no address: write that of the service account"
                )));
            }
        }
        Ok(())
    }
}

/// `8-4-4-4-12` hexadecimal digits.
fn is_guid(text: &str) -> bool {
    let is_of = |(group, len): (&str, usize)| {
        group.len() == len && group.bytes().all(|b| b.is_ascii_hexdigit())
    };
    let lengths = [8, 4, 4, 4, 12];
    text.split('-').count() == lengths.len() && text.split('-').zip(lengths).all(is_of)
}

fn looking_up<T>(
    token: &Token<'_>,
    now: SystemTime,
    what: impl FnOnce(&str, u64) -> T,
) -> Option<T> {
    let kid = token.kid()?;
    let now = now.duration_since(UNIX_EPOCH).ok()?;
    Some(what(kid, now.as_secs()))
}

fn judged<'t>(token: &'t Token<'_>) -> Result<Registered<'t>, Fault> {
    object(token.claims()).ok_or(Fault::Malformed(
        "the claims are no object of JSON, or say a thing twice",
    ))
}

/// What a token says that is believed.
pub(crate) struct Believed<C> {
    pub(crate) claims: C,
    pub(crate) scopes: Vec<String>,
    /// When it is over, if there is such a time.
    pub(crate) end: Option<SystemTime>,
}

/// What the header of a token says, of which nothing is believed.
struct KnownHeader {
    /// In base64, as it stands in the token.
    text: String,
    /// Where it is one that is known here.
    algorithm: Option<&'static str>,
    kid: Option<String>,
    /// Whether the token is not to be read as it stands.
    is_extended: bool,
}

impl KnownHeader {
    fn read(text: &str, json: &[u8]) -> Option<Self> {
        let header: Header<'_> = object(json)?;
        let algorithm = header.alg.text();
        let known = |name: &&str| Some(*name) == algorithm;
        Some(Self {
            text: text.to_owned(),
            algorithm: ALGORITHMS.into_iter().find(known),
            kid: header.kid.text().map(str::to_owned),
            is_extended: header.crit != Claim::Absent
                || !matches!(header.b64, Claim::Absent | Claim::True),
        })
    }
}

/// A token, decoded and not yet believed.
pub(crate) struct Token<'a> {
    header: Arc<KnownHeader>,
    header_is_known: bool,
    signed: &'a str,
    /// The claims, and then the signature.
    decoded: Vec<u8>,
    /// Where the signature begins.
    at: usize,
}

impl<'a> Token<'a> {
    fn of_three_parts(text: &'a str, known: Option<&Arc<KnownHeader>>) -> Option<Self> {
        if text.len() > LONGEST {
            return None;
        }
        // A dot more is in the signature, which then is not base64.
        let dot = |from: usize| Some(from + memchr::memchr(b'.', text.as_bytes().get(from..)?)?);
        let first = dot(0)?;
        let second = dot(first + 1)?;
        // One after the other in one place: what is asked of the header is copied.
        let mut decoded = Vec::with_capacity(text.len());
        let decode = |part: &str, into: &mut Vec<u8>| URL_SAFE_NO_PAD.decode_vec(part, into).ok();
        let header_text = &text[..first];
        let known = known.filter(|known| known.text == header_text);
        let header = match known {
            Some(known) => Arc::clone(known),
            None => {
                decode(header_text, &mut decoded)?;
                let header = KnownHeader::read(header_text, &decoded)?;
                decoded.clear();
                Arc::new(header)
            }
        };
        decode(&text[first + 1..second], &mut decoded)?;
        let at = decoded.len();
        decode(&text[second + 1..], &mut decoded)?;
        Some(Self {
            header,
            header_is_known: known.is_some(),
            signed: &text[..second],
            decoded,
            at,
        })
    }

    fn kid(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }

    /// The JSON of its claims, if it is.
    fn claims(&self) -> &[u8] {
        &self.decoded[..self.at]
    }

    fn signature(&self) -> &[u8] {
        &self.decoded[self.at..]
    }
}

impl Verifier for JwtIssuer {
    fn verify(&self, request: &WebhookRequest<'_>) -> Result<Delivery, Rejection> {
        let mut delivery = self.of_head(request)?;
        if let Some(pointer) = &self.id_pointer {
            delivery.id = json::pointer(request.body(), pointer);
        }
        Ok(delivery)
    }

    fn verify_head(&self, request: &WebhookRequest<'_>) -> Result<Option<Delivery>, Rejection> {
        let delivery = self.of_head(request)?;
        Ok(self.id_pointer.is_none().then_some(delivery))
    }

    fn prepare<'a>(&'a self, request: &WebhookRequest<'a>) -> Option<Preparing<'a>> {
        let text = self.text(request).ok()?;
        let token = self.read(text).ok()?;
        looking_up(&token, request.now(), |kid, now| self.jwks.fetch(kid, now))?
    }

    fn challenge(&self) -> Option<HeaderValue> {
        let challenge = HeaderValue::from_static(r#"Bearer realm="webhook""#);
        (self.header == AUTHORIZATION).then_some(challenge)
    }

    fn terms(&self) -> Terms {
        let mut terms = match self.scheme {
            Some(scheme) => scheme.terms(),
            None => Terms {
                binds: Some(Binds::Sender),
                ..Terms::default()
            },
        };
        if let Some(status) = self.refuse_with {
            terms.refuse_with = status;
        }
        terms
    }

    fn check(&self) -> Result<(), ConfigError> {
        self.is_configured()?;
        self.id_pointer.as_deref().map_or(Ok(()), json::check)
    }
}

impl fmt::Debug for JwtIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtIssuer")
            .field("issuers", &self.issuers)
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_over_a_second_after_its_time_and_the_leeway() {
        let issuer = || JwtIssuer::new("i", "a", Jwks::given("{}"));
        let lenient = issuer().leeway(Duration::from_secs(60));
        assert_eq!(issuer().end_of(100), Some(Duration::from_secs(101)));
        assert_eq!(lenient.end_of(100), Some(Duration::from_secs(161)));
        assert_eq!(issuer().end_of(u64::MAX), None);
        assert_eq!(lenient.end_of(u64::MAX - 60), None);
    }

    #[test]
    fn a_token_is_read_up_to_the_longest_and_no_longer() {
        let of_length = |len: usize| {
            let start = format!("{0}.{0}.", URL_SAFE_NO_PAD.encode("{}"));
            format!("{start}{}", "A".repeat(len - start.len()))
        };
        assert!(Token::of_three_parts(&of_length(16_384), None).is_some());
        for longer in [16_386, 16_387] {
            assert!(Token::of_three_parts(&of_length(longer), None).is_none());
        }
    }

    #[test]
    fn a_header_that_was_seen_before_is_that_of_the_same_text_alone() {
        let token = |header: &str| format!("{}.e30.AAAA", URL_SAFE_NO_PAD.encode(header));
        let first = token(r#"{"alg":"RS256","kid":"a"}"#);
        let read = Token::of_three_parts(&first, None).expect("a token");
        assert!(!read.header_is_known);
        let known = read.header;
        let again = Token::of_three_parts(&first, Some(&known)).expect("a token");
        assert!(again.header_is_known && Arc::ptr_eq(&again.header, &known));
        for other in [r#"{"alg":"RS256","kid":"b"}"#, r#"{"alg":"RS256"}"#, "{}"] {
            let other = token(other);
            let read = Token::of_three_parts(&other, Some(&known)).expect("a token");
            assert!(!read.header_is_known && read.kid() != Some("a"), "{other}");
        }
        // What is no header is none, whatever was seen before.
        assert!(Token::of_three_parts("!.e30.AAAA", Some(&known)).is_none());
    }

    #[test]
    fn only_the_header_of_what_the_issuer_signed_is_kept() {
        let jwks = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","alg":"EdDSA","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
        let issuer = JwtIssuer::new("i", "a", Jwks::given(jwks));
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"EdDSA","kid":"a"}"#);
        let forged = format!("{header}.e30.{}", "A".repeat(86));
        let token = issuer.read(&forged).expect("a token");
        let fault = issuer.is_signed(&token).expect_err("nobody signed it");
        assert_eq!(fault, Fault::Forged("the key did not sign this token"));
        assert!(issuer.last_header.load().is_none());
    }

    #[test]
    fn keys_that_are_given_are_never_looked_up() {
        let token = |header: &str| {
            let [header, claims] = [header, "{}"].map(|part| URL_SAFE_NO_PAD.encode(part));
            format!("{header}.{claims}.AAAA")
        };
        let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let needs = |issuer: &JwtIssuer, text: &str| {
            let token = issuer.read(text);
            token.is_ok_and(|token| issuer.needs_keys_for(&token, now))
        };
        let named = token(r#"{"alg":"RS256","kid":"a"}"#);
        let given = JwtIssuer::new("i", "a", Jwks::given("{}"));
        assert!(!needs(&given, &named));
        let fetched = Jwks::fetched(|| async { Ok(String::new()) });
        let fetched = JwtIssuer::new("i", "a", fetched);
        assert!(needs(&fetched, &named));
        // Nothing is looked up for what is no token, or names no key.
        for without in ["", "a.b", &token("{}")] {
            assert!(!needs(&fetched, without), "{without}");
        }
    }
}
