//! What is wrong with a manifest, a part of one in a document, or a lock.

use toml::{Table, Value};

use crate::lists::OURS;

/// The blocks of TOML in Markdown, with their lines; also in comments of Rust.
pub(crate) fn toml_blocks(text: &str) -> Vec<(usize, String)> {
    let mut blocks = Vec::new();
    let mut block: Option<(usize, String)> = None;
    for (at, line) in text.lines().enumerate() {
        let line = line.trim_start();
        let line = ["//! ", "/// ", "//!", "///"]
            .iter()
            .find_map(|comment| line.strip_prefix(comment))
            .unwrap_or(line);
        match &mut block {
            None if line.trim() == "```toml" => block = Some((at + 2, String::new())),
            None => {}
            Some(_) if line.trim() == "```" => blocks.extend(block.take()),
            Some((_, text)) => text.push_str(&format!("{line}\n")),
        }
    }
    blocks
}

/// Every dependency of a manifest, or of a part of one.
pub(crate) fn dependencies(table: &Table, each: &mut impl FnMut(&str, &Value)) {
    for (key, value) in table {
        let Value::Table(inner) = value else { continue };
        if key.ends_with("dependencies") {
            inner.iter().for_each(|(name, value)| each(name, value));
        } else {
            dependencies(inner, each);
        }
    }
}

/// The package that a dependency is, whatever it is called.
pub(crate) fn package<'a>(key: &'a str, value: &'a Value) -> &'a str {
    let renamed = value.get("package").and_then(Value::as_str);
    renamed.unwrap_or(key)
}

pub(crate) fn ours_by_place(key: &str, value: &Value, add: &mut impl FnMut(String)) {
    let has = |key: &str| value.get(key).is_some();
    let place = has("path") || has("workspace") || has("git") && has("rev");
    let name = package(key, value);
    if OURS.contains(&name) && !place {
        add(format!("depends on `{name}` without saying where it is"));
    }
}

pub(crate) fn manifest(text: &str, add: &mut impl FnMut(String)) {
    let table: Table = match text.parse() {
        Ok(table) => table,
        Err(error) => return add(format!("cannot be read: {error}")),
    };
    dependencies(&table, &mut |key, value| ours_by_place(key, value, add));
    let workspace = table
        .get("workspace")
        .and_then(|table| table.get("package"));
    for package in table.get("package").into_iter().chain(workspace) {
        for key in ["repository", "homepage", "documentation"] {
            if package.get(key).is_some() {
                add(format!("`{key}` is an address that nobody here owns"));
            }
        }
    }
    let publish = table.get("package").map(|package| package.get("publish"));
    if publish.is_some_and(|publish| publish != Some(&Value::Boolean(false))) {
        add("the package can be published: its name is not ours".to_owned());
    }
}

pub(crate) fn lock(text: &str, add: &mut impl FnMut(String)) {
    let table: Table = match text.parse() {
        Ok(table) => table,
        Err(error) => return add(format!("cannot be read: {error}")),
    };
    let packages = table.get("package").and_then(Value::as_array);
    for package in packages.into_iter().flatten() {
        let name = package.get("name").and_then(Value::as_str);
        if name.is_some_and(|name| OURS.contains(&name)) && package.get("source").is_some() {
            add(format!(
                "{} is taken from elsewhere",
                name.unwrap_or_default()
            ));
        }
    }
}
