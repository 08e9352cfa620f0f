//! Places where nobody looks for a router.

use super::program;

/// What is found beside an audited router that mounts `GET /`.
#[track_caller]
fn finds(name: &str, files: &[(&str, &str)], more: &str, expected: &[&str]) {
    let mut program = program(&format!(
        "use axum::{{Router, routing::get}};
async fn home() {{}}
async fn h() {{}}
#[audited_router] fn app() -> Router {{ Router::new().route(\"/\", get(home)) }}
{more}"
    ))
    .mounts(&["GET /"])
    .declares("GET /", "shop::home");
    for (path, text) in files {
        program = program.file(path, text);
    }
    assert_eq!(program.codes(), expected, "{name}");
}

const X: &str = "Router::new().route(\"/x\", get(h))";

#[test]
fn a_router_is_found_wherever_it_is_made() {
    for (name, more) in [
        (
            "a constant",
            format!("const MAKE: fn() -> Router = || {X};"),
        ),
        (
            "a static",
            format!("static LAZY: LazyLock<Router> = LazyLock::new(|| {X});"),
        ),
        (
            "in a constant without a name",
            format!("const _: () = {{ fn hidden() -> Router {{ {X} }} }};"),
        ),
        (
            "in a constant text",
            format!("const T: &str = {{ fn hidden() -> Router {{ {X} }} \"\" }};"),
        ),
        (
            "in a function",
            format!("fn outer() {{ fn inner() -> Router {{ {X} }} }}"),
        ),
        (
            "in a function's module",
            format!("fn outer() {{ mod m {{ use super::*; fn inner() -> Router {{ {X} }} }} }}"),
        ),
        (
            "a constant of a type",
            format!("struct S; impl S {{ const MAKE: fn() -> Router = || {X}; }}"),
        ),
        (
            "in a constant of a type",
            format!(
                "struct S; impl S {{ const MAKE: () = {{ fn hidden() -> Router {{ {X} }} }}; }}"
            ),
        ),
        (
            "a constant of a trait",
            format!("trait T {{ const MAKE: fn() -> Router = || {X}; }}"),
        ),
        (
            "a method of a trait",
            format!("trait T {{ fn make() -> Router {{ {X} }} }}"),
        ),
        (
            "on a parameter of any type",
            "fn make<R: Routes>(r: R) -> R { r.route(\"/x\", get(h)) }".to_owned(),
        ),
        (
            "a method with the type in front",
            "fn make() -> Router { Router::route(Router::new(), \"/x\", get(h)) }".to_owned(),
        ),
        (
            "an async block",
            format!("fn make() {{ spawn(async {{ serve({X}) }}); }}"),
        ),
    ] {
        finds(name, &[], &more, &["unaudited-router GET /x src/lib.rs:5"]);
    }
    // Called, what it is given is out of sight.
    let by_value =
        "fn make() -> Router { let add = Router::<()>::route; add(Router::new(), \"/x\", get(h)) }";
    finds(
        "a method as a value",
        &[],
        by_value,
        &["unaudited-router  - src/lib.rs:5"],
    );
    // Not axum's.
    let own =
        "struct OwnRouter; impl OwnRouter { fn nest() {} } fn f() { let nest = OwnRouter::nest; }";
    finds("a function of its name", &[], own, &[]);
    let of_trait = "trait T { routes!(x); }";
    finds(
        "a macro in a trait",
        &[],
        of_trait,
        &["opaque-mount  - src/lib.rs:5"],
    );
}

#[test]
fn a_file_that_is_part_of_a_function_is_read_with_it() {
    let make = |file: &str| format!("fn make() -> Router {{ include!({file}) }}");
    for (name, path, file) in [
        ("beside", "src/x.in", "\"x.in\""),
        (
            "by the build script",
            "out/x.rs",
            "concat!(env!(\"OUT_DIR\"), \"/x.rs\")",
        ),
    ] {
        let shown = format!("unaudited-router GET /x {path}:2");
        let text = format!("let made =\n{X};\nmade");
        finds(name, &[(path, &text)], &make(file), &[&shown]);
    }
    // In an audited router, it is audited.
    let audited = "#[audited_router] fn other() -> Router { include!(\"x.in\") }";
    let report = program(&format!(
        "use axum::{{Router, routing::get}}; async fn h() {{}} {audited}"
    ))
    .file("src/x.in", X)
    .router("other")
    .mounts(&["GET /x"])
    .declares("GET /x", "shop::h");
    assert_eq!(report.codes(), [""; 0]);
    for (name, files) in [
        ("a file that is not there", &[][..]),
        ("one that cannot be parsed", &[("src/x.in", "let let")]),
        (
            "one with functions of its own",
            &[("src/x.in", "fn own() {} own()")],
        ),
        (
            "one that includes itself",
            &[("src/x.in", "include!(\"x.in\")")],
        ),
    ] {
        let found = finding_codes(files, &make("\"x.in\""));
        assert!(
            found.iter().all(|line| line.starts_with("opaque-mount ")) && found.len() == 1,
            "{name}: {found:?}"
        );
    }
    finds(
        "a table",
        &[("src/x.in", "[1, 2, 3]")],
        "static T: [u8; 3] = include!(\"x.in\");",
        &[],
    );
}

fn finding_codes(files: &[(&str, &str)], more: &str) -> Vec<String> {
    let mut program = program(&format!(
        "use axum::{{Router, routing::get}};\n#[audited_router] fn app() -> Router {{ Router::new() }}\n{more}"
    ));
    for (path, text) in files {
        program = program.file(path, text);
    }
    program.codes()
}
