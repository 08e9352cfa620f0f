//! API keys of the caller, for programs: they read the list by `/api/signups`, and do nothing else.

use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use session_auth::authenticate::{IssuedApiKey, NewApiKey};
use session_auth::store::{ApiKey, ApiKeyId};
use session_auth::{Identity, Session, session_route};

use crate::App;
use crate::error::AppError;
use crate::input::{Client, Input};
use crate::pages::{self, Page};

/// What every key may do.
const SCOPE: &str = "export";
const LASTS: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// How long the program that has a key has time to take the next.
const OVERLAP: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Deserialize)]
pub(crate) struct New {
    label: String,
}

/// What a program reads: with a key and without a session.
#[session_route(GET, "/api/signups", by = "api", scope = "export")]
pub(crate) async fn export(
    State(app): State<App>,
    key: Identity<ApiKey>,
) -> Result<impl IntoResponse, AppError> {
    tracing::info!(key = ?key.id, "exported");
    let signups = app.store.signups().await?;
    Ok(axum::Json(json!({ "signups": signups })))
}

#[session_route(GET, "/keys", scope = "operator")]
pub(crate) async fn show(State(app): State<App>, session: Session) -> Result<Page, AppError> {
    let keys = app.keys.list(session.subject()).await?;
    Ok(pages::keys(&keys, None))
}

#[session_route(POST, "/keys", scope = "operator")]
pub(crate) async fn issue(
    State(app): State<App>,
    session: Session,
    client: Client,
    Input(new): Input<New>,
) -> Result<Response, AppError> {
    let new = NewApiKey::of(session.subject())
        .label(new.label)
        .scopes([SCOPE])
        .lasting(LASTS);
    let issued = app.keys.issue(new).await?;
    shown_once(&app, &session, client, &issued).await
}

#[session_route(POST, "/keys/{id}/rotate", scope = "operator")]
pub(crate) async fn rotate(
    State(app): State<App>,
    session: Session,
    client: Client,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    let id: ApiKeyId = id.parse().map_err(|_| AppError::NoSuchKey)?;
    let issued = app.keys.rotate(session.subject(), id, OVERLAP).await?;
    shown_once(&app, &session, client, &issued).await
}

#[session_route(POST, "/keys/{id}/revoke", scope = "operator")]
pub(crate) async fn revoke(
    State(app): State<App>,
    session: Session,
    client: Client,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    let id: ApiKeyId = id.parse().map_err(|_| AppError::NoSuchKey)?;
    match (app.keys.revoke(session.subject(), id).await?, client) {
        (false, Client::Program) => Err(AppError::NoSuchKey),
        _ => Ok(client.done("/keys")),
    }
}

/// The answer to a page is the page, and no redirect: a key must not be in a URL.
async fn shown_once(
    app: &App,
    session: &Session,
    client: Client,
    issued: &IssuedApiKey,
) -> Result<Response, AppError> {
    Ok(match client {
        Client::Page => {
            let keys = app.keys.list(session.subject()).await?;
            pages::keys(&keys, Some(issued.reveal())).into_response()
        }
        Client::Program => {
            let id = issued.key().id.to_string();
            let body: Value = json!({ "id": id, "key": issued.reveal() });
            let headers = [("cache-control", "no-store")];
            (StatusCode::CREATED, headers, axum::Json(body)).into_response()
        }
    })
}
