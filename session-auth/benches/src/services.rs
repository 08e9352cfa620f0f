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
use session_auth::methods::GET;
use session_auth::webhook::Hmac as GithubHmac;
use session_auth::{
    Keys, Protected, Router, Session, SessionAuthLayer, SessionAuthLayerBuilder, Unclassified,
    audited_router, declare_route, public, public_route, session_route, webhook_route,
};
use sha2::Sha256;
use tower_layer::Layer;
use tower_service::Service;

use crate::SUBJECT;
use crate::case::{Case, runtime};
use crate::floor::{Caller, FloorLayer};

pub(crate) const WEBHOOK_SECRET: &[u8] = b"It's a Secret to Everybody";

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

pub(crate) async fn hook(body: Bytes) -> String {
    body.len().to_string()
}

#[public_route(GET, "/public", reason = "measured")]
async fn public_subject() -> String {
    subject().await
}

#[session_route(GET, "/me")]
async fn session_me(session: Session) -> String {
    me(session).await
}

#[webhook_route(POST, "/hook", verify = "hmac")]
async fn webhook_hook(body: Bytes) -> String {
    hook(body).await
}

// The same for the routers of axum's own functions: a declaration that is mounted by name speaks for
// no other route.
declare_route!(public_route(GET, "/public", reason = "measured"));
declare_route!(session_route(GET, "/me"));
declare_route!(webhook_route(POST, "/hook", verify = "hmac"));

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
        .unclassified(Unclassified::Deny)
        .verifier("hmac", GithubHmac::github(WEBHOOK_SECRET))
}

/// What `protect` takes, of any router.
#[audited_router(at_start)]
pub fn audited(router: Router) -> Router {
    router
}

/// A router behind its guards.
///
/// # Panics
///
/// It cannot be protected.
pub fn protected(auth: &SessionAuthLayer, router: Router) -> Protected {
    let app = auth.protect(audited(router));
    app.expect("the router can be protected")
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
pub(crate) fn guarded(auth: &SessionAuthLayer) -> Protected {
    protected(auth, Router::new().mount(public_subject).mount(session_me))
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
) -> impl FnMut() -> Request<Body> + Clone {
    move || {
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = http::Uri::from_static(path);
        if let Some((name, value)) = &header {
            request.headers_mut().insert(name, value.clone());
        }
        request
    }
}

pub(crate) fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    keyed(key)
        .chain_update(message)
        .finalize()
        .into_bytes()
        .into()
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

/// The same routes on each kind of router.
pub(crate) struct Routers {
    /// Without a layer.
    pub(crate) bare: axum::Router,
    /// Under a layer that does nothing.
    pub(crate) identity: axum::Router,
    /// This crate's, by `protect`.
    pub(crate) typed: axum::Router,
    /// axum's, taken in by `merge_axum`.
    pub(crate) merged: axum::Router,
    /// axum's, under the bare layer.
    pub(crate) layered: axum::Router,
}

impl Routers {
    /// # Panics
    ///
    /// One of them cannot be built.
    pub(crate) fn new(auth: &SessionAuthLayer) -> Self {
        let bare = axum::Router::new()
            .route("/public", get(subject))
            .route("/me", get(subject))
            .route("/hook", post(hook));
        let foreign = axum::Router::new()
            .route("/public", get(subject))
            .route("/me", get(me))
            .route("/hook", post(hook))
            .route("/undeclared", get(subject));
        let typed = Router::new()
            .mount(public_subject)
            .mount(session_me)
            .mount(webhook_hook)
            // Its declaration is a value, which axum clones for each request, and no type.
            .mount(public(GET, "/closure", "measured").to(subject));
        Self {
            // The state at once, as `axum::serve` gives it, and `protect` too.
            identity: bare.clone().layer(IdentityLayer).with_state(()),
            bare: bare.with_state(()),
            // What `serve` gives to a connection.
            typed: protected(auth, typed).into_axum(),
            layered: foreign.clone().layer(auth.clone()).with_state(()),
            merged: protected(auth, Router::new().merge_axum(foreign)).into_axum(),
        }
    }
}

/// The cases without a body, and what each is held against.
///
/// # Panics
///
/// A service does not answer as its case says.
pub(crate) fn cases() -> Vec<Case> {
    let auth = auth();
    let cookie = cookie(&auth);
    let public = request("/public", None);
    let session = request("/me", Some((COOKIE, cookie.clone())));
    let nobody = request("/me", None);
    let Routers {
        bare,
        identity,
        typed,
        merged,
        layered,
    } = Routers::new(&auth);

    let ok = StatusCode::OK;
    let unauthorized = StatusCode::UNAUTHORIZED;
    let mut cases = vec![
        Case::service("bare router", bare, ok, public.clone()),
        Case::service("identity", identity.clone(), ok, public.clone()),
        Case::service("public, typed", typed.clone(), ok, public.clone()),
        Case::service("public, merged", merged.clone(), ok, public.clone()),
        Case::service("public, layered", layered.clone(), ok, public),
        Case::service(
            "public, typed, in place",
            typed.clone(),
            ok,
            request("/closure", None),
        ),
        // The cookie is there and not read: promise 3.
        Case::service("identity, with a cookie", identity, ok, session.clone()),
        Case::service("session, typed", typed.clone(), ok, session.clone()),
        Case::service("session, merged", merged.clone(), ok, session.clone()),
        Case::service("session, layered", layered.clone(), ok, session),
        Case::service("denied, typed", typed, unauthorized, nobody.clone()),
        Case::service(
            "denied, merged",
            merged.clone(),
            unauthorized,
            nobody.clone(),
        ),
        Case::service("denied, layered", layered, unauthorized, nobody),
        Case::service(
            "denied, unclassified",
            merged,
            unauthorized,
            request("/undeclared", None),
        ),
    ];

    let (_, text) = cookie
        .to_str()
        .expect("a cookie is ASCII")
        .split_once('=')
        .expect("a pair");
    let mut token = URL_SAFE_NO_PAD.decode(text).expect("a token is base64url");
    // What the tag is over: all but itself.
    token.truncate(token.len() - 32);
    let ready = keyed(&[7; 32]);
    let floor = FloorLayer::new(&[7; 32]);
    let whole = URL_SAFE_NO_PAD.decode(text).expect("a token is base64url");
    let value = format!("__Host-session={}", floor.sign(&whole));
    let value = HeaderValue::from_str(&value).expect("a cookie is ASCII");
    let service = axum::Router::new()
        .route(
            "/me",
            get(|caller: Caller| async move { caller.subject().to_owned() }),
        )
        .layer(floor)
        .with_state(());
    let keyed_token = token.clone();
    cases.extend([
        Case::service(
            "session, the least",
            service,
            ok,
            request("/me", Some((COOKIE, value))),
        ),
        Case::function("HMAC-SHA256 of the token", move || hmac(&[7; 32], &token)),
        Case::function("HMAC-SHA256 of the token, keyed before", move || {
            ready.clone().chain_update(&keyed_token).finalize()
        }),
    ]);
    cases
}
