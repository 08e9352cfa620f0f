//! The handlers, by concern. Each says in place who may call it.

pub(crate) mod account;
pub(crate) mod devices;
pub(crate) mod edge;
pub(crate) mod helpdesk;
pub(crate) mod keys;
pub(crate) mod mail;
pub(crate) mod waitlist;

use serde::de::DeserializeOwned;
use session_auth::public_route;

use crate::App;
use crate::error::AppError;

#[public_route(GET, "/health", reason = "liveness probe of the platform")]
pub(crate) async fn health() -> &'static str {
    "ok"
}

/// Reads what a verified sender sent. What cannot be read is kept all the same, and answered with
/// 422: the sender may never send it again, and its format may have changed.
async fn read<T: DeserializeOwned>(app: &App, sender: &str, payload: &[u8]) -> Result<T, AppError> {
    match serde_json::from_slice(payload) {
        Ok(event) => Ok(event),
        Err(error) => {
            tracing::error!(
                sender,
                %error,
                bytes = payload.len(),
                "an event cannot be read; it is kept, of kind `unreadable`"
            );
            app.store.add_event(sender, "unreadable", payload).await?;
            Err(AppError::Invalid("this is no event known here"))
        }
    }
}
