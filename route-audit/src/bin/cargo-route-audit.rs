//! `cargo route-audit`: the same program under the name that cargo looks for.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    route_audit::main()
}
