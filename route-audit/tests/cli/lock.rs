//! `check --locked` and `check --update`: the route lock, from a workspace's point of view.

use std::fs;

use expect_test::expect;
use route_audit::exit;

use crate::support::{Fixture, binary, filtered, finish, routes};

const SIGNUP: (&str, &str, &str) = ("POST", "/api/waitlist/signup", "public");
const ME: (&str, &str, &str) = ("GET", "/api/me", "session");

fn service(name: &str, all: &[(&str, &str, &str)]) -> Fixture {
    Fixture::package(name, &routes(name, all))
}

/// The workspace with its lock written.
fn locked(name: &str, all: &[(&str, &str, &str)]) -> Fixture {
    let fixture = service(name, all).write();
    fixture.run(&["check", "--update"]).expect_code(exit::CLEAN);
    fixture
}

/// The workspace as it was locked, with other routes.
fn now(fixture: &Fixture, name: &str, all: &[(&str, &str, &str)]) {
    fs::write(fixture.root.join("src/lib.rs"), routes(name, all)).expect("write the routes");
}

fn lock(fixture: &Fixture) -> String {
    fs::read_to_string(fixture.root.join("routes.lock")).expect("a lock")
}

/// Step 3 of the outage: the form's class is changed, it compiles, and its callers are locked out.
#[test]
fn a_signup_that_begins_to_ask_for_a_session_is_lock_narrowed() {
    let name = "lock-signup";
    let fixture = locked(name, &[SIGNUP, ME]);
    expect![[r##"
        # Who may call each route. `route-audit check --locked` holds the routes against it,
        # `route-audit check --update` writes it. Review a change here as a change of who gets in.
        schema 1

        session  GET       /api/me                                   lock-signup/routes
        public   POST      /api/waitlist/signup                      lock-signup/routes    reason="open"
    "##]].assert_eq(&lock(&fixture));
    let ran = fixture.run(&["--locked"]).expect_code(exit::CLEAN);
    assert_eq!(
        ran.stdout,
        "route-audit: 2 routes (1 public, 1 session) in 1 router: clean\n"
    );

    now(
        &fixture,
        name,
        &[("POST", "/api/waitlist/signup", "session"), ME],
    );
    // Nothing is wrong with it by itself.
    fixture.run(&["check"]).expect_code(exit::CLEAN);
    let program = env!("CARGO_BIN_EXE_route-audit");
    let ran = finish(
        binary(program)
            .args(["check", "--locked"])
            .current_dir(&fixture.root),
    )
    .expect_code(exit::FINDINGS);
    expect![[r#"
        error[lock-narrowed]: POST /api/waitlist/signup was public and now needs a session: callers without one will get 401
         --> src/lib.rs:3:1
          |
        3 | session_auth::report("routes", "lock-signup", file!(), line!(), &[
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: if that is meant, run `route-audit check --update` and have the change of the lock reviewed; if not, give its callers back what they had

        route-audit: 2 routes (2 session) in 1 router: 1 error, 0 warnings
    "#]].assert_eq(&ran.stdout);
    // It was compared, and left as it was.
    assert!(lock(&fixture).contains("public   POST"));
}

#[test]
fn a_route_that_is_gone_or_new_is_found() {
    let name = "lock-gone";
    let fixture = locked(name, &[SIGNUP, ME]);
    now(&fixture, name, &[ME, ("DELETE", "/api/me", "webhook")]);
    let ran = fixture.run(&["--locked"]).expect_code(exit::FINDINGS);
    expect![[r#"
        error[lock-widened]: DELETE /api/me is new: senders with proof for the verifier `postmark` may call it
         --> src/lib.rs:3:1
          |
        3 | session_auth::report("routes", "lock-gone", file!(), line!(), &[
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: if that is meant, run `route-audit check --update` and have the change of the lock reviewed; if not, give it another class, or take it out

        error[lock-narrowed]: POST /api/waitlist/signup was public and is gone: its callers will get 404
         --> routes.lock:6:1
          |
        6 | public   POST      /api/waitlist/signup                      lock-gone/routes      reason="open"
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: if that is meant, run `route-audit check --update` and have the change of the lock reviewed; if not, mount it again

        warning[unmonitored-webhook]: DELETE /api/me is a webhook of which nobody notices when it falls silent
         --> src/lib.rs:3:1
          |
        3 | session_auth::report("routes", "lock-gone", file!(), line!(), &[
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: add `expect_every = "…"`: the longest time that passes between two deliveries when all is well

        route-audit: 2 routes (1 webhook, 1 session) in 1 router: 2 errors, 1 warning
    "#]].assert_eq(&ran.stdout);
    let json = fixture
        .run(&["--locked", "--format", "json"])
        .expect_code(exit::FINDINGS);
    let audit: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!(audit["summary"]["errors"], 2);
    assert_eq!(audit["findings"][1]["code"], "lock-narrowed");
    assert_eq!(audit["findings"][1]["file"], "routes.lock");
}

#[test]
fn a_route_that_loses_its_class_is_narrowed_too() {
    let name = "lock-unclassified";
    let fixture = locked(name, &[SIGNUP, ME]);
    let before = lock(&fixture);
    now(
        &fixture,
        name,
        &[("POST", "/api/waitlist/signup", "none"), ME],
    );
    let ran = fixture.run(&["--locked"]).expect_code(exit::FINDINGS);
    for code in ["error[lock-narrowed]", "error[unclassified-route]"] {
        assert!(ran.stdout.contains(code), "{}", ran.stdout);
    }
    // A lock would not say that nobody said: it stays as it is.
    let ran = fixture.run(&["--update"]).expect_code(exit::FINDINGS);
    expect![[r#"
        note: routes.lock was not written: settle first who may call each route (errors that leave it open: 1)
    "#]].assert_eq(&ran.stderr);
    assert_eq!(lock(&fixture), before);
}

#[test]
fn an_update_says_what_it_changes() {
    let name = "lock-update";
    let fixture = service(name, &[SIGNUP, ME]).write();
    let _ = fs::remove_file(fixture.root.join("routes.lock"));
    let ran = fixture.run(&["check", "--update"]).expect_code(exit::CLEAN);
    assert_eq!(ran.stderr, "note: routes.lock was written: 2 routes\n");
    let ran = fixture.run(&["--update"]).expect_code(exit::CLEAN);
    assert_eq!(ran.stderr, "note: routes.lock is up to date\n");

    now(
        &fixture,
        name,
        &[
            ("POST", "/api/waitlist/signup", "session"),
            ("GET", "/", "public"),
        ],
    );
    let ran = fixture.run(&["--update"]).expect_code(exit::CLEAN);
    expect![[r#"
        note: routes.lock was written; review what it changes:
        note: lock-widened: GET / is new and public: anyone may call it
        note: lock-narrowed: GET /api/me needed a session and is gone: its callers will get 404
        note: lock-narrowed: POST /api/waitlist/signup was public and now needs a session: callers without one will get 401
    "#]].assert_eq(&ran.stderr);
    fixture.run(&["--locked"]).expect_code(exit::CLEAN);

    // Spelled otherwise, it says the same: compared by meaning, written in its one form.
    let text = lock(&fixture);
    let spelled = format!(
        "{}\r\n",
        text.trim_end().replace("  ", " ").replace('\n', "\r\n")
    );
    fs::write(fixture.root.join("routes.lock"), spelled).expect("write the lock");
    fixture.run(&["--locked"]).expect_code(exit::CLEAN);
    let ran = fixture.run(&["--update"]).expect_code(exit::CLEAN);
    assert_eq!(
        ran.stderr,
        "note: routes.lock was written anew; no route has changed\n"
    );
    assert_eq!(lock(&fixture), text);
    let ran = fixture.run(&["--update", "-q"]).expect_code(exit::CLEAN);
    assert_eq!(ran.stderr, "");
}

#[test]
fn without_a_lock_there_is_nothing_to_compare_with() {
    let fixture = service("lock-missing", &[ME]).write();
    let _ = fs::remove_file(fixture.root.join("routes.lock"));
    let ran = fixture.run(&["--locked"]).could_not_run();
    expect![[r#"
        error: there is no route lock to compare with
          --> [ROOT]/routes.lock
          = help: write it with `route-audit check --update`, read it, and check it in

        route-audit: could not run
    "#]]
    .assert_eq(&filtered(&ran.stderr, &fixture));
}

#[test]
fn to_compare_and_to_write_is_a_usage_error() {
    let fixture = service("lock-both", &[ME]).write();
    for args in [
        &["--locked", "--update"][..],
        &["check", "--update", "--locked"],
    ] {
        let ran = fixture.run(args).could_not_run();
        assert!(ran.stderr.contains("cannot be used with"), "{}", ran.stderr);
    }
}

#[test]
fn a_lock_that_cannot_be_read_is_neither_compared_nor_replaced() {
    let conflict = "schema 1\n<<<<<<< HEAD\n=======\n>>>>>>> topic\n";
    for (name, text, because) in [
        ("conflict", conflict, "merge conflict"),
        ("newer", "schema 9\n", "schema 9"),
        ("malformed", "schema 1\npublic GET\n", "routes.lock:2:11"),
        ("empty", "", "not a route lock"),
    ] {
        let fixture = service("lock-unreadable", &[ME])
            .file("routes.lock", text)
            .write();
        for flag in ["--locked", "--update"] {
            let ran = fixture.run(&[flag]).could_not_run();
            assert!(
                ran.stderr.contains(because),
                "{name} {flag}: {}",
                ran.stderr
            );
        }
        assert_eq!(lock(&fixture), text, "{name}");
    }
    let fixture = service("lock-unreadable", &[ME]).write();
    fs::write(fixture.root.join("routes.lock"), b"schema 1\n\xff").expect("write the lock");
    let ran = fixture.run(&["--locked"]).could_not_run();
    assert!(ran.stderr.contains("routes.lock:2\n"), "{}", ran.stderr);

    let fixture = service("lock-folder", &[ME]).write();
    fs::create_dir_all(fixture.root.join("routes.lock")).expect("a folder");
    for flag in ["--locked", "--update"] {
        let ran = fixture.run(&[flag]).could_not_run();
        assert!(
            ran.stderr.contains("cannot read the route lock"),
            "{flag}: {}",
            ran.stderr
        );
    }
}

fn two(name: &str, config: &str) -> Fixture {
    Fixture::new(name)
        .file(
            "Cargo.toml",
            &format!(
                "[workspace]\nresolver = \"3\"\nmembers = [\"{name}-web\", \"{name}-admin\"]\n{config}"
            ),
        )
        .member(&format!("{name}-web"), &routes(&format!("{name}-web"), &[ME]))
        .member(
            &format!("{name}-admin"),
            &routes(&format!("{name}-admin"), &[("GET", "/admin", "session")]),
        )
}

/// A selection leaves packages out by the user's own word; what is left out is said and kept.
#[test]
fn a_package_that_is_not_selected_keeps_its_lines() {
    let fixture = two("lock-two", "").write();
    fixture.run(&["--update"]).expect_code(exit::CLEAN);
    let whole = lock(&fixture);
    for args in [&["--locked"][..], &["--update"]] {
        let ran = fixture
            .run(&[args, &["-p", "lock-two-web"]].concat())
            .expect_code(exit::CLEAN);
        assert_eq!(lock(&fixture), whole);
        if args == ["--locked"] {
            expect![[r#"
                note: not audited (not selected): `lock-two-admin`
                note: 1 line of `lock-two-admin` in routes.lock not compared: the package is not selected (see `--workspace`)
            "#]].assert_eq(&ran.stderr);
        }
    }
}

/// Configuration that takes a package from the audit takes nothing from the lock.
#[test]
fn a_package_that_is_excluded_later_is_missed() {
    two("lock-excluded", "")
        .write()
        .run(&["--update"])
        .expect_code(exit::CLEAN);
    let config = "[workspace.metadata.route-audit]\nexclude = [\"lock-excluded-admin\"]\n";
    let fixture = Fixture::new("lock-excluded");
    let text = lock(&fixture);
    let ran = two("lock-excluded", config)
        .file("routes.lock", &text)
        .write()
        .run(&["--locked"])
        .expect_code(exit::FINDINGS);
    assert!(
        ran.stdout
            .contains("error[lock-narrowed]: GET /admin needed a session and is gone"),
        "{}",
        ran.stdout
    );
}

#[test]
fn the_lock_lies_where_configuration_says() {
    let name = "lock-elsewhere";
    let manifest = format!(
        "{}[workspace.metadata.route-audit]\nlock = \"security/routes.lock\"\n",
        Fixture::manifest(name).replace("[dependencies]", "[workspace]\n[dependencies]")
    );
    let fixture = service(name, &[ME]).file("Cargo.toml", &manifest).write();
    let _ = fs::remove_dir_all(fixture.root.join("security"));
    let ran = fixture.run(&["--update"]).could_not_run();
    assert!(
        ran.stderr.contains("cannot write the route lock"),
        "{}",
        ran.stderr
    );
    fs::create_dir(fixture.root.join("security")).expect("a folder");
    fixture.run(&["--update"]).expect_code(exit::CLEAN);
    fixture.run(&["--locked"]).expect_code(exit::CLEAN);
    assert!(fixture.root.join("security/routes.lock").exists());
    assert!(!fixture.root.join("routes.lock").exists());
}

#[cfg(unix)]
#[test]
fn the_file_is_replaced_in_one_step_and_stays_readable_for_others() {
    use std::os::unix::fs::PermissionsExt;

    let name = "lock-permissions";
    let fixture = locked(name, &[ME]);
    let path = fixture.root.join("routes.lock");
    let mode = |path| fs::metadata(path).expect("a file").permissions().mode() & 0o777;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o664)).expect("set the mode");
    let open = fs::File::open(&path).expect("a file");
    now(&fixture, name, &[ME, SIGNUP]);
    fixture.run(&["--update"]).expect_code(exit::CLEAN);
    assert_eq!(mode(&path), 0o664);
    // Whoever had it open still reads the whole of the old one.
    let old = std::io::read_to_string(open).expect("UTF-8");
    assert!(!old.contains("signup") && old.ends_with('\n'));

    fs::remove_file(&path).expect("remove it");
    fixture.run(&["--update"]).expect_code(exit::CLEAN);
    assert_ne!(mode(&path) & 0o400, 0);
    assert_eq!(
        mode(&path),
        mode(&fixture.root.join("Cargo.toml")) | 0o044 & mode(&path)
    );

    // Through a link, to the file it means.
    let real = fixture.root.join("real.lock");
    fs::rename(&path, &real).expect("move it");
    std::os::unix::fs::symlink("real.lock", &path).expect("a link");
    now(&fixture, name, &[SIGNUP]);
    fixture.run(&["--update"]).expect_code(exit::CLEAN);
    assert!(fs::symlink_metadata(&path).expect("a link").is_symlink());
    assert!(
        !fs::read_to_string(&real)
            .expect("a lock")
            .contains("/api/me")
    );
    fs::remove_file(&path).expect("remove the link");
}
