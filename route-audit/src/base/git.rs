//! Git: the lock as another commit has it.

use std::io;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::error::Problem;

pub(super) struct Git<'a> {
    /// The root of the workspace: a folder of the repository, not always its root.
    pub(super) folder: &'a Path,
}

impl Git<'_> {
    fn run(&self, args: &[&str]) -> Result<Output, Problem> {
        Command::new("git")
            .arg("-C")
            .arg(self.folder)
            .args(args)
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .output()
            .map_err(|error| {
                let problem = Problem::new(format!("cannot start git: {error}"));
                match error.kind() {
                    io::ErrorKind::NotFound => problem
                        .help("install git, or put it on the PATH: `diff` asks it for the lock"),
                    _ => problem.help("`diff` asks git for the lock of another commit"),
                }
            })
    }

    /// The commit that a revision names.
    pub(super) fn commit(&self, revision: &str) -> Result<String, Problem> {
        let output = self.run(&["rev-parse", "--is-inside-work-tree"])?;
        if !output.status.success() {
            return Err(Problem::new("the workspace is in no git repository")
                .at(self.folder.display())
                .output(&String::from_utf8_lossy(&output.stderr))
                .help("`diff` compares with the lock of a commit: run it in a repository"));
        }
        // An option would be one of git's.
        let asked = format!("{revision}^{{commit}}");
        let output = self.run(&[
            "rev-parse",
            "--verify",
            "--quiet",
            "--end-of-options",
            &asked,
        ])?;
        let commit = line(&output.stdout);
        if output.status.success() && !commit.is_empty() {
            return Ok(commit);
        }
        Err(Problem::new(format!(
            "`{}` names no commit of this repository",
            crate::visible::visible(revision)
        ))
        .at(self.folder.display())
        .output(&String::from_utf8_lossy(&output.stderr))
        .help(
            "name a branch, a tag or a commit with `--base`; in CI, fetch it first \
             (actions/checkout: `fetch-depth: 0`)",
        ))
    }

    /// The latest commit that HEAD has in common with another: where the branch began. `None`
    /// where there is none, as in a shallow clone.
    pub(super) fn merge_base(&self, commit: &str) -> Result<Option<String>, Problem> {
        let output = self.run(&["merge-base", commit, "HEAD"])?;
        match output.status.code() {
            Some(0) => Ok(Some(line(&output.stdout))),
            Some(1) => Ok(None),
            _ => Err(self.failed("find where HEAD and the base part", &output)),
        }
    }

    /// A file of the workspace as a commit has it; `None` where that has none.
    pub(super) fn file(&self, commit: &str, name: &str) -> Result<Option<String>, Problem> {
        // The name is no pattern.
        let listed = self.run(&["--literal-pathspecs", "ls-tree", commit, "--", name])?;
        if !listed.status.success() {
            return Err(self.failed("list the files of the base", &listed));
        }
        if listed.stdout.is_empty() {
            return Ok(None);
        }
        // The bytes that are stored, through no filter.
        let blob = format!("{commit}:./{name}");
        let output = self.run(&["cat-file", "blob", &blob])?;
        if !output.status.success() {
            return Err(self.failed("read the lock of the base", &output));
        }
        match String::from_utf8(output.stdout) {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(Problem::new("not a route lock: it is not UTF-8").at(blob)),
        }
    }

    fn failed(&self, what: &str, output: &Output) -> Problem {
        Problem::new(format!("git could not {what}"))
            .at(self.folder.display())
            .output(&String::from_utf8_lossy(&output.stderr))
            .help("make the git command work here")
    }
}

fn line(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}
