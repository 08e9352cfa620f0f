//! The table `[env]` of cargo's configuration: variables for all that cargo runs, and so for the
//! tests that are run here in its place. <https://doc.rust-lang.org/cargo/reference/config.html#env>
//!
//! `cargo config get` would say it, and is unstable. What is wrong with a file cargo has said before,
//! when it was asked for the metadata of the workspace.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::Problem;

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    env: BTreeMap<String, Entry>,
    include: Option<Include>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Text(String),
    Table {
        value: Option<String>,
        force: Option<bool>,
        relative: Option<bool>,
    },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Include {
    One(Included),
    Many(Vec<Included>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Included {
    Path(PathBuf),
    Table { path: PathBuf },
}

struct Variable {
    value: Option<String>,
    force: Option<bool>,
    relative: Option<bool>,
    /// What a relative value is relative to.
    root: PathBuf,
}

/// What cargo, started in this folder, sets for what it runs. Of names that are set already, those
/// alone that it overrides.
pub(super) fn variables(current_dir: &Path) -> Result<Vec<(String, OsString)>, Problem> {
    let mut all = BTreeMap::new();
    for file in files(current_dir) {
        add(&file, &mut Vec::new(), &mut all)?;
    }
    let variables = all.into_iter().filter_map(|(name, variable)| {
        if variable.force != Some(true) && env::var_os(&name).is_some() {
            return None;
        }
        let value = match env::var(format!("CARGO_ENV_{}", name.to_uppercase())) {
            Ok(over) if variable.force.is_none() && variable.relative.is_none() => over,
            _ => variable.value?,
        };
        let value = if variable.relative == Some(true) {
            variable.root.join(value).into()
        } else {
            value.into()
        };
        Some((name, value))
    });
    Ok(variables.collect())
}

/// The files of the configuration, the one that decides first.
fn files(current_dir: &Path) -> Vec<PathBuf> {
    let home = env::var_os("CARGO_HOME")
        .map(|home| current_dir.join(home))
        .or_else(|| Some(env::home_dir()?.join(".cargo")));
    let mut folders: Vec<PathBuf> = current_dir
        .ancestors()
        .map(|folder| folder.join(".cargo"))
        .collect();
    folders.extend(home.filter(|home| !folders.contains(home)));
    // Of the two, cargo takes the older name.
    let file = |folder: PathBuf| {
        ["config", "config.toml"]
            .into_iter()
            .map(|name| folder.join(name))
            .find(|path| path.is_file())
    };
    folders.into_iter().filter_map(file).collect()
}

/// Adds what a file and those that it includes say, where nothing before them has said it.
fn add(
    path: &Path,
    within: &mut Vec<PathBuf>,
    all: &mut BTreeMap<String, Variable>,
) -> Result<(), Problem> {
    let problem = |error: &dyn std::fmt::Display| {
        Problem::new(format!("cannot read the configuration of cargo: {error}"))
            .at(path.display())
            .help("mend what `cargo check` says of it")
    };
    // An included file may be optional.
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        text => text.map_err(|error| problem(&error))?,
    };
    let file: File = toml::from_str(&text).map_err(|error| problem(&error))?;
    let folder = path.parent().unwrap_or(path);
    for (name, entry) in file.env {
        let (value, force, relative) = match entry {
            Entry::Text(value) => (Some(value), None, None),
            Entry::Table {
                value,
                force,
                relative,
            } => (value, force, relative),
        };
        // Tables of one name are merged key by key.
        let variable = all.entry(name).or_insert_with(|| Variable {
            value: None,
            force: None,
            relative: None,
            root: folder.parent().unwrap_or(folder).to_owned(),
        });
        variable.value = variable.value.take().or(value);
        variable.force = variable.force.or(force);
        variable.relative = variable.relative.or(relative);
    }
    let included = match file.include {
        None => Vec::new(),
        Some(Include::One(one)) => vec![one],
        Some(Include::Many(many)) => many,
    };
    within.push(path.to_owned());
    // The last of them decides.
    for one in included.into_iter().rev() {
        let (Included::Path(included) | Included::Table { path: included }) = one;
        let included = folder.join(included);
        if !within.contains(&included) {
            add(&included, within, all)?;
        }
    }
    within.pop();
    Ok(())
}
