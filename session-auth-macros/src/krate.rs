//! What the user's `Cargo.toml` calls this crate: `::session_auth`, unless it renames it.
//!
//! Read from the manifest, since nothing else tells a macro. Where the manifest cannot be read or
//! says nothing of the crate (inside the crate itself, under another build system), the plain name
//! is used: it is wrong only where `crate = path` is needed anyway, and the compiler then says that
//! it cannot find `session_auth`.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use proc_macro2::{Ident, Span};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

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
    let renamed = read(manifest).and_then(|toml| renamed(&toml, || workspace(manifest, &toml)));
    renamed.as_deref().unwrap_or(PACKAGE).replace('-', "_")
}

fn read(manifest: &Path) -> Option<Toml> {
    basic_toml::from_str(&std::fs::read_to_string(manifest).ok()?).ok()
}

/// The manifest of the workspace that a package is in.
fn workspace(manifest: &Path, toml: &Toml) -> Option<Toml> {
    let package = manifest.parent()?;
    if let Some(Toml::Text(root)) = toml.get("package").and_then(|table| table.get("workspace")) {
        return read(&package.join(root).join("Cargo.toml"));
    }
    package
        .ancestors()
        .filter_map(|folder| read(&folder.join("Cargo.toml")))
        .find(|toml| toml.get("workspace").is_some())
}

/// The name under which a manifest depends on this crate: the crate's own if one table has that,
/// else any other.
fn renamed(toml: &Toml, workspace: impl FnOnce() -> Option<Toml>) -> Option<String> {
    let targets = toml.get("target").into_iter().flat_map(Toml::values);
    let tables: Vec<&Toml> = std::iter::once(toml)
        .chain(targets)
        .flat_map(|table| {
            ["dependencies", "dev-dependencies", "build-dependencies"].map(|kind| table.get(kind))
        })
        .flatten()
        .collect();
    let mut root = None;
    let mut workspace = Some(workspace);
    let mut names = Vec::new();
    for (name, dependency) in tables.into_iter().flat_map(Toml::entries) {
        let inherits = matches!(dependency.get("workspace"), Some(Toml::True));
        let package = if inherits {
            let root = root.get_or_insert_with(|| workspace.take().and_then(|find| find()));
            root.as_ref().and_then(|root| {
                root.get("workspace")?
                    .get("dependencies")?
                    .get(name)?
                    .package()
            })
        } else {
            dependency.package()
        };
        if package.unwrap_or(name) == PACKAGE {
            names.push(name);
        }
    }
    names
        .iter()
        .find(|name| **name == PACKAGE)
        .or(names.first())
        .map(|name| (*name).to_owned())
}

/// As much of a TOML document as the search needs.
#[derive(Debug)]
enum Toml {
    Table(BTreeMap<String, Toml>),
    Text(String),
    True,
    Other,
}

impl Toml {
    fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Table(table) => table.get(key),
            _ => None,
        }
    }

    fn entries(&self) -> impl Iterator<Item = (&str, &Self)> {
        let table = match self {
            Self::Table(table) => Some(table),
            _ => None,
        };
        table
            .into_iter()
            .flatten()
            .map(|(key, value)| (key.as_str(), value))
    }

    fn values(&self) -> impl Iterator<Item = &Self> {
        self.entries().map(|(_, value)| value)
    }

    /// `package = ".."` of a dependency.
    fn package(&self) -> Option<&str> {
        match self.get("package") {
            Some(Self::Text(name)) => Some(name),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Toml {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyValue;

        impl<'de> Visitor<'de> for AnyValue {
            type Value = Toml;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a TOML value")
            }

            fn visit_bool<E>(self, value: bool) -> Result<Toml, E> {
                Ok(if value { Toml::True } else { Toml::Other })
            }

            fn visit_i64<E>(self, _: i64) -> Result<Toml, E> {
                Ok(Toml::Other)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Toml, E> {
                Ok(Toml::Other)
            }

            fn visit_str<E>(self, value: &str) -> Result<Toml, E> {
                Ok(Toml::Text(value.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Toml, A::Error> {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Toml::Other)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Toml, A::Error> {
                let mut table = BTreeMap::new();
                while let Some((key, value)) = entries.next_entry()? {
                    table.insert(key, value);
                }
                Ok(Toml::Table(table))
            }
        }

        deserializer.deserialize_any(AnyValue)
    }
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
            let toml: Toml = basic_toml::from_str(manifest).expect(case);
            let root = || basic_toml::from_str(ROOT).ok();
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
