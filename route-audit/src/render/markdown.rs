//! Markdown for a pull request's comment or a job's summary.

use session_auth::Location;
use session_auth::audit::Severity;

use super::words::{class, counts, found, proof, routers, several_routers};
use crate::audit::Audit;
use crate::finding::Finding;
use crate::listing::Route;
use crate::markdown::{LONGEST, code, sentence, table, text};

pub(super) fn check(audit: &Audit) -> String {
    let mut document = heading(audit);
    if !audit.findings().is_empty() {
        let head = ["Severity", "Code", "Finding", "Place"];
        let rows = audit.findings().iter().map(finding);
        add_table(&mut document, &head, rows, "findings");
    }
    document.push_str(&format!("{}\n", counts(audit)));
    document
}

pub(super) fn list(audit: &Audit) -> String {
    let several = several_routers(audit);
    let mut head = vec!["Class", "Methods", "Path", "Proof", "Handler", "Place"];
    if several {
        head.push("Router");
    }
    let rows = audit.routes.iter().map(|one| {
        let mut row = route(one);
        if several {
            row.push(mounted_by(audit, one));
        }
        row
    });
    let mut document = heading(audit);
    add_table(&mut document, &head, rows, "routes");
    document.push_str(&format!("{}\n", counts(audit)));
    document
}

/// Adds a table and an empty line. Where not all of it can be posted, it says so.
fn add_table(
    document: &mut String,
    head: &[&str],
    rows: impl ExactSizeIterator<Item = Vec<String>>,
    what: &str,
) {
    let all = rows.len();
    let (table, left_out) = table(head, rows, LONGEST.saturating_sub(document.len()));
    document.push_str(&table);
    document.push('\n');
    if left_out > 0 {
        document.push_str(&format!(
            "**{left_out} more {what} are not shown.** Run `cargo route-audit` to see all {all}.\n\n"
        ));
    }
}

fn heading(audit: &Audit) -> String {
    format!("## Route audit: {}\n\n", found(audit))
}

fn finding(finding: &Finding) -> Vec<String> {
    let severity = match finding.severity() {
        Severity::Error => "**error**",
        Severity::Warning => "warning",
    };
    vec![
        severity.to_owned(),
        code(finding.code().as_str()),
        format!(
            "{}<br>**help:** {}",
            sentence(&finding.message()),
            sentence(&finding.help())
        ),
        place(&finding.subject().place),
    ]
}

fn mounted_by(audit: &Audit, route: &Route) -> String {
    if route.routers.is_empty() {
        return "-".to_owned();
    }
    let routers = routers(audit, route);
    routers
        .iter()
        .map(|router| code(router))
        .collect::<Vec<_>>()
        .join(" ")
}

fn route(route: &Route) -> Vec<String> {
    let optional = |value: Option<&str>| value.map_or_else(|| "-".to_owned(), code);
    let class = match route.class() {
        Some(_) => class(route).to_owned(),
        None => format!("**{}**", class(route)),
    };
    vec![
        class,
        text(&route.subject.methods.names().join(" ")),
        optional(route.path().as_deref()),
        text(&proof(route.declaration.as_ref())),
        optional(route.handler()),
        place(&route.subject.place),
    ]
}

fn place(place: &Location) -> String {
    code(&place.to_string())
}
