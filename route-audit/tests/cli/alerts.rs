//! `alerts`, held against Prometheus' own `promtool`.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

fn promtool(folder: &Path, args: &[&str]) {
    let output = Command::new("promtool")
        .args(args)
        .current_dir(folder)
        .output()
        .expect("promtool is installed: it comes with Debian's package prometheus");
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

#[test]
fn each_rule_rings_for_its_case_and_for_no_other() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    let output = Command::new(env!("CARGO_BIN_EXE_route-audit"))
        .arg("alerts")
        .output()
        .expect("the binary starts");
    assert_eq!(output.status.code(), Some(0));
    let rules = String::from_utf8(output.stdout).expect("text");
    let cases = include_str!("alerts_test.yml");
    for line in rules.lines() {
        if let Some(name) = line.trim().strip_prefix("- alert: ") {
            let tested = cases.matches(&format!("alertname: {name}\n")).count();
            assert!(tested >= 2, "{name} has to ring once, and not ring once");
        }
    }
    fs::write(folder.join("rules.yml"), &rules).expect("written");
    fs::write(folder.join("cases.yml"), cases).expect("written");
    promtool(folder, &["check", "rules", "rules.yml"]);
    promtool(folder, &["test", "rules", "cases.yml"]);
}
