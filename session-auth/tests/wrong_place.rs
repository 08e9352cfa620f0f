//! A handler that stands where its attribute does not say, in a service that starts all the same.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use http::StatusCode;
use session_auth::methods::{GET, POST};
use session_auth::routing::{get, post};
use session_auth::webhook::Bearer;
use session_auth::{
    ClassifiedHandler as _, Keys, Mode, Router, SessionAuthLayer, SessionAuthLayerBuilder,
    Unclassified, declare_route, public, session, session_route, webhook_route,
};
use tower::ServiceExt;

#[session_route(GET, "/mine")]
async fn mine() {}

#[session_route(GET, "/admin", scope = "admin")]
async fn admin() {}

#[webhook_route(POST, "/hook", verify = "sender")]
async fn hook() {}

fn routes() -> Router {
    Router::new()
        .route("/moved/mine", get(mine))
        .route("/moved/admin", get(admin))
        .route("/moved/hook", post(hook))
}

fn builder() -> SessionAuthLayerBuilder {
    SessionAuthLayer::builder(Keys::random().unwrap()).verifier("sender", Bearer::new("secret"))
}

async fn answers(auth: &SessionAuthLayer, cookie: Option<&str>) -> [StatusCode; 3] {
    let app = common::protect(auth, routes()).unwrap();
    let mut all = [StatusCode::OK; 3];
    let asked = [("GET", "mine"), ("GET", "admin"), ("POST", "hook")];
    for (status, (method, name)) in all.iter_mut().zip(asked) {
        let mut request = http::Request::builder()
            .method(method)
            .uri(format!("/moved/{name}"))
            .header("authorization", "Bearer wrong");
        if let Some(cookie) = cookie {
            request = request.header("cookie", cookie);
        }
        let request = request.body(axum::body::Body::empty()).unwrap();
        *status = app.clone().oneshot(request).await.unwrap().status();
    }
    all
}

async fn cookie(auth: &SessionAuthLayer) -> String {
    let issued = auth.sessions().issue("ada").await.unwrap();
    let response = axum::response::IntoResponse::into_response((issued, ""));
    let set = response.headers()["set-cookie"]
        .to_str()
        .unwrap()
        .to_owned();
    set.split(';').next().unwrap().to_owned()
}

#[test]
fn it_stops_the_start() {
    let error = common::protect(&builder().build().unwrap(), routes()).unwrap_err();
    assert_eq!(error.problems().len(), 3, "{error}");
}

/// Declared once more in place, as if anyone might call them.
fn opened() -> Router {
    Router::new()
        .mount(public(GET, "/open/mine", "a test").to(mine))
        .mount(public(GET, "/admin", "a test").to(admin))
        .route(
            "/open/hook",
            post(public(POST, "/open/hook", "a test").to(hook).layer(())),
        )
}

#[test]
fn security_a_declaration_in_place_of_the_attributes_does_not_start() {
    let error = common::protect(&builder().build().unwrap(), opened()).unwrap_err();
    let text = error.to_string();
    assert_eq!(error.problems().len(), 3, "{text}");
    assert_eq!(
        text.matches("[conflicting-declaration]").count(),
        3,
        "{text}"
    );
    assert!(
        text.contains("GET /admin is declared twice: session"),
        "{text}"
    );
    assert_eq!(session_auth::audit::check(&opened()).unwrap().len(), 3);
}

#[tokio::test]
async fn security_a_handler_runs_for_no_declaration_but_its_attributes() {
    let auth = builder().unclassified(Unclassified::Deny).build().unwrap();
    let cookie = format!("cookie: {}", cookie(&auth).await);
    let app = common::protect(&auth, opened()).unwrap();
    for (method, path, stranger, with_a_session) in [
        ("GET", "/open/mine", 401, 200),
        ("GET", "/admin", 401, 500),
        ("POST", "/open/hook", 401, 500),
    ] {
        let bare = common::ask(&opened(), method, path, &cookie).await;
        assert_eq!(bare.status, 500, "{path}");
        let answer = common::ask(&app, method, path, "").await;
        assert_eq!(answer.status, stranger, "{path}");
        let answer = common::ask(&app, method, path, &cookie).await;
        assert_eq!(answer.status, with_a_session, "{path}");
    }
}

// Its handler has no name.
declare_route!(public_route(GET, "/elsewhere", reason = "another router's"));

trait Routes {
    fn add(self) -> Self;
}

impl Routes for Router {
    fn add(self) -> Self {
        self.mount(session(GET, "/late").to(|| async {}))
            .mount(session(GET, "/mine").to(mine))
    }
}

#[test]
fn a_declaration_in_place_may_be_the_only_one_or_repeat_the_attribute() {
    let router = Router::new().add();
    let _ = common::protect(&builder().build().unwrap(), router).unwrap();
}

/// A session stands in for no scope and for no webhook's proof.
#[tokio::test]
async fn where_it_starts_a_session_is_needed_and_opens_nothing_else() {
    let auth = builder().unclassified(Unclassified::Deny).build().unwrap();
    let denied = StatusCode::UNAUTHORIZED;
    assert_eq!(answers(&auth, None).await, [denied; 3]);
    let cookie = cookie(&auth).await;
    let refused = StatusCode::INTERNAL_SERVER_ERROR;
    assert_eq!(
        answers(&auth, Some(&cookie)).await,
        [StatusCode::OK, refused, refused]
    );
    assert_eq!(auth.unclassified(), 6);
}

#[tokio::test]
async fn observing_lets_it_through_and_counts_it() {
    let auth = builder().mode(Mode::Observe).build().unwrap();
    assert_eq!(answers(&auth, None).await, [StatusCode::OK; 3]);
    assert_eq!(auth.unclassified(), 3);
}
