//! What each code stands for, from the page that explains it.

use session_auth::audit::Code;

use crate::pages::page;

/// A kind of finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) code: Code,
    /// What it means, in a sentence.
    pub(super) short: String,
    /// What it means.
    pub(super) full: String,
    /// All there is to say, in Markdown.
    pub(super) help: &'static str,
}

/// A rule for each code, in the order of the codes.
pub(super) fn all() -> impl Iterator<Item = Rule> {
    Code::ALL.iter().map(|&code| {
        let help = page(code);
        let meaning = help
            .split_once("\n## What it means\n\n")
            .and_then(|(_, rest)| rest.split("\n\n").next())
            .unwrap_or_default();
        let full = meaning.replace('\n', " ");
        let short = match full.split_once(". ") {
            Some((first, _)) => format!("{first}."),
            None => full.clone(),
        };
        Rule {
            code,
            short,
            full,
            help,
        }
    })
}

#[cfg(test)]
mod tests;
