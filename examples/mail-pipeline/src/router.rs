//! Every route of the service, on one router.

use session_auth::{Router, audited_router, listing};

use crate::routes::{account, health, inbound, machines, operators};
use crate::{App, OPERATOR};

#[audited_router]
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .mount(health)
        .mount(inbound::inbound)
        .mount(inbound::generic)
        .mount(inbound::events)
        .mount(machines::deploys)
        .mount(machines::trail)
        .mount(machines::mail)
        .mount(machines::status)
        .mount(machines::metrics)
        .mount(account::login_page)
        .mount(account::login)
        .mount(account::logout)
        .mount(operators::show)
        .mount(operators::letter)
        .mount(operators::redrive)
        .mount(operators::route)
        .mount(operators::resume)
        .merge(
            listing::routes("/internal/routes")
                .scope(OPERATOR)
                .machines("/internal/routes.json", "monitor")
                .health("/internal/health", "monitor"),
        )
}
