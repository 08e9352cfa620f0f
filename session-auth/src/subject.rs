//! What names the people whose sessions these are, and what they call them: checked wherever it
//! comes in, as stores do not take every text.

use std::fmt;

use crate::token::MAX_SUBJECT_LEN;

/// The longest label, in bytes.
pub(crate) const MAX_LABEL_LEN: usize = 256;

/// Why a text is no subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InvalidSubject {
    Length { found: usize },
    Control,
    Reserved,
}

/// The subject of rows that are no sessions: when each webhook was last verified.
pub(crate) const LAST_VERIFIED: &str = "session-auth:last-verified";

/// Why a text is no label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InvalidLabel {
    Length { found: usize },
    Control,
}

pub(crate) fn check(subject: &str) -> Result<(), InvalidSubject> {
    let found = subject.len();
    if found == 0 || found > MAX_SUBJECT_LEN {
        return Err(InvalidSubject::Length { found });
    }
    if subject.chars().any(char::is_control) {
        return Err(InvalidSubject::Control);
    }
    // Whoever may choose a name would end, and list, what the service knows of its webhooks.
    if subject == LAST_VERIFIED {
        return Err(InvalidSubject::Reserved);
    }
    Ok(())
}

pub(crate) fn check_label(label: &str) -> Result<(), InvalidLabel> {
    let found = label.len();
    if found > MAX_LABEL_LEN {
        return Err(InvalidLabel::Length { found });
    }
    if label.chars().any(char::is_control) {
        return Err(InvalidLabel::Control);
    }
    Ok(())
}

impl fmt::Display for InvalidSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { found } => write!(
                f,
                "the subject of a session has {found} bytes; it takes 1 to {MAX_SUBJECT_LEN}"
            ),
            Self::Control => f.write_str("the subject of a session has a control character in it"),
            Self::Reserved => write!(f, "{LAST_VERIFIED} is not for sessions"),
        }
    }
}

impl fmt::Display for InvalidLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { found } => write!(
                f,
                "the label of a session has {found} bytes; it takes {MAX_LABEL_LEN} at the most"
            ),
            Self::Control => f.write_str("the label of a session has a control character in it"),
        }
    }
}
