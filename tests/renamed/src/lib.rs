//! Every macro, in a crate that calls session-auth `auth` and allows itself nothing.
#![forbid(non_snake_case, unsafe_code, unused_imports)]
#![deny(
    warnings,
    future_incompatible,
    keyword_idents,
    let_underscore,
    nonstandard_style,
    refining_impl_trait,
    rust_2018_idioms,
    unused
)]
#![deny(
    ambiguous_negative_literals,
    closure_returning_async_block,
    explicit_outlives_requirements,
    impl_trait_redundant_captures,
    macro_use_extern_crate,
    meta_variable_misuse,
    missing_copy_implementations,
    missing_debug_implementations,
    missing_docs,
    non_ascii_idents,
    redundant_imports,
    redundant_lifetimes,
    single_use_lifetimes,
    trivial_casts,
    trivial_numeric_casts,
    unit_bindings,
    unnameable_types,
    unreachable_pub,
    unused_import_braces,
    unused_lifetimes,
    unused_macro_rules,
    unused_qualifications,
    unused_results,
    variant_size_differences
)]
#![deny(clippy::all, clippy::nursery, clippy::pedantic)]

use auth::routing::{get, post};
use auth::{Router, audited_router, declare_route, public_route, session_route, webhook_route};
use axum::extract::Path;

/// A public handler.
#[public_route(GET | POST, "/health", reason = "liveness probe", owner = "platform")]
pub async fn health() -> &'static str {
    "ok"
}

/// A webhook.
#[webhook_route(
    POST,
    "/hooks/mail",
    verify = "mail",
    expect_every = "6h",
    max_body = "1MiB",
    until = "2096-02-29"
)]
pub async fn mail(body: String) -> String {
    body
}

/// A handler that needs a session, generic and with a parameter, on two paths.
#[session_route(GET, "/echo/{text}", "/repeat/{text}", scope = "echo")]
pub async fn echo<T: Clone + Send + 'static>(Path(text): Path<String>) -> String {
    text
}

/// A handler whose path is no literal.
#[session_route(DELETE)]
pub async fn remove() {}

/// A fallback.
#[public_route(FALLBACK, reason = "the 404 page")]
pub async fn not_found() -> axum::http::StatusCode {
    axum::http::StatusCode::NOT_FOUND
}

/// The fallback of a nested router.
#[session_route(FALLBACK, "/staff")]
pub async fn no_such_page() -> axum::http::StatusCode {
    axum::http::StatusCode::NOT_FOUND
}

/// A public handler with both flags.
///
/// # Errors
///
/// Where the body is empty.
#[public_route(POST, "/login", reason = "logs in", issues_session, optional_session)]
pub async fn login(body: String) -> Result<(), axum::http::StatusCode> {
    if body.is_empty() {
        return Err(axum::http::StatusCode::BAD_REQUEST);
    }
    Ok(())
}

// Never mounted, never called, and declared all the same: the audit has to see it.
#[allow(dead_code)]
#[session_route(ANY, "/never")]
async fn never_called() {}

/// Borrows: no extractor does, but a function may.
#[public_route(GET, "/borrowed", reason = "shows lifetimes")]
pub async fn borrowed<'a>(left: &'a str, right: &str) -> (&'a str, usize) {
    (left, right.len())
}

declare_route!(public_route(
    GET,
    "/metrics",
    reason = "scraped on a private port"
));
declare_route!(session_route(
    ANY,
    "/assets",
    subtree,
    reason = "the site's style sheets"
));

/// A router that is audited.
#[audited_router]
pub fn routes() -> Router {
    Router::new()
        .mount(health)
        .route("/hooks/mail", post(mail))
        .mount(echo::<u8>)
        .nest("/staff", Router::new().fallback(no_such_page))
        .fallback(not_found)
}

/// One of axum's, for whatever state, with a configuration for each of its two tests.
#[audited_router(
    of_units = of_axum(axum::routing::get::<_, _, ()>(async || "up 1")),
    ofText = of_axum(axum::routing::get::<_, _, String>(async || "up 1")),
)]
pub fn of_axum<S>(metrics: axum::routing::MethodRouter<S>) -> axum::Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    axum::Router::new().route("/metrics", metrics)
}

/// What goes on beside the router.
pub type Worker = std::future::Ready<()>;

/// An async builder that may fail, and returns more than a router.
///
/// # Errors
///
/// Where the path is malformed.
#[audited_router(
    called = built("/removed"),
    in_a_block = {
        let path = std::future::ready("/removed").await;
        built(path).await
    },
)]
pub async fn built(path: &str) -> Result<(Router, Worker), String> {
    if !path.starts_with('/') {
        return Err(format!("{path:?} does not start with `/`"));
    }
    let login = std::future::ready(get(health).post(health)).await;
    let router = Router::new()
        .route("/health", login)
        .route(path, auth::routing::delete(remove));
    Ok((router, std::future::ready(())))
}

/// One that no test can build.
#[audited_router(at_start)]
pub fn at_start(build: impl FnOnce() -> Router) -> Router {
    build()
}

/// For this crate alone.
#[audited_router]
#[must_use = "it does nothing"]
#[allow(dead_code)]
pub(crate) fn r#type() -> Router<&'static str> {
    Router::new().mount(login)
}
