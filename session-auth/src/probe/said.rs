//! What a layer says of a probe: what the header of its answer holds.

use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::access::AccessClass;

/// What a layer says of a probe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProbeAnswer {
    /// The version of session-auth.
    pub version: String,
    /// `enforce` or `observe`.
    pub mode: String,
    /// The SHA-256 of the route lock that the service was built with, in hexadecimal.
    pub lock: Option<String>,
    /// The class of the route; `None` where there is no route, or nobody declared it.
    pub class: Option<AccessClass>,
    /// The pattern that the router matched; `None` where none did.
    pub pattern: Option<String>,
    /// What would have become of the request.
    pub decision: ProbeDecision,
    /// Why it is denied, or would be in mode `enforce`: `missing`, `signature_missing`.
    pub reason: Option<String>,
    /// The status that the layer answered with. Another that arrives was put there on the way.
    #[serde(with = "status")]
    pub status: StatusCode,
}

/// What would have become of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ProbeDecision {
    /// It would have gone to the handler.
    Grant,
    /// It is refused.
    Deny,
    /// It would have gone to the handler, and be refused in mode `enforce`.
    Observe,
    /// The layer answers it by itself: the handshake of a webhook's sender.
    Answer,
    /// No route has this path, or none of its methods is this: axum's own 404 or 405.
    NoRoute,
}

/// A status as a number, for the signed answer.
mod status {
    use http::StatusCode;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(crate) fn serialize<S: Serializer>(of: &StatusCode, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u16(of.as_u16())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<StatusCode, D::Error> {
        StatusCode::from_u16(u16::deserialize(from)?).map_err(de::Error::custom)
    }
}
