//! What proves that a webhook came from its sender.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, GetAll, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri};

use super::terms::Terms;
use super::uses::{SecretIds, SecretUses};

/// What proves that a webhook came from its sender.
///
/// It is synchronous: whatever it needs, keys included, is there before the request. It should not
/// block, nor log what it was given.
///
/// # Example
///
/// A sender that puts a token into the query, and a test of it:
///
/// ```
/// use std::time::SystemTime;
///
/// use axum::http::Request;
/// use session_auth::webhook::{ConfigError, Delivery, Rejection, Verifier, WebhookRequest};
/// use subtle::ConstantTimeEq;
///
/// struct QueryToken(String);
///
/// impl Verifier for QueryToken {
///     fn verify(&self, request: &WebhookRequest<'_>) -> Result<Delivery, Rejection> {
///         let token = request
///             .uri()
///             .query()
///             .and_then(|query| query.strip_prefix("token="))
///             .ok_or(Rejection::SignatureMissing("no token in the query"))?;
///         if token.as_bytes().ct_eq(self.0.as_bytes()).into() {
///             Ok(Delivery::new())
///         } else {
///             Err(Rejection::SignatureInvalid("another token"))
///         }
///     }
///
///     fn check(&self) -> Result<(), ConfigError> {
///         if self.0.is_empty() {
///             return Err(ConfigError::new("the token is empty: set it"));
///         }
///         Ok(())
///     }
/// }
///
/// let verifier = QueryToken("cafe".to_owned());
/// let with = |uri| {
///     let request = Request::post(uri).body("{}").unwrap();
///     verifier.verify(&WebhookRequest::new(&request, SystemTime::now()))
/// };
/// assert!(with("/hook?token=cafe").is_ok());
/// assert!(with("/hook?token=cafE").is_err());
/// assert!(with("/hook").is_err());
/// assert!(QueryToken(String::new()).check().is_err());
/// ```
pub trait Verifier: Send + Sync + 'static {
    /// Accepts the delivery, or says what is wrong with its proof.
    ///
    /// # Errors
    ///
    /// A [`Rejection`]; the request is answered with the status of [`Terms::refuse_with`] and its
    /// reason.
    fn verify(&self, request: &WebhookRequest<'_>) -> Result<Delivery, Rejection>;

    /// Looks at the head of a delivery, before anything of its body is read:
    /// [`body`](WebhookRequest::body) is empty here. `Some` where the head is all of the proof, and
    /// then [`verify`](Self::verify) is not asked; `None` where the body has to be seen.
    ///
    /// The default is `None`. A verifier that finds the proof in the head alone should answer here:
    /// whoever has none is then refused without being able to make the service wait for a body, or
    /// keep one.
    ///
    /// # Errors
    ///
    /// As [`verify`](Self::verify).
    fn verify_head(&self, request: &WebhookRequest<'_>) -> Result<Option<Delivery>, Rejection> {
        let _ = request;
        Ok(None)
    }

    /// Fetches what is needed to judge this request and is not there yet: a certificate, an issuer's
    /// keys, a tenant's secret. Asked before [`verify_head`](Self::verify_head), with an empty body,
    /// and again before [`verify`](Self::verify). The default is `None`: nothing is needed.
    fn prepare<'a>(&'a self, request: &WebhookRequest<'a>) -> Option<Preparing<'a>> {
        let _ = request;
        None
    }

    /// The `WWW-Authenticate` of a refusal (RFC 9110, section 11.6.1), for clients that send their
    /// credentials only when they are asked for them: `Basic realm=".."`. The default is `Webhook`,
    /// which asks for nothing.
    fn challenge(&self) -> Option<HeaderValue> {
        None
    }

    /// What is known of the sender: what its proof binds, and how it takes a refusal. The default is
    /// [`Terms::default`].
    fn terms(&self) -> Terms {
        Terms::default()
    }

    /// Whether this can verify anything at all. Called once, when the layer is built; an error
    /// stops the start.
    ///
    /// # Errors
    ///
    /// What is wrong with the configuration: an empty secret, say.
    fn check(&self) -> Result<(), ConfigError> {
        Ok(())
    }

    /// How often each of its secrets has proved a delivery, by the ids that `ids` gives them: what the
    /// listing and the metrics show. The default is none.
    fn secret_uses(&self, ids: &SecretIds) -> Vec<SecretUses> {
        let _ = ids;
        Vec::new()
    }
}

// Both forward all of it: the default of `check` would pass a verifier that refuses everything.
impl<V: Verifier + ?Sized> Verifier for Arc<V> {
    fn verify(&self, request: &WebhookRequest<'_>) -> Result<Delivery, Rejection> {
        (**self).verify(request)
    }

    fn verify_head(&self, request: &WebhookRequest<'_>) -> Result<Option<Delivery>, Rejection> {
        (**self).verify_head(request)
    }

    fn prepare<'a>(&'a self, request: &WebhookRequest<'a>) -> Option<Preparing<'a>> {
        (**self).prepare(request)
    }

    fn challenge(&self) -> Option<HeaderValue> {
        (**self).challenge()
    }

    fn terms(&self) -> Terms {
        (**self).terms()
    }

    fn check(&self) -> Result<(), ConfigError> {
        (**self).check()
    }

    fn secret_uses(&self, ids: &SecretIds) -> Vec<SecretUses> {
        (**self).secret_uses(ids)
    }
}

impl<V: Verifier + ?Sized> Verifier for Box<V> {
    fn verify(&self, request: &WebhookRequest<'_>) -> Result<Delivery, Rejection> {
        (**self).verify(request)
    }

    fn verify_head(&self, request: &WebhookRequest<'_>) -> Result<Option<Delivery>, Rejection> {
        (**self).verify_head(request)
    }

    fn prepare<'a>(&'a self, request: &WebhookRequest<'a>) -> Option<Preparing<'a>> {
        (**self).prepare(request)
    }

    fn challenge(&self) -> Option<HeaderValue> {
        (**self).challenge()
    }

    fn terms(&self) -> Terms {
        (**self).terms()
    }

    fn check(&self) -> Result<(), ConfigError> {
        (**self).check()
    }

    fn secret_uses(&self, ids: &SecretIds) -> Vec<SecretUses> {
        (**self).secret_uses(ids)
    }
}

/// What goes wrong in a caller's own client.
pub type FetchError = Box<dyn Error + Send + Sync>;

/// How long a caller's own client may take: a request waits for it.
pub(super) const FETCH_TIMEOUT: Duration = Duration::from_secs(5);

/// What the client fetches, unless that takes too long.
pub(super) async fn in_time<T>(
    fetching: impl Future<Output = Result<T, FetchError>>,
) -> Result<T, FetchError> {
    tokio::time::timeout(FETCH_TIMEOUT, fetching)
        .await
        .unwrap_or_else(|_| Err("it took longer than 5 seconds".into()))
}

/// What [`Verifier::prepare`] waits for.
pub type Preparing<'a> = Pin<Box<dyn Future<Output = Result<(), Rejection>> + Send + 'a>>;

/// A request to a webhook, its body read in full, as a [`Verifier`] sees it.
///
/// `Debug` shows the method and the body's length alone: the rest may be the proof.
#[derive(Clone, Copy)]
pub struct WebhookRequest<'a> {
    method: &'a Method,
    uri: &'a Uri,
    headers: &'a HeaderMap,
    body: &'a [u8],
    peer: Option<IpAddr>,
    now: SystemTime,
}

impl<'a> WebhookRequest<'a> {
    /// The request as a verifier sees it at the time `now`, from an unknown peer.
    #[must_use]
    pub fn new<B: AsRef<[u8]>>(request: &'a Request<B>, now: SystemTime) -> Self {
        Self {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
            body: request.body().as_ref(),
            peer: None,
            now,
        }
    }

    /// A request whose body is not there yet.
    pub(crate) fn of_head<B>(request: &'a Request<B>, now: SystemTime) -> Self {
        Self {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
            body: &[],
            peer: None,
            now,
        }
    }

    pub(crate) fn with_body(self, body: &'a [u8]) -> Self {
        Self { body, ..self }
    }

    /// Sets the address that the request came from. An IPv4 address that is written as an IPv6 one
    /// (`::ffff:192.0.2.1`), as a socket of both families has it, becomes an IPv4 address.
    #[must_use]
    pub fn with_peer(mut self, peer: IpAddr) -> Self {
        self.peer = Some(peer.to_canonical());
        self
    }

    /// Sets the target as the client sent it, where a router has taken a prefix off it.
    #[must_use]
    pub fn with_uri(mut self, uri: &'a Uri) -> Self {
        self.uri = uri;
        self
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &'a Method {
        self.method
    }

    /// The target as the client sent it: over HTTP/1.1 usually path and query alone, over HTTP/2
    /// with scheme and authority.
    #[must_use]
    pub fn uri(&self) -> &'a Uri {
        self.uri
    }

    /// The headers. A name can be there more than once, and `get` returns the first only.
    #[must_use]
    pub fn headers(&self) -> &'a HeaderMap {
        self.headers
    }

    /// The body, exactly as received.
    #[must_use]
    pub fn body(&self) -> &'a [u8] {
        self.body
    }

    /// The address of the other end of the connection: behind a proxy, the proxy's. That of an IPv4
    /// client is an IPv4 address on every socket. `None` where the service was made without connect
    /// info.
    #[must_use]
    pub fn peer(&self) -> Option<IpAddr> {
        self.peer
    }

    /// The time that signed timestamps are held against.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.now
    }

    /// The header that carries the proof: there once, and visible ASCII.
    pub(super) fn proof(&self, name: &HeaderName) -> Result<&'a str, Rejection> {
        only(&self.headers.get_all(name))
    }
}

/// The one value of a header, in visible ASCII.
pub(super) fn only<'a>(values: &GetAll<'a, HeaderValue>) -> Result<&'a str, Rejection> {
    let mut values = values.iter();
    let Some(value) = values.next() else {
        return Err(Rejection::SignatureMissing("no such header"));
    };
    if values.next().is_some() {
        return Err(Rejection::SignatureInvalid("the header is there twice"));
    }
    value
        .to_str()
        .map_err(|_| Rejection::SignatureInvalid("the header is not ASCII"))
}

impl fmt::Debug for WebhookRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookRequest")
            .field("method", self.method)
            .field("body_len", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// What an accepted proof says of the delivery.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivery {
    /// The sender's name for this delivery, the same when it is sent again.
    pub id: Option<String>,
    /// When the sender signed it.
    pub timestamp: Option<SystemTime>,
    /// The scheme that proved it: `stripe`.
    pub scheme: Option<&'static str>,
    /// Which of the verifier's secrets proved it, counted from 0 in the order in which they were
    /// given.
    pub secret: Option<usize>,
    answer: Option<Box<Answer>>,
    /// Whether others have the same name: then it is known again by its whole body.
    pub(super) shares_its_id: bool,
    /// Whose secret has proved it, where each tenant has its own.
    tenant: Option<String>,
}

impl Delivery {
    /// A delivery of which nothing more is known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What a replay window knows it by, where that is not its body.
    pub(crate) fn unique_id(&self) -> Option<&str> {
        self.id.as_deref().filter(|_| !self.shares_its_id)
    }

    pub(crate) fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    pub(super) fn of_tenant(mut self, tenant: &str) -> Self {
        self.tenant = Some(tenant.to_owned());
        self
    }

    /// The same, with what another verifier knows of it besides.
    pub(super) fn also_by(mut self, other: Self) -> Self {
        if self.id.is_none() {
            self.id = other.id;
            self.shares_its_id = other.shares_its_id;
        }
        if self.scheme.is_none() {
            self.scheme = other.scheme;
        }
        if self.secret.is_none() {
            self.secret = other.secret;
        }
        self.timestamp = self.timestamp.or(other.timestamp);
        self.answer = self.answer.or(other.answer);
        self.tenant = self.tenant.or(other.tenant);
        self
    }

    /// Sets the sender's name for the delivery.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Sets when the sender signed it.
    #[must_use]
    pub fn with_timestamp(mut self, timestamp: SystemTime) -> Self {
        self.timestamp = Some(timestamp);
        self
    }

    /// Makes it a handshake: the layer gives the sender this answer, and no handler runs.
    #[must_use]
    pub fn with_answer(mut self, answer: Answer) -> Self {
        self.answer = Some(Box::new(answer));
        self
    }

    /// The answer, where this is a handshake and no delivery.
    #[must_use]
    pub fn answer(&self) -> Option<&Answer> {
        self.answer.as_deref()
    }
}

/// What a sender is answered that asks for something before, or besides, its deliveries: a challenge
/// to echo, a subscription to confirm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

impl Answer {
    /// An answer without a body.
    #[must_use]
    pub fn new(status: StatusCode) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    /// `200` with a plain text, which no browser takes for anything else.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        let body = Bytes::from(text.into());
        Self::new(StatusCode::OK)
            .with_header(CONTENT_TYPE, HeaderValue::from_static("text/plain"))
            .with_header(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"))
            .with_body(body)
    }

    /// `200` with JSON.
    #[must_use]
    pub fn json(json: impl Into<String>) -> Self {
        Self::new(StatusCode::OK)
            .with_header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .with_body(Bytes::from(json.into()))
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn with_body(mut self, body: Bytes) -> Self {
        self.body = body;
        self
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The headers.
    #[must_use]
    pub fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.headers
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }
}

/// Why a delivery was not accepted, each with a detail for the log.
///
/// The detail is `'static`, so that no value of the request can be in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rejection {
    /// There is no proof.
    SignatureMissing(&'static str),
    /// There is one, and it is wrong, malformed or ambiguous.
    SignatureInvalid(&'static str),
    /// The proof is right, and its time is too far from now; or it is so far that the rest was not
    /// looked at.
    TimestampOutOfRange(&'static str),
    /// It cannot be judged: what that needs is not there. Answered with `503`, so that the sender tries
    /// again.
    Unavailable(&'static str),
}

impl Rejection {
    /// The reason as the caller sees it: `signature_missing`, `signature_invalid`,
    /// `timestamp_out_of_range` or `verifier_unavailable`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignatureMissing(_) => "signature_missing",
            Self::SignatureInvalid(_) => "signature_invalid",
            Self::TimestampOutOfRange(_) => "timestamp_out_of_range",
            Self::Unavailable(_) => "verifier_unavailable",
        }
    }

    /// What exactly was wrong. For the log: to a caller it says how near a forgery came.
    #[must_use]
    pub const fn detail(self) -> &'static str {
        match self {
            Self::SignatureMissing(detail)
            | Self::SignatureInvalid(detail)
            | Self::TimestampOutOfRange(detail)
            | Self::Unavailable(detail) => detail,
        }
    }
}

/// Reason and detail, for the log.
impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.as_str(), self.detail())
    }
}

impl Error for Rejection {}

/// A verifier that could never verify anything, or not what was meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    message: Cow<'static, str>,
}

impl ConfigError {
    /// An error that says what is wrong and what to do about it, and names no secret.
    #[must_use]
    pub fn new(message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            message: message.into(),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.message)
    }
}

impl Error for ConfigError {}
