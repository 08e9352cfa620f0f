use std::ops::{Deref, DerefMut};
use std::str::FromStr;
use std::time::Duration;

use sha2::{Digest, Sha256};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::{Connection, PgPool, Postgres};

use super::alike::sql_store;
use super::row;
use super::statements::{
    FIND, GENERATION, INSERT, LIST, MIGRATED, REPLACE, REVOKE, SCHEMA_VERSION, bind_session,
    failed, forgettable, pending, seconds,
};
use crate::clock::Timestamp;
use crate::session::SessionId;
use crate::store::error::StoreError;
use crate::store::session_store::{Generation, SessionStore, StoredSession};

/// Keeps sessions in PostgreSQL: for any number of machines.
///
/// Needs the feature `postgres`. The database may be the application's own: the tables' names begin
/// with `session_auth_`, and they are made in the first schema of the connection's `search_path`.
///
/// ```no_run
/// use session_auth::store::PostgresStore;
/// use session_auth::{Keys, SessionAuthLayer};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let store = PostgresStore::connect(&std::env::var("DATABASE_URL")?).await?;
/// store.migrate().await?;
/// let auth = SessionAuthLayer::builder(Keys::from_env()?).store(store).build()?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct PostgresStore {
    pool: PgPool,
}

const MAX_CONNECTIONS: u32 = 10;
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);

/// A connection that has been idle for so long is tried before it is used. No server restarts in less
/// (a small one takes some 50 ms), so none that was left over from before reaches a request; and under
/// load, where a connection rests for less, no request pays for another round trip.
const TRY_AFTER: Duration = Duration::from_millis(10);

/// What nobody waits for any more must not hold a lock or a connection for ever; and two who touch
/// one session are no conflict, whatever the database's default is.
const SESSION_SETTINGS: [(&str, &str); 3] = [
    ("statement_timeout", "5s"),
    ("idle_in_transaction_session_timeout", "5s"),
    ("default_transaction_isolation", "read committed"),
];

/// Each statement has to see what was committed while it waited for the lock, whatever the
/// database's default is.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

/// Never change one that was released: add another.
const MIGRATIONS: &[&str] = &["\
    CREATE TABLE session_auth_sessions ( \
        id BYTEA NOT NULL PRIMARY KEY, \
        subject TEXT COLLATE \"C\" NOT NULL, \
        label TEXT, \
        issued BIGINT NOT NULL, \
        last_seen BIGINT NOT NULL, \
        idle_deadline BIGINT NOT NULL, \
        absolute_deadline BIGINT NOT NULL, \
        version SMALLINT NOT NULL \
    ); \
    CREATE INDEX session_auth_sessions_subject ON session_auth_sessions (subject); \
    CREATE INDEX session_auth_sessions_idle_deadline ON session_auth_sessions (idle_deadline); \
    CREATE TABLE session_auth_generations ( \
        subject TEXT COLLATE \"C\" NOT NULL PRIMARY KEY, \
        generation BIGINT NOT NULL, \
        revoked_at BIGINT NOT NULL \
    ); \
    CREATE INDEX session_auth_generations_revoked_at ON session_auth_generations (revoked_at);"];

const TOUCH: &str = "\
    UPDATE session_auth_sessions SET \
        last_seen = greatest(last_seen, $3), idle_deadline = greatest(idle_deadline, $4) \
    WHERE subject = $1 AND id = $2 \
    RETURNING version";

const RAISE: &str = "\
    INSERT INTO session_auth_generations AS old (subject, generation, revoked_at) \
    VALUES ($1, 1, $2) \
    ON CONFLICT (subject) DO UPDATE SET \
        generation = old.generation + 1, \
        revoked_at = greatest(old.revoked_at, excluded.revoked_at)";

const REVOKE_ALL: &str =
    "DELETE FROM session_auth_sessions WHERE subject = $1 AND id IS DISTINCT FROM $2";

// `ARRAY` has the inner statement run once: inside of `IN` it may be run again, with another answer
// and past the limit. Rows that somebody else holds wait for the next time.
const REMOVE_EXPIRED: &str = "\
    DELETE FROM session_auth_sessions WHERE idle_deadline < $1 AND id = ANY (ARRAY( \
        SELECT id FROM session_auth_sessions WHERE idle_deadline < $1 \
        LIMIT $2 FOR UPDATE SKIP LOCKED))";

const FORGET: &str = "\
    DELETE FROM session_auth_generations WHERE revoked_at <= $1 AND subject = ANY (ARRAY( \
        SELECT subject FROM session_auth_generations WHERE revoked_at <= $1 \
        LIMIT $2 FOR UPDATE SKIP LOCKED))";

impl PostgresStore {
    /// A store in the database of this pool. Call [`migrate`](Self::migrate) before it serves.
    ///
    /// Keep sqlx's `test_before_acquire`, or something like it: else, after a restart of the server,
    /// each connection left over costs a request. Its default isolation level should be
    /// `READ COMMITTED`, which is PostgreSQL's own: with a stricter one, requests of one session at
    /// the same time can fail.
    #[must_use]
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Connects to `postgres://user:password@host/database`, with at most 10 connections; a
    /// statement may take 5 s at the most. What the URL leaves out is read from libpq's environment
    /// variables.
    ///
    /// Without one of sqlx's `tls-..` features among the application's dependencies the connection
    /// is in the clear, and `?sslmode=require` is an error. PgBouncer refuses the settings that this
    /// sends: use [`new`](Self::new) there.
    ///
    /// # Errors
    ///
    /// It is no such URL, or the server cannot be reached in 2 s, or refuses. The error does not
    /// show the URL.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        let mut options = PgConnectOptions::from_str(url).map_err(failed)?;
        let of_url = options.get_options().unwrap_or_default().to_owned();
        options = options.options(
            SESSION_SETTINGS
                .into_iter()
                .filter(|(name, _)| !of_url.contains(name)),
        );
        if options.get_application_name().is_none() {
            options = options.application_name("session-auth");
        }
        let server = match options.get_socket() {
            Some(socket) => socket.display().to_string(),
            None => format!("{}:{}", options.get_host(), options.get_port()),
        };
        let pool = PgPoolOptions::new()
            .max_connections(MAX_CONNECTIONS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .test_before_acquire(false)
            .before_acquire(|connection, meta| {
                Box::pin(async move {
                    // An error would be logged as a warning; that a server was restarted is none.
                    Ok(meta.idle_for < TRY_AFTER || connection.ping().await.is_ok())
                })
            })
            .connect_with(options)
            .await
            .map_err(|error| match error {
                sqlx::Error::PoolTimedOut => StoreError::unavailable(format!(
                    "{server} gave no connection within {} s: is the server up, and is that its \
                     address?",
                    ACQUIRE_TIMEOUT.as_secs()
                )),
                error => StoreError::unavailable(format!("{server}: {error}")),
            })?;
        Ok(Self::new(pool))
    }

    /// Makes the tables, or brings them to what this version of the crate needs. Does nothing where
    /// that is done, and then asks for no right to create tables; several processes may call it at
    /// the same time.
    ///
    /// # Errors
    ///
    /// The user may not create tables, the database's encoding is not UTF-8, or a newer version of
    /// the crate has changed the tables.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let mut lease = self.lease(false).await?;
        let migrated = migrate(&mut lease).await;
        lease.finish(migrated)
    }

    /// To read or to write: that is one here.
    async fn lease(&self, _writes: bool) -> Result<Lease, StoreError> {
        let connection = self.pool.acquire().await.map_err(failed)?;
        Ok(Lease {
            connection,
            finished: false,
        })
    }
}

/// A connection whose answer is awaited. If nobody does so any more (the layer gave up), it is
/// closed: sqlx would return it to the pool only after the answer, which may never come.
struct Lease {
    connection: PoolConnection<Postgres>,
    finished: bool,
}

impl Lease {
    fn finish<T>(mut self, answer: T) -> T {
        self.finished = true;
        answer
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if !self.finished {
            self.connection.close_on_drop();
        }
    }
}

impl Deref for Lease {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}

/// The number of an advisory lock. The application may have such locks too, in the same 64 bits: a
/// hash keeps out of their way, where small numbers would not.
fn lock_of(what: &str, subject: &str) -> i64 {
    let hash = Sha256::new()
        .chain_update("session-auth advisory lock\0")
        .chain_update(what)
        .chain_update("\0")
        .chain_update(subject)
        .finalize();
    let mut first = [0; 8];
    first.copy_from_slice(&hash[..8]);
    i64::from_be_bytes(first)
}

async fn migrate(connection: &mut PgConnection) -> Result<(), StoreError> {
    let mut transaction = connection.begin_with(BEGIN).await.map_err(failed)?;
    // Others may be at it, and an index takes its time.
    sqlx::query("SET LOCAL statement_timeout = 0")
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)")
        .bind(lock_of("migrate", ""))
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
    let encoding: String = sqlx::query_scalar("SELECT current_setting('server_encoding')")
        .fetch_one(&mut *transaction)
        .await
        .map_err(failed)?;
    if encoding != "UTF8" {
        return Err(StoreError::unavailable(format!(
            "the database's encoding is {encoding}, which cannot hold every subject: use one whose \
             encoding is UTF8"
        )));
    }
    let there: bool =
        sqlx::query_scalar("SELECT to_regclass('session_auth_migrations') IS NOT NULL")
            .fetch_one(&mut *transaction)
            .await
            .map_err(failed)?;
    if !there {
        sqlx::query("CREATE TABLE session_auth_migrations (version BIGINT NOT NULL PRIMARY KEY)")
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
    }
    let version: i64 = sqlx::query_scalar(SCHEMA_VERSION)
        .fetch_one(&mut *transaction)
        .await
        .map_err(failed)?;
    for (number, statements) in pending(version, MIGRATIONS)? {
        sqlx::raw_sql(statements)
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        sqlx::query(MIGRATED)
            .bind(number)
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
    }
    transaction.commit().await.map_err(failed)
}

/// A login and a revocation of all sessions exclude each other, by an advisory lock: there may be no
/// row of the subject's generation to lock, and a row for everybody who ever logged in would outlive
/// their sessions. Logins share the lock, so they do not wait for each other.
///
/// The lock is a statement of its own, as the next one then sees what was committed before it.
async fn insert(
    connection: &mut PgConnection,
    session: &StoredSession,
    generation: Generation,
) -> Result<bool, sqlx::Error> {
    let mut transaction = connection.begin_with(BEGIN).await?;
    sqlx::query("SELECT pg_advisory_xact_lock_shared($1)")
        .bind(lock_of("subject", &session.subject))
        .execute(&mut *transaction)
        .await?;
    let done = bind_session!(sqlx::query(INSERT), session)
        .bind(generation.0 as i64)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(done.rows_affected() == 1)
}

/// Excludes [`insert`].
async fn revoke_all(
    connection: &mut PgConnection,
    subject: &str,
    except: Option<SessionId>,
    now: Timestamp,
) -> Result<u64, sqlx::Error> {
    let mut transaction = connection.begin_with(BEGIN).await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)")
        .bind(lock_of("subject", subject))
        .execute(&mut *transaction)
        .await?;
    sqlx::query(RAISE)
        .bind(subject)
        .bind(seconds(now))
        .execute(&mut *transaction)
        .await?;
    let ended = sqlx::query(REVOKE_ALL)
        .bind(subject)
        .bind(except.as_ref().map(|id| id.as_bytes().as_slice()))
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(ended.rows_affected())
}

sql_store!(PostgresStore);
