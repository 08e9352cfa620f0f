//! The handlers on a router: typed, or axum's own.
//!
//! One service needs one of the two. Both are here to be compared: the handlers and their
//! attributes are the same.

#[cfg(not(any(feature = "typed", feature = "plain-router")))]
compile_error!("the service needs a router: enable the feature `typed` or `plain-router`");

#[cfg(feature = "plain-router")]
pub use self::plain::protect;
#[cfg(all(feature = "typed", not(feature = "plain-router")))]
pub use self::typed::protect;

/// On [`session_auth::Router`]: a handler without a class does not compile.
#[cfg(feature = "typed")]
pub mod typed {
    use session_auth::{BuildError, Protected, Router, SessionAuthLayer, audited_router};

    use crate::App;
    use crate::routes::{account, devices, edge, health, helpdesk, mail, waitlist};

    /// Every route of the service.
    #[audited_router]
    pub fn routes() -> Router<App> {
        Router::new()
            .mount(health)
            .mount(waitlist::signup)
            .mount(waitlist::marketing_signup)
            .mount(waitlist::list)
            .mount(mail::delivery)
            .mount(helpdesk::support)
            .mount(helpdesk::audit)
            .mount(edge::waf_events)
            .mount(account::login_page)
            .mount(account::login)
            .mount(account::logout)
            .mount(account::me)
            .mount(account::change_password)
            .mount(devices::show)
            .mount(devices::revoke)
            .mount(devices::revoke_others)
    }

    /// The routes behind their guards.
    ///
    /// # Errors
    ///
    /// As [`Router::protect`].
    pub fn protect(app: App, auth: SessionAuthLayer) -> Result<Protected, BuildError> {
        routes().with_state(app).protect(auth)
    }
}

/// On [`axum::Router`], as in a service that adopts session-auth: a handler without a class fails
/// the audit, and is denied at run time.
#[cfg(feature = "plain-router")]
pub mod plain {
    use axum::Router;
    use axum::routing::{get, post};
    use session_auth::{BuildError, Protected, SessionAuthLayer, audited_router};

    use crate::App;
    use crate::routes::{account, devices, edge, health, helpdesk, mail, waitlist};

    /// Every route of the service.
    #[audited_router]
    pub fn plain_routes() -> Router<App> {
        Router::new()
            .route("/health", get(health))
            .route("/api/waitlist/signup", post(waitlist::signup))
            .route("/api/marketing/waitlist", post(waitlist::marketing_signup))
            .route("/api/waitlist", get(waitlist::list))
            .route("/webhooks/postmark/delivery", post(mail::delivery))
            .route("/webhooks/freescout/support", post(helpdesk::support))
            .route("/webhooks/freescout/audit", post(helpdesk::audit))
            .route("/internal/waf-events", post(edge::waf_events))
            .route("/login", get(account::login_page).post(account::login))
            .route("/logout", post(account::logout))
            .route("/api/me", get(account::me))
            .route("/account/password", post(account::change_password))
            .route("/devices", get(devices::show))
            .route("/devices/{id}/revoke", post(devices::revoke))
            .route("/devices/revoke-others", post(devices::revoke_others))
    }

    /// The routes behind their guards.
    ///
    /// # Errors
    ///
    /// As [`SessionAuthLayer::protect`].
    pub fn protect(app: App, auth: SessionAuthLayer) -> Result<Protected, BuildError> {
        auth.protect(plain_routes().with_state(app))
    }
}
