//! Every route of the service, on one router.

use session_auth::{Router, audited_router};

use crate::App;
use crate::routes::{account, devices, edge, health, helpdesk, mail, waitlist};

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
}
