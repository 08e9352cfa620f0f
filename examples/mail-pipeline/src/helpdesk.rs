//! A help desk that answers as FreeScout's API does, and as what stands in front of it does when it is
//! in the way: for whoever tries the service, and for its tests.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use session_auth::{
    Protected, Router, SessionAuthLayer, audited_router, public_route, webhook_route,
};
use tokio::time::sleep;

/// What the help desk has.
#[derive(Clone)]
pub struct HelpDesk {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<Desk>,
}

struct Desk {
    api_key: String,
    /// What the next requests for a ticket are answered with.
    faults: VecDeque<Fault>,
    tickets: Vec<Ticket>,
    /// The heads of the requests for a ticket, by what tests ask of them.
    seen: Vec<Seen>,
}

/// A conversation.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Ticket {
    /// Its number.
    pub id: u64,
    /// The mailbox.
    pub mailbox_id: i64,
    /// The subject.
    pub subject: String,
    /// The first text.
    pub text: String,
    /// Who wrote it.
    pub email: String,
    /// Whether the help desk was told to send no mail of its own.
    pub imported: bool,
    /// The attachments' names, and how many bytes of base64 each has.
    pub attachments: Vec<(String, usize)>,
}

/// What a request for a ticket showed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Seen {
    /// Its `User-Agent`.
    pub user_agent: String,
    /// Its `CF-Access-Client-Id`.
    pub access: Option<String>,
    /// What it was answered with.
    pub status: u16,
}

/// An answer out of line, for one request.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Fault {
    /// The status; 0 is the one that it would have had.
    pub status: u16,
    /// The `Content-Type`.
    pub kind: String,
    /// The body.
    pub body: String,
    /// `Retry-After`, in seconds.
    pub retry_after: Option<u64>,
    /// `Location`.
    pub location: Option<String>,
    /// How long the answer takes, in milliseconds.
    pub delay_ms: u64,
    /// Whether the ticket is made all the same.
    pub made: bool,
}

impl Fault {
    /// As the API itself refuses.
    #[must_use]
    pub fn json(status: u16) -> Self {
        let body =
            json!({ "message": "Refused", "errorCode": "REFUSED", "_embedded": { "errors": [] } });
        Self {
            status,
            kind: "application/json".to_owned(),
            body: body.to_string(),
            ..Self::default()
        }
    }

    /// As the API finds fault with a field.
    #[must_use]
    pub fn rejected() -> Self {
        let body = json!({
            "message": "Bad request", "errorCode": "BAD REQUEST",
            "_embedded": { "errors": [
                { "path": "customer.email", "message": "Invalid email", "source": "JSON" },
            ] },
        });
        Self {
            body: body.to_string(),
            ..Self::json(400)
        }
    }

    /// As a proxy in front says it.
    #[must_use]
    pub fn html(status: u16) -> Self {
        let body = format!("<html><body><h1>{status}</h1></body></html>");
        Self {
            status,
            kind: "text/html".to_owned(),
            body,
            ..Self::default()
        }
    }

    /// As an edge turns away a client whose signature it does not like.
    #[must_use]
    pub fn edge_1010() -> Self {
        Self {
            kind: "text/plain".to_owned(),
            body: "error code: 1010".to_owned(),
            ..Self::html(403)
        }
    }

    /// Too many requests.
    #[must_use]
    pub fn busy(retry_after: u64) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::json(429)
        }
    }

    /// As a login page in front: a redirect to it.
    #[must_use]
    pub fn login() -> Self {
        Self {
            location: Some("/login".to_owned()),
            ..Self::html(302)
        }
    }

    /// Makes the ticket, and its answer comes too late.
    #[must_use]
    pub fn made_but_late(delay: Duration) -> Self {
        let delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        Self {
            delay_ms,
            made: true,
            ..Self::default()
        }
    }

    /// Makes the ticket, and answers with this.
    #[must_use]
    pub fn but_made(self) -> Self {
        Self { made: true, ..self }
    }

    /// Answers after this.
    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        Self {
            delay_ms: u64::try_from(delay.as_millis()).unwrap_or(u64::MAX),
            ..self
        }
    }
}

impl HelpDesk {
    /// An empty one that knows this key.
    #[must_use]
    pub fn new(api_key: impl Into<String>) -> Self {
        let state = Desk {
            api_key: api_key.into(),
            faults: VecDeque::new(),
            tickets: Vec::new(),
            seen: Vec::new(),
        };
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(state),
            }),
        }
    }

    /// The service.
    ///
    /// # Errors
    ///
    /// The routes cannot be protected.
    pub fn app(&self) -> Result<Protected, session_auth::BuildError> {
        let auth = SessionAuthLayer::builder_without_sessions().build()?;
        auth.protect(stand_in().with_state(self.clone()))
    }

    /// What the next requests for a ticket are answered with, one each.
    pub fn fail(&self, faults: impl IntoIterator<Item = Fault>) {
        self.desk().faults.extend(faults);
    }

    /// Forgets the faults that are left.
    pub fn recover(&self) {
        self.desk().faults.clear();
    }

    /// Knows another key from now on.
    pub fn set_api_key(&self, key: impl Into<String>) {
        self.desk().api_key = key.into();
    }

    /// The tickets so far.
    #[must_use]
    pub fn tickets(&self) -> Vec<Ticket> {
        self.desk().tickets.clone()
    }

    /// How many that are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.desk().tickets.len()
    }

    /// The requests for a ticket so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.desk().seen.clone()
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// FreeScout's own 401.
    fn refusal(&self, headers: &HeaderMap) -> Option<Response> {
        let shown = headers
            .get("x-freescout-api-key")
            .and_then(|key| key.to_str().ok());
        if shown == Some(self.desk().api_key.as_str()) {
            return None;
        }
        let error = json!({ "message": "Invalid API key", "errorCode": "UNAUTHORIZED" });
        Some((StatusCode::UNAUTHORIZED, Json(error)).into_response())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wanted {
    mailbox_id: i64,
    subject: String,
    customer: Customer,
    threads: Vec<Thread>,
    #[serde(default)]
    imported: bool,
}

#[derive(Deserialize)]
struct Customer {
    email: String,
}

#[derive(Deserialize)]
struct Thread {
    text: String,
    #[serde(default)]
    attachments: Vec<File>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    file_name: String,
    data: String,
}

#[audited_router]
fn stand_in() -> Router<HelpDesk> {
    Router::new()
        .mount(make)
        .mount(list)
        .mount(login)
        .mount(script)
        .mount(all)
}

#[webhook_route(
    POST,
    "/api/conversations",
    verify = "handler",
    reason = "a stand-in: it refuses as FreeScout does, in JSON",
    max_body = "64MiB"
)]
async fn make(State(desk): State<HelpDesk>, headers: HeaderMap, body: Bytes) -> Response {
    // An edge judges before anybody looks at a key.
    let fault = desk.desk().faults.pop_front();
    let refusal = desk.refusal(&headers);
    let at_edge = fault
        .as_ref()
        .is_some_and(|fault| fault.status != 0 && !fault.made);
    let answer = match refusal {
        Some(refusal) if !at_edge => refusal,
        _ if at_edge => StatusCode::OK.into_response(),
        _ => desk.add(&body),
    };
    let answer = match fault {
        None => answer,
        Some(fault) => {
            sleep(Duration::from_millis(fault.delay_ms)).await;
            if fault.status == 0 {
                answer
            } else {
                fault.answer()
            }
        }
    };
    let header = |name: &str| Some(headers.get(name)?.to_str().ok()?.to_owned());
    desk.desk().seen.push(Seen {
        user_agent: header(USER_AGENT.as_str()).unwrap_or_default(),
        access: header("cf-access-client-id"),
        status: answer.status().as_u16(),
    });
    answer
}

impl Fault {
    fn answer(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut answer = (status, [(CONTENT_TYPE, self.kind)], self.body).into_response();
        if let Some(seconds) = self.retry_after {
            answer.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        if let Some(location) = self.location.and_then(|it| it.parse().ok()) {
            answer.headers_mut().insert(LOCATION, location);
        }
        answer
    }
}

impl HelpDesk {
    fn add(&self, body: &[u8]) -> Response {
        let wanted: Wanted = match serde_json::from_slice(body) {
            Ok(wanted) => wanted,
            Err(error) => {
                let mut fault = Fault::rejected();
                fault.body = fault
                    .body
                    .replace("Invalid email", &error.to_string().replace('"', "'"));
                return fault.answer();
            }
        };
        let mut desk = self.desk();
        let id = desk.tickets.len() as u64 + 1;
        let thread = wanted.threads.into_iter().next();
        let (text, files) = thread
            .map(|it| (it.text, it.attachments))
            .unwrap_or_default();
        desk.tickets.push(Ticket {
            id,
            mailbox_id: wanted.mailbox_id,
            subject: wanted.subject,
            text,
            email: wanted.customer.email,
            imported: wanted.imported,
            attachments: files
                .into_iter()
                .map(|it| (it.file_name, it.data.len()))
                .collect(),
        });
        let headers = [("resource-id", id.to_string())];
        (
            StatusCode::CREATED,
            headers,
            Json(json!({ "id": id, "number": id })),
        )
            .into_response()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listing {
    mailbox_id: i64,
    #[serde(default = "one")]
    page: usize,
    #[serde(default = "fifty")]
    page_size: usize,
}

fn one() -> usize {
    1
}

fn fifty() -> usize {
    50
}

/// The newest first.
#[webhook_route(
    GET,
    "/api/conversations",
    verify = "handler",
    reason = "a stand-in: it refuses as FreeScout does, in JSON"
)]
async fn list(
    State(desk): State<HelpDesk>,
    headers: HeaderMap,
    Query(asked): Query<Listing>,
) -> Response {
    if let Some(refusal) = desk.refusal(&headers) {
        return refusal;
    }
    let desk = desk.desk();
    let all = desk
        .tickets
        .iter()
        .rev()
        .filter(|it| it.mailbox_id == asked.mailbox_id);
    let all: Vec<_> = all.collect();
    let size = asked.page_size.clamp(1, 100);
    let pages = all.len().div_ceil(size);
    let shown = all.iter().skip((asked.page.max(1) - 1) * size).take(size);
    let shown: Vec<Value> = shown
        .map(|it| json!({ "id": it.id, "mailboxId": it.mailbox_id, "subject": it.subject }))
        .collect();
    let page = json!({ "size": size, "totalElements": all.len(), "totalPages": pages, "number": asked.page });
    Json(json!({ "_embedded": { "conversations": shown }, "page": page })).into_response()
}

#[public_route(
    GET,
    "/login",
    reason = "a stand-in's login page, which nobody logs in at"
)]
async fn login() -> Response {
    Fault::html(200).answer()
}

/// For tests in another process.
#[webhook_route(
    POST,
    "/stand-in/faults",
    verify = "handler",
    reason = "a stand-in, which keeps nothing that is anybody's"
)]
async fn script(State(desk): State<HelpDesk>, Json(faults): Json<Vec<Fault>>) -> StatusCode {
    desk.fail(faults);
    StatusCode::NO_CONTENT
}

#[public_route(
    GET,
    "/stand-in/tickets/{field}",
    reason = "a stand-in: what it was given"
)]
async fn all(State(desk): State<HelpDesk>, Path(field): Path<String>) -> Response {
    match field.as_str() {
        "all" => Json(desk.tickets()).into_response(),
        "count" => desk.count().to_string().into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}
