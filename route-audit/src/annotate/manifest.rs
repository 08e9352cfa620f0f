//! The dependency, in a package's Cargo.toml.

use std::path::{Component, Path, PathBuf};

use cargo_metadata::{DependencyKind, Package};
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, TableLike};

use crate::error::Problem;

const LIBRARY: &str = "session-auth";

/// Where the library comes from. Never by its bare name: on the public registry that is another
/// project's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Library {
    /// The folder with its Cargo.toml.
    Folder(PathBuf),
    /// A repository, and the full hash of a commit.
    Git { address: String, revision: String },
}

/// The name under which a package has another, in its own code.
pub(super) fn name_of(package: &Package, dependency: &str) -> Option<String> {
    let found = package
        .dependencies
        .iter()
        .find(|known| known.name == dependency && known.kind == DependencyKind::Normal)?;
    let name = found.rename.as_deref().unwrap_or(dependency);
    Some(name.replace('-', "_"))
}

/// The text of Cargo.toml with the dependency: of the workspace, where that has it. A path is absolute.
pub(super) fn with_library(
    text: &str,
    root: &str,
    library: Option<&Library>,
) -> Result<String, Problem> {
    let mut document: DocumentMut = text
        .parse()
        .map_err(|error| Problem::new(format!("cannot read Cargo.toml: {error}")))?;
    let mut value = InlineTable::new();
    match library {
        _ if inherits(root) => {
            value.insert("workspace", true.into());
        }
        Some(Library::Folder(path)) => {
            value.insert("path", slashes(path).into());
        }
        Some(Library::Git { address, revision }) => {
            value.insert("git", address.into());
            value.insert("rev", revision.into());
        }
        None => {
            return Err(Problem::new(
                "the package does not depend on `session-auth`, and `init` does not know where that \
                 comes from: by its bare name it would be anybody's",
            )
            .help(
                "give `--source PATH`, a folder with the repository of route-audit, or `--source \
                 ADDRESS --rev REVISION`, its git address and a full commit hash",
            ));
        }
    }
    let dependencies = document
        .entry("dependencies")
        .or_insert_with(|| Item::Table(Table::new()));
    let Some(table) = dependencies.as_table_like_mut() else {
        return Err(Problem::new("`dependencies` is no table"));
    };
    let names: Vec<String> = table.iter().map(|(name, _)| name.to_owned()).collect();
    let axum = optional_axum(table);
    if axum.is_some() {
        value.insert("optional", true.into());
    }
    table.insert(LIBRARY, Item::Value(value.into()));
    // Beside the others, in their order if they have one.
    if names.is_sorted() {
        table.sort_values();
    }
    if let Some(axum) = axum {
        come_with(&mut document, &axum)?;
    }
    Ok(line_ends(text, document.to_string()))
}

/// What a package calls its dependency on axum, if that is there with a feature alone.
fn optional_axum(dependencies: &dyn TableLike) -> Option<String> {
    let is_meant = |(name, item): &(&str, &Item)| {
        let package = item.get("package").and_then(Item::as_str);
        package.unwrap_or(name) == "axum"
            && item.get("optional").and_then(Item::as_bool) == Some(true)
    };
    let mut all = dependencies.iter();
    all.find(is_meant).map(|(name, _)| name.to_owned())
}

/// The features that bring axum bring the library.
fn come_with(document: &mut DocumentMut, axum: &str) -> Result<(), Problem> {
    let features = document
        .entry("features")
        .or_insert_with(|| Item::Table(Table::new()))
        .as_table_like_mut()
        .ok_or_else(|| Problem::new("`features` is no table"))?;
    let (axum_comes, comes) = (format!("dep:{axum}"), format!("dep:{LIBRARY}"));
    let mut any = false;
    for (_, feature) in features.iter_mut() {
        if let Some(parts) = feature.as_array_mut()
            && parts.iter().any(|part| part.as_str() == Some(&*axum_comes))
        {
            parts.push(comes.as_str());
            any = true;
        }
    }
    if !any {
        // Of the same name as the one that cargo makes where nothing names the dependency.
        let parts: Array = [axum_comes, comes].into_iter().collect();
        features.insert(axum, Item::Value(parts.into()));
    }
    Ok(())
}

/// The text with a path from where the file itself is.
pub(super) fn with_relative(text: &str, manifest: &Path, library: &Library) -> String {
    match (library, manifest.parent()) {
        (Library::Folder(path), Some(folder)) => {
            let quoted = |path: &Path| format!("\"{}\"", slashes(path));
            text.replace(&quoted(path), &quoted(&relative(folder, path)))
        }
        _ => text.to_owned(),
    }
}

fn slashes(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}

/// The text of Cargo.toml with the feature `testing` of the library for tests.
pub(super) fn with_testing(text: &str) -> Result<String, Problem> {
    let mut document: DocumentMut = text
        .parse()
        .map_err(|error| Problem::new(format!("cannot read Cargo.toml: {error}")))?;
    let mut table = match document
        .get("dependencies")
        .and_then(|all| all.get(LIBRARY))
    {
        Some(Item::Value(toml_edit::Value::InlineTable(table))) => table.clone(),
        Some(Item::Table(table)) => table.clone().into_inline_table(),
        _ => {
            return Err(Problem::new(
                "the dependency on `session-auth` is no table of `dependencies`",
            ));
        }
    };
    for key in ["optional", "default-features"] {
        table.remove(key);
    }
    let features: toml_edit::Array = ["testing"].into_iter().collect();
    table.insert("features", features.into());
    table.fmt();
    let tests = document
        .entry("dev-dependencies")
        .or_insert_with(|| Item::Table(Table::new()));
    let tests = tests
        .as_table_like_mut()
        .ok_or_else(|| Problem::new("`dev-dependencies` is no table"))?;
    if !tests.contains_key(LIBRARY) {
        tests.insert(LIBRARY, Item::Value(table.into()));
    }
    Ok(line_ends(text, document.to_string()))
}

/// The parser takes line ends as they come, and writes its own.
fn line_ends(text: &str, edited: String) -> String {
    if text.contains("\r\n") && !edited.contains("\r\n") {
        edited.replace('\n', "\r\n")
    } else {
        edited
    }
}

/// Whether the workspace's Cargo.toml has the library for its members.
fn inherits(root: &str) -> bool {
    root.parse::<DocumentMut>().is_ok_and(|document| {
        document
            .get("workspace")
            .and_then(|workspace| workspace.get("dependencies")?.get(LIBRARY))
            .is_some()
    })
}

/// From one folder to another, where both have a folder in common that is not the root of all.
fn relative(from: &Path, to: &Path) -> PathBuf {
    let normal = |path: &Path| -> Vec<_> {
        let parts = path.components();
        parts.map(|part| part.as_os_str().to_owned()).collect()
    };
    let (from_parts, to_parts) = (normal(from), normal(to));
    let common = from_parts
        .iter()
        .zip(&to_parts)
        .take_while(|(a, b)| a == b)
        .count();
    let rooted = to
        .components()
        .take(common)
        .any(|part| matches!(part, Component::Normal(_)));
    if !rooted {
        return to.to_owned();
    }
    let up = from_parts[common..].iter().map(|_| "..".into());
    up.chain(to_parts[common..].iter().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(text: &str, root: &str, path: &str) -> String {
        let library = Library::Folder(PathBuf::from(path));
        let text = with_library(text, root, Some(&library)).expect("a manifest");
        with_relative(&text, Path::new("/a/web/Cargo.toml"), &library)
    }

    #[test]
    fn the_dependency_goes_among_the_others() {
        let text = "[package]\nname = \"a\"  # the name\n\n[dependencies]\naxum = \"0.8\"\n# tls\n\
                    tokio = { version = \"1\" }\n\n[features]\n";
        let added = add(text, "", "/a/lib/session-auth");
        let line = "session-auth = { path = \"../lib/session-auth\" }\n";
        assert_eq!(added.replace(line, ""), text, "{added}");
        assert!(
            added.contains(&format!("axum = \"0.8\"\n{line}# tls\n")),
            "{added}"
        );
        let git = Library::Git {
            address: "https://git.example/session-auth".to_owned(),
            revision: "0".repeat(40),
        };
        let added = with_library(text, "", Some(&git)).expect("a manifest");
        assert!(
            added.contains("{ git = \"https://git.example/session-auth\", rev = \"000"),
            "{added}"
        );
    }

    #[test]
    fn where_axum_is_optional_it_comes_with_axum() {
        let text = "[dependencies]\naxum = { version = \"0.8\", optional = true }\n\n[features]\ncli = []\n\
                    web = [\"dep:axum\", \"cli\"]\n";
        let line = "session-auth = { path = \"/b\", optional = true }\n";
        let expected = text
            .replace("true }\n", &format!("true }}\n{line}"))
            .replace("\"cli\"]", "\"cli\", \"dep:session-auth\"]");
        assert_eq!(add(text, "", "/b"), expected);
        let web = "web = { package = \"axum\", version = \"0.8\", optional = true }\n";
        let implicit = format!("[dependencies]\n{web}");
        let expected = format!(
            "[dependencies]\n{line}{web}\n[features]\nweb = [\"dep:web\", \"dep:session-auth\"]\n"
        );
        assert_eq!(add(&implicit, "", "/b"), expected);
    }

    #[test]
    fn a_workspace_that_has_it_is_asked() {
        let root = "[workspace.dependencies]\nsession-auth = { path = \"lib\" }\n";
        let text = "[package]\nname = \"a\"\n";
        let added = with_library(text, root, None).expect("a manifest");
        assert!(
            added.ends_with("[dependencies]\nsession-auth = { workspace = true }\n"),
            "{added}"
        );
        let problem = with_library(text, "", None)
            .expect_err("nobody has it")
            .to_string();
        assert!(problem.contains("--source PATH"), "{problem}");
    }

    #[test]
    fn line_ends_and_order_stay() {
        let text = "[dependencies]\r\ntokio = \"1\"\r\naxum = \"0.8\"\r\n";
        let line = "session-auth = { path = \"/b\" }\r\n";
        assert_eq!(add(text, "", "/b"), format!("{text}{line}"));
    }
}
