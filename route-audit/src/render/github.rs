//! GitHub Actions: one workflow command for each finding, which annotates the line in the diff.
//!
//! <https://docs.github.com/actions/reference/workflow-commands-for-github-actions>. Of each kind
//! GitHub shows ten a step; the log has them all. The line that sums up is a line of the log: as a
//! notice it would be an annotation without a place.

use session_auth::audit::Severity;

use super::output::Output;
use super::place::Place;
use super::words::summary;
use crate::audit::Audit;
use crate::finding::Finding;
use crate::visible::visible;

pub(super) fn check(audit: &Audit, output: &Output<'_>) -> String {
    let mut text: String = audit
        .findings()
        .iter()
        .map(|finding| command(finding, output))
        .collect();
    if !output.quiet {
        text.push_str(&summary(audit));
    }
    text
}

fn command(finding: &Finding, output: &Output<'_>) -> String {
    let command = match finding.severity() {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let place = finding.subject().place;
    let (Place::Inside(file) | Place::Outside(file)) = output.places.in_repository(&place.file);
    let properties = format!(
        "file={},line={},title={}",
        property(&file),
        place.line,
        finding.code()
    );
    let message = format!(
        "{}\nhelp: {}",
        visible(&finding.message()),
        visible(&finding.help())
    );
    format!("::{command} {properties}::{}\n", data(&message))
}

/// `escapeData` of `actions/toolkit`, `packages/core/src/command.ts`: all that ends a line, and the
/// sign of the escapes.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// `escapeProperty`, in the same place: what ends a property as well.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_a_command_or_a_property_early() {
        assert_eq!(data("50%\r\n::error::x,y"), "50%25%0D%0A::error::x,y");
        assert_eq!(property("a,line=9::b\n100%"), "a%2Cline=9%3A%3Ab%0A100%25");
        assert_eq!(property("%0A"), "%250A");
    }
}
