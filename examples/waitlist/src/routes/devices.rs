//! Where the caller is logged in, and ending that.

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use session_auth::{Session, SessionId, Sessions, session_route};

use crate::error::AppError;
use crate::input::Client;
use crate::pages::{self, Page};

#[session_route(GET, "/devices")]
pub(crate) async fn show(session: Session, sessions: Sessions) -> Result<Page, AppError> {
    page(&session, &sessions, None).await
}

#[session_route(POST, "/devices/{id}/revoke")]
pub(crate) async fn revoke(
    session: Session,
    sessions: Sessions,
    client: Client,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    let Ok(id) = id.parse::<SessionId>() else {
        return Err(AppError::NoSuchSession);
    };
    if id == session.id() {
        let forget = sessions.revoke(&session).await?;
        return Ok((forget, client.done("/login")).into_response());
    }
    let ended = sessions.revoke_id(session.subject(), id).await?;
    match client {
        // One that ended by itself is not on the page any more.
        Client::Program if !ended => Err(AppError::NoSuchSession),
        _ => Ok(client.done("/devices")),
    }
}

#[session_route(POST, "/devices/revoke-others")]
pub(crate) async fn revoke_others(
    session: Session,
    sessions: Sessions,
    client: Client,
) -> Result<Response, AppError> {
    let ended = sessions.revoke_others(&session).await?;
    Ok(match client {
        Client::Page => client.done("/devices"),
        Client::Program => axum::Json(json!({ "ended": ended })).into_response(),
    })
}

/// The page, with a notice where something went wrong.
pub(super) async fn page(
    session: &Session,
    sessions: &Sessions,
    notice: Option<&str>,
) -> Result<Page, AppError> {
    let devices = sessions.list(session.subject()).await?;
    Ok(pages::devices(session, &devices, notice))
}
