//! Measures routers of 10 routes, in a program with as many declarations.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

session_auth_benches::declare_routes!(0 0 0);

fn main() {
    session_auth_benches::routes::main(10);
}
