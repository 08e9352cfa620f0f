//! The attributes, with what they mean. Their code is in `session-auth-macros`, which cannot have
//! examples of its own without this library.

/// Declares a handler public: anyone may call it.
///
/// ```text
/// #[public_route(METHODS, "/path", reason = "why anyone may call it", ..)]
/// async fn handler(..) -> impl IntoResponse { .. }
/// ```
///
/// The layer passes such requests on without a look at the session cookie and without touching a
/// session store, so nothing that breaks sessions breaks the route.
///
/// # Methods and path
///
/// - Methods: `GET`, `GET | POST`, or `ANY`. The names are `GET`, `HEAD`, `POST`, `PUT`, `PATCH`,
///   `DELETE`, `OPTIONS`, `TRACE` and `CONNECT`. `GET` also serves `HEAD`, as in axum.
/// - Path: a string literal, the full path as a client sees it, in the syntax of axum 0.8:
///   `/users/{id}`, `/files/{*rest}`, `{{` and `}}` for braces. A path that axum's router would
///   panic on at start, or that a proxy may read as another, does not compile. Several, where the
///   handler is mounted several times: `GET, "/me", "/users/me"` declares each method on each path.
/// - The path may be left out where it is no literal: then `Router::route` says where the handler is,
///   and the lock shows it. Where it differs from build to build, `glob = "/style.*.css"` says what it
///   is like: the lock shows that, and the handler stands nowhere else. `Router::mount`, which takes both from the attribute, needs it, and so do
///   `Router::merge_axum` and a bare `.layer(auth)`, which find the declaration by it.
/// - `FALLBACK` in place of the methods, and without a path, classifies the fallback handler of the
///   outermost router; `FALLBACK, "/api"` that of the router nested there.
///
/// # Arguments
///
/// | argument | meaning |
/// |---|---|
/// | `reason = ".."` | required: why anyone may call it, on one line, for whoever reviews it |
/// | `until = "2027-01-31"` | the last day (UTC) of the exemption; the audit fails after it |
/// | `owner = "team"` | who answers for the route |
/// | `glob = "/style.*.css"` | in place of a path that is computed; `*` stands for one or more characters of one segment |
/// | `issues_session` | the handler may take `Sessions`: it logs somebody in |
/// | `optional_session` | the handler may take `Option<Session>`, or `Option<Identity<..>>` |
/// | `by = "api"` | with that: what may prove the caller, as in [`macro@session_route`] |
/// | `cross_origin = ".."` | with one of these two: requests from pages of other origins may start a session, or use one, and why: an identity provider posts its form from its own origin |
/// | `crate = path` | where `session_auth` is, for a macro of another crate that writes this attribute |
///
/// # The function
///
/// It is a free `async fn`. It stays one: callable in a unit test (`handler(..).await`), generic
/// if it was, good for `axum::routing::get(handler)`. Its return type becomes
/// `Classified<impl .., impl Future<Output = ..>>`, which is how the router knows its class.
///
/// `#[doc]`, `#[deprecated]`, `#[must_use]` and lint levels stay on it. All other
/// attributes move to the `async fn` inside, so `#[tracing::instrument]` and
/// `#[axum::debug_handler]` work above and below this one, and so does `#[utoipa::path]`, by that
/// name: it stays on the function, too.
///
/// # Errors
///
/// All mistakes of one attribute are reported at once, each where it is. A second attribute on the
/// function is an error, and so is one on a method in an `impl` block: a route belongs to a function.
///
/// # Examples
///
/// ```
/// use axum::Json;
/// use axum::http::StatusCode;
/// use session_auth::public_route;
///
/// #[public_route(POST, "/api/waitlist/signup", reason = "signup form; visitors have no account")]
/// async fn signup(Json(address): Json<String>) -> StatusCode {
///     if address.contains('@') { StatusCode::CREATED } else { StatusCode::BAD_REQUEST }
/// }
///
/// #[public_route(FALLBACK, reason = "the 404 page")]
/// async fn not_found() -> StatusCode {
///     StatusCode::NOT_FOUND
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// assert_eq!(signup(Json("somebody".to_owned())).await, StatusCode::BAD_REQUEST);
/// # assert_eq!(not_found().await, StatusCode::NOT_FOUND);
/// # }
/// ```
///
/// Without a reason it does not compile:
///
/// ```compile_fail
/// # use session_auth::public_route;
/// #[public_route(GET, "/health")]
/// async fn health() {}
/// ```
pub use session_auth_macros::public_route;

/// Declares a handler a webhook: its caller proves itself with each request.
///
/// ```text
/// #[webhook_route(METHODS, "/path", verify = "verifier", ..)]
/// async fn handler(..) -> impl IntoResponse { .. }
/// ```
///
/// The layer runs the handler after the verifier of that name has accepted the very bytes that the
/// handler gets. A program in which no such verifier is configured does not start.
///
/// Methods, path, function and errors are those of [`macro@public_route`].
///
/// # Arguments
///
/// | argument | meaning |
/// |---|---|
/// | `verify = "name"` | required: the verifier, by the name it has in the layer's builder, of `a`-`z`, `0`-`9`, `_` and `-`. `"handler"` leaves the proof to the handler, and then `reason` says how it is done: an answer below 400 counts as verified, 401 and 403 as refused |
/// | `reason = ".."` | what the webhook is for |
/// | `expect_every = "6h"` | the longest time without a verified delivery before an alarm: a whole number and `s`, `m`, `h` or `d` |
/// | `max_body = "1MiB"` | the largest body: a whole number and `B`, `kB`, `KiB`, `MB`, `MiB` or `GiB`. The handler's extractors read as much, whatever axum's own limit is |
/// | `until = "2027-01-31"` | the last day (UTC) of the exemption; the audit fails after it |
/// | `owner = "team"` | who answers for the route |
/// | `glob = ".."`, `crate = path` | as in [`macro@public_route`] |
///
/// # Examples
///
/// ```
/// use axum::body::Bytes;
/// use axum::extract::Path;
/// use axum::http::StatusCode;
/// use session_auth::webhook_route;
///
/// #[webhook_route(POST, "/webhooks/postmark/delivery", verify = "postmark", expect_every = "6h")]
/// async fn delivery(event: Bytes) -> StatusCode {
///     println!("{} bytes, from Postmark", event.len());
///     StatusCode::NO_CONTENT
/// }
///
/// #[webhook_route(POST, "/hooks/{token}", verify = "handler", reason = "compares the token in the path")]
/// async fn hook(Path(token): Path<String>) -> StatusCode {
/// #   fn is_known(_: &str) -> bool { false }
///     if is_known(&token) { StatusCode::OK } else { StatusCode::NOT_FOUND }
/// }
/// ```
pub use session_auth_macros::webhook_route;

/// Declares that a handler needs a session.
///
/// ```text
/// #[session_route(METHODS, "/path", ..)]
/// async fn handler(..) -> impl IntoResponse { .. }
/// ```
///
/// The layer runs the handler for callers whose session is verified, unexpired and not revoked,
/// and has the scope if one is named; with `by`, for callers that an authenticator of the layer proved.
///
/// Methods, path, function and errors are those of [`macro@public_route`].
///
/// # Arguments
///
/// | argument | meaning |
/// |---|---|
/// | `by = "api"` | what proves the caller in place of a session: an authenticator of that name; `"session \| api"` is any of several, asked in that order |
/// | `scope = "admin"` | the scope that the session must have; `"a \| b"` is any of several, `"a & b"` all of several |
/// | `cross_origin = ".."` | requests from pages of other origins may use the session, and why |
/// | `reason = ".."` | what the route is for |
/// | `owner = "team"` | who answers for the route |
/// | `glob = ".."`, `crate = path` | as in [`macro@public_route`] |
///
/// # Examples
///
/// ```
/// use axum::extract::Path;
/// use axum::http::StatusCode;
/// use session_auth::session_route;
///
/// #[session_route(GET, "/api/time")]
/// async fn time() -> String {
///     format!("{:?}", std::time::SystemTime::now())
/// }
///
/// #[session_route(GET, "/api/reports", scope = "admin | auditor")]
/// async fn reports() -> &'static str {
///     "all is well"
/// }
///
/// #[session_route(GET, "/api/export", by = "session | api", scope = "export")]
/// async fn export() -> &'static str {
///     "everything"
/// }
///
/// #[session_route(DELETE, "/api/users/{id}", scope = "admin")]
/// async fn delete_user(Path(id): Path<u64>) -> StatusCode {
///     println!("delete {id}");
///     StatusCode::NO_CONTENT
/// }
/// ```
pub use session_auth_macros::session_route;

/// Declares a route whose handler has no attribute: one of a router that another crate builds, which
/// came in by `Router::merge_axum`.
///
/// The grammar is that of [`macro@public_route`], [`macro@webhook_route`] and
/// [`macro@session_route`]; the path is needed. With `subtree` the declaration is of a service mounted under a path:
/// of all methods (`ANY`), of the path itself and of all below it; then `reason` is required,
/// whatever the class.
///
/// ```
/// use axum::routing::get;
/// use session_auth::{Router, declare_route};
///
/// declare_route!(public_route(GET, "/metrics", reason = "scraped on a private port"));
/// declare_route!(session_route(ANY, "/admin", subtree, reason = "the vendor's console"));
///
/// # let console: axum::Router = axum::Router::new();
/// let vendor = axum::Router::new()
///     .route("/metrics", get(|| async { "up 1" }))
///     .nest_service("/admin", console);
/// let app: Router = Router::new().merge_axum(vendor);
/// # session_auth::audit::assert_classified(&app);
/// ```
///
/// It stands where an item stands, in a module or a function.
pub use session_auth_macros::declare_route;

/// Audits the router that a function returns, and makes it the only one that can be protected.
///
/// The function returns this crate's `Router<S>` or an `axum::Router<S>` (taken as by
/// `Router::merge_axum`), a `Result` of one, or a tuple that begins with one; it may be `async`. In
/// its place it then returns `Audited<S>`, which `SessionAuthLayer::protect` takes and to which no
/// route can be added. It belongs on the outermost function alone: an `Audited` that is nested or
/// merged is a part of another router, and that one is to be audited.
///
/// Beside it stands `#[test] fn route_audit_NAME()`, so that plain `cargo test` fails where a route is
/// mounted that nobody classified, and `route-audit` gets its report. The test builds the router in a
/// tokio runtime, and runs nothing else of it.
///
/// ```
/// use session_auth::{Router, audited_router, public_route, routing::get};
///
/// #[public_route(GET, "/health", reason = "liveness probe")]
/// async fn health() {}
///
/// #[audited_router]
/// pub fn routes() -> Router {
///     Router::new().route("/health", get(health))
/// }
/// ```
///
/// # A function with arguments
///
/// The attribute says with which, once for each configuration; the expressions are evaluated in the
/// tests alone, `route_audit_plain` and `route_audit_beta` here. A call of an `async` function is
/// awaited; any other expression is an async block, which awaits what it calls:
/// `plain = { let config = Config::load().await; routes(&config).await }`.
///
/// ```
/// # use session_auth::{Router, audited_router, public_route, routing::get};
/// # #[public_route(GET, "/health", reason = "liveness probe")]
/// # async fn health() {}
/// pub struct Config { pub beta: bool }
///
/// #[audited_router(
///     plain = routes(&Config { beta: false }),
///     beta = routes(&Config { beta: true }),
/// )]
/// pub fn routes(config: &Config) -> Router {
///     # let _ = config.beta;
///     Router::new().route("/health", get(health))
/// }
/// ```
///
/// # A function that no test can call
///
/// Where it needs a live pool that does not connect lazily, `#[audited_router(at_start)]` makes no
/// test. The audit then takes the report that `protect` writes where `ROUTE_AUDIT_REPORT_DIR` names
/// a folder: from the service's own tests, or from a start by `route-audit check --run "COMMAND"`.
///
/// # Errors
///
/// It goes on a free function in a module: not on a method, and not on a function in the body of
/// another, where nobody would run its test (with `at_start` it may stand there). The return type is
/// rewritten, and so it has to be named: no `impl ..`.
pub use session_auth_macros::audited_router;
