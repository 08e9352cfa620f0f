//! The program as a process of its own.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::env;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Builds it, and says where it is.
pub(crate) fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        test_servers::built(&["mail-pipeline"], env!("CARGO_CRATE_NAME")).join("mail-pipeline")
    })
}

/// Without what the tests' own environment may say.
pub(crate) fn command(arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(program());
    command.args(arguments);
    cleared(command, variables)
}

fn cleared(mut command: Command, variables: &[(&str, &str)]) -> Command {
    command.env_clear();
    for name in ["PATH", "HOME", "TMPDIR"] {
        if let Some(value) = env::var_os(name) {
            command.env(name, value);
        }
    }
    command.envs(variables.iter().copied()).stdin(Stdio::null());
    command
}

/// A process that serves; killed when it is dropped.
pub(crate) struct Node {
    child: Child,
    lines: Receiver<String>,
    pub(crate) base: String,
}

impl Node {
    pub(crate) fn start(variables: &[(&str, &str)]) -> Self {
        Self::run(command(&[], variables))
    }

    /// To which a write that is over a limit is an error, and not its end.
    pub(crate) fn start_where_files_may_be_limited(variables: &[(&str, &str)]) -> Self {
        let mut shell = Command::new("sh");
        shell
            .args(["-c", r#"trap "" XFSZ; exec "$0""#])
            .arg(program());
        Self::run(cleared(shell, variables))
    }

    /// No file of the process may be larger, in bytes.
    pub(crate) fn limit_files(&self, bytes: &str) {
        let set = Command::new("prlimit")
            .args(["--pid", &self.pid().to_string()])
            .arg(format!("--fsize={bytes}:unlimited"))
            .status();
        assert!(set.unwrap().success());
    }

    fn run(mut command: Command) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let listen = listener.local_addr().unwrap().to_string();
        drop(listener);
        command
            .env("LISTEN", &listen)
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stderr = child.stderr.take().unwrap();
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let node = Self {
            child,
            lines,
            base: format!("http://{listen}"),
        };
        node.says("listening on");
        node
    }

    pub(crate) fn says(&self, text: &str) {
        let start = Instant::now();
        let mut said = Vec::new();
        while start.elapsed() < Duration::from_secs(20) {
            if let Ok(line) = self.lines.recv_timeout(Duration::from_millis(100)) {
                if line.contains(text) {
                    return;
                }
                said.push(line);
            }
        }
        panic!("it does not say {text:?}: {said:#?}");
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
