//! What is known of a sender, beside how it signs.

use std::fmt;
use std::time::Duration;

use http::StatusCode;

/// What a proof is of. Whoever has seen one delivery can change everything else of it, and send it
/// again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Binds {
    /// All bytes of the body.
    Body,
    /// Some fields of the body, or all fields of a form.
    Fields,
    /// The URL alone.
    Url,
    /// Nothing of the delivery: it says who sent it, and that by what everybody can repeat who has
    /// seen it once.
    Sender,
}

impl Binds {
    /// As listings and the route lock have it: `body`, `fields`, `url` or `sender`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::Fields => "fields",
            Self::Url => "url",
            Self::Sender => "sender",
        }
    }
}

impl fmt::Display for Binds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What is known of a verifier's sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Terms {
    /// The scheme: `stripe`.
    pub scheme: Option<&'static str>,
    /// What the proof binds.
    pub binds: Option<Binds>,
    /// The status of a refusal: `401`, or `503` where the sender takes a 4xx as final.
    pub refuse_with: StatusCode,
    /// For how long the sender tries again after a refusal; zero where it never does. `None` where
    /// nobody says.
    pub retry_budget: Option<Duration>,
    /// Methods, beside those of the route, by which the sender shakes hands: `GET`.
    pub handshake_by: &'static [&'static str],
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            scheme: None,
            binds: None,
            refuse_with: StatusCode::UNAUTHORIZED,
            retry_budget: None,
            handshake_by: &[],
        }
    }
}
