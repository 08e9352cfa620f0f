//! What was asked and found, in every format.

use serde::Serialize;
use session_auth::Methods;

use crate::audit::{Audit, Summary};
use crate::cli::{Format, Running};
use crate::error::CannotRun;
use crate::markdown;
use crate::render::json::{FindingRow, SCHEMA, document};
use crate::render::{self, Output};
use crate::running::locked::{Locked, Row};
use crate::visible::visible;

/// What was asked, as `docs/route-audit-running.schema.json` describes it.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    pub(crate) command: &'static str,
    pub(crate) services: Vec<Service>,
    pub(crate) requests: Vec<Probed>,
    pub(crate) denials: Vec<Foreseen>,
}

/// A service, or a node of one.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Service {
    pub(crate) url: String,
    pub(crate) version: Option<String>,
    pub(crate) mode: Option<String>,
    pub(crate) lock: Option<String>,
    pub(crate) started: Option<String>,
}

/// A request of `probe`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Probed {
    pub(crate) methods: Methods,
    pub(crate) path: Option<String>,
    pub(crate) class: session_auth::AccessClass,
    /// `signed`, `unsigned` or `public`.
    pub(crate) kind: &'static str,
    pub(crate) method: String,
    /// The path that was asked for.
    pub(crate) asked: String,
    pub(crate) expected: String,
    /// `None` where no answer came.
    pub(crate) status: Option<u16>,
    pub(crate) decision: Option<session_auth::probe::ProbeDecision>,
    pub(crate) reason: Option<String>,
}

impl Probed {
    pub(crate) fn of(row: &Row, kind: &'static str, method: &str, asked: &str) -> Self {
        Self {
            methods: row.methods,
            path: row.subject().listed_path().map(|it| it.into_owned()),
            class: row.class(),
            kind,
            method: method.to_owned(),
            asked: asked.to_owned(),
            expected: String::new(),
            status: None,
            decision: None,
            reason: None,
        }
    }
}

/// What enforcing would have denied.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Foreseen {
    pub(crate) url: String,
    pub(crate) route: String,
    pub(crate) class: Option<String>,
    pub(crate) reason: String,
    pub(crate) requests: u64,
    /// Whether its callers look as if they should be let in.
    pub(crate) looks_exempt: bool,
}

/// A table for people.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) head: Vec<&'static str>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Told {
    fn human(&self) -> String {
        if self.rows.is_empty() {
            return String::new();
        }
        let head = self.head.iter().map(|cell| (*cell).to_owned()).collect();
        let rows = self
            .rows
            .iter()
            .map(|row| row.iter().map(|it| visible(it)).collect());
        let all: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
        let mut widths = vec![0; self.head.len()];
        for row in &all {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        let mut text = String::new();
        for row in &all {
            let cells = row.iter().zip(&widths);
            let line: Vec<_> = cells
                .map(|(cell, width)| format!("{cell:width$}"))
                .collect();
            text.push_str(line.join("  ").trim_end());
            text.push('\n');
        }
        text.push('\n');
        text
    }

    fn markdown(&self) -> String {
        if self.rows.is_empty() {
            return String::new();
        }
        let rows = self.rows.iter();
        let cells = rows.map(|row| row.iter().map(|cell| markdown::text(cell)).collect());
        let (table, left_out) = markdown::table(&self.head, cells, markdown::LONGEST / 2);
        let more = match left_out {
            0 => String::new(),
            more => format!("\n**{more} more rows are not shown.**\n"),
        };
        format!("{table}{more}\n")
    }
}

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    command: &'static str,
    router: Router<'a>,
    services: &'a [Service],
    requests: &'a [Probed],
    denials: &'a [Foreseen],
    findings: Vec<FindingRow>,
    summary: Summary,
}

#[derive(Serialize)]
struct Router<'a> {
    package: &'a str,
    name: &'a str,
    lock: &'a str,
}

pub(crate) fn render(
    args: &Running,
    locked: &Locked,
    asked: &Asked,
    told: &Told,
    audit: &Audit,
    colors: bool,
) -> Result<String, CannotRun> {
    let places = locked.places();
    let output = Output {
        format: args.format,
        colors: args.colors(colors),
        quiet: args.quiet,
        places: &places,
    };
    let before = match args.format {
        Format::Json => {
            return document(&Document {
                schema: SCHEMA,
                command: asked.command,
                router: Router {
                    package: &locked.router.package,
                    name: &locked.router.name,
                    lock: &locked.digest,
                },
                services: &asked.services,
                requests: &asked.requests,
                denials: &asked.denials,
                findings: audit.findings().iter().map(FindingRow::of).collect(),
                summary: audit.summary(),
            });
        }
        Format::Human => told.human(),
        Format::Markdown => told.markdown(),
        Format::Sarif | Format::Github => String::new(),
    };
    Ok(before + &render::check(audit, &output)?)
}
