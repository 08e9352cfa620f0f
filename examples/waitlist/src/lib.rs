//! A waitlist: a form for visitors, webhooks of the mail provider, the help desk and the edge, and a
//! list for the operator. Six of its routes are called by someone who has no session.
//!
//! - `routes`: the handlers, each under the attribute that says who may call it
//! - [`router`]: the handlers on a router, typed or axum's own
//! - `config`, `store`: what the service needs
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod config;
mod error;
mod json;
pub mod router;
mod routes;
mod store;

use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::header::{AUTHORIZATION, COOKIE, SET_COOKIE};
use http::{HeaderName, StatusCode};
use session_auth::webhook::{BasicAuth, Bearer, Hmac};
use session_auth::{BuildError, Protected, SessionAuthLayer};
use tower::{Service, ServiceBuilder};
use tower_http::ServiceBuilderExt as _;
use tower_http::request_id::{MakeRequestUuid, RequestId};
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;
use tracing::Span;

pub use self::config::{Config, ConfigError, Secret};
pub use self::store::Store;

/// What the handlers share.
#[derive(Clone)]
pub struct App {
    store: Store,
    operator_password: Secret,
}

/// Puts the routes behind their guards: `router::typed::protect` or `router::plain::protect`.
pub type Protect = fn(App, SessionAuthLayer) -> Result<Protected, BuildError>;

/// The whole service, on the router that the features chose.
///
/// # Errors
///
/// As [`app_on`].
pub async fn app(config: Config) -> Result<impl HttpService, Box<dyn Error>> {
    app_on(router::protect, config).await
}

/// The whole service, on this router.
///
/// # Errors
///
/// The database cannot be opened, or the routes cannot be protected: a webhook's secret is empty,
/// for instance.
pub async fn app_on(protect: Protect, config: Config) -> Result<impl HttpService, Box<dyn Error>> {
    let app = App {
        store: Store::open(&config.database).await?,
        operator_password: config.operator_password,
    };
    let auth = SessionAuthLayer::builder(config.keys)
        .verifier(
            "postmark",
            BasicAuth::new("postmark", config.postmark_password),
        )
        .verifier("freescout", Hmac::freescout(config.freescout_secret))
        .verifier("waf", Bearer::new(config.waf_token))
        .build()?;
    Ok(around(protect(app, auth)?, config.timeout))
}

/// The layers for every request. They stand around the guards, so that a denied request has a trace
/// and an id too, and so that the timeout covers a webhook's body, which the guard reads.
fn around(app: Protected, timeout: Duration) -> impl HttpService {
    let secret: Arc<[HeaderName]> = [AUTHORIZATION, COOKIE, SET_COOKIE].into();
    ServiceBuilder::new()
        .map_response_body(Body::new)
        // On either side of the trace: it sees requests after this, and responses before it.
        .sensitive_request_headers(Arc::clone(&secret))
        .set_x_request_id(MakeRequestUuid)
        .layer(TraceLayer::new_for_http().make_span_with(span))
        .sensitive_response_headers(secret)
        .propagate_x_request_id()
        .compression()
        // 503, not 408: a webhook's sender is to try again.
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            timeout,
        ))
        .service(app)
}

/// Without the query: senders put tokens there.
fn span(request: &Request) -> Span {
    let id = request.extensions().get::<RequestId>();
    let id = id.and_then(|id| id.header_value().to_str().ok());
    tracing::info_span!("request", method = %request.method(), path = request.uri().path(), id)
}

/// What `axum::serve` takes.
pub trait HttpService:
    Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + 'static
{
}

impl<S> HttpService for S where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static
{
}
