//! `route-audit`: see [`route_audit`].
#![forbid(unsafe_code)]
#![warn(missing_docs)]

use std::process::ExitCode;

fn main() -> ExitCode {
    route_audit::main()
}
