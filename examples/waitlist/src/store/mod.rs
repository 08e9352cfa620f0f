//! Signups, events and accounts, in SQLite or PostgreSQL. Both read the same statements, but for
//! two that say how the email's index is named.

mod copy;

use std::borrow::Cow;
use std::time::Duration;

use serde::Serialize;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{PgPool, SqlitePool};

pub use self::copy::{Copied, copy};
use crate::database::{Either, either};

const SQLITE_SCHEMA: &str = include_str!("sqlite.sql");
const POSTGRES_SCHEMA: &str = include_str!("postgres.sql");

/// The database.
#[derive(Clone)]
pub(crate) struct Store {
    pool: Either<SqlitePool, PgPool>,
}

/// A line of the operator's list.
#[derive(Debug, Serialize)]
pub(crate) struct Lead {
    email: String,
    source: String,
    consent: bool,
    submissions: i64,
    first_at: String,
    last_at: String,
}

impl Store {
    pub(crate) async fn sqlite(options: SqliteConnectOptions) -> Result<Self, sqlx::Error> {
        let options = options
            // Readers do not wait for the writer.
            .journal_mode(SqliteJournalMode::Wal)
            .busy_timeout(Duration::from_secs(5));
        let pool = SqlitePool::connect_with(options).await?;
        sqlx::raw_sql(SQLITE_SCHEMA).execute(&pool).await?;
        Ok(Self {
            pool: Either::Sqlite(pool),
        })
    }

    pub(crate) async fn postgres(options: PgConnectOptions) -> Result<Self, sqlx::Error> {
        let pool = PgPool::connect_with(options).await?;
        sqlx::raw_sql(POSTGRES_SCHEMA).execute(&pool).await?;
        Ok(Self {
            pool: Either::Postgres(pool),
        })
    }

    pub(crate) async fn add_signup(
        &self,
        email: &str,
        source: &str,
        consent: bool,
    ) -> Result<(), sqlx::Error> {
        macro_rules! add {
            ($pool:expr, $index:literal) => {
                sqlx::query(concat!(
                    "INSERT INTO signups (email, source, consent) VALUES ($1, $2, $3)
                     ON CONFLICT (",
                    $index,
                    ") DO UPDATE SET
                         consent = excluded.consent,
                         submissions = signups.submissions + 1,
                         last_at = excluded.last_at"
                ))
                .bind(email)
                .bind(text(source))
                .bind(consent)
                .execute($pool)
                .await
                .map(drop)
            };
        }
        match &self.pool {
            Either::Sqlite(pool) => add!(pool, "email"),
            Either::Postgres(pool) => add!(pool, r#"lower(email COLLATE "C")"#),
        }
    }

    /// The waitlist, first come first.
    pub(crate) async fn signups(&self) -> Result<Vec<Lead>, sqlx::Error> {
        type Row = (String, String, bool, i64, String, String);
        let rows: Vec<Row> = either!(&self.pool, pool => sqlx::query_as(
            "SELECT email, source, consent, submissions, first_at, last_at
             FROM signups ORDER BY first_at, email",
        )
        .fetch_all(pool)
        .await)?;
        let lead = |(email, source, consent, submissions, first_at, last_at)| Lead {
            email,
            source,
            consent,
            submissions,
            first_at,
            last_at,
        };
        Ok(rows.into_iter().map(lead).collect())
    }

    /// Keeps an event as it was received, once.
    pub(crate) async fn add_event(
        &self,
        sender: &str,
        kind: &str,
        payload: &[u8],
    ) -> Result<(), sqlx::Error> {
        either!(&self.pool, pool => sqlx::query(
            "INSERT INTO events (sender, kind, payload) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        )
        .bind(sender)
        .bind(text(kind))
        .bind(payload)
        .execute(pool)
        .await
        .map(drop))
    }

    /// Makes an account, unless there is one of this name.
    pub(crate) async fn add_user(&self, name: &str, hash: &str) -> Result<(), sqlx::Error> {
        either!(&self.pool, pool => sqlx::query(
            "INSERT INTO users (name, password_hash) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        )
        .bind(name)
        .bind(hash)
        .execute(pool)
        .await
        .map(drop))
    }

    /// The hash of this account's password; `None` where there is no such account.
    pub(crate) async fn password_hash(&self, name: &str) -> Result<Option<String>, sqlx::Error> {
        either!(&self.pool, pool => sqlx::query_scalar(
            "SELECT password_hash FROM users WHERE name = $1",
        )
        .bind(text(name))
        .fetch_optional(pool)
        .await)
    }

    /// Puts a hash in the place of another. `false`: it was changed in between, and still is.
    pub(crate) async fn change_password_hash(
        &self,
        name: &str,
        from: &str,
        to: &str,
    ) -> Result<bool, sqlx::Error> {
        either!(&self.pool, pool => sqlx::query(
            "UPDATE users SET password_hash = $3 WHERE name = $1 AND password_hash = $2",
        )
        .bind(name)
        .bind(from)
        .bind(to)
        .execute(pool)
        .await
        .map(|done| done.rows_affected() == 1))
    }
}

/// As PostgreSQL takes it: there is no NUL in its texts.
fn text(given: &str) -> Cow<'_, str> {
    if given.contains('\0') {
        given.replace('\0', "\u{fffd}").into()
    } else {
        given.into()
    }
}
