use std::fs;
use std::path::Path;

use cargo_metadata::{MetadataCommand, Package};

use crate::exits::Lint;

const SERVES: &str = "fn f() { axum::serve(a, b); }";

/// Files of a package, of which Cargo.toml has what is needed by default.
fn linted(files: &[(&str, &str)]) -> Lint {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().canonicalize().expect("it exists");
    let manifest = "[package]\nname = \"shop\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
                    [workspace]\n[dependencies]\naxum = \"0.8\"\n";
    write(&root, "Cargo.toml", manifest);
    for (path, text) in files {
        write(&root, path, text);
    }
    let mut lint = Lint::default();
    lint.add(&package(&root), &root);
    lint
}

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().expect("a folder")).expect("create it");
    fs::write(path, text).expect("write it");
}

fn package(root: &Path) -> Package {
    let mut metadata = MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .no_deps()
        .other_options(["--offline".to_owned()])
        .exec()
        .expect("cargo reads it");
    metadata.packages.pop().expect("one package")
}

#[track_caller]
fn files(files: &[(&str, &str)]) -> Vec<String> {
    let lint = linted(files);
    assert_eq!(lint.unread, []);
    lint.found.into_iter().map(|found| found.file).collect()
}

#[test]
fn the_files_of_the_program_are_read_and_no_others() {
    assert_eq!(
        files(&[
            ("src/main.rs", "mod http; fn main() { axum::serve(a, b); }"),
            ("src/http/mod.rs", "mod inner { mod deep; }"),
            ("src/http/inner/deep.rs", SERVES),
            ("src/bin/admin.rs", "fn main() { axum::serve(a, b); }"),
            ("src/not_a_module.rs", SERVES),
            ("build.rs", "fn main() { axum::serve(a, b); }"),
            ("tests/it.rs", SERVES),
            ("benches/it.rs", SERVES),
            ("examples/it.rs", "fn main() { axum::serve(a, b); }"),
            ("src/other/Cargo.toml", "[package]\nname = \"other\"\n"),
            ("src/other/lib.rs", SERVES),
            ("src/page.html", SERVES),
        ]),
        ["src/bin/admin.rs", "src/http/inner/deep.rs", "src/main.rs",]
    );
}

#[test]
fn a_module_is_in_the_file_that_its_path_attribute_names() {
    let main = "#[path = \"web.rs\"] mod http; #[doc = \"other.rs\"] mod admin; fn main() {}";
    assert_eq!(
        files(&[
            ("src/main.rs", main),
            ("src/web.rs", SERVES),
            ("src/http.rs", SERVES),
            ("src/admin.rs", SERVES),
            ("src/other.rs", SERVES),
        ]),
        ["src/admin.rs", "src/web.rs"]
    );
}

#[test]
fn a_module_of_tests_is_left_out_with_all_that_is_in_it() {
    assert_eq!(
        files(&[
            (
                "src/lib.rs",
                "#[cfg(test)] mod tests; mod shop; mod inside; mod http;"
            ),
            ("src/http/mod.rs", "#[cfg(test)] mod tests;"),
            ("src/http/tests.rs", SERVES),
            ("src/inside.rs", "#![cfg(test)] mod deep;"),
            ("src/inside/deep.rs", SERVES),
            ("src/tests.rs", "mod support; fn f() { axum::serve(a, b); }"),
            ("src/tests/support.rs", SERVES),
            (
                "src/shop.rs",
                "#[cfg(test)] mod tests; #[cfg(test)] mod more { mod deep; }"
            ),
            ("src/shop/tests/mod.rs", SERVES),
            ("src/shop/more/deep.rs", SERVES),
        ]),
        [""; 0]
    );
}

#[test]
fn a_target_may_lie_anywhere() {
    let manifest = "[package]\nname = \"shop\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
                    [workspace]\n[lib]\npath = \"lib.rs\"\n\
                    [[bin]]\nname = \"server\"\npath = \"server/start.rs\"\n\
                    [[test]]\nname = \"it\"\npath = \"src/it.rs\"\n";
    assert_eq!(
        files(&[
            ("Cargo.toml", manifest),
            (
                "lib.rs",
                "mod inner; #[path = \"server/../other/shared.rs\"] mod outside;"
            ),
            ("inner.rs", SERVES),
            ("other/shared.rs", SERVES),
            ("server/start.rs", "mod beside; fn main() {}"),
            ("server/beside.rs", SERVES),
            ("src/it.rs", SERVES),
            ("not_a_module.rs", SERVES),
            ("tests/support.rs", SERVES),
            ("build.rs", "fn main() { axum::serve(a, b); }"),
        ]),
        ["inner.rs", "server/../other/shared.rs", "server/beside.rs"]
    );
}

#[test]
fn a_dependency_is_known_by_its_name_here() {
    let manifest = "[package]\nname = \"shop\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n\
                    [dependencies]\nweb = { package = \"axum\", version = \"0.8\" }\n\
                    axum = { package = \"other\", version = \"1\" }\n";
    let lint = linted(&[
        ("Cargo.toml", manifest),
        (
            "src/lib.rs",
            "fn f() { axum::serve(a, b);\nweb::serve(a, b); }",
        ),
    ]);
    let lines: Vec<_> = lint
        .found
        .iter()
        .map(|found| (found.line, found.column))
        .collect();
    assert_eq!(lines, [(2, 1)]);
}

#[test]
fn a_file_that_cannot_be_parsed_is_named() {
    let lint = linted(&[
        ("src/lib.rs", "mod broken; fn f() { axum::serve(a, b); }"),
        ("src/broken.rs", "fn f( {"),
    ]);
    assert_eq!(lint.found.len(), 1);
    assert!(lint.read.contains("src/lib.rs") && !lint.read.contains("src/broken.rs"));
    let files: Vec<_> = lint.unread.iter().map(|(file, _)| file.as_str()).collect();
    assert_eq!(files, ["src/broken.rs"]);
    assert!(!lint.unread[0].1.is_empty());
}
