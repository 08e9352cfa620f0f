//! The form, on two sites, and the list that comes of it.

use axum::extract::State;
use axum::response::IntoResponse;
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use session_auth::{public_route, session_route};

use crate::App;
use crate::error::AppError;
use crate::json::Json;

/// An address can have no more (RFC 5321 §4.5.3.1.3, less the two brackets).
const MAX_EMAIL_LEN: usize = 254;
const MAX_SOURCE_LEN: usize = 64;

#[derive(Deserialize)]
pub(crate) struct Signup {
    email: String,
    #[serde(default)]
    source: String,
    #[serde(default)]
    consent: bool,
}

#[public_route(
    POST,
    "/api/waitlist/signup",
    reason = "signup form; visitors have no account"
)]
pub(crate) async fn signup(
    State(app): State<App>,
    Json(form): Json<Signup>,
) -> Result<impl IntoResponse, AppError> {
    add(&app, &form).await
}

#[public_route(
    POST,
    "/api/marketing/waitlist",
    reason = "the same form on the marketing site"
)]
pub(crate) async fn marketing_signup(
    State(app): State<App>,
    Json(form): Json<Signup>,
) -> Result<impl IntoResponse, AppError> {
    add(&app, &form).await
}

#[session_route(GET, "/api/waitlist", scope = "operator")]
pub(crate) async fn list(State(app): State<App>) -> Result<impl IntoResponse, AppError> {
    let signups = app.store.signups().await?;
    Ok(axum::Json(json!({ "signups": signups })))
}

/// The answer is the same for an address that is on the list already: the form tells nobody who is.
async fn add(app: &App, form: &Signup) -> Result<impl IntoResponse + use<>, AppError> {
    let email = form.email.trim();
    if !is_address(email) {
        return Err(AppError::Invalid("this is no email address"));
    }
    if form.source.len() > MAX_SOURCE_LEN {
        return Err(AppError::Invalid("the source is longer than 64 bytes"));
    }
    app.store
        .add_signup(email, &form.source, form.consent)
        .await?;
    let status = axum::Json(json!({ "status": "check_your_email" }));
    Ok((StatusCode::ACCEPTED, status))
}

/// Whether a mail could be sent there. Only the mail says whether it arrives.
fn is_address(text: &str) -> bool {
    text.len() <= MAX_EMAIL_LEN
        && !text.contains(|c: char| c.is_whitespace() || c.is_control())
        && text
            .rsplit_once('@')
            .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for good in [
            "ada@example.com",
            "a+b@sub.example.org",
            "\"a@b\"@example.com",
        ] {
            assert!(is_address(good), "{good}");
        }
        for bad in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "a b@example.com",
            "a\n@example.com",
        ] {
            assert!(!is_address(bad), "{bad}");
        }
        assert!(!is_address(&format!(
            "{}@example.com",
            "a".repeat(MAX_EMAIL_LEN)
        )));
    }
}
