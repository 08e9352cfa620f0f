//! What is shown, and with which exit code.

use std::io::{self, Write};

use expect_test::expect;
use route_audit::{Env, exit};

use crate::support::{Fixture, Ran, filtered};

const SERVICE: &str = r#"
#[test]
fn route_audit_routes() {
    let routes = [
        ("POST", "/api/waitlist/signup", Some("public")),
        ("POST", "/webhooks/postmark/delivery", Some("webhook")),
        ("GET", "/api/me", Some("session")),
        ("GET", "/legacy/export", None),
    ];
    session_auth::report("routes", "service", "src/routes.rs", 12, &routes);
}
"#;

#[test]
fn findings_come_first_and_a_line_that_sums_up_last() {
    let service = Fixture::package("service", SERVICE).write();
    let ran = service.run(&[]).expect_code(exit::FINDINGS);
    expect![[r#"
        error[unclassified-route]: GET /legacy/export is mounted and has no access class
          --> src/routes.rs:12
          = help: add `#[public_route(GET, "/legacy/export", reason = "…")]`, `#[webhook_route(GET, "/legacy/export", verify = "…")]` or `#[session_route(GET, "/legacy/export")]` to its handler

        warning[unmonitored-webhook]: POST /webhooks/postmark/delivery is a webhook of which nobody notices when it falls silent
          --> src/routes.rs:12
          = help: add `expect_every = "…"`: the longest time that passes between two deliveries when all is well

        route-audit: 4 routes (1 public, 1 webhook, 1 session, 1 unclassified) in 1 router: 1 error, 1 warning
    "#]].assert_eq(&ran.stdout);
    assert_eq!(ran.stderr, "");
    assert_eq!(
        service.run(&["check"]).expect_code(exit::FINDINGS).stdout,
        ran.stdout
    );
}

#[test]
fn a_listing_is_a_table_and_judges_nothing() {
    let service = Fixture::package("service", SERVICE).write();
    let ran = service.run(&["list"]).expect_code(exit::CLEAN);
    expect![[r#"
        CLASS    METHODS  PATH                         PROOF     HANDLER           PLACE
        session  GET      /api/me                      -         service::handler  src/routes.rs:12
        public   POST     /api/waitlist/signup         -         service::handler  src/routes.rs:12
        NONE     GET      /legacy/export               -         -                 src/routes.rs:12
        webhook  POST     /webhooks/postmark/delivery  postmark  service::handler  src/routes.rs:12

        route-audit: 4 routes (1 public, 1 webhook, 1 session, 1 unclassified) in 1 router: 1 error, 1 warning
        `route-audit check` shows the findings
    "#]].assert_eq(&ran.stdout);
}

#[test]
fn json_is_one_document_the_same_for_both() {
    let service = Fixture::package("service", SERVICE).write();
    let check = service
        .run(&["--format", "json"])
        .expect_code(exit::FINDINGS);
    let list = service
        .run(&["list", "--format", "json"])
        .expect_code(exit::CLEAN);
    assert_eq!(check.stdout, list.stdout);
    let audit: serde_json::Value = serde_json::from_str(&check.stdout).expect("JSON");
    assert_eq!(audit["schema"], 1);
    assert_eq!(audit["summary"]["routes"], 4);
    assert_eq!(audit["summary"]["errors"], 1);
    assert_eq!(audit["findings"][0]["code"], "unclassified-route");
    assert_eq!(audit["routers"][0]["line"], 12);
    let route = &audit["routes"][0];
    assert_eq!(route["path"], "/api/me");
    assert!(route.as_object().expect("a route").contains_key("scope"));
    assert!(route["scope"].is_null());
}

#[test]
fn warnings_do_not_fail() {
    let ran = Fixture::package(
        "warned",
        r#"
        #[test]
        fn route_audit_routes() {
            session_auth::report("routes", "warned", "src/lib.rs", 3, &[("POST", "/hook", Some("webhook"))]);
        }
        "#,
    )
    .write()
    .run(&[])
    .expect_code(exit::CLEAN);
    assert!(
        ran.stdout
            .ends_with("route-audit: 1 route (1 webhook) in 1 router: 0 errors, 1 warning\n"),
        "{}",
        ran.stdout
    );
}

#[test]
fn clean_says_clean_and_no_more() {
    let ran = Fixture::package(
        "clean",
        r#"
        #[test]
        fn route_audit_routes() {
            session_auth::report("routes", "clean", "src/lib.rs", 3, &[("GET", "/", Some("public"))]);
        }
        "#,
    )
    .write()
    .run(&[])
    .expect_code(exit::CLEAN);
    assert_eq!(
        ran.stdout,
        "route-audit: 1 route (1 public) in 1 router: clean\n"
    );
    assert_eq!(ran.stderr, "");
}

#[test]
fn several_routers_have_a_column() {
    let fixture = Fixture::package(
        "columns",
        r#"
        #[test]
        fn route_audit_api() {
            session_auth::report("api", "columns", "src/api.rs", 3, &[("GET", "/å\u{1b}[2J/{id}", Some("public"))]);
        }
        #[test]
        fn route_audit_admin() {
            session_auth::report("admin", "columns", "src/admin.rs", 103, &[("DELETE", "/users", Some("session"))]);
        }
        "#,
    )
    .write();
    let ran = fixture.run(&["list", "-v"]).expect_code(exit::CLEAN);
    expect![[r#"
        CLASS    METHODS  PATH              PROOF  HANDLER           PLACE             ROUTER
        session  DELETE   /users            -      columns::handler  src/admin.rs:103  admin
        public   GET      /å\u{1b}[2J/{id}  -      columns::handler  src/api.rs:3      api

        route-audit: 2 routes (1 public, 1 session) in 2 routers: clean
    "#]]
    .assert_eq(&ran.stdout);
    expect![[r#"
        note: library `columns` of package `columns` runs route_audit_admin, route_audit_api
    "#]]
    .assert_eq(&filtered(&ran.stderr, &fixture));
}

#[test]
fn help_is_a_text_that_was_read() {
    for (args, expected) in [
        (
            &["--help"][..],
            expect![[r#"
                Audits the routes of a workspace: which are mounted, who may call them, and who said so

                Builds the tests that `#[audited_router]` adds, runs them, and reconciles what the routers mount with what the handlers declare. Packages are selected by cargo's own rules; those that do not depend on `session-auth` are skipped.

                A package that depends on it must have an audited router, or declare its routes for one. A tool that has no routes is left out by the workspace's Cargo.toml: `[workspace.metadata.route-audit]`, `exclude = ["tool"]`.

                Usage: route-audit [OPTIONS]
                       route-audit <COMMAND>

                Commands:
                  check           Fails where a route has no access class, or where declarations and routers disagree (the default)
                  list            Shows every route: class, methods, path, proof, handler, place
                  diff            Shows what has changed for callers since another commit: what opens, what closes
                  probe           Asks a running service what it would do with each route of the lock, without its doing anything
                  drift           Compares what running services list of themselves with the lock, and with each other
                  preflight       Says what a service in mode `observe` would have refused since it started
                  init            Sets a repository up: the route lock, the configuration, a workflow of GitHub Actions
                  explain         Explains a finding: what it means, how it comes about, what to do
                  verify-webhook  Says whether a captured delivery of a webhook verifies, and if not, why
                  verify-trail    Says whether a trail is as it was written, and if not, which line is the first bad one
                  alerts          Prints rules for Prometheus: which of the services' metrics ring, and when
                  help            Print this message or the help of the given subcommand(s)

                Options:
                      --format <FORMAT>
                          How to show the result

                          Possible values:
                          - human:    Text for people
                          - json:     One JSON document, schema 1: see docs/route-audit.schema.json
                          - sarif:    SARIF 2.1.0, for code scanning
                          - github:   GitHub Actions: annotations in the diff
                          - markdown: Markdown, for a comment or a job's summary

                          [default: human]

                      --locked
                          Fail where the routes differ from the route lock, `routes.lock`

                      --base <REV>
                          Compare with the lock of this branch, tag or commit, where HEAD parted from it, and not with the one in the working tree

                      --acknowledged <DIGEST>
                          Let the differences from the lock pass whose digest this is, those and no others: a reviewer has read them in `route-audit diff`, which prints it

                      --update
                          Write the route lock, and say what that changes

                      --fix
                          Put the methods and paths of the routers into the declarations that say others

                      --self-test
                          Prove that the check sees: have each audited router mount an unclassified route, and fail where it is not found

                      --timeout <SECONDS>
                          How long the tests of one target may take, and what `--run` starts, which may have to be compiled first [default: 60, and 600 for `--run`]

                      --run <COMMAND>
                          Start this at the root of the workspace, for the routers with `#[audited_router(at_start)]`, and stop it once they have reported

                  -v, --verbose
                          Say which packages are skipped and which tests run

                  -q, --quiet
                          The result alone: no progress, no notes, no line that sums up

                      --color <WHEN>
                          Colours; `auto` follows the terminal, NO_COLOR, CLICOLOR_FORCE and CARGO_TERM_COLOR

                          [default: auto]
                          [possible values: auto, always, never]

                  -h, --help
                          Print help (see a summary with '-h')

                  -V, --version
                          Print version

                Packages:
                      --manifest-path <PATH>
                          The Cargo.toml to start from

                  -p, --package <SPEC>
                          Audit this package (repeatable)

                      --workspace
                          Audit every member of the workspace

                      --exclude <SPEC>
                          Leave out this package (repeatable)

                Build:
                  -F, --features <FEATURES>
                          Features to turn on, separated by commas (repeatable)

                      --all-features
                          Turn on all features

                      --no-default-features
                          Turn off the `default` feature

                      --target <TRIPLE>
                          Build for this target; its tests must run on this machine

                      --profile <NAME>
                          Build with this profile

                      --release
                          Build with the release profile

                      --target-dir <DIRECTORY>
                          Where cargo builds

                      --offline
                          Do not use the network

                      --cargo-locked
                          Cargo's `--locked`: fail where Cargo.lock would change

                Exit codes:
                    0  clean; warnings do not fail the audit. `list` and `diff` judge nothing: 0 whenever they
                       could run
                  100  findings
                  101  could not run: a usage error, an error of cargo's, a router that cannot be read,
                       nothing to audit
            "#]],
        ),
        (
            &["-h"],
            expect![[r#"
                Audits the routes of a workspace: which are mounted, who may call them, and who said so

                Usage: route-audit [OPTIONS]
                       route-audit <COMMAND>

                Commands:
                  check           Fails where a route has no access class, or where declarations and routers disagree (the default)
                  list            Shows every route: class, methods, path, proof, handler, place
                  diff            Shows what has changed for callers since another commit: what opens, what closes
                  probe           Asks a running service what it would do with each route of the lock, without its doing anything
                  drift           Compares what running services list of themselves with the lock, and with each other
                  preflight       Says what a service in mode `observe` would have refused since it started
                  init            Sets a repository up: the route lock, the configuration, a workflow of GitHub Actions
                  explain         Explains a finding: what it means, how it comes about, what to do
                  verify-webhook  Says whether a captured delivery of a webhook verifies, and if not, why
                  verify-trail    Says whether a trail is as it was written, and if not, which line is the first bad one
                  alerts          Prints rules for Prometheus: which of the services' metrics ring, and when
                  help            Print this message or the help of the given subcommand(s)

                Options:
                      --format <FORMAT>        How to show the result [default: human] [possible values: human, json, sarif, github, markdown]
                      --locked                 Fail where the routes differ from the route lock, `routes.lock`
                      --base <REV>             Compare with the lock of this branch, tag or commit, where HEAD parted from it, and not with the one in the working tree
                      --acknowledged <DIGEST>  Let the differences from the lock pass whose digest this is, those and no others: a reviewer has read them in `route-audit diff`, which prints it
                      --update                 Write the route lock, and say what that changes
                      --fix                    Put the methods and paths of the routers into the declarations that say others
                      --self-test              Prove that the check sees: have each audited router mount an unclassified route, and fail where it is not found
                      --timeout <SECONDS>      How long the tests of one target may take, and what `--run` starts, which may have to be compiled first [default: 60, and 600 for `--run`]
                      --run <COMMAND>          Start this at the root of the workspace, for the routers with `#[audited_router(at_start)]`, and stop it once they have reported
                  -v, --verbose                Say which packages are skipped and which tests run
                  -q, --quiet                  The result alone: no progress, no notes, no line that sums up
                      --color <WHEN>           Colours; `auto` follows the terminal, NO_COLOR, CLICOLOR_FORCE and CARGO_TERM_COLOR [default: auto] [possible values: auto, always, never]
                  -h, --help                   Print help (see more with '--help')
                  -V, --version                Print version

                Packages:
                      --manifest-path <PATH>  The Cargo.toml to start from
                  -p, --package <SPEC>        Audit this package (repeatable)
                      --workspace             Audit every member of the workspace
                      --exclude <SPEC>        Leave out this package (repeatable)

                Build:
                  -F, --features <FEATURES>     Features to turn on, separated by commas (repeatable)
                      --all-features            Turn on all features
                      --no-default-features     Turn off the `default` feature
                      --target <TRIPLE>         Build for this target; its tests must run on this machine
                      --profile <NAME>          Build with this profile
                      --release                 Build with the release profile
                      --target-dir <DIRECTORY>  Where cargo builds
                      --offline                 Do not use the network
                      --cargo-locked            Cargo's `--locked`: fail where Cargo.lock would change

                Exit codes:
                    0  clean; warnings do not fail the audit. `list` and `diff` judge nothing: 0 whenever they
                       could run
                  100  findings
                  101  could not run: a usage error, an error of cargo's, a router that cannot be read,
                       nothing to audit
            "#]],
        ),
        (
            &["check", "-h"],
            expect![[r#"
                Fails where a route has no access class, or where declarations and routers disagree (the default)

                Usage: route-audit check [OPTIONS]

                Options:
                      --format <FORMAT>        How to show the result [default: human] [possible values: human, json, sarif, github, markdown]
                      --locked                 Fail where the routes differ from the route lock, `routes.lock`
                      --base <REV>             Compare with the lock of this branch, tag or commit, where HEAD parted from it, and not with the one in the working tree
                      --acknowledged <DIGEST>  Let the differences from the lock pass whose digest this is, those and no others: a reviewer has read them in `route-audit diff`, which prints it
                      --update                 Write the route lock, and say what that changes
                      --fix                    Put the methods and paths of the routers into the declarations that say others
                      --self-test              Prove that the check sees: have each audited router mount an unclassified route, and fail where it is not found
                      --timeout <SECONDS>      How long the tests of one target may take, and what `--run` starts, which may have to be compiled first [default: 60, and 600 for `--run`]
                      --run <COMMAND>          Start this at the root of the workspace, for the routers with `#[audited_router(at_start)]`, and stop it once they have reported
                  -v, --verbose                Say which packages are skipped and which tests run
                  -q, --quiet                  The result alone: no progress, no notes, no line that sums up
                      --color <WHEN>           Colours; `auto` follows the terminal, NO_COLOR, CLICOLOR_FORCE and CARGO_TERM_COLOR [default: auto] [possible values: auto, always, never]
                  -h, --help                   Print help (see more with '--help')

                Packages:
                      --manifest-path <PATH>  The Cargo.toml to start from
                  -p, --package <SPEC>        Audit this package (repeatable)
                      --workspace             Audit every member of the workspace
                      --exclude <SPEC>        Leave out this package (repeatable)

                Build:
                  -F, --features <FEATURES>     Features to turn on, separated by commas (repeatable)
                      --all-features            Turn on all features
                      --no-default-features     Turn off the `default` feature
                      --target <TRIPLE>         Build for this target; its tests must run on this machine
                      --profile <NAME>          Build with this profile
                      --release                 Build with the release profile
                      --target-dir <DIRECTORY>  Where cargo builds
                      --offline                 Do not use the network
                      --cargo-locked            Cargo's `--locked`: fail where Cargo.lock would change

                Exit codes:
                    0  clean; warnings do not fail the audit. `list` and `diff` judge nothing: 0 whenever they
                       could run
                  100  findings
                  101  could not run: a usage error, an error of cargo's, a router that cannot be read,
                       nothing to audit
            "#]],
        ),
        (
            &["diff", "--help"],
            expect![[r#"
                Shows what has changed for callers since another commit: what opens, what closes

                Compares the route lock of that commit with the routes as they are. It judges nothing: the exit code is 0 whenever it could run.

                Usage: route-audit diff [OPTIONS]

                Options:
                      --base <REV>
                          The branch, tag or commit to compare with, where HEAD parted from it [default: HEAD itself]

                      --lock-only
                          Compare with the lock in the working tree, and build nothing

                      --format <FORMAT>
                          How to show the result

                          Possible values:
                          - human:    Text for people
                          - markdown: A comment for a pull request, found again by its first line
                          - json:     One JSON document, schema 1: see docs/route-audit-diff.schema.json

                          [default: human]

                      --timeout <SECONDS>
                          How long the tests of one target may take, and what `--run` starts, which may have to be compiled first [default: 60, and 600 for `--run`]

                      --run <COMMAND>
                          Start this at the root of the workspace, for the routers with `#[audited_router(at_start)]`, and stop it once they have reported

                  -v, --verbose
                          Say which packages are skipped and which tests run

                  -q, --quiet
                          The result alone: no progress, no notes, no line that sums up

                      --color <WHEN>
                          Colours; `auto` follows the terminal, NO_COLOR, CLICOLOR_FORCE and CARGO_TERM_COLOR

                          [default: auto]
                          [possible values: auto, always, never]

                  -h, --help
                          Print help (see a summary with '-h')

                Packages:
                      --manifest-path <PATH>
                          The Cargo.toml to start from

                  -p, --package <SPEC>
                          Audit this package (repeatable)

                      --workspace
                          Audit every member of the workspace

                      --exclude <SPEC>
                          Leave out this package (repeatable)

                Build:
                  -F, --features <FEATURES>
                          Features to turn on, separated by commas (repeatable)

                      --all-features
                          Turn on all features

                      --no-default-features
                          Turn off the `default` feature

                      --target <TRIPLE>
                          Build for this target; its tests must run on this machine

                      --profile <NAME>
                          Build with this profile

                      --release
                          Build with the release profile

                      --target-dir <DIRECTORY>
                          Where cargo builds

                      --offline
                          Do not use the network

                      --cargo-locked
                          Cargo's `--locked`: fail where Cargo.lock would change

                Exit codes:
                    0  clean; warnings do not fail the audit. `list` and `diff` judge nothing: 0 whenever they
                       could run
                  100  findings
                  101  could not run: a usage error, an error of cargo's, a router that cannot be read,
                       nothing to audit
            "#]],
        ),
        (
            &["explain", "--help"],
            expect![[r#"
            Explains a finding: what it means, how it comes about, what to do

            Usage: route-audit explain <CODE>

            Arguments:
              <CODE>  The code in brackets: `lock-narrowed`

            Options:
              -h, --help  Print help

            Exit codes:
                0  clean; warnings do not fail the audit. `list` and `diff` judge nothing: 0 whenever they
                   could run
              100  findings
              101  could not run: a usage error, an error of cargo's, a router that cannot be read,
                   nothing to audit
        "#]],
        ),
        (
            &["init", "-h"],
            expect![[r#"
                Sets a repository up: the route lock, the configuration, a workflow of GitHub Actions

                Usage: route-audit init [OPTIONS]

                Options:
                      --annotate               Give the handlers of a service on axum their access classes first: attributes, and the imports of `session_auth` for those of axum
                      --by <NAME>              What proves the callers of the handlers that are annotated, in place of sessions of this library
                      --force                  Replace the lock and the workflow where they exist. What Cargo.toml says is kept
                      --dry-run                Show what would be written, and write nothing
                      --source <PATH|ADDRESS>  The repository of route-audit, which the workflow installs it from: a folder or a git address
                      --rev <REVISION>         The commit to install, where the source is a git address: its full hash
                      --timeout <SECONDS>      How long the tests of one target may take, and what `--run` starts, which may have to be compiled first [default: 60, and 600 for `--run`]
                      --run <COMMAND>          Start this at the root of the workspace, for the routers with `#[audited_router(at_start)]`, and stop it once they have reported
                  -v, --verbose                Say which packages are skipped and which tests run
                  -q, --quiet                  The result alone: no progress, no notes, no line that sums up
                      --color <WHEN>           Colours; `auto` follows the terminal, NO_COLOR, CLICOLOR_FORCE and CARGO_TERM_COLOR [default: auto] [possible values: auto, always, never]
                  -h, --help                   Print help (see more with '--help')

                Packages:
                      --manifest-path <PATH>  The Cargo.toml to start from
                  -p, --package <SPEC>        Audit this package (repeatable)
                      --workspace             Audit every member of the workspace
                      --exclude <SPEC>        Leave out this package (repeatable)

                Build:
                  -F, --features <FEATURES>     Features to turn on, separated by commas (repeatable)
                      --all-features            Turn on all features
                      --no-default-features     Turn off the `default` feature
                      --target <TRIPLE>         Build for this target; its tests must run on this machine
                      --profile <NAME>          Build with this profile
                      --release                 Build with the release profile
                      --target-dir <DIRECTORY>  Where cargo builds
                      --offline                 Do not use the network
                      --cargo-locked            Cargo's `--locked`: fail where Cargo.lock would change

                Exit codes:
                    0  clean; warnings do not fail the audit. `list` and `diff` judge nothing: 0 whenever they
                       could run
                  100  findings
                  101  could not run: a usage error, an error of cargo's, a router that cannot be read,
                       nothing to audit
            "#]],
        ),
        (
            &["list", "--help"],
            expect![[r#"
                Shows every route: class, methods, path, proof, handler, place

                Usage: route-audit list [OPTIONS]

                Options:
                      --format <FORMAT>
                          How to show the result

                          Possible values:
                          - human:    Text for people
                          - json:     One JSON document, schema 1: see docs/route-audit.schema.json
                          - markdown: Markdown, for a comment or a job's summary

                          [default: human]

                      --timeout <SECONDS>
                          How long the tests of one target may take, and what `--run` starts, which may have to be compiled first [default: 60, and 600 for `--run`]

                      --run <COMMAND>
                          Start this at the root of the workspace, for the routers with `#[audited_router(at_start)]`, and stop it once they have reported

                  -v, --verbose
                          Say which packages are skipped and which tests run

                  -q, --quiet
                          The result alone: no progress, no notes, no line that sums up

                      --color <WHEN>
                          Colours; `auto` follows the terminal, NO_COLOR, CLICOLOR_FORCE and CARGO_TERM_COLOR

                          [default: auto]
                          [possible values: auto, always, never]

                  -h, --help
                          Print help (see a summary with '-h')

                Packages:
                      --manifest-path <PATH>
                          The Cargo.toml to start from

                  -p, --package <SPEC>
                          Audit this package (repeatable)

                      --workspace
                          Audit every member of the workspace

                      --exclude <SPEC>
                          Leave out this package (repeatable)

                Build:
                  -F, --features <FEATURES>
                          Features to turn on, separated by commas (repeatable)

                      --all-features
                          Turn on all features

                      --no-default-features
                          Turn off the `default` feature

                      --target <TRIPLE>
                          Build for this target; its tests must run on this machine

                      --profile <NAME>
                          Build with this profile

                      --release
                          Build with the release profile

                      --target-dir <DIRECTORY>
                          Where cargo builds

                      --offline
                          Do not use the network

                      --cargo-locked
                          Cargo's `--locked`: fail where Cargo.lock would change

                Exit codes:
                    0  clean; warnings do not fail the audit. `list` and `diff` judge nothing: 0 whenever they
                       could run
                  100  findings
                  101  could not run: a usage error, an error of cargo's, a router that cannot be read,
                       nothing to audit
            "#]],
        ),
    ] {
        let ran = in_process("route-audit", args).expect_code(exit::CLEAN);
        assert_eq!(ran.stderr, "");
        // Clap indents its empty lines.
        let lines: Vec<_> = ran.stdout.lines().map(str::trim_end).collect();
        expected.assert_eq(&(lines.join("\n") + "\n"));
    }
}

#[test]
fn as_a_subcommand_of_cargo_it_calls_itself_so() {
    let program = "/home/me/.cargo/bin/cargo-route-audit";
    let ran = in_process(program, &["route-audit", "list", "-h"]).expect_code(exit::CLEAN);
    assert!(
        ran.stdout
            .contains("Usage: cargo route-audit list [OPTIONS]"),
        "{}",
        ran.stdout
    );
    // Without cargo in between, and where the name is no longer cargo's.
    in_process(program, &["list", "-h"]).expect_code(exit::CLEAN);
    in_process("route-audit", &["route-audit", "list", "-h"]).could_not_run();
}

#[test]
fn a_usage_error_is_could_not_run() {
    for args in [
        &["--nope"][..],
        &["chekc"],
        &["check", "extra"],
        &["--format"],
        &["--format", "yaml"],
        &["--timeout", "0"],
        &["--timeout", "-1"],
        &["--timeout", "soon"],
        &["--exclude", "web"],
        &["--release", "--profile", "dev"],
        &["--quiet", "--verbose"],
        // Not to be dropped: the two levels are not merged.
        &["-p", "web", "list"],
        &["--locked", "--update"],
        &["list", "--locked"],
        &["explain"],
        &["explain", "lock-widened", "lock-narrowed"],
        &["diff", "--format", "sarif"],
        &["\u{0}"],
    ] {
        let ran = in_process("route-audit", args).could_not_run();
        assert!(
            ran.stderr.contains("error: ") && ran.stderr.contains("--help"),
            "{args:?}: {}",
            ran.stderr
        );
    }
}

/// Without a workspace: for what is settled before cargo is called.
fn in_process(program: &str, args: &[&str]) -> Ran {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let code = run_with(program, args, &mut stdout, &mut stderr);
    Ran {
        code,
        stdout: String::from_utf8(stdout).expect("UTF-8"),
        stderr: String::from_utf8(stderr).expect("UTF-8"),
    }
}

fn run_with(program: &str, args: &[&str], stdout: &mut dyn Write, stderr: &mut dyn Write) -> u8 {
    let args = [program].iter().chain(args).map(Into::into).collect();
    route_audit::run(Env {
        args,
        current_dir: "/".into(),
        cargo: "no-such-cargo".into(),
        colors: false,
        stdout,
        stderr,
    })
}

/// An output that does what a test wants of it.
struct Output(fn() -> io::Result<usize>);

impl Write for Output {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        (self.0)()
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_closed_output_changes_no_exit_code() {
    let closed = || Output(|| Err(io::ErrorKind::BrokenPipe.into()));
    assert_eq!(run_with("x", &["-h"], &mut closed(), &mut closed()), 0);
    assert_eq!(run_with("x", &["-x"], &mut closed(), &mut closed()), 101);
}

#[test]
fn a_result_that_cannot_be_written_is_could_not_run() {
    let mut full = Output(|| Err(io::ErrorKind::StorageFull.into()));
    let mut stderr = Vec::new();
    assert_eq!(run_with("x", &["-h"], &mut full, &mut stderr), 101);
    let stderr = String::from_utf8(stderr).expect("UTF-8");
    assert!(stderr.contains("cannot write the result"), "{stderr}");
}

#[test]
fn a_panic_is_could_not_run() {
    let mut broken = Output(|| panic!("on purpose"));
    let mut stderr = Vec::new();
    assert_eq!(run_with("x", &["-h"], &mut broken, &mut stderr), 101);
    let stderr = String::from_utf8(stderr).expect("UTF-8");
    assert!(stderr.contains("route-audit panicked"), "{stderr}");
}
