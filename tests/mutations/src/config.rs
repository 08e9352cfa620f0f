//! `mutants.toml` and `exempt.toml`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use glob::{MatchOptions, Pattern, PatternError};
use serde::Deserialize;
use serde::de::DeserializeOwned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) refusals: BTreeSet<String>,
    pub(crate) seconds: u32,
    except: Names,
    suite: Vec<Suite>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Suite {
    files: Names,
    tests: Names,
}

/// Patterns of files, or of test executables.
#[derive(Deserialize)]
#[serde(try_from = "Vec<String>")]
pub(crate) struct Names(Vec<Pattern>);

impl Config {
    /// With each suite seen to have a file.
    pub(crate) fn read(folder: &Path, files: &BTreeSet<String>) -> Result<Self, String> {
        let config: Self = read(&folder.join("mutants.toml"))?;
        let is_empty = |suite: &&Suite| !files.iter().any(|file| suite.files.have(file));
        match config.suite.iter().find(is_empty) {
            Some(Suite { files, .. }) => {
                let files: Vec<&str> = files.0.iter().map(Pattern::as_str).collect();
                Err(format!("mutants.toml: no file is like {files:?}"))
            }
            None => Ok(config),
        }
    }

    /// Whether this file is to have mutants.
    pub(crate) fn has(&self, file: &str) -> bool {
        file.ends_with(".rs") && !self.except.have(file) && self.suites(file).next().is_some()
    }

    /// The names of executables that may catch a mutant of this file.
    pub(crate) fn tests(&self, file: &str) -> impl Iterator<Item = &Pattern> {
        self.suites(file).flat_map(|suite| &suite.tests.0)
    }

    pub(crate) fn may_catch(&self, file: &str, executable: &str) -> bool {
        let mut suites = self.suites(file);
        !self.except.have(executable) && suites.any(|suite| suite.tests.have(executable))
    }

    fn suites(&self, file: &str) -> impl Iterator<Item = &Suite> {
        self.suite
            .iter()
            .filter(move |suite| suite.files.have(file))
    }
}

impl TryFrom<Vec<String>> for Names {
    type Error = PatternError;

    fn try_from(names: Vec<String>) -> Result<Self, PatternError> {
        let patterns: Result<_, _> = names.iter().map(|name| Pattern::new(name)).collect();
        patterns.map(Self)
    }
}

impl Names {
    fn have(&self, name: &str) -> bool {
        let options = MatchOptions {
            require_literal_separator: true,
            ..MatchOptions::new()
        };
        self.0
            .iter()
            .any(|pattern| pattern.matches_with(name, options))
    }
}

/// The mutants that no test has to catch, each with the reason.
pub(crate) fn exemptions(folder: &Path) -> Result<BTreeMap<String, String>, String> {
    let exempt: BTreeMap<String, String> = read(&folder.join("exempt.toml"))?;
    match exempt.iter().find(|(_, reason)| reason.trim().is_empty()) {
        Some((mutant, _)) => Err(format!("exempt.toml: no reason for `{mutant}`")),
        None => Ok(exempt),
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
}
