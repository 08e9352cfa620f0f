//! Why an audit could not run: what was wrong, where, and what to do about it.

use std::fmt;

/// One reason. Shown in the shape of a compiler's message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    message: String,
    at: Option<String>,
    output: Option<String>,
    help: Option<String>,
}

impl Problem {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            at: None,
            output: None,
            help: None,
        }
    }

    /// The place to look at: a file, with `:line` where it is known.
    pub(crate) fn at(self, place: impl fmt::Display) -> Self {
        Self {
            at: Some(place.to_string()),
            ..self
        }
    }

    /// What another program printed about it.
    pub(crate) fn output(self, text: &str) -> Self {
        let text = text.trim();
        Self {
            output: (!text.is_empty()).then(|| text.to_owned()),
            ..self
        }
    }

    pub(crate) fn help(self, text: impl Into<String>) -> Self {
        Self {
            help: Some(text.into()),
            ..self
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error: {}", self.message)?;
        if let Some(at) = &self.at {
            writeln!(f, "  --> {at}")?;
        }
        for line in self.output.iter().flat_map(|text| text.lines()) {
            writeln!(f, "{}", format!("  | {line}").trim_end())?;
        }
        if let Some(help) = &self.help {
            writeln!(f, "  = help: {help}")?;
        }
        Ok(())
    }
}

/// All the reasons that were found. The audit did not run, so it found nothing out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CannotRun(Vec<Problem>);

impl CannotRun {
    /// `Ok` where there is no problem.
    pub(crate) fn unless_none(problems: Vec<Problem>) -> Result<(), Self> {
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Self(problems))
        }
    }
}

impl From<Problem> for CannotRun {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl fmt::Display for CannotRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.0 {
            writeln!(f, "{problem}")?;
        }
        f.write_str("route-audit: could not run\n")
    }
}

#[cfg(test)]
mod tests;
