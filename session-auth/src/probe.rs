//! Asking a running service what it would do, without it doing anything: what `route-audit probe` sends,
//! and how a layer answers.
//!
//! A probe is a request with [`MARK`] for its query and a signed header, [`HEADER`]. The layer of
//! the route answers it with its decision: no handler runs, no middleware inside of the guards, nothing
//! is counted. A probe has no body, and what comes with it is dropped.
//!
//! 1. The key is derived from the session keys ([`Keys::probe_key`](crate::Keys::probe_key)) and from
//!    it no session can be signed: a CI gets this one, and never the session keys. Every key of the ring
//!    has its own, so that a rotation of the ring is one of these.
//! 2. The signature binds version, key, time, nonce, method and path. A header that is not signed so, is
//!    a minute off, or was there before changes nothing: the request is answered as any other, and
//!    the header tells a stranger nothing, not even whether there is a layer.
//! 3. Of probes that were accepted, each process remembers the nonces for as long as they could be
//!    sent again, 10,000 at the most, and accepts no more than these. Another process that serves the
//!    same routes answers a copy once more: whoever took it on the way has seen that answer.
//! 4. The answer is signed, too, and bound to the nonce: what comes from a cache or is made up by
//!    something in front is none of the layer's.
//!
//! A denial is answered as a stranger would get it, status and body; `200` without a body says that the
//! request would have gone in.
//!
//! ```
//! use http::Method;
//! use session_auth::Keys;
//! use session_auth::probe::{MARK, ProbeKey};
//!
//! let keys = Keys::new([[1; 32], [2; 32]])?; // a test's; a service has `Keys::from_env`
//! let printed = keys.probe_key().reveal();
//! // In a CI that knows nothing else:
//! let key = ProbeKey::parse(&printed)?;
//! let probe = key.sign(&Method::POST, "/api/orders", std::time::SystemTime::now())?;
//! let request = http::Request::post(format!("/api/orders?{MARK}"))
//!     .header("session-auth-probe", probe.header());
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

mod answer;
mod key;
mod said;
mod seen;

pub(crate) use self::answer::{Behind, answer};
pub use self::key::{ProbeKey, ProbeKeyError, SignedProbe};
pub use self::said::{ProbeAnswer, ProbeDecision};
pub(crate) use self::seen::{Accepted, Probes};

use http::Request;

/// The query of a probe. Its header is looked for in no other request, so that all others cost nothing
/// more; and the logs of what stands in front show what was a probe.
pub const MARK: &str = "session-auth-probe";

/// The header of a probe, and of the answer to one.
pub const HEADER: &str = "session-auth-probe";

/// Whether a request may be a probe.
pub(crate) fn is_marked<B>(request: &Request<B>) -> bool {
    request.uri().query() == Some(MARK)
}
