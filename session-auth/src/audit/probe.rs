//! Driving a finished app in process, as a stranger would.

use std::future::poll_fn;

use axum::body::Body;
use http::{Method, Request, Response, StatusCode};
use tower_service::Service;

use crate::access::{AccessClass, Declaration, Methods, Target, declarations};
use crate::assembly::BY_HANDLER;
use crate::extract::ExtractorMisuse;
use crate::response::Denial;
use crate::router::Protected;

/// The last segment of a path that no service is expected to have.
const NOWHERE: &str = "/route-audit-probe";

/// An app that can be probed: [`Protected`], or an [`axum::Router`] under a bare `.layer(auth)`.
pub trait ProbeTarget: sealed::Sealed {
    /// What the app says of its routes.
    #[doc(hidden)]
    fn declared(&self) -> Vec<Declaration>;

    /// The app's answer.
    #[doc(hidden)]
    fn answer(&mut self, request: Request<Body>) -> impl Future<Output = Response<Body>>;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for crate::router::Protected {}
    impl Sealed for axum::Router {}
}

impl ProbeTarget for Protected {
    fn declared(&self) -> Vec<Declaration> {
        self.declared().to_vec()
    }

    async fn answer(&mut self, request: Request<Body>) -> Response<Body> {
        let Ok(()) = poll_fn(|cx| Service::<Request<Body>>::poll_ready(self, cx)).await;
        let Ok(response) = self.call(request).await;
        response
    }
}

impl ProbeTarget for axum::Router {
    fn declared(&self) -> Vec<Declaration> {
        declarations().into_iter().copied().collect()
    }

    async fn answer(&mut self, request: Request<Body>) -> Response<Body> {
        let Ok(()) = poll_fn(|cx| Service::<Request<Body>>::poll_ready(self, cx)).await;
        let Ok(response) = self.call(request).await;
        response
    }
}

/// What a route answered to a stranger.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProbeAnswer {
    /// What the route declares.
    pub declaration: Declaration,
    /// The method of the request.
    pub method: Method,
    /// Its path: the declared one, with `probe` for each parameter.
    pub path: String,
    /// The status of the answer.
    pub status: StatusCode,
    /// Why the layer denied it; `None` where it did not.
    pub denial: Option<Denial>,
}

/// Sends one request without cookie and proof to each method of each declared route, and asserts
/// that each answers as its class promises: session routes and webhooks deny, public routes do not,
/// and no handler takes an extractor that its declaration does not allow.
///
/// Public handlers, and webhooks with `verify = "handler"`, do run, with an empty body: give the app
/// a database of the test's.
///
/// ```
/// use session_auth::methods::GET;
/// use session_auth::{Keys, Router, SessionAuthLayer, audit, public, session};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let app = Router::new()
///     .mount(public(GET, "/health", "liveness probe").to(|| async { "ok" }))
///     .mount(session(GET, "/api/me").to(|| async { "you" }))
///     .protect(SessionAuthLayer::builder(Keys::random()?).build()?)?;
///
/// let answers = audit::probe(app).await;
/// assert_eq!(answers.len(), 2);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
///
/// # Panics
///
/// With a line for each route that answers otherwise, and where there is no route to probe.
pub async fn probe<A: ProbeTarget>(mut app: A) -> Vec<ProbeAnswer> {
    let declared = app.declared();
    assert!(
        !declared.is_empty(),
        "the app declares no route: there is nothing to probe"
    );
    let mut answers = Vec::new();
    let mut wrong = Vec::new();
    for declaration in declared {
        for method in methods(declaration.methods()) {
            let path = path(declaration.target());
            let request = Request::builder()
                .method(&method)
                .uri(&path)
                .body(Body::empty())
                .expect("a declared path makes a URI");
            let response = app.answer(request).await;
            let misuse = response.extensions().get::<ExtractorMisuse>().cloned();
            let answer = ProbeAnswer {
                declaration,
                method: method.clone(),
                path,
                status: response.status(),
                denial: response.extensions().get().copied(),
            };
            if let Some(why) = misuse
                .map(|it| it.to_string())
                .or_else(|| mismatch(&answer))
            {
                wrong.push(format!("  {}: {why}", declaration.location()));
            }
            answers.push(answer);
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} requests were answered otherwise than the route's class promises:\n{}",
        wrong.len(),
        answers.len(),
        wrong.join("\n")
    );
    answers
}

/// What is wrong with an answer, in one sentence; `None` where nothing is.
fn mismatch(answer: &ProbeAnswer) -> Option<String> {
    let ProbeAnswer {
        declaration,
        method,
        path,
        status,
        denial,
    } = answer;
    let expected = match declaration.class() {
        AccessClass::Public => denial.is_none(),
        AccessClass::Webhook if declaration.verifier() == Some(BY_HANDLER) => denial.is_none(),
        AccessClass::Webhook => {
            matches!(
                denial,
                Some(Denial::SignatureMissing | Denial::SignatureInvalid)
            )
        }
        AccessClass::Session => matches!(denial, Some(Denial::Missing)),
    };
    if expected {
        return None;
    }
    let class = declaration.class();
    Some(match denial {
        Some(denial) => format!("{method} {path} is {class}, but was denied: {denial} ({status})"),
        None => format!("{method} {path} is {class}, but let a stranger through ({status})"),
    })
}

fn methods(methods: Methods) -> Vec<Method> {
    if methods.is_any() {
        return vec![Method::GET];
    }
    methods
        .names()
        .iter()
        .filter_map(|name| Method::from_bytes(name.as_bytes()).ok())
        .collect()
}

/// A path that the target matches.
fn path(target: Target) -> String {
    let pattern = match target {
        Target::Route { path, .. } => path,
        Target::Subtree { path } => return format!("{}{NOWHERE}", path.trim_end_matches('/')),
        Target::Fallback => return NOWHERE.to_owned(),
    };
    let mut path = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some(at) = rest.find(['{', '}']) {
        path.push_str(&rest[..at]);
        let tail = &rest[at..];
        if tail.starts_with("{{") || tail.starts_with("}}") {
            // An escaped brace. As it may not stand in a URI, it comes encoded, and matches nothing.
            path.push_str(if tail.starts_with('{') { "%7B" } else { "%7D" });
            rest = &tail[2..];
        } else {
            path.push_str("probe");
            rest = tail.find('}').map_or("", |end| &tail[end + 1..]);
        }
    }
    path.push_str(rest);
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_filled_in() {
        let path_of = |path| {
            super::path(Target::Route {
                methods: Methods::GET,
                path,
            })
        };
        assert_eq!(path_of("/a"), "/a");
        assert_eq!(path_of("/users/{id}/x"), "/users/probe/x");
        assert_eq!(path_of("/files/{*rest}"), "/files/probe");
        assert_eq!(path_of("/{a}.{b}"), "/probe.probe");
        assert_eq!(path_of("/{{id}}"), "/%7Bid%7D");
        assert_eq!(super::path(Target::Subtree { path: "/" }), NOWHERE);
    }
}
