//! Measures routers of 10000 routes, in a program with as many declarations.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

session_auth_benches::declare_routes!();

fn main() {
    session_auth_benches::routes::main(10000);
}
