use expect_test::{Expect, expect};

use super::*;
use crate::testing::{metadata, package};

fn parse(table: &str) -> Result<Config, String> {
    let text = format!("[package]\nname = \"é\"\n[workspace.metadata.route-audit]\n{table}\n");
    let members = ["web", "tool"].map(|name| package(name, &["beta"], &[]));
    let members = Vec::from_iter(&members);
    Config::parse(&text, "Cargo.toml", &members).map_err(|error| error.to_string())
}

#[test]
fn without_a_table_everything_has_its_default() {
    let config = Config::parse("", "Cargo.toml", &[]).expect("it is optional");
    assert_eq!(config, parse("").expect("so is every key"));
    assert_eq!(config.lock, "routes.lock");
    assert_eq!(config.policy, Policy::default());
}

#[test]
fn a_table_that_nobody_reads_is_an_error() {
    let table = serde_json::json!({ "exclude": ["tool"] });
    let mut web = package("web", &[], &[]);
    for (of_package, of_workspace, wrong) in [
        (None, Some("other"), None),
        (Some(KEY), None, Some("[package.metadata.route-audit]")),
        (
            None,
            Some("route_audits"),
            Some("[workspace.metadata.route_audits]"),
        ),
    ] {
        let tables = |key: Option<&str>| {
            key.map_or(
                serde_json::json!({}),
                |key| serde_json::json!({ key: table }),
            )
        };
        web.metadata = tables(of_package);
        let mut metadata = metadata(&[(&web, &[])]);
        metadata.workspace_metadata = tables(of_workspace);
        let read = Config::of(&metadata).map_err(|error| error.to_string());
        match wrong {
            None => assert!(read.is_ok(), "{read:?}"),
            Some(wrong) => {
                let error = read.expect_err(wrong);
                assert!(
                    error.contains(&format!("{wrong} is read by nobody")),
                    "{error}"
                );
            }
        }
    }
}

#[test]
fn an_unknown_key_is_pointed_at() {
    for (table, place) in [
        ("exclude = []\nexcludes = []", "Cargo.toml:5:1"),
        (
            "unaudited = [{ function = \"web::metrics\", reason = \"private\" }]",
            "Cargo.toml:4:1",
        ),
        (
            "[workspace.metadata.route-audit.policy]\n  max_pubic = 1",
            "Cargo.toml:5:3",
        ),
        (
            "[[workspace.metadata.route-audit.policy.allow]]\nprefix = \"/a\"\n\
             classes = [\"session\"]\nclass = 1",
            "Cargo.toml:7:1",
        ),
        ("policy = { require_owner = \"yes\" }", "Cargo.toml:4:28"),
        (
            "policy = { require_owner = [\"admin\"] }",
            "Cargo.toml:4:29",
        ),
        ("policy = { max_public = -1 }", "Cargo.toml:4:25"),
    ] {
        let error = parse(table).expect_err(table);
        assert!(
            error.contains(&format!("--> {place}\n")),
            "{table}: {error}"
        );
    }
}

#[track_caller]
fn refused(table: &str, expected: Expect) {
    expected.assert_eq(&parse(table).expect_err(table));
}

#[test]
fn builds_exits_and_the_command_are_read() {
    let config = parse(
        "builds = [{}, { features = [\"beta\"] }]\nrun = \"cargo run\"\n\
         exits = [{ file = \"src/main.rs\", call = \"axum::serve\", reason = \"metrics\" }]",
    )
    .expect("they are keys");
    assert_eq!(config.run.as_deref(), Some("cargo run"));
    assert_eq!(config.exits[0].file, "src/main.rs");
    let package = package("web", &["beta"], &[]);
    let builds = config.builds.expect("two").of_packages(&[&package]);
    let names: Vec<_> = builds.iter().map(crate::builds::Build::name).collect();
    assert_eq!(names, ["default", "beta"]);
    refused(
        "builds = []\nrun = \" \"\n\
         exits = [{ file = \"src/main.rs\", call = \"axum::serve\", reason = \"\" }]",
        expect![[r#"
            error: [workspace.metadata.route-audit]: `run` is no command
              --> Cargo.toml:5:7
              = help: write what starts the service, `run = "cargo run -p web"`, or remove it

            error: [workspace.metadata.route-audit]: `builds` is empty: nothing would be audited
              --> Cargo.toml:4:10
              = help: name the builds, `builds = [{}, { release = true }]`, or leave the key out: then it is the one that the command line asks for

            error: the exception for `axum::serve` in `src/main.rs` under `exits` has no reason
              --> Cargo.toml:6:65
              = help: say why what is served there needs no guard

            route-audit: could not run
        "#]],
    );
}

#[test]
fn what_is_wrong_is_said_at_once() {
    refused(
        "exclude = [\"tool\", \"tol\"]\nlock = \"../routes.lock\"\n\
         policy = { allow = [{ prefix = \"internal/\", classes = [] }] }",
        expect![[r#"
            error: [workspace.metadata.route-audit]: `exclude` names `tol`, which is no member of the workspace
              --> Cargo.toml:4:20
              = help: correct the name, or remove it

            error: [workspace.metadata.route-audit]: `lock` is `../routes.lock`, which is no file inside the workspace
              --> Cargo.toml:5:8
              = help: write a path from the root of the workspace: `lock = "routes.lock"`

            error: policy: `internal/` is no prefix of paths: it starts with `/` and does not end with one
              --> Cargo.toml:6:32
              = help: write whole segments, such as `/internal`: it covers `/internal` and `/internal/…`, and not `/internals`

            error: policy: the prefix `internal/` allows no class
              --> Cargo.toml:6:55
              = help: name one at least: `public`, `webhook` or `session`

            route-audit: could not run
        "#]],
    );
    refused(
        "[[workspace.metadata.route-audit.policy.allow]]\nprefix = \"/a\"\n\
         classes = [\"session\"]\n\
         [[workspace.metadata.route-audit.policy.allow]]\nprefix = \"/a\"\n\
         classes = [\"webhook\"]",
        expect![[r#"
            error: policy: the prefix `/a` is there twice
              --> Cargo.toml:8:10
              = help: put all its classes into one entry

            route-audit: could not run
        "#]],
    );
    refused(
        "[workspace.metadata.route-audit.policy]\nmax_pubic = 1",
        expect![[r#"
            error: [workspace.metadata.route-audit]: unknown field `max_pubic`, expected one of `allow`, `max_public`, `require_owner`, `require_expect_every`, `forbid_verify_handler`
              --> Cargo.toml:5:1
              = help: the keys are `exclude`, a list of package names, `lock`, a path, `builds`, a list of tables, `run`, a command, `exits`, a list of tables, and the table `policy`, with `allow`, `max_public`, `require_owner`, `require_expect_every` and `forbid_verify_handler`

            route-audit: could not run
        "#]],
    );
}

#[test]
fn a_prefix_is_of_whole_segments() {
    let allow = |prefix: &str| {
        parse(&format!(
            "policy = {{ allow = [{{ prefix = {prefix:?}, classes = [\"session\"] }}] }}"
        ))
    };
    for good in ["/", "/internal", "/a/b"] {
        allow(good).expect(good);
    }
    for wrong in ["", "internal", "/internal/"] {
        let error = allow(wrong).expect_err(wrong);
        assert!(error.contains("is no prefix of paths"), "{wrong}: {error}");
    }
}

#[test]
fn a_lock_lies_inside_the_workspace() {
    for inside in ["routes.lock", "security/routes.lock"] {
        let config = parse(&format!("lock = {inside:?}")).expect(inside);
        assert_eq!(config.lock, inside);
    }
    for outside in [
        "",
        "/routes.lock",
        "../routes.lock",
        "a/../../b",
        ".",
        "a\\routes.lock",
    ] {
        parse(&format!("lock = {outside:?}")).expect_err(outside);
    }
}
