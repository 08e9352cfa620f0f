//! Runs one case a number of times: for profilers, see `callgrind.sh`.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(name), Some(Ok(count))) = (
        arguments.next(),
        arguments.next().map(|count| count.parse()),
    ) else {
        eprintln!("usage: one-case NAME COUNT");
        return ExitCode::from(2);
    };
    let mut cases = session_auth_benches::cases();
    #[cfg(feature = "callers")]
    cases.extend(session_auth_benches::callers::cases());
    let Some(case) = cases.iter_mut().find(|case| case.name() == name) else {
        let names: Vec<_> = cases.iter().map(session_auth_benches::Case::name).collect();
        eprintln!("no case is named {name:?}; there are {names:?}");
        return ExitCode::from(2);
    };
    case.run(count);
    ExitCode::SUCCESS
}
