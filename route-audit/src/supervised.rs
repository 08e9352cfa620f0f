//! A program that is run for what it leaves in a folder, and ended with all that it has started.

use std::fs::File;
use std::io;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::run::{REPORT_DIR, RUNNER, SELF_TEST, read_files};

/// Another report may come this long after the last: a service may have several routers.
const QUIET: Duration = Duration::from_secs(1);
/// How long a program may take to end before it is made to.
const GRACE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(20);

/// Runs the program, and waits with it. A shell in between ends the group of both when its input is
/// closed: when this program says so, and when this program has ended, however.
const SUPERVISE: &str = "exec 3<&0; \"$@\" </dev/null 3<&- & job=$!; \
                         (trap '' TERM; read -r _ <&3; kill -s TERM 0; sleep 5; kill -s KILL 0) & \
                         exec 3<&-; wait $job";

/// What became of it.
pub(crate) struct Ended {
    /// The reports that it wrote.
    pub(crate) files: Vec<String>,
    /// For a message: `it ended: exit status: 1`.
    pub(crate) how: String,
}

/// Runs a program until it ends, or until nothing more is to be waited for: `is_enough` of what it
/// has reported to the folder, and no further report for a second.
///
/// # Errors
///
/// Where it cannot be started, or the folder cannot be read.
pub(crate) fn run(
    command: Command,
    reports: &Path,
    captured: &Path,
    timeout: Duration,
    is_enough: impl Fn(&[String]) -> bool,
) -> io::Result<Ended> {
    let mut program = Supervised::start(command, reports, captured)?;
    let deadline = Instant::now() + timeout;
    let (mut files, mut last) = (Vec::new(), Instant::now());
    let how = loop {
        let has_ended = program.has_ended()?;
        // What it wrote last is there when it has ended.
        let now = read_files(reports)?;
        if now != files {
            (files, last) = (now, Instant::now());
        }
        if let Some(status) = has_ended {
            break format!("it ended: {status}");
        }
        if !files.is_empty() && last.elapsed() >= QUIET && is_enough(&files) {
            break "it was stopped".to_owned();
        }
        if Instant::now() >= deadline {
            break format!("it was stopped after {} s", timeout.as_secs());
        }
        thread::sleep(PAUSE);
    };
    program.end();
    Ok(Ended { files, how })
}

/// The shell's command for a text.
pub(crate) fn shell(text: &str) -> Command {
    let (shell, flag) = if cfg!(windows) {
        ("cmd", "/C")
    } else {
        ("sh", "-c")
    };
    let mut command = Command::new(shell);
    command.args([flag, text]);
    command
}

struct Supervised(Child);

impl Supervised {
    fn start(program: Command, reports: &Path, captured: &Path) -> io::Result<Self> {
        let mut command = if cfg!(windows) {
            Command::new(program.get_program())
        } else {
            let mut shell = Command::new("sh");
            shell
                .args(["-c", SUPERVISE, "sh"])
                .arg(program.get_program());
            shell
        };
        command.args(program.get_args()).env_remove(SELF_TEST);
        let variables = program.get_envs();
        command.envs(variables.filter_map(|(name, value)| Some((name, value?))));
        if let Some(folder) = program.get_current_dir() {
            command.current_dir(folder);
        }
        // A file, not a pipe: what it started may outlive it and hold a pipe open.
        let out = File::create(captured)?;
        command
            .env(REPORT_DIR, reports)
            .env_remove(RUNNER)
            .stdin(Stdio::piped())
            .stdout(out.try_clone()?)
            .stderr(out);
        // A group of its own: what the shell starts is stopped with it.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command.spawn().map(Self)
    }

    fn has_ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.0.try_wait()
    }

    /// Ends the program with all that it started.
    fn end(&mut self) {
        if cfg!(windows) {
            let mut command = Command::new("taskkill");
            command.args(["/T", "/F", "/PID", &self.0.id().to_string()]);
            // Nobody is left to end where it fails.
            let _ = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
        }
        drop(self.0.stdin.take());
        let deadline = Instant::now() + GRACE;
        while Instant::now() < deadline && matches!(self.0.try_wait(), Ok(None)) {
            thread::sleep(PAUSE);
        }
        // It may just have ended by itself; nothing is left to kill then.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_end_of_this_program_is_that_of_what_it_runs() {
        let folder = tempfile::tempdir().expect("a folder");
        let alive = folder.path().join("alive");
        let text = format!(
            "(while true; do date > {}; sleep 0.1; done) & wait",
            alive.display()
        );
        let program = Supervised::start(shell(&text), folder.path(), &folder.path().join("out"));
        let program = program.expect("it starts");
        while !alive.exists() {
            thread::sleep(PAUSE);
        }
        // As the system does with the files of a process that is killed.
        drop(program);
        thread::sleep(Duration::from_secs(1));
        fs::remove_file(&alive).expect("it has run");
        thread::sleep(Duration::from_millis(500));
        assert!(!alive.exists(), "it runs on");
    }
}
