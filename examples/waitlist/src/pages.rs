//! What a person sees. `maud` escapes what others wrote; nothing here is `PreEscaped` but the style.

use std::time::SystemTime;

use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use session_auth::store::ApiKey;
use session_auth::{LocalPath, Session, SessionInfo, Timestamp};
use time::OffsetDateTime;

use crate::OPERATOR;

const STYLE: &str = include_str!("pages.css");

/// A page of HTML.
pub(crate) struct Page(Markup);

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let headers = [
            // No script, whoever wrote it, and no frame around a button.
            (
                CONTENT_SECURITY_POLICY,
                "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; \
                 base-uri 'none'; frame-ancestors 'none'",
            ),
            // The next person at this computer does not see it by going back.
            (CACHE_CONTROL, "no-store"),
        ];
        (headers, self.0).into_response()
    }
}

pub(crate) fn login(next: Option<&LocalPath>, notice: Option<&str>) -> Page {
    page(
        "Log in",
        &html! {
            h1 { "Log in" }
            (notice_box(notice))
            form.card method="post" action="/login" {
                label {
                    "Name"
                    input name="name" value=(OPERATOR) autocomplete="username" required;
                }
                label {
                    "Password"
                    input name="password" type="password" autocomplete="current-password" required
                        autofocus;
                }
                @if let Some(next) = next {
                    input name="next" type="hidden" value=(next);
                }
                button.main { "Log in" }
            }
        },
    )
}

pub(crate) fn devices(session: &Session, devices: &[SessionInfo], notice: Option<&str>) -> Page {
    page(
        "Your devices",
        &html! {
            header {
                h1 { "Your devices" }
                form method="post" action="/logout" {
                    button { "Log out" }
                }
            }
            (notice_box(notice))
            p { "You are " strong { (session.subject()) } ", and logged in on:" }
            ul {
                @for device in devices {
                    li.card { (device_row(device, device.id() == session.id())) }
                }
            }
            @if devices.len() > 1 {
                form method="post" action="/devices/revoke-others" {
                    button.danger { "Sign out everywhere else" }
                }
            }
            p { a href="/keys" { "API keys" } " let programs read the waitlist." }
            h2 { "Password" }
            form.card method="post" action="/account/password" {
                label {
                    "Current password"
                    input name="current" type="password" autocomplete="current-password" required;
                }
                label {
                    "New password, of 12 characters or more"
                    input name="new" type="password" autocomplete="new-password" required
                        minlength="12";
                }
                button.main { "Change password" }
                small { "This signs you out everywhere else." }
            }
        },
    )
}

/// The keys, and the text of one that was just issued.
pub(crate) fn keys(keys: &[ApiKey], issued: Option<&str>) -> Page {
    page(
        "API keys",
        &html! {
            h1 { "API keys" }
            p { a href="/devices" { "Your devices" } }
            @if let Some(key) = issued {
                div.card role="status" {
                    "Your new key: copy it now, it is not shown again."
                    input aria-label="New key" readonly value=(key);
                }
            }
            ul {
                @for key in keys {
                    li.card { (key_row(key)) }
                }
            }
            form.card method="post" action="/keys" {
                label {
                    "What is it for?"
                    input name="label" required maxlength="64";
                }
                button.main { "Issue a key" }
                small { "It reads the waitlist, and ends after 90 days." }
            }
        },
    )
}

fn key_row(key: &ApiKey) -> Markup {
    let time = |time: Timestamp| when(time.to_system_time());
    html! {
        div {
            strong { (key.label) }
            small { "Issued " (time(key.issued)) }
            small {
                @match key.last_used {
                    Some(used) => { "Last used " (time(used)) }
                    None => { "Never used" }
                }
            }
            @if let Some(revoked) = key.revoked {
                small { "Revoked " (time(revoked)) }
            } @else if let Some(end) = key.expires {
                small { "Ends " (time(end)) }
            }
        }
        @if key.revoked.is_none() {
            form method="post" action={ "/keys/" (key.id) "/rotate" } {
                button { "Rotate" }
            }
            form method="post" action={ "/keys/" (key.id) "/revoke" } {
                button.danger { "Revoke" }
            }
        }
    }
}

fn device_row(device: &SessionInfo, this: bool) -> Markup {
    html! {
        div {
            strong { (device.label().unwrap_or("Unknown device")) }
            @if this { " " mark { "this device" } }
            small { "Logged in " (when(device.issued_at())) }
            small { "Last seen " (when(device.last_seen())) }
        }
        @if !this {
            form method="post" action={ "/devices/" (device.id()) "/revoke" } {
                button.danger { "Sign out" }
            }
        }
    }
}

fn when(time: Option<SystemTime>) -> Markup {
    let Some(time) = time.map(OffsetDateTime::from) else {
        return html! { "at an unknown time" };
    };
    let (year, month, day) = time.to_calendar_date();
    let (hour, minute, _) = time.to_hms();
    // Every month's name begins with three ASCII letters.
    let month = &month.to_string()[..3];
    html! { (day) " " (month) " " (year) ", " (format!("{hour:02}:{minute:02}")) " UTC" }
}

fn notice_box(notice: Option<&str>) -> Markup {
    html! {
        @if let Some(notice) = notice {
            p.notice role="alert" { (notice) }
        }
    }
}

fn page(title: &str, main: &Markup) -> Page {
    Page(html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " · Waitlist" }
                style { (PreEscaped(STYLE)) }
            }
            body { main { (main) } }
        }
    })
}
