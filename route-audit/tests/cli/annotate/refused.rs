//! What stops a run, and what is left of it then.

use std::fs;

use super::{UNNESTED, annotate, read, repository, service, shop, texts};
use crate::support::{Fixture, binary, finish};

#[test]
fn bad_input_is_told_and_nothing_is_changed() {
    let files = ["Cargo.toml", "src/lib.rs", "src/users.rs"];
    let refused = |name: &str, change: &dyn Fn(&Fixture), args: &[&str], said: &[&str]| {
        let fixture = shop("annotate-shop-refused");
        change(&fixture);
        let before = texts(&fixture, &files);
        let mut all = vec!["init", "--annotate"];
        all.extend(args);
        let ran = fixture.run(&all).could_not_run();
        for said in said {
            assert!(ran.stderr.contains(said), "{name}: {said}: {}", ran.stderr);
        }
        assert!(before == texts(&fixture, &files), "{name}");
    };
    let source = repository().display().to_string();
    let source = ["--source", &source];
    let put = |path: &'static str, text: &'static [u8]| {
        move |fixture: &Fixture| fs::write(fixture.root.join(path), text).expect("a file")
    };
    refused(
        "no source",
        &|_| {},
        &[],
        &["does not know where that comes from", "--source PATH"],
    );
    refused(
        "no Rust",
        &put("src/users.rs", b"fn list( {}\n"),
        &source,
        &["cannot parse the source", "src/users.rs:1"],
    );
    refused(
        "does not compile",
        &put(
            "src/users.rs",
            b"pub fn routes() -> axum::Router {\n    gone()\n}\n",
        ),
        &source,
        &[
            "the packages do not compile",
            "src/users.rs:2",
            "cannot find function `gone`",
        ],
    );
    refused(
        "a merge",
        &put(
            "src/users.rs",
            b"<<<<<<< HEAD\npub fn routes() {}\n=======\n>>>>>>> other\n",
        ),
        &source,
        &[
            "cannot parse the source",
            "src/users.rs:1",
            "finish the merge first",
        ],
    );
    refused(
        "no UTF-8",
        &put("src/users.rs", b"// \xff\n"),
        &source,
        &[
            "cannot read the source: stream did not contain valid UTF-8",
            "users.rs",
        ],
    );
    let readonly = |fixture: &Fixture, readonly: bool| {
        let path = fixture.root.join("src/users.rs");
        let mut permissions = fs::metadata(&path).expect("a file").permissions();
        permissions.set_readonly(readonly);
        fs::set_permissions(&path, permissions).expect("permissions");
    };
    refused(
        "read-only",
        &|fixture| readonly(fixture, true),
        &source,
        &[
            "cannot write src/users.rs: the file is read-only",
            "nothing was changed",
        ],
    );
    readonly(&shop("annotate-shop-refused"), false);
    // Nothing can be made below a file.
    let shop = shop("annotate-shop-refused");
    let mut command = binary(env!("CARGO_BIN_EXE_route-audit"));
    command
        .args(["init", "--annotate", "--offline"])
        .args(source)
        .env("CARGO_TARGET_DIR", shop.root.join("Cargo.toml/target"))
        .current_dir(&shop.root);
    let ran = finish(&mut command).could_not_run();
    let said = "cannot make a folder for a copy of the workspace";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
}

#[test]
fn a_package_on_an_older_axum_is_told_and_the_others_are_annotated() {
    let axum = "[package]\nname = \"axum\"\nversion = \"0.7.9\"\nedition = \"2024\"\n";
    let member = |name: &str, dependencies: &str| {
        format!(
            "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\n{dependencies}"
        )
    };
    let newer = "axum = { version = \"0.8\", default-features = false }\n";
    let lock = fs::read_to_string(repository().join("Cargo.lock")).expect("the lock");
    let fixture = Fixture::new("annotate-older")
        .file("Cargo.lock", &lock)
        .file(
            "Cargo.toml",
            "[workspace]\nresolver = \"3\"\nmembers = [\"older\", \"both\"]\nexclude = [\"axum\"]\n",
        )
        .file("older/Cargo.toml", &member("older", "axum = { path = \"../axum\" }\n"))
        .file("older/src/lib.rs", "")
        .file(
            "both/Cargo.toml",
            &member(
                "both",
                &format!("a-old = {{ package = \"axum\", path = \"../axum\" }}\n{newer}"),
            ),
        )
        .file("both/src/lib.rs", UNNESTED)
        .file("axum/Cargo.toml", axum)
        .file("axum/src/lib.rs", "")
        .write();
    let ran = annotate(&fixture, &["-p", "older"]).could_not_run();
    let said = "the package `older` is on axum 0.7.9";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
    let ran = annotate(&fixture, &[]).expect_code(100);
    assert!(ran.stdout.contains(said), "{}", ran.stdout);
    let text = read(&fixture, "both/src/lib.rs");
    assert!(text.contains("session_route(GET, \"/users\")"), "{text}");
}

#[test]
fn what_a_killed_run_has_left_is_taken_away() {
    let fixture = service("annotate-left", "")
        .file("src/lib.rs", UNNESTED)
        .write();
    let put = |path: &str, text: &str| {
        fs::write(fixture.root.join(path), text).expect("a file");
    };
    // It was writing beside the first of two files.
    put("src/.route-audit-lib.rs", "use session_auth::{Rou");
    let journal =
        "words\nsrc/lib.rs\tsrc/.route-audit-lib.rs\nCargo.toml\t.route-audit-Cargo.toml\n";
    put(".route-audit-preparing", journal);
    annotate(&fixture, &["--dry-run"]).expect_code(0);
    for folder in ["", "src"] {
        let names = fs::read_dir(fixture.root.join(folder)).expect("a folder");
        let names = names.map(|entry| entry.expect("an entry").file_name());
        let left: Vec<_> = names
            .filter(|name| name.to_string_lossy().starts_with(".route-audit"))
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }
    assert_eq!(read(&fixture, "src/lib.rs"), UNNESTED);
}

#[cfg(unix)]
#[test]
fn a_run_that_is_killed_leaves_the_sources_as_they_were() {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;

    // The test waits for ever.
    let test = "#[test]\nfn waits() {\n    loop {\n        std::thread::park();\n    }\n}\n";
    let fixture = service("annotate-killed", "")
        .file("src/lib.rs", UNNESTED)
        .file("tests/waits.rs", test)
        .write();
    let files = ["Cargo.toml", "src/lib.rs", "tests/waits.rs"];
    let before = texts(&fixture, &files);
    let mut command = binary(env!("CARGO_BIN_EXE_route-audit"));
    let source = repository().display().to_string();
    command.args(["init", "--annotate", "--offline", "--source", &source]);
    let mut child = command
        .current_dir(&fixture.root)
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let stderr = BufReader::new(child.stderr.take().expect("it is piped"));
    let mut lines = stderr.lines().map_while(Result::ok);
    assert!(
        lines.any(|line| line.contains("running the tests in a copy")),
        "it has come to the tests"
    );
    child.kill().expect("it is killed");
    child.wait().expect("it has ended");
    assert!(before == texts(&fixture, &files));
    annotate(&fixture, &["--timeout", "5"]).expect_code(0);
    let text = read(&fixture, "src/lib.rs");
    assert!(text.contains("session_route(GET, \"/users\")"), "{text}");
}
