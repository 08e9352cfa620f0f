//! The JSON of the listing: `docs/listing.schema.json` says the same.

use std::collections::BTreeMap;

use serde::Serialize;
use time::OffsetDateTime;

use crate::clock::Timestamp;
use crate::response::Denial;
use crate::silence;

/// The version of the form.
pub(super) const SCHEMA: u32 = 1;

/// All of it.
#[derive(Debug, Serialize)]
pub(super) struct Listing {
    pub(super) schema: u32,
    pub(super) version: &'static str,
    pub(super) mode: &'static str,
    pub(super) lock: Option<String>,
    pub(super) started: String,
    pub(super) now: String,
    pub(super) summary: Summary,
    pub(super) hurts: Vec<Hurt>,
    pub(super) routes: Vec<Route>,
    pub(super) keys: Vec<Key>,
    pub(super) secrets: Vec<Secret>,
    pub(super) trail: Option<TrailState>,
}

/// How many there are, filtered or not.
#[derive(Debug, Default, Serialize)]
pub(super) struct Summary {
    pub(super) routes: usize,
    pub(super) public: usize,
    pub(super) webhook: usize,
    pub(super) session: usize,
    pub(super) unclassified: usize,
    pub(super) opaque: usize,
    pub(super) fallbacks: usize,
    pub(super) unclassified_requests: u64,
}

/// Something that somebody has to look at.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Hurt {
    pub(super) kind: &'static str,
    pub(super) route: Option<String>,
    pub(super) since: Option<String>,
    pub(super) message: String,
}

/// A mounted route.
#[derive(Debug, Serialize)]
pub(super) struct Route {
    /// As reports name it: `POST /signup`.
    pub(super) route: String,
    pub(super) methods: Vec<&'static str>,
    pub(super) path: Option<String>,
    pub(super) class: Option<&'static str>,
    pub(super) shape: &'static str,
    pub(super) handler: Option<String>,
    pub(super) file: Option<String>,
    pub(super) line: Option<u32>,
    pub(super) mounted: Option<Place>,
    pub(super) named: bool,
    pub(super) reason: Option<String>,
    pub(super) verifier: Option<String>,
    pub(super) binds: Option<&'static str>,
    /// For how long the sender tries again.
    pub(super) retry_budget: Option<String>,
    /// What may prove the caller; `None` where nobody is asked who they are.
    pub(super) by: Option<String>,
    pub(super) scope: Option<String>,
    pub(super) expect_every: Option<String>,
    pub(super) until: Option<String>,
    pub(super) owner: Option<String>,
    pub(super) issues_session: bool,
    pub(super) optional_session: bool,
    pub(super) cross_origin: Option<String>,
    pub(super) max_body: Option<usize>,
    pub(super) alarms: Vec<&'static str>,
    pub(super) silent_after: Option<String>,
    pub(super) last_verified: Option<String>,
    pub(super) last_denied: Option<Refusal>,
    pub(super) passed: u64,
    pub(super) verified: u64,
    pub(super) denied: BTreeMap<&'static str, u64>,
    pub(super) observed: BTreeMap<&'static str, u64>,
    pub(super) handler_refused: u64,
    pub(super) handler_failed: u64,
    pub(super) unclassified: u64,
    pub(super) hours: Vec<Hour>,
}

#[derive(Debug, Serialize)]
pub(super) struct Place {
    pub(super) file: String,
    pub(super) line: u32,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Refusal {
    pub(super) at: String,
    pub(super) reason: &'static str,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Hour {
    pub(super) passed: u64,
    pub(super) denied: u64,
}

/// A key of the ring, by its id.
#[derive(Debug, Serialize)]
pub(super) struct Key {
    pub(super) key: String,
    pub(super) signs: bool,
    pub(super) signed: u64,
    pub(super) verified: u64,
}

/// A secret of a verifier, by its id.
#[derive(Debug, Serialize)]
pub(super) struct Secret {
    pub(super) verifier: String,
    pub(super) secret: String,
    pub(super) uses: u64,
}

/// What became of the trail's lines.
#[derive(Debug, Serialize)]
pub(super) struct TrailState {
    pub(super) written: u64,
    pub(super) lost: u64,
    pub(super) error: Option<String>,
}

/// The health answer.
#[derive(Debug, Serialize)]
pub(super) struct Health {
    pub(super) status: &'static str,
    pub(super) alarms: Vec<Alarm>,
}

#[derive(Debug, Serialize)]
pub(super) struct Alarm {
    rule: silence::Rule,
    route: String,
    verifier: String,
    owner: Option<String>,
    since: String,
    last_verified: Option<String>,
    reason: Option<&'static str>,
}

impl Alarm {
    pub(super) fn of(alarm: &silence::Alarm) -> Self {
        Self {
            rule: alarm.rule,
            route: alarm.route.clone(),
            verifier: alarm.verifier.clone(),
            owner: alarm.owner.clone(),
            since: utc(alarm.since),
            last_verified: alarm.last_verified.map(utc),
            reason: alarm.reason.map(Denial::as_str),
        }
    }
}

/// `2027-01-31T12:00:00Z`.
pub(super) fn utc(at: Timestamp) -> String {
    let seconds = i64::try_from(at.as_secs()).unwrap_or(i64::MAX);
    let Ok(at) = OffsetDateTime::from_unix_timestamp(seconds) else {
        return "9999-12-31T23:59:59Z".to_owned();
    };
    let (date, hour, minute, second) = (at.date(), at.hour(), at.minute(), at.second());
    format!("{date}T{hour:02}:{minute:02}:{second:02}Z")
}
