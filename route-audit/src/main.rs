//! `route-audit`: see [`route_audit`].
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    route_audit::main()
}
