use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::{Running, free_port, skip, within};

/// A server with S3's API, that keeps its objects in memory: moto's, which believes every signature.
#[derive(Debug)]
pub struct S3 {
    // Before its folder: fields are dropped in this order.
    _running: Running,
    _folder: TempDir,
    port: u16,
}

/// Python reads much before it listens.
const READY_WITHIN: Duration = Duration::from_secs(60);

impl S3 {
    /// Starts one. `None`: it is not installed, and that was said.
    ///
    /// # Panics
    ///
    /// It does not start, or is not installed and `CI=true`.
    #[must_use]
    pub fn start() -> Option<Self> {
        // That of the version which is known to work, and no other.
        let program =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/moto/bin/moto_server");
        if !program.is_file() {
            skip("moto_server is not installed (`CI=true .ci/run packages` does so)");
            return None;
        }
        // As who runs the tests: it may be in their home, and listens to this machine alone.
        let folder = tempfile::tempdir().expect("a temporary folder is made");
        let port = free_port();
        let mut server = Command::new(program);
        server
            .args(["--host", "127.0.0.1", "--port", &port.to_string()])
            .current_dir(folder.path());
        let log = folder.path().join("log");
        let running = Running::start(&server, &log);
        let listens = || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok();
        assert!(
            within(READY_WITHIN, listens),
            "moto_server is not ready: {}",
            fs::read_to_string(&log).unwrap_or_default()
        );
        Some(Self {
            _running: running,
            _folder: folder,
            port,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }
}
