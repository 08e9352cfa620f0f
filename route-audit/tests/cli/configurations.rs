//! One router in several configurations, each of them audited: what the union is, and which of
//! them has what.

use expect_test::expect;
use route_audit::exit;
use serde_json::{Value, json};

use crate::support::{Fixture, Ran, binary, finish, linking};

/// `#[audited_router(plain = app(false), beta = app(true))]`: of each its routes.
fn shop(name: &str, beta: &str) -> Fixture {
    Fixture::package(name, &lib(name, beta)).write()
}

fn lib(package: &str, beta: &str) -> String {
    format!(
        r#"
#[test]
fn route_audit_plain() {{
    session_auth::report("plain", "{package}", "src/shop.rs", 8, &[
        ("GET", "/", Some("public")),
        ("GET", "/export", None),
    ]);
}}
#[test]
fn route_audit_beta() {{
    session_auth::report("beta", "{package}", "src/shop.rs", 8, &[
        ("GET", "/", Some("public")),
        ("GET", "/export", None),
        {beta}
    ]);
}}
"#
    )
}

const TRY: &str = r#"("POST", "/try", Some("session")),"#;

fn real(fixture: &Fixture, args: &[&str]) -> Ran {
    let program = env!("CARGO_BIN_EXE_route-audit");
    finish(binary(program).args(args).current_dir(&fixture.root))
}

#[test]
fn a_route_is_listed_once_with_the_configurations_that_have_it() {
    let shop = shop("configurations", TRY);
    let ran = real(&shop, &["list"]).expect_code(exit::CLEAN);
    expect![[r#"
        CLASS    METHODS  PATH     PROOF  HANDLER                  PLACE          ROUTER
        public   GET      /        -      configurations::handler  src/shop.rs:8  all 2
        NONE     GET      /export  -      -                        src/shop.rs:8  all 2
        session  POST     /try     -      configurations::handler  src/shop.rs:8  beta

        route-audit: 3 routes (1 public, 1 session, 1 unclassified) in 2 routers: 1 error, 0 warnings
        `route-audit check` shows the findings
    "#]]
    .assert_eq(&ran.stdout);

    let ran = real(&shop, &["list", "--format", "markdown"]).expect_code(exit::CLEAN);
    for row in [
        "| public | GET | `/` | - | `configurations::handler` | `src/shop.rs:8` | `all 2` |",
        "| session | POST | `/try` | - | `configurations::handler` | `src/shop.rs:8` | `beta` |",
    ] {
        assert!(ran.stdout.contains(row), "{}", ran.stdout);
    }

    let ran = real(&shop, &["--format", "json"]).expect_code(exit::FINDINGS);
    let audit: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let routers = |at: usize| audit["routes"][at]["routers"].clone();
    let [beta, plain] =
        ["beta", "plain"].map(|name| json!({"package": "configurations", "name": name}));
    assert_eq!(routers(0), json!([beta, plain]));
    assert_eq!(routers(1), json!([beta, plain]));
    assert_eq!(routers(2), json!([beta]));
    assert_eq!(audit["routes"][0]["router"], "beta");
    assert_eq!(audit["summary"]["routes"], 3);
    assert_eq!(audit["findings"].as_array().expect("findings").len(), 1);
}

#[test]
fn a_finding_of_several_configurations_is_shown_once() {
    let ran = real(&shop("configurations-finding", TRY), &[]).expect_code(exit::FINDINGS);
    expect![[r#"
        error[unclassified-route]: GET /export is mounted and has no access class
          --> src/shop.rs:8
          = help: add `#[public_route(GET, "/export", reason = "…")]`, `#[webhook_route(GET, "/export", verify = "…")]` or `#[session_route(GET, "/export")]` to its handler

        route-audit: 3 routes (1 public, 1 session, 1 unclassified) in 2 routers: 1 error, 0 warnings
    "#]]
    .assert_eq(&ran.stdout);
}

/// Both link the declaration of `/try`; that one of them mounts it is enough, and no less is.
#[test]
fn a_declaration_needs_one_configuration_that_mounts_it() {
    let declared = [("/", "half-mounted"), ("/try", "half-mounted")];
    let report =
        |router: &str, mounted: &[&str]| linking("half-mounted", router, mounted, &declared);
    let shop = |beta: &[&str]| {
        let lib = [report("plain", &["/"]), report("beta", beta)].concat();
        real(&Fixture::package("half-mounted", &lib).write(), &[])
    };
    let ran = shop(&["/", "/try"]).expect_code(exit::CLEAN);
    assert_eq!(
        ran.stdout,
        "route-audit: 2 routes (2 session) in 2 routers: clean\n"
    );
    let ran = shop(&["/"]).expect_code(exit::FINDINGS);
    assert!(
        ran.stdout
            .contains("error[unmounted-declaration]: GET /try"),
        "{}",
        ran.stdout
    );
}

#[test]
fn a_change_of_several_configurations_is_one_finding() {
    let name = "configurations-locked";
    let settled = |beta: &str| lib(name, beta).replace("None", "Some(\"session\")");
    let shop = Fixture::package(name, &settled(TRY)).write();
    real(&shop, &["--update"]).expect_code(exit::CLEAN);
    let lock = std::fs::read_to_string(shop.root.join("routes.lock")).expect("a lock");
    for router in ["beta", "plain"] {
        assert!(lock.contains(&format!("{name}/{router}")), "{lock}");
    }
    let changed = settled("")
        .replace("(\"GET\", \"/\", Some(\"public\")),", "")
        .replace(
            "\"/export\", Some(\"session\")",
            "\"/export\", Some(\"public\")",
        );
    let shop = Fixture::package(name, &changed)
        .file("routes.lock", &lock)
        .write();
    let ran = real(&shop, &["--locked"]).expect_code(exit::FINDINGS);
    let first_lines: Vec<_> = ran
        .stdout
        .lines()
        .filter(|line| line.starts_with("error["))
        .collect();
    assert_eq!(
        first_lines,
        [
            "error[lock-widened]: GET /export needed a session and is now public: anyone may call it",
            "error[lock-narrowed]: GET / was public and is gone: its callers will get 404",
            "error[lock-narrowed]: POST /try needed a session and is gone: its callers will get 404",
        ]
    );
}

#[test]
fn routers_of_two_packages_may_share_a_name() {
    let service = |name: &str| {
        format!(
            "#[test]\nfn route_audit_app() {{\nsession_auth::report(\"app\", {name:?}, file!(), \
             line!(), &[(\"GET\", \"/health\", Some(\"public\"))]);\n}}\n"
        )
    };
    let workspace = Fixture::new("namesakes")
        .file(
            "Cargo.toml",
            "[workspace]\nresolver = \"3\"\nmembers = [\"same-api\", \"same-admin\"]\n",
        )
        .member("same-api", &service("same-api"))
        .member("same-admin", &service("same-admin"))
        .write();
    let ran = real(&workspace, &["list"]).expect_code(exit::CLEAN);
    expect![[r#"
        CLASS   METHODS  PATH     PROOF  HANDLER              PLACE                    ROUTER
        public  GET      /health  -      same-admin::handler  same-admin/src/lib.rs:3  same-admin/app
        public  GET      /health  -      same-api::handler    same-api/src/lib.rs:3    same-api/app

        route-audit: 2 routes (2 public) in 2 routers: clean
    "#]]
    .assert_eq(&ran.stdout);
}

/// With the lock and without it: a finding of the one could not be told from one of the other.
#[test]
fn two_routers_of_one_name_in_a_package_are_refused() {
    let app = "#[test]\nfn route_audit_app() {\nsession_auth::report(\"app\", \"one-name\", file!(), \
               line!(), &[(\"GET\", \"/\", Some(\"public\"))]);\n}\n";
    let package = Fixture::package("one-name", app)
        .file("src/main.rs", &format!("fn main() {{}}\n{app}"))
        .file("routes.lock", "schema 1\n")
        .write();
    for args in [&[][..], &["list"], &["check", "--locked"]] {
        let ran = real(&package, args).could_not_run();
        let message = ran.stderr.split_once("error: ").expect("an error").1;
        expect![[r#"
            two audited routers of package `one-name` are called `app`, at src/lib.rs:3 and src/main.rs:4
              --> src/main.rs:4
              = help: routers are told apart by their names: rename one of the functions, or give it another name for the audit: `#[audited_router(other_name = …)]`

            route-audit: could not run
        "#]]
        .assert_eq(message);
    }
}
