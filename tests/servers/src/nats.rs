use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::{Home, Running, free_port, program, skip, within};

/// A NATS server with JetStream, that keeps its streams in files.
#[derive(Debug)]
pub struct Nats {
    // Before its folder: fields are dropped in this order.
    running: Option<Running>,
    home: Home,
    program: PathBuf,
    port: u16,
}

const READY_WITHIN: Duration = Duration::from_secs(20);

impl Nats {
    /// Starts one. `None`: it is not installed, and that was said.
    ///
    /// # Panics
    ///
    /// It does not start, or is not installed and `CI=true`.
    #[must_use]
    pub fn start() -> Option<Self> {
        let Some(program) = program("nats-server", &["/usr/sbin".into()]) else {
            skip("NATS is not installed (from Debian: `nats-server`)");
            return None;
        };
        let mut this = Self {
            running: None,
            home: Home::new(&["nats", "nobody"]),
            program,
            port: free_port(),
        };
        this.start_again();
        Some(this)
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Kills it, as a crash would.
    ///
    /// # Panics
    ///
    /// It does not run.
    pub fn kill(&mut self) {
        let pid = fs::read_to_string(self.home.path().join("nats.pid"));
        let pid = pid.expect("NATS runs, and wrote its id");
        let sent = Command::new("kill").args(["-KILL", pid.trim()]).status();
        assert!(sent.expect("`kill` starts").success(), "NATS runs");
        self.running = None;
    }

    /// Starts it after [`kill`](Self::kill), with the data and on the port that it had.
    ///
    /// # Panics
    ///
    /// It is not ready in time.
    pub fn start_again(&mut self) {
        self.running = None;
        let pid = self.home.path().join("nats.pid");
        let _ = fs::remove_file(&pid);
        let mut server = self.home.command(&self.program);
        server
            .args(["--addr", "127.0.0.1", "--port", &self.port.to_string()])
            .args(["--jetstream", "--store_dir"])
            .arg(self.home.path().join("data"))
            .arg("--pid")
            .arg(&pid);
        let log = self.home.path().join("log");
        self.running = Some(Running::start(&server, &log));
        let is_ready = || {
            let log = fs::read_to_string(&log).unwrap_or_default();
            pid.is_file()
                && log.contains("Server is ready")
                && TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok()
        };
        assert!(
            within(READY_WITHIN, is_ready),
            "NATS is not ready: {}",
            fs::read_to_string(&log).unwrap_or_default()
        );
    }
}
