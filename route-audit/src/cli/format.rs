//! In which form a result is shown.

use clap::ValueEnum;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Text for people
    Human,
    /// One JSON document, schema 1: see docs/route-audit.schema.json
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// GitHub Actions: annotations in the diff
    Github,
    /// Markdown, for a comment or a job's summary
    Markdown,
}
