//! Every route of the service, on one router.

use session_auth::{Router, audited_router, listing};

use crate::routes::{account, devices, edge, health, helpdesk, keys, mail, waitlist};
use crate::{App, OPERATOR};

#[audited_router]
pub(crate) fn routes() -> Router<App> {
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
        .mount(keys::export)
        .mount(keys::show)
        .mount(keys::issue)
        .mount(keys::rotate)
        .mount(keys::revoke)
        .merge(
            listing::routes("/internal/routes")
                .scope(OPERATOR)
                .machines("/internal/routes.json", "monitor")
                .health("/internal/health", "monitor"),
        )
}
