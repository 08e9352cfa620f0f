//! Text for people: findings as the compiler shows its own, and routes as a table.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};

use annotate_snippets::renderer::{
    DEFAULT_EMPHASIS_STYLE, DEFAULT_ERROR_STYLE, DEFAULT_LINE_NUM_STYLE, DEFAULT_WARNING_STYLE,
};
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use anstyle::{AnsiColor, Style};
use session_auth::Location;
use session_auth::audit::Severity;

use super::output::Output;
use super::place::Places;
use super::words::{class, counts, proof, routers, several_routers};
use crate::audit::{Audit, Summary};
use crate::count::count;
use crate::finding::Finding;
use crate::visible::visible;

pub(super) fn check(audit: &Audit, output: &Output<'_>) -> String {
    let mut sources = Sources {
        places: output.places,
        files: HashMap::new(),
    };
    let mut text = String::new();
    for finding in audit.findings() {
        let line = sources.line(&finding.subject().place);
        text.push_str(&show(finding, line, output.colors));
        text.push_str("\n\n");
    }
    if output.quiet {
        // The last blank line is there for the summary.
        text.truncate(text.trim_end().len());
        if !text.is_empty() {
            text.push('\n');
        }
    } else {
        text.push_str(&summary(audit, output.colors));
    }
    text
}

pub(super) fn list(audit: &Audit, output: &Output<'_>) -> String {
    let mut text = table(audit, output.colors);
    if !output.quiet {
        text.push('\n');
        text.push_str(&summary(audit, output.colors));
        if !audit.findings().is_empty() {
            text.push_str("`route-audit check` shows the findings\n");
        }
    }
    text
}

/// In the words of the library's own `Display`, which `cargo test` prints; with a line of source,
/// around that.
fn show(finding: &Finding, line: Option<&str>, colors: bool) -> String {
    let (level, style) = match finding.severity() {
        Severity::Error => (Level::ERROR, DEFAULT_ERROR_STYLE),
        Severity::Warning => (Level::WARNING, DEFAULT_WARNING_STYLE),
    };
    let code = finding.code();
    let place = finding.subject().place;
    let [message, help, file] = [&finding.message(), &finding.help(), &*place.file].map(visible);
    let Some(line) = line else {
        let paint = |text: &str, style| styled(text, style, colors);
        return format!(
            "{}{}\n  {}{file}:{}\n  {}{}: {help}",
            paint(&format!("{}[{code}]", finding.severity()), style),
            paint(&format!(": {message}"), DEFAULT_EMPHASIS_STYLE),
            paint("--> ", DEFAULT_LINE_NUM_STYLE),
            place.line,
            paint("= ", DEFAULT_LINE_NUM_STYLE),
            paint("help", DEFAULT_EMPHASIS_STYLE),
        );
    };
    let start = line.len() - line.trim_start().len();
    let source = Snippet::source(line)
        .line_start(usize::try_from(place.line).unwrap_or(usize::MAX))
        .path(file)
        .annotation(AnnotationKind::Primary.span(start..line.trim_end().len()));
    let report = [level
        .primary_title(message)
        .id(code.as_str())
        .element(source)
        .element(Level::HELP.message(help))];
    let renderer = if colors {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    renderer.render(&report)
}

/// The files that findings point into, each read once.
struct Sources<'a> {
    places: &'a Places,
    /// Its lines; none where it cannot be read.
    files: HashMap<String, Vec<String>>,
}

impl Sources<'_> {
    /// The line that a finding points to, if there is something on it. What cannot be read is no
    /// reason to fail: the finding says file and line all the same.
    fn line(&mut self, place: &Location) -> Option<&str> {
        let index = usize::try_from(place.line).ok()?.checked_sub(1)?;
        let lines = self
            .files
            .entry(place.file.to_string())
            .or_insert_with(|| read(self.places, &place.file).unwrap_or_default());
        let line = lines.get(index)?;
        (!line.trim().is_empty()).then_some(line.as_str())
    }
}

fn read(places: &Places, file: &str) -> std::io::Result<Vec<String>> {
    let path = places.on_disk(file);
    // Opened, a pipe would wait for somebody to write to it.
    if !path.metadata()?.is_file() {
        return Ok(Vec::new());
    }
    BufReader::new(File::open(path)?).lines().collect()
}

fn table(audit: &Audit, colors: bool) -> String {
    let several = several_routers(audit);
    let mut rows = vec![
        [
            "CLASS", "METHODS", "PATH", "PROOF", "HANDLER", "PLACE", "ROUTER",
        ]
        .map(str::to_owned),
    ];
    rows.extend(audit.routes.iter().map(|route| {
        let place = &route.subject.place;
        [
            class(route).to_owned(),
            route.subject.methods.to_string(),
            route
                .path()
                .map_or_else(|| "-".to_owned(), |path| path.into_owned()),
            proof(route.declaration.as_ref()),
            route.handler().unwrap_or("-").to_owned(),
            place.to_string(),
            routers(audit, route).join(", "),
        ]
        .map(|cell| visible(&cell))
    }));
    let shown = if several { 7 } else { 6 };
    let mut widths = [0; 7];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let styles = audit.routes.iter().map(|route| match route.declaration {
        None => DEFAULT_ERROR_STYLE,
        Some(_) => Style::new(),
    });
    let styles = std::iter::once(Style::new().bold()).chain(styles);
    let mut text = String::new();
    for (row, style) in rows.iter().zip(styles) {
        let line: Vec<_> = row
            .iter()
            .zip(widths)
            .take(shown)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        let line = line.join("  ");
        text.push_str(&styled(line.trim_end(), style, colors));
        text.push('\n');
    }
    text
}

const GREEN: Style = AnsiColor::BrightGreen.on_default().bold();

/// The line that sums up, in colour.
fn summary(audit: &Audit, colors: bool) -> String {
    let Summary {
        errors, warnings, ..
    } = audit.summary();
    let found = if errors == 0 && warnings == 0 {
        styled("clean", GREEN, colors)
    } else {
        let part = |number, noun, style| {
            let style = if number == 0 { Style::new() } else { style };
            styled(&count(number, noun), style, colors)
        };
        format!(
            "{}, {}",
            part(errors, "error", DEFAULT_ERROR_STYLE),
            part(warnings, "warning", DEFAULT_WARNING_STYLE)
        )
    };
    format!("route-audit: {}: {found}\n", counts(audit))
}

/// The text in this style, where there are colours.
pub(crate) fn styled(text: &str, style: Style, colors: bool) -> String {
    if colors {
        format!("{style}{text}{style:#}")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests;
