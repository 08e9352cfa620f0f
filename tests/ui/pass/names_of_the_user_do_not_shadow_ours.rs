#![deny(warnings)]
#![allow(dead_code, non_camel_case_types, unused_macros)]

use session_auth::{audited_router, declare_route, public_route, session_route, webhook_route};

mod core {}
mod std {}
mod axum_ {}
mod inventory {}
mod __private {}
struct Option;
struct Some;
struct None;
struct Future;
struct Classified;
struct Declared;
struct Declaration;
struct Registration;
struct Location;
struct Target;
struct Methods;
struct Terms;
struct Box;
struct Send;
trait Fn {}
type str = ();
type u8 = ();
type u32 = ();
type bool = ();
macro_rules! concat { ($($t:tt)*) => { compile_error!("shadowed") } }
macro_rules! file { ($($t:tt)*) => { compile_error!("shadowed") } }
macro_rules! line { ($($t:tt)*) => { compile_error!("shadowed") } }
macro_rules! env { ($($t:tt)*) => { compile_error!("shadowed") } }
macro_rules! test { ($($t:tt)*) => { compile_error!("shadowed") } }
macro_rules! module_path { ($($t:tt)*) => { compile_error!("shadowed") } }

#[public_route(GET | POST, "/a", reason = "r", until = "2096-01-31", owner = "o", issues_session, optional_session)]
async fn a() {}

#[webhook_route(ANY, "/b", verify = "v", reason = "r", expect_every = "6h", max_body = "1MiB")]
async fn b() {}

#[session_route(FALLBACK, scope = "s")]
async fn c() {}

declare_route!(session_route(ANY, "/d", subtree, reason = "r"));

#[audited_router]
fn routes() -> ::axum::Router {
    ::axum::Router::new()
}

#[session_route(GET, "/same")]
async fn same(same: ::std::string::String) -> ::std::string::String {
    same
}

#[session_route(GET, "/count")]
async fn count(count: ::core::primitive::u8) -> ::core::primitive::u8 {
    // The function itself, as ever, where it is not shadowed.
    if count == 0 { 0 } else { recurse(count).await }
}

#[session_route(GET, "/recurse")]
async fn recurse(n: ::core::primitive::u8) -> ::core::primitive::u8 {
    if n == 0 { 0 } else { ::std::boxed::Box::pin(recurse(n - 1)).await }
}

#[session_route(GET, "/raw")]
async fn r#type(r#match: ::std::string::String, Wrapper(UNIT): Wrapper) -> ::std::string::String {
    r#match
}

struct Wrapper(Unit);
struct Unit;
// A pattern of upper case is a constant, not a name.
use Unit as UNIT;

fn main() {
    let _ = (a, b, c, routes, same, count, recurse, r#type, Wrapper(UNIT));
    assert!(session_auth::declarations().iter().any(|d| d.handler().ends_with("::type")));
}
