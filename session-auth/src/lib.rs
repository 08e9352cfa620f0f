//! Access classes for axum routes.
//!
//! Every route says who may call it, by an attribute on its handler: `public`, `webhook` or
//! `session`. A layer enforces it, and an audit fails the build in which a route says nothing.
//!
//! ```no_run
//! use axum::Json;
//! use axum::http::StatusCode;
//! use session_auth::webhook::BasicAuth;
//! use session_auth::{
//!     IssuedSession, Keys, Router, Session, SessionAuthLayer, Sessions, audited_router, public_route,
//!     session_route, webhook_route,
//! };
//! # #[derive(serde::Deserialize)] struct Credentials { name: String }
//!
//! #[public_route(POST, "/login", reason = "creates the session", issues_session)]
//! async fn login(sessions: Sessions, who: Json<Credentials>) -> Result<IssuedSession, StatusCode> {
//!     // .. verify the password, then:
//!     sessions.issue(&who.name).await.map_err(|_| StatusCode::UNPROCESSABLE_ENTITY)
//! }
//!
//! #[webhook_route(POST, "/webhooks/postmark/delivery", verify = "postmark", expect_every = "6h")]
//! async fn delivery(event: Json<serde_json::Value>) -> StatusCode {
//!     StatusCode::NO_CONTENT
//! }
//!
//! #[session_route(GET, "/api/me")]
//! async fn me(session: Session) -> String {
//!     session.subject().to_owned()
//! }
//!
//! #[audited_router]
//! pub fn routes() -> Router {
//!     Router::new().mount(login).mount(delivery).mount(me)
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let auth = SessionAuthLayer::builder(Keys::from_env()?) // SESSION_AUTH_KEYS
//!         .verifier("postmark", BasicAuth::new("postmark", std::env::var("POSTMARK_PASSWORD")?))
//!         .build()?;
//!     let app = auth.protect(routes())?; // asks the router; checks verifiers, conflicts, expiries
//!     let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
//!     Ok(app.serve(listener).await?)
//! }
//! ```
//!
//! # What holds
//!
//! 1. No handler of class `session` runs without a session that is verified and unexpired.
//! 2. No handler of class `webhook` runs before its verifier has accepted the exact bytes received.
//!    A webhook without a configured verifier does not start.
//! 3. A `public` or `webhook` route never reads the session cookie, unless it declares
//!    `optional_session`; and then whatever is wrong with the cookie gives `None`.
//! 4. A route without a class does not compile on [`Router`]. On an [`axum::Router`] it fails
//!    `cargo test` and the audit, and at run time it is denied, counted and logged at ERROR.
//! 5. The class is that of the endpoint which the router resolved. A path is matched a second time
//!    only where no router has matched it, with the same matcher, and an ambiguous one is refused.
//! 6. The audit cannot pass by looking at nothing.
//! 7. Every denial is counted by route and reason: [`SessionAuthLayer::activity`].
//! 8. Secrets are in no `Debug`, log, error or report.
//!
//! # Where to go
//!
//! - The attributes: [`macro@public_route`], [`macro@webhook_route`], [`macro@session_route`]; in
//!   place, for closures and services: [`public`], [`webhook()`], [`session()`].
//! - An existing [`axum::Router`]: [`SessionAuthLayer::protect`], and [`declare_route!`] for handlers
//!   that are not yours.
//! - Sessions: [`Keys`], [`Session`], [`Sessions`]. Webhooks: the [`webhook`](mod@webhook) module.
//! - Callers that something else proves, by tokens or sessions of their own: the [`authenticate`] module,
//!   and [`Identity`].
//! - The audit: [`macro@audited_router`], the [`audit`] module, and the `route-audit` command. Of what
//!   runs, `route-audit probe` asks by the [`probe`] module.
//!
//! # What a deployment must see to
//!
//! - The layer sees the path that reached this process. A proxy in front that rewrites paths, or
//!   routes by them, decides before it.
//! - A middleware that answers by itself (CORS preflight, a health check) and stands outside the
//!   guard is a route that nothing here can see.
//! - Sessions are signed cookies: without a store, logging out makes the browser forget the
//!   cookie and does not end a copy of it.
//! - An answer that sets a session's cookie is `private`. A layer that marks answers for shared caches
//!   belongs inside of the app or on `Protected`, not around it: what is added there is not seen.
//! - What a request's origin is, `Origin`, `Host` and `Sec-Fetch-Site` say: a proxy in front has to
//!   pass them on as the browser sent them. A page for operators, `docs/behind-a-proxy.md`, has the rest.
//! - Bodies of webhooks are buffered before they are verified, up to a limit and for a time. How long a
//!   client may take over anything else is for a proxy or a timeout layer around the app.
//!
//! # Features
//!
//! - `cache`: a cache in front of a session store: `store::CachedStore`.
//! - `encrypt`: claims that only the service can read: `IssueSession::sealed_claims`.
//! - `listing`: a page and JSON of every route and what became of it: the module `listing`.
//! - `metrics`: counters and gauges for the facade of that name: the module `metrics`.
//! - `sqlite`, `postgres`: stores in these databases, through sqlx.
//! - `redis`: a store in Redis, through the crate of that name; `redis-sentinel`: by what Redis Sentinel
//!   says.
//! - `testing`: `Audited::unprotected`, a router whose handlers run for anyone, and
//!   `testing::sign_webhook`, which signs deliveries as their senders do, for tests.
//! - `sha1`: webhooks signed with HMAC-SHA1, such as Twilio's and FreeScout's.
//! - `utoipa`: who may call each operation of an OpenAPI document, by the routes' declarations: the module
//!   `openapi`.
//! - `webhook-asymmetric`: webhooks signed with a sender's private key, through the crate `ring`: Discord,
//!   SendGrid, Amazon SNS, PayPal, and tokens of an issuer.
//! - `tower-sessions`: sessions of tower-sessions 0.14 as proof of who calls: `authenticate::TowerSessions`.
//! - `trail`: what happened, in files that show when they were changed: the module `trail`.
//!
//! No feature changes how a request is judged.
#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(docsrs, feature(doc_cfg))]

// The attributes write `::session_auth::..`; this lets the crate's own tests use them too.
extern crate self as session_auth;

mod access;
mod activity;
pub mod adopt;
mod attributes;
pub mod audit;
mod audited;
pub mod authenticate;
mod bare;
mod bearer;
mod begin;
mod begun;
mod by;
mod classified;
mod clock;
mod cookie;
mod csrf;
mod decision;
mod declared;
mod difference;
mod end;
mod ended;
mod error;
mod extract;
mod finding;
mod future;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod guard;
#[cfg(doc)]
pub mod guide;
mod identity;
mod inline;
mod issue;
mod keys;
mod known_ended;
mod layer;
#[cfg(feature = "listing")]
pub mod listing;
mod login;
#[cfg(feature = "metrics")]
pub mod metrics;
mod mode;
mod mounted;
mod on_demand;
#[cfg(feature = "utoipa")]
pub mod openapi;
mod pass;
mod paths;
mod payload;
mod per_thread;
mod policy;
pub mod probe;
mod probed;
mod protected;
mod report;
mod response;
pub mod routing;
mod scope;
mod service;
mod session;
mod session_id;
mod sessions;
mod shared;
mod shared_cache;
pub mod silence;
pub mod store;
mod subject;
mod sync;
mod table;
#[cfg(feature = "testing")]
pub mod testing;
mod token;
pub mod trail;
mod unauditable;
pub mod webhook;
mod webhook_task;
mod wrapper;

pub use access::methods_by_name as methods;
pub use access::{Access, AccessClass, Declaration, Location, Methods, Target, Verify};
pub use activity::{Hour, RouteActivity};
pub use attributes::{audited_router, declare_route, public_route, session_route, webhook_route};
pub use audited::{Audited, AuditedOf};
pub use bare::SessionAuth;
pub use begin::Login;
pub use classified::{Classified, ClassifiedHandler, HasAccessClass, InlineRoute, Sealed};
pub use clock::{Clock, SystemClock, Timestamp};
pub use cookie::SameSite;
pub use declared::declarations;
pub use difference::Difference;
pub use end::EndSession;
pub use error::{BuildError, Problem};
pub use extract::{ExtractorMisuse, SessionRejection};
pub use future::ResponseFuture;
pub use identity::Identity;
pub use inline::{
    InlineDeclaration, InlinePublic, InlineSession, InlineWebhook, public, session, webhook,
};
pub use issue::{IssueError, IssueSession, IssuedSession};
pub use keys::{KeyUses, Keys, KeysError};
pub use layer::{SessionAuthLayer, SessionAuthLayerBuilder};
pub use login::{InvalidLocalPath, LocalPath};
pub use mode::Mode;
pub use mounted::Unreadable;
pub use pass::{UnguardedHandler, unguarded_handlers};
pub use payload::{Webhook, WebhookRejection};
pub use protected::{ProtectableRouter, Protected};
pub use response::Denial;
pub use routing::Router;
pub use scope::Scopes;
pub use session::{ClaimsError, Session};
pub use session_id::{InvalidSessionId, SessionId};
pub use sessions::{ClearedSession, SessionInfo, Sessions, SessionsError};
pub use shared::Unclassified;

/// What the macros' output names. Not part of the API: it changes with them, in any release.
#[doc(hidden)]
pub mod __private {
    use std::time::Duration;

    use time::{Date, Month};

    pub use crate::access::{AccessClass, Declaration, Location, Methods, Target};
    pub use crate::audit::audit_router;
    pub use crate::audited::{Auditable, AuditedOutput};
    pub use crate::classified::{Classified, Declared};
    pub use crate::declared::{
        AtStart, ReadTerms, Registration, Terms, declaration, fallback, glob, location, path,
        route, subtree,
    };
    pub use crate::probed::{NOWHERE, ProbedRoute, asked_apart};
    pub use crate::report::RouterSite;
    pub use crate::report::form::RouterKind;
    pub use inventory;

    /// # Panics
    ///
    /// Where there is no such day; the attribute has checked that there is.
    pub const fn date(year: i32, month: u8, day: u8) -> Date {
        let Ok(january) = Date::from_calendar_date(year, Month::January, 1) else {
            panic!("no such year");
        };
        let Ok(date) = january.replace_month(Month::January.nth_next(month - 1)) else {
            panic!("no such month");
        };
        let Ok(date) = date.replace_day(day) else {
            panic!("no such day");
        };
        date
    }

    pub const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Stands beside a function, for nothing: a module takes an import, an `impl` block does not,
    /// and then the compiler's error carries this name. Nothing else of an attribute's output needs
    /// a module, so it is the one error. Without an `allow`, which is an error where a user
    /// forbids the lint; it sees no macro of another crate's.
    #[macro_export]
    #[doc(hidden)]
    macro_rules! __this_attribute_goes_on_a_free_function_so_move_it_out_of_the_impl_or_trait {
        () => {
            use $crate::__private::Declared as _;
        };
    }
    /// Stands in a test of an audited function: in a module the path is found, and in the body of a
    /// function, where nobody runs a test, it is not, and the compiler's error carries this name.
    #[macro_export]
    #[doc(hidden)]
    macro_rules! __an_audited_function_stands_in_a_module {
        ($function:ident) => {
            use self::$function as _;
        };
    }
    pub use crate::__an_audited_function_stands_in_a_module as an_audited_function_stands_in_a_module;
    pub use crate::__this_attribute_goes_on_a_free_function_so_move_it_out_of_the_impl_or_trait as this_attribute_goes_on_a_free_function_so_move_it_out_of_the_impl_or_trait;
}
