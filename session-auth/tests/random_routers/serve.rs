//! Builds a router, protects it, and sends requests to it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, StatusCode, header};
use base64::Engine as _;
use session_auth::audit::{Code, Related};
use session_auth::webhook::BasicAuth;
use session_auth::{Keys, Problem, Protected, SessionAuthLayer, audited_router};
use tower::Service;

use super::expect::{Caller, Done, expect, is_opaque, readings};
use super::generate::{Generator, Rng, quietly};
use super::kit::{Kit, Layered, Naked, Ours};
use super::run::{TRIGGER, take_pattern, take_ran};
use super::spec::{Handler, Id, METHODS, Position, Spec};

/// How much was tried.
#[derive(Default)]
pub(crate) struct Totals {
    routers: u64,
    /// Routers of which axum drops a handler, and `protect` says so.
    dropping: u64,
    rows: u64,
    requests: u64,
    ran: BTreeMap<String, u64>,
    refused: u64,
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} routers ({} of them dropped a handler, and said so), {} rows, {} requests; \
             refused {}, ran {:?}",
            self.routers, self.dropping, self.rows, self.requests, self.refused, self.ran
        )
    }
}

impl Totals {
    /// Nothing is shown by requests that are all refused, or all let in.
    pub(crate) fn assert_enough(&self, routers: u64) {
        assert_eq!(self.routers, routers);
        if routers >= 100 {
            assert!(self.requests > 100 * routers, "{self}");
            assert!(self.refused > 10 * routers, "{self}");
            for class in ["Public", "Session", "Staff", "Webhook"] {
                let ran = self.ran.get(class).copied().unwrap_or_default();
                assert!(ran > 2 * routers, "{class}: {self}");
            }
        }
    }
}

/// axum 0.8.8 and older put `CONNECT` in the field of `OPTIONS`.
fn mounts_connect() -> bool {
    let one = axum::routing::connect::<_, _, ()>(|| async {});
    format!("{one:?}").contains("connect: BoxedHandler")
}

/// Makes, protects and serves the router of a seed.
///
/// # Panics
///
/// With the smallest router that does not do what it is expected to.
pub(crate) async fn one(seed: u64, totals: &mut Totals) {
    let mut generator = Generator::new(seed, mounts_connect());
    let mut spec = generator.router();
    while mounts_nothing(&spec) {
        spec = generator.router();
    }
    let Err(mut deviation) = check(seed, &spec, totals).await else {
        return;
    };
    loop {
        let mut smaller = None;
        for one in spec.smaller() {
            if let Err(same) = check(seed, &one, &mut Totals::default()).await {
                smaller = Some((one, same));
                break;
            }
        }
        match smaller {
            Some((one, same)) => (spec, deviation) = (one, same),
            None => break,
        }
    }
    panic!(
        "the router of RANDOM_ROUTERS_SEED={seed}, as far as it is needed:\n{spec}\n{deviation}"
    );
}

fn mounts_nothing(spec: &Spec) -> bool {
    let mut handlers = spec.handlers().into_iter();
    handlers.all(|one| one.position == Position::Hidden)
}

/// `Err` with what went otherwise than expected.
async fn check(seed: u64, spec: &Spec, totals: &mut Totals) -> Result<(), String> {
    let mut spec = spec.clone();
    let auth = auth();
    totals.routers += 1;
    let mut dropped = false;
    let app = loop {
        if mounts_nothing(&spec) {
            return Ok(());
        }
        let Some(router) = quietly(|| Ours::build::<()>(&spec)) else {
            return Ok(());
        };
        let error = match auth.protect(audited(router)) {
            Ok(app) => break app,
            Err(error) => error,
        };
        let ids: Vec<Id> = error.problems().iter().filter_map(unmounted).collect();
        let ran = all_that_runs(&spec).await;
        let before = format!("{spec:?}");
        spec.prune(&ids);
        // What axum drops is said, and nothing else.
        if ids.len() < error.problems().len()
            || ids.iter().any(|id| ran.contains(id))
            || before == format!("{spec:?}")
        {
            return Err(format!("{error}\n(axum alone runs {ran:?})"));
        }
        dropped = true;
    };
    totals.dropping += u64::from(dropped);
    totals.rows += app.declared().len() as u64;
    let mut served = Served::new(spec, app, &auth).await;
    served.all(totals, &mut Rng::new(seed)).await
}

fn audited(router: session_auth::Router) -> session_auth::Audited {
    #[audited_router(at_start)]
    fn of_the_test(router: session_auth::Router) -> session_auth::Router {
        router
    }
    of_the_test(router)
}

/// The handler that a finding says axum has dropped.
fn unmounted(problem: &Problem) -> Option<Id> {
    let Problem::Finding(finding) = problem else {
        return None;
    };
    let declared = finding.related.iter().find_map(|related| match related {
        Related::Declared(declared) => Some(declared),
        _ => None,
    });
    (finding.code == Code::UnmountedDeclaration).then_some(())?;
    declared?.owner()?.parse().ok()
}

fn auth() -> SessionAuthLayer {
    SessionAuthLayer::builder(Keys::random().unwrap())
        .verifier("hook", BasicAuth::new("hook", "secret"))
        .build()
        .unwrap()
}

async fn cookie(auth: &SessionAuthLayer, staff: bool) -> String {
    let issued = auth.sessions().issue("ada");
    let issued = if staff { issued.scope("staff") } else { issued };
    let set = issued
        .await
        .unwrap()
        .set_cookie()
        .to_str()
        .unwrap()
        .to_owned();
    set.split(';').next().unwrap_or_default().to_owned()
}

fn basic(password: &str) -> String {
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("hook:{password}"));
    format!("Basic {pair}")
}

/// Sends one request, and collects what ran.
async fn send<S>(router: &mut S, request: Request) -> Done
where
    S: Service<Request, Response = axum::response::Response, Error = std::convert::Infallible>,
{
    assert_eq!(take_ran(), Vec::<Id>::new(), "the last request is over");
    let Ok(response) = router.call(request).await;
    Done {
        ran: take_ran(),
        status: response.status(),
    }
}

fn request(method: &Method, path: &str) -> Option<Request> {
    let request = Request::builder().method(method.clone()).uri(path);
    request.body(Body::empty()).ok()
}

/// The methods to ask by, and one that nobody mounts.
fn all_methods() -> Vec<Method> {
    let brew = Method::from_bytes(b"BREW").unwrap();
    METHODS.iter().cloned().chain([brew]).collect()
}

async fn all_that_runs(spec: &Spec) -> BTreeSet<Id> {
    let mut naked: axum::Router = Naked::build::<()>(spec).with_state(());
    let mut all = BTreeSet::new();
    for path in paths(spec) {
        for method in all_methods() {
            if let Some(request) = request(&method, &path) {
                all.extend(send(&mut naked, request).await.ran);
            }
        }
    }
    all
}

/// Paths that reach what is mounted, and paths beside them.
fn paths(spec: &Spec) -> Vec<String> {
    let mut all: BTreeSet<String> = ["/", "/nowhere", "/a", "/b/c/d"].map(str::to_owned).into();
    for handler in spec.handlers() {
        if handler.position == Position::Hidden {
            continue;
        }
        for (word, rest) in [("w1", "w1/w2"), ("a", "me"), ("w1", "w1")] {
            let path = fill(&handler.path, word, rest);
            let bare = path.trim_end_matches('/');
            all.insert(path.clone());
            all.insert(format!("{bare}/"));
            all.insert(format!("{bare}/zz"));
            all.insert(format!("{bare}/zz/"));
            if let Some((above, _)) = bare.rsplit_once('/') {
                all.insert(format!("{above}/"));
                all.insert(above.to_owned());
            }
            all.insert(bare.to_owned());
            // What careless services read as the same path.
            if let Some(at) = bare.rfind('/') {
                all.insert(format!("{}/{}", &bare[..at], &bare[at..]));
                all.insert(format!("{}/x/..{}", &bare[..at], &bare[at..]));
                all.insert(format!("{bare};x"));
                if let Some(letter) = bare[at..].chars().nth(1).filter(char::is_ascii_alphabetic) {
                    let after = &bare[at + 2..];
                    let code = u32::from(letter);
                    all.insert(format!("{}/%{code:x}{after}", &bare[..at]));
                    all.insert(format!("{}/%25{code:x}{after}", &bare[..at]));
                }
            }
        }
    }
    all.remove("");
    all.into_iter().collect()
}

/// Puts words into a pattern.
fn fill(pattern: &str, word: &str, rest: &str) -> String {
    let mut path = String::new();
    let mut left = pattern;
    while let Some(at) = left.find(['{', '}']) {
        path.push_str(&left[..at]);
        left = &left[at..];
        if let Some(after) = left.strip_prefix("{{") {
            path.push('{');
            left = after;
        } else if let Some(after) = left.strip_prefix("}}") {
            path.push('}');
            left = after;
        } else {
            path.push_str(if left.starts_with("{*") { rest } else { word });
            left = left.find('}').map_or("", |end| &left[end + 1..]);
        }
    }
    path + left
}

/// A protected router and its twins.
struct Served {
    spec: Spec,
    app: Protected,
    layered: axum::Router,
    naked: axum::Router,
    handlers: BTreeMap<Id, Handler>,
    session: String,
    staff: String,
    of_other_keys: String,
}

impl Served {
    async fn new(spec: Spec, app: Protected, layer: &SessionAuthLayer) -> Self {
        let handlers = spec.handlers().into_iter();
        Self {
            app,
            layered: Layered::build::<()>(&spec).with_state(()),
            naked: Naked::build::<()>(&spec).with_state(()),
            handlers: handlers.map(|one| (one.id, one.clone())).collect(),
            session: cookie(layer, false).await,
            staff: cookie(layer, true).await,
            of_other_keys: cookie(&auth(), true).await,
            spec,
        }
    }

    async fn all(&mut self, totals: &mut Totals, rng: &mut Rng) -> Result<(), String> {
        for path in paths(&self.spec) {
            for method in all_methods() {
                // Each path by two or three methods, the usual ones more often.
                let percent = match METHODS.iter().position(|one| *one == method) {
                    Some(0..3) => 40,
                    Some(6) => 30,
                    _ => 10,
                };
                if !rng.percent(percent) {
                    continue;
                }
                let callers = if method == Method::OPTIONS { 7 } else { 6 };
                for caller in Caller::ALL.into_iter().take(callers) {
                    if rng.percent(if caller == Caller::Preflight { 90 } else { 45 }) {
                        let triggers = rng.percent(25);
                        self.ask(&path, &method, caller, triggers, totals).await?;
                    }
                }
            }
        }
        for method in [Method::OPTIONS, Method::CONNECT] {
            for caller in Caller::ALL {
                let uri = match method {
                    Method::OPTIONS => "*",
                    _ => "example.com:443",
                };
                self.ask(uri, &method, caller, false, totals).await?;
            }
        }
        Ok(())
    }

    async fn ask(
        &mut self,
        path: &str,
        method: &Method,
        caller: Caller,
        triggers: bool,
        totals: &mut Totals,
    ) -> Result<(), String> {
        let Some(plain) = request(method, path) else {
            return Ok(());
        };
        let (owner, pattern) = self.owner(plain).await;
        let ambiguous = match &owner {
            Some(owner) if is_opaque(owner) => self.leads_elsewhere(path, owner, &pattern).await,
            _ => false,
        };
        let layered = self.request(path, method, caller, triggers);
        let layered = send(&mut self.layered, layered).await;
        let expected = expect(owner.as_ref(), &layered, ambiguous, caller, method, |id| {
            &self.handlers[&id]
        });
        let done = self.request(path, method, caller, triggers);
        let done = send(&mut self.app, done).await;
        if done != expected {
            return Err(format!(
                "{method} {path} by {caller:?}{}:\n  expected {expected:?},\n  but it is {done:?}; axum \
                 alone: {layered:?}; it is of {}{}",
                if triggers { ", with the trigger" } else { "" },
                owner.map_or("axum".to_owned(), |owner| owner.to_string()),
                if ambiguous { " and ambiguous" } else { "" },
            ));
        }
        totals.requests += 1;
        for id in &done.ran {
            let class = self.handlers[id].class.to_string();
            *totals.ran.entry(class).or_default() += 1;
        }
        let refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN];
        totals.refused += u64::from(refused.contains(&done.status));
        Ok(())
    }

    fn request(&self, path: &str, method: &Method, caller: Caller, triggers: bool) -> Request {
        let mut request = request(method, path).expect("it was made before");
        let mut set = |name: header::HeaderName, value: &str| {
            request.headers_mut().insert(name, value.parse().unwrap());
        };
        match caller {
            Caller::Nobody => {}
            Caller::Session => set(header::COOKIE, &self.session),
            Caller::Staff => set(header::COOKIE, &self.staff),
            Caller::OfOtherKeys => set(header::COOKIE, &self.of_other_keys),
            Caller::Sender => set(header::AUTHORIZATION, &basic("secret")),
            Caller::OtherSender => set(header::AUTHORIZATION, &basic("guess")),
            Caller::Preflight => {
                set(header::ORIGIN, "https://app.example");
                set(header::ACCESS_CONTROL_REQUEST_METHOD, "DELETE");
            }
        }
        if triggers {
            set(TRIGGER, "1");
        }
        request
    }

    /// Whose a request is, and the pattern that it matches: none in a fallback.
    async fn owner(&mut self, request: Request) -> (Option<Handler>, Option<String>) {
        take_pattern();
        let ran = send(&mut self.naked, request).await.ran;
        let owner = ran.first().map(|id| self.handlers[id].clone());
        let pattern = match &owner {
            Some(owner) if owner.position == Position::Nested => Some(owner.path.clone()),
            _ => take_pattern(),
        };
        (owner, pattern)
    }

    /// Whether another reading of a path leads to another pattern, of another class.
    async fn leads_elsewhere(
        &mut self,
        path: &str,
        owner: &Handler,
        pattern: &Option<String>,
    ) -> bool {
        for reading in readings(path) {
            // What is in no pattern, and in a URI.
            let reading = reading.replace(' ', "+");
            for method in all_methods() {
                let Some(request) = request(&method, &reading) else {
                    continue;
                };
                let (found, at) = self.owner(request).await;
                if found.is_some_and(|found| {
                    at.is_some() && at != *pattern && found.class != owner.class
                }) {
                    return true;
                }
            }
        }
        false
    }
}
