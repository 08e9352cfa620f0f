use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use crate::{Home, Running, free_port, program, skip, within};

/// A mail server that keeps what it is given.
#[derive(Debug)]
pub struct Smtp {
    // Before its folder: fields are dropped in this order.
    _running: Running,
    home: Home,
    port: u16,
    tls: Option<SmtpTls>,
}

/// When a connection to a mail server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there are these two")]
pub enum SmtpTls {
    /// After `STARTTLS` (RFC 3207), without which it takes no mail.
    Starttls,
    /// From its first byte (RFC 8314).
    Implicit,
}

const READY_WITHIN: Duration = Duration::from_secs(20);

impl Smtp {
    /// Starts one. `None`: it is not installed, and that was said.
    ///
    /// # Panics
    ///
    /// It does not start, or is not installed and `CI=true`.
    #[must_use]
    pub fn start() -> Option<Self> {
        Self::with(None)
    }

    /// Starts one that shows this certificate, with its key, in PEM.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    #[must_use]
    pub fn start_with_tls(tls: SmtpTls, certificate: &str, key: &str) -> Option<Self> {
        Self::with(Some((tls, certificate, key)))
    }

    fn with(tls: Option<(SmtpTls, &str, &str)>) -> Option<Self> {
        let Some(program) = program("aiosmtpd", &["/usr/bin".into()]) else {
            skip("aiosmtpd is not installed (from Debian: `python3-aiosmtpd`)");
            return None;
        };
        let home = Home::new(&["nobody"]);
        let port = free_port();
        let mut server = home.command(program);
        server.args(["--nosetuid", "--listen", &format!("127.0.0.1:{port}")]);
        if let Some((tls, certificate, key)) = tls {
            home.write("tls.pem", certificate);
            home.write("tls.key", key);
            let [of_certificate, of_key] = match tls {
                SmtpTls::Starttls => ["--tlscert", "--tlskey"],
                SmtpTls::Implicit => ["--smtpscert", "--smtpskey"],
            };
            server.args([of_certificate, "tls.pem", of_key, "tls.key"]);
        }
        server
            .args(["--class", "aiosmtpd.handlers.Mailbox"])
            .arg(home.path().join("mails"));
        let running = Running::start(&server, &home.path().join("log"));
        let listens = || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok();
        assert!(
            within(READY_WITHIN, listens),
            "aiosmtpd is not ready: {}",
            fs::read_to_string(home.path().join("log")).unwrap_or_default()
        );
        Some(Self {
            _running: running,
            home,
            port,
            tls: tls.map(|(tls, ..)| tls),
        })
    }

    /// Its URL, which asks for TLS where it has it.
    #[must_use]
    pub fn url(&self) -> String {
        let port = self.port;
        match self.tls {
            None => format!("smtp://127.0.0.1:{port}"),
            Some(SmtpTls::Starttls) => format!("smtp://127.0.0.1:{port}?tls=required"),
            Some(SmtpTls::Implicit) => format!("smtps://127.0.0.1:{port}"),
        }
    }

    /// The mails that it was given, head and body.
    #[must_use]
    pub fn mails(&self) -> Vec<String> {
        let Ok(files) = fs::read_dir(self.home.path().join("mails/new")) else {
            return Vec::new();
        };
        let read = |file: std::io::Result<fs::DirEntry>| fs::read_to_string(file.ok()?.path()).ok();
        files.filter_map(read).collect()
    }
}
