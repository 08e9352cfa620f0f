//! A subject's sessions as a hash of Redis, one a field.
//!
//! A session is `1 number issued seen idle absolute going previous`, and a space and its label where
//! it has one: the version of this form, which of the subject's sessions it is, four times in seconds
//! since 1970, when Redis may drop it by its own clock, and the ids that it had before it was renewed,
//! with commas, or `-`. Such an id is a field with `>id until`.

use redis::ScriptInvocation;

use crate::clock::Timestamp;
use crate::session_id::SessionId;
use crate::store::error::StoreError;
use crate::store::session_store::StoredSession;
use crate::token::MAX_CLOCK_SKEW;

/// The first word of a session. Another one is another form of row.
const VERSION: &[u8] = b"1";

/// The longest time to live: far beyond any session, and what Redis can add to its clock.
pub(super) const LONGEST: u64 = u32::MAX as u64;

/// How long Redis keeps a session that was used just now: a duration, not a point in time, so that
/// Redis's clock need not agree with anybody's.
pub(super) fn seconds_to_live(now: Timestamp, idle_deadline: Timestamp) -> u64 {
    let left = idle_deadline.as_secs().saturating_sub(now.as_secs());
    left.saturating_add(MAX_CLOCK_SKEW.as_secs()).min(LONGEST)
}

/// Adds what a script writes of a session to its arguments.
pub(super) fn write(script: &mut ScriptInvocation<'_>, session: &StoredSession) {
    // Every field by name: a new one must not be forgotten here.
    let StoredSession {
        id: _,
        subject: _,
        label,
        issued,
        last_seen,
        idle_deadline,
        absolute_deadline,
    } = session;
    let label = label.as_ref().map(|label| format!(" {label}"));
    script
        .arg(seconds_to_live(*last_seen, *idle_deadline))
        .arg(issued.as_secs())
        .arg(last_seen.as_secs())
        .arg(idle_deadline.as_secs())
        .arg(absolute_deadline.as_secs())
        .arg(label.unwrap_or_default());
}

/// The session of this row; `None` where that is the id of before a renewal.
pub(super) fn read(
    row: &[u8],
    subject: &str,
    id: SessionId,
) -> Result<Option<StoredSession>, StoreError> {
    if row.starts_with(b">") {
        return Ok(None);
    }
    parse(row, subject, id)
        .map(Some)
        .map_err(|what| unreadable(id, what))
}

/// The session of a field of the hash and its value; `None` where it is another field.
pub(super) fn read_listed(
    field: &[u8],
    row: &[u8],
    subject: &str,
) -> Result<Option<StoredSession>, StoreError> {
    let id = std::str::from_utf8(field)
        .ok()
        .and_then(|id| id.parse().ok());
    id.map_or(Ok(None), |id| read(row, subject, id))
}

/// Until when an id of before a renewal is remembered; `None` where the row is none of that.
pub(super) fn renewed_until(row: &[u8]) -> Option<Timestamp> {
    let rest = row.strip_prefix(b">")?;
    let until = rest.rsplit(|&byte| byte == b' ').next()?;
    number(until).map(Timestamp::from_secs)
}

fn parse(row: &[u8], subject: &str, id: SessionId) -> Result<StoredSession, &'static str> {
    let mut words = row.splitn(9, |&byte| byte == b' ');
    match words.next() {
        Some(version) if version == VERSION => {}
        _ => return Err("its version is another than this program reads, 1"),
    }
    let mut time = |what| words.next().and_then(number).ok_or(what);
    let _number = time("its number is none")?;
    let issued = time("its time of issue is not a time")?;
    let last_seen = time("its last use is not a time")?;
    let idle_deadline = time("its idle deadline is not a time")?;
    let absolute_deadline = time("its absolute deadline is not a time")?;
    let _going = time("its time to go is not a time")?;
    words.next().ok_or("it ends before the id it had before")?;
    let label = match words.next() {
        None => None,
        Some(label) => {
            Some(String::from_utf8(label.to_vec()).map_err(|_| "its label is not UTF-8")?)
        }
    };
    Ok(StoredSession {
        id,
        subject: subject.to_owned(),
        label,
        issued: Timestamp::from_secs(issued),
        last_seen: Timestamp::from_secs(last_seen),
        idle_deadline: Timestamp::from_secs(idle_deadline),
        absolute_deadline: Timestamp::from_secs(absolute_deadline),
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
