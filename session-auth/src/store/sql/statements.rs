//! What the stores in SQL databases share: statements that both databases read alike, and errors.

use std::fmt;

use crate::clock::Timestamp;
use crate::store::error::StoreError;
use crate::store::memory::KEEP_GENERATION;

/// The version of a row that this code writes, and the only one that it reads.
pub(super) const ROW_VERSION: i16 = 1;

/// Adds nothing where the generation has passed. Where it is raised at the same moment, the row is of
/// the one before, and so is no session: nobody has to wait. A generation is the time of the revocation, so
/// one that was read and then forgotten is no less than the next.
pub(super) const INSERT: &str = "\
    INSERT INTO session_auth_sessions \
        (id, subject, label, issued, last_seen, idle_deadline, absolute_deadline, version, \
        generation) \
    SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9 \
    WHERE $9 >= coalesce( \
        (SELECT generation FROM session_auth_generations WHERE subject = $2), 0)";

/// A condition: a row is a session while no later generation than its own is known of the subject.
/// `$subject` is the subject's parameter.
macro_rules! live {
    ($subject:literal) => {
        concat!(
            " AND generation >= coalesce((SELECT generation FROM session_auth_generations \
             WHERE subject = ",
            $subject,
            "), 0) "
        )
    };
}
pub(super) use live;

/// Of one row makes the other, which so stays of its generation.
pub(super) const REPLACE: &str = concat!(
    "UPDATE session_auth_sessions SET \
        id = $1, label = $3, issued = $4, last_seen = $5, idle_deadline = $6, \
        absolute_deadline = $7, version = $8 \
    WHERE subject = $2 AND id = $9",
    live!("$2")
);

pub(super) const GENERATION: &str =
    "SELECT generation FROM session_auth_generations WHERE subject = $1";

pub(super) const LIST: &str = concat!(
    "SELECT id, subject, label, issued, last_seen, idle_deadline, absolute_deadline, version \
    FROM session_auth_sessions WHERE subject = $1 AND idle_deadline > $2",
    live!("$1"),
    "ORDER BY last_seen DESC, issued DESC LIMIT $3"
);

/// What ends or finds a session: the id may be one before it was renewed.
macro_rules! by_any_id {
    ($verb:literal) => {
        concat!(
            $verb,
            " FROM session_auth_sessions WHERE subject = $1 AND (id = $2 OR id = ( \
                SELECT id FROM session_auth_renewed WHERE old = $2 AND subject = $1))",
            live!("$1")
        )
    };
}

pub(super) const REVOKE: &str = by_any_id!("DELETE");

pub(super) const IS_THERE: &str = by_any_id!("SELECT 1");

/// How often in a row a renewal may come before a revocation. One in four does, of a session that is renewed
/// without a pause.
pub(super) const MAX_OVERTAKEN: usize = 50;

/// Lets one session live on in the generation that was raised: the one of this id, ..
pub(super) const SPARE: &str = "\
    UPDATE session_auth_sessions SET generation = $3 \
    WHERE subject = $1 AND id = $2 AND generation >= $4";

/// .. or the one that had it. A statement of its own, as it then sees what was renewed while the other
/// waited.
pub(super) const SPARE_RENEWED: &str = "\
    UPDATE session_auth_sessions SET generation = $3 \
    WHERE subject = $1 AND generation >= $4 AND id = ( \
        SELECT id FROM session_auth_renewed WHERE old = $2 AND subject = $1)";

pub(super) const COUNT_ENDED: &str = "\
    SELECT count(*) FROM session_auth_sessions \
    WHERE subject = $1 AND generation >= $2 AND generation < $3";

/// The ids that a session had before are now those of the one that it was renewed to.
pub(super) const MOVE_RENEWED: &str = "\
    UPDATE session_auth_renewed SET id = $1 WHERE id = $2";

/// Of the ids that a session had, those are forgotten that are remembered for no longer, and of more than
/// there may be the oldest.
pub(super) const FORGET_BEFORE: &str = "\
    DELETE FROM session_auth_renewed WHERE id = $1 AND (until <= $2 OR old NOT IN ( \
        SELECT old FROM session_auth_renewed WHERE id = $1 ORDER BY until DESC LIMIT $3))";

pub(super) const REMEMBER: &str = "\
    INSERT INTO session_auth_renewed (old, subject, id, until) VALUES ($1, $2, $3, $4)";

pub(super) const WAS_RENEWED: &str = concat!(
    "SELECT 1 FROM session_auth_renewed AS r \
    JOIN session_auth_sessions AS s ON s.id = r.id AND s.subject = r.subject \
    WHERE r.old = $2 AND r.subject = $1 AND r.until > $3",
    live!("$1")
);

pub(super) const SCHEMA_VERSION: &str =
    "SELECT coalesce(max(version), 0) FROM session_auth_migrations";

pub(super) const MIGRATED: &str = "INSERT INTO session_auth_migrations (version) VALUES ($1)";

/// The values of [`INSERT`] and [`REPLACE`], in their order.
macro_rules! bind_session {
    ($query:expr, $session:expr) => {{
        let session: &$crate::store::session_store::StoredSession = $session;
        $query
            .bind(session.id.as_bytes().as_slice())
            .bind(session.subject.as_str())
            .bind(session.label.as_deref())
            .bind($crate::store::sql::statements::seconds(session.issued))
            .bind($crate::store::sql::statements::seconds(session.last_seen))
            .bind($crate::store::sql::statements::seconds(
                session.idle_deadline,
            ))
            .bind($crate::store::sql::statements::seconds(
                session.absolute_deadline,
            ))
            .bind($crate::store::sql::statements::ROW_VERSION)
    }};
}
pub(super) use bind_session;

/// SQL has no unsigned numbers. What is cut off lies past the end of everything.
pub(super) fn seconds(time: Timestamp) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}

/// Generations that were last raised then, or before, can be forgotten.
pub(super) fn forgettable(before: Timestamp) -> Option<i64> {
    let at = before.as_secs().checked_sub(KEEP_GENERATION)?;
    Some(seconds(Timestamp::from_secs(at)))
}

/// How many of these migrations a database of that version has yet to go through.
pub(super) fn pending(
    version: i64,
    migrations: &[&'static str],
) -> Result<Vec<(i64, &'static str)>, StoreError> {
    let known = migrations.len() as i64;
    if !(0..=known).contains(&version) {
        return Err(StoreError::unavailable(format!(
            "its tables are of version {version}, and this program knows versions up to {known}: \
             run a program built with a newer session-auth, or give it another database"
        )));
    }
    Ok((1..)
        .zip(migrations.iter().copied())
        .filter(|(number, _)| *number > version)
        .collect())
}

pub(super) fn failed(error: sqlx::Error) -> StoreError {
    if matches!(error, sqlx::Error::ColumnDecode { .. }) {
        return StoreError::unreadable(error);
    }
    let unmigrated = error.as_database_error().is_some_and(|error| {
        error.code().as_deref() == Some("42P01") || error.message().starts_with("no such table")
    });
    if unmigrated {
        return StoreError::unavailable(Unmigrated(error));
    }
    if is_of_the_question(&error) {
        return StoreError::rejected(error);
    }
    // The server's own timeouts of a statement, and of its wait for a row that another one holds.
    let code = error.as_database_error().and_then(|error| error.code());
    if matches!(code.as_deref(), Some("57014" | "55P03")) {
        return StoreError::cut_off(error);
    }
    StoreError::unavailable(error)
}

/// Whether the database would take another question: this one had a value that it cannot hold, or
/// met with another.
fn is_of_the_question(error: &sqlx::Error) -> bool {
    if matches!(error, sqlx::Error::Encode(_)) {
        return true;
    }
    let code = error.as_database_error().and_then(|error| error.code());
    let Some(code) = code.as_deref() else {
        return false;
    };
    match code.len() {
        // SQLSTATE: data exception, integrity, rollback by a conflict, a limit of one statement.
        5 => matches!(code.get(..2), Some("22" | "23" | "40" | "54")),
        // SQLite's: too big, constraint, mismatch, range; the low byte of an extended code.
        _ => matches!(code.parse().map(|code: u32| code & 0xff), Ok(18..=20 | 25)),
    }
}

#[derive(Debug)]
struct Unmigrated(sqlx::Error);

impl fmt::Display for Unmigrated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}; the store's `migrate` makes the tables, call it before serving",
            self.0
        )
    }
}

impl std::error::Error for Unmigrated {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}
