//! Runs the audit tests of one executable, and gathers what they write.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::cargo::Executable;
use crate::cli::Common;
use crate::error::Problem;
use crate::surroundings::Notes;
use crate::targets::{describe, directory};

/// Names the folder that the tests write their reports to.
pub(crate) const REPORT_DIR: &str = "ROUTE_AUDIT_REPORT_DIR";

/// Tells them that findings are judged here.
pub(crate) const RUNNER: &str = "ROUTE_AUDIT_RUNNER";

/// Has the routers report a route that nobody has classified: see [`self_test`](crate::self_test).
pub(crate) const SELF_TEST: &str = "ROUTE_AUDIT_SELF_TEST";

/// What the name of a test begins with that `#[audited_router]` adds.
pub(crate) const TEST_PREFIX: &str = "route_audit_";

/// One executable's audit tests, run.
#[derive(Debug, Default)]
pub(crate) struct Run {
    pub(crate) package: String,
    /// ``library `web` ``.
    pub(crate) target: String,
    /// The root file of the target.
    pub(crate) source: String,
    /// The audit tests by their paths.
    pub(crate) tests: Vec<String>,
    /// What they wrote, as text.
    pub(crate) files: Vec<String>,
    /// What they printed.
    pub(crate) output: String,
    /// Whether all of them passed.
    pub(crate) passed: bool,
}

/// Lists the audit tests of the executable, runs them, and reads the files that they wrote.
pub(crate) fn run(
    executable: &Executable<'_>,
    common: &Common,
    notes: &mut Notes<'_>,
) -> Result<Run, Problem> {
    let timeout = common.timeout();
    let scratch = TempDir::with_prefix("route-audit-").map_err(|error| {
        Problem::new(format!("cannot make a temporary folder: {error}"))
            .at(std::env::temp_dir().display())
            .help("set TMPDIR to a folder that can be written to")
    })?;
    let reports = scratch.path().join("reports");
    let session = Session {
        executable,
        deadline: Instant::now() + timeout,
        timeout,
        self_test: common.self_test,
        scratch: scratch.path(),
    };
    let mut run = Run {
        package: executable.package.name.to_string(),
        target: describe(executable.target),
        source: executable.target.src_path.to_string(),
        tests: Vec::new(),
        files: Vec::new(),
        output: String::new(),
        passed: true,
    };

    let (status, listed) = session.finish(["--list", "--format", "terse"].map(Into::into), None)?;
    if !status.success() {
        return Err(session
            .problem("could not list its tests", status)
            .output(&listed));
    }
    run.tests = audit_tests(&listed);
    if run.tests.is_empty() {
        return Ok(run);
    }
    notes.detail(&format!(
        "{} of package `{}` runs {}",
        run.target,
        run.package,
        run.tests.join(", ")
    ));

    // An ignored test is listed as well; it has a router to show all the same. What the harness
    // captures is lost with a test that never returns; here it is captured anyway.
    let flags = ["--exact", "--include-ignored", "--nocapture"];
    let mut args: Vec<OsString> = flags.map(Into::into).into();
    args.extend(run.tests.iter().map(Into::into));
    let unreadable = |error: io::Error| {
        Problem::new(format!("cannot read the reports: {error}")).at(reports.display())
    };
    fs::create_dir(&reports).map_err(unreadable)?;
    let (status, output) = session.finish(args, Some(&reports))?;
    run.passed = status.success();
    run.output = output;
    run.files = read_files(&reports).map_err(unreadable)?;
    Ok(run)
}

/// The audit tests in the output of `--list --format terse`: `routes::route_audit_admin: test`.
fn audit_tests(listed: &str) -> Vec<String> {
    listed
        .lines()
        .filter_map(|line| line.strip_suffix(": test"))
        .filter(|name| {
            let last = name.rsplit("::").next().unwrap_or(name);
            last.starts_with(TEST_PREFIX)
        })
        .map(str::to_owned)
        .collect()
}

pub(crate) fn read_files(folder: &Path) -> io::Result<Vec<String>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        paths.push(entry?.path());
    }
    paths.sort();
    paths
        .into_iter()
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .map(fs::read_to_string)
        .collect()
}

/// The runs of one executable, which share a deadline.
struct Session<'a> {
    executable: &'a Executable<'a>,
    deadline: Instant,
    timeout: Duration,
    self_test: bool,
    scratch: &'a Path,
}

impl Session<'_> {
    /// Runs to the end, or to the deadline. The output is that of both streams.
    fn finish(
        &self,
        args: impl IntoIterator<Item = OsString>,
        reports: Option<&Path>,
    ) -> Result<(ExitStatus, String), Problem> {
        // A file, not a pipe: what the tests started may outlive them and hold a pipe open.
        let captured = self.scratch.join("output");
        let cannot_run = |error: io::Error| {
            Problem::new(format!(
                "cannot run the tests of {}: {error}",
                self.described()
            ))
            .at(self.executable.path.display())
            .help("they must run on this machine: build for it, without `--target`")
        };
        let out = File::create(&captured).map_err(cannot_run)?;
        let mut command = Command::new(&self.executable.path);
        command
            .args(args)
            .current_dir(directory(self.executable.package))
            .envs(
                self.executable
                    .vars
                    .iter()
                    .map(|(name, value)| (name, value)),
            )
            .env_remove(REPORT_DIR)
            .env_remove(RUNNER)
            .env_remove(SELF_TEST)
            .stdin(Stdio::null())
            .stdout(out.try_clone().map_err(cannot_run)?)
            .stderr(out);
        if let Some(reports) = reports {
            command.env(REPORT_DIR, reports).env(RUNNER, "1");
            command.envs(self.self_test.then_some((SELF_TEST, "1")));
        }
        let mut child = command.spawn().map_err(cannot_run)?;
        let mut pause = Duration::from_millis(1);
        let status = loop {
            match child.try_wait() {
                Ok(Some(status)) => break Some(status),
                Ok(None) if Instant::now() < self.deadline => {}
                Ok(None) => break None,
                Err(error) => return Err(cannot_run(error)),
            }
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        };
        if status.is_none() {
            // It may just have ended by itself; nothing is left to kill then.
            let _ = child.kill();
            let _ = child.wait();
        }
        let output = fs::read(&captured).map_err(cannot_run)?;
        let output = String::from_utf8_lossy(&output).into_owned();
        match status {
            Some(status) => Ok((status, output)),
            None => Err(Problem::new(format!(
                "the tests of {} did not finish in {} s",
                self.described(),
                self.timeout.as_secs()
            ))
            .at(&self.executable.target.src_path)
            .output(&output)
            .help(
                "a router that is audited is built without connecting to anything or waiting; \
                 where it needs the time, raise `--timeout`",
            )),
        }
    }

    fn problem(&self, what: &str, status: ExitStatus) -> Problem {
        Problem::new(format!("{} {what}: {status}", self.described()))
            .at(&self.executable.target.src_path)
    }

    fn described(&self) -> String {
        format!(
            "{} of package `{}`",
            describe(self.executable.target),
            self.executable.package.name
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn audit_tests_are_known_by_the_last_segment_of_their_names() {
        let listed = "\
route_audit_routes: test
admin::route_audit_admin: test
route_audit_helpers::parses: test
tests::knows_route_audit_: test
route_audit_speed: benchmark
";
        assert_eq!(
            audit_tests(listed),
            ["route_audit_routes", "admin::route_audit_admin"]
        );
    }
}
