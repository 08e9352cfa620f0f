//! The page: one document, that a browser without scripts shows as well.

use std::borrow::Cow;

use maud::{DOCTYPE, Markup, html};

use super::form::{Hour, Listing, Route};
use super::query::{Class, Only, Query, Sort};

pub(super) const STYLE: &str = include_str!("page.css");
pub(super) const SCRIPT: &str = include_str!("page.js");

/// How many routes one page shows.
const AT_A_TIME: usize = 1_000;

/// Text of a program or a caller, with what would move other text made visible: line ends, and the marks
/// that turn the direction of writing.
fn shown(text: &str) -> Cow<'_, str> {
    let is_hidden = |it: char| {
        it.is_control()
            || matches!(it, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}')
            || matches!(it, '\u{feff}' | '\u{61c}')
    };
    if !text.contains(is_hidden) {
        return text.into();
    }
    let mut all = String::with_capacity(text.len() + 8);
    for it in text.chars() {
        if is_hidden(it) {
            all.extend(it.escape_default());
        } else {
            all.push(it);
        }
    }
    all.into()
}

pub(super) fn page(listing: &Listing, query: &Query) -> Markup {
    let from = query.from.min(listing.routes.len());
    let to = listing.routes.len().min(from + AT_A_TIME);
    let routes = &listing.routes[from..to];
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "Routes" }
                link rel="stylesheet" href="?asset=style.css";
                script src="?asset=script.js" defer {}
            }
            body {
                header { h1 { "Routes" } }
                main id="listing" {
                    (summary(listing))
                    (hurts(listing))
                    (filter(query))
                    section aria-labelledby="routes" {
                        h2 id="routes" {
                            (listing.routes.len()) " routes"
                            @if routes.len() < listing.routes.len() {
                                ", " (from + 1) " to " (to)
                            }
                        }
                        @if query.only == Some(Only::Exempt) { (exemptions(routes)) }
                        @else { (table(routes)) }
                        @if to < listing.routes.len() {
                            p { a href={ "?" (with_from(query, to)) } { "The next routes" } }
                        }
                    }
                    (keys(listing))
                }
            }
        }
    }
}

fn summary(listing: &Listing) -> Markup {
    let summary = &listing.summary;
    html! {
        p .summary {
            (summary.public) " public, " (summary.webhook) " webhook, " (summary.session) " session, "
            (summary.unclassified) " unclassified; " (summary.opaque) " whole services, "
            (summary.fallbacks) " fallbacks. Mode " strong { (listing.mode) } ", since "
            (time(&listing.started)) ". Counted until " (time(&listing.now)) "."
        }
    }
}

fn time(utc: &str) -> Markup {
    html! { time datetime=(utc) { (utc.replace('T', " ").replace('Z', " UTC")) } }
}

fn hurts(listing: &Listing) -> Markup {
    html! {
        section aria-labelledby="hurts" .{ @if listing.hurts.is_empty() { "well" } @else { "ill" } } {
            h2 id="hurts" { "What hurts" }
            @if listing.hurts.is_empty() { p { "Nothing: no webhook rings, and all traffic is of a class." } }
            @else {
                ul {
                    @for hurt in &listing.hurts {
                        li {
                            strong { (hurt.kind) } " "
                            @if let Some(route) = &hurt.route { bdi { code { (shown(route)) } } " " }
                            bdi { (shown(&hurt.message)) }
                            @if let Some(since) = &hurt.since { ", since " (time(since)) }
                        }
                    }
                }
            }
        }
    }
}

fn filter(query: &Query) -> Markup {
    let option = |value: &str, chosen: bool| {
        html! { option value=(value) selected[chosen] { (value) } }
    };
    html! {
        form method="get" role="search" aria-label="Filter and order" {
            label { "Text " input type="search" name="q" value=[query.text.as_deref()]; }
            label { "Owner " input name="owner" value=[query.owner.as_deref()]; }
            label { "Only "
                select name="only" {
                    option value="" { "all" }
                    @for only in Only::ALL { (option(only.as_str(), query.only == Some(*only))) }
                }
            }
            label { "Class "
                select name="class" {
                    option value="" { "any" }
                    @for class in Class::ALL { (option(class.as_str(), query.class == Some(*class))) }
                }
            }
            label { "Order by "
                select name="sort" {
                    @for sort in Sort::ALL { (option(sort.as_str(), query.sort == *sort)) }
                }
            }
            button { "Show" }
        }
    }
}

/// The query of the next page.
fn with_from(query: &Query, from: usize) -> String {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    let mut all = vec![
        format!("from={from}"),
        format!("sort={}", query.sort.as_str()),
    ];
    all.extend(query.only.map(|it| format!("only={}", it.as_str())));
    all.extend(query.class.map(|it| format!("class={}", it.as_str())));
    all.extend(
        query
            .ascending
            .map(|it| format!("order={}", if it { "asc" } else { "desc" })),
    );
    for (name, value) in [("owner", &query.owner), ("q", &query.text)] {
        if let Some(value) = value {
            all.push(format!(
                "{name}={}",
                utf8_percent_encode(value, NON_ALPHANUMERIC)
            ));
        }
    }
    all.join("&")
}

fn class(route: &Route) -> &'static str {
    route.class.unwrap_or("unclassified")
}

/// Who may call it, on which terms.
fn terms(route: &Route) -> Markup {
    let word = |is_there: bool, word: &'static str| is_there.then_some(word);
    let words = [
        word(route.issues_session, "issues sessions"),
        word(route.optional_session, "optional session"),
        word(!route.named, "by path"),
        word(route.shape != "route", route.shape),
    ];
    html! {
        @if let Some(verifier) = &route.verifier {
            div { "verified by " bdi { (shown(verifier)) }
                @if let Some(binds) = route.binds { ", which binds the " (binds) } }
        }
        @if let Some(by) = route.by.as_deref().filter(|by| *by != crate::by::SESSION) { div { "proved by " bdi { (shown(by)) } } }
        @if let Some(every) = &route.expect_every { div { "expected every " (every) } }
        @match route.retry_budget.as_deref() {
            Some("0s") => div { "its sender never tries again" },
            Some(budget) => div { "its sender tries again for " (budget) },
            None => {}
        }
        @if let Some(scope) = &route.scope { div { "scope " bdi { (shown(scope)) } } }
        @if let Some(reason) = &route.reason { div { bdi { (shown(reason)) } } }
        @if let Some(origin) = &route.cross_origin { div { "from any origin: " bdi { (shown(origin)) } } }
        @if let Some(until) = &route.until { div { "until " (until) } }
        @for word in words.into_iter().flatten() { div { (word) } }
    }
}

fn place(route: &Route) -> Markup {
    html! {
        @if let Some(owner) = &route.owner { div { bdi { (shown(owner)) } } }
        @if let (Some(file), Some(line)) = (&route.file, route.line) {
            div .place { bdi { (shown(file)) ":" (line) } }
        } @else if let Some(mounted) = &route.mounted {
            div .place { "mounted at " bdi { (shown(&mounted.file)) ":" (mounted.line) } }
        }
    }
}

fn exemptions(routes: &[Route]) -> Markup {
    html! {
        table role="table" {
            caption { "Exempt from the session check" }
            thead role="rowgroup" { tr role="row" {
                @for head in ["Route", "Class", "Terms", "Owner and source"] {
                    th role="columnheader" scope="col" { (head) }
                }
            } }
            tbody role="rowgroup" {
                @for route in routes {
                    tr role="row" {
                        th role="rowheader" scope="row" { bdi { code { (shown(&route.route)) } } }
                        td role="cell" data-label="Class" { (class(route)) }
                        td role="cell" data-label="Terms" { (terms(route)) }
                        td role="cell" data-label="Source" { (place(route)) }
                    }
                }
            }
        }
    }
}

fn table(routes: &[Route]) -> Markup {
    html! {
        table role="table" {
            caption { "Every route, what hurts first" }
            thead role="rowgroup" { tr role="row" {
                @for head in ["Route", "Class", "Terms", "Last verified and refused", "Counts", "24 hours",
                    "Owner and source"] {
                    th role="columnheader" scope="col" { (head) }
                }
            } }
            tbody role="rowgroup" {
                @for route in routes {
                    tr role="row" .ill[!route.alarms.is_empty() || route.unclassified > 0] {
                        th role="rowheader" scope="row" {
                            bdi { code { (shown(&route.route)) } }
                            @for alarm in &route.alarms { " " strong { (alarm) } }
                        }
                        td role="cell" data-label="Class" { (class(route)) }
                        td role="cell" data-label="Terms" { (terms(route)) }
                        td role="cell" data-label="Last" { (last(route)) }
                        td role="cell" data-label="Counts" { (counts(route)) }
                        td role="cell" data-label="24 hours" { (sparkline(&route.hours)) }
                        td role="cell" data-label="Source" { (place(route)) }
                    }
                }
            }
        }
    }
}

fn last(route: &Route) -> Markup {
    html! {
        @if let Some(at) = &route.last_verified { div { "verified " (time(at)) } }
        @if let Some(refusal) = &route.last_denied {
            div { "refused " (time(&refusal.at)) ", " (refusal.reason) }
        }
        @if let Some(due) = &route.silent_after { div { "rings after " (time(due)) } }
    }
}

fn counts(route: &Route) -> Markup {
    let few = [
        (route.handler_refused, "refused by the handler"),
        (route.handler_failed, "failed in the handler"),
        (route.unclassified, "unclassified"),
    ];
    html! {
        div { (route.passed) " passed" }
        @if route.verified > 0 { div { (route.verified) " verified" } }
        @for (reason, count) in &route.denied { div { (count) " denied: " (reason) } }
        @for (reason, count) in &route.observed { div { (count) " would be denied: " (reason) } }
        @for (count, what) in few.into_iter().filter(|(count, _)| *count > 0) {
            div { (count) " " (what) }
        }
    }
}

/// One bar for each hour: what passed, and on top of it what was denied.
fn sparkline(hours: &[Hour]) -> Markup {
    const HEIGHT: u64 = 24;
    let most = hours
        .iter()
        .map(|it| it.passed + it.denied)
        .max()
        .unwrap_or(0);
    if most == 0 {
        return html! { "none" };
    }
    let passed: u64 = hours.iter().map(|it| it.passed).sum();
    let denied: u64 = hours.iter().map(|it| it.denied).sum();
    let said = format!("{passed} passed and {denied} denied, at most {most} in an hour");
    // A count of one has to be seen beside one of a million.
    let scaled = |count: u64| {
        if count == 0 {
            0
        } else {
            (count * HEIGHT / most).max(1)
        }
    };
    html! {
        svg viewBox="0 0 96 24" width="96" height="24" role="img" aria-label=(said) {
            @for (at, hour) in hours.iter().enumerate() {
                @let (passed, denied) = (scaled(hour.passed), scaled(hour.denied));
                @if passed > 0 {
                    rect .passed x=(at * 4) y=(HEIGHT - passed) width="3" height=(passed) {}
                }
                @if denied > 0 {
                    rect .denied x=(at * 4) y=(HEIGHT.saturating_sub(passed + denied)) width="3"
                        height=(denied) {}
                }
            }
        }
    }
}

fn keys(listing: &Listing) -> Markup {
    html! {
        section aria-labelledby="keys" {
            h2 id="keys" { "Keys" }
            ul {
                @for key in &listing.keys {
                    li {
                        code { (key.key) } ": " (key.signed) " signed, " (key.verified) " verified"
                        @if key.signs { ", signs" }
                    }
                }
            }
            @if !listing.secrets.is_empty() {
                h2 { "Secrets of webhooks" }
                ul {
                    @for secret in &listing.secrets {
                        li {
                            bdi { (shown(&secret.verifier)) } " " code { (secret.secret) } ": "
                            (secret.uses) " deliveries"
                        }
                    }
                }
            }
            @if let Some(trail) = &listing.trail {
                h2 { "Trail" }
                p {
                    (trail.written) " lines written, " (trail.lost) " lost"
                    @if let Some(error) = &trail.error { ": " bdi { (shown(error)) } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_move_other_text_is_made_visible() {
        assert_eq!(shown("signup form"), "signup form");
        assert_eq!(shown("a\nb\u{202e}c\u{200f}"), "a\\nb\\u{202e}c\\u{200f}");
        assert_eq!(shown("пошта"), "пошта");
    }

    #[test]
    fn a_count_of_one_is_seen_beside_a_million() {
        let mut hours: Vec<Hour> = (0..24)
            .map(|_| Hour {
                passed: 0,
                denied: 0,
            })
            .collect();
        assert_eq!(sparkline(&hours).into_string(), "none");
        hours[3] = Hour {
            passed: 1_000_000,
            denied: 0,
        };
        hours[5] = Hour {
            passed: 0,
            denied: 1,
        };
        let drawn = sparkline(&hours).into_string();
        assert!(
            drawn.contains(r#"<rect class="denied" x="20" y="23" width="3" height="1">"#),
            "{drawn}"
        );
        assert!(drawn.contains("1000000 passed and 1 denied"), "{drawn}");
    }
}
