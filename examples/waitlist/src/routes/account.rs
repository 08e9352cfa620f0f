//! The operator's session, and their password.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use session_auth::{EndSession, LocalPath, Session, Sessions, public_route, session_route};

use super::devices;
use crate::device::Device;
use crate::error::AppError;
use crate::input::{Client, FromHere, Input};
use crate::{App, OPERATOR, pages};

/// Where a login leads that came from nowhere.
const HOME: &str = "/devices";

/// What is shorter is guessed too soon; the bound is there so that there is one. In characters.
const PASSWORD_LEN: std::ops::RangeInclusive<usize> = 12..=1024;

#[derive(Deserialize)]
pub(crate) struct Next {
    /// Of anyone who writes a link: the type refuses what would leave the site.
    next: Option<LocalPath>,
}

#[derive(Deserialize)]
pub(crate) struct Credentials {
    /// Most have one account.
    #[serde(default = "operator")]
    name: String,
    password: String,
    next: Option<LocalPath>,
}

fn operator() -> String {
    OPERATOR.to_owned()
}

#[derive(Deserialize)]
pub(crate) struct PasswordChange {
    current: String,
    new: String,
}

#[public_route(GET, "/login", reason = "the form for those without a session")]
pub(crate) async fn login_page(
    next: Result<Query<Next>, QueryRejection>,
) -> Result<impl IntoResponse, AppError> {
    let Query(Next { next }) =
        next.map_err(|_| AppError::Invalid("`next` is no path on this site"))?;
    Ok(pages::login(next.as_ref(), None))
}

#[public_route(POST, "/login", reason = "creates the session", issues_session)]
pub(crate) async fn login(
    State(app): State<App>,
    sessions: Sessions,
    _: FromHere,
    client: Client,
    Device(device): Device,
    Input(given): Input<Credentials>,
) -> Result<Response, AppError> {
    let Credentials {
        name,
        password,
        next,
    } = given;
    // Before the password is looked up, as verifying takes a while: one that is changed meanwhile ends
    // this login too.
    let login = sessions.begin(&name).await;
    let hash = app.store.password_hash(&name).await?;
    if !app.passwords.verify(password, hash.as_deref()).await? {
        return Ok(match client {
            Client::Page => {
                let page = pages::login(next.as_ref(), Some("Wrong name or password."));
                (StatusCode::UNAUTHORIZED, page).into_response()
            }
            Client::Program => AppError::WrongPassword.into_response(),
        });
    }
    let session = match login?.issue().scope(OPERATOR).label(device).await {
        Err(error) if error.is_revoked() => return Err(AppError::WrongPassword),
        session => session?,
    };
    let next = next.as_ref().map_or(HOME, LocalPath::as_str);
    Ok((session, client.done(next)).into_response())
}

/// Also for who has no session any more: the browser is to forget the cookie.
#[public_route(POST, "/logout", reason = "ends the session", optional_session)]
pub(crate) async fn logout(
    session: EndSession,
    client: Client,
) -> Result<impl IntoResponse, AppError> {
    Ok((session.await?, client.done("/login")))
}

#[session_route(GET, "/api/me")]
pub(crate) async fn me(session: Session) -> impl IntoResponse {
    let scopes: Vec<&str> = session.scopes().collect();
    axum::Json(json!({ "subject": session.subject(), "scopes": scopes }))
}

/// Whoever knew the old password is out: all other sessions end, and this one gets a new id.
#[session_route(POST, "/account/password")]
pub(crate) async fn change_password(
    State(app): State<App>,
    session: Session,
    sessions: Sessions,
    client: Client,
    Input(given): Input<PasswordChange>,
) -> Result<Response, AppError> {
    let name = session.subject();
    let refuse = async |error: AppError, status, why| match client {
        Client::Page => {
            let page = devices::page(&session, &sessions, Some(why)).await?;
            Ok((status, page).into_response())
        }
        Client::Program => Err(error),
    };
    if !PASSWORD_LEN.contains(&given.new.chars().count()) {
        let why = "The new password has to have 12 to 1024 characters.";
        return refuse(
            AppError::Invalid(why),
            StatusCode::UNPROCESSABLE_ENTITY,
            why,
        )
        .await;
    }
    let wrong = "That is not your password.";
    let hash = app.store.password_hash(name).await?;
    let verified = app.passwords.verify(given.current, hash.as_deref()).await?;
    let Some(hash) = hash.filter(|_| verified) else {
        return refuse(AppError::WrongPassword, StatusCode::UNAUTHORIZED, wrong).await;
    };
    let new = app.passwords.hash(given.new).await?;
    if !app.store.change_password_hash(name, &hash, &new).await? {
        return refuse(AppError::WrongPassword, StatusCode::UNAUTHORIZED, wrong).await;
    }
    // In this order: a login with the old password ends here, or sees that it is the old one.
    sessions.revoke_others(&session).await?;
    let renewed = sessions.renew(&session).await?;
    Ok((renewed, client.done(HOME)).into_response())
}
