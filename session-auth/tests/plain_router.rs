//! The layer on an `axum::Router`: the class comes from the endpoint that axum resolved, and what
//! nobody declared needs a session, loudly.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use axum::routing::{any, get, post};
use session_auth::{
    Denial, Keys, Session, SessionAuthLayer, declare_route, public_route, session_route,
    webhook_route,
};
use tower_http::services::ServeDir;

#[public_route(GET, "/open", reason = "test")]
async fn open() -> &'static str {
    "open"
}

#[session_route(GET, "/api/me")]
async fn me(session: Session) -> String {
    session.subject().to_owned()
}

#[public_route(GET, "/api/users/{id}", reason = "profiles")]
async fn profile() -> &'static str {
    "profile"
}

#[public_route(
    GET,
    "/inner",
    reason = "the path of a route that is nested elsewhere too"
)]
async fn inner() -> &'static str {
    "inner"
}

#[session_route(ANY, "/tree/{*rest}")]
async fn tree() -> &'static str {
    "tree"
}

#[public_route(
    GET,
    "/tree/open",
    reason = "more specific than the catch-all, and not mounted"
)]
async fn tree_open() -> &'static str {
    "tree open"
}

#[webhook_route(POST, "/hook", verify = "handler", reason = "a token in the query")]
async fn hook() -> &'static str {
    "hook"
}

async fn legacy_export() -> &'static str {
    "everything"
}

declare_route!(public_route(
    GET,
    "/metrics",
    reason = "scraped from the same host"
));
declare_route!(public_route(
    ANY,
    "/assets",
    reason = "static files",
    subtree
));
declare_route!(session_route(
    ANY,
    "/private",
    reason = "static files for members",
    subtree
));

fn auth() -> SessionAuthLayer {
    SessionAuthLayer::builder(Keys::new([[7; 32]]).unwrap())
        .build()
        .unwrap()
}

async fn cookie(auth: &SessionAuthLayer) -> String {
    let issued = auth.sessions().issue("ada").await.unwrap();
    let set = issued.set_cookie().to_str().unwrap();
    format!("Cookie: {}\r\n", set.split(';').next().unwrap())
}

fn router() -> axum::Router {
    let api = axum::Router::new()
        .route("/me", get(me))
        .route("/users/{id}", get(profile));
    axum::Router::new()
        .route("/open", get(open).post(legacy_export))
        .nest("/api", api)
        .route("/hook", post(hook))
        .route("/export", get(legacy_export))
        .route("/metrics", get(|| async { "metrics" }))
        .route("/tree/{*rest}", any(tree))
        .nest_service("/assets", ServeDir::new(env!("CARGO_MANIFEST_DIR")))
        .nest_service("/private", ServeDir::new(env!("CARGO_MANIFEST_DIR")))
}

#[tokio::test]
async fn declared_routes_keep_their_class() {
    let auth = auth();
    let cookie = cookie(&auth).await;
    let address = common::serve(router().layer(auth)).await;
    let rows = [
        ("GET", "/open", "", 200),
        ("HEAD", "/open", "", 200),
        ("GET", "/api/me", "", 401),
        ("GET", "/api/me", &cookie, 200),
        ("GET", "/api/users/1", "", 200),
        ("POST", "/hook", "", 200),
        ("GET", "/metrics", "", 200),
        ("GET", "/assets/Cargo.toml", "", 200),
        ("GET", "/assets/src/lib.rs", "", 200),
        ("GET", "/assets/none", "", 404),
        ("GET", "/assets/../src/lib.rs", "", 400),
        ("GET", "/private/Cargo.toml", "", 401),
        ("GET", "/private/Cargo.toml", &cookie, 200),
        ("GET", "/private", "", 401),
        ("GET", "/tree/x", "", 401),
        ("GET", "/tree/x", &cookie, 200),
    ];
    for (method, path, headers, expected) in rows {
        let answer = common::request(address, method, path, headers).await;
        assert_eq!(
            answer.status, expected,
            "{method} {path} {headers:.12}: {answer:?}"
        );
    }
    let _ = tree_open;
}

#[tokio::test]
async fn security_what_nobody_declared_needs_a_session() {
    let auth = auth();
    let cookie = cookie(&auth).await;
    let address = common::serve(router().layer(auth.clone())).await;
    let missing = r#"{"error":"Authentication required","reason":"missing"}"#;
    for (method, path) in [
        ("GET", "/export"),
        ("POST", "/open"),
        ("DELETE", "/open"),
        ("GET", "/none"),
        ("GET", "/open/"),
        // Declared, but what answers is the catch-all around it: its class may not pass for it.
        ("GET", "/tree/open"),
    ] {
        let answer = common::request(address, method, path, "").await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (401, missing),
            "{method} {path}"
        );
    }
    assert_eq!(auth.unclassified(), 6);
    let activity = auth.activity();
    let export = activity
        .iter()
        .find(|it| it.route == "GET /export")
        .unwrap();
    assert_eq!(
        (export.declaration, export.denied_for(Denial::Missing)),
        (None, 1)
    );

    // With a session it is let through, and counted all the same.
    let answer = common::request(address, "GET", "/export", &cookie).await;
    assert_eq!(answer.body, "everything");
    assert_eq!(auth.unclassified(), 7);
}

/// A router nested as a service sees paths without their prefix. Those may not pass for the paths
/// of other routes.
#[tokio::test]
async fn security_a_stripped_prefix_is_put_back() {
    let auth = auth();
    let inside = || axum::Router::new().route("/inner", get(legacy_export));
    // On the inner router: axum resolves `/admin/inner`.
    let layered = inside().layer(auth.clone());
    // Around the inner router: nothing has resolved the path yet, and the URI says `/inner`.
    let around = tower::Layer::layer(&auth, inside());
    let outer = axum::Router::new()
        .nest_service("/admin", layered)
        .nest_service("/staff", around)
        .route("/inner", get(inner).layer(auth));
    let address = common::serve(outer).await;

    assert_eq!(
        common::request(address, "GET", "/inner", "").await.body,
        "inner"
    );
    assert_eq!(
        common::request(address, "GET", "/admin/inner", "")
            .await
            .status,
        401
    );
    assert_eq!(
        common::request(address, "GET", "/staff/inner", "")
            .await
            .status,
        401
    );
}

/// A path that was rewritten on the way is not the one that was declared.
#[tokio::test]
async fn security_a_rewritten_path_is_unclassified() {
    let auth = auth();
    let inside = axum::Router::new().route("/admin", get(legacy_export));
    let around = tower::Layer::layer(&auth, inside);
    let rewrite = tower::util::MapRequest::new(around, |mut request: axum::extract::Request| {
        *request.uri_mut() = "/admin".parse().unwrap();
        request
    });
    let outer = axum::Router::new().fallback_service(rewrite);
    let address = common::serve(outer).await;

    // `/open` is public, and yet what would be served is `/admin`.
    assert_eq!(
        common::request(address, "GET", "/open", "").await.status,
        401
    );
    assert_eq!(auth.unclassified(), 1);
}

/// A service that knows nothing of axum, with body types of its own.
#[tokio::test]
async fn any_service_of_http_requests_can_be_guarded() {
    use bytes::Bytes;
    use http_body_util::{BodyExt, Full};
    use tower::{Layer, ServiceExt};

    let auth = auth();
    let cookie = cookie(&auth).await;
    let cookie = cookie.trim().strip_prefix("Cookie: ").unwrap();
    let echo = tower::service_fn(|request: http::Request<axum::body::Body>| async {
        let bytes = request.into_body().collect().await.unwrap().to_bytes();
        Ok::<_, std::io::Error>(http::Response::new(Full::new(bytes)))
    });
    let service = auth.layer(echo);
    let send = async |path: &str, cookie: &str| {
        let request = http::Request::get(path)
            .header("cookie", cookie)
            .body(Full::new(Bytes::from_static(b"the body")))
            .unwrap();
        let response = service.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    };
    assert_eq!(send("/open", "").await, (200, "the body".into()));
    assert_eq!(send("/assets/x", "").await, (200, "the body".into()));
    assert_eq!(send("/api/me", "").await.0, 401);
    assert_eq!(send("/api/me", cookie).await, (200, "the body".into()));
    assert_eq!(send("/none", "").await.0, 401);
    assert_eq!(send("/api/users/..%2fme", "").await.0, 400);
    assert_eq!(auth.unclassified(), 2);
}

#[tokio::test]
async fn protect_closes_the_router() {
    let auth = auth();
    let app = auth.clone().protect(router()).unwrap();
    assert_eq!(app.declared().len(), 10);
    let address = common::serve(app).await;
    assert_eq!(
        common::request(address, "GET", "/open", "").await.status,
        200
    );
    assert_eq!(
        common::request(address, "GET", "/api/me", "").await.status,
        401
    );
    assert_eq!(
        common::request(address, "GET", "/export", "").await.status,
        401
    );
}
