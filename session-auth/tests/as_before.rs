//! A service that is switched over answers as before in everything but its session check: one router,
//! as axum's own and protected, asked the same over sockets.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use std::convert::Infallible;
use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::{Path, Request};
use axum::response::Response;
use axum_extra::routing::RouterExt;
use common::{Answer, cookie_of, protect};
use http::{HeaderValue, Method, StatusCode, header};
use session_auth::methods::ANY;
use session_auth::webhook::Bearer;
use session_auth::{
    InlineDeclaration, Keys, Router, SessionAuthLayer, declare_route, public, public_route,
    session, session_route, webhook_route,
};
use tower::Service;
use tower_http::cors::CorsLayer;
use tower_http::set_header::SetResponseHeaderLayer;

#[public_route(GET, "/open", reason = "test")]
async fn open() -> ([(header::HeaderName, &'static str); 1], &'static str) {
    ([(header::CACHE_CONTROL, "max-age=60")], "open")
}

#[public_route(POST, "/signup", reason = "test")]
async fn signup(body: String) -> (StatusCode, String) {
    (StatusCode::CREATED, body)
}

#[public_route(ANY, "/any/open", reason = "test")]
async fn any_open(method: Method) -> String {
    method.to_string()
}

#[public_route(GET, "/users/{id}", "/people/{id}", reason = "test")]
async fn user(Path(id): Path<String>) -> String {
    id
}

#[public_route(OPTIONS, "/options/open", reason = "test")]
async fn options_open() -> &'static str {
    "options"
}

#[session_route(OPTIONS, "/options/closed")]
async fn options_closed() -> &'static str {
    "options"
}

#[session_route(GET, "/me")]
async fn me() -> &'static str {
    "me"
}

#[session_route(POST | PUT, "/me")]
async fn change_me(body: String) -> String {
    body
}

#[session_route(ANY, "/any/closed")]
async fn any_closed(method: Method) -> String {
    method.to_string()
}

#[webhook_route(POST, "/hook", verify = "sender")]
async fn hook(body: String) -> (StatusCode, String) {
    (StatusCode::ACCEPTED, body)
}

#[session_route(GET, "/slash")]
async fn slash() -> &'static str {
    "slash"
}

#[public_route(GET, "/open-slash/", reason = "test")]
async fn open_slash() -> &'static str {
    "open slash"
}

#[public_route(GET, "/api", reason = "test")]
async fn api_root() -> &'static str {
    "api"
}

#[session_route(GET | DELETE, "/api/orders/{id}")]
async fn order(Path(id): Path<u32>) -> String {
    id.to_string()
}

#[public_route(FALLBACK, "/api", reason = "the API's own 404")]
async fn api_none() -> (StatusCode, &'static str) {
    (StatusCode::NOT_FOUND, "no such call")
}

#[public_route(FALLBACK, reason = "the single page application")]
async fn page() -> &'static str {
    "page"
}

#[session_route(FALLBACK)]
async fn members_page() -> &'static str {
    "members"
}

#[public_route(FALLBACK, reason = "a 405 with a text")]
async fn other_method() -> (StatusCode, &'static str) {
    (StatusCode::METHOD_NOT_ALLOWED, "not that method")
}

declare_route!(public_route(GET, "/vendor/open", reason = "test"));
declare_route!(session_route(POST, "/vendor/closed"));

/// A router that another crate builds.
fn vendor() -> axum::Router {
    axum::Router::new()
        .route("/vendor/open", axum::routing::get(|| async { "vendor" }))
        .route("/vendor/closed", axum::routing::post(|| async { "vendor" }))
}

/// A service that tells what it was asked.
fn echo() -> impl Service<
    Request,
    Response = Response,
    Error = Infallible,
    Future = impl Future<Output = Result<Response, Infallible>> + Send,
> + Clone
+ Send
+ Sync
+ 'static {
    tower::service_fn(|request: Request| async move {
        let body = format!("{} {}", request.method(), request.uri());
        Ok(Response::new(Body::from(body)))
    })
}

/// What the two routers are told in different words.
trait Same: Sized {
    fn below<D: InlineDeclaration>(self, declaration: D, path: &str) -> Self;
    fn on<D: InlineDeclaration>(self, declaration: D, path: &str) -> Self;
    fn foreign(self, router: axum::Router) -> Self;
}

impl Same for axum::Router {
    fn below<D: InlineDeclaration>(self, _: D, path: &str) -> Self {
        self.nest_service(path, echo())
    }
    fn on<D: InlineDeclaration>(self, _: D, path: &str) -> Self {
        self.route_service(path, echo())
    }
    fn foreign(self, router: axum::Router) -> Self {
        self.merge(router)
    }
}

impl Same for Router {
    fn below<D: InlineDeclaration>(self, declaration: D, path: &str) -> Self {
        self.nest_service(declaration, path, echo())
    }
    fn on<D: InlineDeclaration>(self, declaration: D, path: &str) -> Self {
        self.route_service(declaration, path, echo())
    }
    fn foreign(self, router: axum::Router) -> Self {
        self.merge_axum(router)
    }
}

/// The same calls on the router of this crate and on that one.
macro_rules! routes {
    ($krate:ident) => {{
        use $krate::Router;
        use $krate::routing::{any, delete, get, options, post};

        let api = Router::new()
            .route("/", get(api_root))
            .route("/orders/{id}", get(order).merge(delete(order)))
            .fallback(api_none);
        let tagged = SetResponseHeaderLayer::if_not_present(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        );
        Router::new()
            .route("/open", get(open))
            .route("/signup", post(signup).layer(tagged.clone()))
            .route("/any/open", any(any_open))
            .route("/users/{id}", get(user))
            .route("/people/{id}", get(user))
            .route("/options/open", options(options_open))
            .route("/options/closed", options(options_closed))
            .route("/me", get(me).post(change_me).put(change_me))
            .route("/any/closed", any(any_closed))
            .route("/hook", post(hook))
            .route_with_tsr("/slash", get(slash))
            .route_with_tsr("/open-slash/", get(open_slash))
            .route_layer(tagged)
            .nest("/api", api)
            .below(public(ANY, "/assets", "test"), "/assets")
            .below(session(ANY, "/files"), "/files")
            .on(session(ANY, "/exact"), "/exact")
            .foreign(vendor())
    }};
}

/// The routers to compare: named, axum's and this crate's.
fn routers() -> Vec<(&'static str, axum::Router, Router)> {
    let cors = || {
        CorsLayer::new()
            .allow_origin([HeaderValue::from_static("https://app.example")])
            .allow_methods([Method::GET, Method::POST, Method::PUT])
            .allow_headers([header::CONTENT_TYPE])
            .allow_credentials(true)
    };
    macro_rules! variants {
        ($krate:ident) => {
            [
                routes!($krate),
                routes!($krate).layer(cors()),
                routes!($krate).fallback(page).layer(cors()),
                routes!($krate)
                    .fallback(members_page)
                    .method_not_allowed_fallback(other_method)
                    .layer(cors()),
            ]
        };
    }
    let names = ["plain", "cors", "public fallback", "members' fallback"];
    let pairs = variants!(axum).into_iter().zip(variants!(session_auth));
    let named = names.into_iter().zip(pairs);
    named
        .map(|(name, (axums, ours))| (name, axums, ours))
        .collect()
}

/// What needs a session or a proof: the path, and the methods.
const CLOSED: &[(&str, &[&str])] = &[
    ("/me", &["GET", "HEAD", "POST", "PUT"]),
    ("/any/closed", METHODS),
    ("/options/closed", &["OPTIONS"]),
    ("/hook", &["POST"]),
    ("/slash", &["GET", "HEAD"]),
    ("/slash/", METHODS),
    ("/api/orders/7", &["GET", "HEAD", "DELETE"]),
    ("/api/orders/x", &["GET", "HEAD", "DELETE"]),
    ("/files", METHODS),
    ("/files/a/b?c=d", METHODS),
    ("/exact", METHODS),
    ("/vendor/closed", &["POST"]),
];

/// Open ones, and those that nobody mounts. The flag: whether a fallback of the outermost router
/// answers there.
const OPEN: &[(&str, bool)] = &[
    ("/open", false),
    ("/open?a=b", false),
    ("/signup", false),
    ("/any/open", false),
    ("/users/ada", false),
    ("/people/a%2Fb", false),
    ("/options/open", false),
    ("/open-slash/", false),
    ("/open-slash?x=1", false),
    ("/api", false),
    ("/api/none", false),
    ("/assets", false),
    ("/assets/a.css", false),
    ("/vendor/open", false),
    ("/", true),
    ("/none", true),
    ("/.env", true),
    ("/open/", true),
    ("/me/", true),
    ("/api/", true),
    ("//open", true),
    ("/users/", true),
];

const METHODS: &[&str] = &[
    "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW",
];

const PREFLIGHT: &str = "Origin: https://app.example\r\nAccess-Control-Request-Method: POST\r\n\
                         Access-Control-Request-Headers: content-type\r\n";

const HEADERS: &[&str] = &[
    "",
    "Origin: https://app.example\r\nSec-Fetch-Site: cross-site\r\n",
    PREFLIGHT,
    "Cookie: other=1; __Host-session=junk\r\nAccept: text/html\r\nSec-Fetch-Mode: navigate\r\n",
];

/// An answer without what is of its moment, or of its session.
fn compared(answer: &Answer) -> (u16, Vec<String>, &str) {
    let mut headers: Vec<String> = answer
        .head
        .lines()
        .skip(1)
        .map(str::to_lowercase)
        .filter(|line| !line.starts_with("date: "))
        .collect();
    headers.sort();
    (answer.status, headers, &answer.body)
}

async fn ask(address: SocketAddr, method: &str, path: &str, headers: &str) -> Answer {
    let text = format!(
        "{method} {path} HTTP/1.1\r\nHost: app.example\r\nConnection: close\r\n\
         Content-Type: text/plain\r\nContent-Length: 4\r\n{headers}\r\nbody"
    );
    common::send(address, text.as_bytes()).await
}

#[tokio::test]
async fn everything_but_the_session_check_is_as_before() {
    let log = common::log();
    let auth = SessionAuthLayer::builder(Keys::random().unwrap())
        .verifier("sender", Bearer::new("secret"))
        .trusted_origin("https://app.example")
        .build()
        .unwrap();
    let member = format!("{}Authorization: Bearer secret\r\n", cookie_of(&auth).await);
    let mut asked = 0;
    for (name, axums, ours) in routers() {
        let before = common::serve(axums).await;
        let after = common::serve(protect(&auth, ours).unwrap()).await;
        let has_cors = name != "plain";
        let closed_fallback = name == "members' fallback";
        let closed = CLOSED.iter().map(|(path, methods)| (*path, *methods));
        let open = OPEN.iter().map(|(path, fallback)| {
            let closed = *fallback && closed_fallback;
            (*path, if closed { METHODS } else { &[][..] })
        });
        for (path, closed_to) in closed.chain(open) {
            for method in METHODS {
                for headers in HEADERS {
                    let what = format!("{name}: {method} {path} {headers:?}");
                    let expected = ask(before, method, path, headers).await;
                    // A cookie beside junk is found, too.
                    let signed_in = format!("{headers}{member}");
                    let answer = ask(after, method, path, &signed_in).await;
                    assert_eq!(
                        compared(&answer),
                        compared(&expected),
                        "as a member: {what}"
                    );
                    let answer = ask(after, method, path, headers).await;
                    let preflight = *method == "OPTIONS" && *headers == PREFLIGHT;
                    if closed_to.contains(method) && !(preflight && has_cors) {
                        assert_eq!(answer.status, 401, "as nobody: {what}");
                    } else {
                        assert_eq!(compared(&answer), compared(&expected), "as nobody: {what}");
                    }
                    asked += 1;
                }
            }
        }
    }
    let routes = CLOSED.len() + OPEN.len();
    assert_eq!(asked, 4 * routes * METHODS.len() * HEADERS.len());
    assert_eq!(auth.unclassified(), 0);
    assert_eq!(log.lines("ERROR", ""), [""; 0]);
}
