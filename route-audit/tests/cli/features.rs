//! The features of a build: what is off is not there, and the lock may have been written with it.

use route_audit::exit;

use crate::support::Fixture;

const APP: &str = r#"
#[test]
fn route_audit_app() {
    session_auth::report("app", env!("CARGO_PKG_NAME"), file!(), line!(), &[("GET", "/", Some("public"))]);
}

#[cfg(feature = "admin")]
#[test]
fn route_audit_admin() {
    session_auth::report("admin", env!("CARGO_PKG_NAME"), file!(), line!(), &[("GET", "/admin/users", Some("session"))]);
}
"#;

fn manifest(name: &str) -> String {
    format!("{}[features]\nadmin = []\n", Fixture::manifest(name))
}

/// Cargo resolves the features of the whole workspace, and builds what is selected: a feature that
/// a package turns on which is not built is off.
#[test]
fn the_features_are_those_of_the_build() {
    let fixture = Fixture::new("features_unified")
        .file(
            "Cargo.toml",
            "[workspace]\nresolver = \"3\"\nmembers = [\"gated_shop\", \"gated_server\"]\n",
        )
        .member("gated_shop", APP)
        .file("gated_shop/Cargo.toml", &manifest("gated_shop"))
        .file(
            "gated_server/Cargo.toml",
            "[package]\nname = \"gated_server\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
             [dependencies]\ngated_shop = { path = \"../gated_shop\", features = [\"admin\"] }\n",
        )
        .file("gated_server/src/main.rs", "fn main() {}")
        .write();
    fixture
        .run(&["--workspace", "--update"])
        .expect_code(exit::CLEAN);
    let ran = fixture
        .run(&["-p", "gated_shop", "--locked"])
        .expect_code(exit::FINDINGS);
    let note = "note: package `gated_shop` is built without features, and routes.lock may have been \
                written with them (see `--features`; `--workspace` where another member turns them \
                on): `admin`\n";
    assert!(ran.stderr.contains(note), "{}", ran.stderr);
}

/// The lock does not say with which features it was written; the run says which ones it lacks.
#[test]
fn routes_that_are_gone_with_a_feature_come_with_a_note() {
    let name = "features_locked";
    let fixture = Fixture::package(name, APP)
        .file("Cargo.toml", &format!("{}[workspace]\n", manifest(name)))
        .write();
    fixture
        .run(&["--all-features", "--update"])
        .expect_code(exit::CLEAN);
    let ran = fixture.run(&["--locked"]).expect_code(exit::FINDINGS);
    assert!(
        ran.stdout
            .contains("error[lock-narrowed]: GET /admin/users needed a session and is gone"),
        "{}",
        ran.stdout
    );
    let note = format!("note: package `{name}` is built without features, and routes.lock ");
    assert!(ran.stderr.contains(&note), "{}", ran.stderr);
    let ran = fixture
        .run(&["--locked", "--all-features"])
        .expect_code(exit::CLEAN);
    assert!(!ran.stderr.contains("note:"), "{}", ran.stderr);
}
