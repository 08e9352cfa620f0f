//! What the attacks have in common: handlers that are counted, and who calls them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::Response;
use session_auth::methods::{ANY, POST};
use session_auth::routing::{MethodRouter, any, post};
use session_auth::webhook::{Delivery, Rejection, Verifier, WebhookRequest};
use session_auth::{
    Keys, Protected, Router, SessionAuthLayer, SessionAuthLayerBuilder, session, webhook,
};
use tower::{Service, ServiceExt as _};

use crate::common;

/// How often a handler ran.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counter(Arc<AtomicUsize>);

impl Counter {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    /// The same, as a handler's future.
    pub(crate) fn added(&self) -> std::future::Ready<()> {
        self.add();
        std::future::ready(())
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// Accepts a body that a header repeats byte by byte.
pub(crate) struct Repeated;

impl Verifier for Repeated {
    fn verify(&self, request: &WebhookRequest<'_>) -> Result<Delivery, Rejection> {
        let Some(proof) = request.headers().get("x-proof") else {
            return Err(Rejection::SignatureMissing("no proof"));
        };
        if proof.as_bytes() == request.body() {
            Ok(Delivery::new())
        } else {
            Err(Rejection::SignatureInvalid("another body"))
        }
    }
}

pub(crate) fn builder() -> SessionAuthLayerBuilder {
    SessionAuthLayer::builder(Keys::random().unwrap()).verifier("repeated", Repeated)
}

pub(crate) fn auth() -> SessionAuthLayer {
    builder().build().unwrap()
}

#[track_caller]
pub(crate) fn protect(auth: &SessionAuthLayer, router: Router) -> Protected {
    match common::protect(auth, router) {
        Ok(app) => app,
        Err(error) => panic!("{error}"),
    }
}

/// The two classes whose handlers are not for everyone.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Class {
    Session,
    Webhook,
}

pub(crate) const BOTH: [Class; 2] = [Class::Session, Class::Webhook];

/// A handler that is not for everyone, by every method of a path.
pub(crate) fn closed(class: Class, path: &'static str) -> (MethodRouter, Counter) {
    let (ran, body) = counted();
    let methods = match class {
        Class::Session => any(session(ANY, path).to(body)),
        Class::Webhook => any(webhook(ANY, path, "repeated").to(body)),
    };
    (methods, ran)
}

/// The same by `POST` alone.
pub(crate) fn closed_post(class: Class, path: &'static str) -> (MethodRouter, Counter) {
    let (ran, body) = counted();
    let methods = match class {
        Class::Session => post(session(POST, path).to(body)),
        Class::Webhook => post(webhook(POST, path, "repeated").to(body)),
    };
    (methods, ran)
}

/// A handler that gives its body back, and how often it ran.
fn counted() -> (
    Counter,
    impl Fn(Bytes) -> std::future::Ready<Bytes> + Clone + Send + Sync + 'static,
) {
    let ran = Counter::default();
    let count = ran.clone();
    let body = move |body: Bytes| {
        count.add();
        std::future::ready(body)
    };
    (ran, body)
}

/// Headers that let the caller in.
pub(crate) async fn proof(class: Class, auth: &SessionAuthLayer) -> String {
    match class {
        Class::Session => common::cookie_of(auth).await,
        Class::Webhook => "x-proof: the bytes\r\n".to_owned(),
    }
}

/// A request with the body that the proof is of.
pub(crate) fn request(method: &str, target: &str, headers: &str) -> Request {
    let mut request = Request::builder().method(method).uri(target);
    for line in headers.lines() {
        let (name, value) = line.split_once(": ").unwrap();
        request = request.header(name, value);
    }
    request.body(Body::from("the bytes")).unwrap()
}

/// The status of the answer.
pub(crate) async fn status<A>(app: &A, request: Request) -> u16
where
    A: Service<Request, Response = Response> + Clone,
    A::Error: std::fmt::Debug,
{
    let answer = app.clone().oneshot(request).await.unwrap();
    answer.status().as_u16()
}

pub(crate) const PREFLIGHT: &str =
    "origin: https://app.example\r\naccess-control-request-method: DELETE\r\n";

/// Forged in the ways that come to mind, for headers are all that a caller has.
pub(crate) const FORGED: &str = "x-session-auth: 1\r\nx-session-auth-pass: session\r\n\
    pass: 1\r\nsession: ada\r\nx-forwarded-user: ada\r\nx-authenticated: true\r\n\
    cookie: __Host-session=forged\r\nauthorization: Bearer forged\r\nx-proof: other bytes\r\n";
