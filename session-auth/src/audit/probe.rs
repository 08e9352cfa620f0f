//! Driving a finished app in process, as a stranger would.

use std::future::poll_fn;

use axum::body::Body;
use http::{Method, Request, Response, StatusCode};
use tower_service::Service;

use crate::access::{AccessClass, Declaration, Target, Verify};
use crate::declared::declarations;
use crate::extract::ExtractorMisuse;
use crate::future::AnsweredInside;
use crate::probed::{NOWHERE, ProbedRoute, asked_apart};
use crate::protected::Protected;
use crate::response::Denial;

/// Where middleware likes to answer by itself.
const USUAL: [&str; 8] = [
    NOWHERE,
    "/health",
    "/healthz",
    "/livez",
    "/readyz",
    "/ping",
    "/metrics",
    "/socket.io/",
];

/// An app that can be probed: [`Protected`], or an [`axum::Router`] under a bare `.layer(auth)`.
pub trait ProbeTarget: sealed::Sealed {
    /// What the app says of its routes: methods and path, with what speaks for them.
    #[doc(hidden)]
    fn __routes(&self) -> Vec<ProbedRoute>;

    /// The app's answer.
    #[doc(hidden)]
    fn answer(&mut self, request: Request<Body>) -> impl Future<Output = Response<Body>>;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for crate::Protected {}
    impl Sealed for axum::Router {}
}

impl ProbeTarget for Protected {
    fn __routes(&self) -> Vec<ProbedRoute> {
        self.probed()
    }

    async fn answer(&mut self, request: Request<Body>) -> Response<Body> {
        let Ok(()) = poll_fn(|cx| Service::<Request<Body>>::poll_ready(self, cx)).await;
        let Ok(response) = self.call(request).await;
        response
    }
}

impl ProbeTarget for axum::Router {
    fn __routes(&self) -> Vec<ProbedRoute> {
        let mut all = Vec::new();
        for declaration in declarations() {
            let target = declaration.target();
            let below = !matches!(target, Target::Route { .. });
            let mut paths: Vec<&str> = target.paths().iter().map(|path| &**path).collect();
            if paths.is_empty() && below {
                paths.push("/");
            }
            all.extend(
                paths.iter().map(|path| {
                    ProbedRoute::new(declaration.clone(), target.methods(), path, below)
                }),
            );
        }
        asked_apart(all)
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
/// An unknown path and the usual ones of health checks are asked for too: a middleware inside of the
/// guards that answers there is a route that nobody declared.
///
/// Public handlers, and webhooks with `verify = "handler"`, do run, with an empty body: give the app
/// a database of the test's.
///
/// ```
/// use session_auth::methods::GET;
/// use session_auth::{Keys, Router, SessionAuthLayer, audit, audited_router, public, session};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// #[audited_router]
/// fn routes() -> Router {
///     Router::new()
///         .mount(public(GET, "/health", "liveness probe").to(|| async { "ok" }))
///         .mount(session(GET, "/api/me").to(|| async { "you" }))
/// }
///
/// let auth = SessionAuthLayer::builder(Keys::random()?).build()?;
/// let answers = audit::probe(auth.protect(routes())?).await;
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
    let routes = app.__routes();
    assert!(
        !routes.is_empty(),
        "the app declares no route: there is nothing to probe"
    );
    let mut answers = Vec::new();
    let mut wrong = Vec::new();
    for route in routes {
        for method in route.asked_by() {
            let response = app.answer(request(&method, &route.path)).await;
            let misuse = response.extensions().get::<ExtractorMisuse>().cloned();
            let answer = ProbeAnswer {
                declaration: route.declaration.clone(),
                method: method.clone(),
                path: route.path.clone(),
                status: response.status(),
                denial: response.extensions().get().copied(),
            };
            if let Some(why) = misuse
                .map(|it| it.to_string())
                .or_else(|| mismatch(&answer))
            {
                wrong.push(format!("  {}: {why}", answer.declaration.location()));
            }
            answers.push(answer);
        }
    }
    for path in USUAL {
        let response = app.answer(request(&Method::GET, path)).await;
        if let Some(AnsweredInside(status)) = response.extensions().get() {
            wrong.push(format!(
                "  GET {path}: a middleware inside the router answers with {status} where no \
                 route is mounted: put it on `Protected`, outside of the guards, or make it a route"
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} requests were answered otherwise than the route's class promises:\n{}",
        wrong.len(),
        answers.len() + USUAL.len(),
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
        AccessClass::Webhook if declaration.verify() == Some(&Verify::Handler) => denial.is_none(),
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

fn request(method: &Method, path: &str) -> Request<Body> {
    let request = Request::builder().method(method).uri(path);
    // A pattern that no URI can have serves nobody.
    request.body(Body::empty()).unwrap_or_default()
}
