use quote::quote;

use super::*;

#[test]
fn the_name_in_the_manifest() {
    const ROOT: &str = r#"
            [workspace.dependencies]
            auth = { package = "session-auth", version = "0.1" }
            session-auth = "0.1"
            other = { package = "something-else", version = "1" }
        "#;
    for (case, manifest, expected) in [
        (
            "plain",
            "[dependencies]\nsession-auth = \"0.1\"",
            Some("session-auth"),
        ),
        (
            "renamed in line",
            "[dependencies]\nauth = { package = \"session-auth\", version = \"0.1\" }",
            Some("auth"),
        ),
        (
            "renamed in a table of its own",
            "[dependencies.auth]\npackage = \"session-auth\"\nversion = \"0.1\"",
            Some("auth"),
        ),
        (
            "dotted keys",
            "[dependencies]\nauth.package = \"session-auth\"\nauth.version = \"0.1\"",
            Some("auth"),
        ),
        (
            "for tests only",
            "[dev-dependencies]\nauth = { package = \"session-auth\", path = \"..\" }",
            Some("auth"),
        ),
        (
            "for one target",
            "[target.'cfg(unix)'.dependencies]\nauth = { package = \"session-auth\", path = \"..\" }",
            Some("auth"),
        ),
        (
            "for one target, dev",
            "[target.x86_64-unknown-linux-gnu.dev-dependencies.auth]\npackage = \"session-auth\"",
            Some("auth"),
        ),
        (
            "renamed by the workspace",
            "[dependencies]\nauth = { workspace = true }",
            Some("auth"),
        ),
        (
            "renamed by the workspace, dotted",
            "[dependencies]\nauth.workspace = true",
            Some("auth"),
        ),
        (
            "the workspace means something else",
            "[dependencies]\nother.workspace = true",
            None,
        ),
        (
            "another package under this name",
            "[dependencies]\nsession-auth = { package = \"fork\", version = \"1\" }\nauth = { package = \"session-auth\", version = \"1\" }",
            Some("auth"),
        ),
        (
            "both names: its own",
            "[dependencies]\na = { package = \"session-auth\", version = \"1\" }\nsession-auth.workspace = true",
            Some("session-auth"),
        ),
        ("not a dependency", "[dependencies]\naxum = \"0.8\"", None),
        (
            "all kinds of values around it",
            "x = 1\ny = 1.5\nz = [1, { a = true }]\nt = false\n[[bin]]\nname = \"a\"\n[dependencies]\nauth = { package = \"session-auth\", features = [\"redis\"], optional = false }",
            Some("auth"),
        ),
    ] {
        let toml = parse(manifest).expect(case);
        let root = || Some(ROOT.to_owned());
        assert_eq!(renamed(&toml, root).as_deref(), expected, "{case}");
    }
}

#[test]
fn the_workspace_is_found_above_or_where_the_package_says() {
    const MEMBER: &str = "[dependencies]\nour-auth.workspace = true";
    const ROOT: &str =
        "[workspace.dependencies]\nour-auth = { package = \"session-auth\", version = \"0.1\" }";

    let folder = std::env::temp_dir().join(format!("session-auth-{}", std::process::id()));
    let write = |path: &str, text: &str| {
        let manifest = folder.join(path).join("Cargo.toml");
        std::fs::create_dir_all(folder.join(path)).expect(path);
        std::fs::write(&manifest, text).expect(path);
        manifest
    };
    write("root", ROOT);
    let below = write("root/crates/below", MEMBER);
    let beside = write(
        "beside",
        &format!("[package]\nname = \"beside\"\nworkspace = \"../root\"\n{MEMBER}"),
    );
    let alone = write("alone", MEMBER);
    let own = write("own", &format!("{MEMBER}\n{ROOT}"));
    let broken = write("broken", "[dependencies");
    let names = [&below, &beside, &alone, &own, &broken].map(|manifest| name_in(manifest));
    std::fs::remove_dir_all(&folder).expect("its own folder");
    assert_eq!(
        names,
        [
            "our_auth",
            "our_auth",
            "session_auth",
            "our_auth",
            "session_auth"
        ]
    );
    assert_eq!(name_in(&folder.join("Cargo.toml")), "session_auth");
}

#[test]
fn inside_the_workspace_the_name_is_plain() {
    assert_eq!(quote!(::session_auth).to_string(), {
        let path = path();
        quote!(#path).to_string()
    });
}
