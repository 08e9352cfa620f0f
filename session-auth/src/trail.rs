//! The trail: who got in, who was put out, and who was refused where anyone may knock.
//!
//! A layer tells its [`AuditSink`] what happens ([`AuditEvent`]), by
//! [`SessionAuthLayerBuilder::audit`](crate::SessionAuthLayerBuilder::audit). The one that is here,
//! [`FileTrail`](crate::trail::FileTrail) (feature `trail`), appends JSON lines to a file:
//!
//! 1. Each line has the SHA-256 of the line before, so that a line that was changed or taken out shows.
//! 2. Every 100 lines, a minute after the last one and when it is dropped, it signs a
//!    checkpoint: how many lines there are, and the hash of the last one, as a
//!    [signed note](https://c2sp.org/signed-note) of the C2SP. Who changes a line and makes the chain
//!    anew behind it, or cuts the end off, cannot sign that.
//! 3. It never makes a request wait: lines are written by a thread of its own. What that cannot keep up
//!    with, or what a full disk does not take, is counted as lost, in the listing and in the next line.
//! 4. Files are rotated by size. [`verify`] reads all of them and names the first
//!    bad line.
//!
//! It proves nothing against who has the signing key, which is in the process. Who can write to the
//! folder can cut trail and checkpoints alike: [`FileTrail::on_checkpoint`](crate::trail::FileTrail::on_checkpoint)
//! gives each checkpoint to a place where they cannot.
//!
//! Subjects are in it, as the service names them, and ids of API keys; no session's id, no token, no secret. Refusals of
//! exempt routes are summed up by route and reason, at most one line each in 15 seconds.
//!
#![cfg_attr(
    feature = "trail",
    doc = r#"
```
use session_auth::trail::{FileTrail, TrailKey, verify};
use session_auth::{Keys, SessionAuthLayer};

# let folder = tempfile::tempdir()?;
# let path = folder.path().join("trail.jsonl");
let key = TrailKey::generate("auth.example.com")?; // once: keep `key.private()` as a secret
let public = key.public();
let auth = SessionAuthLayer::builder(Keys::random()?)
    .audit(FileTrail::open(&path, key)?)
    .build()?;
# #[tokio::main(flavor = "current_thread")] async fn issue(auth: &SessionAuthLayer) {
auth.sessions().issue("ada").await.unwrap();
# }
# issue(&auth);
drop(auth); // the last lines are written and signed

let verified = verify(&path, &public)?;
assert_eq!((verified.lines, verified.signed), (1, 1));
# Ok::<_, Box<dyn std::error::Error>>(())
```
"#
)]

#[cfg(feature = "trail")]
mod file;
#[cfg(feature = "trail")]
mod note;
#[cfg(all(test, feature = "trail"))]
#[allow(clippy::unwrap_used)]
mod tests;
#[cfg(feature = "trail")]
mod verify;

use serde::Serialize;

#[cfg(feature = "trail")]
pub use self::file::{CHECKPOINT_EVERY, FileTrail};
#[cfg(feature = "trail")]
pub use self::note::{InvalidKey, TrailKey};
#[cfg(feature = "trail")]
pub use self::verify::{TrailError, Verified, verify};
use crate::clock::Timestamp;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum AuditEvent {
    /// A router was protected.
    Start {
        /// `enforce` or `observe`.
        mode: &'static str,
        /// The version of session-auth.
        version: &'static str,
        /// The SHA-256 of the route lock, where the service told it.
        lock: Option<String>,
        /// How many routes it mounts.
        routes: usize,
    },
    /// A session was issued.
    Login {
        /// Whose.
        subject: String,
    },
    /// A login failed, as the service says: [`Sessions::login_failed`](crate::Sessions::login_failed).
    LoginFailed {
        /// Who somebody said to be.
        subject: String,
    },
    /// Sessions were ended.
    Revoke {
        /// Whose.
        subject: String,
        /// How many.
        sessions: u64,
    },
    /// The ring of keys is another.
    Rotation {
        /// The ids of its keys, the one that signs first.
        keys: Vec<String>,
    },
    /// An API key was issued. Its id is that of the store: no one gets in by it.
    ApiKeyIssued {
        /// Whose.
        subject: String,
        /// The key's id.
        key: String,
        /// What it may do.
        scopes: Vec<String>,
    },
    /// An API key was rotated: a new one takes its place, and the old one ends soon.
    ApiKeyRotated {
        /// Whose.
        subject: String,
        /// The id of the old one.
        key: String,
        /// The id of the new one.
        by: String,
    },
    /// An API key was revoked.
    ApiKeyRevoked {
        /// Whose.
        subject: String,
        /// The key's id.
        key: String,
    },
    /// Requests to a public route or a webhook were refused.
    Refused {
        /// The route.
        route: String,
        /// The reason.
        reason: &'static str,
        /// How many, since the last line of this route and reason.
        requests: u64,
    },
    /// A webhook began to ring, or is heard again.
    Alarm {
        /// The route.
        route: String,
        /// `refused` or `silent`.
        rule: &'static str,
        /// Whether it is over.
        over: bool,
    },
}

/// Where events go.
pub trait AuditSink: Send + Sync + 'static {
    /// Takes an event. Called from requests: it must not block.
    fn record(&self, at: Timestamp, event: AuditEvent);

    /// What became of the events so far, for the listing.
    fn state(&self) -> TrailState {
        TrailState::default()
    }
}

impl<S: AuditSink + ?Sized> AuditSink for std::sync::Arc<S> {
    fn record(&self, at: Timestamp, event: AuditEvent) {
        (**self).record(at, event);
    }

    fn state(&self) -> TrailState {
        (**self).state()
    }
}

/// What became of a sink's events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "sinks outside this crate have to make one"
)]
pub struct TrailState {
    /// Events that were written.
    pub written: u64,
    /// Events that were not.
    pub lost: u64,
    /// Why the last one was lost; `None` while they are written.
    pub error: Option<String>,
}
