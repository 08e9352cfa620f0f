//! Rows are not trusted: people edit tables, restore half of them, and go back to older programs.

use std::collections::HashMap;
use std::error::Error as _;

use sqlx::{ColumnIndex, Decode, Row, Type};

use super::statements::ROW_VERSION;
use crate::clock::Timestamp;
use crate::session_id::SessionId;
use crate::store::error::StoreError;
use crate::store::session_store::StoredSession;

/// The session of this row.
pub(super) fn session<R: Row>(row: &R) -> Result<StoredSession, StoreError>
where
    &'static str: ColumnIndex<R>,
    Vec<u8>: for<'r> Decode<'r, R::Database> + Type<R::Database>,
    String: for<'r> Decode<'r, R::Database> + Type<R::Database>,
    i64: for<'r> Decode<'r, R::Database> + Type<R::Database>,
    i16: for<'r> Decode<'r, R::Database> + Type<R::Database>,
{
    let id = id(row).map_err(StoreError::unreadable)?;
    fields(row, id).map_err(|what| StoreError::unreadable(format!("{id:?}: {what}")))
}

/// What these rows say, without those that cannot be read: one of them must not keep a person from
/// seeing, and ending, the others.
pub(super) fn readable<R, T>(
    rows: &[R],
    read: impl Fn(&R) -> Result<T, StoreError>,
    of: &'static str,
) -> Vec<T> {
    let report = |error: &StoreError| {
        tracing::error!(target: "session_auth", %error, "left out of a list of {of}");
    };
    rows.iter()
        .filter_map(|row| read(row).inspect_err(report).ok())
        .collect()
}

/// Whether a session of this version is one that this code knows all about.
pub(super) fn known_version(id: SessionId, version: i16) -> Result<(), StoreError> {
    check_version(version).map_err(|what| StoreError::unreadable(format!("{id:?}: {what}")))
}

pub(super) fn check_version(version: i16) -> Result<(), String> {
    if version == ROW_VERSION {
        return Ok(());
    }
    Err(format!(
        "its version is {version}, and this program reads version {ROW_VERSION} alone: a newer \
         session-auth wrote it, or nobody did"
    ))
}

fn id<R: Row>(row: &R) -> Result<SessionId, String>
where
    &'static str: ColumnIndex<R>,
    Vec<u8>: for<'r> Decode<'r, R::Database> + Type<R::Database>,
{
    let bytes: Vec<u8> =
        column(row, "id").map_err(|what| format!("a session of unknown id: {what}"))?;
    match <[u8; 16]>::try_from(bytes.as_slice()) {
        Ok(bytes) => Ok(SessionId::from_bytes(bytes)),
        Err(_) => Err(format!(
            "a session of unknown id: its id has {} bytes, not 16",
            bytes.len()
        )),
    }
}

fn fields<R: Row>(row: &R, id: SessionId) -> Result<StoredSession, String>
where
    &'static str: ColumnIndex<R>,
    String: for<'r> Decode<'r, R::Database> + Type<R::Database>,
    i64: for<'r> Decode<'r, R::Database> + Type<R::Database>,
    i16: for<'r> Decode<'r, R::Database> + Type<R::Database>,
{
    // First: in a row of another version the other columns may mean something else.
    check_version(column(row, "version")?)?;
    let time = |name| {
        let seconds: i64 = column(row, name)?;
        u64::try_from(seconds)
            .map(Timestamp::from_secs)
            .map_err(|_| format!("its {name} is {seconds}, before 1970"))
    };
    Ok(StoredSession {
        id,
        subject: column(row, "subject")?,
        label: nullable(row, "label")?,
        issued: time("issued")?,
        last_seen: time("last_seen")?,
        idle_deadline: time("idle_deadline")?,
        absolute_deadline: time("absolute_deadline")?,
    })
}

pub(super) fn column<T, R: Row>(row: &R, name: &'static str) -> Result<T, String>
where
    &'static str: ColumnIndex<R>,
    T: for<'r> Decode<'r, R::Database> + Type<R::Database>,
{
    nullable(row, name)?.ok_or_else(|| format!("its {name} is NULL"))
}

pub(super) fn nullable<T, R: Row>(row: &R, name: &'static str) -> Result<Option<T>, String>
where
    &'static str: ColumnIndex<R>,
    T: for<'r> Decode<'r, R::Database> + Type<R::Database>,
{
    row.try_get(name).map_err(|error| match error.source() {
        Some(why) => format!("its {name} cannot be read: {why}"),
        None => format!("its {name} cannot be read: {error}"),
    })
}

/// The deadlines of these sessions, by the rows that were found of them.
pub(super) fn deadlines<R: Row>(
    sessions: &[(String, SessionId)],
    rows: &[R],
) -> Vec<Option<Timestamp>>
where
    &'static str: ColumnIndex<R>,
    Vec<u8>: for<'r> Decode<'r, R::Database> + Type<R::Database>,
    String: for<'r> Decode<'r, R::Database> + Type<R::Database>,
    i64: for<'r> Decode<'r, R::Database> + Type<R::Database>,
    i16: for<'r> Decode<'r, R::Database> + Type<R::Database>,
{
    let deadline = |row| {
        check_version(column(row, "version").ok()?).ok()?;
        let seconds: i64 = column(row, "idle_deadline").ok()?;
        u64::try_from(seconds).map(Timestamp::from_secs).ok()
    };
    let of = |row| {
        let subject: String = column(row, "subject").ok()?;
        let id: Vec<u8> = column(row, "id").ok()?;
        // A row that cannot be read is a session all the same.
        Some(((subject, id), deadline(row).unwrap_or_default()))
    };
    let rows: HashMap<_, _> = rows.iter().filter_map(of).collect();
    let deadline =
        |(subject, id): &(String, SessionId)| rows.get(&(subject.clone(), id.as_bytes().to_vec()));
    sessions.iter().map(|it| deadline(it).copied()).collect()
}
