//! From the arguments to the command, and from its result to an exit code.

use std::env;
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::thread;

use anstream::{AutoStream, ColorChoice};

use crate::cli::{self, Command, Parsed};
use crate::error::{CannotRun, Problem};
use crate::surroundings::{Env, print};
use crate::{
    alerts, check, diff, drift, exit, explain, init, list, preflight, probe, self_test,
    verify_trail, verify_webhook,
};

/// Sources are read by recursion, and a router of thousands of routes is an expression as deep. What is
/// not used of it is never there.
const STACK: usize = 512 << 20;

/// Runs with the surroundings of this process.
pub fn main() -> ExitCode {
    match thread::Builder::new().stack_size(STACK).spawn(surrounded) {
        Ok(program) => program
            .join()
            .unwrap_or_else(|panic| panic::resume_unwind(panic)),
        // Less will do for most.
        Err(_) => surrounded(),
    }
}

fn surrounded() -> ExitCode {
    let current_dir = match env::current_dir() {
        Ok(dir) => dir,
        Err(error) => {
            let problem = Problem::new(format!("cannot read the current directory: {error}"))
                .help("change to a directory that exists");
            let _ = write!(io::stderr(), "{}", CannotRun::from(problem));
            return exit::COULD_NOT_RUN.into();
        }
    };
    let env = Env {
        args: env::args_os().collect(),
        current_dir,
        // Set where cargo started this program: the same toolchain then does the building.
        cargo: env::var_os("CARGO").unwrap_or_else(|| "cargo".into()),
        colors: colors(),
        // Colours are for the arguments to decide: the stream passes them on, and tells an old
        // Windows console by its own means.
        stdout: &mut AutoStream::always(io::stdout()),
        stderr: &mut io::stderr(),
    };
    run(env).into()
}

/// As cargo decides: its own variable first, then the terminal and what all programs share.
fn colors() -> bool {
    match env::var("CARGO_TERM_COLOR").as_deref() {
        Ok("always") => true,
        Ok("never") => false,
        _ => AutoStream::choice(&io::stdout()) != ColorChoice::Never,
    }
}

/// Runs, and returns the exit code: one of [`exit`].
pub fn run(mut env: Env<'_>) -> u8 {
    let result = panic::catch_unwind(AssertUnwindSafe(|| dispatch(&mut env)));
    let failure = match result {
        Ok(Ok(code)) => return code,
        Ok(Err(failure)) => failure,
        Err(_) => Problem::new("route-audit panicked; the message is above")
            .help("this is a bug of route-audit: please report it with that message")
            .into(),
    };
    // Nobody is left to tell where standard error is closed.
    let _ = write!(env.stderr, "{failure}");
    exit::COULD_NOT_RUN
}

fn dispatch(env: &mut Env<'_>) -> Result<u8, CannotRun> {
    let command = match cli::parse(&env.args) {
        Ok(Parsed::Run(command)) => command,
        Ok(Parsed::Show(text)) => {
            print(env.stdout, &text)?;
            return Ok(exit::CLEAN);
        }
        // Clap's own exit code would be 2.
        Err(usage) => {
            let _ = write!(env.stderr, "{usage}");
            return Ok(exit::COULD_NOT_RUN);
        }
    };
    match *command {
        Command::Check(args) if args.self_test => self_test::run(&args, env),
        Command::Check(args) => check::run(&args, env),
        Command::List(args) => list::run(&args, env),
        Command::Diff(args) => diff::run(&args, env),
        Command::Probe(args) => probe::run(&args, env),
        Command::Drift(args) => drift::run(&args, env),
        Command::Preflight(args) => preflight::run(&args, env),
        Command::Init(args) => init::run(&args, env),
        Command::Explain(args) => explain::run(&args.code, env),
        Command::VerifyWebhook(args) => verify_webhook::run(&args, env),
        Command::VerifyTrail(args) => verify_trail::run(&args, env),
        Command::Alerts => alerts::run(env),
    }
}
