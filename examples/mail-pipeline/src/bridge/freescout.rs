//! The help desk's API: a ticket is made, and looked for.

use std::io;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, stream};
use http::StatusCode;
use reqwest::redirect::Policy;
use reqwest::{Body, Client, RequestBuilder, Url};
use serde::Deserialize;
use serde_json::json;

use super::answer::{self, Meaning, NO_STORE};
use crate::blobs::{Blobs, ReadError};
use crate::config::Secret;
use crate::mail::Mail;
use crate::queue::BoxError;
use crate::sealed::Vault;

/// An edge judges clients by it, and knows those of libraries.
const USER_AGENT: &str = concat!(
    "mail-pipeline/",
    env!("CARGO_PKG_VERSION"),
    " (help desk bridge)"
);
/// Of an answer, in bytes: enough to see its shape.
const MOST: usize = 64 * 1024;
/// Of an answer, in characters: what is kept.
const SHOWN: usize = 500;
/// Of conversations looked through for one that may have been made, 50 each.
const PAGES: usize = 20;

#[derive(Clone)]
pub(crate) struct FreeScout {
    client: Client,
    base: Url,
    vault: Vault,
    blobs: Blobs,
}

/// What the help desk said of a mail.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) meaning: Meaning,
    /// For the operators.
    pub(crate) text: String,
}

/// Without what it needs of the store, no request is made: for sure there is no ticket.
impl From<ReadError> for Answer {
    fn from(error: ReadError) -> Self {
        let meaning = match error {
            ReadError::Missing(_) => Meaning::Reject("attachment_missing"),
            ReadError::Unavailable(_) => Meaning::Later {
                reason: NO_STORE,
                wait: None,
            },
        };
        Self {
            meaning,
            text: error.to_string(),
        }
    }
}

/// A body as it is sent, and its length.
type Request = (BoxStream<'static, io::Result<Bytes>>, u64);

#[derive(Deserialize)]
struct Listing {
    #[serde(rename = "_embedded")]
    embedded: Embedded,
    #[serde(default)]
    page: Page,
}

#[derive(Deserialize)]
struct Embedded {
    conversations: Vec<Conversation>,
}

#[derive(Deserialize)]
struct Conversation {
    id: u64,
    #[serde(default)]
    subject: Option<String>,
}

#[derive(Default, Deserialize)]
struct Page {
    #[serde(default, rename = "totalPages")]
    pages: usize,
}

impl FreeScout {
    pub(crate) fn new(
        base: Url,
        timeout: Duration,
        vault: Vault,
        blobs: Blobs,
    ) -> Result<Self, BoxError> {
        let client = Client::builder()
            .user_agent(USER_AGENT)
            // A login page is no ticket.
            .redirect(Policy::none())
            // Also where the answer comes byte by byte.
            .timeout(timeout)
            .connect_timeout(timeout.min(Duration::from_secs(5)))
            .build()?;
        Ok(Self {
            client,
            base,
            vault,
            blobs,
        })
    }

    /// Has a ticket made. Its subject ends with the marker, by which [`find`](Self::find) knows it.
    pub(crate) async fn make(
        &self,
        mail: &Mail,
        mailbox: i64,
        marker: &str,
    ) -> Result<Answer, BoxError> {
        let url = self.url()?;
        let Some(request) = self.authorized(self.client.post(url)).await? else {
            return Ok(no_key());
        };
        let (body, length) = match self.body(mail, mailbox, marker).await? {
            Ok(body) => body,
            Err(answer) => return Ok(answer),
        };
        let request = request
            .header("content-type", "application/json")
            .header("content-length", length)
            .body(Body::wrap_stream(body));
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => {
                // Without a connection nobody has heard of the ticket.
                let meaning = if error.is_connect() {
                    Meaning::Later {
                        reason: "not_reached",
                        wait: None,
                    }
                } else {
                    Meaning::Unclear("no_answer")
                };
                return Ok(Answer {
                    meaning,
                    text: chain(&error),
                });
            }
        };
        let (status, headers) = (response.status(), response.headers().clone());
        let body = beginning(response).await;
        let meaning = answer::read(status, &headers, &body, SystemTime::now());
        Ok(Answer {
            meaning,
            text: shown(status, &body),
        })
    }

    /// The newest ticket with this marker; or the answer, where that could not be found out.
    pub(crate) async fn find(
        &self,
        mailbox: i64,
        marker: &str,
    ) -> Result<Result<Option<String>, Answer>, BoxError> {
        for page in 1..=PAGES {
            let query = [
                ("mailboxId", mailbox.to_string()),
                ("sortField", "createdAt".to_owned()),
                ("sortOrder", "desc".to_owned()),
                ("pageSize", "50".to_owned()),
                ("page", page.to_string()),
            ];
            let request = self.client.get(self.url()?).query(&query);
            let Some(request) = self.authorized(request).await? else {
                return Ok(Err(no_key()));
            };
            let unclear = |text| Answer {
                meaning: Meaning::Unclear("cannot_look"),
                text,
            };
            let response = match request.send().await {
                Ok(response) => response,
                Err(error) => return Ok(Err(unclear(chain(&error)))),
            };
            let (status, headers) = (response.status(), response.headers().clone());
            if status != StatusCode::OK {
                let body = beginning(response).await;
                let text = shown(status, &body);
                return Ok(Err(
                    match answer::read(status, &headers, &body, SystemTime::now()) {
                        meaning @ (Meaning::Stop(_) | Meaning::Later { .. }) => {
                            Answer { meaning, text }
                        }
                        _ => unclear(text),
                    },
                ));
            }
            let listing: Listing = match response.json().await {
                Ok(listing) => listing,
                Err(error) => return Ok(Err(unclear(chain(&error)))),
            };
            let found = listing.embedded.conversations.iter().find(|it| {
                it.subject
                    .as_deref()
                    .is_some_and(|subject| subject.ends_with(marker))
            });
            if let Some(found) = found {
                return Ok(Ok(Some(found.id.to_string())));
            }
            if page >= listing.page.pages {
                break;
            }
        }
        Ok(Ok(None))
    }

    fn url(&self) -> Result<Url, BoxError> {
        let base = self.base.as_str().trim_end_matches('/');
        Ok(format!("{base}/api/conversations").parse()?)
    }

    /// `None`: there is no API key.
    async fn authorized(
        &self,
        request: RequestBuilder,
    ) -> Result<Option<RequestBuilder>, BoxError> {
        let Some(key) = self.vault.get("helpdesk_api_key").await? else {
            return Ok(None);
        };
        let text = |secret: &Secret| AsRef::<str>::as_ref(secret).to_owned();
        let mut request = request.header("x-freescout-api-key", text(&key));
        for (name, header) in [
            ("access_client_id", "cf-access-client-id"),
            ("access_client_secret", "cf-access-client-secret"),
        ] {
            if let Some(value) = self.vault.get(name).await? {
                request = request.header(header, text(&value));
            }
        }
        Ok(Some(request))
    }

    /// The request, whose attachments are read as they are sent; and its length.
    async fn body(
        &self,
        mail: &Mail,
        mailbox: i64,
        marker: &str,
    ) -> Result<Result<Request, Answer>, BoxError> {
        let mut text = escaped(&mail.readable());
        for damaged in mail.attachments.iter().filter(|it| it.damaged) {
            let note = format!(
                "\n\n[The attachment {:?} did not arrive whole. What arrived is kept as {}.]",
                damaged.name, damaged.blob
            );
            text.push_str(&escaped(&note));
        }
        let subject = match mail.subject.trim() {
            "" => "(no subject)",
            subject => subject,
        };
        let customer = match mail.from.name.trim() {
            "" => json!({ "email": mail.from.email }),
            name => json!({ "email": mail.from.email, "firstName": name }),
        };
        let whole = json!({
            "type": "email",
            "mailboxId": mailbox,
            "subject": format!("{subject} {marker}"),
            "customer": customer,
            "imported": true,
            "status": "active",
            "threads": [{
                "type": "customer",
                "text": text.replace('\n', "<br>\n"),
                "customer": { "email": mail.from.email },
                "attachments": [],
            }],
        });
        let whole = whole.to_string();
        // Our own text: `"attachments":[]` is in no string of it, where quotes are escaped.
        let (before, after) = whole
            .split_once(r#""attachments":[]"#)
            .ok_or("the request has no place for attachments")?;
        let mut parts: Vec<BoxStream<'static, io::Result<Bytes>>> = Vec::new();
        let mut length = 0;
        let mut push = |text: String, parts: &mut Vec<BoxStream<'static, io::Result<Bytes>>>| {
            length += text.len() as u64;
            parts.push(stream::once(async { Ok(Bytes::from(text)) }).boxed());
        };
        push(format!(r#"{before}"attachments":["#), &mut parts);
        let mut encoded = 0;
        for (index, it) in mail.attachments.iter().filter(|it| !it.damaged).enumerate() {
            let head = json!({ "fileName": it.name, "mimeType": it.mime }).to_string();
            let head = head.trim_end_matches('}');
            let comma = if index == 0 { "" } else { "," };
            push(format!(r#"{comma}{head},"data":""#), &mut parts);
            encoded += it.bytes.div_ceil(3) * 4;
            let content = match self.blobs.read(&it.blob).await {
                Ok(content) => content,
                Err(error) => return Ok(Err(error.into())),
            };
            let content = content.map(|part| part.map(|part| Bytes::from(STANDARD.encode(&part))));
            parts.push(content.boxed());
            push(r#""}"#.to_owned(), &mut parts);
        }
        push(format!("]{after}"), &mut parts);
        Ok(Ok((
            stream::iter(parts).flatten().boxed(),
            length + encoded,
        )))
    }
}

fn no_key() -> Answer {
    Answer {
        meaning: Meaning::Stop("no_api_key"),
        text: "there is no helpdesk_api_key: set it by `mail-pipeline secrets set`".to_owned(),
    }
}

/// The texts of threads are HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

async fn beginning(response: reqwest::Response) -> Vec<u8> {
    let mut body = Vec::new();
    let mut parts = response.bytes_stream();
    while let Some(Ok(part)) = parts.next().await {
        body.extend_from_slice(&part);
        if body.len() >= MOST {
            body.truncate(MOST);
            break;
        }
    }
    body
}

fn shown(status: StatusCode, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    // PostgreSQL has no NUL in its texts.
    let text: String = text.chars().filter(|c| *c != '\0').take(SHOWN).collect();
    format!("{} {text}", status.as_u16())
}

/// What is behind an error, too, and no URL.
fn chain(error: &reqwest::Error) -> String {
    let mut text = "no answer".to_owned();
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
    if error.is_timeout() {
        text.push_str(" in time");
    }
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
