//! The documents of the repository name files and functions that are there.

use std::fs;
use std::path::{Path, PathBuf};

/// What a file has to hold for a link to it by this name: the word after one of these.
const DEFINITIONS: [&str; 8] = [
    "fn", "struct", "enum", "trait", "const", "type", "mod", "static",
];

/// A link of a document: `[text](target)`.
struct Link<'a> {
    text: &'a str,
    target: &'a str,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the package is a folder of the workspace")
        .to_owned()
}

/// The `*.md` of the root, of `docs`, of the packages and of the examples.
fn documents() -> Vec<PathBuf> {
    let root = root();
    let folders = [
        "",
        "docs",
        "session-auth",
        "session-auth-macros",
        "route-audit",
        "examples",
    ];
    let mut folders = folders.map(|folder| root.join(folder)).to_vec();
    if let Ok(examples) = fs::read_dir(root.join("examples")) {
        folders.extend(examples.map(|entry| entry.expect("the folder can be read").path()));
    }
    let mut documents: Vec<PathBuf> = folders
        .iter()
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flatten()
        .map(|entry| entry.expect("the folder can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    documents.sort();
    documents
}

/// The comments of the library that are rendered as documentation.
fn doc_comments(folder: &Path, all: &mut String) {
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            doc_comments(&path, all);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("the source can be read");
            let lines = text.lines().map(str::trim_start);
            let docs = lines.filter(|line| line.starts_with("///") || line.starts_with("//!"));
            docs.for_each(|line| all.extend([line, "\n"]));
        }
    }
}

/// Words of 43 characters of base64, which stand for 32 bytes.
fn keys(text: &str) -> Vec<&str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '/')))
        .filter(|word| word.len() == 43)
        .collect()
}

/// What is copied from a document is a key that everybody has.
#[test]
fn a_key_of_a_document_is_refused() {
    let mut texts = String::new();
    for document in documents() {
        texts += &fs::read_to_string(document).expect("the document can be read");
    }
    doc_comments(&root().join("session-auth/src"), &mut texts);
    let found = keys(&texts);
    assert!(
        !found.is_empty(),
        "there is one in the documentation of `Keys`"
    );
    for key in found {
        let accepted = session_auth::Keys::parse(key).is_ok();
        assert!(
            !accepted,
            "{key} stands in a document: add it to `keys/flaw.rs`"
        );
    }
}

/// The links outside of code blocks.
fn links(text: &str) -> Vec<Link<'_>> {
    let mut code = false;
    let mut links = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            code = !code;
        }
        if code {
            continue;
        }
        if let Some((text, target)) = line.strip_prefix('[').and_then(|it| it.split_once("]: ")) {
            links.push(Link { text, target });
        }
        let mut rest = line;
        while let Some((before, after)) = rest.split_once("](") {
            let Some((target, after)) = after.split_once(')') else {
                break;
            };
            let text = before.rsplit('[').next().unwrap_or_default();
            links.push(Link { text, target });
            rest = after;
        }
    }
    links
}

/// GitHub's anchor of a heading.
fn anchor(heading: &str) -> String {
    heading
        .trim_start_matches('#')
        .trim()
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

/// The last segment of a name in code: `by_path` of `` `RouteTable::by_path` ``. `None` for prose,
/// and for the name of a file.
fn item(text: &str) -> Option<&str> {
    let code = text.strip_prefix('`')?.strip_suffix('`')?;
    let name = code.rsplit("::").next()?;
    name.chars()
        .all(|c| c.is_alphanumeric() || c == '_')
        .then_some(name)
}

fn defines(source: &str, name: &str) -> bool {
    let words: Vec<&str> = source
        .split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .filter(|word| !word.is_empty())
        .collect();
    words
        .windows(2)
        .any(|pair| DEFINITIONS.contains(&pair[0]) && pair[1] == name)
}

/// What is wrong with a link of the document at this path; `None` where nothing is.
fn problem(document: &Path, text: &str, link: &Link<'_>) -> Option<String> {
    if link.target.contains("://") {
        return None;
    }
    let (path, fragment) = match link.target.split_once('#') {
        Some((path, fragment)) => (path, Some(fragment)),
        None => (link.target, None),
    };
    if let (Some(fragment), "") = (fragment, path) {
        let found = text
            .lines()
            .any(|line| line.starts_with('#') && anchor(line) == fragment);
        return (!found).then(|| format!("there is no heading #{fragment}"));
    }
    let target = document.parent()?.join(path);
    if !target.exists() {
        return Some(format!("there is no {path}"));
    }
    let name = item(link.text)?;
    // A module is its file.
    if target.file_stem().is_some_and(|stem| stem == name) {
        return None;
    }
    let source = fs::read_to_string(&target).ok()?;
    (!defines(&source, name)).then(|| format!("{path} defines no `{name}`"))
}

#[test]
fn every_link_leads_somewhere() {
    let mut problems = Vec::new();
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        for link in links(&text) {
            if let Some(problem) = problem(&document, &text, &link) {
                problems.push(format!("{}: {problem}", document.display()));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// A step that no job takes holds for nobody's change. Hosted CI has each in a job, and the mutants too, which
/// `.ci/run` without arguments leaves out.
#[test]
fn ci_runs_every_step() {
    let read = |file: &str| fs::read_to_string(root().join(file)).expect(file);
    let (script, workflow) = (read(".ci/run"), read(".github/workflows/ci.yml"));
    let of = |line: &str, start: &str| -> Option<Vec<String>> {
        let words = line.trim().strip_prefix(start)?;
        let words = words.split(|c: char| c.is_whitespace() || ",[]()".contains(c));
        Some(
            words
                .filter(|word| !word.is_empty())
                .map(str::to_owned)
                .collect(),
        )
    };
    let all = script.lines().find_map(|line| of(line, "STEPS="));
    let all = all.expect("the steps");
    let run: Vec<String> = workflow
        .lines()
        .flat_map(|line| of(line, "step:").or_else(|| of(line, "- run: .ci/run")))
        .flatten()
        .collect();
    assert!(all.len() > 5, "{all:?}");
    for step in all.into_iter().chain(["mutations".to_owned()]) {
        assert!(
            run.contains(&step),
            "`{step}` is in no job of ci.yml: {run:?}"
        );
    }
}

/// Or else the test of the links sees nothing.
#[test]
fn the_documents_have_links() {
    let document = root().join("docs/architecture.md");
    assert!(documents().contains(&document));
    let text = fs::read_to_string(document).unwrap();
    let items = links(&text)
        .iter()
        .filter(|link| link.target.ends_with(".rs") && item(link.text).is_some())
        .count();
    assert!(items > 20, "{items}");
}

#[test]
fn a_broken_link_is_found() {
    let document = root().join("docs/architecture.md");
    let found = |text: &str| {
        let links = links(text);
        assert_eq!(links.len(), 1, "{text}");
        problem(&document, text, &links[0])
    };
    for good in [
        "[`decide`](../session-auth/src/decision.rs)",
        "[`RouteTable::by_pattern`](../session-auth/src/table.rs)",
        "[`token.rs`](../session-auth/src/token.rs)",
        "[the rules](../session-auth/src/mounted/rules.rs)",
        "[elsewhere](https://example.com/none)",
        "## A heading, and more\n[above](#a-heading-and-more)",
        "[the house]: architecture.md",
    ] {
        assert_eq!(found(good), None, "{good}");
    }
    for (bad, expected) in [
        (
            "[`decide`](../session-auth/src/verdict.rs)",
            "there is no ../session-auth/src/verdict.rs",
        ),
        (
            "[`Decision::verdict`](../session-auth/src/decision.rs)",
            "../session-auth/src/decision.rs defines no `verdict`",
        ),
        ("[above](#a-heading)", "there is no heading #a-heading"),
        ("[the house]: house.md", "there is no house.md"),
    ] {
        assert_eq!(found(bad).as_deref(), Some(expected), "{bad}");
    }
    assert!(links("```\n[a](b)\n```").is_empty());
}
