//! Nothing here fetches by a name that is not ours, or leads to an address that nobody here owns: no
//! document, template, workflow, manifest or text that a program prints.
//!
//! Tests of Rust are left aside, as what is in them is neither shown to anybody nor run by anybody;
//! their manifests are looked at.

mod lines;
mod lists;
mod manifests;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use toml::Table;

use crate::lines::{actions, addresses, commands, listed, registries, versions};
use crate::lists::{CRATES, OURS, REGISTRIES};
use crate::manifests::{dependencies, lock, manifest, ours_by_place, package, toml_blocks};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the package is a folder of the workspace")
        .to_owned()
}

/// Every text of the repository that a user, a CI or cargo reads, by its path.
fn texts() -> BTreeMap<String, String> {
    let root = root();
    let mut texts = BTreeMap::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the folder can be read") {
            let path = entry.expect("the folder can be read").path();
            let name = path.strip_prefix(&root).expect("below the root");
            let name = name.to_string_lossy().replace('\\', "/");
            if path.is_dir() {
                if !skipped(&name) {
                    folders.push(path);
                }
            } else if let Ok(text) = fs::read_to_string(&path)
                && is_read(&name)
            {
                texts.insert(name, text);
            }
        }
    }
    texts
}

/// Build output, and what is not this project's: git's own, packages of npm, inputs for the fuzzer,
/// a schema and senders' deliveries for the tests.
fn skipped(folder: &str) -> bool {
    let last = folder.rsplit('/').next().unwrap_or(folder);
    ["target", "node_modules", ".git"].contains(&last)
        || [
            "fuzz/corpus",
            "route-audit/tests/data",
            "session-auth/tests/vectors",
        ]
        .contains(&folder)
}

fn is_read(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    // Licences have the addresses of their authors. Locks are written by programs, with a hash of
    // what each name means.
    if file.starts_with("LICENSE") || file == "package-lock.json" {
        return false;
    }
    let is_test = file == "tests.rs" || name.split('/').any(|part| part == "tests");
    !(is_test && name.ends_with(".rs"))
}

/// What is wrong with a file, with its line.
fn problems(name: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    if name.ends_with("Cargo.lock") {
        lock(text, &mut |what| found.push(format!("{name}: {what}")));
        return found;
    }
    if name.ends_with("Cargo.toml") {
        manifest(text, &mut |what| found.push(format!("{name}: {what}")));
    }
    let text = match text.split_once("#[cfg(test)]") {
        Some((program, _)) if name.ends_with(".rs") => program,
        _ => text,
    };
    for (line, block) in toml_blocks(text) {
        let mut add = |what| found.push(format!("{name}:{line}: {what}"));
        match block.parse::<Table>() {
            Ok(table) => dependencies(&table, &mut |key, value| {
                ours_by_place(key, value, &mut add);
                let by_name = package(key, value);
                if !OURS.contains(&by_name) && !listed(&CRATES, by_name) {
                    add(format!("`{by_name}` is on no list of crates to add"));
                }
            }),
            Err(error) => add(format!("a block of TOML cannot be read: {error}")),
        }
    }
    for (number, line) in joined(text) {
        let mut add = |what| found.push(format!("{name}:{number}: {what}"));
        addresses(&line, &mut add);
        registries(&line, &mut add);
        commands(&line, &mut add);
        versions(&line, &mut add);
        if name.ends_with(".yml") {
            actions(&line, &mut add);
        }
    }
    found
}

/// The lines with their numbers; one that a backslash ends goes on in the next.
fn joined(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut open = false;
    for (at, line) in text.lines().enumerate() {
        let (part, goes_on) = match line.trim_end().strip_suffix('\\') {
            Some(part) => (part, true),
            None => (line, false),
        };
        match lines.last_mut() {
            Some((_, last)) if open => last.push_str(part.trim_start()),
            _ => lines.push((at + 1, part.to_owned())),
        }
        open = goes_on;
    }
    lines
}

#[test]
fn nothing_is_fetched_by_a_name_that_is_not_ours() {
    let texts = texts();
    let found: Vec<String> = texts
        .iter()
        .flat_map(|(name, text)| problems(name, text))
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Or else the test above sees nothing.
#[test]
fn what_a_user_reads_is_looked_at() {
    let texts = texts();
    for name in [
        ".ci/run",
        ".github/ISSUE_TEMPLATE/bug.yml",
        ".github/actions/route-audit/action.yml",
        ".github/workflows/ci.yml",
        "Cargo.lock",
        "Cargo.toml",
        "README.md",
        "SECURITY.md",
        "docs/adoption.md",
        "docs/route-audit.schema.json",
        "route-audit/src/explain/policy-class.md",
        "route-audit/src/init/workflow.yml",
        "route-audit/src/render/sarif.rs",
        "session-auth-macros/src/krate.rs",
        "session-auth/src/lib.rs",
        "tests/Cargo.toml",
    ] {
        assert!(texts.contains_key(name), "{name}");
    }
    let add = texts["README.md"].matches("cargo add").count();
    assert!(add > 2, "{add}");
    assert!(!toml_blocks(&texts["README.md"]).is_empty());
}

/// Each of these, put into a file, is found.
#[test]
fn what_is_planted_is_found() {
    let registry = format!("see {}", REGISTRIES[0]);
    for (name, text, expected) in [
        (
            "a.md",
            "https://github.com/session-auth/session-auth",
            "`github.com` is on no list",
        ),
        (
            "a.md",
            "[form](https://user@evil.dev:8080/x)",
            "`evil.dev` is on no list",
        ),
        (
            "a.rs",
            "const URI: &str = \"https://evil.dev\";",
            "`evil.dev`",
        ),
        (
            "a.json",
            "\"$id\": \"https://session-auth.dev/a.json\"",
            "`session-auth.dev`",
        ),
        ("a.md", &registry, "is the host of a package registry"),
        (
            "a.yml",
            "run: cargo +stable install --locked route-audit@0.1.0",
            "fetches `route-audit@0.1.0`",
        ),
        (
            "a.sh",
            "cargo install \\\n    route-audit",
            "fetches `route-audit` by its name alone",
        ),
        ("a.md", "`cargo install cargo-deny`", "fetches `cargo-deny`"),
        (
            "a.md",
            "cargo install --git https://git.example/a route-audit",
            "fetches `route-audit`",
        ),
        (
            "a.md",
            "cargo add session-auth --features redis",
            "fetches `session-auth`",
        ),
        (
            "a.md",
            "cargo add axum axum-utils # both",
            "fetches `axum-utils`",
        ),
        (
            "a.rs",
            "help(\"run `npm install left-pad`\")",
            "fetches `left-pad`",
        ),
        ("a.rs", "/// `npx eslint`", "fetches `eslint`"),
        (
            "a.rs",
            "format!(\"session-auth = \\\"{version}\\\"\")",
            "`session-auth` by its version",
        ),
        (
            "a.rs",
            "\"route-audit = { version = 1 }\"",
            "`route-audit` by its version",
        ),
        (
            "a.md",
            "```toml\n[dependencies.session-auth]\nversion = \"1\"\n```",
            "without saying where",
        ),
        (
            "a.md",
            "```toml\n[dependencies]\nauth = { package = \"session-auth\", version = \"1\" }\n```",
            "without saying where",
        ),
        (
            "a.md",
            "```toml\n[dependencies]\nsession-auth = { git = \"<address>\" }\n```",
            "without saying where",
        ),
        (
            "a.rs",
            "//! ```toml\n//! [dependencies]\n//! left-pad = \"1\"\n//! ```",
            "`left-pad` is on no list",
        ),
        ("a.md", "```toml\n[dependencies\n```", "cannot be read"),
        (
            "a.yml",
            "- uses: someone/setup@v1",
            "the action `someone/setup` is on no list",
        ),
        ("Cargo.toml", "[package]\nname = \"a\"", "can be published"),
        (
            "Cargo.toml",
            "[package]\npublish = false\nrepository = \"ours\"",
            "`repository` is an address",
        ),
        (
            "Cargo.toml",
            "[target.'cfg(unix)'.dependencies]\nroute-audit.version = \"1\"",
            "without saying where",
        ),
        (
            "Cargo.lock",
            "[[package]]\nname = \"session-auth\"\nsource = \"registry\"",
            "is taken from elsewhere",
        ),
    ] {
        let found = problems(name, text);
        assert!(
            found.iter().any(|one| one.contains(expected)),
            "{text}: {found:?}"
        );
    }
}

#[test]
fn what_is_allowed_is_not_found() {
    for (name, text) in [
        (
            "a.md",
            "https://doc.rust-lang.org/cargo http://localhost:3000/x https://shop.example/",
        ),
        ("a.md", "`cargo add` and `cargo install` build a crate"),
        ("a.md", "cargo add serde --features derive"),
        (
            "a.md",
            "cargo add session-auth --path ../session-auth/session-auth",
        ),
        (
            "a.md",
            "cargo install --locked --git \"<address>\" --rev \"<hash>\" route-audit",
        ),
        (
            "a.md",
            "```toml\n[dependencies]\nsession-auth = { git = \"<address>\", rev = \"<hash>\" }\n```",
        ),
        (
            "a.rs",
            "fn a() {}\n#[cfg(test)]\nmod tests { const A: &str = \"https://evil.dev\"; }",
        ),
        (
            "a.toml",
            "session-auth = { path = \"..\" }\nsession-auth.workspace = true",
        ),
        (
            "a.yml",
            "- uses: actions/checkout@v6\n- uses: ./.github/actions/route-audit",
        ),
        (
            "Cargo.lock",
            "[[package]]\nname = \"session-auth\"\n[[package]]\nname = \"a\"\nsource = \"r\"",
        ),
    ] {
        assert_eq!(problems(name, text), Vec::<String>::new(), "{text}");
    }
}
