//! The workflow of GitHub Actions.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::cli::CargoArgs;
use crate::diff::{ACKNOWLEDGE, MARKER};

/// From the top of the repository.
pub(super) const PATH: &str = ".github/workflows/route-audit.yml";

const TEMPLATE: &str = include_str!("workflow.yml");

/// For a workspace in a repository, with the packages and features that were asked for. `install` is
/// what `cargo install` takes route-audit from.
pub(super) fn text(
    workspace: &Path,
    repository: &Path,
    install: &str,
    cargo: &CargoArgs,
) -> String {
    let folder = workspace.strip_prefix(repository).unwrap_or(Path::new(""));
    let branch = default_branch(repository).unwrap_or_else(|| "main".to_owned());
    fill(
        &branch,
        &folder.to_string_lossy(),
        install,
        &arguments(cargo),
    )
}

fn fill(branch: &str, folder: &str, install: &str, arguments: &[String]) -> String {
    let defaults = if folder.is_empty() {
        String::new()
    } else {
        format!(
            "    defaults:\n      run:\n        working-directory: {}\n",
            scalar(&folder.replace('\\', "/"))
        )
    };
    let arguments: String = arguments
        .iter()
        .map(|argument| format!(" {}", word(argument)))
        .collect();
    TEMPLATE
        .replace("@BRANCH@", &scalar(branch))
        .replace("@DEFAULTS@", &defaults)
        .replace("@INSTALL@", install)
        .replace("@MARKER@", MARKER)
        // In a pattern, a slash ends it.
        .replace("@ACKNOWLEDGE@", &ACKNOWLEDGE.replace('/', "\\/"))
        .replace("@ARGS@", &arguments)
}

/// What decides which routes there are: the lock was written with it.
fn arguments(cargo: &CargoArgs) -> Vec<String> {
    let mut all = Vec::new();
    for (flag, values) in [
        ("--package", &cargo.package),
        ("--exclude", &cargo.exclude),
        ("--features", &cargo.features),
    ] {
        all.extend(values.iter().map(|value| format!("{flag}={value}")));
    }
    for (given, flag) in [
        (cargo.workspace, "--workspace"),
        (cargo.all_features, "--all-features"),
        (cargo.no_default_features, "--no-default-features"),
    ] {
        if given {
            all.push(flag.to_owned());
        }
    }
    all
}

/// As git has it from the remote.
fn default_branch(repository: &Path) -> Option<String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(repository)
        .args(["symbolic-ref", "--short", "refs/remotes/origin/HEAD"])
        .stdin(Stdio::null())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let name = String::from_utf8(output.stdout).ok()?;
    let branch = name.trim().strip_prefix("origin/")?;
    (!branch.is_empty()).then(|| branch.to_owned())
}

/// A YAML scalar. In quotes, where nothing means a number or a truth value.
fn scalar(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A word of a shell's command.
pub(super) fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,@:".contains(c);
    if text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests;
