//! `diff`, in repositories that the tests make.

use std::fs;
use std::path::Path;
use std::process::Command;

use expect_test::expect;
use route_audit::exit;

use crate::support::{Fixture, binary, filtered, finish, routes};

#[track_caller]
fn git(folder: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(["-c", "user.name=Test", "-c", "user.email=test@example.com"])
        .args([
            "-c",
            "commit.gpgsign=false",
            "-c",
            "init.defaultBranch=main",
        ])
        .args(args)
        .output()
        .expect("git starts");
    assert!(output.status.success(), "git {args:?}: {output:?}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

const BEFORE: [(&str, &str, &str); 2] = [
    ("POST", "/api/waitlist/signup", "public"),
    ("GET", "/api/me", "session"),
];
const AFTER: [(&str, &str, &str); 2] = [
    ("POST", "/api/waitlist/signup", "session"),
    ("GET", "/status", "public"),
];

/// A repository without a commit, of a package with these routes.
fn repository(name: &str, all: &[(&str, &str, &str)]) -> Fixture {
    let _ = fs::remove_dir_all(Fixture::new(name).root.join(".git"));
    let fixture = Fixture::package(name, &routes(name, all)).write();
    git(&fixture.root, &["init", "-q"]);
    fixture
}

fn commit(fixture: &Fixture) -> String {
    git(&fixture.root, &["add", "-A"]);
    git(&fixture.root, &["commit", "-q", "-m", "x"]);
    git(&fixture.root, &["rev-parse", "HEAD"])
}

fn now(fixture: &Fixture, name: &str, all: &[(&str, &str, &str)]) {
    fs::write(fixture.root.join("src/lib.rs"), routes(name, all)).expect("write the routes");
}

#[test]
fn the_routes_are_compared_with_the_lock_of_a_commit() {
    let name = "diff-routes";
    let fixture = repository(name, &BEFORE);
    fixture.run(&["--update"]).expect_code(exit::CLEAN);
    let first = commit(&fixture);
    let ran = fixture.run(&["diff"]).expect_code(exit::CLEAN);
    assert!(
        ran.stdout.contains("no route changes for its callers"),
        "{}",
        ran.stdout
    );

    now(&fixture, name, &AFTER);
    let ran = fixture.run(&["diff"]).expect_code(exit::CLEAN);
    expect![[r#"
        Opens: more callers may reach it
          GET /status is new and public: anyone may call it

        Closes: fewer callers may reach it
          GET /api/me needed a session and is gone: its callers will get 404
          POST /api/waitlist/signup was public and now needs a session: callers without one will get 401

        route-audit diff: opens 1, closes 2, compared with `HEAD` ([COMMIT])
        to acknowledge exactly this: route-audit check --locked --base HEAD --acknowledged e35bc06c64442f82a7d19b30781b3adeab25d8ba0b933d39069e2fd797db0187
    "#]].assert_eq(&ran.stdout.replace(&first[..12], "[COMMIT]"));
    // The lock has not been written yet: it still has what was.
    let ran = fixture
        .run(&["diff", "--lock-only"])
        .expect_code(exit::CLEAN);
    assert!(ran.stdout.contains("no route changes"), "{}", ran.stdout);
    fixture.run(&["--update"]).expect_code(exit::CLEAN);
    let program = env!("CARGO_BIN_EXE_route-audit");
    let ran = finish(
        binary(program)
            .args(["diff", "--lock-only", "--format", "markdown"])
            .current_dir(&fixture.root),
    )
    .expect_code(exit::CLEAN);
    expect![[r#"
        <!-- route-audit diff -->
        ### Routes: opens 1, closes 2

        Compared with `HEAD` (`[COMMIT]`).

        **Opens: more callers may reach it**

        | Route | For its callers | Router |
        | --- | --- | --- |
        | `GET /status` | is new and public: anyone may call it | `diff-routes/routes` |

        **Closes: fewer callers may reach it**

        | Route | For its callers | Router |
        | --- | --- | --- |
        | `GET /api/me` | needed a session and is gone: its callers will get 404 | `diff-routes/routes` |
        | `POST /api/waitlist/signup` | was public and now needs a session: callers without one will get 401 | `diff-routes/routes` |

        A reviewer acknowledges exactly these changes by a review that has the line
        `/route-audit acknowledge e35bc06c64442f82a7d19b30781b3adeab25d8ba0b933d39069e2fd797db0187`
    "#]].assert_eq(&ran.stdout.replace(&first[..12], "[COMMIT]"));
    let ran = fixture
        .run(&["diff", "--lock-only", "--format", "json"])
        .expect_code(exit::CLEAN);
    let document: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(document["base"]["commit"], first);
    assert_eq!(document["summary"]["widened"], 1);
}

/// What the base has got since is not what the branch does.
#[test]
fn a_base_is_where_the_branch_began() {
    let name = "diff-base";
    let fixture = repository(name, &BEFORE);
    fixture.run(&["--update"]).expect_code(exit::CLEAN);
    let began = commit(&fixture);
    git(&fixture.root, &["branch", "topic"]);
    now(&fixture, name, &AFTER);
    fixture.run(&["--update"]).expect_code(exit::CLEAN);
    commit(&fixture);
    git(&fixture.root, &["checkout", "-q", "topic"]);
    let args = ["diff", "--lock-only", "--base", "main"];
    let ran = fixture.run(&args).expect_code(exit::CLEAN);
    assert_eq!(
        ran.stdout,
        format!(
            "route-audit diff: no route changes for its callers, compared with `main` ({})\n",
            &began[..12]
        )
    );

    // Nothing in common, as in a shallow clone: said, and compared with the base itself.
    git(&fixture.root, &["checkout", "-q", "--orphan", "apart"]);
    // With the same files in the same second, it would be the same commit.
    fs::write(fixture.root.join("apart"), "").expect("write a file");
    commit(&fixture);
    let ran = fixture.run(&args).expect_code(exit::CLEAN);
    assert!(
        ran.stderr.contains("have no common commit"),
        "{}",
        ran.stderr
    );
    assert!(ran.stdout.contains("/status"), "{}", ran.stdout);
}

#[test]
fn a_commit_without_a_lock_has_no_routes() {
    let name = "diff-first";
    let fixture = repository(name, &BEFORE);
    let _ = fs::remove_file(fixture.root.join("routes.lock"));
    let first = commit(&fixture);
    let ran = fixture.run(&["diff"]).expect_code(exit::CLEAN);
    assert_eq!(
        ran.stderr,
        "note: there is no routes.lock at `HEAD`: every route shows as new\n"
    );
    expect![[r#"
        Opens: more callers may reach it
          GET /api/me is new: callers with a session may call it
          POST /api/waitlist/signup is new and public: anyone may call it

        route-audit diff: opens 2, compared with `HEAD` ([COMMIT])
        to acknowledge exactly this: route-audit check --locked --base HEAD --acknowledged c985eb3cb0d9fcabe5cf2f9ab0eb1fc3eb0238ae05ebee6583b4f4d7ade8a014
    "#]]
    .assert_eq(&ran.stdout.replace(&first[..12], "[COMMIT]"));
    let ran = fixture.run(&["diff", "--lock-only"]).could_not_run();
    assert!(
        ran.stderr.contains("there is no route lock"),
        "{}",
        ran.stderr
    );
}

/// A workspace is not always the root of its repository.
#[test]
fn a_workspace_may_be_a_folder_of_its_repository() {
    let name = "diff-folder";
    let outer = Fixture::new("diff-outer");
    let _ = fs::remove_dir_all(outer.root.join(".git"));
    let fixture = Fixture::package("diff-outer/a b", &routes(name, &BEFORE))
        .file(
            "Cargo.toml",
            &format!("{}[workspace]\n", Fixture::manifest(name)),
        )
        .write();
    git(&outer.root, &["init", "-q"]);
    fixture.run(&["--update"]).expect_code(exit::CLEAN);
    commit(&outer);
    let ran = fixture
        .run(&["diff", "--lock-only"])
        .expect_code(exit::CLEAN);
    assert_eq!(ran.stderr, "");
    assert!(ran.stdout.contains("no route changes"), "{}", ran.stdout);
}

#[test]
fn what_git_cannot_answer_is_could_not_run() {
    let name = "diff-refused";
    let fixture = repository(name, &BEFORE);
    // No commit yet.
    fixture.run(&["diff"]).could_not_run();
    fixture.run(&["--update"]).expect_code(exit::CLEAN);
    commit(&fixture);
    let ran = fixture.run(&["diff", "--base", "nope"]).could_not_run();
    expect![[r#"
        error: `nope` names no commit of this repository
          --> [ROOT]
          = help: name a branch, a tag or a commit with `--base`; in CI, fetch it first (actions/checkout: `fetch-depth: 0`)

        route-audit: could not run
    "#]].assert_eq(&filtered(&ran.stderr, &fixture));
    // No option of git's, and no expression of several commits.
    for base in [
        "--base=--all",
        "--base=",
        "--base=HEAD..HEAD",
        "--base=HEAD:routes.lock",
    ] {
        let ran = fixture.run(&["diff", base]).could_not_run();
        assert!(
            ran.stderr.contains("names no commit"),
            "{base}: {}",
            ran.stderr
        );
    }

    // A lock that the base has, and that cannot be read.
    fs::write(fixture.root.join("routes.lock"), "schema 1\n=======\n").expect("write the lock");
    commit(&fixture);
    let ran = fixture.run(&["diff"]).could_not_run();
    assert!(
        ran.stderr.contains("--> HEAD:routes.lock:2:1"),
        "{}",
        ran.stderr
    );

    let program = env!("CARGO_BIN_EXE_route-audit");
    let empty = tempfile::tempdir().expect("a folder");
    let ran = finish(
        binary(program)
            .arg("diff")
            .current_dir(&fixture.root)
            .env("CARGO", env!("CARGO"))
            // Cargo looks for it on the PATH.
            .env("RUSTC", Path::new(env!("CARGO")).with_file_name("rustc"))
            .env("PATH", empty.path()),
    )
    .could_not_run();
    assert!(ran.stderr.contains("cannot start git"), "{}", ran.stderr);

    let _ = fs::remove_dir_all(fixture.root.join(".git"));
    let ran = finish(binary(program).arg("diff").current_dir(&fixture.root).env(
        "GIT_CEILING_DIRECTORIES",
        fixture.root.parent().expect("a folder"),
    ))
    .could_not_run();
    assert!(
        ran.stderr.contains("is in no git repository"),
        "{}",
        ran.stderr
    );
}

/// The lock of a branch says what its author wrote into it; the base and a reviewer have the last word.
#[test]
fn a_reviewer_acknowledges_one_exact_change() {
    let name = "diff-acknowledged";
    let fixture = repository(name, &BEFORE);
    fixture.run(&["check", "--update"]).expect_code(exit::CLEAN);
    commit(&fixture);
    git(&fixture.root, &["branch", "-f", "base"]);
    now(&fixture, name, &AFTER);
    fixture.run(&["check", "--update"]).expect_code(exit::CLEAN);
    commit(&fixture);
    let digest = || {
        let args = ["diff", "--lock-only", "--base", "base", "--format", "json"];
        let ran = fixture.run(&args).expect_code(exit::CLEAN);
        let document: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
        document["digest"].as_str().expect("differences").to_owned()
    };
    let reviewed = digest();
    let check = |more: &[&str]| {
        let mut args = vec!["check", "--locked", "--base", "base"];
        args.extend(more);
        fixture.run(&args)
    };

    fixture.run(&["check", "--locked"]).expect_code(exit::CLEAN);
    let ran = check(&[]).expect_code(exit::FINDINGS);
    assert!(ran.stdout.contains("[lock-widened]") && ran.stdout.contains("[lock-narrowed]"));
    let ran = check(&["--acknowledged", &reviewed]).expect_code(exit::CLEAN);
    expect![[r#"
        note: acknowledged: 3 differences from the lock
    "#]]
    .assert_eq(&filtered(&ran.stderr, &fixture));

    // One route more than was reviewed.
    let more = [AFTER[0], AFTER[1], ("GET", "/export", "public")];
    now(&fixture, name, &more);
    fixture.run(&["check", "--update"]).expect_code(exit::CLEAN);
    let ran = check(&["--acknowledged", &reviewed]).expect_code(exit::FINDINGS);
    assert!(
        ran.stderr.contains(&format!(
            "acknowledged were other changes than these, whose digest is {}: have them reviewed again",
            digest()
        )),
        "{}",
        ran.stderr
    );
    assert!(ran.stdout.contains("GET /status"), "{}", ran.stdout);

    for wrong in ["3f2a", "--locked"] {
        check(&["--acknowledged", wrong]).could_not_run();
    }
    fixture
        .run(&["check", "--acknowledged", &reviewed])
        .could_not_run();
    fixture.run(&["check", "--base", "base"]).could_not_run();
}

#[test]
fn colours_are_decided_on_as_for_the_other_commands() {
    let name = "diff-colours";
    let fixture = repository(name, &BEFORE);
    fixture.run(&["--update"]).expect_code(exit::CLEAN);
    commit(&fixture);
    now(&fixture, name, &AFTER);
    for (args, vars, colored) in [
        (&[][..], &[][..], false),
        (&["--color=always"], &[("NO_COLOR", "1")], true),
        (&[], &[("CLICOLOR_FORCE", "1")], true),
        (&[], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], false),
        (&["--color=never"], &[("CLICOLOR_FORCE", "1")], false),
        (&["--color=always", "--format=markdown"], &[], false),
        (&["--color=always", "--format=json"], &[], false),
    ] {
        let mut command = binary(env!("CARGO_BIN_EXE_route-audit"));
        command.arg("diff").args(args).envs(vars.iter().copied());
        let ran = finish(command.current_dir(&fixture.root)).expect_code(exit::CLEAN);
        assert!(
            ran.stdout.contains("opens") || ran.stdout.contains("widened"),
            "{args:?}"
        );
        assert_eq!(ran.stdout.contains("\u{1b}["), colored, "{args:?} {vars:?}");
    }
}
