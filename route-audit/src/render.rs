//! An audit as text or JSON.

use session_auth::audit::{Audit, Class, RouteRecord, Summary};

use crate::cli::Format;
use crate::error::{CannotRun, Problem};

/// What `check` shows: the findings, and one line that sums up.
pub(crate) fn check(audit: &Audit, format: Format) -> Result<String, CannotRun> {
    match format {
        Format::Json => json(audit),
        Format::Human => {
            let mut text = String::new();
            for finding in &audit.findings {
                text.push_str(&format!("{finding}\n\n"));
            }
            Ok(text + &summary(audit))
        }
    }
}

/// What `list` shows: every route, and one line that sums up.
pub(crate) fn list(audit: &Audit, format: Format) -> Result<String, CannotRun> {
    match format {
        Format::Json => json(audit),
        Format::Human => {
            let mut text = table(audit);
            text.push('\n');
            text.push_str(&summary(audit));
            if !audit.findings.is_empty() {
                text.push_str("`route-audit check` shows the findings\n");
            }
            Ok(text)
        }
    }
}

fn json(audit: &Audit) -> Result<String, CannotRun> {
    let mut text = serde_json::to_string_pretty(audit)
        .map_err(|error| Problem::new(format!("cannot write the result as JSON: {error}")))?;
    text.push('\n');
    Ok(text)
}

fn table(audit: &Audit) -> String {
    let several = audit.routers.len() > 1;
    let mut rows = vec![
        [
            "CLASS", "METHODS", "PATH", "PROOF", "HANDLER", "PLACE", "ROUTER",
        ]
        .map(str::to_owned),
    ];
    rows.extend(audit.routes.iter().map(|route| {
        [
            class(route).to_owned(),
            route.methods.join(" | "),
            route.path.clone().unwrap_or_else(|| "-".to_owned()),
            proof(route),
            route.handler.clone().unwrap_or_else(|| "-".to_owned()),
            format!("{}:{}", route.file, route.line),
            route.router.clone().unwrap_or_else(|| "-".to_owned()),
        ]
        .map(|cell| printable(&cell))
    }));
    let shown = if several { 7 } else { 6 };
    let mut widths = [0; 7];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    for row in &rows {
        let line: Vec<_> = row
            .iter()
            .zip(widths)
            .take(shown)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        text.push_str(line.join("  ").trim_end());
        text.push('\n');
    }
    text
}

fn class(route: &RouteRecord) -> &'static str {
    match route.class {
        Some(Class::Public) => "public",
        Some(Class::Webhook) => "webhook",
        Some(Class::Session) => "session",
        _ => "NONE",
    }
}

/// How a caller proves who they are, and what the handler may do with sessions.
fn proof(route: &RouteRecord) -> String {
    let mut words = Vec::new();
    if let Some(verifier) = &route.verifier {
        words.push(verifier.clone());
    }
    if let Some(scope) = &route.scope {
        words.push(format!("scope {scope}"));
    }
    if route.issues_session {
        words.push("issues session".to_owned());
    }
    if route.optional_session {
        words.push("optional session".to_owned());
    }
    if let Some(until) = &route.until {
        words.push(format!("until {until}"));
    }
    if words.is_empty() {
        words.push("-".to_owned());
    }
    words.join(", ")
}

/// Control characters, escaped: a path in a listing does not move the cursor.
fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let (escaped, plain) = if c.is_control() {
                (Some(c.escape_default()), None)
            } else {
                (None, Some(c))
            };
            escaped.into_iter().flatten().chain(plain)
        })
        .collect()
}

fn summary(audit: &Audit) -> String {
    let Summary {
        routes,
        public,
        webhook,
        session,
        errors,
        warnings,
    } = audit.summary;
    let mut classes: Vec<_> = [
        (public, "public"),
        (webhook, "webhook"),
        (session, "session"),
        (
            routes.saturating_sub(public + webhook + session),
            "unclassified",
        ),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, class)| format!("{count} {class}"))
    .collect();
    if classes.is_empty() {
        classes.push("none classified".to_owned());
    }
    let found = if errors == 0 && warnings == 0 {
        "clean".to_owned()
    } else {
        format!("{}, {}", count(errors, "error"), count(warnings, "warning"))
    };
    format!(
        "route-audit: {} ({}) in {}: {found}\n",
        count(routes, "route"),
        classes.join(", "),
        count(audit.routers.len(), "router"),
    )
}

fn count(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(terms: &str) -> RouteRecord {
        serde_json::from_str(&format!(
            r#"{{"methods":["GET"],"path":"/","class":"session","handler":null,"file":"a.rs",
            "line":1,"reason":null,"expect_every":null,"owner":null,"router":null,{terms}}}"#
        ))
        .expect("a route")
    }

    #[test]
    fn the_proof_names_all_that_decides_who_gets_in() {
        let all = r#""verifier":"postmark","scope":"admin","issues_session":true,
            "optional_session":true,"until":"2027-01-31""#;
        assert_eq!(
            proof(&route(all)),
            "postmark, scope admin, issues session, optional session, until 2027-01-31"
        );
        let none = r#""verifier":null,"scope":null,"issues_session":false,
            "optional_session":false,"until":null"#;
        assert_eq!(proof(&route(none)), "-");
    }

    #[test]
    fn nouns_follow_their_number() {
        assert_eq!(count(0, "error"), "0 errors");
        assert_eq!(count(1, "error"), "1 error");
        assert_eq!(count(2, "error"), "2 errors");
    }
}
