//! What is wrong with a running service.

use session_auth::audit::{Code, Subject};

/// A finding whose words are made where it is found. Names in it are between backticks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Found {
    pub(crate) code: Code,
    pub(crate) subject: Subject,
    pub(crate) message: String,
    pub(crate) help: String,
}
