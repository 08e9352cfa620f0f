//! A comparison as text, as a comment of a pull request, and as JSON.

use std::borrow::Cow;

use annotate_snippets::renderer::{
    DEFAULT_EMPHASIS_STYLE, DEFAULT_ERROR_STYLE, DEFAULT_WARNING_STYLE,
};
use anstyle::Style;
use serde::Serialize;
use session_auth::Methods;
use session_auth::audit::Code;

use super::comparison::Comparison;
use crate::error::CannotRun;
use crate::lock::compare::{Difference, Side};
use crate::lock::digest::Digest;
use crate::lock::said::Said;
use crate::lock::terms::Direction;
use crate::markdown::{LONGEST, code, table};
use crate::render::json::{self, Terms};
use crate::render::styled;
use crate::visible::visible;

/// The first line of the comment. A bot finds it there and replaces the comment.
pub(crate) const MARKER: &str = "<!-- route-audit diff -->";

/// What stands before the digest in a reviewer's words.
pub(crate) const ACKNOWLEDGE: &str = "/route-audit acknowledge";

const SECTIONS: [(Direction, &str, &str); 3] = [
    (
        Direction::Widened,
        "opens",
        "Opens: more callers may reach it",
    ),
    (
        Direction::Narrowed,
        "closes",
        "Closes: fewer callers may reach it",
    ),
    (
        Direction::Changed,
        "otherwise changes",
        "Changes its proof or terms",
    ),
];

impl Comparison {
    fn of(&self, direction: Direction) -> impl Iterator<Item = &Difference> {
        self.differences
            .iter()
            .filter(move |difference| difference.direction == direction)
    }

    /// `opens 1, closes 2`.
    fn summary(&self) -> String {
        if self.differences.is_empty() {
            return "no route changes for its callers".to_owned();
        }
        let counts: Vec<String> = SECTIONS
            .iter()
            .map(|(direction, words, _)| (self.of(*direction).count(), *words))
            .filter(|(count, _)| *count > 0)
            .map(|(count, words)| format!("{words} {count}"))
            .collect();
        counts.join(", ")
    }

    fn short_commit(&self) -> &str {
        let commit = &self.base.commit;
        commit.get(..12).unwrap_or(commit)
    }
}

/// Opening is the direction to look at twice.
fn style(direction: Direction) -> Style {
    match direction {
        Direction::Widened => DEFAULT_ERROR_STYLE,
        Direction::Narrowed => DEFAULT_WARNING_STYLE,
        Direction::Changed => DEFAULT_EMPHASIS_STYLE,
    }
}

/// `quiet` leaves out the line that sums up.
pub(super) fn human(comparison: &Comparison, quiet: bool, colors: bool) -> String {
    let mut text = String::new();
    for (direction, _, title) in SECTIONS {
        let mut all = comparison.of(direction).peekable();
        if all.peek().is_none() {
            continue;
        }
        text.push_str(&styled(title, style(direction), colors));
        text.push('\n');
        for difference in all {
            text.push_str(&format!("  {}\n", difference.message()));
        }
        text.push('\n');
    }
    if quiet {
        // The last blank line is there for it.
        text.pop();
        return text;
    }
    text.push_str(&format!(
        "route-audit diff: {}, compared with `{}` ({})\n",
        comparison.summary(),
        visible(&comparison.base.revision),
        comparison.short_commit(),
    ));
    if let Some(digest) = &comparison.digest {
        text.push_str(&format!(
            "to acknowledge exactly this: route-audit check --locked --base {} --acknowledged {digest}\n",
            visible(&comparison.base.revision),
        ));
    }
    text
}

pub(super) fn markdown(comparison: &Comparison) -> String {
    let mut text = format!(
        "{MARKER}\n### Routes: {}\n\nCompared with {} ({}).\n",
        comparison.summary(),
        code(&comparison.base.revision),
        code(comparison.short_commit()),
    );
    if !comparison.base.has_lock {
        text.push_str("\nThere is no lock at the base: every route shows as new.\n");
    }
    let mut left_out = 0;
    for (direction, _, title) in SECTIONS {
        let all: Vec<&Difference> = comparison.of(direction).collect();
        if all.is_empty() {
            continue;
        }
        text.push_str(&format!("\n**{title}**\n\n"));
        let rows = all.into_iter().map(|difference| {
            vec![
                code(&difference.route()),
                difference.says.markdown(),
                difference
                    .routers()
                    .map(|router| code(&format!("{}/{router}", difference.package)))
                    .collect::<Vec<_>>()
                    .join(" "),
            ]
        });
        let head = ["Route", "For its callers", "Router"];
        let (table, more) = table(&head, rows, LONGEST.saturating_sub(text.len()));
        text.push_str(&table);
        left_out += more;
    }
    if left_out > 0 {
        text.push_str(&format!(
            "\n**{left_out} more are not shown here:** the comment would be too long. \
             Run `route-audit diff`.\n"
        ));
    }
    // Whoever sees a part can speak for no more.
    if let Some(digest) = comparison.digest.as_ref().filter(|_| left_out == 0) {
        text.push_str(&format!(
            "\nA reviewer acknowledges exactly these changes by a review that has the line\n{}\n",
            code(&format!("{ACKNOWLEDGE} {digest}")),
        ));
    }
    text
}

pub(super) fn json(comparison: &Comparison) -> Result<String, CannotRun> {
    #[derive(Serialize)]
    struct Document<'a> {
        schema: u32,
        base: Base<'a>,
        differences: Vec<Row<'a>>,
        digest: Option<String>,
        summary: Summary,
    }
    #[derive(Serialize)]
    struct Base<'a> {
        revision: &'a str,
        commit: &'a str,
        lock: bool,
    }
    #[derive(Serialize)]
    struct Row<'a> {
        direction: Direction,
        code: Code,
        methods: Methods,
        path: Option<Cow<'a, str>>,
        package: &'a str,
        router: &'a str,
        routers: Vec<&'a str>,
        message: String,
        old: Option<Terms<'a>>,
        new: Option<Terms<'a>>,
        file: &'a str,
        line: u32,
    }
    #[derive(Serialize)]
    struct Summary {
        widened: usize,
        narrowed: usize,
        changed: usize,
    }
    fn terms(side: &Side) -> Option<Terms<'_>> {
        match side {
            Side::Nothing => None,
            Side::Route(said) => Some(Terms::of(said.as_deref().map(|Said(said)| said))),
        }
    }
    let document = Document {
        schema: json::SCHEMA,
        base: Base {
            revision: &comparison.base.revision,
            commit: &comparison.base.commit,
            lock: comparison.base.has_lock,
        },
        differences: comparison
            .differences
            .iter()
            .map(|difference| Row {
                direction: difference.direction,
                code: difference.code(),
                methods: difference.methods(),
                path: difference.at.path(),
                package: &difference.package,
                router: &difference.router,
                routers: difference.routers().collect(),
                message: difference.message(),
                old: terms(&difference.old),
                new: terms(&difference.new),
                file: &difference.place.file,
                line: difference.place.line,
            })
            .collect(),
        digest: comparison.digest.as_ref().map(Digest::to_string),
        summary: Summary {
            widened: comparison.of(Direction::Widened).count(),
            narrowed: comparison.of(Direction::Narrowed).count(),
            changed: comparison.of(Direction::Changed).count(),
        },
    };
    json::document(&document)
}
