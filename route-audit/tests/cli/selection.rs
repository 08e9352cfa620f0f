//! Which packages, targets and features are audited.

use crate::support::{Fixture, run_in, target_dir};

const ONE_ROUTE: &str = r#"
#[test]
fn route_audit_routes() {
    let routes = [("GET", concat!("/", env!("CARGO_PKG_NAME")), Some("public"))];
    session_auth::report("routes", env!("CARGO_PKG_NAME"), file!(), line!(), &routes);
}
"#;

/// A workspace of two services, a library that serves nothing, and a package without session-auth.
fn shop() -> Fixture {
    Fixture::new("shop")
        .file(
            "Cargo.toml",
            "[workspace]\nresolver = \"3\"\nmembers = [\"shop-api\", \"shop-admin\", \"prices\"]\n\
             default-members = [\"shop-api\", \"prices\"]\n",
        )
        .member("shop-api", ONE_ROUTE)
        .member("shop-admin", ONE_ROUTE)
        .file(
            "prices/Cargo.toml",
            "[package]\nname = \"prices\"\nversion = \"0.1.0\"\nedition = \"2024\"\n",
        )
        .file("prices/src/lib.rs", "")
        .write()
}

#[test]
fn packages_are_selected_by_cargo_s_rules() {
    let shop = shop();
    let listed = |folder: &str, args: &[&str]| {
        let mut all = vec!["list", "--format", "json"];
        all.extend(args);
        shop.run_in(folder, &all).expect_code(0).paths()
    };
    let (api, admin) = ("/shop-api", "/shop-admin");
    assert_eq!(listed("", &[]), [api], "the default members");
    assert_eq!(
        listed("shop-admin", &[]),
        [admin],
        "the package of the folder"
    );
    assert_eq!(
        listed("shop-admin/src", &[]),
        [admin],
        "and of a folder in it"
    );
    assert_eq!(listed("", &["--workspace"]), [admin, api]);
    assert_eq!(listed("", &["--workspace", "--exclude", "*-api"]), [admin]);
    assert_eq!(listed("", &["-p", "shop-admin"]), [admin]);
    assert_eq!(
        listed("", &["-p", "shop-admin", "--package", "shop-api"]),
        [admin, api]
    );
    assert_eq!(listed("prices", &["-p", "shop-*"]), [admin, api]);
    assert_eq!(
        listed("", &["--manifest-path", "shop-admin/Cargo.toml"]),
        [admin]
    );
}

#[test]
fn a_manifest_path_works_from_anywhere() {
    let shop = shop();
    let manifest = shop.root.join("shop-admin/Cargo.toml");
    let manifest = manifest.to_str().expect("UTF-8");
    let elsewhere = tempfile::tempdir().expect("a folder");
    let ran = run_in(
        elsewhere.path(),
        &["list", "--format=json", "--manifest-path", manifest],
    );
    assert_eq!(ran.expect_code(0).paths(), ["/shop-admin"]);
}

#[test]
fn packages_without_session_auth_are_skipped_and_verbose_names_them() {
    let shop = shop();
    let quiet = shop.run(&["--workspace"]).expect_code(0);
    assert_eq!(quiet.stderr, "");
    let verbose = shop.run(&["--workspace", "--verbose"]).expect_code(0);
    assert!(
        verbose
            .stderr
            .contains("package `prices` is not audited: it does not depend on `session-auth`"),
        "{}",
        verbose.stderr
    );
}

/// Whatever may serve routes and is not audited is named in every run.
#[test]
fn packages_that_are_left_out_are_named() {
    let plain = |name: &str, dependencies: &str| {
        format!(
            "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n{dependencies}"
        )
    };
    let audited = "[dependencies]\naudited = { path = \"../audited\" }\n";
    let shop = Fixture::new("left-out")
        .file(
            "Cargo.toml",
            "[workspace]\nresolver = \"3\"\nmembers = [\"*\"]\nexclude = [\"axum\"]\n\
             [workspace.metadata.route-audit]\nexclude = [\"tool\"]\n",
        )
        .file("axum/Cargo.toml", &plain("axum", ""))
        .file("axum/src/lib.rs", "")
        .member("audited", ONE_ROUTE)
        .member("tool", "")
        .file("server/Cargo.toml", &plain("server", audited))
        .file("server/src/main.rs", "fn main() {}")
        .file(
            "metrics/Cargo.toml",
            &plain("metrics", "[dependencies]\naxum = { path = \"../axum\" }\n"),
        )
        .file("metrics/src/lib.rs", "")
        // Through another package, and for the tests alone.
        .file(
            "push/Cargo.toml",
            &plain(
                "push",
                "[dependencies]\nmetrics = { path = \"../metrics\" }\n",
            ),
        )
        .file("push/src/lib.rs", "")
        .file(
            "checks/Cargo.toml",
            &plain("checks", &audited.replace("[dep", "[dev-dep")),
        )
        .file("checks/src/lib.rs", "")
        .write();
    let notes = |args: &[&str]| shop.run(args).expect_code(0).stderr;
    assert_eq!(
        notes(&["--workspace"]),
        "note: not audited (depends on `axum`, and not on `session-auth`): `metrics`, `push`\n\
         note: not audited (depends on an audited package, and not on `session-auth` itself): \
         `server`\n\
         note: not audited (excluded by [workspace.metadata.route-audit]): `tool`\n"
    );
    assert_eq!(
        notes(&["list", "-p", "audited"]),
        "note: not audited (not selected): `metrics`, `push`, `server`, `tool`\n"
    );
    assert_eq!(notes(&["--workspace", "-q"]), "");
}

#[test]
fn a_typo_in_a_selection_is_refused() {
    let shop = shop();
    for args in [
        ["--package", "shop-apl", "--workspace"],
        ["--workspace", "--exclude", "shop-adnim"],
    ] {
        let ran = shop.run(&args).could_not_run();
        assert!(
            ran.stderr.contains("matches no member of the workspace")
                && ran.stderr.contains("`prices`, `shop-admin`, `shop-api`"),
            "{}",
            ran.stderr
        );
    }
}

#[test]
fn the_workspace_can_exclude_packages_but_not_against_a_name_on_the_command_line() {
    let workspace = |exclude: &str| {
        Fixture::new("excluding")
            .file(
                "Cargo.toml",
                &format!(
                    "[workspace]\nresolver = \"3\"\nmembers = [\"service\", \"tool\"]\n\
                     [workspace.metadata.route-audit]\n{exclude}\n"
                ),
            )
            .member("service", ONE_ROUTE)
            .member("tool", "")
            .write()
    };
    let excluding = workspace("exclude = [\"tool\"]");
    excluding.run(&[]).expect_code(0);
    let ran = excluding.run(&["-p", "tool"]).could_not_run();
    assert!(ran.stderr.contains("package `tool`"), "{}", ran.stderr);

    let ran = workspace("exclude = [\"tol\"]").run(&[]).could_not_run();
    assert!(ran.stderr.contains("names `tol`"), "{}", ran.stderr);
    let ran = workspace("excludes = [\"tool\"]").run(&[]).could_not_run();
    assert!(
        ran.stderr.contains("unknown field `excludes`"),
        "{}",
        ran.stderr
    );
    let ran = workspace("").run(&[]).could_not_run();
    assert!(ran.stderr.contains("package `tool`"), "{}", ran.stderr);
}

#[test]
fn a_package_with_binaries_only_is_audited() {
    let manifest = format!("{}[workspace]\n", Fixture::manifest("only-bins"));
    let bin = |path: &str| {
        let name = path.trim_start_matches('/');
        format!(
            "fn main() {{ panic!(\"a test runs, never the program\") }}\n\
             #[cfg(test)]\nmod routes {{\n#[test]\nfn route_audit_{name}() {{\n\
             session_auth::report({name:?}, \"only-bins\", file!(), line!(), \
             &[(\"GET\", {path:?}, Some(\"session\"))]);\n}}\n}}\n"
        )
    };
    let ran = Fixture::new("only-bins")
        .file("Cargo.toml", &manifest)
        .file("src/main.rs", &bin("/main"))
        .file("src/bin/worker.rs", &bin("/worker"))
        .write()
        .run(&["list", "--format", "json"])
        .expect_code(0);
    assert_eq!(ran.paths(), ["/main", "/worker"]);
}

/// Cargo leaves such a target out of a plain `cargo test`; the audit does not.
#[test]
fn a_library_with_test_false_is_audited() {
    let manifest = format!(
        "{}[lib]\ntest = false\n[workspace]\n",
        Fixture::manifest("untested")
    );
    let ran = Fixture::new("untested")
        .file("Cargo.toml", &manifest)
        .file("src/lib.rs", ONE_ROUTE)
        .write()
        .run(&["list", "--format", "json"])
        .expect_code(0);
    assert_eq!(ran.paths(), ["/untested"]);
}

#[test]
fn ignored_and_nested_audit_tests_run() {
    let ran = Fixture::package(
        "nested",
        r#"
        mod admin {
            #[test]
            #[ignore = "needs a database"]
            fn route_audit_admin() {
                let routes = [("GET", "/admin", Some("session"))];
                session_auth::report("admin", "nested", file!(), line!(), &routes);
            }
        }
        mod api {
            #[test]
            fn route_audit_routes() {
                let routes = [("GET", "/api", Some("session"))];
                session_auth::report("routes", "nested", file!(), line!(), &routes);
            }
            #[test]
            fn other() {
                panic!("not an audit test");
            }
        }
        "#,
    )
    .write()
    .run(&["list", "--format", "json"])
    .expect_code(0);
    assert_eq!(ran.paths(), ["/admin", "/api"]);
}

#[test]
fn features_decide_which_routes_are_audited() {
    let manifest = format!(
        "{}[features]\ndefault = [\"open\"]\nopen = []\nadmin = []\n[workspace]\n",
        Fixture::manifest("featured")
    );
    let featured = Fixture::new("featured")
        .file("Cargo.toml", &manifest)
        .file(
            "src/lib.rs",
            r#"
            #[test]
            fn route_audit_routes() {
                let mut routes = vec![("GET", "/always", Some("session"))];
                if cfg!(feature = "open") {
                    routes.push(("GET", "/open", Some("public")));
                }
                if cfg!(feature = "admin") {
                    routes.push(("GET", "/admin", Some("session")));
                }
                session_auth::report("routes", "featured", file!(), line!(), &routes);
            }
            "#,
        )
        .write();
    let listed = |args: &[&str]| {
        let mut all = vec!["list", "--format", "json"];
        all.extend(args);
        featured.run(&all).expect_code(0).paths()
    };
    assert_eq!(listed(&[]), ["/always", "/open"]);
    assert_eq!(
        listed(&["--features", "admin"]),
        ["/admin", "/always", "/open"]
    );
    assert_eq!(listed(&["--all-features"]), ["/admin", "/always", "/open"]);
    assert_eq!(listed(&["--no-default-features"]), ["/always"]);
    assert_eq!(
        listed(&["--no-default-features", "-F", "admin"]),
        ["/admin", "/always"]
    );
    let ran = featured.run(&["--features", "nope"]).could_not_run();
    assert!(
        ran.stderr.contains("its message is above"),
        "{}",
        ran.stderr
    );
}

/// A sibling that turns a feature on builds the routes behind it into the program: they are
/// audited, as `cargo test --workspace` would.
#[test]
fn features_that_a_dependent_package_turns_on_are_on() {
    let ran = Fixture::new("unified")
        .file(
            "Cargo.toml",
            "[workspace]\nresolver = \"3\"\nmembers = [\"switched\", \"server\"]\n",
        )
        .file(
            "switched/Cargo.toml",
            &format!("{}[features]\nadmin = []\n", Fixture::manifest("switched")),
        )
        .file(
            "switched/src/lib.rs",
            r#"
            #[test]
            fn route_audit_routes() {
                let path = if cfg!(feature = "admin") { "/admin" } else { "/without" };
                session_auth::report("routes", "switched", file!(), line!(), &[("GET", path, Some("session"))]);
            }
            "#,
        )
        .file(
            "server/Cargo.toml",
            "[package]\nname = \"server\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
             [dependencies]\nswitched = { path = \"../switched\", features = [\"admin\"] }\n",
        )
        .file("server/src/main.rs", "fn main() {}")
        .write()
        .run(&["list", "--format", "json"])
        .expect_code(0);
    assert_eq!(ran.paths(), ["/admin"]);
}

#[test]
fn a_dependency_may_be_renamed_or_optional() {
    let stand_in = Fixture::manifest("optional");
    let manifest = format!(
        "{}[features]\nweb = [\"dep:auth\"]\n[workspace]\n",
        stand_in.replace(
            "session-auth = {",
            "auth = { package = \"session-auth\", optional = true,"
        )
    );
    let lib = ONE_ROUTE.replace("session_auth", "auth");
    let fixture = Fixture::new("optional")
        .file("Cargo.toml", &manifest)
        .file("src/lib.rs", &format!("#[cfg(feature = \"web\")]\n{lib}"))
        .write();
    let ran = fixture.run(&["list", "--format", "json", "-F", "web"]);
    assert_eq!(ran.expect_code(0).paths(), ["/optional"]);
    let ran = fixture.run(&[]).could_not_run();
    assert!(ran.stderr.contains("nothing to audit"), "{}", ran.stderr);
}

#[test]
fn a_binary_whose_features_are_off_is_named() {
    let manifest = format!(
        "{}[features]\nadmin = []\n[[bin]]\nname = \"panel\"\nrequired-features = [\"admin\"]\n\
         [workspace]\n",
        Fixture::manifest("gated")
    );
    let fixture = Fixture::new("gated")
        .file("Cargo.toml", &manifest)
        .file("src/lib.rs", ONE_ROUTE)
        .file("src/bin/panel.rs", "fn main() {}")
        .write();
    let ran = fixture.run(&[]).expect_code(0);
    assert_eq!(
        ran.stderr,
        "note: binary `panel` of package `gated` is not audited: it needs the features admin\n"
    );
    assert_eq!(fixture.run(&["-q"]).expect_code(0).stderr, "");
    assert_eq!(fixture.run(&["-F", "admin"]).expect_code(0).stderr, "");
}

#[test]
fn a_package_of_handlers_alone_is_covered_by_the_router_that_links_it() {
    let workspace = |declared_in: &str| {
        Fixture::new("handlers")
            .file(
                "Cargo.toml",
                "[workspace]\nresolver = \"3\"\nmembers = [\"handlers\", \"app\"]\n",
            )
            .member("handlers", "")
            .member(
                "app",
                &format!(
                    "#[test]\nfn route_audit_app() {{\nsession_auth::linked(\"app\", \"app\", \
                     file!(), line!(), &[(\"GET\", \"/\", Some(\"session\"))], {declared_in:?});\n}}"
                ),
            )
            .write()
    };
    let covered = workspace("handlers");
    covered.run(&[]).expect_code(0);
    let alone = covered.run(&["-p", "handlers"]).could_not_run();
    assert!(
        alone
            .stderr
            .contains("package `handlers` depends on `session-auth` but has no audited router"),
        "{}",
        alone.stderr
    );
    let uncovered = workspace("app").run(&[]).could_not_run();
    assert!(
        uncovered.stderr.contains("package `handlers`"),
        "{}",
        uncovered.stderr
    );
}

#[test]
fn paths_may_hold_spaces_and_any_script() {
    let ran = Fixture::new("Läden & Märkte 店/der erste")
        .file(
            "Cargo.toml",
            &format!("{}[workspace]\n", Fixture::manifest("laden")),
        )
        .file("src/lib.rs", ONE_ROUTE)
        .write()
        .run(&["list", "--format", "json", "-p", "laden"])
        .expect_code(0);
    assert_eq!(ran.paths(), ["/laden"]);
}

#[test]
fn the_profile_and_the_target_folder_reach_cargo() {
    let fixture = Fixture::package(
        "profiled",
        r#"
        #[test]
        fn route_audit_routes() {
            let path = if cfg!(debug_assertions) { "/debug" } else { "/release" };
            session_auth::report("routes", "profiled", file!(), line!(), &[("GET", path, Some("session"))]);
        }
        "#,
    )
    .write();
    let listed = |args: &[&str]| {
        let mut all = vec!["list", "--format", "json"];
        all.extend(args);
        fixture.run(&all).expect_code(0).paths()
    };
    assert_eq!(listed(&[]), ["/debug"]);
    assert_eq!(listed(&["--release"]), ["/release"]);
    assert_eq!(listed(&["--profile", "release"]), ["/release"]);
    assert!(target_dir().join("release").is_dir());
}

#[test]
fn cargo_locked_fails_where_the_lock_would_change() {
    let fixture = Fixture::package("locking", ONE_ROUTE).write();
    let _ = std::fs::remove_file(fixture.root.join("Cargo.lock"));
    fixture.run(&["--cargo-locked"]).could_not_run();
    fixture.run(&[]).expect_code(0);
    fixture.run(&["--cargo-locked"]).expect_code(0);
}
