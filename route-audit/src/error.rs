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

impl CannotRun {
    /// One more reason.
    pub(crate) fn and(mut self, problem: Problem) -> Self {
        self.0.push(problem);
        self
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
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_problem_says_what_where_and_what_to_do() {
        let problem = Problem::new("router `admin` of package `web` wrote no report")
            .at("web/src/lib.rs:12")
            .output("\nrunning 1 test\n\nthread panicked\n")
            .help("look at the output above");
        expect![[r#"
            error: router `admin` of package `web` wrote no report
              --> web/src/lib.rs:12
              | running 1 test
              |
              | thread panicked
              = help: look at the output above
        "#]]
        .assert_eq(&problem.to_string());
    }

    #[test]
    fn several_problems_are_shown_at_once() {
        let failure = CannotRun::unless_none(vec![Problem::new("one"), Problem::new("two")]);
        expect![[r#"
            error: one

            error: two

            route-audit: could not run
        "#]]
        .assert_eq(&failure.expect_err("two problems").to_string());
        assert_eq!(CannotRun::unless_none(Vec::new()), Ok(()));
    }
}
