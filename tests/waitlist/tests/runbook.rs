//! Every command of `docs/runbook.md`, against the waitlist and the programs as they are built.
#![allow(clippy::unwrap_used)]

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use session_auth::Timestamp;
use session_auth::trail::{AuditEvent, AuditSink as _, FileTrail, TrailKey};
use tempfile::TempDir;

const RUNBOOK: &str = include_str!("../../../docs/runbook.md");

/// What the page's `restart` and `stop` stand for here.
const BEFORE: &str = r#"
set -euo pipefail
service=
stop() {
    if [ -n "$service" ]; then kill "$service"; wait "$service" || true; fi
    service=
}
trap stop EXIT
restart() {
    stop
    waitlist >> service.log 2>&1 &
    service=$!
    for _ in $(seq 1 200); do
        if curl --silent --output /dev/null "http://$LISTEN/health"; then return; fi
        sleep 0.05
    done
    cat service.log >&2
    return 1
}
"#;

/// The commands of each fenced block, in order.
fn blocks() -> Vec<String> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for line in RUNBOOK.lines() {
        let inner = line.trim_start();
        let indent = line.len() - inner.len();
        match &mut open {
            None if inner == "```sh" => open = Some((indent, String::new())),
            None => assert!(!inner.starts_with("```"), "{line}: every block is commands"),
            Some(_) if inner == "```" => blocks.extend(open.take().map(|(_, block)| block)),
            Some((indent, block)) => {
                block.push_str(line.get(*indent..).unwrap_or_default());
                block.push('\n');
            }
        }
    }
    assert!(open.is_none());
    blocks
}

/// Whether it is for a checkout of the service's sources.
fn is_for_a_checkout(block: &str) -> bool {
    block.lines().any(|line| line.starts_with("cargo "))
}

fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    fs::canonicalize(root).unwrap()
}

/// The folder of the programs, which are built if they are not.
fn programs() -> PathBuf {
    test_servers::built(&["waitlist", "route-audit"], env!("CARGO_CRATE_NAME"))
}

fn path_with(programs: &Path) -> std::ffi::OsString {
    let others = env::var_os("PATH").unwrap_or_default();
    let all = std::iter::once(programs.to_owned()).chain(env::split_paths(&others));
    env::join_paths(all).unwrap()
}

/// The lines of this package in the repository's lock.
fn lock_of(package: &str) -> String {
    let lock = fs::read_to_string(root().join("routes.lock")).unwrap();
    let own = format!(" {package}/routes");
    let lines = lock
        .lines()
        .filter(|line| line.starts_with("schema") || line.contains(&own));
    lines.map(|line| format!("{line}\n")).collect()
}

fn run(script: &str, mut command: Command) -> String {
    let output = command
        .args(["300", "bash", "-c", script])
        .stdin(Stdio::null());
    let output = output.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    assert!(output.status.success(), "{:?}\n{said}", output.status);
    said
}

fn has(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok();
    assert!(
        found || env::var("CI").as_deref() != Ok("true"),
        "{program} is not installed"
    );
    if !found {
        eprintln!("SKIPPED: {program} is not installed");
    }
    found
}

#[test]
fn every_case_of_an_operator_is_on_the_page() {
    for heading in [
        "Switch on in a new environment",
        "Add a route",
        "A webhook is refused",
        "A webhook is silent",
        "Rotate the session keys",
        "Rotate the secret of a webhook",
        "The session store is down",
        "An exemption looks suspicious",
        "Restore the store from a backup",
        "Break the glass",
    ] {
        let section = RUNBOOK
            .split("\n## ")
            .find(|section| section.starts_with(heading));
        let section = section.unwrap_or_else(|| panic!("no section {heading}"));
        assert!(section.contains("```sh"), "{heading} has no command");
    }
    let rules = include_str!("../../../route-audit/src/alerts/rules.yml");
    for alert in rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
    {
        assert!(
            RUNBOOK.contains(&format!("| `{alert}` |")),
            "{alert} leads nowhere"
        );
    }
}

#[test]
fn the_commands_of_the_running_service_do_what_they_say() {
    if !["curl", "openssl", "promtool"].into_iter().all(has) {
        return;
    }
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let listen = port.local_addr().unwrap().to_string();
    drop(port);
    fs::write(here.join("routes.lock"), lock_of("waitlist")).unwrap();
    let delivery = root().join("tests/incident/payloads/postmark-delivery.json");
    fs::copy(delivery, here.join("delivery.json")).unwrap();
    // `postmark:p0stmark`.
    let header = "Authorization: Basic cG9zdG1hcms6cDBzdG1hcms=";
    fs::write(here.join("delivery.authorization"), header).unwrap();
    let key = TrailKey::generate("auth.example.com").unwrap();
    let public = key.public();
    let trail = FileTrail::open(here.join("trail.jsonl"), key).unwrap();
    trail.record(
        Timestamp::from_secs(1_700_000_000),
        AuditEvent::Start {
            mode: "enforce",
            version: "0.1.0",
            lock: None,
            routes: 19,
        },
    );
    drop(trail);

    let mut script = BEFORE.to_owned();
    let mut count = 0;
    for (number, block) in blocks().iter().enumerate() {
        if is_for_a_checkout(block) {
            continue;
        }
        count += 1;
        // There has to be something to restore.
        if block.contains("backup.sqlite") {
            script.push_str("stop; cp waitlist.sqlite backup.sqlite; restart\n");
        }
        let block = block.replace("https://www.example.com", &format!("http://{listen}"));
        script.push_str(&format!("echo '== block {number}'\n{block}\n"));
    }
    let mut command = Command::new("timeout");
    command
        .current_dir(here)
        .env_clear()
        .env("PATH", path_with(&programs()))
        .env("SESSION_AUTH_LISTING_TOKEN", "token-of-the-monitor")
        .env("MONITOR_TOKEN", "token-of-the-monitor")
        .env("POSTMARK_PASSWORD", "p0stmark")
        .env("POSTMARK_CREDENTIALS", "postmark:p0stmark")
        .env("FREESCOUT_SECRET", "1fd8b9f0c7a14a0f")
        .env("WAF_TOKEN", "edge-worker-token")
        .env("OPERATOR_PASSWORD", "correct horse")
        .env("DATABASE_URL", "sqlite://waitlist.sqlite")
        .env("NEW_SECRET", "the-new-secret")
        .env("OLD_SECRET", "the-old-secret")
        .env("TRAIL_PUBLIC_KEY", public)
        .env("LISTEN", &listen);
    let said = run(&script, command);
    assert_eq!(said.matches("== block ").count(), count, "{said}");
    for part in [
        "SUCCESS",
        "accepted",
        "\"status\":\"ok\"",
        "lines are as they were written",
    ] {
        assert!(said.contains(part), "no {part:?} in\n{said}");
    }
    assert!(said.matches(": clean\n").count() >= 12, "{said}");
    assert!(!said.contains("it refuses whom it must not"), "{said}");
    assert_eq!(
        fs::read_to_string(here.join("postmark.secret")).unwrap(),
        "the-new-secret\n"
    );
}

#[test]
fn the_commands_of_a_checkout_do_what_they_say() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    let quickstart = root().join("examples/quickstart");
    let manifest = format!(
        "[package]\nname = \"quickstart\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
         [dependencies]\n\
         axum = {{ version = \"0.8\", default-features = false, features = [\"http1\", \"json\", \"tokio\"] }}\n\
         serde = {{ version = \"1\", features = [\"derive\"] }}\n\
         session-auth = {{ path = {:?} }}\n\
         tokio = {{ version = \"1\", features = [\"macros\", \"net\", \"rt-multi-thread\"] }}\n\
         tracing-subscriber = {{ version = \"0.3.20\", default-features = false, features = [\"fmt\"] }}\n",
        root().join("session-auth")
    );
    fs::write(here.join("Cargo.toml"), manifest).unwrap();
    fs::create_dir(here.join("src")).unwrap();
    fs::copy(quickstart.join("src/main.rs"), here.join("src/main.rs")).unwrap();
    fs::copy(root().join("Cargo.lock"), here.join("Cargo.lock")).unwrap();
    // As it was before the route was added.
    let lock = lock_of("quickstart");
    let before: String = lock
        .lines()
        .filter(|line| !line.contains("/health"))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_ne!(before, lock);
    fs::write(here.join("routes.lock"), before).unwrap();

    let mut script = "set -euo pipefail
        git init --quiet .
        git add routes.lock
        git -c user.name=a -c user.email=a@example.com commit --quiet -m lock\n"
        .to_owned();
    let blocks = blocks();
    let of_a_checkout: Vec<_> = blocks.iter().filter(|it| is_for_a_checkout(it)).collect();
    assert!(!of_a_checkout.is_empty());
    for block in of_a_checkout {
        script.push_str(block);
    }
    let mut command = Command::new("timeout");
    command
        .current_dir(here)
        .env("PATH", path_with(&programs()))
        .env("CARGO_NET_OFFLINE", "true")
        .env("CARGO_TARGET_DIR", root().join("target"))
        .env("GIT_PAGER", "cat")
        .env_remove("ROUTE_AUDIT_REPORT_DIR");
    let said = run(&script, command);
    assert!(said.contains("+public   GET       /health"), "{said}");
    assert!(said.matches(": clean\n").count() >= 3, "{said}");
}
