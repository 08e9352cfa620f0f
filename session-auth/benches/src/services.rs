//! The services of `session-auth`, and what they are measured against: the same routers without a
//! guard.

use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::header::COOKIE;
use http::{HeaderValue, Request, StatusCode};
use session_auth::__private::{Classified, Declared};
use session_auth::methods::GET;
use session_auth::{
    Declaration, Keys, Router, Session, SessionAuthLayer, SessionAuthLayerBuilder, public,
};
use sha2::Sha256;
use tower_layer::Layer;
use tower_service::Service;

use crate::case::{Case, runtime};
use crate::{SUBJECT, declaration, declare};

const WEBHOOK_SECRET: &[u8] = b"It's a Secret to Everybody";
const WEBHOOK_BODY: [u8; 300] = [b'x'; 300];

declare!(Public, GET, "/public");
declare!(Session, GET, "/me");
declare!(Webhook, POST, "/hook");

/// A layer that does nothing: what being a layer costs, whatever it does.
#[derive(Clone, Copy)]
pub struct IdentityLayer;

/// The service of [`IdentityLayer`].
#[derive(Clone)]
pub struct Identity<S>(S);

impl<S> Layer<S> for IdentityLayer {
    type Service = Identity<S>;

    fn layer(&self, inner: S) -> Identity<S> {
        Identity(inner)
    }
}

impl<S: Service<R>, R> Service<R> for Identity<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: R) -> S::Future {
        self.0.call(request)
    }
}

async fn subject() -> String {
    SUBJECT.to_owned()
}

async fn me(session: Session) -> String {
    session.subject().to_owned()
}

async fn hook(body: Bytes) -> String {
    body.len().to_string()
}

/// A handler as its attribute makes it: a function whose type says its class. By hand, as the
/// measured handler is also mounted where it must not have one.
macro_rules! classified {
    ($marker:ident: $class:ident $method:ident $path:literal, fn $name:ident($($arg:ident: $type:ty)?) = $handler:ident) => {
        struct $marker;

        impl Declared for $marker {
            const DECLARATION: &'static Declaration = &declaration!($class, $method, $path);
        }

        fn $name($($arg: $type)?) -> Classified<$marker, impl Future<Output = String> + Send> {
            Classified::__new($handler($($arg)?))
        }
    };
}

classified!(PublicSubject: Public GET "/public", fn public_subject() = subject);
classified!(SessionMe: Session GET "/me", fn session_me(session: Session) = me);
classified!(WebhookHook: Webhook POST "/hook", fn webhook_hook(body: Bytes) = hook);

/// A layer with one verifier.
///
/// # Panics
///
/// The keys or the verifier are no good.
pub fn auth() -> SessionAuthLayer {
    builder().build().expect("a valid layer")
}

/// The same, before its store.
pub(crate) fn builder() -> SessionAuthLayerBuilder {
    let keys = Keys::new([[7; 32]]).expect("one key");
    SessionAuthLayer::builder(keys)
        .verifier("hmac", session_auth::webhook::Hmac::github(WEBHOOK_SECRET))
}

/// `/public` and `/me`, without a guard.
#[cfg(feature = "stores")]
pub(crate) fn unguarded() -> axum::Router {
    axum::Router::new()
        .route("/public", get(subject))
        .route("/me", get(subject))
}

/// The same two, typed.
#[cfg(feature = "stores")]
pub(crate) fn guarded(auth: SessionAuthLayer) -> session_auth::Protected {
    Router::new()
        .mount(public_subject)
        .mount(session_me)
        .protect(auth)
        .expect("the typed router can be protected")
}

/// A session cookie that this layer accepts.
///
/// # Panics
///
/// The session cannot be issued.
#[must_use]
pub fn cookie(auth: &SessionAuthLayer) -> HeaderValue {
    let issue = async { auth.sessions().issue(SUBJECT).scope("admin").await };
    let issued = runtime().block_on(issue).expect("a session");
    first_pair(issued.set_cookie())
}

/// What a browser sends back of a `Set-Cookie`.
pub(crate) fn first_pair(set_cookie: &HeaderValue) -> HeaderValue {
    let text = set_cookie.to_str().expect("a cookie is ASCII");
    let (pair, _) = text.split_once(';').unwrap_or((text, ""));
    HeaderValue::from_str(pair).expect("part of a header value")
}

/// A request without a body.
pub(crate) fn request(
    path: &'static str,
    header: Option<(http::HeaderName, HeaderValue)>,
) -> impl FnMut() -> Request<Body> {
    move || {
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = http::Uri::from_static(path);
        if let Some((name, value)) = &header {
            request.headers_mut().insert(name, value.clone());
        }
        request
    }
}

fn delivery() -> impl FnMut() -> Request<Body> {
    let tag = hmac(WEBHOOK_SECRET, &WEBHOOK_BODY);
    let hex: String = tag.iter().map(|byte| format!("{byte:02x}")).collect();
    let signature = HeaderValue::from_str(&format!("sha256={hex}")).expect("hexadecimal");
    move || {
        let mut request = Request::new(Body::from(Bytes::from_static(&WEBHOOK_BODY)));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = http::Uri::from_static("/hook");
        request
            .headers_mut()
            .insert("x-hub-signature-256", signature.clone());
        request
    }
}

fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    keyed(key)
        .chain_update(message)
        .finalize()
        .into_bytes()
        .into()
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

/// The cases, and what each is held against.
///
/// # Panics
///
/// A service does not answer as its case says.
pub(crate) fn cases() -> Vec<Case> {
    let auth = auth();
    let cookie = cookie(&auth);
    let good = || Some((COOKIE, cookie.clone()));

    // The same routes three times: bare, typed, plain. Layers go around each route, as the guard
    // does: around the method router in the typed one, by `.layer` in the plain one.
    let handlers = || {
        [
            ("/public", get(subject)),
            ("/me", get(subject)),
            ("/hook", post(hook)),
        ]
    };
    let mut bare = axum::Router::new();
    let mut identity = axum::Router::new();
    for (path, handler) in handlers() {
        bare = bare.route(path, handler.clone());
        identity = identity.route(path, handler);
    }
    // As `axum::serve` does, and `protect` too.
    let bare = bare.with_state(());
    let identity = identity.layer(IdentityLayer).with_state(());
    let typed = Router::new()
        .mount(public_subject)
        .mount(session_me)
        .mount(webhook_hook)
        // A closure's declaration is no type: it is a value, which axum clones for each request.
        .mount(public(GET, "/closure", "measured").to(subject))
        .protect(auth.clone())
        .expect("the typed router can be protected");
    let plain = auth
        .protect(
            axum::Router::new()
                .route("/public", get(subject))
                .route("/me", get(me))
                .route("/hook", post(hook))
                .route("/undeclared", get(subject)),
        )
        .expect("the plain router can be protected");

    let ok = StatusCode::OK;
    let unauthorized = StatusCode::UNAUTHORIZED;
    let mut cases = vec![
        Case::service("bare router", bare.clone(), ok, request("/public", None)),
        Case::service("identity", identity.clone(), ok, request("/public", None)),
        Case::service("public, typed", typed.clone(), ok, request("/public", None)),
        Case::service(
            "public, typed, in place",
            typed.clone(),
            ok,
            request("/closure", None),
        ),
        Case::service("public, plain", plain.clone(), ok, request("/public", None)),
        // The cookie is there and not read: promise 3.
        Case::service(
            "identity, with a cookie",
            identity.clone(),
            ok,
            request("/me", good()),
        ),
        Case::service("session, typed", typed.clone(), ok, request("/me", good())),
        Case::service("session, plain", plain.clone(), ok, request("/me", good())),
        Case::service(
            "denied, typed",
            typed.clone(),
            unauthorized,
            request("/me", None),
        ),
        Case::service(
            "denied, plain",
            plain.clone(),
            unauthorized,
            request("/me", None),
        ),
        Case::service(
            "denied, unclassified",
            plain.clone(),
            unauthorized,
            request("/undeclared", None),
        ),
        Case::service("identity, 300-byte body", identity, ok, delivery()),
        Case::service("webhook, typed", typed, ok, delivery()),
        Case::service("webhook, plain", plain, ok, delivery()),
    ];

    let (_, token) = cookie
        .to_str()
        .expect("a cookie is ASCII")
        .split_once('=')
        .expect("a pair");
    let mut token = URL_SAFE_NO_PAD.decode(token).expect("a token is base64url");
    // What the tag is over: all but itself.
    token.truncate(token.len() - 32);
    let ready = keyed(&[7; 32]);
    let keyed_token = token.clone();
    cases.extend([
        Case::function("HMAC-SHA256 of the token", move || hmac(&[7; 32], &token)),
        Case::function("HMAC-SHA256 of the token, keyed before", move || {
            ready.clone().chain_update(&keyed_token).finalize()
        }),
        Case::function("HMAC-SHA256 of 300 bytes", || {
            hmac(WEBHOOK_SECRET, &WEBHOOK_BODY)
        }),
    ]);
    cases
}
