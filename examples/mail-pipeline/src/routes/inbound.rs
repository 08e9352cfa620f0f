//! Mails that arrive, and what became of those that were sent. A 200 says that it is kept.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use session_auth::webhook_route;
use tokio::task::spawn_blocking;

use crate::App;
use crate::blobs::Blobs;
use crate::bridge::Item;
use crate::error::AppError;
use crate::hold::hold;
use crate::mail::{Generic, Mail, Postmark};
use crate::queue::{BoxError, Message};

/// Of a message in the queue, in bytes: engines take 1 MiB at the most.
const INLINE: usize = 128 * 1024;

/// Postmark's inbound mail. 35 MB of attachments are 44.5 MiB of base64.
#[webhook_route(
    POST,
    "/v1/email/inbound",
    verify = "postmark",
    max_body = "48MiB",
    expect_every = "24h"
)]
pub(crate) async fn inbound(State(app): State<App>, body: Bytes) -> Result<Json<Value>, AppError> {
    let mail = read(&app, body, |body, blobs| {
        let mail: Postmark<'_> = serde_json::from_slice(body).map_err(ReadError::Unreadable)?;
        mail.into_mail(blobs).map_err(ReadError::Store)
    })
    .await?;
    accept(&app, mail).await
}

/// Any other provider's, by an adapter that signs.
#[webhook_route(POST, "/v1/email/generic", verify = "generic", max_body = "48MiB")]
pub(crate) async fn generic(State(app): State<App>, body: Bytes) -> Result<Json<Value>, AppError> {
    let mail = read(&app, body, |body, blobs| {
        let mail: Generic<'_> = serde_json::from_slice(body).map_err(ReadError::Unreadable)?;
        mail.into_mail(blobs).map_err(ReadError::Store)
    })
    .await?;
    accept(&app, mail).await
}

enum ReadError {
    Unreadable(serde_json::Error),
    Store(BoxError),
}

/// Reads a mail, its attachments into the store. What cannot be read is kept all the same, and answered
/// with 422: the provider tries again for hours, and its format may have changed.
async fn read(
    app: &App,
    body: Bytes,
    read: fn(&[u8], &Blobs) -> Result<Mail, ReadError>,
) -> Result<Mail, AppError> {
    let (blobs, given) = (app.blobs.clone(), body.clone());
    let mail = spawn_blocking(move || read(&given, &blobs)).await;
    match mail.map_err(|error| AppError::Unavailable(error.into()))? {
        Ok(mail) => Ok(mail),
        Err(ReadError::Store(error)) => Err(AppError::Unavailable(error)),
        Err(ReadError::Unreadable(error)) => {
            let bytes = body.len();
            tracing::error!(%error, bytes, "a mail cannot be read; it is kept, as `unreadable`");
            metrics::counter!("mail_pipeline_unreadable_total").increment(1);
            app.events.add("unreadable", &body).await?;
            Err(AppError::Unreadable("this is no mail known here"))
        }
    }
}

async fn accept(app: &App, mail: Mail) -> Result<Json<Value>, AppError> {
    let mut payload = json_of(&Item::Mail(Box::new(mail.clone())))?;
    if payload.len() > INLINE {
        let (blobs, whole) = (app.blobs.clone(), json_of(&mail)?);
        let stored = spawn_blocking(move || blobs.put(&whole)).await;
        let stored = stored.map_err(|error| AppError::Unavailable(error.into()))??;
        payload = json_of(&Item::Blob(stored.key))?;
    }
    let message = Message {
        id: mail.id.clone(),
        group: mail.group(),
        payload,
        round: 0,
    };
    app.journal.publish(&mail).await?;
    app.queue.publish(&message).await?;
    app.published.notify_one();
    metrics::counter!("mail_pipeline_accepted_total").increment(1);
    tracing::info!(
        mail = mail.id,
        attachments = mail.attachments.len(),
        "a mail is in the queue"
    );
    hold("published").await;
    Ok(Json(json!({ "status": "accepted", "message_id": mail.id })))
}

fn json_of(value: &impl serde::Serialize) -> Result<Vec<u8>, AppError> {
    serde_json::to_vec(value).map_err(|error| AppError::Unavailable(error.into()))
}

#[derive(Deserialize)]
struct MailEvent {
    #[serde(rename = "RecordType")]
    record: String,
}

/// What became of a mail that was sent. Not the verifier of inbound mail: events of one mail have one
/// `MessageID`, so these are known again by all of their body.
#[webhook_route(
    POST,
    "/v1/email/events",
    verify = "postmark-events",
    expect_every = "24h"
)]
pub(crate) async fn events(State(app): State<App>, body: Bytes) -> Result<StatusCode, AppError> {
    let event = serde_json::from_slice::<MailEvent>(&body).map(|event| event.record);
    let kind = match event.as_deref() {
        Ok(kind @ ("Delivery" | "Bounce" | "SpamComplaint")) => kind,
        _ => {
            app.events.add("unreadable", &body).await?;
            return Err(AppError::Unreadable("this is no event known here"));
        }
    };
    metrics::counter!("mail_pipeline_events_total", "kind" => kind.to_owned()).increment(1);
    app.events.add(kind, &body).await?;
    Ok(StatusCode::OK)
}
