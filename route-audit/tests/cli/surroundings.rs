//! What the tests of a package run in: its folder, and the variables that cargo would set.

use crate::support::{Fixture, binary, finish, routes};

#[test]
fn tests_run_in_the_package_s_folder_with_cargo_s_variables() {
    let ran = Fixture::new("surroundings")
        .file(
            "Cargo.toml",
            "[workspace]\nresolver = \"3\"\nmembers = [\"inner\"]\n",
        )
        .member(
            "inner",
            r#"
            #[test]
            fn route_audit_routes() {
                let here = std::env::current_dir().unwrap();
                assert_eq!(here.canonicalize().unwrap(),
                    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).canonicalize().unwrap());
                for (now, built) in [
                    ("CARGO_MANIFEST_DIR", env!("CARGO_MANIFEST_DIR")),
                    ("CARGO_PKG_NAME", env!("CARGO_PKG_NAME")),
                    ("CARGO_PKG_VERSION", env!("CARGO_PKG_VERSION")),
                    ("OUT_DIR", env!("OUT_DIR")),
                    ("FROM_SCRIPT", "yes"),
                ] {
                    assert_eq!(std::env::var(now).unwrap(), built);
                }
                assert!(std::fs::read_to_string("fixture.txt").is_ok());
                let routes = [("GET", "/", Some("session"))];
                session_auth::report("routes", "inner", file!(), line!(), &routes);
            }
            "#,
        )
        .file(
            "inner/build.rs",
            "fn main() { println!(\"cargo::rustc-env=FROM_SCRIPT=yes\"); }",
        )
        .file("inner/fixture.txt", "")
        .write()
        .run(&[]);
    ran.expect_code(0);
}

/// `cargo run -p route-audit` and a test that calls it have variables of their own package. A build script
/// that asks for one would run for each of them, and all that depends on it be built again.
#[test]
fn no_build_script_is_told_which_package_route_audit_was_started_for() {
    let fixture = Fixture::package("asked", &routes("asked", &[("GET", "/", "session")]))
        .file(
            "build.rs",
            r#"
            use std::io::Write;

            fn main() {
                println!("cargo::rerun-if-env-changed=CARGO_MANIFEST_DIR");
                let mut file = std::fs::File::options().create(true).append(true).open("runs.txt").unwrap();
                file.write_all(b"ran\n").unwrap();
            }
            "#,
        )
        .file("runs.txt", "")
        .write();
    let runs = |folder: &str| {
        let mut command = binary(env!("CARGO_BIN_EXE_route-audit"));
        command
            .arg("--offline")
            .current_dir(&fixture.root)
            .env("CARGO", env!("CARGO"))
            .env("CARGO_MANIFEST_DIR", folder);
        finish(&mut command).expect_code(0);
        let runs = std::fs::read_to_string(fixture.root.join("runs.txt"));
        runs.expect("the file").lines().count()
    };
    assert_eq!(runs("/one"), runs("/another"));
}

/// The table `[env]` of cargo's configuration is for all that cargo runs. The test compares with
/// cargo: what `cargo test` gives to it, it writes down, and what route-audit gives has to be that.
#[test]
fn tests_run_with_the_variables_of_cargo_s_configuration() {
    let name = "configured";
    let file = |text: &str| format!("[env]\n{text}");
    let fixture = Fixture::new(name)
        .file(
            "service/Cargo.toml",
            &format!("{}[workspace]\n", Fixture::manifest(name)),
        )
        .file(
            "service/src/lib.rs",
            r#"
            #[test]
            fn route_audit_routes() {
                let all: String = std::env::vars()
                    .filter(|(name, _)| name.starts_with("SHOP_") || name == "CARGO_PKG_NAME")
                    .map(|(name, value)| format!("{name}={value}\n"))
                    .collect();
                let file = match std::env::var_os("ROUTE_AUDIT_REPORT_DIR") {
                    Some(_) => "by-route-audit",
                    None => "by-cargo",
                };
                std::fs::write(std::env::var("CONFIGURED_IN").unwrap() + file, all).unwrap();
                let routes = [("GET", "/", Some("session"))];
                session_auth::report("routes", "configured", file!(), line!(), &routes);
            }
            "#,
        )
        .file(
            "service/.cargo/config.toml",
            &format!(
                "include = [\"a.toml\", \"b.toml\"]\n{}",
                file(
                    "SHOP_NEAR = \"near\"\nSHOP_SET = \"configured\"\n\
                     SHOP_FORCED = { value = \"configured\", force = true }\n\
                     SHOP_HERE = { value = \"a/b\", relative = true }\n\
                     SHOP_MERGED = { value = \"near\" }\nSHOP_OVER = \"configured\"\n\
                     CARGO_PKG_NAME = \"another\"\n"
                )
            ),
        )
        .file(
            "service/.cargo/a.toml",
            &file("SHOP_NEAR = \"a\"\nSHOP_INCLUDED = \"a\"\nSHOP_INCLUDED_A = \"a\"\n"),
        )
        .file(
            "service/.cargo/b.toml",
            &file("SHOP_INCLUDED = \"b\"\nSHOP_INCLUDED_B = { value = \"b\", relative = true }\n"),
        )
        .file(
            ".cargo/config",
            &file(
                "SHOP_NEAR = \"far\"\nSHOP_FAR = \"far\"\n\
                 SHOP_UP = { value = \"a\", relative = true }\n\
                 SHOP_MERGED = { value = \"far\", relative = true, force = true }\n",
            ),
        )
        // Cargo takes the older name.
        .file(".cargo/config.toml", &file("SHOP_FAR = \"no\"\n"))
        .file("home/config.toml", &file("SHOP_HOME = \"home\"\n"))
        .write();
    let written = fixture.root.join("service/target");
    std::fs::create_dir_all(&written).expect("a folder");
    let run = |program: &str, args: &[&str]| {
        let mut command = binary(program);
        command
            .args(args)
            .current_dir(fixture.root.join("service"))
            .env("CARGO", env!("CARGO"))
            .env("CARGO_HOME", fixture.root.join("home"))
            .env("CONFIGURED_IN", format!("{}/", written.display()))
            .envs([("SHOP_SET", "set"), ("SHOP_FORCED", "set")])
            .env("CARGO_ENV_SHOP_OVER", "over");
        finish(&mut command).expect_code(0);
    };
    run(env!("CARGO"), &["test", "--offline", "--lib"]);
    run(env!("CARGO_BIN_EXE_route-audit"), &["--offline"]);
    let read = |file: &str| std::fs::read_to_string(written.join(file)).expect(file);
    let by_cargo = read("by-cargo");
    // A cargo of before 1.94 includes nothing.
    let includes = by_cargo.contains("SHOP_INCLUDED");
    let by_route_audit: String = read("by-route-audit")
        .split_inclusive('\n')
        .filter(|line| includes || !line.starts_with("SHOP_INCLUDED"))
        .collect();
    assert_eq!(by_route_audit, by_cargo);
    for one in [
        "SHOP_NEAR=near",
        "SHOP_FORCED=configured",
        "SHOP_HOME=home",
        "SHOP_OVER=over",
    ] {
        assert!(by_cargo.contains(one), "{one}: {by_cargo}");
    }
}
