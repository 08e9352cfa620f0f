//! Text for people: findings as the compiler shows its own, and routes as a table.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};

use annotate_snippets::renderer::{
    DEFAULT_EMPHASIS_STYLE, DEFAULT_ERROR_STYLE, DEFAULT_LINE_NUM_STYLE, DEFAULT_WARNING_STYLE,
};
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use anstyle::{AnsiColor, Style};
use session_auth::audit::{Audit, Finding, Severity};

use super::place::Places;
use super::{Output, class, count, counts, proof, routers, several_routers};
use crate::sentence::visible;

pub(super) fn check(audit: &Audit, output: &Output<'_>) -> String {
    let mut sources = Sources {
        places: output.places,
        files: HashMap::new(),
    };
    let mut text = String::new();
    for finding in &audit.findings {
        let line = sources.line(finding);
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
        if !audit.findings.is_empty() {
            text.push_str("`route-audit check` shows the findings\n");
        }
    }
    text
}

/// In the words of [`Finding`]'s own `Display`, which `cargo test` prints; with a line of source,
/// around that.
fn show(finding: &Finding, line: Option<&str>, colors: bool) -> String {
    let (level, style) = match finding.severity {
        Severity::Error => (Level::ERROR, DEFAULT_ERROR_STYLE),
        _ => (Level::WARNING, DEFAULT_WARNING_STYLE),
    };
    let [code, message, help, file] = [
        &finding.code,
        &finding.message,
        &finding.help,
        &finding.file,
    ]
    .map(|text| visible(text));
    let Some(line) = line else {
        let paint = |text: &str, style| styled(text, style, colors);
        return format!(
            "{}{}\n  {}{file}:{}\n  {}{}: {help}",
            paint(&format!("{}[{code}]", finding.severity), style),
            paint(&format!(": {message}"), DEFAULT_EMPHASIS_STYLE),
            paint("--> ", DEFAULT_LINE_NUM_STYLE),
            finding.line,
            paint("= ", DEFAULT_LINE_NUM_STYLE),
            paint("help", DEFAULT_EMPHASIS_STYLE),
        );
    };
    let start = line.len() - line.trim_start().len();
    let source = Snippet::source(line)
        .line_start(usize::try_from(finding.line).unwrap_or(usize::MAX))
        .path(file)
        .annotation(AnnotationKind::Primary.span(start..line.trim_end().len()));
    let report = [level
        .primary_title(message)
        .id(code)
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
    fn line(&mut self, finding: &Finding) -> Option<&str> {
        let index = usize::try_from(finding.line).ok()?.checked_sub(1)?;
        if !self.files.contains_key(&finding.file) {
            let lines = read(self.places, &finding.file).unwrap_or_default();
            self.files.insert(finding.file.clone(), lines);
        }
        let line = self.files.get(&finding.file)?.get(index)?;
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
        [
            class(route).to_owned(),
            route.methods.join(" | "),
            route.path.clone().unwrap_or_else(|| "-".to_owned()),
            proof(route),
            route.handler.clone().unwrap_or_else(|| "-".to_owned()),
            format!("{}:{}", route.file, route.line),
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
    let styles = audit.routes.iter().map(|route| match route.class {
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

/// [`super::summary`], in colour.
fn summary(audit: &Audit, colors: bool) -> String {
    let (errors, warnings) = (audit.summary.errors, audit.summary.warnings);
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
mod tests {
    use super::*;

    fn finding(file: &str, line: u32) -> Finding {
        Finding {
            severity: Severity::Error,
            code: "unclassified-route".to_owned(),
            message: "GET /a is mounted".to_owned(),
            help: "add a class".to_owned(),
            methods: vec!["GET".to_owned()],
            path: Some("/a".to_owned()),
            file: file.to_owned(),
            line,
        }
    }

    #[test]
    fn only_a_line_that_is_there_is_shown() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, bytes: &[u8]| {
            std::fs::write(folder.path().join(name), bytes).expect("the file");
        };
        write("a.rs", b"fn one() {}\r\n   \r\n\tfn three() {}");
        write("bytes.rs", b"fn one() {}\n\xff\xfe\n");
        let places = Places::of(folder.path());
        let mut sources = Sources {
            places: &places,
            files: HashMap::new(),
        };
        let mut line = |file: &str, line| sources.line(&finding(file, line)).map(str::to_owned);
        assert_eq!(line("a.rs", 1).as_deref(), Some("fn one() {}"));
        assert_eq!(line("a.rs", 3).as_deref(), Some("\tfn three() {}"));
        let absolute = folder.path().join("a.rs");
        assert!(line(&absolute.to_string_lossy(), 1).is_some());
        for (name, file, number) in [
            ("no line", "a.rs", 0),
            ("a blank line", "a.rs", 2),
            ("past the end", "a.rs", 4),
            ("far past the end", "a.rs", u32::MAX),
            ("not text", "bytes.rs", 1),
            ("a folder", ".", 1),
            ("no file", "gone.rs", 1),
            ("no name", "", 1),
            ("no name of a file", "\0", 1),
        ] {
            assert_eq!(line(file, number), None, "{name}");
        }
    }

    #[test]
    fn the_words_are_those_of_cargo_test() {
        let finding = finding("src/a.rs", 7);
        assert_eq!(show(&finding, None, false), finding.to_string());
        for line in [None, Some("    .route(\"/a\", get(a))")] {
            let shown = show(&finding, line, false);
            let mut words = shown.lines();
            for said in finding.to_string().lines() {
                let said = said.trim_start();
                assert!(
                    words.any(|word| word.trim_start().starts_with(said)),
                    "{said:?} in\n{shown}"
                );
            }
        }
    }
}
