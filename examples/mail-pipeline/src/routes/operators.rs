//! The operators' page and its buttons. Forms of other sites get nowhere: the guard refuses what
//! changes something and comes from another origin.

use axum::Form;
use axum::extract::{Path, State};
use axum::response::Redirect;
use serde::Deserialize;
use session_auth::session_route;

use crate::App;
use crate::bridge::Item;
use crate::clock;
use crate::error::AppError;
use crate::pages::{self, Page, Shown};
use crate::queue::Which;

/// Rows of a list at the most.
const ROWS: i64 = 50;
const HOUR: i64 = 3_600_000;

#[session_route(GET, "/operators", scope = "operator")]
pub(crate) async fn show(State(app): State<App>) -> Result<Page, AppError> {
    let shown = Shown {
        depth: app.queue.depth().await?,
        stopped: app.stop.reason().await?,
        rates: app.journal.rates(clock::now() - HOUR).await?,
        events: app.events.counts().await?,
        dead: app.dead.list(ROWS).await?,
        routes: app.routing.table().await?,
        secrets: app.vault.list().await?,
        mails: app.journal.list(ROWS).await?,
        replies: app.replies,
    };
    Ok(pages::operators(&shown))
}

/// A dead letter, as text: whatever is in it, nothing of it runs.
#[session_route(GET, "/operators/dead-letters/{id}", scope = "operator")]
pub(crate) async fn letter(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Page, AppError> {
    let letters = app.dead.list(i64::MAX).await?;
    let letter = letters
        .into_iter()
        .find(|letter| letter.id == id)
        .ok_or(AppError::NotFound)?;
    let mail = Item::read(&letter.payload, &app.blobs).await.ok();
    Ok(pages::letter(&letter, mail.as_ref()))
}

#[derive(Deserialize)]
pub(crate) struct Redrive {
    id: Option<String>,
    reason: Option<String>,
    all: Option<String>,
}

#[session_route(POST, "/operators/redrive", scope = "operator")]
pub(crate) async fn redrive(
    State(app): State<App>,
    Form(form): Form<Redrive>,
) -> Result<Redirect, AppError> {
    let which = match form {
        Redrive {
            id: Some(id),
            reason: None,
            all: None,
        } => Which::Id(id),
        Redrive {
            id: None,
            reason: Some(reason),
            all: None,
        } => Which::Reason(reason),
        Redrive {
            id: None,
            reason: None,
            all: Some(_),
        } => Which::All,
        _ => return Err(AppError::Unreadable("say which: an id, a reason or all")),
    };
    let redriven = app.queue.redrive(&which).await?;
    app.published.notify_one();
    tracing::info!(?which, redriven, "dead letters are in the queue again");
    Ok(Redirect::to("/operators"))
}

#[derive(Deserialize)]
pub(crate) struct Line {
    address: String,
    /// Empty takes the line away.
    mailbox: String,
}

#[session_route(POST, "/operators/routing", scope = "operator")]
pub(crate) async fn route(
    State(app): State<App>,
    Form(line): Form<Line>,
) -> Result<Redirect, AppError> {
    if line.mailbox.trim().is_empty() {
        app.routing.remove(&line.address).await?;
    } else {
        let mailbox = line.mailbox.trim().parse().unwrap_or(0);
        app.routing.set(&line.address, mailbox).await?;
    }
    tracing::info!(
        address = line.address,
        mailbox = line.mailbox,
        "the routing was changed"
    );
    Ok(Redirect::to("/operators"))
}

/// The bridges go on: what was wrong is mended.
#[session_route(POST, "/operators/resume", scope = "operator")]
pub(crate) async fn resume(State(app): State<App>) -> Result<Redirect, AppError> {
    app.stop.resume().await?;
    app.published.notify_one();
    Ok(Redirect::to("/operators"))
}
