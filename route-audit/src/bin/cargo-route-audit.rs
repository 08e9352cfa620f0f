//! `cargo route-audit`: the same program under the name that cargo looks for.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

use std::process::ExitCode;

fn main() -> ExitCode {
    route_audit::main()
}
