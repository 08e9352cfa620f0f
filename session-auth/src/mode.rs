//! Whether the layer enforces, or only says what it would do.

use std::env::VarError;

/// The variable that sets the mode where the program does not.
pub(crate) const MODE_VARIABLE: &str = "SESSION_AUTH_MODE";

/// What becomes of a request that is denied.
///
/// The builder sets it, or else the variable `SESSION_AUTH_MODE`: `enforce`, the default, or
/// `observe`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// It is refused.
    #[default]
    Enforce,
    /// It is let through, counted and logged: **nothing is protected**. For switching the layer on in
    /// a service that runs already, to see what it would deny before it does.
    ///
    /// Who has a session comes in with it, also where it lacks the scope or the page is of another
    /// origin. A handler that asks for `Session` cannot run without one: there the caller gets the response
    /// that enforcing would give. A webhook whose body breaks off is refused as well.
    Observe,
}

impl Mode {
    /// `enforce` or `observe`, as the variable has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Observe => "observe",
        }
    }

    /// What the program said, or else the variable. A variable that says something else is an error
    /// in any case: a typo must not decide whether a service is protected.
    pub(crate) fn resolve(
        set: Option<Self>,
        variable: Result<String, VarError>,
    ) -> Result<Self, String> {
        let variable = match variable {
            Err(VarError::NotPresent) => None,
            Err(VarError::NotUnicode(text)) => Some(text.to_string_lossy().into_owned()),
            Ok(text) => Some(text),
        };
        let from_variable = match variable.as_deref() {
            None => None,
            Some("enforce") => Some(Self::Enforce),
            Some("observe") => Some(Self::Observe),
            Some(other) => {
                return Err(format!(
                    "{other:?} is no mode: set it to `enforce` or `observe`, or unset it"
                ));
            }
        };
        Ok(set.or(from_variable).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_goes_before_the_variable_and_a_typo_is_an_error() {
        let resolve = |set, variable: Option<&str>| {
            Mode::resolve(set, variable.map(str::to_owned).ok_or(VarError::NotPresent))
        };
        assert_eq!(resolve(None, None), Ok(Mode::Enforce));
        assert_eq!(resolve(None, Some("enforce")), Ok(Mode::Enforce));
        assert_eq!(resolve(None, Some("observe")), Ok(Mode::Observe));
        assert_eq!(
            resolve(Some(Mode::Enforce), Some("observe")),
            Ok(Mode::Enforce)
        );
        assert_eq!(resolve(Some(Mode::Observe), None), Ok(Mode::Observe));
        for typo in ["enforced", "Observe", "observe ", "", "off"] {
            for set in [None, Some(Mode::Enforce)] {
                let error = resolve(set, Some(typo)).expect_err(typo);
                assert!(
                    error.contains("set it to `enforce` or `observe`"),
                    "{error}"
                );
            }
        }
    }
}
