//! Where route-audit comes from: what `--source` names, and what a workflow installs.
//!
//! On the public registry the name belongs to anybody, so there is no default.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use super::workflow::word;
use crate::annotate::Library;
use crate::cli::Init;
use crate::error::Problem;

/// The repository of route-audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A folder, absolute.
    Folder(PathBuf),
    Git {
        address: String,
        revision: String,
    },
}

const HELP: &str = "give `--source PATH`, a folder with the repository of route-audit, or `--source \
                    ADDRESS --rev REVISION`, its git address (`https://…` or `ssh://…`) and a full \
                    commit hash";

impl Source {
    /// What the arguments name.
    pub(super) fn of(args: &Init, current_dir: &Path) -> Result<Self, Problem> {
        let Some(given) = &args.source else {
            return Err(Problem::new(
                "`init` does not know where route-audit comes from: the workflow that it writes has \
                 to install it, and by its bare name it would be anybody's",
            )
            .help(HELP));
        };
        match (is_address(given), &args.rev) {
            (true, Some(revision)) => {
                address(given)?;
                commit(revision)?;
                Ok(Self::Git {
                    address: given.clone(),
                    revision: revision.clone(),
                })
            }
            (true, None) => Err(Problem::new(format!(
                "`--source {given}` is a git address, and `--rev` does not say which revision"
            ))
            .help("add `--rev` with the full hash of the commit to install")),
            (false, Some(_)) => Err(Problem::new(format!(
                "`--rev` is for a git address, and `--source {given}` is a folder"
            ))
            .help("leave `--rev` out: the folder is what it is")),
            (false, None) => folder(&current_dir.join(given)).map(Self::Folder),
        }
    }

    /// The library, which is in the same repository.
    pub(super) fn library(self) -> Library {
        match self {
            Self::Folder(folder) => Library::Folder(folder.join("session-auth")),
            Self::Git { address, revision } => Library::Git { address, revision },
        }
    }

    /// What `cargo install` takes it from, in the shell of a workflow, for a repository with this
    /// top folder; or why its CI cannot have it.
    pub(super) fn install(&self, repository: &Path) -> Result<String, Unreachable> {
        match self {
            Self::Git { address, revision } => Ok(format!(
                "--git {} --rev {revision} route-audit",
                word(address)
            )),
            Self::Folder(folder) => {
                // Resolved alike: a folder above may be a symbolic link.
                let top = fs::canonicalize(repository).unwrap_or_else(|_| repository.to_owned());
                let inside = folder
                    .strip_prefix(&top)
                    .map_err(|_| Unreachable::Outside(folder.clone()))?;
                let nested = inside
                    .ancestors()
                    .filter(|part| !part.as_os_str().is_empty())
                    .any(|part| top.join(part).join(".git").exists());
                if nested {
                    return Err(Unreachable::Nested(folder.clone()));
                }
                if ignored(&top, folder) {
                    return Err(Unreachable::Ignored(folder.clone()));
                }
                let inside = inside.join("route-audit");
                let inside = inside.to_string_lossy().replace('\\', "/");
                Ok(format!("--path \"$GITHUB_WORKSPACE\"/{}", word(&inside)))
            }
        }
    }
}

/// Why a folder of this machine is not there in CI.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unreachable {
    Outside(PathBuf),
    /// A clone or a submodule of its own.
    Nested(PathBuf),
    Ignored(PathBuf),
}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Outside(folder) => write!(f, "{} is outside of the repository", folder.display()),
            Self::Nested(folder) => {
                write!(f, "{} is in a git repository of its own", folder.display())
            }
            Self::Ignored(folder) => write!(f, "git ignores {}", folder.display()),
        }
    }
}

/// `https://…`, or as git writes it for ssh: `git@host:path`. On Windows `C:\…` is a folder.
fn is_address(given: &str) -> bool {
    given.contains("://")
        || given
            .split_once(':')
            .is_some_and(|(host, _)| host.contains('@') && !host.contains(['/', '\\']))
}

/// Refuses what cargo cannot fetch, what another machine cannot, and what would put a password into
/// the workflow.
fn address(given: &str) -> Result<(), Problem> {
    let refuse = |why: &str, help: &str| {
        Err(Problem::new(format!("`--source {given}` {why}")).help(help.to_owned()))
    };
    let Some((scheme, rest)) = given.split_once("://") else {
        return refuse(
            "is a git address that cargo does not read",
            "write it as `ssh://git@HOST/PATH`",
        );
    };
    if !matches!(scheme, "https" | "ssh") {
        return refuse(
            "is no address that CI can fetch from, and be sure of what it gets",
            "`https://…` and `ssh://…` are; a repository on this machine is given by its path",
        );
    }
    let host = rest.split('/').next().unwrap_or_default();
    let (user, host) = host.rsplit_once('@').unwrap_or(("", host));
    if user.contains(':') || scheme == "https" && !user.is_empty() {
        return Err(
            Problem::new("the address of `--source` holds a user's name or password")
                .help("the workflow is read by everybody: leave it out, and give CI a credential"),
        );
    }
    if host.is_empty() || given.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return refuse("is no address", HELP);
    }
    Ok(())
}

/// A branch or a tag can be moved to other code.
fn commit(revision: &str) -> Result<(), Problem> {
    let hex = revision.chars().all(|c| c.is_ascii_hexdigit());
    if hex && matches!(revision.len(), 40 | 64) {
        return Ok(());
    }
    Err(
        Problem::new(format!("`--rev {revision}` is no full commit hash")).help(
            "give all 40 digits, as `git rev-parse` prints them: a branch, a tag and a short hash \
             may mean other code tomorrow",
        ),
    )
}

/// The folder, where the repository of route-audit is in it.
fn folder(given: &Path) -> Result<PathBuf, Problem> {
    #[derive(Deserialize)]
    struct Manifest {
        package: Package,
    }
    #[derive(Deserialize)]
    struct Package {
        name: String,
    }

    let manifest = given.join("route-audit/Cargo.toml");
    let named = fs::read_to_string(&manifest)
        .ok()
        .and_then(|text| toml::from_str::<Manifest>(&text).ok())
        .is_some_and(|manifest| manifest.package.name == "route-audit");
    if !named {
        return Err(Problem::new(
            "the folder of `--source` does not hold the repository of route-audit",
        )
        .at(manifest.display())
        .help(HELP));
    }
    fs::canonicalize(given).map_err(|error| {
        Problem::new(format!("cannot read the folder of `--source`: {error}")).at(given.display())
    })
}

fn ignored(repository: &Path, folder: &Path) -> bool {
    Command::new("git")
        .arg("-C")
        .arg(repository)
        .args(["check-ignore", "--quiet"])
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests;
