//! The operators' session.

use axum::Form;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use serde::Deserialize;
use session_auth::{EndSession, LocalPath, Sessions, public_route};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;

use crate::error::AppError;
use crate::{App, OPERATOR, pages};

#[derive(Deserialize)]
pub(crate) struct Next {
    /// Of anyone who writes a link: the type refuses what would leave the site.
    next: Option<LocalPath>,
}

#[derive(Deserialize)]
pub(crate) struct Credentials {
    password: String,
    next: Option<LocalPath>,
}

#[public_route(GET, "/login", reason = "the form for those without a session")]
pub(crate) async fn login_page(
    next: Result<Query<Next>, QueryRejection>,
) -> Result<impl IntoResponse, AppError> {
    let Query(Next { next }) =
        next.map_err(|_| AppError::Unreadable("`next` is no path on this site"))?;
    Ok(pages::login(next.as_ref(), false))
}

#[public_route(POST, "/login", reason = "creates the session", issues_session)]
pub(crate) async fn login(
    State(app): State<App>,
    sessions: Sessions,
    Form(given): Form<Credentials>,
) -> Result<Response, AppError> {
    let shown = Sha256::digest(&given.password);
    if !bool::from(shown.as_slice().ct_eq(&app.operator_password)) {
        let page = pages::login(given.next.as_ref(), true);
        return Ok((StatusCode::UNAUTHORIZED, page).into_response());
    }
    let session = sessions.issue(OPERATOR).scope(OPERATOR).await?;
    let next = given.next.as_ref().map_or("/operators", LocalPath::as_str);
    Ok((session, Redirect::to(next)).into_response())
}

/// Also for who has no session any more: the browser is to forget the cookie.
#[public_route(POST, "/logout", reason = "ends the session", optional_session)]
pub(crate) async fn logout(session: EndSession) -> Result<Response, AppError> {
    let ended = session
        .await
        .map_err(|error| AppError::Unavailable(error.to_string().into()))?;
    Ok((ended, Redirect::to("/login")).into_response())
}
