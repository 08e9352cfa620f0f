//! The five commands in which the waitlist's README replays the outage, as they stand there.
#![allow(clippy::unwrap_used)]

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use tempfile::TempDir;

const README: &str = include_str!("../../../examples/waitlist/README.md");

/// `cargo run` starts the service in the background here, since its terminal is another one there. What
/// was started before is stopped, as by Ctrl-C.
const BEFORE: &str = r#"
set -euo pipefail
service=
stop() {
    if [ -n "$service" ]; then kill -INT "$service"; wait "$service" || true; fi
    service=
}
trap stop EXIT
cargo() {
    [ "$*" = "run -p waitlist" ]
    stop
    waitlist >> "$LOG" 2>&1 &
    service=$!
    for _ in $(seq 1 200); do
        if curl --silent --output /dev/null "http://$LISTEN/health"; then return; fi
        sleep 0.05
    done
    cat "$LOG" >&2
    return 1
}
"#;

/// The commands of the page's second part.
fn commands() -> Vec<String> {
    let (_, part) = README
        .split_once("## The outage, in five commands")
        .unwrap();
    let part = part.split("\n## ").next().unwrap();
    let mut blocks = part.split("```sh\n");
    blocks.next();
    blocks
        .map(|block| block.split("```").next().unwrap().to_owned())
        .collect()
}

fn root() -> PathBuf {
    fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")).unwrap()
}

#[test]
fn the_outage_is_replayed_in_five_commands() {
    let commands = commands();
    assert_eq!(commands.len(), 5);
    if Command::new("curl").arg("--version").output().is_err() {
        assert!(
            env::var("CI").as_deref() != Ok("true"),
            "curl is not installed"
        );
        eprintln!("SKIPPED: curl is not installed");
        return;
    }
    let programs = test_servers::built(&["waitlist"], env!("CARGO_CRATE_NAME"));
    let others = env::var_os("PATH").unwrap_or_default();
    let path = std::iter::once(programs).chain(env::split_paths(&others));

    let folder = TempDir::new().unwrap();
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let listen = port.local_addr().unwrap().to_string();
    drop(port);
    let mut script = BEFORE.to_owned();
    for (number, command) in commands.iter().enumerate() {
        let command = command.replace("localhost:3000", &listen);
        script.push_str(&format!("echo '== command {}'\n{command}\n", number + 1));
    }
    let output = Command::new("timeout")
        .args(["120", "bash", "-c", &script])
        .current_dir(root())
        .env("PATH", env::join_paths(path).unwrap())
        .env("LISTEN", &listen)
        .env("LOG", folder.path().join("service.log"))
        .env(
            "DATABASE_URL",
            format!("sqlite://{}", folder.path().join("list.sqlite").display()),
        )
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}\n{errors}");
    let said: Vec<_> = said.split("== command ").collect();
    let statuses = |number: usize| -> Vec<&str> {
        let lines = said[number].lines();
        lines
            .filter_map(|line| line.strip_prefix("HTTP/1.1 "))
            .map(|status| &status[..3])
            .collect()
    };
    assert_eq!(statuses(2), ["401"], "{said:?}");
    assert_eq!(statuses(3), ["503"], "{said:?}");
    assert!(said[3].contains(r#""rule":"refused""#), "{said:?}");
    assert!(
        said[3].contains("POST /webhooks/postmark/delivery"),
        "{said:?}"
    );
    assert_eq!(statuses(5), ["200", "200"], "{said:?}");
    assert!(
        said[5].contains(r#"{"status":"ok","alarms":[]}"#),
        "{said:?}"
    );
    let log = fs::read_to_string(folder.path().join("service.log")).unwrap();
    let rings =
        |line: &&str| line.contains("ERROR") && line.contains("/webhooks/postmark/delivery");
    assert!(log.lines().any(|line| rings(&line)), "{log}");
}
