//! How a crate hangs together: modules, `cfg`, names, calls.

use super::program;

#[test]
fn modules_are_found_where_the_compiler_finds_them() {
    let route = |path: &str| {
        format!(
            "use axum::Router; pub fn r() -> Router {{ Router::new().route(\"{path}\", get(h)) }} async fn h() {{}}"
        )
    };
    let found = program(
        r#"
mod beside;
mod folder;
#[path = "elsewhere/x.rs"]
mod given;
mod inline { pub mod below; #[path = "y.rs"] pub mod given; }
mod generated { include!(concat!(env!("OUT_DIR"), "/routes.rs")); }
mod r#fn;
#[audited_router]
fn app() -> axum::Router {
    axum::Router::new().merge(beside::r()).merge(beside::child::r()).merge(folder::r()).merge(folder::child::r())
        .merge(given::r()).merge(given::child::r()).merge(inline::below::r()).merge(inline::given::r())
        .merge(generated::r()).merge(r#fn::r())
}
"#,
    )
    .file("src/beside.rs", &format!("pub mod child; {}", route("/beside")))
    .file("src/beside/child.rs", &route("/beside/child"))
    .file("src/folder/mod.rs", &format!("pub mod child; {}", route("/folder")))
    .file("src/folder/child.rs", &route("/folder/child"))
    .file("src/elsewhere/x.rs", &format!("pub mod child; {}", route("/given")))
    .file("src/elsewhere/child.rs", &route("/given/child"))
    .file("src/inline/below.rs", &route("/below"))
    .file("src/inline/y.rs", &route("/y"))
    .file("out/routes.rs", &route("/generated"))
    .file("src/fn.rs", &route("/fn"))
    .registrations();
    let mut paths: Vec<_> = found
        .iter()
        .map(|line| line.split(' ').nth(1).unwrap())
        .collect();
    paths.sort();
    assert_eq!(
        paths,
        [
            "/below",
            "/beside",
            "/beside/child",
            "/fn",
            "/folder",
            "/folder/child",
            "/generated",
            "/given",
            "/given/child",
            "/y"
        ]
    );
    assert!(
        found.contains(&"GET /beside/child shop::beside::child::h".to_owned()),
        "{found:?}"
    );
}

#[test]
fn what_is_configured_away_is_not_there() {
    let lib = r#"
use axum::Router;
async fn h() {}
#[cfg(feature = "beta")] fn beta() -> Router { Router::new().route("/beta", get(h)) }
#[cfg(windows)] mod windows;
#[cfg(test)] mod tests { fn f() -> super::Router { super::Router::new().route("/test", get(h)) } }
#[test] fn test() { Router::new().route("/test", get(h)); }
#[tokio::test] async fn test2() { Router::new().route("/test", get(h)); }
cfg_if::cfg_if! {
    if #[cfg(unix)] { fn os() -> Router { Router::new().route("/unix", get(h)) } }
    else { fn os() -> Router { Router::new().route("/other", get(h)) } }
}
#[audited_router]
fn app() -> Router {
    let mut r = os();
    #[cfg(feature = "beta")]
    let r = r.merge(beta());
    if cfg!(feature = "beta") { r = r.route("/flag", get(h)); }
    if cfg!(windows) && flag { r = r.route("/and", get(h)); }
    if cfg!(unix) && flag { r = r.route("/unix-and", get(h)); }
    if !cfg!(feature = "beta") { r = r.route("/no-flag", get(h)); } else if cfg!(unix) { r = r.route("/else", get(h)) }
    #[cfg(not(test))]
    { r = r.route("/real", get(h)); }
    match 1 { #[cfg(windows)] 1 => r.route("/arm", get(h)), _ => r }
}
"#;
    let paths = |program: super::Program| {
        let mut paths: Vec<_> = program
            .registrations()
            .iter()
            .map(|line| line.split(' ').nth(1).unwrap().to_owned())
            .collect();
        paths.sort();
        paths
    };
    assert_eq!(
        paths(program(lib)),
        ["/no-flag", "/real", "/unix", "/unix-and"]
    );
    assert_eq!(
        paths(program(lib).feature("beta")),
        ["/beta", "/else", "/flag", "/real", "/unix", "/unix-and"]
    );
}

#[test]
fn names_lead_to_functions() {
    for (name, items, call) in [
        ("a path", "mod m { pub fn r() -> Router {X} }", "m::r()"),
        (
            "crate",
            "mod m { pub fn r() -> Router {X} }",
            "crate::m::r()",
        ),
        ("self", "fn r() -> Router {X}", "self::r()"),
        ("use", "mod m { pub fn r() -> Router {X} } use m::r;", "r()"),
        (
            "use as",
            "mod m { pub fn r() -> Router {X} } use crate::m::r as s;",
            "s()",
        ),
        (
            "use self",
            "mod m { pub mod n { pub fn r() -> Router {X} } } use m::n::{self};",
            "n::r()",
        ),
        (
            "glob",
            "mod m { pub fn r() -> Router {X} } use m::*;",
            "r()",
        ),
        (
            "re-export",
            "mod m { mod n { pub fn r() -> Router {X} } pub use n::r; }",
            "m::r()",
        ),
        (
            "re-exported glob",
            "mod m { mod n { pub fn r() -> Router {X} } pub use self::n::*; }",
            "m::r()",
        ),
        (
            "super",
            "mod m { use super::r; pub fn s() -> Router { r() } } fn r() -> Router {X}",
            "m::s()",
        ),
        (
            "glob of super",
            "mod m { use super::*; pub fn s() -> Router { r() } } fn r() -> Router {X}",
            "m::s()",
        ),
        (
            "a function beside a module",
            "mod r { pub fn r() -> Router {X} } use r::r;",
            "r()",
        ),
        (
            "extern crate self",
            "extern crate self as me; mod m { pub fn r() -> Router {X} }",
            "me::m::r()",
        ),
        (
            "an associated function",
            "struct A; impl A { fn r() -> Router {X} }",
            "A::r()",
        ),
        (
            "in another module",
            "struct A; mod m { impl super::A { pub fn r() -> Router {X} } }",
            "A::r()",
        ),
        (
            "of an alias",
            "struct A; type B = A; impl A { fn r() -> Router {X} }",
            "B::r()",
        ),
        (
            "a method",
            "struct A; impl A { fn r(&self) -> Router {X} }",
            "A.r()",
        ),
        (
            "of a trait",
            "trait T { fn r() -> Router; } struct A; impl T for A { fn r() -> Router {X} }",
            "A::r()",
        ),
        (
            "qualified",
            "trait T { fn r() -> Router; } struct A; impl T for A { fn r() -> Router {X} }",
            "<A as T>::r()",
        ),
        (
            "by a type parameter",
            "trait T { fn r() -> Router; } struct A; impl T for A { fn r() -> Router {X} } fn g<M: T>() -> Router { M::r() }",
            "g::<A>()",
        ),
        (
            "a default method",
            "trait T { fn r(&self) -> Router {X} } struct A; impl T for A {}",
            "A.r()",
        ),
        (
            "a value",
            "fn r() -> Router {X} fn with(f: fn() -> Router) -> Router { f() }",
            "with(r)",
        ),
        (
            "a static",
            "static R: LazyLock<Router> = LazyLock::new(|| {X});",
            "R.clone()",
        ),
        (
            "in an async block",
            "async fn r() -> Router {X}",
            "block_on(async { r().await })",
        ),
        ("an inner function", "", "{ fn r() -> Router {X} r() }"),
        (
            "an inner use",
            "mod m { pub fn r() -> Router {X} }",
            "{ use m::r as inner; inner() }",
        ),
        ("a question mark", "fn r() -> Result<Router, E> {X}", "r()?"),
    ] {
        let body = "Router::new().route(\"/x\", get(h))";
        let lib = format!(
            "use axum::Router; async fn h() {{}} {items} #[audited_router] fn app() -> Router {{ Router::new().nest(\"/a\", {call}) }}"
        );
        let lib = lib
            .replace('X', body)
            .replace("mod m {", "mod m { use axum::Router; use crate::h;")
            .replace("mod n {", "mod n { use axum::Router; use crate::h;")
            .replace("mod r {", "mod r { use axum::Router; use crate::h;");
        let found = program(&lib).registrations();
        assert_eq!(found, ["GET /a/x shop::h"], "{name}: {lib}");
    }
}

#[test]
fn a_method_is_not_a_function_of_its_name() {
    let found = program(
        "struct A; impl A { fn r() -> axum::Router { axum::Router::new().route(\"/x\", get(h)) } }
         async fn h() {} #[audited_router] fn app() -> axum::Router { other.r() }",
    )
    .registrations();
    assert_eq!(found, ["GET unreached shop::h"]);
}

#[test]
fn a_circle_of_names_leads_nowhere() {
    let found = program(
        "use a::x; mod a { pub use super::b::x; pub use super::b::*; } mod b { pub use super::a::x; pub use super::a::*; }
         type A = B; type B = A;
         #[audited_router] fn app() -> axum::Router { axum::Router::new().merge(x()).merge(A::r()).route(a::P, get(a::h)) }",
    )
    .registrations();
    assert_eq!(found.len(), 3, "{found:?}");
}

#[test]
fn a_program_knows_its_library() {
    let found = program("pub mod api { pub fn r() -> axum::Router { axum::Router::new().route(\"/x\", get(h)) } pub async fn h() {} }")
        .target("server", "src/main.rs")
        .file(
            "src/main.rs",
            "use shop::api; #[audited_router] fn app() -> axum::Router { api::r().route(\"/y\", get(shop::api::h)) }",
        )
        .registrations();
    assert_eq!(found, ["GET /x shop::api::h", "GET /y shop::api::h"]);
}

#[test]
fn what_cannot_be_read_is_said_with_its_place() {
    for (name, broken, expected) in [
        (
            "syntax",
            program("mod a;\n").file("src/a.rs", "fn router() {\n    let = 1;\n}\n"),
            "src/a.rs:2:9",
        ),
        (
            "a path that leads nowhere",
            program("#[path = \"gone.rs\"]\nmod a;\n"),
            "cannot read the source",
        ),
        ("no file", program("fn f() {}\nmod a;\n"), "src/lib.rs:2:5"),
        (
            "no tokens",
            program("fn f() {\n    \"open\n}\n"),
            "src/lib.rs:2:5",
        ),
        (
            "in a circle",
            program("#[path = \"lib.rs\"] mod a;\n"),
            "`src/lib.rs` is a module of itself",
        ),
    ] {
        let refused = broken.scan(|_| ()).unwrap_err().to_string();
        assert!(refused.contains(expected), "{name}: {refused}");
    }
    for fine in [
        "#!/usr/bin/env run\nmod a {}",
        "\u{feff}#![allow(unused)]\nmod a {}",
        "",
    ] {
        program(fine).scan(|_| ()).unwrap();
    }
    // What may not be compiled may be missing.
    for absent in [
        "#[cfg(windows)] mod a;",
        "#[cfg(tokio_unstable)] mod a;",
        "#[cfg(test)] mod a;",
    ] {
        program(absent).scan(|_| ()).unwrap();
    }
}
