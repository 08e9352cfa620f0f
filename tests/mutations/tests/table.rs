//! Whether the rows are those of the sources, in every `cargo test`. That each mutation is caught
//! takes a build of its own: `cargo run -p mutations`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::path::Path;

use mutations::sites::refusals;
use mutations::table::{Table, once, root};

/// What the audit is made of.
const AUDIT: [&str; 2] = ["session-auth/src/audit", "route-audit/src"];

/// What there is about it: it shows what was found, or changes files when asked to, and decides
/// nothing about routes.
const ABOUT: [&str; 9] = [
    "route-audit/src/cli.rs",
    "route-audit/src/diff",
    "route-audit/src/explain.rs",
    "route-audit/src/init",
    "route-audit/src/init.rs",
    "route-audit/src/list.rs",
    "route-audit/src/markdown.rs",
    "route-audit/src/render",
    "route-audit/src/sentence.rs",
];

fn sources(folder: &str, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(root().join(folder)).expect(folder) {
        let entry = entry.expect(folder);
        let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if ABOUT.contains(&name.as_str()) || name.ends_with("/tests") || name.ends_with("/tests.rs")
        {
            continue;
        }
        if entry.path().is_dir() {
            sources(&name, found);
        } else {
            found.insert(name, fs::read_to_string(entry.path()).expect("UTF-8"));
        }
    }
}

fn audit() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    AUDIT.iter().for_each(|folder| sources(folder, &mut found));
    found
}

#[test]
fn every_row_is_about_a_text_that_is_there() {
    let (table, sources) = (Table::read().expect("the table"), audit());
    assert!(table.checks.len() > 200, "{}", table.checks.len());
    let mut problems = Vec::new();
    for (file, text) in &sources {
        problems.extend(table.plant(file, text).err().into_iter().flatten());
    }
    let files = table.checks.iter().map(|check| (&check.name, &check.file));
    for (name, file) in files {
        if !sources.contains_key(file) {
            problems.push(format!("{name}: {file} is no source of the audit"));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_test_that_a_row_names_is_there() {
    let table = Table::read().expect("the table");
    let mut missing = BTreeSet::new();
    for check in &table.checks {
        let (executable, path) = check.test();
        let (package, target) = executable.split_once('/').unwrap_or((executable, "src"));
        let folder = match target {
            "src" => root().join(package).join("src"),
            target => {
                let folder = root().join(package).join("tests");
                if folder.join(target).is_dir() {
                    folder.join(target)
                } else {
                    folder.join(format!("{target}.rs"))
                }
            }
        };
        let name = path.rsplit("::").next().unwrap_or(path);
        if !has_function(&folder, name) {
            missing.insert(format!("{}: {}", check.name, check.test));
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

fn has_function(at: &Path, name: &str) -> bool {
    if at.is_dir() {
        return fs::read_dir(at)
            .expect("a folder")
            .any(|entry| has_function(&entry.expect("an entry").path(), name));
    }
    fs::read_to_string(at).is_ok_and(|text| text.contains(&format!("fn {name}(")))
}

/// A row is about the refusals in its text or, where it has none, about the next one after it.
fn covered(refusals: &[Range<usize>], row: &Range<usize>) -> Vec<usize> {
    let inside: Vec<usize> = refusals
        .iter()
        .enumerate()
        .filter(|(_, one)| one.start < row.end && row.start < one.end)
        .map(|(at, _)| at)
        .collect();
    if inside.is_empty() {
        return refusals
            .iter()
            .position(|one| one.start >= row.end)
            .into_iter()
            .collect();
    }
    inside
}

#[test]
fn every_refusal_of_the_audit_has_a_row() {
    let table = Table::read().expect("the table");
    let mut problems = Vec::new();
    let mut seen = 0;
    for (file, text) in &audit() {
        let refusals = refusals(text);
        seen += refusals.len();
        let mut left: BTreeSet<usize> = (0..refusals.len()).collect();
        let checks = table.checks.iter().flat_map(|row| {
            let texts = [&row.has].into_iter().chain(&row.also);
            texts.map(|has| (&row.file, has))
        });
        let exempt = table.exempt.iter().map(|row| (&row.file, &row.has));
        for (_, has) in checks.chain(exempt).filter(|(of, _)| *of == file) {
            match once(text, has) {
                Ok(row) => covered(&refusals, &row).iter().for_each(|at| {
                    left.remove(at);
                }),
                Err(why) => problems.push(format!("{file}: {why}")),
            }
        }
        for at in left {
            let start = refusals[at].start;
            let line = text[..start].matches('\n').count() + 1;
            let shown = text[start..].lines().next().unwrap_or_default();
            problems.push(format!("{file}:{line}: no row for `{shown}`"));
        }
    }
    assert!(seen > 150, "{seen}");
    assert!(
        problems.is_empty(),
        "add a row to tests/mutations/checks, with the test that fails without the check:\n{}",
        problems.join("\n")
    );
}
