use expect_test::expect;

use super::*;

fn accept(runs: &[Run]) -> Result<Vec<Report>, CannotRun> {
    let packages = [("web".to_owned(), "web/Cargo.toml".to_owned())];
    let reports = super::accept(runs)?;
    complete(&packages, &BTreeSet::new(), &Vec::from_iter(&reports))?;
    Ok(reports)
}

fn report(router: &str, mounted: &str) -> String {
    format!(
        r#"{{"schema":1,"router":{{"name":"{router}","package":"web","kind":"typed",
        "file":"src/lib.rs","line":3}},"routes":[{mounted}],"findings":[],"declared":[]}}"#
    )
}

const HOME: &str = r#"{"shape":"route","methods":["GET"],"path":"/","named":true,
    "mounted":{"file":"src/lib.rs","line":4,"column":1},"declaration":null}"#;

fn run(tests: &[&str], files: Vec<String>) -> Run {
    Run {
        package: "web".to_owned(),
        target: "library `web`".to_owned(),
        source: "src/lib.rs".to_owned(),
        tests: tests.iter().map(|test| (*test).to_owned()).collect(),
        files,
        output: String::new(),
        passed: true,
    }
}

#[track_caller]
fn refused(run: Run, because: &str) {
    let failure = accept(&[run]).expect_err("refused").to_string();
    assert!(failure.contains(because), "{failure}");
}

#[test]
fn one_report_for_each_test_is_accepted() {
    let tests = ["a::route_audit_routes", "b::route_audit_routes"];
    let files = vec![report("routes", HOME), report("routes", HOME)];
    let reports = accept(&[run(&tests, files)]);
    assert_eq!(reports.expect("accepted").len(), 2);
}

#[test]
fn two_routers_of_one_name_are_refused() {
    let tests = ["a::route_audit_routes", "b::route_audit_routes"];
    let moved = report("routes", HOME).replace("\"line\":3", "\"line\":9");
    let files = vec![report("routes", HOME), moved.clone()];
    let error = accept(&[run(&tests, files)]).expect_err("refused");
    expect![[r#"
        error: two audited routers of package `web` are called `routes`, at src/lib.rs:3 and src/lib.rs:9
          --> src/lib.rs:9
          = help: routers are told apart by their names: rename one of the functions, or give it another name for the audit: `#[audited_router(other_name = …)]`

        route-audit: could not run
    "#]]
    .assert_eq(&error.to_string());
    let of_another = moved.replace("\"package\":\"web\"", "\"package\":\"shop\"");
    let files = vec![report("routes", HOME), of_another];
    accept(&[run(&tests, files)]).expect("of two packages");
}

#[test]
fn a_missing_a_surplus_and_a_mistaken_report_are_refused() {
    let tests = ["a::route_audit_routes", "b::route_audit_routes"];
    let one = || report("routes", HOME);
    refused(run(&tests, vec![one()]), "wrote no report");
    refused(run(&tests[..1], vec![one(), one()]), "more reports");
    refused(run(&tests[..1], vec![report("x", HOME)]), "wrote no report");
    refused(run(&tests[..1], Vec::new()), "wrote no report");
}

#[test]
fn no_test_is_no_audit() {
    refused(run(&[], Vec::new()), "no audited router");
    accept(&[]).expect_err("refused");
}

#[test]
fn an_empty_router_beside_a_full_one_is_refused() {
    let tests = ["route_audit_full", "route_audit_bare"];
    let files = vec![report("full", HOME), report("bare", "")];
    refused(run(&tests, files), "router `bare` of package `web` mounts");
}

#[test]
fn what_a_command_writes_is_complete_too() {
    let of = |files: &[String]| of_command(files, "cargo run").map(|reports| reports.len());
    assert_eq!(of(&[report("routes", HOME)]).expect("accepted"), 1);
    for (file, because) in [
        (report("bare", ""), "router `bare` of package `web` mounts"),
        (
            "{}".to_owned(),
            "`cargo run` wrote a file that cannot be read",
        ),
    ] {
        let error = of(&[report("routes", HOME), file]).expect_err(because);
        assert!(error.to_string().contains(because), "{error}");
    }
}

#[test]
fn a_failure_that_no_report_explains_is_refused() {
    let failed = Run {
        passed: false,
        output: "thread panicked at the end".to_owned(),
        ..run(&["route_audit_routes"], vec![report("routes", HOME)])
    };
    refused(failed, "thread panicked at the end");
}

/// Another router of the package that has reported is none for it.
#[test]
fn a_router_that_reports_from_a_start_has_to_have_reported() {
    let tests = ["a::route_audit_routes"];
    let reports = super::accept(&[run(&tests, vec![report("routes", HOME)])]).expect("accepted");
    let reports = Vec::from_iter(&reports);
    let started = |router: &str| BTreeSet::from([("web".to_owned(), router.to_owned())]);
    assert!(complete(&[], &started("routes"), &reports).is_ok());
    let missing = complete(&[], &started("live"), &reports).expect_err("not reported");
    let missing = missing.to_string();
    assert!(
        missing.contains("router `live` of package `web` reports from a start alone"),
        "{missing}"
    );
}
