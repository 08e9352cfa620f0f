use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::{Home, Running, free_port, program, skip, within};

/// A PostgreSQL server with an empty database. Its user `postgres` needs no password.
#[derive(Debug)]
pub struct Postgres {
    // Before its folder: fields are dropped in this order.
    running: Option<Running>,
    home: Home,
    programs: PathBuf,
    port: u16,
    tls: bool,
}

/// A crash is recovered from within this time, too.
const READY_WITHIN: Duration = Duration::from_secs(60);

impl Postgres {
    /// Starts one. `None`: it is not installed, and that was said.
    ///
    /// # Panics
    ///
    /// It does not start, or is not installed and `CI=true`.
    #[must_use]
    pub fn start() -> Option<Self> {
        let Some(initdb) = program("initdb", &debian_folders()) else {
            skip("PostgreSQL is not installed (from Debian: `postgresql`)");
            return None;
        };
        // On `PATH` it may be a link, and stand alone there.
        let initdb = initdb.canonicalize().expect("it was there a moment ago");
        let programs = initdb.parent().expect("a file is in a folder").to_owned();
        let mut this = Self {
            running: None,
            home: Home::new(&["postgres", "nobody"]),
            programs,
            port: free_port(),
            tls: false,
        };
        let made = this
            .home
            .command(&initdb)
            .args(["--username=postgres", "--auth=trust", "--encoding=UTF8"])
            .args(["--locale=C", "--no-sync", "--pgdata=data"])
            .output()
            .expect("`initdb` starts");
        assert!(
            made.status.success(),
            "initdb failed: {}",
            String::from_utf8_lossy(&made.stderr)
        );
        this.start_again();
        Some(this)
    }

    /// From its next start on it takes connections over TLS alone, with this certificate and its key, in
    /// PEM.
    ///
    /// # Panics
    ///
    /// It is not ready in time.
    pub fn require_tls(&mut self, certificate: &str, key: &str) {
        self.home.write("data/server.crt", certificate);
        self.home.write("data/server.key", key);
        let whom = "local all all trust\nhostssl all all 127.0.0.1/32 trust\n";
        self.home.write("data/pg_hba.conf", whom);
        self.tls = true;
        self.start_again();
    }

    /// The URL of its database.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Ends it, and with it all connections. The data and the port stay its own.
    pub fn stop(&mut self) {
        self.running = None;
    }

    /// Ends it as a crash would: no connection is told, nothing is written, and the next start has to
    /// recover from the log of writes.
    ///
    /// # Panics
    ///
    /// It does not run.
    pub fn kill(&mut self) {
        let pid = fs::read_to_string(self.home.path().join("data/postmaster.pid"));
        let pid = pid.expect("PostgreSQL runs, and wrote its id");
        let pid = pid.lines().next().unwrap_or_default();
        // To the process that started all others: `immediate shutdown`. After `KILL` the others
        // would outlive it for a while, and the next start with them.
        let sent = Command::new("kill").args(["-QUIT", pid]).status();
        assert!(sent.expect("`kill` starts").success(), "PostgreSQL runs");
        self.running = None;
    }

    /// Starts it after [`stop`](Self::stop) or [`kill`](Self::kill), with the data and on the port that it had.
    ///
    /// # Panics
    ///
    /// It is not ready after a minute.
    pub fn start_again(&mut self) {
        self.stop();
        let mut server = self.home.command(self.programs.join("postgres"));
        server
            .args(["-D", "data", "-p", &self.port.to_string(), "-k"])
            .arg(self.home.path())
            .args(["-c", "listen_addresses=127.0.0.1"])
            // Nothing here has to survive the machine.
            .args(["-c", "fsync=off"])
            .args(["-c", if self.tls { "ssl=on" } else { "ssl=off" }]);
        let log = self.home.path().join("log");
        self.running = Some(Running::start(&server, &log));
        let ready = || {
            // By its socket: on the port there may be somebody else's.
            let asked = self
                .home
                .command(self.programs.join("pg_isready"))
                .args(["-q", "-p", &self.port.to_string(), "-h"])
                .arg(self.home.path())
                .stdin(Stdio::null())
                .status();
            asked.expect("`pg_isready` starts").success()
        };
        assert!(
            within(READY_WITHIN, ready),
            "PostgreSQL is not ready: {}",
            fs::read_to_string(&log).unwrap_or_default()
        );
    }
}

/// Debian keeps the versions apart, and off `PATH`. The latest comes first.
fn debian_folders() -> Vec<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    versions.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    versions.into_iter().map(|(_, folder)| folder).collect()
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpStream};

    use super::*;

    #[test]
    fn it_stops_and_starts_again_on_its_port_and_ends_with_its_owner() {
        let Some(mut server) = Postgres::start() else {
            return;
        };
        let port = server.port;
        let listens = || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok();
        assert!(listens());
        server.stop();
        assert!(!listens());
        server.start_again();
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
