mod of_exceptions;
mod of_files;

use std::collections::HashMap;

use super::{CLIPPY, Kind, calls, read};

/// What is found in a file: `LINE call`, with `!` for a way out.
#[track_caller]
fn found(text: &str) -> Vec<String> {
    let crates = ["axum", "axum_server", "hyper"].map(|name| (name.to_owned(), name.to_owned()));
    let renamed = ("web".to_owned(), "axum".to_owned());
    let crates: HashMap<_, _> = crates.into_iter().chain([renamed]).collect();
    let file = syn::parse_file(text).expect(text);
    read::file("src/lib.rs", &file, &crates)
        .into_iter()
        .map(|found| {
            let mark = if found.kind == Kind::Exit { "!" } else { "" };
            format!("{} {mark}{}", found.line, found.call)
        })
        .collect()
}

/// In a function of a file with these imports. Its body is on line 2.
#[track_caller]
fn in_function(imports: &str, body: &str) -> Vec<String> {
    found(&format!("{imports} async fn f() {{\n{body}\n}}"))
}

#[test]
fn a_router_that_is_served_without_a_guard_is_found() {
    for (imports, body, call) in [
        ("", "axum::serve(listener, app).await;", "axum::serve"),
        ("", "::axum::serve(listener, app).await;", "axum::serve"),
        (
            "",
            "axum::serve::serve(listener, app).await;",
            "axum::serve",
        ),
        (
            "use axum; use std::io::*;",
            "axum::serve(listener, app).await;",
            "axum::serve",
        ),
        (
            "use axum::serve;",
            "serve(listener, app).await;",
            "axum::serve",
        ),
        (
            "",
            "tokio::spawn(async move { axum::serve(a, b).await });",
            "axum::serve",
        ),
        (
            "",
            "let start = axum::serve; start(a, b).await;",
            "axum::serve",
        ),
        (
            "",
            "let make = app.into_make_service();",
            "into_make_service",
        ),
        (
            "",
            "let make = axum::Router::into_make_service(app);",
            "into_make_service",
        ),
        (
            "",
            "app.into_make_service_with_connect_info::<SocketAddr>();",
            "into_make_service_with_connect_info",
        ),
        (
            "",
            "axum_server::bind(a).serve(app.into_make_service())",
            "axum_server::bind",
        ),
        (
            "",
            "axum_server::bind_rustls(a, b).handle(h).serve(m)",
            "axum_server::bind_rustls",
        ),
        (
            "use axum_server::from_tcp;",
            "from_tcp(a).serve(m)",
            "axum_server::from_tcp",
        ),
        (
            "use axum_server::Server;",
            "Server::bind(a).serve(m)",
            "axum_server::Server::bind",
        ),
        (
            "",
            "http1::Builder::new().serve_connection(io, app).await;",
            "serve_connection",
        ),
        (
            "",
            "builder.serve_connection_with_upgrades(io, app).await;",
            "serve_connection_with_upgrades",
        ),
    ] {
        assert_eq!(
            in_function(imports, body),
            [format!("2 !{call}")],
            "{imports} {body}"
        );
    }
}

#[test]
fn what_is_protected_is_served() {
    for body in [
        "auth.protect(routes())?.serve(listener).await",
        "server.serve(listener).with_graceful_shutdown(stop).await",
        "warp::serve(routes).run(address).await",
        "self.serve_connection(stream).await",
    ] {
        let crates = HashMap::from([("axum".to_owned(), "axum".to_owned())]);
        let file = syn::parse_file(&format!("async fn f() {{ {body}; }}")).expect(body);
        assert_eq!(read::file("src/lib.rs", &file, &crates), [], "{body}");
    }
}

#[test]
fn one_way_out_is_found_once() {
    assert_eq!(
        in_function("", "axum::serve(listener, app.into_make_service()).await;"),
        ["2 !axum::serve"]
    );
    // These are two.
    assert_eq!(
        in_function("", "serve_all(app.into_make_service(), axum::serve(a, b));"),
        ["2 !into_make_service", "2 !axum::serve"]
    );
}

#[test]
fn axums_own_routers_are_found_where_they_are_made() {
    for (imports, body, calls) in [
        ("", "axum::Router::new()", vec!["axum::Router::new"]),
        ("", "axum::Router::<App>::new()", vec!["axum::Router::new"]),
        (
            "use axum::Router;",
            "Router::new()",
            vec!["axum::Router::new"],
        ),
        (
            "use axum::Router as R;",
            "R::new()",
            vec!["axum::Router::new"],
        ),
        (
            "use axum::{self as x};",
            "x::Router::new()",
            vec!["axum::Router::new"],
        ),
        (
            "use web::Router;",
            "Router::new()",
            vec!["axum::Router::new"],
        ),
        ("use axum::*;", "Router::new()", vec!["axum::Router::new"]),
        (
            "use axum::{routing::{get, post as p, MethodRouter}};",
            "get(list).merge(p(create)); MethodRouter::new()",
            vec![
                "axum::routing::get",
                "axum::routing::post",
                "axum::routing::MethodRouter::new",
            ],
        ),
        (
            "use axum::routing;",
            "routing::get_service(files); axum::routing::any(list)",
            vec!["axum::routing::get_service", "axum::routing::any"],
        ),
        (
            "use axum::routing::*;",
            "on(MethodFilter::GET, list)",
            vec!["axum::routing::on"],
        ),
        (
            "",
            "use axum::routing::get; get(list)",
            vec!["axum::routing::get"],
        ),
        (
            "",
            "all.fold(x, axum::Router::merge)",
            vec!["axum::Router::merge"],
        ),
        (
            "",
            "axum::handler::HandlerWithoutStateExt::into_service(me)",
            vec!["axum::handler::HandlerWithoutStateExt"],
        ),
        (
            "#[cfg(feature = \"x\")] use axum::routing::get; \
             #[cfg(not(feature = \"x\"))] use session_auth::routing::get;",
            "get(list)",
            vec!["axum::routing::get"],
        ),
    ] {
        let calls: Vec<_> = calls.iter().map(|call| format!("2 {call}")).collect();
        assert_eq!(in_function(imports, body), calls, "{imports} {body}");
    }
    assert_eq!(
        found("use axum::handler::HandlerWithoutStateExt as _;"),
        ["1 axum::handler::HandlerWithoutStateExt"]
    );
}

#[test]
fn what_has_the_name_alone_is_not_axums() {
    for (imports, body) in [
        (
            "use session_auth::{Router, routing::get};",
            "Router::new().route(\"/\", get(list))",
        ),
        (
            "use session_auth::*;",
            "Router::new().route(\"/\", get(list))",
        ),
        ("use crate::axum::serve;", "serve(a, b)"),
        (
            "#[cfg(test)] mod tests { use axum::Router; } use session_auth::Router;",
            "Router::new()",
        ),
        (
            "use axum::extract::State;",
            "State::new(); axum::Json(list)",
        ),
        ("", "map.get(key)"),
        ("", "axum_server::Handle::new()"),
    ] {
        assert!(in_function(imports, body).is_empty(), "{imports} {body}");
    }
}

#[test]
fn the_modules_of_a_file_share_its_imports() {
    let inner = "use super::*; mod b { fn f() { super::Router::new(); self::serve(a, b) } }";
    assert_eq!(
        found(&format!(
            "use axum::{{Router, serve}};\nmod a {{ {inner} }}"
        )),
        ["2 axum::Router::new", "2 !axum::serve"]
    );
}

#[test]
fn a_type_is_no_router() {
    let text = "
        use axum::{Router, routing::{MethodFilter, MethodRouter}};
        struct App { router: axum::Router, inner: MethodRouter }
        impl From<Router> for App { fn from(router: Router) -> Self { App::with(router) } }
        fn all(of: Vec<Router>) -> Option<Router> { let first: Router = of.pop()?; Some(first) }
        fn filter() -> MethodFilter { MethodFilter::GET }
    ";
    assert!(found(text).is_empty(), "{:?}", found(text));
}

#[test]
fn an_axum_router_may_come_in_whole() {
    for body in [
        "app.merge_axum(axum::Router::new().route(\"/\", axum::routing::get(list)))",
        "app.mount_axum(public(\"/docs\", \"docs\"), axum::Router::new())",
        "session_auth::Router::merge_axum(app, axum::Router::new())",
    ] {
        assert!(in_function("", body).is_empty(), "{body}");
    }
    // What stands beside it does not, and nothing is served there.
    assert_eq!(
        in_function("", "axum::Router::new().merge_axum(x.into_make_service())"),
        ["2 axum::Router::new", "2 !into_make_service"]
    );
    let audited = |output: &str| {
        found(&format!(
            "use axum::Router; #[session_auth::audited_router]\nfn f() -> {output} {{ Router::new() }}"
        ))
    };
    assert!(audited("Router<App>").is_empty());
    assert!(audited("Result<axum::Router, Error>").is_empty());
    assert_eq!(audited("session_auth::Router"), ["2 axum::Router::new"]);
}

#[test]
fn tests_may_serve_what_they_like() {
    let serve = "axum::serve(a, b);";
    for text in [
        format!("#[cfg(test)] mod tests {{ fn f() {{ {serve} }} }}"),
        format!("#[cfg(all(test, unix))] fn f() {{ {serve} }}"),
        format!("#[test] fn f() {{ {serve} }}"),
        format!("#[tokio::test(flavor = \"multi_thread\")] async fn f() {{ {serve} }}"),
        format!("impl A {{ #[cfg(test)] fn f() {{ {serve} }} }}"),
        format!("#[cfg(test)] impl A {{ fn f() {{ {serve} }} }}"),
        format!("#![cfg(test)] fn f() {{ {serve} }}"),
        "#[cfg(test)] use axum::serve; fn f() { serve(a, b); }".to_owned(),
    ] {
        assert!(found(&text).is_empty(), "{text}");
    }
    for attribute in [
        "#[cfg(not(test))]",
        "#[cfg(any(test, feature = \"x\"))]",
        "#[cfg(feature = \"test\")]",
        "#[cfg_attr(test, allow(unused))]",
        "#[cfg(any())]",
    ] {
        let text = format!("{attribute} fn f() {{ {serve} }}");
        assert_eq!(found(&text), ["1 !axum::serve"], "{text}");
    }
}

/// What clippy is told to refuse is what the lint reports, and no path has a typo.
#[test]
fn clippy_and_the_lint_agree() {
    let table: toml::Table = toml::from_str(CLIPPY).expect("TOML");
    let methods = table["disallowed-methods"].as_array().expect("a list");
    assert!(methods.len() > 10);
    for method in methods {
        let path = method["path"].as_str().expect("a path");
        let segments: Vec<_> = path.split("::").map(str::to_owned).collect();
        let (_, call) = calls::path(&segments).expect(path);
        assert!(
            path.ends_with(&call) || path.starts_with(&call),
            "{path}: {call}"
        );
        assert!(
            method["reason"]
                .as_str()
                .is_some_and(|reason| !reason.is_empty())
        );
    }
}
