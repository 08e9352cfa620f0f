//! The lint `unguarded-router`: the places of a package's source where a router leaves it without
//! a guard, and where axum's own routers are built.
//!
//! It is a ban, not an analysis: every call of `axum::serve` and every make-service is reported,
//! whatever it is given. `Protected::serve(listener)` is the way out that needs no exception. It
//! reads one file at a time and knows what that file imports; what it cannot see is written down
//! in `docs/findings.md`.

pub(crate) mod calls;
pub(crate) mod exceptions;
mod files;
mod names;
mod read;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use cargo_metadata::{DependencyKind, Package};

/// For `clippy.toml`: clippy resolves names exactly, through macros and re-exports as well.
pub(crate) const CLIPPY: &str = include_str!("exits/clippy.toml");

/// What the source of one or more packages holds. Files are named from the root of the workspace,
/// with `/`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Lint {
    pub(crate) found: BTreeSet<Found>,
    pub(crate) read: BTreeSet<String>,
    /// The files that could not be read or parsed, and why. Nothing is known of what is in them.
    pub(crate) unread: Vec<(String, String)>,
}

/// A place in the source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Found {
    pub(crate) file: String,
    /// Counted from 1, as the column is.
    pub(crate) line: u32,
    pub(crate) column: u32,
    pub(crate) kind: Kind,
    /// As exceptions name it: `axum::serve`, `into_make_service`, `axum::routing::get`.
    pub(crate) call: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// A router or service is served here.
    Exit,
    /// An axum router is built here, whose handlers no guard's pass is asked for.
    Axum,
}

impl Lint {
    /// Reads the sources of a package's library and binaries. `root` is the workspace's.
    pub(crate) fn add(&mut self, package: &Package, root: &Path) {
        let crates = crates(package);
        for (path, parsed) in files::program(package) {
            let path = path.strip_prefix(root).unwrap_or(&path);
            let shown = path.to_string_lossy().replace('\\', "/");
            match parsed {
                Ok(file) => {
                    self.found.extend(read::file(&shown, &file, &crates));
                    self.read.insert(shown);
                }
                Err(error) => self.unread.push((shown, error)),
            }
        }
    }
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

impl Found {
    pub(crate) fn message(&self) -> String {
        let call = &self.call;
        match self.kind {
            Kind::Exit => format!(
                "`{call}` serves a router or service, and no guard is known to be around it"
            ),
            Kind::Axum => format!(
                "`{call}` builds a router of axum's own, whose handlers ask for no guard's pass"
            ),
        }
    }

    pub(crate) fn help(&self) -> String {
        let Self { file, call, .. } = self;
        let right = match self.kind {
            Kind::Exit => {
                "serve what `protect` returns by its own method: `app.serve(listener)`; for what \
                 needs no guard"
            }
            Kind::Axum => {
                "use `session_auth::Router` and `session_auth::routing`, which have the same \
                 methods; for a router that another crate takes"
            }
        };
        format!(
            "{right}, add an exception with its reason to [workspace.metadata.route-audit]: \
             `exits = [{{ file = {file:?}, call = {call:?}, reason = \"…\" }}]`"
        )
    }
}
