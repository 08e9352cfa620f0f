//! Findings as text: what `cargo test` and `route-audit` print alike.

use std::fmt;

use super::report::{Finding, Severity};

impl Severity {
    /// The word used in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Three lines in the compiler's form, without a line break at the end:
///
/// ```text
/// error[unclassified-route]: GET /me is mounted by router `routes` and has no access class
///   --> src/app.rs:41
///   = help: add `#[public_route(GET, "/me", reason = "…")]`, ..
/// ```
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}[{}]: {}", self.severity, self.code, self.message)?;
        writeln!(f, "  --> {}:{}", self.file, self.line)?;
        write!(f, "  = help: {}", self.help)
    }
}

/// All of them, a blank line between two.
pub(super) fn all<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> String {
    let texts: Vec<String> = findings.into_iter().map(Finding::to_string).collect();
    texts.join("\n\n")
}
