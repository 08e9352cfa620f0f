//! A `session-auth` that is not this library.

use expect_test::expect;

use crate::support::{Fixture, filtered, library_manifest, routes};

/// On the public registry the name is another project's.
#[test]
fn a_session_auth_that_is_another_crate_is_refused() {
    let service = |name: &str, library: &str| {
        Fixture::new(name)
            .file(
                "service/Cargo.toml",
                "[package]\nname = \"strange\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
                 [dependencies]\nsession-auth = { path = \"../library\" }\n[workspace]\n",
            )
            .file(
                "service/src/lib.rs",
                &routes("strange", &[("GET", "/", "public")]),
            )
            .file("library/Cargo.toml", &format!("{library}[workspace]\n"))
            .file("library/src/lib.rs", include_str!("support/stand_in.rs"))
            .write()
    };
    let ours = library_manifest("");
    service("stranger", &ours)
        .run_in("service", &[])
        .expect_code(0);
    let unmarked = ours.replace("audited-by = \"route-audit\"\n", "");
    let ran = service("stranger", &unmarked)
        .run_in("service", &[])
        .could_not_run();
    let fixture = service("stranger", &unmarked);
    expect![[r#"
        error: the `session-auth` that package `strange` depends on is not the library of this route-audit: [ROOT]/library/Cargo.toml has no `[package.metadata.session-auth]` with `audited-by = "route-audit"`
          --> [ROOT]/service/Cargo.toml
          = help: depend on the library by its path, or by the address of its repository with `rev`, from the revision that this route-audit is built from; where the other crate is meant, name the package under `exclude` in [workspace.metadata.route-audit]

        route-audit: could not run
    "#]]
    .assert_eq(&filtered(&ran.stderr, &fixture));
    for args in [&["list"][..], &["diff"], &["--self-test"], &["--update"]] {
        let ran = fixture.run_in("service", args).could_not_run();
        assert!(ran.stderr.contains("is not the library"), "{}", ran.stderr);
    }
    let later = ours.replace(env!("CARGO_PKG_VERSION"), "99.0.0");
    let ran = service("stranger", &later)
        .run_in("service", &[])
        .could_not_run();
    assert!(
        ran.stderr
            .contains(": it is version 99.0.0, and this is route-audit "),
        "{}",
        ran.stderr
    );
}

/// A registry's, whatever it says of itself: nothing of this project is published.
#[test]
fn a_session_auth_of_a_registry_is_refused() {
    let version = env!("CARGO_PKG_VERSION");
    let vendored = library_manifest("");
    let fixture = Fixture::new("registry")
        .file(
            "service/Cargo.toml",
            &format!(
                "[package]\nname = \"registered\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
                 [dependencies]\nsession-auth = \"{version}\"\n[workspace]\n"
            ),
        )
        .file(
            "service/src/lib.rs",
            &routes("registered", &[("GET", "/", "public")]),
        )
        // As `cargo vendor` leaves a registry's package: no network is needed.
        .file(
            "service/.cargo/config.toml",
            "[source.crates-io]\nreplace-with = \"vendored\"\n\
             [source.vendored]\ndirectory = \"vendor\"\n",
        )
        .file("service/vendor/session-auth/Cargo.toml", &vendored)
        .file(
            "service/vendor/session-auth/src/lib.rs",
            include_str!("support/stand_in.rs"),
        )
        .file(
            "service/vendor/session-auth/.cargo-checksum.json",
            "{\"files\":{}}",
        )
        .write();
    let ran = fixture.run_in("service", &[]).could_not_run();
    for text in [
        "the `session-auth` that package `registered` depends on is not the library of this \
         route-audit: it is version ",
        ", and there the name is another project's\n",
    ] {
        assert!(ran.stderr.contains(text), "{}", ran.stderr);
    }
}
