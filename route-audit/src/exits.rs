//! The lint `unguarded-router`: the places of a package's source where a router leaves it without
//! a guard, and where axum's own routers are built.
//!
//! It is a ban, not an analysis: every call of `axum::serve` and every make-service is reported,
//! whatever it is given. `Protected::serve(listener)` is the way out that needs no exception. It
//! reads one package at a time, file by file, and follows names through the imports of the file
//! that they stand in; what it cannot see is written down in `docs/findings.md`.

mod attributes;
mod calls;
pub(crate) mod exceptions;
mod files;
mod found;
mod names;
mod prose;
mod read;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::Path;

use cargo_metadata::{DependencyKind, Package};

pub(crate) use self::found::{Found, Lint};

/// For `clippy.toml`: clippy resolves names exactly, through macros and re-exports as well.
pub(crate) const CLIPPY: &str = include_str!("exits/clippy.toml");

/// Reads the sources of a package's library and binaries. `root` is the workspace's.
pub(crate) fn lint(package: &Package, root: &Path) -> Lint {
    let crates = crates(package);
    let mut lint = Lint::default();
    for (path, parsed) in &files::program(package) {
        match parsed {
            Ok(file) => lint
                .found
                .extend(read::file(&shown(path, root), file, &crates)),
            Err(error) => lint.unread.push((shown(path, root), error.clone())),
        }
    }
    lint.found.sort();
    lint
}

/// The names that the package's dependencies have in its source, and the real ones.
fn crates(package: &Package) -> HashMap<String, String> {
    let dependencies = package.dependencies.iter();
    dependencies
        .filter(|dependency| dependency.kind == DependencyKind::Normal)
        .map(|dependency| {
            let local = dependency.rename.as_ref().unwrap_or(&dependency.name);
            (local.replace('-', "_"), dependency.name.replace('-', "_"))
        })
        .collect()
}

/// As `file!()` has it.
fn shown(path: &Path, root: &Path) -> String {
    let path = path.strip_prefix(root).unwrap_or(path);
    path.to_string_lossy().replace('\\', "/")
}
