use std::ops::{Deref, DerefMut};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, Sqlite, SqliteConnection, SqlitePool, Transaction};
use tokio::sync::{Mutex, MutexGuard};

use super::alike::sql_store;
use super::api_keys::sql_api_keys;
use super::replays::sql_replays;
use super::row;
use super::statements::{
    COUNT_ENDED, FORGET_BEFORE, GENERATION, INSERT, IS_THERE, LIST, MAX_OVERTAKEN, MIGRATED,
    MOVE_RENEWED, REMEMBER, REPLACE, REVOKE, SCHEMA_VERSION, SPARE, SPARE_RENEWED, WAS_RENEWED,
    bind_session, failed, forgettable, live, pending, seconds,
};
use crate::clock::Timestamp;
use crate::session_id::SessionId;
use crate::store::error::StoreError;
use crate::store::session_store::{
    Generation, MAX_BEFORE, MAX_LISTED, SessionStore, StoredSession,
};
use crate::store::steady::Steady;

/// Keeps sessions and API keys in an SQLite file: for one machine, any number of processes, across restarts.
///
/// Needs the feature `sqlite`, which builds SQLite in. The file may be the application's own: the
/// tables' names begin with `session_auth_`.
///
/// A program links SQLite once, by `libsqlite3-sys`, of which sqlx 0.9 takes 0.30.1 to 0.37. A service
/// that has `rusqlite` besides takes 0.32 to 0.39 of it, and both may have the same file open. An
/// sqlx pool of the service's own, with sqlx 0.9, comes in by [`new`](Self::new). With any other
/// version, keep sessions in another store, or write one: [`SessionStore`].
///
/// ```
/// use session_auth::store::SqliteStore;
/// use session_auth::{Keys, SessionAuthLayer};
///
/// # tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
/// # let folder = tempfile::tempdir()?;
/// # let url = format!("sqlite://{}", folder.path().join("app.db").display());
/// let store = SqliteStore::connect(&url).await?; // "sqlite://app.db"
/// store.migrate().await?;
/// let auth = SessionAuthLayer::builder(Keys::random()?).store(store).build()?;
/// # Ok::<_, Box<dyn std::error::Error>>(()) })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct SqliteStore {
    pool: SqlitePool,
    /// SQLite has one writer at a time, and lets the others ask again and again. In one process they
    /// queue here, first come first served, and hold no connection meanwhile.
    writer: Arc<Mutex<()>>,
    /// By which deliveries that are over go.
    steady: Arc<Steady>,
}

/// Less than the layer's timeout, so that the error says that the database is locked.
const BUSY_TIMEOUT: Duration = Duration::from_millis(200);
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
/// Each is a thread; one writes, the others read.
const MAX_CONNECTIONS: u32 = 4;

/// Never change one that was released: add another.
const MIGRATIONS: &[&str] = &[
    "\
    CREATE TABLE session_auth_sessions ( \
        id BLOB NOT NULL PRIMARY KEY, \
        subject TEXT NOT NULL, \
        label TEXT, \
        issued INTEGER NOT NULL, \
        last_seen INTEGER NOT NULL, \
        idle_deadline INTEGER NOT NULL, \
        absolute_deadline INTEGER NOT NULL, \
        version INTEGER NOT NULL, \
        generation INTEGER NOT NULL \
    ) STRICT; \
    CREATE INDEX session_auth_sessions_subject ON session_auth_sessions (subject, generation); \
    CREATE INDEX session_auth_sessions_idle_deadline ON session_auth_sessions (idle_deadline); \
    CREATE TABLE session_auth_generations ( \
        subject TEXT NOT NULL PRIMARY KEY, \
        generation INTEGER NOT NULL, \
        previous INTEGER NOT NULL \
    ) STRICT, WITHOUT ROWID; \
    CREATE INDEX session_auth_generations_generation ON session_auth_generations (generation); \
    CREATE TABLE session_auth_renewed ( \
        old BLOB NOT NULL PRIMARY KEY, \
        subject TEXT NOT NULL, \
        id BLOB NOT NULL, \
        until INTEGER NOT NULL \
    ) STRICT, WITHOUT ROWID; \
    CREATE INDEX session_auth_renewed_until ON session_auth_renewed (until); \
    CREATE INDEX session_auth_renewed_id ON session_auth_renewed (id); \
    CREATE TABLE session_auth_replays ( \
        delivery BLOB NOT NULL PRIMARY KEY, \
        owner INTEGER, \
        until INTEGER NOT NULL \
    ) STRICT, WITHOUT ROWID; \
    CREATE INDEX session_auth_replays_until ON session_auth_replays (until);",
    "\
    CREATE TABLE session_auth_api_keys ( \
        id BLOB NOT NULL PRIMARY KEY, \
        digest BLOB NOT NULL, \
        subject TEXT NOT NULL, \
        label TEXT NOT NULL, \
        scopes TEXT NOT NULL, \
        issued INTEGER NOT NULL, \
        expires INTEGER, \
        last_used INTEGER, \
        revoked INTEGER, \
        version INTEGER NOT NULL \
    ) STRICT; \
    CREATE INDEX session_auth_api_keys_subject ON session_auth_api_keys (subject);",
];

/// Says what became of the row: one that was written by a newer program is noted as used, and not
/// accepted.
const FIND: &str = concat!(
    "SELECT id, subject, label, issued, last_seen, idle_deadline, absolute_deadline, version \
    FROM session_auth_sessions WHERE subject = $1 AND id = $2",
    live!("$1")
);

const TOUCH: &str = concat!(
    "UPDATE session_auth_sessions SET \
        last_seen = max(last_seen, $3), idle_deadline = max(idle_deadline, $4) \
    WHERE subject = $1 AND id = $2",
    live!("$1"),
    "RETURNING version"
);

/// The time of the revocation, or one more than before where that is no later.
const RAISE: &str = "\
    INSERT INTO session_auth_generations (subject, generation, previous) \
    VALUES ($1, max($2, 1), 0) \
    ON CONFLICT (subject) DO UPDATE SET \
        generation = max(generation + 1, excluded.generation), previous = generation \
    RETURNING generation, previous";

/// Row ids go up as rows are added.
const TRIM: &str = concat!(
    "DELETE FROM session_auth_sessions WHERE id IN ( \
        SELECT id FROM session_auth_sessions WHERE subject = $1",
    live!("$1"),
    "ORDER BY (id = $3) DESC, (idle_deadline > $4) DESC, \
            last_seen DESC, rowid DESC LIMIT -1 OFFSET $2)"
);

/// IMMEDIATE takes the lock at once: who has read before cannot always have it later.
const BEGIN: &str = "BEGIN IMMEDIATE";

/// And the ids, and the end of the list.
const DEADLINES: &str = "\
    SELECT s.id, s.subject, s.idle_deadline, s.version FROM session_auth_sessions AS s \
    LEFT JOIN session_auth_generations AS g ON g.subject = s.subject \
    WHERE s.generation >= coalesce(g.generation, 0) AND s.id IN (";

const REMOVE_EXPIRED: &str = "\
    DELETE FROM session_auth_sessions WHERE id IN ( \
        SELECT id FROM session_auth_sessions WHERE idle_deadline < $1 LIMIT $2)";

const FORGET_RENEWED: &str = "\
    DELETE FROM session_auth_renewed WHERE old IN ( \
        SELECT old FROM session_auth_renewed WHERE until < $1 LIMIT $2)";

const FORGET: &str = "\
    DELETE FROM session_auth_generations WHERE subject IN ( \
        SELECT subject FROM session_auth_generations AS g WHERE generation <= $1 AND NOT EXISTS ( \
            SELECT 1 FROM session_auth_sessions AS s \
            WHERE s.subject = g.subject AND s.generation < g.generation) \
        LIMIT $2)";

const FORGET_REPLAYS: &str = "\
    DELETE FROM session_auth_replays WHERE delivery IN ( \
        SELECT delivery FROM session_auth_replays WHERE until <= $1 LIMIT $2)";

impl SqliteStore {
    /// A store in the database of this pool. Call [`migrate`](Self::migrate) before it serves.
    ///
    /// The pool's `busy_timeout` should be less than the layer's
    /// [`store_timeout`](crate::SessionAuthLayerBuilder::store_timeout): a call that the layer gave
    /// up on keeps its connection until SQLite gives up too. `synchronous` should be `FULL`, or a
    /// power cut can bring a session back that was revoked a moment before. Each connection to
    /// `sqlite::memory:` may be to a database of its own.
    #[must_use]
    pub fn new(pool: SqlitePool) -> Self {
        Self {
            pool,
            writer: Arc::default(),
            steady: Arc::default(),
        }
    }

    /// Opens the file that the URL names, such as `sqlite://app.db`, and makes it unless `?mode=ro`
    /// or `?mode=rw` forbids it. In WAL mode, at most 4 connections, with a busy timeout of 200 ms.
    ///
    /// # Errors
    ///
    /// It is no URL of a file, or that cannot be opened. An SQLite database in memory is refused:
    /// it would end with its connection. Use [`MemoryStore`](crate::store::MemoryStore).
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::from_str(url).map_err(failed)?;
        let file = options.get_filename().to_owned();
        let (path, of_url) = url.split_once('?').unwrap_or((url, ""));
        if path.ends_with(":memory:")
            || of_url.contains("mode=memory")
            || file.as_os_str().is_empty()
        {
            return Err(StoreError::unavailable(
                "sessions in an SQLite database in memory end with its connection: use a file, or \
                 `MemoryStore`",
            ));
        }
        let mut options = options
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT);
        if !of_url.contains("mode=") {
            options = options.create_if_missing(true);
        }
        if !of_url.contains("mode=ro") && !of_url.contains("immutable=") {
            options = options.journal_mode(SqliteJournalMode::Wal);
        }
        let pool = SqlitePoolOptions::new()
            .max_connections(MAX_CONNECTIONS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(options)
            .await
            .map_err(|error| StoreError::unavailable(format!("{}: {error}", file.display())))?;
        Ok(Self::new(pool))
    }

    /// Makes the tables, or brings them to what this version of the crate needs. Does nothing where
    /// that is done; several processes may call it at the same time.
    ///
    /// # Errors
    ///
    /// The database cannot be written, or a newer version of the crate has changed the tables.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let mut lease = self.lease(true).await?;
        // The lock comes first: what is read under it stays true.
        let mut transaction = lease.begin().await.map_err(failed)?;
        sqlx::query(
            "CREATE TABLE IF NOT EXISTS session_auth_migrations \
             (version INTEGER NOT NULL PRIMARY KEY) STRICT",
        )
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
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

    /// A connection; for a statement that writes, in its turn.
    async fn lease(&self, writes: bool) -> Result<Lease<'_>, StoreError> {
        let turn = match writes {
            true => Some(self.writer.lock().await),
            false => None,
        };
        let connection = self.pool.acquire().await.map_err(failed)?;
        Ok(Lease {
            connection,
            _turn: turn,
        })
    }
}

/// A connection, and the turn of one that writes.
struct Lease<'a> {
    connection: PoolConnection<Sqlite>,
    _turn: Option<MutexGuard<'a, ()>>,
}

impl Lease<'_> {
    async fn begin(&mut self) -> Result<Transaction<'_, Sqlite>, sqlx::Error> {
        self.connection.begin_with(BEGIN).await
    }

    async fn finish<T>(self, answer: Result<T, sqlx::Error>) -> Result<T, StoreError> {
        answer.map_err(failed)
    }
}

impl Deref for Lease<'_> {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.connection
    }
}

impl DerefMut for Lease<'_> {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }
}

// A single statement that writes takes SQLite's lock before it reads, and is whole or nothing, also
// where its future is dropped: the connection's thread finishes it.
sql_store!(SqliteStore
    async fn find(
        &self,
        subject: &str,
        id: SessionId,
    ) -> Result<Option<StoredSession>, StoreError> {
        let mut lease = self.lease(false).await?;
        let answer = sqlx::query(FIND)
            .bind(subject)
            .bind(id.as_bytes().as_slice())
            .fetch_optional(&mut *lease)
            .await;
        let row = lease.finish(answer).await?;
        row.as_ref().map(row::session).transpose()
    }

    async fn deadlines(
        &self,
        sessions: &[(String, SessionId)],
    ) -> Result<Vec<Option<Timestamp>>, StoreError> {
        let mut query = sqlx::QueryBuilder::<Sqlite>::new(DEADLINES);
        let mut ids = query.separated(", ");
        for (_, id) in sessions {
            ids.push_bind(id.as_bytes().to_vec());
        }
        query.push(")");
        let mut lease = self.lease(false).await?;
        // Of another length each time: none is worth to be kept.
        let query = query.build().persistent(false);
        let answer = query.fetch_all(&mut *lease).await;
        Ok(row::deadlines(sessions, &lease.finish(answer).await?))
    }
);
sql_replays!(SqliteStore, FORGET_REPLAYS);
sql_api_keys!(SqliteStore);
