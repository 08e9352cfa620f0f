//! What the program takes from its surroundings, and what it says to them.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;

use crate::cli::Common;
use crate::error::{CannotRun, Problem};

/// Everything that the program takes from its surroundings.
pub struct Env<'a> {
    /// The arguments, the program's own name first.
    pub args: Vec<OsString>,
    /// Where cargo runs.
    pub current_dir: PathBuf,
    /// The cargo to run.
    pub cargo: OsString,
    /// Whether the result may have colours, where the arguments do not say.
    pub colors: bool,
    /// Takes the result.
    pub stdout: &'a mut dyn Write,
    /// Takes everything else. Cargo's own output goes to the process's standard error.
    pub stderr: &'a mut dyn Write,
}

/// Writes a result. A reader that has seen enough (`| head`) is no failure: the exit code stays
/// what the audit found.
pub(crate) fn print(out: &mut dyn Write, text: &str) -> Result<(), CannotRun> {
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Problem::new(format!(
            "cannot write the result to standard output: {error}"
        ))
        .into()),
        _ => Ok(()),
    }
}

/// What is said on the way.
pub(crate) struct Notes<'a> {
    out: &'a mut dyn Write,
    verbose: bool,
    quiet: bool,
}

impl<'a> Notes<'a> {
    /// That are not shown.
    #[cfg(test)]
    pub(crate) fn quiet(out: &'a mut dyn Write) -> Self {
        Self {
            out,
            verbose: false,
            quiet: true,
        }
    }

    pub(crate) fn of(out: &'a mut dyn Write, common: &Common) -> Self {
        Self {
            out,
            verbose: common.verbose,
            quiet: common.cargo.quiet,
        }
    }

    /// Something that the reader should know unless they asked for quiet.
    pub(crate) fn note(&mut self, text: &str) {
        if !self.quiet {
            let _ = writeln!(self.out, "note: {text}");
        }
    }

    /// Something for `--verbose`.
    pub(crate) fn detail(&mut self, text: &str) {
        if self.verbose {
            let _ = writeln!(self.out, "note: {text}");
        }
    }

    /// Somebody else's words, unless the reader asked for quiet.
    pub(crate) fn pass_on(&mut self, text: &str) {
        if !self.quiet {
            let _ = writeln!(self.out, "{text}");
        }
    }
}
