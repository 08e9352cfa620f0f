use std::thread;
use std::time::Instant;

use super::*;

fn start(command: &str, timeout: u64) -> Result<Vec<Report>, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let report = crate::testing::report("routes", &["session GET /a"]);
    let text = serde_json::to_string(&report).expect("JSON");
    fs::write(folder.path().join("report"), text).expect("the file");
    let start = Start {
        command,
        root: folder.path(),
        timeout: Duration::from_secs(timeout),
        self_test: false,
    };
    start
        .reports(|reports| !reports.is_empty())
        .map_err(|error| error.to_string())
}

const REPORT: &str = "cp report \"$ROUTE_AUDIT_REPORT_DIR/a.json\"";

#[test]
fn a_service_is_stopped_once_it_has_reported_with_all_that_it_started() {
    let folder = tempfile::tempdir().expect("a folder");
    let alive = folder.path().join("alive");
    let alive = alive.display();
    let before = Instant::now();
    // What is in the background has the group of the shell, and not its process.
    let command = format!(
        "(while true; do date > {alive}; sleep 0.1; done) & {REPORT}; sleep 600; echo late"
    );
    assert_eq!(start(&command, 60).expect("a report").len(), 1);
    assert!(before.elapsed() < Duration::from_secs(30));
    fs::remove_file(alive.to_string()).expect("it has run");
    thread::sleep(Duration::from_millis(500));
    assert!(!Path::new(&alive.to_string()).exists(), "it runs on");
}

#[test]
fn a_command_that_ends_has_reported_or_failed() {
    assert_eq!(
        start(&format!("{REPORT}; exit 1"), 60)
            .expect("a report")
            .len(),
        1
    );
    let error = start("echo no database; exit 3", 60).expect_err("no report");
    for said in [
        "wrote no report",
        "exit status: 3",
        "  | no database",
        "--timeout",
    ] {
        assert!(error.contains(said), "{said}: {error}");
    }
}

#[test]
fn a_command_that_never_reports_is_stopped_in_time() {
    let before = Instant::now();
    let error = start("sleep 600", 1).expect_err("no report");
    assert!(error.contains("stopped after 1 s"), "{error}");
    assert!(before.elapsed() < Duration::from_secs(30));
}

#[test]
fn what_cannot_be_read_is_no_report() {
    let garbage = "echo garbage > \"$ROUTE_AUDIT_REPORT_DIR/a.json\"";
    let error = start(garbage, 60).expect_err("no report");
    assert!(
        error.contains("wrote a file that cannot be read"),
        "{error}"
    );
}
