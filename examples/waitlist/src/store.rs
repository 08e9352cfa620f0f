//! Signups and events, in an SQLite file.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};

const SCHEMA: &str = include_str!("schema.sql");

/// The database.
#[derive(Clone)]
pub struct Store {
    pool: SqlitePool,
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
    /// Opens the file, makes it where there is none, and brings its schema up to date.
    ///
    /// # Errors
    ///
    /// The file cannot be opened, or is no SQLite database.
    pub async fn open(path: &Path) -> Result<Self, sqlx::Error> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            // Readers do not wait for the writer.
            .journal_mode(SqliteJournalMode::Wal)
            .busy_timeout(Duration::from_secs(5));
        let pool = SqlitePool::connect_with(options).await?;
        sqlx::raw_sql(SCHEMA).execute(&pool).await?;
        Ok(Self { pool })
    }

    pub(crate) async fn add_signup(
        &self,
        email: &str,
        source: &str,
        consent: bool,
    ) -> Result<(), sqlx::Error> {
        sqlx::query(
            "INSERT INTO signups (email, source, consent) VALUES (?, ?, ?)
             ON CONFLICT (email) DO UPDATE SET
                 consent = excluded.consent,
                 submissions = submissions + 1,
                 last_at = excluded.last_at",
        )
        .bind(email)
        .bind(source)
        .bind(consent)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The waitlist, first come first.
    pub(crate) async fn signups(&self) -> Result<Vec<Lead>, sqlx::Error> {
        type Row = (String, String, bool, i64, String, String);
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT email, source, consent, submissions, first_at, last_at
             FROM signups ORDER BY first_at, email",
        )
        .fetch_all(&self.pool)
        .await?;
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
        sqlx::query(
            "INSERT INTO events (sender, kind, payload) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        )
        .bind(sender)
        .bind(kind)
        .bind(payload)
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
