//! Declarations that a package brings which is not audited.

use route_audit::exit;

use crate::support::{Fixture, Ran, binary, finish, linking};

/// A service of that name that links a library from outside of its workspace.
fn shop(name: &str, mounted: &[&str]) -> Ran {
    let manifest = Fixture::manifest(name);
    let library = format!("{name}-status");
    let declared = [("/", name), ("/status", library.as_str())];
    let fixture = Fixture::new(name)
        .file(
            "service/Cargo.toml",
            &format!("{manifest}{library} = {{ path = \"../{library}\" }}\n[workspace]\n"),
        )
        .file(
            "service/src/lib.rs",
            &linking(name, "app", mounted, &declared),
        )
        .member(&library, "")
        .write();
    let program = env!("CARGO_BIN_EXE_route-audit");
    let folder = fixture.root.join("service");
    finish(
        binary(program)
            .args(["--format", "json"])
            .current_dir(folder),
    )
}

fn codes(ran: &Ran) -> Vec<String> {
    let audit: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let findings = audit["findings"].as_array().expect("findings");
    let code = |one: &serde_json::Value| one["code"].as_str().expect("a code").to_owned();
    findings.iter().map(code).collect()
}

#[test]
fn a_library_s_route_need_not_be_mounted() {
    let ran = shop("dependencies-unmounted", &["/"]).expect_code(exit::CLEAN);
    assert_eq!(ran.paths(), ["/"]);
    let ran = shop("dependencies-unmounted", &["/", "/status"]).expect_code(exit::CLEAN);
    assert_eq!(ran.paths(), ["/", "/status"]);
}

#[test]
fn a_library_s_route_under_another_path_shows() {
    let ran = shop("dependencies-elsewhere", &["/", "/ops/status"]).expect_code(exit::FINDINGS);
    assert_eq!(codes(&ran), ["unclassified-route"]);
}

#[test]
fn a_declaration_of_the_service_has_to_be_mounted() {
    let ran = shop("dependencies-own", &["/status"]).expect_code(exit::FINDINGS);
    assert_eq!(codes(&ran), ["unmounted-declaration"]);
}

/// With `-p` the router that mounts the rest is not there to be seen.
#[test]
fn a_member_that_is_not_selected_is_like_a_library() {
    let declared = [("/", "member-handlers"), ("/admin", "member-handlers")];
    let workspace = Fixture::new("dependencies-member")
        .file(
            "Cargo.toml",
            "[workspace]\nresolver = \"3\"\nmembers = [\"member-handlers\", \"member-site\", \
             \"member-admin\"]\n",
        )
        .member("member-handlers", "")
        .member(
            "member-site",
            &linking("member-site", "site", &["/"], &declared),
        )
        .member(
            "member-admin",
            &linking("member-admin", "admin", &["/admin"], &declared),
        )
        .write();
    workspace.run(&["--workspace"]).expect_code(exit::CLEAN);
    workspace
        .run(&["-p", "member-site"])
        .expect_code(exit::CLEAN);
    let ran = workspace.run(&[
        "-p",
        "member-site",
        "-p",
        "member-handlers",
        "--format",
        "json",
    ]);
    assert_eq!(
        codes(&ran.expect_code(exit::FINDINGS)),
        ["unmounted-declaration"]
    );
}
