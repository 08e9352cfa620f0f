//! Starts what reports the routers that no test can build: `#[audited_router(at_start)]`.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use session_auth::audit::Report;
use tempfile::TempDir;

use crate::error::{CannotRun, Problem};
use crate::report;
use crate::run::SELF_TEST;
use crate::supervised::{self, Ended, shell};

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
        let mut command = shell(self.command);
        command.current_dir(self.root);
        command.envs(self.self_test.then_some((SELF_TEST, "1")));
        let Ended { files, how } =
            supervised::run(command, &folder, &captured, self.timeout, |files| {
                report::of_command(files, self.command).map_or(true, |all| is_enough(&all))
            })
            .map_err(cannot)?;
        if files.is_empty() {
            let output = fs::read(&captured).map_err(cannot)?;
            return Err(Problem::new(format!(
                "`{}` wrote no report of an audited router; {how}",
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
}

#[cfg(all(test, unix))]
mod tests;
