//! The least that a layer does which lets a request in by its proof.
//!
//! For a signed cookie it finds the cookie, decodes it, verifies one HMAC whose key is set up before, looks
//! at the clock and at one deadline, and gives the handler the bytes through the request's extensions. It
//! has no ring of keys, takes no second cookie, asks for no origin, slides no session, counts nothing and
//! guards no handler.
//!
//! For a signed body it reads the body, verifies one HMAC such as before, and hands the same bytes on. It has
//! one secret, looks at no method and no clock, has no limit of size or time, remembers no delivery and
//! counts nothing.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Body;
use axum::extract::FromRequestParts;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::Either;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::header::COOKIE;
use http::request::Parts;
use http::{Request, Response, StatusCode};
use sha2::Sha256;
use tower_layer::Layer;
use tower_service::Service;

const NAME: &[u8] = b"__Host-session=";
const MAC_LEN: usize = 32;
/// Behind version, key id, session id and issue: the idle deadline.
const DEADLINE_AT: usize = 1 + 4 + 16 + 8;
/// The subject, behind its length.
const SUBJECT_AT: usize = DEADLINE_AT + 2 * 8 + 4 + 2;

/// Verifies with this key.
#[derive(Clone)]
pub struct FloorLayer(Arc<Hmac<Sha256>>);

impl FloorLayer {
    /// # Panics
    ///
    /// Never: HMAC takes keys of any length.
    #[must_use]
    pub fn new(key: &[u8]) -> Self {
        Self(Arc::new(Hmac::new_from_slice(key).expect("of any length")))
    }

    /// The cookie's token, signed by this key.
    #[must_use]
    pub fn sign(&self, token: &[u8]) -> String {
        let signed = &token[..token.len() - MAC_LEN];
        let mac = (*self.0)
            .clone()
            .chain_update(signed)
            .finalize()
            .into_bytes();
        URL_SAFE_NO_PAD.encode([signed, &mac].concat())
    }

    fn verify<B>(&self, request: &Request<B>) -> Option<Vec<u8>> {
        let cookies = request.headers().get(COOKIE)?.as_bytes();
        let token = cookies.strip_prefix(NAME)?;
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (signed, mac) = bytes.split_at_checked(bytes.len().checked_sub(MAC_LEN)?)?;
        (*self.0)
            .clone()
            .chain_update(signed)
            .verify_slice(mac)
            .ok()?;
        let deadline = bytes
            .get(DEADLINE_AT..)?
            .first_chunk()
            .map(|it| u64::from_be_bytes(*it))?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        (now.as_secs() < deadline).then_some(bytes)
    }
}

impl<S> Layer<S> for FloorLayer {
    type Service = Floor<S>;

    fn layer(&self, inner: S) -> Floor<S> {
        Floor(inner, self.clone())
    }
}

/// The service of [`FloorLayer`].
#[derive(Clone)]
pub struct Floor<S>(S, FloorLayer);

impl<S> Service<Request<Body>> for Floor<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Either<S::Future, std::future::Ready<Result<Response<Body>, S::Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let Some(bytes) = self.1.verify(&request) else {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::UNAUTHORIZED;
            return Either::Right(std::future::ready(Ok(response)));
        };
        request.extensions_mut().insert(Caller(Arc::new(bytes)));
        Either::Left(self.0.call(request))
    }
}

/// Who calls, for the handler.
#[derive(Clone)]
pub struct Caller(Arc<Vec<u8>>);

impl Caller {
    /// Their subject.
    #[must_use]
    pub fn subject(&self) -> &str {
        let text = self.0.get(SUBJECT_AT..SUBJECT_AT + crate::SUBJECT.len());
        text.and_then(|text| std::str::from_utf8(text).ok())
            .unwrap_or_default()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts
            .extensions
            .get::<Self>()
            .expect("the layer put it there")
            .clone())
    }
}

/// Verifies bodies, as `FloorLayer` does cookies.
#[derive(Clone)]
pub struct FloorHookLayer(Arc<Hmac<Sha256>>);

impl FloorHookLayer {
    /// # Panics
    ///
    /// Never: HMAC takes keys of any length.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        Self(Arc::new(
            Hmac::new_from_slice(secret).expect("of any length"),
        ))
    }

    fn verify(&self, signature: &[u8], body: &[u8]) -> Option<()> {
        let hex = signature.strip_prefix(b"sha256=")?;
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let mut mac = [0; MAC_LEN];
        for (byte, pair) in mac.iter_mut().zip(hex.chunks_exact(2)) {
            *byte = (digit(pair[0])? << 4 | digit(pair[1])?) as u8;
        }
        (*self.0).clone().chain_update(body).verify_slice(&mac).ok()
    }
}

impl<S> Layer<S> for FloorHookLayer {
    type Service = FloorHook<S>;

    fn layer(&self, inner: S) -> FloorHook<S> {
        FloorHook(inner, self.clone())
    }
}

/// The service of [`FloorHookLayer`].
#[derive(Clone)]
pub struct FloorHook<S>(S, FloorHookLayer);

impl<S> Service<Request<Body>> for FloorHook<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Future: Send> + Clone + Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let Self(mut inner, layer) = self.clone();
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let body = axum::body::to_bytes(body, usize::MAX)
                .await
                .unwrap_or_default();
            let signature = head.headers.get("x-hub-signature-256");
            match signature.and_then(|it| layer.verify(it.as_bytes(), &body)) {
                Some(()) => {
                    inner
                        .call(Request::from_parts(head, Body::from(body)))
                        .await
                }
                None => {
                    let mut response = Response::new(Body::empty());
                    *response.status_mut() = StatusCode::UNAUTHORIZED;
                    Ok(response)
                }
            }
        })
    }
}
