//! The rows of `checks/*.toml`, and what they make of the sources.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::{KEPT, VARIABLE};

/// A check, and how to be without it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// What it is called: its file's name without `.toml`, a slash, and the key of the row.
    #[serde(skip)]
    pub name: String,
    /// The source, from the root of the workspace.
    pub file: String,
    /// A text that is in it once.
    pub has: String,
    /// The text in its place, with `KEPT` for "unless this check is left out".
    pub without: String,
    /// Texts around or in front of further refusals of the same check.
    #[serde(default)]
    pub also: Vec<String>,
    /// The test that fails then: `PACKAGE` for the library's unit tests or `PACKAGE/TARGET`, and
    /// the test's path.
    pub test: String,
}

impl Check {
    /// The executable that has the test, and the test's path in it.
    #[must_use]
    pub fn test(&self) -> (&str, &str) {
        self.test.split_once(' ').unwrap_or((&self.test, ""))
    }
}

/// A refusal without a mutation of its own.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exempt {
    /// The source, from the root of the workspace.
    pub file: String,
    /// A text that is in it once, in front of the refusal or around it.
    pub has: String,
    /// Why there is none: no test can provoke it, or other rows are about it.
    pub why: String,
}

/// One file of rows.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rows {
    #[serde(default)]
    check: BTreeMap<String, Check>,
    #[serde(default)]
    exempt: Vec<Exempt>,
}

/// All rows.
#[derive(Debug, Default)]
pub struct Table {
    /// By name.
    pub checks: Vec<Check>,
    /// The refusals that need none.
    pub exempt: Vec<Exempt>,
}

/// The root of the workspace that this package is part of.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .map(Path::to_owned)
        .unwrap_or_default()
}

impl Table {
    /// Reads `checks/*.toml`.
    ///
    /// # Errors
    ///
    /// Where a file cannot be read, with its name.
    pub fn read() -> Result<Self, String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("checks");
        let cannot =
            |error: &dyn std::fmt::Display, at: &Path| format!("{}: {error}", at.display());
        let mut paths = Vec::new();
        for entry in fs::read_dir(&folder).map_err(|error| cannot(&error, &folder))? {
            paths.push(entry.map_err(|error| cannot(&error, &folder))?.path());
        }
        paths.sort();
        let mut table = Self::default();
        for path in paths {
            let text = fs::read_to_string(&path).map_err(|error| cannot(&error, &path))?;
            let rows: Rows = toml::from_str(&text).map_err(|error| cannot(&error, &path))?;
            let group = path.file_stem().unwrap_or_default().to_string_lossy();
            table
                .checks
                .extend(rows.check.into_iter().map(|(key, check)| Check {
                    name: format!("{group}/{key}"),
                    ..check
                }));
            table.exempt.extend(rows.exempt);
        }
        Ok(table)
    }

    /// Puts every row of a file into its text. Nothing of it is left out yet: what is, says
    /// [`VARIABLE`] at run time.
    ///
    /// # Errors
    ///
    /// With each row whose text is not there once, that overlaps another, or that leaves nothing
    /// out.
    pub fn plant(&self, file: &str, text: &str) -> Result<String, Vec<String>> {
        let mut problems = Vec::new();
        let mut changes: Vec<(Range<usize>, &Check)> = Vec::new();
        for check in self.checks.iter().filter(|check| check.file == file) {
            match once(text, &check.has) {
                Ok(range) => changes.push((range, check)),
                Err(why) => problems.push(format!("{}: {why} in {file}", check.name)),
            }
            if !check.without.contains(KEPT) {
                problems.push(format!("{}: `without` does not say {KEPT}", check.name));
            }
        }
        changes.sort_by_key(|(range, _)| range.start);
        for pair in changes.windows(2) {
            if let [(one, first), (other, second)] = pair
                && one.end > other.start
            {
                problems.push(format!(
                    "{} and {} change the same text of {file}",
                    first.name, second.name
                ));
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut planted = String::with_capacity(text.len() * 2);
        let mut at = 0;
        for (range, check) in changes {
            planted.push_str(&text[at..range.start]);
            planted.push_str(&check.without.replace(KEPT, &condition(&check.name)));
            at = range.end;
        }
        planted.push_str(&text[at..]);
        Ok(planted)
    }
}

/// Holds unless [`VARIABLE`] names the row. Written out in each place, so that a row can be in any
/// crate and needs no item of it.
fn condition(name: &str) -> String {
    format!("(!::std::env::var_os({VARIABLE:?}).is_some_and(|left_out| left_out == *{name:?}))")
}

/// Where a text is that has to be there once.
///
/// # Errors
///
/// With what is wrong, where it is not.
pub fn once(text: &str, wanted: &str) -> Result<Range<usize>, String> {
    let mut found = text.match_indices(wanted);
    match (found.next(), found.next()) {
        (Some((at, _)), None) if !wanted.is_empty() => Ok(at..at + wanted.len()),
        (None, _) => Err(format!("there is no `{wanted}`")),
        _ => Err(format!("there is more than one `{wanted}`")),
    }
}
