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
    tls: bool,
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
        let mut this = Self::installed()?;
        this.options = options.iter().map(ToString::to_string).collect();
        this.start_again();
        Some(this)
    }

    /// Starts one that copies the data of this one, and can take its place.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    #[must_use]
    pub fn start_replica_of(primary: &Self) -> Option<Self> {
        let port = primary.port.to_string();
        let this = Self::start_with(&["--replicaof", "127.0.0.1", &port])?;
        this.await_replication();
        Some(this)
    }

    /// Starts three sentinels that watch over it under the name `mymaster`, and find its replicas
    /// themselves. They agree that it is down after half a second without an answer.
    ///
    /// # Panics
    ///
    /// They do not start.
    #[must_use]
    pub fn start_sentinels(&self) -> Vec<Self> {
        let sentinel = |_| {
            let mut this = Self::installed().expect("as this one is");
            let configuration = format!(
                "sentinel monitor mymaster 127.0.0.1 {} 2\n\
                 sentinel down-after-milliseconds mymaster 500\n\
                 sentinel failover-timeout mymaster 2000\n",
                self.port
            );
            this.home.write("sentinel.conf", &configuration);
            this.start_command(&["sentinel.conf", "--sentinel"]);
            this
        };
        (0..3).map(sentinel).collect()
    }

    /// Starts a cluster: three primaries, and a replica of each.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start); it is no cluster after a minute.
    #[must_use]
    pub fn start_cluster() -> Option<Vec<Self>> {
        let options = ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000"];
        let nodes = (0..6)
            .map(|_| Self::start_with(&options))
            .collect::<Option<Vec<_>>>()?;
        let addresses = nodes.iter().map(|node| format!("127.0.0.1:{}", node.port));
        let made = Command::new("redis-cli")
            .args(["--cluster", "create"])
            .args(addresses)
            .args(["--cluster-replicas", "1", "--cluster-yes"])
            .output()
            .expect("`redis-cli` comes with the server");
        let printed = String::from_utf8_lossy(&made.stdout);
        assert!(made.status.success(), "no cluster: {printed}");
        for node in &nodes {
            node.await_replication();
            let is_up = |answer: String| answer.contains("cluster_state:ok");
            let up = within(READY_WITHIN, || node.ask("CLUSTER INFO").is_ok_and(is_up));
            assert!(up, "no cluster: {:?}", node.ask("CLUSTER INFO"));
        }
        Some(nodes)
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Starts one that takes connections over TLS alone, with this certificate and its key, in PEM.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    #[must_use]
    pub fn start_with_tls(certificate: &str, key: &str) -> Option<Self> {
        let mut this = Self::installed()?;
        this.home.write("tls.pem", certificate);
        this.home.write("tls.key", key);
        let options = "--tls-cert-file tls.pem --tls-key-file tls.key --tls-auth-clients no";
        this.options = options.split(' ').map(str::to_owned).collect();
        this.tls = true;
        this.start_again();
        Some(this)
    }

    fn installed() -> Option<Self> {
        let Some(program) = program("redis-server", &[]) else {
            skip("Redis is not installed (from Debian: `redis-server`)");
            return None;
        };
        Some(Self {
            running: None,
            home: Home::new(&["redis", "nobody"]),
            program,
            options: Vec::new(),
            port: free_port(),
            tls: false,
        })
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.tls { "rediss" } else { "redis" };
        format!("{scheme}://127.0.0.1:{}/", self.port)
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
        let options: Vec<_> = self.options.clone();
        let options: Vec<_> = options.iter().map(String::as_str).collect();
        self.start_command(&options);
    }

    fn start_command(&mut self, options: &[&str]) {
        self.running = None;
        let mut server = self.home.command(&self.program);
        let port = self.port.to_string();
        let ports = match self.tls {
            true => ["--port", "0", "--tls-port", &port],
            false => ["--port", &port, "--tls-port", "0"],
        };
        // First, as a file has to come before all options.
        let (file, options) = match options {
            [file, options @ ..] if file.ends_with(".conf") => (Some(file), options),
            _ => (None, options),
        };
        server
            .args(file)
            .args(["--bind", "127.0.0.1"])
            .args(ports)
            .args(["--daemonize", "no", "--save", "", "--pidfile", PID_FILE])
            // Not five seconds for other replicas to come.
            .args(["--repl-diskless-sync-delay", "0"])
            .arg("--unixsocket")
            .arg(self.home.path().join("socket"))
            .args(options);
        let log = self.home.path().join("log");
        self.running = Some(Running::start(&server, &log));
        assert!(
            within(READY_WITHIN, || self.answers()),
            "Redis is not ready: {}",
            fs::read_to_string(&log).unwrap_or_default()
        );
    }

    fn answers(&self) -> bool {
        // Who asks for a password is there, too; who loads its data is not yet.
        let ready = |answer: String| answer.starts_with("+PONG") || answer.starts_with("-NOAUTH");
        self.ask("PING").is_ok_and(ready)
    }

    /// Waits until it has all that its primary had; for a primary, until that has a replica.
    fn await_replication(&self) {
        let is_up = |answer: String| {
            answer.contains("master_link_status:up") || answer.contains("state=online")
        };
        let up = within(READY_WITHIN, || {
            self.ask("INFO replication").is_ok_and(is_up)
        });
        assert!(up, "no replication: {:?}", self.ask("INFO replication"));
    }

    /// By its socket: on the port there may be somebody else's.
    fn ask(&self, command: &str) -> std::io::Result<String> {
        use std::io::{Read, Write};

        let path = self.home.path().join("socket");
        let mut socket = std::os::unix::net::UnixStream::connect(path)?;
        socket.set_read_timeout(Some(Duration::from_secs(1)))?;
        socket.write_all(format!("{command}\r\n").as_bytes())?;
        let mut answer = [0; 4096];
        let len = socket.read(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer[..len]).into_owned())
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
