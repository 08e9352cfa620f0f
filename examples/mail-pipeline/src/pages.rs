//! What a person is shown. Everything that is anybody's is text: it is escaped, and the page's policy
//! lets nothing run.

use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use session_auth::LocalPath;

use crate::clock;
use crate::journal;
use crate::mail::Mail;
use crate::queue::{DeadLetter, Depth};
use crate::routing::{DEFAULT, Table};
use crate::sealed;

const STYLE: &str = include_str!("pages.css");

/// A page, kept by no cache, in which nothing runs.
pub(crate) struct Page(Markup);

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let headers = [
            (
                CONTENT_SECURITY_POLICY,
                "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; \
                 frame-ancestors 'none'; base-uri 'none'",
            ),
            (CACHE_CONTROL, "no-store"),
        ];
        (headers, self.0).into_response()
    }
}

/// What the operators' page shows.
pub(crate) struct Shown {
    pub(crate) depth: Depth,
    pub(crate) stopped: Option<String>,
    pub(crate) rates: (i64, i64),
    pub(crate) events: Vec<(String, i64)>,
    pub(crate) dead: Vec<DeadLetter>,
    pub(crate) routes: Table,
    pub(crate) secrets: Vec<sealed::Entry>,
    pub(crate) mails: Vec<journal::Entry>,
    pub(crate) replies: bool,
}

pub(crate) fn login(next: Option<&LocalPath>, wrong: bool) -> Page {
    page(
        "Log in",
        &html! {
            h1 { "Log in" }
            @if wrong { p.notice role="alert" { "Wrong password." } }
            form.card method="post" action="/login" {
                label {
                    "Password"
                    input name="password" type="password" autocomplete="current-password" required autofocus;
                }
                @if let Some(next) = next { input name="next" type="hidden" value=(next); }
                button.main { "Log in" }
            }
        },
    )
}

pub(crate) fn operators(shown: &Shown) -> Page {
    page(
        "Mail pipeline",
        &html! {
            header {
                h1 { "Mail pipeline" }
                form method="post" action="/logout" { button { "Log out" } }
            }
            @if let Some(why) = &shown.stopped {
                p.notice role="alert" {
                    strong { "The bridge is stopped: " } (why) " Mails stay in the queue. "
                    form method="post" action="/operators/resume" { button { "It is mended: go on" } }
                }
            }
            (hops(shown))
            (dead(&shown.dead))
            (routing(&shown.routes))
            (secrets(&shown.secrets))
            h2 { "Mails" }
            table {
                tr { th { "Arrived" } th { "From" } th { "Subject" } th { "State" } th { "Ticket" } }
                @for mail in &shown.mails {
                    tr {
                        td { (clock::text(mail.published_at)) }
                        td { (mail.sender) }
                        td { (mail.subject) }
                        td { (mail.state) @if let Some(reason) = &mail.reason { " (" (reason) ")" } }
                        td { (mail.tickets.as_deref().unwrap_or("–")) }
                    }
                }
            }
            p {
                a href="/internal/routes" { "Who may call each route" } " · "
                a href="/internal/trail" { "Deployments" }
            }
        },
    )
}

fn hops(shown: &Shown) -> Markup {
    let Depth {
        messages,
        oldest_ms,
        dead,
    } = shown.depth;
    html! {
        h2 { "Hops" }
        table {
            tr { th { "Hop" } th { "Now" } th { "In the last hour" } }
            tr { td { "Inbound" } td { "–" } td { (shown.rates.0) " accepted" } }
            tr { td { "Queue" } td { (messages) " waiting, the oldest for " (oldest_ms / 1000) " s" } td { "–" } }
            tr { td { "Bridge" } td { @if shown.stopped.is_some() { "stopped" } @else { "running" } } td { (shown.rates.1) " tickets" } }
            tr { td { "Dead letters" } td { (dead) } td { "–" } }
            tr { td { "Auto-replies" } td { @if shown.replies { "on" } @else { "off" } } td { "–" } }
            tr {
                td { "Events" }
                td { @for (kind, count) in &shown.events { (kind) ": " (count) " " } }
                td { "–" }
            }
        }
    }
}

fn dead(letters: &[DeadLetter]) -> Markup {
    let mut reasons: Vec<&str> = letters.iter().map(|it| it.reason.as_str()).collect();
    reasons.sort_unstable();
    reasons.dedup();
    html! {
        h2 { "Dead letters" }
        @if letters.is_empty() { p { "There are none." } } @else {
            table {
                tr { th { "Died" } th { "Mail" } th { "Reason" } th { "Last answer" } th {} }
                @for letter in letters {
                    tr {
                        td { (clock::text(letter.dead_at)) }
                        td { a href={ "/operators/dead-letters/" (path(&letter.id)) } { (letter.id) } }
                        td { (letter.reason) }
                        td { (letter.answer) }
                        td { (again("id", &letter.id, "Redrive")) }
                    }
                }
            }
            p {
                @for reason in reasons { (again("reason", reason, &format!("Redrive all: {reason}"))) " " }
                (again("all", "yes", "Redrive all"))
            }
        }
    }
}

fn again(name: &str, value: &str, label: &str) -> Markup {
    html! {
        form method="post" action="/operators/redrive" {
            input type="hidden" name=(name) value=(value);
            button { (label) }
        }
    }
}

fn routing(table: &Table) -> Markup {
    html! {
        h2 { "Routing" }
        table {
            tr { th { "Recipient" } th { "Mailbox" } th {} }
            @for (address, mailbox) in &table.0 {
                tr {
                    td { @if address == DEFAULT { "all others" } @else { (address) } }
                    td { (mailbox) }
                    td {
                        @if address != DEFAULT {
                            form method="post" action="/operators/routing" {
                                input type="hidden" name="address" value=(address);
                                input type="hidden" name="mailbox" value="";
                                button.danger { "Take away" }
                            }
                        }
                    }
                }
            }
        }
        form.line method="post" action="/operators/routing" {
            label { "Recipient, or *" input name="address" required; }
            label { "Mailbox" input name="mailbox" required inputmode="numeric"; }
            button { "Set" }
        }
    }
}

fn secrets(secrets: &[sealed::Entry]) -> Markup {
    html! {
        h2 { "Secrets" }
        table {
            tr { th { "Name" } th { "Shown as" } th { "Set" } th { "Uses" } th { "Last used" } th { "Sealed by" } }
            @for it in secrets {
                tr {
                    td { (it.name) }
                    td { (it.place) }
                    td { (clock::text(it.set_at)) }
                    td { (it.uses) }
                    td { (it.used_at.map_or_else(|| "never".to_owned(), clock::text)) }
                    td { (it.key_id) }
                }
            }
        }
    }
}

pub(crate) fn letter(letter: &DeadLetter, mail: Option<&Mail>) -> Page {
    page(
        "Dead letter",
        &html! {
            h1 { "Dead letter" }
            p { a href="/operators" { "All of the pipeline" } }
            table {
                tr { th { "Mail" } td { (letter.id) } }
                tr { th { "Reason" } td { (letter.reason) } }
                tr { th { "Last answer" } td { (letter.answer) } }
                tr { th { "Claimed" } td { (letter.deliveries) " times" } }
                @if let Some(mail) = mail {
                    tr { th { "From" } td { (mail.from.name) " " (mail.from.email) } }
                    tr { th { "Subject" } td { (mail.subject) } }
                    @for it in &mail.attachments {
                        tr { th { "Attachment" } td { (it.name) ", " (it.bytes) " bytes" } }
                    }
                }
            }
            @if let Some(mail) = mail {
                h2 { "Text" }
                pre { (mail.text) }
                h2 { "HTML, as it was written" }
                pre { (mail.html) }
            }
        },
    )
}

/// In a path, where `/` and `?` would mean something.
fn path(id: &str) -> String {
    use std::fmt::Write as _;
    id.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~:@".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}

fn page(title: &str, main: &Markup) -> Page {
    Page(html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { main { (main) } }
        }
    })
}
