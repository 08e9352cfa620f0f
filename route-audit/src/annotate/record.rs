//! The record: what the running router mounts, from the service's own tests or from a command.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use session_auth::audit::{
    Failure, ListedRoute, Report, ReportFile, RouterRecord, StateRecord, Unbuilt,
};

use crate::error::Problem;
use crate::supervised;

/// All that routers of the program reported, one list each.
#[derive(Debug, Default)]
pub(super) struct Records(pub(super) Vec<Vec<ListedRoute>>);

/// What a program that was run has told.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) records: Records,
    /// The audited routers, and why some could not be built.
    pub(super) audited: Vec<(RouterRecord, Option<Unbuilt>)>,
    /// What routers are given as their state.
    pub(super) states: Vec<StateRecord>,
    /// How it ended.
    pub(super) how: String,
}

/// Runs a program, and reads what its routers report. One that does not end by itself is stopped, if
/// `stop` says so when it has reported, else after the time.
pub(super) fn run(
    command: Command,
    folder: &Path,
    stop: bool,
    timeout: Duration,
) -> Result<Told, Problem> {
    let reports = folder.join("records");
    let ended = fs::create_dir_all(&reports)
        .and_then(|()| {
            supervised::run(command, &reports, &folder.join("output"), timeout, |_| stop)
        })
        .map_err(|error| Problem::new(format!("cannot run the service: {error}")))?;
    let mut told = Told {
        how: ended.how,
        ..Told::default()
    };
    for text in &ended.files {
        match ReportFile::parse(text) {
            Ok(ReportFile::Report(Report {
                router,
                routes,
                states,
                ..
            })) => {
                told.states.extend(states);
                told.audited.push((router, None));
                told.records.0.push(routes);
            }
            Ok(ReportFile::Failure(Failure {
                router,
                error,
                unbuilt,
                ..
            })) => {
                let other = Unbuilt {
                    why: error,
                    panicked: None,
                };
                told.audited.push((router, Some(unbuilt.unwrap_or(other))));
            }
            Err(error) => return Err(Problem::new(error.to_string())),
        }
    }
    Ok(told)
}

impl Records {
    /// The routes of a function or place, without those that a test saw of a part of the router: a
    /// path that is the end of another, where the router with the other one does not have it.
    pub(super) fn rows<'r>(
        &'r self,
        is_meant: impl Fn(&ListedRoute) -> bool,
    ) -> Vec<&'r ListedRoute> {
        let meant = |record: &'r [ListedRoute]| record.iter().filter(|row| is_meant(row));
        let paths = |record: &'r Vec<ListedRoute>| -> BTreeSet<Option<&'r str>> {
            meant(record).map(|row| row.path.as_deref()).collect()
        };
        let all: Vec<_> = self.0.iter().map(paths).collect();
        let is_part = |row: &ListedRoute| {
            let mut others = all
                .iter()
                .filter(|other| !other.contains(&row.path.as_deref()));
            others.any(|other| other.iter().any(|whole| is_end(row, *whole)))
        };
        let mut rows: Vec<&ListedRoute> = Vec::new();
        for row in self.0.iter().flat_map(|record| meant(record)) {
            if !rows.contains(&row) && !is_part(row) {
                rows.push(row);
            }
        }
        rows
    }
}

/// Whether the path of a route is the end of another's.
fn is_end(row: &ListedRoute, whole: Option<&str>) -> bool {
    match (row.path.as_deref(), whole) {
        // The outermost fallback of a part, and the one at its place in the whole.
        (None, whole) => whole.is_some(),
        (Some("/"), Some(whole)) => whole != "/",
        (Some(part), Some(whole)) => whole.len() > part.len() && whole.ends_with(part),
        (Some(_), None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(all: &[&[(&str, Option<&str>)]]) -> Records {
        let row = |(function, path): &(&str, Option<&str>)| {
            let row = serde_json::json!({
                "methods": ["GET"], "path": path, "shape": "route", "named": false,
                "mounted": { "file": "src/main.rs", "line": 1, "column": 1 },
                "function": function, "declaration": null,
            });
            serde_json::from_value(row).expect("a row")
        };
        Records(
            all.iter()
                .map(|rows| rows.iter().map(row).collect())
                .collect(),
        )
    }

    fn paths(all: &[&[(&str, Option<&str>)]]) -> Vec<String> {
        let records = records(all);
        let rows = records.rows(|row| row.function.as_deref() == Some("f"));
        rows.iter()
            .map(|row| row.path.as_deref().unwrap_or("-").to_owned())
            .collect()
    }

    #[test]
    fn what_a_test_saw_of_a_part_does_not_count() {
        let (part, whole) = (("f", Some("/users")), ("f", Some("/api/users")));
        assert_eq!(paths(&[&[part], &[whole]]), ["/api/users"]);
        assert_eq!(paths(&[&[whole], &[part]]), ["/api/users"]);
        // The whole router has it twice.
        assert_eq!(paths(&[&[part], &[part, whole]]), ["/users", "/api/users"]);
        // Another function's.
        assert_eq!(paths(&[&[part], &[("g", Some("/api/users"))]]), ["/users"]);
        // Two configurations.
        assert_eq!(
            paths(&[&[("f", Some("/a"))], &[("f", Some("/b"))]]),
            ["/a", "/b"]
        );
        assert_eq!(
            paths(&[&[("f", Some("/"))], &[("f", Some("/api"))]]),
            ["/api"]
        );
        assert_eq!(paths(&[&[("f", None)], &[("f", Some("/api"))]]), ["/api"]);
    }
}
