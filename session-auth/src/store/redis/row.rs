//! A session as a hash of Redis.

use redis::ScriptInvocation;

use crate::clock::Timestamp;
use crate::session::SessionId;
use crate::store::error::StoreError;
use crate::store::session_store::StoredSession;
use crate::token::MAX_CLOCK_SKEW;

/// The field `v`. Another one is another form of row.
pub(super) const VERSION: &str = "1";

/// The longest time to live: far beyond any session, and what Redis can add to its clock.
const LONGEST: u64 = u32::MAX as u64;

/// How long Redis keeps a session that was used just now: a duration, not a point in time, so that
/// Redis's clock need not agree with anybody's.
pub(super) fn seconds_to_live(now: Timestamp, idle_deadline: Timestamp) -> u64 {
    let left = idle_deadline.as_secs().saturating_sub(now.as_secs());
    left.saturating_add(MAX_CLOCK_SKEW.as_secs()).min(LONGEST)
}

/// Adds the fields of a session to the arguments of a script.
pub(super) fn write(script: &mut ScriptInvocation<'_>, session: &StoredSession) {
    // Every field by name: a new one must not be forgotten here.
    let StoredSession {
        id: _,
        subject,
        label,
        issued,
        last_seen,
        idle_deadline,
        absolute_deadline,
    } = session;
    script.arg("v").arg(VERSION).arg("subject").arg(subject);
    if let Some(label) = label {
        script.arg("label").arg(label);
    }
    script
        .arg("issued")
        .arg(issued.as_secs())
        .arg("seen")
        .arg(last_seen.as_secs())
        .arg("idle")
        .arg(idle_deadline.as_secs())
        .arg("absolute")
        .arg(absolute_deadline.as_secs());
}

/// The session of these fields.
pub(super) fn read(
    fields: &[(Vec<u8>, Vec<u8>)],
    subject: &str,
    id: SessionId,
) -> Result<StoredSession, StoreError> {
    let fields = fields.iter().map(|(name, value)| (&name[..], &value[..]));
    parse(fields, subject, id).map_err(|what| unreadable(id, what))
}

/// The session of a name in the index, and of fields and values by turns.
pub(super) fn read_listed(
    id: &[u8],
    row: &[Vec<u8>],
    subject: &str,
) -> Result<StoredSession, StoreError> {
    let id: SessionId = std::str::from_utf8(id)
        .ok()
        .and_then(|id| id.parse().ok())
        .ok_or_else(|| StoreError::unreadable("an index of sessions names what is no id"))?;
    let (pairs, rest) = row.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(unreadable(id, "it is not a hash"));
    }
    let fields = pairs.iter().map(|[name, value]| (&name[..], &value[..]));
    parse(fields, subject, id).map_err(|what| unreadable(id, what))
}

fn parse<'a>(
    fields: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
    subject: &str,
    id: SessionId,
) -> Result<StoredSession, &'static str> {
    let field = |name: &str| {
        let mut fields = fields.clone();
        fields.find_map(|(key, value)| (key == name.as_bytes()).then_some(value))
    };
    match field("v") {
        Some(version) if version == VERSION.as_bytes() => {}
        Some(_) => return Err("its field `v` is another than this version writes, 1"),
        None => return Err("it has no field `v`"),
    }
    if field("subject") != Some(subject.as_bytes()) {
        return Err("it is not of the subject that its key is of");
    }
    let label = match field("label") {
        None => None,
        Some(label) => {
            Some(String::from_utf8(label.to_vec()).map_err(|_| "its label is not UTF-8")?)
        }
    };
    let time = |name| field(name).and_then(number).map(Timestamp::from_secs);
    Ok(StoredSession {
        id,
        subject: subject.to_owned(),
        label,
        issued: time("issued").ok_or("its field `issued` is not a time")?,
        last_seen: time("seen").ok_or("its field `seen` is not a time")?,
        idle_deadline: time("idle").ok_or("its field `idle` is not a time")?,
        absolute_deadline: time("absolute").ok_or("its field `absolute` is not a time")?,
    })
}

/// A number in decimal digits, and nothing else: no sign, which `parse` would take.
pub(super) fn number(text: &[u8]) -> Option<u64> {
    let digits = text.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(text).ok().filter(|_| digits)?;
    text.parse().ok()
}

/// The row of this session is broken so; its first bytes are enough to find it by.
pub(super) fn unreadable(id: SessionId, what: &str) -> StoreError {
    StoreError::unreadable(format!("{id:?}: {what}"))
}
