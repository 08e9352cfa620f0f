//! An audit as a document: one file a format. What several of them say is here.

mod github;
mod human;
pub(crate) mod json;
mod markdown;
mod output;
mod place;
mod rules;
mod sarif;
#[cfg(test)]
mod tests;
mod words;

pub(crate) use self::human::styled;
pub(crate) use self::output::Output;
pub(crate) use self::place::Places;
use crate::audit::Audit;
use crate::cli::Format;
use crate::error::{CannotRun, Problem};

/// What `check` shows: the findings, and one line that sums up.
pub(crate) fn check(audit: &Audit, output: &Output<'_>) -> Result<String, CannotRun> {
    Ok(match output.format {
        Format::Human => human::check(audit, output),
        Format::Json => json::audit(audit)?,
        Format::Sarif => sarif::check(audit, output)?,
        Format::Github => github::check(audit, output),
        Format::Markdown => markdown::check(audit),
    })
}

/// What `list` shows: every route, and one line that sums up.
pub(crate) fn list(audit: &Audit, output: &Output<'_>) -> Result<String, CannotRun> {
    Ok(match output.format {
        Format::Human => human::list(audit, output),
        Format::Json => json::audit(audit)?,
        Format::Markdown => markdown::list(audit),
        Format::Sarif | Format::Github => return Err(only_findings(output.format).into()),
    })
}

/// `list` judges nothing: there is nothing in it that these formats could hold.
fn only_findings(format: Format) -> Problem {
    Problem::new(format!("`list` has no format `{format:?}`").to_lowercase())
        .help("the formats of a listing are: human, json, markdown")
}
