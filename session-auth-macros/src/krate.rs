//! What the user's `Cargo.toml` calls this crate: `::session_auth`, unless it renames it.
//!
//! Read from the manifest, since nothing else tells a macro. Where the manifest cannot be read or
//! says nothing of the crate (inside the crate itself, under another build system), the plain name
//! is used: it is wrong only where `crate = path` is needed anyway, and the compiler then says that
//! it cannot find `session_auth`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use proc_macro2::{Ident, Span};
use toml::de::{DeTable, DeValue};

const PACKAGE: &str = "session-auth";

/// The path that the output begins with.
pub(crate) fn path() -> syn::Path {
    let ident = Ident::new(&name(), Span::call_site());
    syn::parse_quote!(::#ident)
}

/// The path that `crate = path` gave, or else the one of the manifest.
pub(crate) fn path_or(given: Option<syn::Path>) -> syn::Path {
    given.unwrap_or_else(path)
}

fn name() -> String {
    // One process may expand macros of several packages (rust-analyzer's does).
    static KNOWN: Mutex<Option<HashMap<PathBuf, String>>> = Mutex::new(None);

    let Some(directory) = std::env::var_os("CARGO_MANIFEST_DIR") else {
        return PACKAGE.replace('-', "_");
    };
    let manifest = Path::new(&directory).join("Cargo.toml");
    KNOWN
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .get_or_insert_default()
        .entry(manifest)
        .or_insert_with_key(|manifest| name_in(manifest))
        .clone()
}

fn name_in(manifest: &Path) -> String {
    let renamed = read(manifest).and_then(|text| {
        let toml = parse(&text)?;
        renamed(&toml, || workspace(manifest, &toml))
    });
    renamed.as_deref().unwrap_or(PACKAGE).replace('-', "_")
}

fn read(manifest: &Path) -> Option<String> {
    std::fs::read_to_string(manifest).ok()
}

fn parse(text: &str) -> Option<DeValue<'_>> {
    Some(DeValue::Table(DeTable::parse(text).ok()?.into_inner()))
}

/// The manifest of the workspace that a package is in.
fn workspace(manifest: &Path, toml: &DeValue<'_>) -> Option<String> {
    let package = manifest.parent()?;
    let root = get(toml, "package").and_then(|table| get(table, "workspace"));
    if let Some(root) = root.and_then(DeValue::as_str) {
        return read(&package.join(root).join("Cargo.toml"));
    }
    package
        .ancestors()
        .filter_map(|folder| read(&folder.join("Cargo.toml")))
        .find(|text| parse(text).is_some_and(|toml| get(&toml, "workspace").is_some()))
}

/// The name under which a manifest depends on this crate: the crate's own if one table has that,
/// else any other.
fn renamed(toml: &DeValue<'_>, workspace: impl FnOnce() -> Option<String>) -> Option<String> {
    let targets = entries(get(toml, "target")).map(|(_, table)| table);
    let (inherited, own): (Vec<_>, Vec<_>) = std::iter::once(toml)
        .chain(targets)
        .flat_map(|table| {
            ["dependencies", "dev-dependencies", "build-dependencies"].map(|kind| get(table, kind))
        })
        .flat_map(entries)
        .partition(|(_, dependency)| {
            get(dependency, "workspace").and_then(DeValue::as_bool) == Some(true)
        });

    let root = workspace();
    let root = root.as_deref().and_then(parse);
    let shared = root
        .as_ref()
        .and_then(|root| get(get(root, "workspace")?, "dependencies"));

    let own = own.into_iter().map(|(name, it)| (name, Some(it)));
    let inherited = inherited
        .into_iter()
        .map(|(name, _)| (name, shared.and_then(|shared| get(shared, name))));
    let names: Vec<&str> = own
        .chain(inherited)
        .filter(|(name, dependency)| {
            let package = dependency.and_then(|dependency| get(dependency, "package")?.as_str());
            package.unwrap_or(name) == PACKAGE
        })
        .map(|(name, _)| name)
        .collect();
    names
        .iter()
        .find(|name| **name == PACKAGE)
        .or(names.first())
        .map(|name| (*name).to_owned())
}

fn get<'a, 'i>(toml: &'a DeValue<'i>, key: &str) -> Option<&'a DeValue<'i>> {
    toml.get(key).map(|value| value.get_ref())
}

fn entries<'a, 'i>(
    toml: Option<&'a DeValue<'i>>,
) -> impl Iterator<Item = (&'a str, &'a DeValue<'i>)> {
    toml.and_then(DeValue::as_table)
        .into_iter()
        .flatten()
        .map(|(key, value)| (&**key.get_ref(), value.get_ref()))
}

#[cfg(test)]
mod tests;
