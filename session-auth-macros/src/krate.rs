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
mod tests {
    use quote::quote;

    use super::*;

    #[test]
    fn the_name_in_the_manifest() {
        const ROOT: &str = r#"
            [workspace.dependencies]
            auth = { package = "session-auth", version = "0.1" }
            session-auth = "0.1"
            other = { package = "something-else", version = "1" }
        "#;
        for (case, manifest, expected) in [
            (
                "plain",
                "[dependencies]\nsession-auth = \"0.1\"",
                Some("session-auth"),
            ),
            (
                "renamed in line",
                "[dependencies]\nauth = { package = \"session-auth\", version = \"0.1\" }",
                Some("auth"),
            ),
            (
                "renamed in a table of its own",
                "[dependencies.auth]\npackage = \"session-auth\"\nversion = \"0.1\"",
                Some("auth"),
            ),
            (
                "dotted keys",
                "[dependencies]\nauth.package = \"session-auth\"\nauth.version = \"0.1\"",
                Some("auth"),
            ),
            (
                "for tests only",
                "[dev-dependencies]\nauth = { package = \"session-auth\", path = \"..\" }",
                Some("auth"),
            ),
            (
                "for one target",
                "[target.'cfg(unix)'.dependencies]\nauth = { package = \"session-auth\", path = \"..\" }",
                Some("auth"),
            ),
            (
                "for one target, dev",
                "[target.x86_64-unknown-linux-gnu.dev-dependencies.auth]\npackage = \"session-auth\"",
                Some("auth"),
            ),
            (
                "renamed by the workspace",
                "[dependencies]\nauth = { workspace = true }",
                Some("auth"),
            ),
            (
                "renamed by the workspace, dotted",
                "[dependencies]\nauth.workspace = true",
                Some("auth"),
            ),
            (
                "the workspace means something else",
                "[dependencies]\nother.workspace = true",
                None,
            ),
            (
                "another package under this name",
                "[dependencies]\nsession-auth = { package = \"fork\", version = \"1\" }\nauth = { package = \"session-auth\", version = \"1\" }",
                Some("auth"),
            ),
            (
                "both names: its own",
                "[dependencies]\na = { package = \"session-auth\", version = \"1\" }\nsession-auth.workspace = true",
                Some("session-auth"),
            ),
            ("not a dependency", "[dependencies]\naxum = \"0.8\"", None),
            (
                "all kinds of values around it",
                "x = 1\ny = 1.5\nz = [1, { a = true }]\nt = false\n[[bin]]\nname = \"a\"\n[dependencies]\nauth = { package = \"session-auth\", features = [\"redis\"], optional = false }",
                Some("auth"),
            ),
        ] {
            let toml = parse(manifest).expect(case);
            let root = || Some(ROOT.to_owned());
            assert_eq!(renamed(&toml, root).as_deref(), expected, "{case}");
        }
    }

    #[test]
    fn the_workspace_is_found_above_or_where_the_package_says() {
        const MEMBER: &str = "[dependencies]\nour-auth.workspace = true";
        const ROOT: &str = "[workspace.dependencies]\nour-auth = { package = \"session-auth\", version = \"0.1\" }";

        let folder = std::env::temp_dir().join(format!("session-auth-{}", std::process::id()));
        let write = |path: &str, text: &str| {
            let manifest = folder.join(path).join("Cargo.toml");
            std::fs::create_dir_all(folder.join(path)).expect(path);
            std::fs::write(&manifest, text).expect(path);
            manifest
        };
        write("root", ROOT);
        let below = write("root/crates/below", MEMBER);
        let beside = write(
            "beside",
            &format!("[package]\nname = \"beside\"\nworkspace = \"../root\"\n{MEMBER}"),
        );
        let alone = write("alone", MEMBER);
        let own = write("own", &format!("{MEMBER}\n{ROOT}"));
        let broken = write("broken", "[dependencies");
        let names = [&below, &beside, &alone, &own, &broken].map(|manifest| name_in(manifest));
        std::fs::remove_dir_all(&folder).expect("its own folder");
        assert_eq!(
            names,
            [
                "our_auth",
                "our_auth",
                "session_auth",
                "our_auth",
                "session_auth"
            ]
        );
        assert_eq!(name_in(&folder.join("Cargo.toml")), "session_auth");
    }

    #[test]
    fn inside_the_workspace_the_name_is_plain() {
        assert_eq!(quote!(::session_auth).to_string(), {
            let path = path();
            quote!(#path).to_string()
        });
    }
}
