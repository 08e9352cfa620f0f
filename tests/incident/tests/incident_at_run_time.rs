//! Step 2, at run time: what becomes of a route of the outage that nobody classified, or that is
//! mounted beside what was declared. The service does not start. Where it is told to start all the
//! same, the route is denied as it was then; unlike then, that is an ERROR in the log and a count.
#![allow(clippy::unwrap_used)]

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::routing::{get as any_get, post as any_post};
use http::header::COOKIE;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use session_auth::routing::post;
use session_auth::webhook::Bearer;
use session_auth::{
    Denial, Keys, Mode, Router, SessionAuthLayer, SessionAuthLayerBuilder, Unclassified,
    audited_router, declare_route, public_route, session_route, unguarded_handlers, webhook_route,
};
use tower::ServiceExt as _;
use tracing_subscriber::fmt::MakeWriter;

const FORM: &str = "/api/waitlist/signup";
const MARKETING: &str = "/api/marketing/waitlist";
const MISSING: &str = r#"{"error":"Authentication required","reason":"missing"}"#;

/// Mounted by axum's own functions alone.
#[public_route(POST, "/api/marketing/waitlist", reason = "signup form")]
async fn marketing() -> StatusCode {
    StatusCode::ACCEPTED
}

#[public_route(POST, "/api/waitlist", reason = "signup form")]
async fn signup() -> StatusCode {
    StatusCode::ACCEPTED
}

#[session_route(GET, "/api/waitlist")]
async fn list() -> &'static str {
    "everyone who signed up"
}

#[webhook_route(POST, "/internal/waf-events", verify = "waf")]
async fn waf_events() {}

declare_route!(public_route(
    ANY,
    "/waitlist",
    subtree,
    reason = "the page with the form"
));

// Its tests are the ones below.
#[audited_router(at_start)]
fn audited(router: Router) -> Router {
    router
}

fn builder() -> SessionAuthLayerBuilder {
    SessionAuthLayer::builder(Keys::random().unwrap())
        .verifier("waf", Bearer::new("edge-worker-token"))
}

/// The form as the outage had it: a handler of a router that another crate made. With the line on
/// which it is taken in.
fn with_a_form_that_nobody_classified() -> (Router, u32) {
    let form = axum::Router::new()
        .route(FORM, any_post(async || StatusCode::ACCEPTED))
        .route(MARKETING, any_post(marketing));
    (Router::new().merge_axum(form), line!())
}

async fn send(app: &session_auth::Protected, method: Method, path: &str) -> (StatusCode, String) {
    let request = Request::builder().method(method).uri(path);
    let answer = app.clone().oneshot(request.body(Body::empty()).unwrap());
    let answer = answer.await.unwrap();
    let status = answer.status();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

/// The error of the start, in one text.
fn refused(router: Router) -> String {
    let error = builder().build().unwrap().protect(audited(router));
    error.expect_err("it must not start").to_string()
}

#[test]
fn a_route_that_nobody_classified_stops_the_start() {
    let (router, line) = with_a_form_that_nobody_classified();
    let error = refused(router);
    let said = format!("{}:{}: POST {FORM} ", file!(), line);
    assert!(error.contains(&said), "{said}\n{error}");
    assert!(error.contains("[unclassified-route]"), "{error}");
    assert!(!error.contains(MARKETING), "{error}");
}

/// A blueprint that a flag turns on, so that no test had it.
#[test]
fn so_does_one_that_is_there_in_this_configuration_alone() {
    let build = |beta: bool| {
        let mut router = Router::new().mount(signup);
        if beta {
            router =
                router.merge_axum(axum::Router::new().route("/beta/export", any_get(async || "")));
        }
        router
    };
    let protected = builder().build().unwrap().protect(audited(build(false)));
    assert!(protected.is_ok(), "{protected:?}");
    let error = refused(build(true));
    assert!(error.contains(": GET /beta/export "), "{error}");
    assert!(error.contains("[unclassified-route]"), "{error}");
}

/// A list of prefixes let through what only began alike.
#[test]
fn a_declared_path_speaks_for_no_other_that_begins_alike() {
    let pages = axum::Router::new()
        .nest_service("/waitlist", axum::Router::<()>::new())
        .nest_service("/waitlist-admin", axum::Router::<()>::new());
    let error = refused(Router::new().merge_axum(pages));
    let mounted = |path| error.contains(&format!("a service is mounted under {path}: "));
    assert!(mounted("/waitlist-admin"), "{error}");
    assert!(!mounted("/waitlist"), "{error}");
}

#[test]
fn a_handler_stands_where_it_is_declared_or_nothing_starts() {
    for (what, router, places) in [
        (
            "two handlers are swapped",
            Router::new().route("/api/waitlist", post(list).get(signup)),
            vec!["POST /api/waitlist", "GET /api/waitlist"],
        ),
        (
            "a blueprint is below a second prefix",
            Router::new().nest("/v2", Router::new().mount(signup)),
            vec!["POST /v2/api/waitlist"],
        ),
        (
            "a method more than was declared",
            Router::new().route("/api/waitlist", post(signup).put(signup)),
            vec!["PUT /api/waitlist"],
        ),
    ] {
        let error = refused(router);
        assert_eq!(
            error.matches("[wrong-handler]").count(),
            places.len(),
            "{what}: {error}"
        );
        for place in places {
            assert!(error.contains(place), "{what}: {place}\n{error}");
        }
    }
}

#[tokio::test]
async fn told_to_start_it_denies_logs_and_counts() {
    let log = Log::default();
    let _guard = log.of_this_thread();
    let auth = builder().unclassified(Unclassified::Deny).build().unwrap();
    let (router, _) = with_a_form_that_nobody_classified();
    let app = auth.protect(audited(router)).unwrap();
    let at_start = log.errors();
    assert_eq!(at_start.len(), 1, "{at_start:#?}");
    assert!(at_start[0].contains("unclassified-route"), "{at_start:#?}");

    // A route with a class beside it: served, not logged, not counted.
    let (status, _) = send(&app, Method::POST, MARKETING).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    assert_eq!(auth.unclassified(), 0);
    assert_eq!(log.errors().len(), 1);

    for count in 1..=3 {
        let (status, body) = send(&app, Method::POST, FORM).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        assert_eq!(body, MISSING);
        assert_eq!(auth.unclassified(), count);
    }
    // At the first and at the second: the log is not to be filled by whoever repeats a request.
    let errors = log.errors().split_off(1);
    assert_eq!(errors.len(), 2, "{errors:#?}");
    for part in ["session_auth: unclassified", "POST", FORM] {
        assert!(errors[0].contains(part), "{part:?}: {errors:#?}");
    }
    let routes = auth.activity();
    let form = routes
        .iter()
        .find(|route| route.route.contains(FORM))
        .unwrap();
    assert_eq!(form.denied_for(Denial::Missing), 3, "{form:?}");
}

/// How the guard is switched on where a form must not be shut for eight days.
#[tokio::test]
async fn in_mode_observe_it_answers_as_before_and_says_what_would_be_denied() {
    let log = Log::default();
    let _guard = log.of_this_thread();
    let auth = builder().mode(Mode::Observe).build().unwrap();
    let (router, _) = with_a_form_that_nobody_classified();
    let app = auth.protect(audited(router)).unwrap();
    assert!(
        log.errors()
            .iter()
            .any(|line| line.contains("unclassified-route")),
        "{log:?}"
    );

    let (status, _) = send(&app, Method::POST, FORM).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let routes = auth.activity();
    let form = routes
        .iter()
        .find(|route| route.route.contains(FORM))
        .unwrap();
    assert_eq!(form.observed, [(Denial::Missing, 1)], "{form:?}");
    assert_eq!(auth.unclassified(), 1);
}

/// The flag of the outage, off: then nothing stood in front of any route.
#[tokio::test]
async fn without_a_guard_nothing_runs_that_needs_one() {
    let router = Router::new().mount(signup).mount(list).mount(waf_events);
    let mounted = line!() - 1;
    for app in [
        router.clone().into_axum(),
        axum::Router::new().nest("/again", router.into()),
    ] {
        for (method, path, handler) in [
            (Method::GET, "/api/waitlist", "list"),
            (Method::POST, "/internal/waf-events", "waf_events"),
        ] {
            for path in [path.to_owned(), format!("/again{path}")] {
                let request = Request::builder()
                    .method(&method)
                    .uri(path)
                    .header(COOKIE, "__Host-session=stolen")
                    .header("authorization", "Bearer edge-worker-token")
                    .body(Body::empty());
                let answer = app.clone().oneshot(request.unwrap()).await.unwrap();
                if answer.status() == StatusCode::NOT_FOUND {
                    continue;
                }
                assert_eq!(
                    answer.status(),
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "{handler}"
                );
                let all = unguarded_handlers();
                let one = all
                    .iter()
                    .find(|one| one.handler.ends_with(&format!("::{handler}")));
                let one = one.unwrap_or_else(|| panic!("{handler}: {all:?}"));
                assert_eq!((&*one.mounted.file, one.mounted.line), (file!(), mounted));
                assert!(one.refused > 0);
            }
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Writes down what is logged by this thread, which is the test's only one.
    fn of_this_thread(&self) -> tracing::subscriber::DefaultGuard {
        let subscriber = tracing_subscriber::fmt()
            .with_writer(self.clone())
            .with_ansi(false)
            .finish();
        // A callsite that a thread without any subscriber reaches first is remembered as of interest to
        // nobody. An error says that another test did this already.
        let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry());
        tracing::subscriber::set_default(subscriber)
    }

    fn errors(&self) -> Vec<String> {
        let bytes = self.0.lock().unwrap();
        let lines = str::from_utf8(&bytes).unwrap().lines();
        lines
            .filter(|line| line.contains(" ERROR "))
            .map(str::to_owned)
            .collect()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
