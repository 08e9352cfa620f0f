use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use crate::{Home, Postgres, Running, free_port, program, skip, within};

/// PgBouncer in transaction mode in front of a PostgreSQL: each transaction may run on another of its
/// few connections.
#[derive(Debug)]
pub struct PgBouncer {
    // Before its folder: fields are dropped in this order.
    _running: Running,
    _home: Home,
    port: u16,
}

const READY_WITHIN: Duration = Duration::from_secs(20);

impl PgBouncer {
    /// Starts one that has so many connections to the server. `None`: it is not installed, and that was
    /// said.
    ///
    /// # Panics
    ///
    /// It does not start, or is not installed and `CI=true`.
    #[must_use]
    pub fn start(server: &Postgres, connections: u32) -> Option<Self> {
        let Some(program) = program("pgbouncer", &["/usr/sbin".into()]) else {
            skip("PgBouncer is not installed (from Debian: `pgbouncer`)");
            return None;
        };
        let home = Home::new(&["postgres", "nobody"]);
        let port = free_port();
        let configuration = format!(
            "[databases]\n\
             postgres = host=127.0.0.1 port={} user=postgres\n\
             [pgbouncer]\n\
             listen_addr = 127.0.0.1\n\
             listen_port = {port}\n\
             unix_socket_dir =\n\
             auth_type = any\n\
             pool_mode = transaction\n\
             default_pool_size = {connections}\n",
            server.port()
        );
        let file = home.path().join("pgbouncer.ini");
        fs::write(&file, configuration).expect("the configuration is written");
        let mut command = home.command(program);
        command.arg(&file);
        let log = home.path().join("log");
        let running = Running::start(&command, &log);
        let listens = || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok();
        assert!(
            within(READY_WITHIN, listens),
            "PgBouncer is not ready: {}",
            fs::read_to_string(&log).unwrap_or_default()
        );
        Some(Self {
            _running: running,
            _home: home,
            port,
        })
    }

    /// The URL of its database.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }
}
