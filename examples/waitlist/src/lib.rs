//! A waitlist: a form for visitors, webhooks of the mail provider, the help desk and the edge, and a
//! list for the operator. Six of its routes are called by someone who has no session. The operator
//! logs in with a password, and sees and ends their sessions on a page; on another they issue API keys for
//! programs, which read the list without a session.
//!
//! - `routes`: the handlers, each under the attribute that says who may call it
//! - `router`: the handlers on a router
//! - `input`, `device`, `pages`: what a handler is told, and what a person is shown
//! - `config`, `database`, `store`, `passwords`: what the service needs
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod config;
mod database;
mod device;
mod error;
mod input;
mod json;
mod pages;
mod passwords;
mod router;
mod routes;
mod store;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use http::header::{AUTHORIZATION, COOKIE, SET_COOKIE};
use http::{HeaderName, StatusCode};
use session_auth::authenticate::ApiKeys;
use session_auth::webhook::{BasicAuth, Bearer, Hmac};
use session_auth::{Protected, SessionAuthLayer};
use tower::ServiceBuilder;
use tower_http::ServiceBuilderExt as _;
use tower_http::request_id::{MakeRequestUuid, RequestId};
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;
use tracing::Span;
use tracing::field::Empty;

pub use self::config::{Config, ConfigError, Secret};
pub use self::database::{Database, InvalidDatabase};
use self::database::{Either, either};
use self::passwords::Passwords;
use self::store::Store;
pub use self::store::{Copied, copy};

/// The name of the account that is made at the first start.
const OPERATOR: &str = "operator";

/// What the handlers share.
#[derive(Clone)]
pub(crate) struct App {
    store: Store,
    passwords: Passwords,
    keys: ApiKeys,
}

/// For how long a delivery is known again. Postmark tries again for 21 minutes.
const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

/// The whole service.
///
/// # Errors
///
/// The database cannot be opened; the operator has no account yet, and no password for one; or the
/// routes cannot be protected: a webhook's secret is empty, for instance.
pub async fn app(config: Config) -> Result<Protected, Box<dyn Error>> {
    let opened = config.database.open().await?;
    let (prefix, clock) = (config.api_key_prefix, Arc::clone(&config.clock));
    let keys = either!(&opened.sessions, store => ApiKeys::new(prefix, store.clone()));
    let keys = keys.clock(move || clock.now());
    let app = App {
        store: opened.store,
        passwords: Passwords::new().await?,
        keys: keys.clone(),
    };
    app.make_operator(config.operator_password).await?;
    let auth = SessionAuthLayer::builder(config.keys)
        .verifier(
            "postmark",
            BasicAuth::postmark("postmark", config.postmark_password),
        )
        .verifier("freescout", Hmac::freescout(config.freescout_secret))
        .verifier("waf", Bearer::new(config.waf_token))
        .replay_exempt(
            "waf",
            "an event that comes twice is stored twice, and harms nobody",
        )
        .verifier("monitor", Bearer::new(config.monitor_token))
        .authenticator("api", keys)
        .clock(move || config.clock.now())
        // A new password renews the session: a copy of the old cookie is to end with the old password.
        .renewal_grace(Duration::ZERO)
        .login_path("/login");
    let auth = match opened.sessions {
        Either::Sqlite(store) => auth.store(store.clone()).replay_window(store, REMEMBERED),
        Either::Postgres(store) => auth.store(store.clone()).replay_window(store, REMEMBERED),
    };
    let app = auth.build()?.protect(router::routes().with_state(app))?;
    Ok(around(app, config.timeout))
}

impl App {
    /// Makes the operator's account, where there is none.
    async fn make_operator(&self, password: Option<Secret>) -> Result<(), Box<dyn Error>> {
        if self.store.password_hash(OPERATOR).await?.is_some() {
            return Ok(());
        }
        let password = password.ok_or(
            "the operator has no account yet: set OPERATOR_PASSWORD to the password it is to have",
        )?;
        let password: &str = password.as_ref();
        let hash = self.passwords.hash(password.to_owned()).await?;
        // Another process may have made it in between, with a password that is as good.
        self.store.add_user(OPERATOR, &hash).await?;
        tracing::info!("the account `{OPERATOR}` was made; OPERATOR_PASSWORD has no more use");
        Ok(())
    }
}

/// The layers for every request. They stand around the guards, so that a denied request has a trace
/// and an id too, and so that the timeout covers a webhook's body, which the guard reads.
fn around(app: Protected, timeout: Duration) -> Protected {
    let secret: Arc<[HeaderName]> = [AUTHORIZATION, COOKIE, SET_COOKIE].into();
    app.layer(
        ServiceBuilder::new()
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
            )),
    )
}

/// Without the query: senders put tokens there.
fn span(request: &Request) -> Span {
    let id = request.extensions().get::<RequestId>();
    let id = id.and_then(|id| id.header_value().to_str().ok());
    tracing::info_span!(
        "request",
        method = %request.method(),
        path = request.uri().path(),
        id,
        // For a denial, which has its reason and its route.
        http.route = Empty,
        error.type = Empty,
    )
}
