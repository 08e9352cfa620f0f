//! What is reported, by its whole path.

use super::Kind;

/// Functions of `axum::routing`, each with a `_service` beside it.
const ROUTING: [&str; 11] = [
    "any", "connect", "delete", "get", "head", "on", "options", "patch", "post", "put", "trace",
];

/// What takes a whole service, which is of the class that is given first.
pub(crate) const SERVICES: [&str; 4] = [
    "fallback_service",
    "nest_service",
    "route_service",
    "route_service_with_tsr",
];

/// Whether a function of `axum::routing` that begins a method router is called so.
pub(crate) fn is_routing(name: &str) -> bool {
    ROUTING.contains(&name.strip_suffix("_service").unwrap_or(name))
}

/// The trait that makes a service of a handler, and does nothing else.
pub(super) const HANDLER_SERVICES: &str = "HandlerWithoutStateExt";

/// A path in an expression, from its crate on.
pub(super) fn path(path: &[String]) -> Option<(Kind, String)> {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let axum = |rest: &str| Some((Kind::Axum, format!("axum::{rest}")));
    match *path.as_slice() {
        ["axum", "serve"] | ["axum", "serve", "serve"] => {
            Some((Kind::Exit, "axum::serve".to_owned()))
        }
        // `Router::into_make_service`, `ServiceExt::into_make_service`, `Builder::serve_connection`.
        [_, .., last] if method(last) => Some((Kind::Exit, last.to_owned())),
        ["axum_server", .., last]
            if last.starts_with("bind")
                || last.starts_with("from_tcp")
                || path.contains(&"Server") =>
        {
            Some((Kind::Exit, path.join("::")))
        }
        ["axum", "Router", of] | ["axum", "routing", "Router", of] => {
            axum(&format!("Router::{of}"))
        }
        ["axum", "routing", "MethodRouter", of]
        | ["axum", "routing", "method_routing", "MethodRouter", of] => {
            axum(&format!("routing::MethodRouter::{of}"))
        }
        ["axum", "routing", function] | ["axum", "routing", "method_routing", function]
            if is_routing(function) =>
        {
            axum(&format!("routing::{function}"))
        }
        ["axum", "handler", HANDLER_SERVICES, ..] => axum(&format!("handler::{HANDLER_SERVICES}")),
        _ => None,
    }
}

pub(super) fn is_router(path: &[String]) -> bool {
    path == ["axum", "Router"] || path == ["axum", "routing", "Router"]
}

/// A method that serves, whatever it is called on: names that nobody else has.
pub(super) fn method(name: &str) -> bool {
    matches!(
        name,
        "into_make_service"
            | "into_make_service_with_connect_info"
            | "serve_connection"
            | "serve_connection_with_upgrades"
    )
}
