//! `init`: what it writes, and what it leaves alone.

use std::fs;
use std::path::Path;
use std::process::Command;

use expect_test::expect;
use route_audit::exit;

use crate::support::{Fixture, routes};

const WORKFLOW: &str = ".github/workflows/route-audit.yml";
const ADDRESS: &str = "https://git.example/team/session-auth";
const REVISION: &str = "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567";
const INIT: [&str; 5] = ["init", "--source", ADDRESS, "--rev", REVISION];
const ROUTES: [(&str, &str, &str); 2] = [("GET", "/", "public"), ("GET", "/api/me", "session")];

/// A repository of its own: the tests' folder is in one, too.
fn git_init(folder: &Path) {
    let status = Command::new("git")
        .args(["-c", "init.defaultBranch=main", "init", "-q"])
        .arg(folder)
        .status();
    assert!(status.expect("git starts").success());
}

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&INIT[..], more].concat()
}

fn service(name: &str, all: &[(&str, &str, &str)]) -> Fixture {
    let fixture = Fixture::package(name, &routes(name, all)).write();
    git_init(&fixture.root);
    fixture
}

fn read(fixture: &Fixture, path: &str) -> Option<String> {
    fs::read_to_string(fixture.root.join(path)).ok()
}

#[test]
fn it_writes_what_a_repository_needs() {
    let fixture = service("init-new", &ROUTES);
    let manifest = read(&fixture, "Cargo.toml").expect("a manifest");
    let ran = fixture.run(&INIT).expect_code(exit::CLEAN);
    expect![[r#"
        edited Cargo.toml
         wrote routes.lock
         wrote .github/workflows/route-audit.yml

        Next:
          1. Read routes.lock: it says who may call each route.
          2. Run `route-audit check --self-test`: it proves that the check sees.
          3. Commit these files. On GitHub, require the check `route-audit` for pull requests.

        For clippy, which finds the ways around a guard that the source names, in clippy.toml:

            # What session-auth guards is served by `Protected::serve`. `allow-invalid` is for what a feature of
            # its crate may leave out.
            disallowed-methods = [
                { path = "axum::serve", allow-invalid = true, reason = "serve what `protect` returns: `app.serve(listener)`" },
                { path = "axum::Router::into_make_service", reason = "no guard is around an axum router" },
                { path = "axum::Router::into_make_service_with_connect_info", allow-invalid = true, reason = "no guard is around an axum router" },
                { path = "axum::routing::MethodRouter::into_make_service", reason = "no guard is around an axum router" },
                { path = "axum::routing::MethodRouter::into_make_service_with_connect_info", allow-invalid = true, reason = "no guard is around an axum router" },
                { path = "axum::ServiceExt::into_make_service", reason = "`Protected` has a method of this name" },
                { path = "axum::ServiceExt::into_make_service_with_connect_info", allow-invalid = true, reason = "`Protected` has a method of this name" },
                { path = "axum::handler::HandlerService::into_make_service", reason = "no guard is around a handler" },
                { path = "axum::handler::HandlerService::into_make_service_with_connect_info", allow-invalid = true, reason = "no guard is around a handler" },
                { path = "axum::handler::HandlerWithoutStateExt::into_service", reason = "mount the handler itself: its class is in its type" },
                { path = "axum::handler::HandlerWithoutStateExt::into_make_service", reason = "no guard is around a handler" },
                { path = "axum::handler::HandlerWithoutStateExt::into_make_service_with_connect_info", allow-invalid = true, reason = "no guard is around a handler" },
                { path = "axum_server::Server::serve", reason = "give it what `protect` returns, and expect this lint with the reason" },
                { path = "hyper::server::conn::http1::Builder::serve_connection", allow-invalid = true, reason = "give it what `protect` returns, and expect this lint with the reason" },
                { path = "hyper::server::conn::http2::Builder::serve_connection", allow-invalid = true, reason = "give it what `protect` returns, and expect this lint with the reason" },
                { path = "hyper_util::server::conn::auto::Builder::serve_connection", allow-invalid = true, reason = "give it what `protect` returns, and expect this lint with the reason" },
                { path = "hyper_util::server::conn::auto::Builder::serve_connection_with_upgrades", allow-invalid = true, reason = "give it what `protect` returns, and expect this lint with the reason" },
            ]
    "#]]
    .assert_eq(&ran.stdout);
    let edited = read(&fixture, "Cargo.toml").expect("a manifest");
    let block = edited.strip_prefix(&manifest).expect("the text is kept");
    expect![[r#"

        # Who may call each route is in the lock: see `route-audit check --help`.
        [workspace.metadata.route-audit]
        lock = "routes.lock"
    "#]]
    .assert_eq(block);
    let lock = read(&fixture, "routes.lock").expect("a lock");
    let workflow = read(&fixture, WORKFLOW).expect("a workflow");
    assert!(workflow.contains("\n    name: route-audit\n"), "{workflow}");
    let install =
        format!("cargo +stable install --locked --git {ADDRESS} --rev {REVISION} route-audit\n");
    assert!(workflow.contains(&install), "{workflow}");

    // What CI will do.
    fixture.run(&["check", "--locked"]).expect_code(exit::CLEAN);
    // It is the lock that `--update` writes.
    let ran = fixture.run(&["--update"]).expect_code(exit::CLEAN);
    assert!(ran.stderr.contains("up to date"), "{}", ran.stderr);

    // Once more: nothing changes.
    let ran = fixture.run(&with(&["--force"])).expect_code(exit::CLEAN);
    assert!(
        ran.stdout.starts_with(
            "  kept Cargo.toml: [workspace.metadata.route-audit] is there\n  \
             kept routes.lock: it is up to date\n"
        ),
        "{}",
        ran.stdout
    );
    assert_eq!(read(&fixture, "Cargo.toml"), Some(edited));
    assert_eq!(read(&fixture, "routes.lock"), Some(lock));
}

fn written_nothing(fixture: &Fixture) {
    for file in ["routes.lock", WORKFLOW] {
        assert_eq!(read(fixture, file), None, "{file}");
    }
    let manifest = read(fixture, "Cargo.toml").expect("a manifest");
    assert!(!manifest.contains("route-audit"), "{manifest}");
}

/// The name on the public registry is anybody's: nothing is taken by it.
#[test]
fn without_a_source_nothing_is_written() {
    let fixture = service("init-no-source", &ROUTES);
    let ran = fixture.run(&["init"]).could_not_run();
    expect![[r#"
        error: `init` does not know where route-audit comes from: the workflow that it writes has to install it, and by its bare name it would be anybody's
          = help: give `--source PATH`, a folder with the repository of route-audit, or `--source ADDRESS --rev REVISION`, its git address (`https://…` or `ssh://…`) and a full commit hash

        route-audit: could not run
    "#]]
    .assert_eq(&ran.stderr);
    for (args, why) in [
        (
            &["--force"][..],
            "does not know where route-audit comes from",
        ),
        (&["--dry-run"], "does not know where route-audit comes from"),
        (&["--rev", REVISION], "--source <PATH|ADDRESS>"),
        (
            &["--source", ADDRESS],
            "`--rev` does not say which revision",
        ),
        (
            &["--source", ADDRESS, "--rev", "main"],
            "is no full commit hash",
        ),
        (
            &["--source", "src", "--rev", REVISION],
            "`--source src` is a folder",
        ),
        (
            &["--source", "src"],
            "does not hold the repository of route-audit",
        ),
        (
            &["--source", "https://a:b@git.example/c", "--rev", REVISION],
            "a user's name",
        ),
    ] {
        let ran = fixture.run(&[&["init"], args].concat()).could_not_run();
        assert!(ran.stderr.contains(why), "{args:?}: {}", ran.stderr);
    }
    written_nothing(&fixture);
}

/// A repository of route-audit, as far as it is looked at.
fn source_in(folder: &Path) {
    let package = folder.join("route-audit");
    fs::create_dir_all(&package).expect("create it");
    fs::write(
        package.join("Cargo.toml"),
        "[package]\nname = \"route-audit\"\n",
    )
    .expect("write it");
}

#[test]
fn a_source_in_the_repository_is_installed_from_there() {
    let name = "init-vendored";
    let fixture = Fixture::new(name)
        .file("shop/Cargo.toml", "[workspace]\nmembers = [\"web\"]")
        .file("shop/web/Cargo.toml", &Fixture::manifest("web"))
        .file("shop/web/src/lib.rs", &routes("web", &ROUTES))
        .write();
    git_init(&fixture.root);
    source_in(&fixture.root.join("our tools/session-auth"));
    fixture
        .run_in("shop", &["init", "--source", "../our tools/session-auth"])
        .expect_code(exit::CLEAN);
    let workflow = read(&fixture, WORKFLOW).expect("a workflow");
    let install =
        "install --locked --path \"$GITHUB_WORKSPACE\"/'our tools/session-auth/route-audit'\n";
    assert!(workflow.contains(install), "{workflow}");
}

/// What this machine has and CI has not is written into no workflow.
#[test]
fn a_source_that_ci_has_not_makes_no_workflow() {
    let elsewhere = tempfile::tempdir().expect("a folder");
    source_in(elsewhere.path());
    let outside = elsewhere.path().to_str().expect("UTF-8");
    for (name, source, why) in [
        ("init-outside", outside, "is outside of the repository"),
        ("init-nested", "clone", "is in a git repository of its own"),
        ("init-ignored", "ignored", "git ignores "),
    ] {
        let fixture = service(name, &ROUTES);
        for folder in ["clone", "ignored"] {
            source_in(&fixture.root.join(folder));
        }
        git_init(&fixture.root.join("clone"));
        fs::write(fixture.root.join(".gitignore"), "/ignored\n").expect("write it");
        let init = ["init", "--source", source];
        let dry = fixture.run(&[&init[..], &["--dry-run"]].concat());
        let dry = dry.expect_code(exit::CLEAN).stdout;
        assert!(
            dry.contains(&format!("would not write {WORKFLOW}: ")),
            "{dry}"
        );
        let ran = fixture.run(&init).expect_code(exit::CLEAN);
        assert!(
            ran.stdout.contains(&format!("no {WORKFLOW}: ")),
            "{}",
            ran.stdout
        );
        for text in [
            why,
            "CI needs a route-audit",
            "init --source ADDRESS --rev REVISION",
        ] {
            assert!(ran.stdout.contains(text), "{text}: {}", ran.stdout);
        }
        assert_eq!(read(&fixture, WORKFLOW), None);
        assert!(read(&fixture, "routes.lock").is_some());
    }
}

#[test]
fn what_exists_is_replaced_by_force_alone() {
    let name = "init-exists";
    let fixture = service(name, &ROUTES);
    fixture.run(&["--update"]).expect_code(exit::CLEAN);
    let workflow = fixture.root.join(WORKFLOW);
    fs::create_dir_all(workflow.parent().expect("a folder")).expect("create it");
    fs::write(&workflow, "name: mine\n").expect("write it");
    fs::write(fixture.root.join("src/lib.rs"), routes(name, &ROUTES[..1])).expect("write it");
    let old = read(&fixture, "routes.lock");

    let ran = fixture.run(&INIT).expect_code(exit::CLEAN);
    for file in ["routes.lock", WORKFLOW] {
        let kept = format!("  kept {file}: it exists\n");
        assert!(ran.stdout.contains(&kept), "{}", ran.stdout);
    }
    assert_eq!(read(&fixture, "routes.lock"), old);
    assert_eq!(read(&fixture, WORKFLOW).as_deref(), Some("name: mine\n"));

    let ran = fixture.run(&with(&["--force"])).expect_code(exit::CLEAN);
    for file in ["routes.lock", WORKFLOW] {
        assert!(
            ran.stdout.contains(&format!("edited {file}\n")),
            "{}",
            ran.stdout
        );
    }
    fixture.run(&["--locked"]).expect_code(exit::CLEAN);
    let replaced = read(&fixture, WORKFLOW).expect("a workflow");
    assert!(replaced.contains("name: route-audit"), "{replaced}");
}

#[test]
fn a_dry_run_and_an_error_write_nothing() {
    let dry = service("init-dry", &ROUTES);
    let ran = dry.run(&with(&["--dry-run"])).expect_code(exit::CLEAN);
    for text in [
        "would edit Cargo.toml:\n\n    # Who",
        "would write routes.lock:\n\n    # Who may call each route.",
        "would write .github/workflows/route-audit.yml:\n\n    # Written",
    ] {
        assert!(ran.stdout.contains(text), "{text}: {}", ran.stdout);
    }
    let open = service("init-open", &[("GET", "/legacy/export", "none")]);
    let ran = open.run(&INIT).expect_code(exit::FINDINGS);
    assert!(ran.stdout.contains("unclassified-route"), "{}", ran.stdout);
    assert!(ran.stderr.contains("nothing was written"), "{}", ran.stderr);
    written_nothing(&dry);
    written_nothing(&open);
}

#[test]
fn a_workspace_below_the_top_of_its_repository_has_its_workflow_there() {
    let name = "init-below";
    let fixture = Fixture::new(name)
        .file("my shop/Cargo.toml", "[workspace]\nmembers = [\"web\"]")
        .file("my shop/web/Cargo.toml", &Fixture::manifest("web"))
        .file("my shop/web/src/lib.rs", &routes("web", &ROUTES))
        .write();
    git_init(&fixture.root);
    fixture
        .run_in("my shop", &with(&["--workspace"]))
        .expect_code(exit::CLEAN);
    let workflow = read(&fixture, WORKFLOW).expect("at the top");
    for text in [
        "        working-directory: 'my shop'\n",
        "check --locked --format github --workspace\n",
    ] {
        assert!(workflow.contains(text), "{text}: {workflow}");
    }
    assert!(read(&fixture, "my shop/routes.lock").is_some());
}

/// The table makes the package the root of a workspace, and cargo takes in what lies below it.
#[test]
fn a_package_that_becomes_a_workspace_of_others_is_put_back() {
    let name = "init-root";
    let root = format!(
        "{}below = {{ path = \"below\" }}\n",
        Fixture::manifest(name)
    );
    let fixture = Fixture::new(name)
        .file("Cargo.toml", &root)
        .file("src/lib.rs", &routes(name, &ROUTES))
        .file(
            "below/Cargo.toml",
            "[package]\nname = \"below\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n",
        )
        .file("below/src/lib.rs", "")
        .write();
    // Outside of every workspace, as such a package has to be.
    let folder = tempfile::tempdir().expect("a folder");
    copy(&fixture.root, folder.path());
    git_init(folder.path());
    let ran = crate::support::run_in(folder.path(), &INIT).could_not_run();
    assert!(
        ran.stderr.contains("Cargo.toml was put back"),
        "{}",
        ran.stderr
    );
    let manifest = fs::read_to_string(folder.path().join("Cargo.toml"));
    assert_eq!(manifest.expect("a manifest"), root);
    assert!(!folder.path().join("routes.lock").exists());
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("create it");
    for entry in fs::read_dir(from).expect("list it") {
        let path = entry.expect("read it").path();
        let to = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(&path, &to).expect("copy it");
        }
    }
}
