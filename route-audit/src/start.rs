//! Starts what reports the routers that no test can build: `#[audited_router(at_start)]`.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use session_auth::audit::Report;
use tempfile::TempDir;

use crate::error::{CannotRun, Problem};
use crate::report;
use crate::run::{REPORT_DIR, RUNNER, SELF_TEST, read_files};

/// Another report may come this long after the last: a service may have several routers.
const QUIET: Duration = Duration::from_secs(1);
/// How long a service may take to end before it is made to.
const GRACE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(20);

/// The command, and where and how long it runs.
pub(crate) struct Start<'a> {
    pub(crate) command: &'a str,
    pub(crate) root: &'a Path,
    pub(crate) timeout: Duration,
    pub(crate) self_test: bool,
}

impl Start<'_> {
    /// Runs the command until it ends, or until nothing more is to be waited for: `is_enough` of what
    /// it has reported, and no further report for a second. Then it is stopped.
    pub(crate) fn reports(
        &self,
        is_enough: impl Fn(&[Report]) -> bool,
    ) -> Result<Vec<Report>, CannotRun> {
        let cannot = |error: io::Error| {
            Problem::new(format!("cannot run `{}`: {error}", self.command))
                .at(self.root.display())
                .help("it is run by the shell, at the root of the workspace")
        };
        let scratch = TempDir::with_prefix("route-audit-").map_err(cannot)?;
        let folder = scratch.path().join("reports");
        fs::create_dir(&folder).map_err(cannot)?;
        let captured = scratch.path().join("output");
        let mut child = self.spawn(&folder, &captured).map_err(cannot)?;

        let deadline = Instant::now() + self.timeout;
        let (mut files, mut last) = (Vec::new(), Instant::now());
        let ended = loop {
            let has_ended = child.try_wait().map_err(cannot)?;
            // What it wrote last is there when it has ended.
            let now = read_files(&folder).map_err(cannot)?;
            if now != files {
                (files, last) = (now, Instant::now());
            }
            if let Some(status) = has_ended {
                break format!("it ended: {status}");
            }
            let is_quiet = !files.is_empty() && last.elapsed() >= QUIET;
            if is_quiet
                && report::of_command(&files, self.command).map_or(true, |all| is_enough(&all))
            {
                break "it was stopped".to_owned();
            }
            if Instant::now() >= deadline {
                break format!("it was stopped after {} s", self.timeout.as_secs());
            }
            thread::sleep(PAUSE);
        };
        stop(&mut child);
        if files.is_empty() {
            let output = fs::read(&captured).map_err(cannot)?;
            return Err(Problem::new(format!(
                "`{}` wrote no report of an audited router; {ended}",
                self.command
            ))
            .at(self.root.display())
            .output(&String::from_utf8_lossy(&output))
            .help(
                "it has to start a service that calls `protect` with the router of a function under \
                 `#[audited_router(at_start)]`; where that takes longer, raise `--timeout`",
            )
            .into());
        }
        report::of_command(&files, self.command)
    }

    fn spawn(&self, reports: &Path, captured: &Path) -> io::Result<Child> {
        let (shell, flag) = if cfg!(windows) {
            ("cmd", "/C")
        } else {
            ("sh", "-c")
        };
        // A file, not a pipe: what it started may outlive it and hold a pipe open.
        let out = File::create(captured)?;
        let mut command = Command::new(shell);
        command
            .args([flag, self.command])
            .current_dir(self.root)
            .env(REPORT_DIR, reports)
            .env_remove(RUNNER)
            .env_remove(SELF_TEST)
            .envs(self.self_test.then_some((SELF_TEST, "1")))
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out);
        // A group of its own: what the shell starts is stopped with it.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command.spawn()
    }
}

/// Ends the command with all that it started.
fn stop(child: &mut Child) {
    end_group(child, "TERM");
    let deadline = Instant::now() + GRACE;
    while Instant::now() < deadline && matches!(child.try_wait(), Ok(None)) {
        thread::sleep(PAUSE);
    }
    end_group(child, "KILL");
    // It may just have ended by itself; nothing is left to kill then.
    let _ = child.kill();
    let _ = child.wait();
}

/// Sends a signal to the group of a process. Without `unsafe`, the system's own program does it.
fn end_group(child: &Child, signal: &str) {
    let mut command = if cfg!(windows) {
        let mut command = Command::new("taskkill");
        command.args(["/T", "/F", "/PID", &child.id().to_string()]);
        command
    } else {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("kill -s {signal} -- -{}", child.id())]);
        command
    };
    // Nobody is left to end where it fails.
    let _ = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}

#[cfg(all(test, unix))]
mod tests;
