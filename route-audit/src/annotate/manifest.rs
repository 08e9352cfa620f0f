//! The dependency, in a package's Cargo.toml.

use std::path::{Component, Path, PathBuf};

use cargo_metadata::{DependencyKind, Package};
use toml_edit::{DocumentMut, InlineTable, Item, Table, Value};

use crate::error::Problem;
use crate::select::LIBRARY;

/// The name under which a package has the library already.
pub(super) fn library(package: &Package) -> Option<String> {
    let found = package.dependencies.iter().find(|dependency| {
        dependency.name == LIBRARY && dependency.kind == DependencyKind::Normal
    })?;
    let name = found.rename.as_deref().unwrap_or(LIBRARY);
    Some(name.replace('-', "_"))
}

/// The text of Cargo.toml with the dependency: of the workspace where that has one, or of a path,
/// or of a version.
pub(super) fn with_library(
    text: &str,
    root: &str,
    folder: &Path,
    path: Option<&Path>,
) -> Result<String, Problem> {
    let mut document: DocumentMut = text
        .parse()
        .map_err(|error| Problem::new(format!("cannot read Cargo.toml: {error}")))?;
    let mut value = InlineTable::new();
    if path.is_none() && inherits(root) {
        value.insert("workspace", true.into());
    } else if let Some(path) = path {
        let path = relative(folder, path);
        value.insert("path", path.to_string_lossy().replace('\\', "/").into());
    }
    let value = if value.is_empty() {
        Value::from(env!("CARGO_PKG_VERSION"))
    } else {
        Value::InlineTable(value)
    };
    let dependencies = document
        .entry("dependencies")
        .or_insert_with(|| Item::Table(Table::new()));
    let Some(table) = dependencies.as_table_like_mut() else {
        return Err(Problem::new("`dependencies` is no table"));
    };
    let names: Vec<String> = table.iter().map(|(name, _)| name.to_owned()).collect();
    table.insert(LIBRARY, Item::Value(value));
    // Beside the others, in their order if they have one.
    if names.is_sorted() {
        table.sort_values();
    }
    let edited = document.to_string();
    // The parser takes line ends as they come, and writes its own.
    Ok(if text.contains("\r\n") && !edited.contains("\r\n") {
        edited.replace('\n', "\r\n")
    } else {
        edited
    })
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

    fn add(text: &str, root: &str, path: Option<&str>) -> String {
        with_library(text, root, Path::new("/a/web"), path.map(Path::new)).expect("a manifest")
    }

    #[test]
    fn the_dependency_goes_among_the_others() {
        let text = "[package]\nname = \"a\"  # the name\n\n[dependencies]\naxum = \"0.8\"\n# tls\n\
                    tokio = { version = \"1\" }\n\n[features]\n";
        let added = add(text, "", Some("/a/lib/session-auth"));
        let line = "session-auth = { path = \"../lib/session-auth\" }\n";
        assert_eq!(added.replace(line, ""), text, "{added}");
        assert!(
            added.contains(&format!("axum = \"0.8\"\n{line}# tls\n")),
            "{added}"
        );
        assert!(add(text, "", None).contains("session-auth = \"0.1.0\"\n"));
    }

    #[test]
    fn a_workspace_that_has_it_is_asked() {
        let root = "[workspace.dependencies]\nsession-auth = \"0.1\"\n";
        let added = add("[package]\nname = \"a\"\n", root, None);
        assert!(
            added.ends_with("[dependencies]\nsession-auth = { workspace = true }\n"),
            "{added}"
        );
    }

    #[test]
    fn line_ends_and_order_stay() {
        let text = "[dependencies]\r\ntokio = \"1\"\r\naxum = \"0.8\"\r\n";
        assert_eq!(
            add(text, "", None),
            format!("{text}session-auth = \"0.1.0\"\r\n")
        );
    }
}
