//! The policy of a workspace, and the pages that explain findings.

use expect_test::expect;
use route_audit::exit;

use crate::support::{Fixture, filtered, routes, run_in};

fn service(name: &str, policy: &str) -> Fixture {
    let all = [
        ("GET", "/internal/status", "public"),
        ("POST", "/internal/events", "webhook"),
    ];
    let manifest = Fixture::manifest(name);
    Fixture::package(name, &routes(name, &all))
        .file("Cargo.toml", &format!("{manifest}[workspace]\n{policy}"))
        .write()
}

#[test]
fn a_policy_is_the_workspace_s_own_rules() {
    let fixture = service(
        "policy-rules",
        "[workspace.metadata.route-audit.policy]\nmax_public = 0\nrequire_owner = [\"webhook\"]\n\
         require_expect_every = true\n\
         [[workspace.metadata.route-audit.policy.allow]]\nprefix = \"/internal\"\n\
         classes = [\"webhook\"]\n",
    );
    let ran = fixture.run(&[]).expect_code(exit::FINDINGS);
    expect![[r#"
        error[policy-class]: GET /internal/status is public, and below `/internal` the policy allows webhook alone
         --> src/lib.rs:3:1
          |
        3 | session_auth::report("routes", "policy-rules", file!(), line!(), &[
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: give it a class that is allowed there, or another path; the policy is at Cargo.toml:13

        error[policy-max-public]: 1 route is public, and the policy allows 0: GET /internal/status
         --> Cargo.toml:9:1
          |
        9 | max_public = 0
          | ^^^^^^^^^^^^^^
          |
          = help: give one of them another class, or raise `max_public` in a change that is reviewed

        error[policy-owner]: POST /internal/events has no owner, which the policy asks of webhook routes
         --> src/lib.rs:3:1
          |
        3 | session_auth::report("routes", "policy-rules", file!(), line!(), &[
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: say who answers for it: `owner = "team"`

        error[policy-expect-every]: POST /internal/events is a webhook without `expect_every`, which the policy asks for: nothing will tell when its deliveries stop
         --> src/lib.rs:3:1
          |
        3 | session_auth::report("routes", "policy-rules", file!(), line!(), &[
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: add the longest time that should pass between two deliveries: `expect_every = "6h"`

        route-audit: 2 routes (1 public, 1 webhook) in 1 router: 4 errors, 0 warnings
    "#]].assert_eq(&ran.stdout);
    // The routes are known, so the lock can be written: the policy judges them.
    let ran = fixture.run(&["--update"]).expect_code(exit::FINDINGS);
    assert!(
        ran.stderr.contains("routes.lock was written"),
        "{}",
        ran.stderr
    );
}

#[test]
fn an_unknown_key_of_the_policy_is_pointed_at() {
    let fixture = service(
        "policy-unknown-key",
        "[workspace.metadata.route-audit.policy]\nmax_pubic = 0\n",
    );
    let ran = fixture.run(&[]).could_not_run();
    expect![[r#"
        error: [workspace.metadata.route-audit]: unknown field `max_pubic`, expected one of `allow`, `max_public`, `require_owner`, `require_expect_every`, `forbid_verify_handler`
          --> [ROOT]/Cargo.toml:9:1
          = help: the keys are `exclude`, a list of package names, `lock`, a path, `builds`, a list of tables, `run`, a command, `exits`, a list of tables, and the table `policy`, with `allow`, `max_public`, `require_owner`, `require_expect_every` and `forbid_verify_handler`

        route-audit: could not run
    "#]].assert_eq(&filtered(&ran.stderr, &fixture));
}

#[test]
fn explain_needs_no_workspace() {
    let folder = tempfile::tempdir().expect("a folder");
    let explain = |code: &str| {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let code = route_audit::run(route_audit::Env {
            args: ["route-audit", "explain", code].map(Into::into).into(),
            current_dir: folder.path().to_owned(),
            cargo: "no-such-cargo".into(),
            colors: false,
            stdout: &mut stdout,
            stderr: &mut stderr,
        });
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        (code, text(stdout), text(stderr))
    };
    let (code, page, _) = explain("lock-narrowed");
    assert_eq!(code, exit::CLEAN);
    assert!(page.starts_with("# lock-narrowed\n"), "{page}");
    let (code, page, error) = explain("lock-narowed");
    assert_eq!((code, page.as_str()), (exit::COULD_NOT_RUN, ""));
    expect![[r#"
        error: there is no finding `lock-narowed`; did you mean `lock-narrowed`?
          = help: the findings are: `unclassified-route`, `unmounted-declaration`, `conflicting-declaration`, `opaque-mount`, `wrong-handler`, `unnamed-route`, `unguarded-router`, `test-only-declaration`, `expired-exemption`, `lock-widened`, `lock-narrowed`, `lock-changed`, `unmonitored-webhook`, `impatient-sender`, `policy-class`, `policy-max-public`, `policy-owner`, `policy-expect-every`, `policy-verify-handler`, `running-answer`, `running-front`, `running-routes`, `running-nodes`, `running-version`, `running-observe`, `running-unclassified`, `running-denies`, `running-unasked`

        route-audit: could not run
    "#]].assert_eq(&error);
    run_in(folder.path(), &["explain"]).could_not_run();
}
