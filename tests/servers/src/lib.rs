//! Starts the servers that tests talk to: each test has its own, in a folder of its own, on a free
//! port of the loopback interface, and it ends with the test.
//!
//! Where a server is not installed, the test is skipped and says so. With `CI=true` it fails.
#![forbid(unsafe_code)]

mod built;
mod nats;
mod nginx;
mod pgbouncer;
mod postgres;
mod redis;
mod s3;
mod smtp;

use std::ffi::OsStr;
use std::fs::{File, Permissions};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use std::{env, fs};

use tempfile::TempDir;

pub use self::built::{built, cargo};
pub use self::nats::Nats;
pub use self::nginx::Nginx;
pub use self::pgbouncer::PgBouncer;
pub use self::postgres::Postgres;
pub use self::redis::Redis;
pub use self::s3::S3;
pub use self::smtp::{Smtp, SmtpTls};

/// Reads until its standard input ends, which it does when the test's process does too, however it
/// ended. Then it ends the server: politely, and after 5 s by force.
const SUPERVISOR: &str = r#"
"$@" &
server=$!
read -r _
kill -INT "$server" 2>/dev/null
(sleep 5; kill -KILL "$server" 2>/dev/null) &
force=$!
wait "$server"
kill "$force" 2>/dev/null
"#;

/// A server that runs: until this is dropped, or until the test's process is gone.
#[derive(Debug)]
struct Running {
    supervisor: Child,
}

impl Running {
    /// What it prints goes to the log.
    fn start(command: &Command, log: &Path) -> Self {
        let log = File::options().create(true).append(true).open(log);
        let log = log.expect("the log opens");
        let mut supervisor = Command::new("sh");
        supervisor.args(["-c", SUPERVISOR, "sh"]);
        supervisor
            .arg(command.get_program())
            .args(command.get_args())
            .stdin(Stdio::piped())
            .stdout(log.try_clone().expect("the log opens twice"))
            .stderr(log);
        if let Some(folder) = command.get_current_dir() {
            supervisor.current_dir(folder);
        }
        let supervisor = supervisor.spawn().expect("`sh` starts");
        Self { supervisor }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.supervisor.stdin.take());
        // Not longer than the 5 s after which it uses force.
        let _ = self.supervisor.wait();
    }
}

/// A folder for the server's data, and whom it runs as.
///
/// Some servers refuse to run as root. For root there is an unprivileged user to run them as, who
/// then owns the folder.
#[derive(Debug)]
struct Home {
    folder: TempDir,
    user: Option<(u32, u32)>,
}

impl Home {
    /// `users`: whom to run as where the tests run as root; the first that there is.
    fn new(users: &[&str]) -> Self {
        let folder = tempfile::Builder::new().prefix("test-server-").tempdir();
        let folder = folder.expect("a temporary folder is made");
        let owner = folder.path().metadata().expect("it is there").uid();
        let user = (owner == 0).then(|| {
            let user = users.iter().find_map(|user| user_of(user));
            user.unwrap_or_else(|| panic!("none of the users {users:?} is in /etc/passwd"))
        });
        if let Some((uid, gid)) = user {
            chown(folder.path(), Some(uid), Some(gid)).expect("root gives a folder away");
        }
        Self { folder, user }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file that its user alone may read, as servers ask of keys.
    fn write(&self, name: &str, text: &str) {
        let file = self.path().join(name);
        fs::write(&file, text).expect("the folder is there");
        fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("it is ours");
        if let Some((uid, gid)) = self.user {
            chown(&file, Some(uid), Some(gid)).expect("root gives a file away");
        }
    }

    /// To be run by the user.
    fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = match self.user {
            Some((uid, gid)) => {
                let mut command = Command::new("setpriv");
                command
                    .args([format!("--reuid={uid}"), format!("--regid={gid}")])
                    .arg("--clear-groups")
                    .arg("--")
                    .arg(program);
                command
            }
            None => Command::new(program),
        };
        // The tests' own may be closed to the user.
        command.current_dir(self.path());
        command
    }
}

fn user_of(name: &str) -> Option<(u32, u32)> {
    let users = fs::read_to_string("/etc/passwd").ok()?;
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let found = fields.next() == Some(name);
        let (uid, gid) = (fields.nth(1)?, fields.next()?);
        found.then(|| Some((uid.parse().ok()?, gid.parse().ok()?)))?
    })
}

/// A port that nothing listens on now. Another process may take it before the server does.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    listener.local_addr().expect("it is bound").port()
}

/// Where a program is: on `PATH`, or else in one of these folders.
fn program(name: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(folders.iter().cloned())
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// Says why a test is skipped.
///
/// # Panics
///
/// With `CI=true`, where everything has to be installed.
fn skip(why: &str) {
    assert!(
        env::var_os("CI").is_none_or(|ci| ci != "true"),
        "with CI=true no test is skipped: {why}"
    );
    eprintln!("SKIPPED: {why}");
}

/// Asks again and again. Whether the answer was yes within the time.
fn within(bound: Duration, mut question: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    loop {
        if question() {
            return true;
        }
        if start.elapsed() > bound {
            return false;
        }
        sleep(Duration::from_millis(20));
    }
}
