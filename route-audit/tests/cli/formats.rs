//! Each format as a run prints it. What is in them is tested where they are written.

use std::process::Stdio;

use expect_test::expect;
use route_audit::exit;
use serde_json::Value;

use crate::support::{Fixture, Ran, binary, finish, routes};

const ROUTE_AUDIT: &str = env!("CARGO_BIN_EXE_route-audit");

/// An error with its source, a warning and a path that no format may take for its own.
fn service() -> Fixture {
    Fixture::package(
        "formats",
        r#"
        #[test]
        fn route_audit_routes() {
            let routes = [
                ("GET", "/a|b/::error::{id}", None),
                ("POST", "/hook", Some("webhook")),
            ];
            session_auth::report("routes", "formats", file!(), 3, &routes);
        }
        "#,
    )
    // The top of the repository is here, and not the one that these tests are in.
    .file(".git", "gitdir: nowhere\n")
    .write()
}

#[test]
fn people_see_the_source() {
    let ran = service().run(&[]).expect_code(exit::FINDINGS);
    expect![[r#"
        error[unclassified-route]: GET /a|b/::error::{id} is mounted and has no access class
         --> src/lib.rs:3:9
          |
        3 |         fn route_audit_routes() {
          |         ^^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: add `#[public_route(GET, "/a|b/::error::{id}", reason = "…")]`, `#[webhook_route(GET, "/a|b/::error::{id}", verify = "…")]` or `#[session_route(GET, "/a|b/::error::{id}")]` to its handler

        warning[unmonitored-webhook]: POST /hook is a webhook of which nobody notices when it falls silent
         --> src/lib.rs:3:9
          |
        3 |         fn route_audit_routes() {
          |         ^^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: add `expect_every = "…"`: the longest time that passes between two deliveries when all is well

        route-audit: 2 routes (1 webhook, 1 unclassified) in 1 router: 1 error, 1 warning
    "#]].assert_eq(&ran.stdout);
}

#[test]
fn actions_see_commands() {
    let ran = service()
        .run(&["--format", "github"])
        .expect_code(exit::FINDINGS);
    expect![[r#"
        ::error file=src/lib.rs,line=3,title=unclassified-route::GET /a|b/::error::{id} is mounted and has no access class%0Ahelp: add `#[public_route(GET, "/a|b/::error::{id}", reason = "…")]`, `#[webhook_route(GET, "/a|b/::error::{id}", verify = "…")]` or `#[session_route(GET, "/a|b/::error::{id}")]` to its handler
        ::warning file=src/lib.rs,line=3,title=unmonitored-webhook::POST /hook is a webhook of which nobody notices when it falls silent%0Ahelp: add `expect_every = "…"`: the longest time that passes between two deliveries when all is well
        route-audit: 2 routes (1 webhook, 1 unclassified) in 1 router: 1 error, 1 warning
    "#]].assert_eq(&ran.stdout);
    assert_eq!(ran.stderr, "");
}

#[test]
fn markdown_has_findings_or_routes() {
    let ran = service()
        .run(&["--format", "markdown"])
        .expect_code(exit::FINDINGS);
    expect![[r###"
        ## Route audit: 1 error, 1 warning

        | Severity | Code | Finding | Place |
        | --- | --- | --- | --- |
        | **error** | `unclassified-route` | GET /a&#124;b/:&#8203;:&#8203;error:&#8203;:&#8203;\{id\} is mounted and has no access class<br>**help:** add <code>&#35;&#91;public&#95;route(GET, "/a&#124;b/&#58;&#58;error&#58;&#58;&#123;id&#125;", reason = "…")&#93;</code>, <code>&#35;&#91;webhook&#95;route(GET, "/a&#124;b/&#58;&#58;error&#58;&#58;&#123;id&#125;", verify = "…")&#93;</code> or <code>&#35;&#91;session&#95;route(GET, "/a&#124;b/&#58;&#58;error&#58;&#58;&#123;id&#125;")&#93;</code> to its handler | `src/lib.rs:3` |
        | warning | `unmonitored-webhook` | POST /hook is a webhook of which nobody notices when it falls silent<br>**help:** add `expect_every = "…"`: the longest time that passes between two deliveries when all is well | `src/lib.rs:3` |

        2 routes (1 webhook, 1 unclassified) in 1 router
    "###]].assert_eq(&ran.stdout);
    let ran = service()
        .run(&["list", "--format", "markdown"])
        .expect_code(exit::CLEAN);
    expect![[r#"
        ## Route audit: 1 error, 1 warning

        | Class | Methods | Path | Proof | Handler | Place |
        | --- | --- | --- | --- | --- | --- |
        | **NONE** | GET | <code>/a&#124;b/&#58;&#58;error&#58;&#58;&#123;id&#125;</code> | - | - | `src/lib.rs:3` |
        | webhook | POST | `/hook` | postmark | `formats::handler` | `src/lib.rs:3` |

        2 routes (1 webhook, 1 unclassified) in 1 router
    "#]].assert_eq(&ran.stdout);
}

const JSON: &str = include_str!("../../../docs/route-audit.schema.json");
const SARIF: &str = include_str!("../data/sarif-schema-2.1.0.json");

/// Runs, and holds the document against the schema of its format.
#[track_caller]
fn document(fixture: &Fixture, format: &str, args: &[&str]) -> Value {
    let schema = match format {
        "json" => JSON.to_owned(),
        // The pattern of languages is no regular expression; errata 01 of the standard mends it.
        _ => SARIF.replace("-[a-zA-Z]{2}]?$", "-[a-zA-Z]{2}$"),
    };
    let ran = fixture
        .run(&[&["--format", format, "-v"], args].concat())
        .expect_code(exit::FINDINGS);
    // Notes are no part of the document.
    assert!(ran.stderr.contains("note: "), "{}", ran.stderr);
    let document: Value = serde_json::from_str(&ran.stdout).expect("JSON and nothing else");
    let schema = serde_json::from_str(&schema).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let errors: Vec<_> = validator.iter_errors(&document).collect();
    assert!(errors.is_empty(), "{format}: {errors:#?}");
    document
}

#[test]
fn documents_are_as_their_schemas_say() {
    for format in ["json", "sarif"] {
        document(&service(), format, &[]);
    }
}

/// Findings of the lock and of the policy: in the source, in routes.lock and in Cargo.toml.
fn locked() -> Fixture {
    let name = "formats-locked";
    let all = [("GET", "/a", "public"), ("POST", "/hook", "webhook")];
    let manifest = Fixture::manifest(name);
    Fixture::package(name, &routes(name, &all))
        .file(
            "Cargo.toml",
            &format!(
                "{manifest}[workspace]\n[workspace.metadata.route-audit.policy]\nmax_public = 0\n\
                 require_expect_every = true\n"
            ),
        )
        .file(
            "routes.lock",
            "schema 1\n\
             session GET /a formats-locked/routes\n\
             session GET \"/gone|@team\" formats-locked/routes\n\
             webhook POST /hook formats-locked/routes verify=github\n",
        )
        .file(".git", "gitdir: nowhere\n")
        .write()
}

#[test]
fn the_lock_and_the_policy_are_in_every_format() {
    let fixture = locked();
    let run = |format: &str| {
        fixture
            .run(&["--locked", "--format", format])
            .expect_code(exit::FINDINGS)
            .stdout
    };
    expect![[r#"
        error[lock-widened]: GET /a needed a session and is now public: anyone may call it
         --> src/lib.rs:3:1
          |
        3 | session_auth::report("routes", "formats-locked", file!(), line!(), &[
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: if that is meant, run `route-audit check --update` and have the change of the lock reviewed; if not, undo it

        error[lock-narrowed]: GET /gone|@team needed a session and is gone: its callers will get 404
         --> routes.lock:3:1
          |
        3 | session GET "/gone|@team" formats-locked/routes
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: if that is meant, run `route-audit check --update` and have the change of the lock reviewed; if not, mount it again

        error[lock-changed]: POST /hook now takes proof for the verifier `postmark` instead of `github`: senders with no more than the old proof will get 401
         --> src/lib.rs:3:1
          |
        3 | session_auth::report("routes", "formats-locked", file!(), line!(), &[
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: if that is meant, run `route-audit check --update` and have the change of the lock reviewed; if not, undo it

        error[policy-max-public]: 1 route is public, and the policy allows 0: GET /a
         --> Cargo.toml:9:1
          |
        9 | max_public = 0
          | ^^^^^^^^^^^^^^
          |
          = help: give one of them another class, or raise `max_public` in a change that is reviewed

        error[policy-expect-every]: POST /hook is a webhook without `expect_every`, which the policy asks for: nothing will tell when its deliveries stop
         --> src/lib.rs:3:1
          |
        3 | session_auth::report("routes", "formats-locked", file!(), line!(), &[
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: add the longest time that should pass between two deliveries: `expect_every = "6h"`

        route-audit: 2 routes (1 public, 1 webhook) in 1 router: 5 errors, 0 warnings
    "#]].assert_eq(&run("human"));
    expect![[r#"
        ::error file=src/lib.rs,line=3,title=lock-widened::GET /a needed a session and is now public: anyone may call it%0Ahelp: if that is meant, run `route-audit check --update` and have the change of the lock reviewed; if not, undo it
        ::error file=routes.lock,line=3,title=lock-narrowed::GET /gone|@team needed a session and is gone: its callers will get 404%0Ahelp: if that is meant, run `route-audit check --update` and have the change of the lock reviewed; if not, mount it again
        ::error file=src/lib.rs,line=3,title=lock-changed::POST /hook now takes proof for the verifier `postmark` instead of `github`: senders with no more than the old proof will get 401%0Ahelp: if that is meant, run `route-audit check --update` and have the change of the lock reviewed; if not, undo it
        ::error file=Cargo.toml,line=9,title=policy-max-public::1 route is public, and the policy allows 0: GET /a%0Ahelp: give one of them another class, or raise `max_public` in a change that is reviewed
        ::error file=src/lib.rs,line=3,title=policy-expect-every::POST /hook is a webhook without `expect_every`, which the policy asks for: nothing will tell when its deliveries stop%0Ahelp: add the longest time that should pass between two deliveries: `expect_every = "6h"`
        route-audit: 2 routes (1 public, 1 webhook) in 1 router: 5 errors, 0 warnings
    "#]].assert_eq(&run("github"));
    expect![[r###"
        ## Route audit: 5 errors, 0 warnings

        | Severity | Code | Finding | Place |
        | --- | --- | --- | --- |
        | **error** | `lock-widened` | GET /a needed a session and is now public: anyone may call it<br>**help:** if that is meant, run `route-audit check --update` and have the change of the lock reviewed; if not, undo it | `src/lib.rs:3` |
        | **error** | `lock-narrowed` | GET /gone&#124;@&#8203;team needed a session and is gone: its callers will get 404<br>**help:** if that is meant, run `route-audit check --update` and have the change of the lock reviewed; if not, mount it again | `routes.lock:3` |
        | **error** | `lock-changed` | POST /hook now takes proof for the verifier `postmark` instead of `github`: senders with no more than the old proof will get 401<br>**help:** if that is meant, run `route-audit check --update` and have the change of the lock reviewed; if not, undo it | `src/lib.rs:3` |
        | **error** | `policy-max-public` | 1 route is public, and the policy allows 0: GET /a<br>**help:** give one of them another class, or raise `max_public` in a change that is reviewed | `Cargo.toml:9` |
        | **error** | `policy-expect-every` | POST /hook is a webhook without `expect_every`, which the policy asks for: nothing will tell when its deliveries stop<br>**help:** add the longest time that should pass between two deliveries: `expect_every = "6h"` | `src/lib.rs:3` |

        2 routes (1 public, 1 webhook) in 1 router
    "###]].assert_eq(&run("markdown"));

    let expected = [
        ("lock-widened", "src/lib.rs", 3),
        ("lock-narrowed", "routes.lock", 3),
        ("lock-changed", "src/lib.rs", 3),
        ("policy-max-public", "Cargo.toml", 9),
        ("policy-expect-every", "src/lib.rs", 3),
    ];
    let audit = document(&fixture, "json", &["--locked"]);
    let found: Vec<_> = audit["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .map(|one| (text(&one["code"]), text(&one["file"]), line(&one["line"])))
        .collect();
    assert_eq!(found, expected);

    let sarif = document(&fixture, "sarif", &["--locked"]);
    let run = &sarif["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
    let found: Vec<_> = run["results"]
        .as_array()
        .expect("results")
        .iter()
        .map(|one| {
            let index = usize::try_from(line(&one["ruleIndex"])).expect("an index");
            let place = &one["locations"][0]["physicalLocation"];
            let uri = &place["artifactLocation"]["uri"];
            let line = line(&place["region"]["startLine"]);
            // The rule explains it.
            assert_ne!(rules[index]["help"]["markdown"], Value::Null, "{one}");
            (text(&rules[index]["id"]), text(uri), line)
        })
        .collect();
    assert_eq!(found, expected);
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn line(value: &Value) -> u64 {
    value.as_u64().expect("a number")
}

#[test]
fn quiet_leaves_the_findings() {
    let ran = service().run(&["-q"]).expect_code(exit::FINDINGS);
    assert!(
        ran.stdout.starts_with("error[unclassified-route]"),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stdout.contains("warning[unmonitored-webhook]"),
        "{}",
        ran.stdout
    );
    assert!(!ran.stdout.contains("route-audit: "), "{}", ran.stdout);
    assert_eq!(ran.stderr, "");
    let ran = service().run(&["list", "-q"]).expect_code(exit::CLEAN);
    assert_eq!(ran.stdout.lines().count(), 3, "{}", ran.stdout);
}

#[test]
fn arguments_decide_on_colours_before_the_surroundings_do() {
    let service = service();
    let run = |args: &[&str], vars: &[(&str, &str)]| -> Ran {
        let mut command = binary(ROUTE_AUDIT);
        command.args(args).envs(vars.iter().copied());
        finish(command.current_dir(&service.root)).expect_code(exit::FINDINGS)
    };
    for (name, args, vars, expected) in [
        ("no terminal", &[][..], &[][..], false),
        (
            "asked for",
            &["--color", "always"],
            &[("NO_COLOR", "1"), ("CARGO_TERM_COLOR", "never")],
            true,
        ),
        (
            "refused",
            &["--color=never"],
            &[("CLICOLOR_FORCE", "1"), ("CARGO_TERM_COLOR", "always")],
            false,
        ),
        ("forced", &[], &[("CLICOLOR_FORCE", "1")], true),
        (
            "no colour goes before force",
            &[],
            &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")],
            false,
        ),
        (
            "cargo's",
            &[],
            &[("CARGO_TERM_COLOR", "always"), ("NO_COLOR", "1")],
            true,
        ),
        (
            "not cargo's",
            &[],
            &[("CARGO_TERM_COLOR", "never"), ("CLICOLOR_FORCE", "1")],
            false,
        ),
        (
            "no colours in a document",
            &["--color=always", "--format=markdown"],
            &[],
            false,
        ),
    ] {
        let ran = run(args, vars);
        assert_eq!(
            ran.stdout.contains("\u{1b}["),
            expected,
            "{name}: {}",
            ran.stdout
        );
    }
    // Cargo's own output follows.
    let ran = run(&["--color=always"], &[]);
    assert!(ran.stderr.contains("\u{1b}["), "{}", ran.stderr);
}

#[test]
fn a_reader_that_leaves_early_changes_no_exit_code() {
    let service = service();
    for format in ["human", "json", "sarif", "github", "markdown"] {
        let mut child = binary(ROUTE_AUDIT)
            .args(["--format", format])
            .current_dir(&service.root)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(
            output.status.code(),
            Some(i32::from(exit::FINDINGS)),
            "{format}"
        );
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!stderr.contains("error"), "{format}: {stderr}");
    }
}

#[test]
fn a_format_that_there_is_not_is_answered_with_those_that_there_are() {
    let ran = service().run(&["--format", "yaml"]).could_not_run();
    assert!(
        ran.stderr
            .contains("[possible values: human, json, sarif, github, markdown]"),
        "{}",
        ran.stderr
    );
    for format in ["sarif", "github", "yaml"] {
        let ran = service().run(&["list", "--format", format]).could_not_run();
        assert!(
            ran.stderr
                .contains("[possible values: human, json, markdown]"),
            "{}",
            ran.stderr
        );
    }
    let ran = service().run(&["--color", "sometimes"]).could_not_run();
    assert!(
        ran.stderr
            .contains("[possible values: auto, always, never]"),
        "{}",
        ran.stderr
    );
}
