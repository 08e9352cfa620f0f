use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::{Home, Running, free_port, program, skip, within};

/// A Redis server with no keys.
#[derive(Debug)]
pub struct Redis {
    // Before its folder: fields are dropped in this order.
    running: Option<Running>,
    home: Home,
    program: PathBuf,
    options: Vec<String>,
    port: u16,
}

const READY_WITHIN: Duration = Duration::from_secs(20);

const PID_FILE: &str = "redis.pid";

impl Redis {
    /// Starts one that keeps its data in memory alone. `None`: it is not installed, and that was said.
    ///
    /// # Panics
    ///
    /// It does not start, or is not installed and `CI=true`.
    #[must_use]
    pub fn start() -> Option<Self> {
        Self::start_with(&["--appendonly", "no"])
    }

    /// Starts one that has everything it was told after a crash, too.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    #[must_use]
    pub fn start_durable() -> Option<Self> {
        Self::start_with(&["--appendonly", "yes", "--appendfsync", "always"])
    }

    /// Starts one with these options of its command line.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    #[must_use]
    pub fn start_with(options: &[&str]) -> Option<Self> {
        let Some(program) = program("redis-server", &[]) else {
            skip("Redis is not installed (from Debian: `redis-server`)");
            return None;
        };
        let mut this = Self {
            running: None,
            home: Home::new(&["redis", "nobody"]),
            program,
            options: options.iter().map(ToString::to_string).collect(),
            port: free_port(),
        };
        this.start_again();
        Some(this)
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Kills it, as a crash would: it has no time to say goodbye, or to write anything.
    ///
    /// # Panics
    ///
    /// It does not run.
    pub fn kill(&mut self) {
        self.signal("-KILL");
        self.running = None;
    }

    /// Lets it hang: it accepts connections, as far as the system does that for it, and answers
    /// nothing.
    ///
    /// # Panics
    ///
    /// It does not run.
    pub fn suspend(&self) {
        self.signal("-STOP");
    }

    /// Ends what [`suspend`](Self::suspend) began.
    ///
    /// # Panics
    ///
    /// It does not run.
    pub fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let pid = fs::read_to_string(self.home.path().join(PID_FILE));
        let pid = pid.expect("Redis runs, and wrote its id");
        let sent = Command::new("kill").args([signal, pid.trim()]).status();
        assert!(sent.expect("`kill` starts").success(), "Redis runs");
    }

    /// Starts it after [`kill`](Self::kill), on the port that it had, with the data that it had
    /// written.
    ///
    /// # Panics
    ///
    /// It is not ready in time.
    pub fn start_again(&mut self) {
        self.running = None;
        let mut server = self.home.command(&self.program);
        server
            .args(["--bind", "127.0.0.1", "--port", &self.port.to_string()])
            .args(["--daemonize", "no", "--save", "", "--pidfile", PID_FILE])
            .arg("--unixsocket")
            .arg(self.home.path().join("socket"))
            .args(&self.options);
        let log = self.home.path().join("log");
        self.running = Some(Running::start(&server, &log));
        assert!(
            within(READY_WITHIN, || self.answers()),
            "Redis is not ready: {}",
            fs::read_to_string(&log).unwrap_or_default()
        );
    }

    /// By its socket: on the port there may be somebody else's.
    fn answers(&self) -> bool {
        use std::io::{Read, Write};

        let ask = || -> std::io::Result<bool> {
            let path = self.home.path().join("socket");
            let mut socket = std::os::unix::net::UnixStream::connect(path)?;
            socket.set_read_timeout(Some(Duration::from_secs(1)))?;
            socket.write_all(b"PING\r\n")?;
            let mut answer = [0; 64];
            let len = socket.read(&mut answer)?;
            // Who asks for a password is there, too; who loads its data is not yet.
            Ok(answer[..len].starts_with(b"+PONG") || answer[..len].starts_with(b"-NOAUTH"))
        };
        ask().unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpStream};

    use super::*;

    #[test]
    fn it_is_killed_and_starts_again_on_its_port_and_ends_with_its_owner() {
        let Some(mut server) = Redis::start() else {
            return;
        };
        let port = server.port;
        let listens = || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok();
        assert!(listens());
        server.kill();
        assert!(!listens());
        server.start_again();
        assert!(listens());
        let folder = server.home.path().to_owned();
        drop(server);
        assert!(!listens());
        assert!(!folder.exists());
    }
}
