//! An audit as a document: one file a format. What several of them say is here.

#[cfg(test)]
mod every_format;
mod github;
mod human;
pub(crate) mod json;
mod markdown;
mod place;
mod rules;
mod sarif;

use session_auth::audit::{Audit, Class, RouteRecord, RouterRecord, Summary};

use crate::cli::Format;
use crate::error::{CannotRun, Problem};
pub(crate) use human::styled;
pub(crate) use place::Places;

/// How to show it.
pub(crate) struct Output<'a> {
    pub(crate) format: Format,
    /// Whether colours are wanted. Only text for people has any.
    pub(crate) colors: bool,
    /// Whether the line that sums up is left out of what is not a document of its own.
    pub(crate) quiet: bool,
    pub(crate) places: &'a Places,
}

/// What `check` shows: the findings, and one line that sums up.
pub(crate) fn check(audit: &Audit, output: &Output<'_>) -> Result<String, CannotRun> {
    Ok(match output.format {
        Format::Human => human::check(audit, output),
        Format::Json => json::document(audit)?,
        Format::Sarif => sarif::check(audit, output)?,
        Format::Github => github::check(audit, output),
        Format::Markdown => markdown::check(audit),
    })
}

/// What `list` shows: every route, and one line that sums up.
pub(crate) fn list(audit: &Audit, output: &Output<'_>) -> Result<String, CannotRun> {
    Ok(match output.format {
        Format::Human => human::list(audit, output),
        Format::Json => json::document(audit)?,
        Format::Markdown => markdown::list(audit),
        Format::Sarif | Format::Github => return Err(only_findings(output.format).into()),
    })
}

/// `list` judges nothing: there is nothing in it that these formats could hold.
fn only_findings(format: Format) -> Problem {
    Problem::new(format!("`list` has no format `{format:?}`").to_lowercase())
        .help("the formats of a listing are: human, json, markdown")
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

/// Whether it is worth a column which router has a route.
fn several_routers(audit: &Audit) -> bool {
    audit.routers.len() > 1
}

/// The routers that mount a route, with their package where the workspace has routers of another.
/// `all 3` where each router of the package does, so that it stands out which are not everywhere.
fn routers(audit: &Audit, route: &RouteRecord) -> Vec<String> {
    let Some(first) = route.routers.first() else {
        return vec!["-".to_owned()];
    };
    let own = |one: &&RouterRecord| one.package == first.package;
    let of_package = audit.routers.iter().filter(own).count();
    let one_package = of_package == audit.routers.len();
    if of_package > 1 && of_package == route.routers.len() {
        return vec![if one_package {
            format!("all {of_package}")
        } else {
            format!("all {of_package} of {}", first.package)
        }];
    }
    let shown = route.routers.iter().map(|router| {
        if one_package {
            router.name.clone()
        } else {
            format!("{}/{}", router.package, router.name)
        }
    });
    shown.collect()
}

/// `route-audit: 4 routes (1 public, 3 session) in 1 router: clean`, and a line break.
fn summary(audit: &Audit) -> String {
    format!("route-audit: {}: {}\n", counts(audit), found(audit))
}

/// `clean`, or `1 error, 0 warnings`.
fn found(audit: &Audit) -> String {
    let Summary {
        errors, warnings, ..
    } = audit.summary;
    if errors == 0 && warnings == 0 {
        "clean".to_owned()
    } else {
        format!("{}, {}", count(errors, "error"), count(warnings, "warning"))
    }
}

/// `4 routes (1 public, 3 session) in 1 router`.
fn counts(audit: &Audit) -> String {
    let Summary {
        routes,
        public,
        webhook,
        session,
        ..
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
    format!(
        "{} ({}) in {}",
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
