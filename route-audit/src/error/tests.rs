use expect_test::expect;

use super::*;

#[test]
fn a_problem_says_what_where_and_what_to_do() {
    let problem = Problem::new("router `admin` of package `web` wrote no report")
        .at("web/src/lib.rs:12")
        .output("\nrunning 1 test\n\nthread panicked\n")
        .help("look at the output above");
    expect![[r#"
            error: router `admin` of package `web` wrote no report
              --> web/src/lib.rs:12
              | running 1 test
              |
              | thread panicked
              = help: look at the output above
        "#]]
    .assert_eq(&problem.to_string());
}

#[test]
fn several_problems_are_shown_at_once() {
    let failure = CannotRun::unless_none(vec![Problem::new("one"), Problem::new("two")]);
    expect![[r#"
            error: one

            error: two

            route-audit: could not run
        "#]]
    .assert_eq(&failure.expect_err("two problems").to_string());
    assert_eq!(CannotRun::unless_none(Vec::new()), Ok(()));
}
