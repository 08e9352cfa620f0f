//! What an answer of the help desk means: read by its shape. A status alone says too little: what
//! stands in front of the API answers with the same ones, in HTML.

use std::time::{Duration, SystemTime};

use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use serde_json::Value;

/// Longer than this nobody waits because of a `Retry-After`.
const LONGEST: Duration = Duration::from_secs(3600);

/// The help desk is busy: no failure of the mail's.
pub(crate) const RATE_LIMITED: &str = "rate_limited";
/// The store of attachments does not answer.
pub(crate) const NO_STORE: &str = "attachments_unavailable";

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// The ticket exists.
    Made(String),
    /// It will never be made of this mail.
    Reject(&'static str),
    /// Nothing will be made until somebody sees to the configuration.
    Stop(&'static str),
    /// It was not made, and may be later.
    Later {
        reason: &'static str,
        wait: Option<Duration>,
    },
    /// It may have been made.
    Unclear(&'static str),
}

impl Meaning {
    /// Whether the help desk, or what stands in front of it, is not in order.
    pub(crate) fn is_outage(&self) -> bool {
        match self {
            Self::Unclear(_) => true,
            Self::Later { reason, .. } => ![RATE_LIMITED, NO_STORE].contains(reason),
            Self::Made(_) | Self::Reject(_) | Self::Stop(_) => false,
        }
    }
}

/// Reads an answer. `body` may be its beginning.
pub(crate) fn read(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    now: SystemTime,
) -> Meaning {
    let json = serde_json::from_slice::<Value>(body)
        .ok()
        .filter(Value::is_object);
    let text = String::from_utf8_lossy(body);
    let has_errors = |json: &Value| {
        json.pointer("/_embedded/errors")
            .is_some_and(Value::is_array)
            || json.get("errorCode").is_some()
    };
    match (status.as_u16(), &json) {
        (200 | 201, Some(json)) => {
            let id = json.get("id").or_else(|| json.pointer("/conversation/id"));
            match id.and_then(number).or_else(|| resource_id(headers)) {
                Some(id) => Meaning::Made(id),
                None => Meaning::Unclear("no_ticket_in_answer"),
            }
        }
        // A 201 may be empty.
        (201, None) if !is_html(headers, &text) => match resource_id(headers) {
            Some(id) => Meaning::Made(id),
            None => Meaning::Unclear("no_ticket_in_answer"),
        },
        // A page that something in front shows for everything.
        (200..=299, _) => Meaning::Unclear("page_for_an_answer"),
        (300..=399, _) => Meaning::Later {
            reason: "login_page",
            wait: None,
        },
        (400, Some(json)) if has_errors(json) => Meaning::Reject("rejected"),
        (413 | 422, Some(_)) => Meaning::Reject("rejected"),
        (401, Some(_)) => Meaning::Stop("api_key_refused"),
        (403, Some(_)) => Meaning::Stop("api_key_forbidden"),
        (404, Some(_)) => Meaning::Stop("no_such_mailbox"),
        (405, Some(_)) => Meaning::Stop("no_such_api"),
        (429, _) => Meaning::Later {
            reason: RATE_LIMITED,
            wait: retry_after(headers, now),
        },
        (403, None) if text.contains("error code: 1010") => Meaning::Later {
            reason: "edge_blocked",
            wait: None,
        },
        (409, _) => Meaning::Unclear("conflict"),
        (400..=499, _) => Meaning::Later {
            reason: "edge_page",
            wait: None,
        },
        // The ticket may be there although what came after it failed.
        _ => Meaning::Unclear("server_error"),
    }
}

fn is_html(headers: &HeaderMap, text: &str) -> bool {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    kind.starts_with("text/html") || text.trim_start().starts_with('<')
}

fn number(id: &Value) -> Option<String> {
    id.as_u64().map(|id| id.to_string())
}

fn resource_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get("resource-id")?.to_str().ok()?;
    (!id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit())).then(|| id.to_owned())
}

/// In seconds, or a date (RFC 9110 §10.2.3).
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            use time::format_description::well_known::Rfc2822;
            // The dates of HTTP are those of mail, but for the name of the zone.
            let at = time::OffsetDateTime::parse(&text.replace("GMT", "+0000"), &Rfc2822).ok()?;
            SystemTime::from(at).duration_since(now).unwrap_or_default()
        }
    };
    Some(wait.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ERRORS: &str = r#"{"message":"m","errorCode":"BAD REQUEST","_embedded":{"errors":[]}}"#;

    fn meaning(status: u16, headers: &[(&str, &str)], body: &str) -> Meaning {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(
                name.parse::<http::HeaderName>().unwrap(),
                value.parse().unwrap(),
            );
        }
        let status = StatusCode::from_u16(status).unwrap();
        read(status, &map, body.as_bytes(), SystemTime::UNIX_EPOCH)
    }

    #[test]
    fn each_shape() {
        let later = |reason| Meaning::Later { reason, wait: None };
        let html = "<html>Just a moment...</html>";
        for (status, body, expected) in [
            (201, r#"{"id":512,"number":7}"#, Meaning::Made("512".into())),
            (200, r#"{"id":512}"#, Meaning::Made("512".into())),
            (200, "{}", Meaning::Unclear("no_ticket_in_answer")),
            (201, "", Meaning::Unclear("no_ticket_in_answer")),
            (200, html, Meaning::Unclear("page_for_an_answer")),
            (201, html, Meaning::Unclear("page_for_an_answer")),
            (302, "", later("login_page")),
            (400, ERRORS, Meaning::Reject("rejected")),
            (400, html, later("edge_page")),
            (401, r#"{"message":"m"}"#, Meaning::Stop("api_key_refused")),
            (401, html, later("edge_page")),
            (
                403,
                r#"{"message":"m"}"#,
                Meaning::Stop("api_key_forbidden"),
            ),
            (403, html, later("edge_page")),
            (403, "error code: 1010", later("edge_blocked")),
            (403, "<h1>error code: 1010</h1>", later("edge_blocked")),
            (404, r#"{"message":"m"}"#, Meaning::Stop("no_such_mailbox")),
            (404, html, later("edge_page")),
            (405, r#"{"message":"m"}"#, Meaning::Stop("no_such_api")),
            (409, r#"{"message":"m"}"#, Meaning::Unclear("conflict")),
            (429, html, later("rate_limited")),
            (500, r#"{"message":"m"}"#, Meaning::Unclear("server_error")),
            (503, html, Meaning::Unclear("server_error")),
        ] {
            assert_eq!(meaning(status, &[], body), expected, "{status} {body}");
        }
        let made = meaning(201, &[("resource-id", "77")], "");
        assert_eq!(made, Meaning::Made("77".into()));
    }

    #[test]
    fn how_long_to_wait() {
        for (text, seconds) in [
            ("7", Some(7)),
            ("99999999", Some(3600)),
            ("Thu, 01 Jan 1970 00:02:00 GMT", Some(120)),
            ("Thu, 01 Jan 1969 00:00:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
        ] {
            let Meaning::Later { wait, .. } = meaning(429, &[("retry-after", text)], "") else {
                panic!("{text}");
            };
            assert_eq!(wait, seconds.map(Duration::from_secs), "{text}");
        }
    }
}
