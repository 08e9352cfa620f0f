//! What became of the mails that were sent.

use axum::body::Bytes;
use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use session_auth::webhook_route;

use crate::App;
use crate::error::AppError;

#[derive(Deserialize)]
struct MailEvent {
    #[serde(rename = "RecordType")]
    record: Record,
}

#[derive(Deserialize)]
enum Record {
    Delivery,
    Bounce,
    SpamComplaint,
}

impl Record {
    const fn as_str(&self) -> &'static str {
        match self {
            Self::Delivery => "Delivery",
            Self::Bounce => "Bounce",
            Self::SpamComplaint => "SpamComplaint",
        }
    }
}

#[webhook_route(
    POST,
    "/webhooks/postmark/delivery",
    verify = "postmark",
    expect_every = "6h"
)]
pub(crate) async fn delivery(State(app): State<App>, body: Bytes) -> Result<StatusCode, AppError> {
    let event: MailEvent = super::read(&app, "postmark", &body).await?;
    app.store
        .add_event("postmark", event.record.as_str(), &body)
        .await?;
    Ok(StatusCode::OK)
}
