//! What makes the audit say that it could not run: it never passes while blind.

use expect_test::{Expect, expect};

use crate::support::{Fixture, filtered, run_in};

/// A package whose library holds this, and what route-audit says of it.
#[track_caller]
fn refused(name: &str, lib: &str, args: &[&str], expected: Expect) {
    let fixture = Fixture::package(name, lib).write();
    let ran = fixture.run(args).could_not_run();
    expected.assert_eq(&filtered(&ran.stderr, &fixture));
}

#[test]
fn a_package_without_an_audited_router() {
    refused(
        "routerless",
        "pub fn routes() {}",
        &[],
        expect![[r#"
            error: package `routerless` depends on `session-auth` but has no audited router
              --> [ROOT]/Cargo.toml
              = help: add `#[audited_router]` to the function that returns its router (one that `main` builds moves to a function first); one that no test can build has `#[audited_router(at_start)]`, and `--run COMMAND` starts what reports it; where the package registers no routes, name it under `exclude` in [workspace.metadata.route-audit], or select other packages with `-p`

            route-audit: could not run
        "#]],
    );
}

#[test]
fn a_selection_without_session_auth() {
    let fixture = Fixture::new("plain")
        .file(
            "Cargo.toml",
            "[package]\nname = \"plain\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n",
        )
        .file("src/lib.rs", "")
        .write();
    let ran = fixture.run(&[]).could_not_run();
    expect![[r#"
        error: nothing to audit: none of the selected packages depends on `session-auth` (`plain`)
          = help: select the packages that register routes with `-p NAME` or `--workspace`; a package whose dependency is optional needs the feature that turns it on

        route-audit: could not run
    "#]].assert_eq(&filtered(&ran.stderr, &fixture));
}

/// Neither do the tests of a package that is no more than tested with session-auth.
#[test]
fn a_dependency_of_the_tests_alone() {
    let manifest = Fixture::manifest("dev-only").replace("[dependencies]", "[dev-dependencies]");
    let ran = Fixture::new("dev-only")
        .file("Cargo.toml", &format!("{manifest}[workspace]\n"))
        .file("src/lib.rs", "")
        .write()
        .run(&[])
        .could_not_run();
    assert!(ran.stderr.contains("nothing to audit"), "{}", ran.stderr);
}

#[test]
fn a_test_that_wrote_no_report() {
    let ran = Fixture::package(
        "silent",
        r#"
        #[test]
        fn route_audit_loud() {
            session_auth::report("loud", "silent", file!(), line!(), &[("GET", "/", Some("public"))]);
        }
        mod admin {
            #[test]
            fn route_audit_silent() {
                println!("I said nothing");
            }
        }
        "#,
    )
    .write()
    .run(&[])
    .could_not_run();
    for text in [
        "error: router `silent` of package `silent` wrote no report (test \
         `admin::route_audit_silent` in library `silent`)\n  --> ",
        "  | I said nothing\n",
    ] {
        assert!(ran.stderr.contains(text), "{text}: {}", ran.stderr);
    }
    assert!(!ran.stderr.contains("router `loud`"), "{}", ran.stderr);
}

#[test]
fn a_test_that_wrote_the_report_of_another() {
    let fixture = Fixture::package(
        "mistaken",
        r#"
        #[test]
        fn route_audit_routes() {
            session_auth::report("other", "mistaken", file!(), line!(), &[("GET", "/", Some("public"))]);
        }
        "#,
    )
    .write();
    let ran = fixture.run(&[]).could_not_run();
    assert!(
        ran.stderr
            .contains("router `routes` of package `mistaken` wrote no report")
            && ran.stderr.contains("wrote more reports of router `other`"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_router_that_could_not_be_built() {
    refused(
        "broken",
        r#"
        #[test]
        fn route_audit_routes() {
            session_auth::failed("routes", "broken", "src/routes.rs", 7, "it panicked: DATABASE_URL is not set");
            panic!();
        }
        "#,
        &[],
        expect![[r#"
            error: package `broken`: it panicked: DATABASE_URL is not set
              --> src/routes.rs:7

            route-audit: could not run
        "#]],
    );
}

#[test]
fn a_router_that_ends_the_process() {
    let fixture = Fixture::package(
        "leaving",
        r#"
        #[test]
        fn route_audit_routes() {
            eprintln!("no configuration, bye");
            std::process::exit(0);
        }
        "#,
    )
    .write();
    let ran = fixture.run(&[]).could_not_run();
    assert!(
        ran.stderr
            .contains("router `routes` of package `leaving` wrote no report")
            && ran.stderr.contains("no configuration, bye"),
        "{}",
        ran.stderr
    );
}

/// What runs before `main` decides whether a test can be listed at all.
#[cfg(target_os = "linux")]
#[test]
fn tests_that_cannot_be_listed() {
    let ran = Fixture::package(
        "unlisted",
        r#"
        #[cfg(test)]
        #[used]
        #[unsafe(link_section = ".init_array")]
        static LEAVES: extern "C" fn() = {
            extern "C" fn leaves() {
                eprintln!("no licence, bye");
                std::process::exit(3)
            }
            leaves
        };
        "#,
    )
    .write()
    .run(&[])
    .could_not_run();
    for text in [
        "error: library `unlisted` of package `unlisted` could not list its tests: exit status: 3",
        "  | no licence, bye\n",
    ] {
        assert!(ran.stderr.contains(text), "{text}: {}", ran.stderr);
    }
}

#[test]
fn a_router_that_waits_for_ever() {
    refused(
        "waiting",
        r#"
        #[test]
        fn route_audit_routes() {
            println!("connecting to the database");
            // What it starts holds its output open, and is not killed with it.
            let _ = std::process::Command::new("sleep").arg("20").spawn();
            std::thread::sleep(std::time::Duration::from_secs(600));
        }
        "#,
        &["--timeout", "1"],
        expect![[r#"
            error: the tests of library `waiting` of package `waiting` did not finish in 1 s
              --> [ROOT]/src/lib.rs
              | running 1 test
              | connecting to the database
              = help: a router that is audited is built without connecting to anything or waiting; where it needs the time, raise `--timeout`

            route-audit: could not run
        "#]],
    );
}

#[test]
fn a_report_of_another_schema() {
    refused(
        "dated",
        r##"
        #[test]
        fn route_audit_routes() {
            session_auth::write("dated", r#"{"schema":2,"routers":[]}"#);
        }
        "##,
        &[],
        expect![[r#"
            error: library `dated` of package `dated` wrote a file that cannot be read: a report of schema 2, where this version reads schema 1: use the same version of session-auth and route-audit
              --> [ROOT]/src/lib.rs

            route-audit: could not run
        "#]],
    );
}

#[test]
fn a_report_that_is_cut_short() {
    for (name, text) in [
        ("cut", r#"{"schema":1,"router":{"#),
        ("nothing", ""),
        ("fieldless", r#"{"schema":1}"#),
        ("versionless", "{}"),
        ("list", "[]"),
    ] {
        let lib =
            format!("#[test]\nfn route_audit_routes() {{ session_auth::write(\"x\", {text:?}); }}");
        let ran = Fixture::package(&format!("report-{name}"), &lib)
            .write()
            .run(&[])
            .could_not_run();
        assert!(
            ran.stderr
                .contains(&format!("package `report-{name}` wrote a file")),
            "{}",
            ran.stderr
        );
    }
}

#[test]
fn routers_without_routes() {
    refused(
        "empty",
        r#"
        #[test]
        fn route_audit_routes() {
            session_auth::report("routes", "empty", "src/routes.rs", 3, &[]);
        }
        "#,
        &[],
        expect![[r#"
            error: nothing to audit: router `routes` of package `empty` mounts nothing
              --> src/routes.rs:3
              = help: mount the service's routes on it; are they behind a feature?

            route-audit: could not run
        "#]],
    );
}

#[test]
fn a_test_that_fails_although_it_wrote_its_report() {
    let ran = Fixture::package(
        "contradicting",
        r#"
        #[test]
        fn route_audit_routes() {
            session_auth::report("routes", "contradicting", file!(), line!(), &[("GET", "/", Some("public"))]);
            panic!("something else is wrong");
        }
        "#,
    )
    .write()
    .run(&[])
    .could_not_run();
    for text in [
        "error: the audit tests of library `contradicting` of package `contradicting` wrote \
         their reports, and failed\n",
        "  | something else is wrong\n",
    ] {
        assert!(ran.stderr.contains(text), "{text}: {}", ran.stderr);
    }
}

/// `--list` would run its `main`.
#[test]
fn a_harness_of_one_s_own() {
    let fixture = Fixture::new("harness")
        .file(
            "Cargo.toml",
            &format!(
                "{}[[bin]]\nname = \"server\"\nharness = false\n[workspace]\n",
                Fixture::manifest("harness")
            ),
        )
        .file(
            "src/bin/server.rs",
            "fn main() { std::fs::write(\"ran\", \"\").unwrap(); }",
        )
        .write();
    let ran = fixture.run(&[]).could_not_run();
    expect![[r#"
        error: binary `server` of package `harness` has `harness = false`, so it has no tests that could be listed and run
          --> [ROOT]/Cargo.toml
          = help: remove `harness = false`, or move the router to the library and leave the binary in a package of its own

        route-audit: could not run
    "#]].assert_eq(&filtered(&ran.stderr, &fixture));
    assert!(!fixture.root.join("ran").exists());
}

#[test]
fn a_workspace_that_does_not_compile() {
    refused(
        "uncompiled",
        "pub fn routes() -> Missing {}",
        &[],
        expect![[r#"
            error: cargo could not build the tests of `uncompiled`; its message is above
              = help: the audit reads routers by running them: make `cargo test --no-run` pass

            route-audit: could not run
        "#]],
    );
}

#[test]
fn a_folder_without_a_manifest() {
    let folder = tempfile::tempdir().expect("a folder");
    let ran = run_in(folder.path(), &["--quiet"]).could_not_run();
    expect![[r#"
        error: cargo could not read the workspace; its message is above
          --> [FOLDER]
          = help: mend what cargo names; where that is no Cargo.toml, run inside a cargo package, or name its Cargo.toml with `--manifest-path`

        route-audit: could not run
    "#]]
    .assert_eq(
        &ran.stderr
            .replace(&*folder.path().to_string_lossy(), "[FOLDER]"),
    );
}

#[test]
fn a_cargo_that_is_not_there() {
    let fixture = Fixture::package("no-cargo", "").write();
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let code = route_audit::run(route_audit::Env {
        args: vec!["route-audit".into()],
        current_dir: fixture.root.clone(),
        cargo: "no-such-cargo".into(),
        colors: false,
        stdout: &mut stdout,
        stderr: &mut stderr,
    });
    assert_eq!((code, stdout.len()), (101, 0));
    let stderr = String::from_utf8(stderr).expect("UTF-8");
    assert!(
        stderr.contains("cannot run `no-such-cargo`") && stderr.contains("set the variable CARGO"),
        "{stderr}"
    );
}

#[test]
fn everything_that_is_missing_is_named_at_once() {
    let test = |router: &str| format!("#[test]\nfn route_audit_{router}() {{}}\n");
    let ran = Fixture::new("many")
        .file(
            "Cargo.toml",
            "[workspace]\nresolver = \"3\"\nmembers = [\"one\", \"two\"]\n",
        )
        .member("one", &(test("a") + &test("b")))
        .member("two", &test("c"))
        .write()
        .run(&[])
        .could_not_run();
    for router in [
        "`a` of package `one`",
        "`b` of package `one`",
        "`c` of package `two`",
    ] {
        assert!(ran.stderr.contains(router), "{router}: {}", ran.stderr);
    }
}
