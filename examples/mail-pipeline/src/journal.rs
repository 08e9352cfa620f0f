//! What became of each mail: one row, from its arrival to its ticket.

use serde::Serialize;

use crate::clock;
use crate::database::{Db, commit, either};
use crate::mail::Mail;

#[derive(Clone)]
pub(crate) struct Journal {
    db: Db,
}

/// A mail's row.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Entry {
    pub(crate) id: String,
    pub(crate) sender: String,
    pub(crate) subject: String,
    pub(crate) state: String,
    pub(crate) published_at: i64,
    pub(crate) claimed_at: Option<i64>,
    pub(crate) done_at: Option<i64>,
    pub(crate) failures: i64,
    pub(crate) reason: Option<String>,
    pub(crate) answer: Option<String>,
    pub(crate) mailboxes: Option<String>,
    pub(crate) tickets: Option<String>,
    pub(crate) dedup_keys: Option<String>,
    pub(crate) dedup_until: Option<i64>,
}

/// What a mail came to.
pub(crate) struct Done {
    pub(crate) mailboxes: String,
    pub(crate) tickets: String,
    pub(crate) dedup_keys: String,
    pub(crate) dedup_until: i64,
}

/// Shown whole in a row; anybody's text may be longer.
const SHOWN: usize = 200;

fn shown(text: &str) -> String {
    text.chars().filter(|c| *c != '\0').take(SHOWN).collect()
}

impl Journal {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    /// A mail is about to be published.
    pub(crate) async fn publish(&self, mail: &Mail) -> Result<(), sqlx::Error> {
        let id = mail.id.clone();
        let (sender, subject) = (shown(&mail.from.email), shown(&mail.subject));
        commit!(self.db, connection => sqlx::query(
            "INSERT INTO mails (id, sender, subject, state, published_at)
             VALUES ($1, $2, $3, 'queued', $4) ON CONFLICT (id) DO NOTHING",
        )
        .bind(id)
        .bind(sender)
        .bind(subject)
        .bind(clock::now())
        .execute(connection)
        .await
        .map(drop))
    }

    pub(crate) async fn done(
        &self,
        id: &str,
        claimed_at: i64,
        done: Done,
    ) -> Result<(), sqlx::Error> {
        let id = id.to_owned();
        commit!(self.db, connection => sqlx::query(
            "UPDATE mails SET state = 'done', claimed_at = $2, done_at = $3, reason = NULL,
                 answer = NULL, mailboxes = $4, tickets = $5, dedup_keys = $6, dedup_until = $7
             WHERE id = $1",
        )
        .bind(id)
        .bind(claimed_at)
        .bind(clock::now())
        .bind(done.mailboxes)
        .bind(done.tickets)
        .bind(done.dedup_keys)
        .bind(done.dedup_until)
        .execute(connection)
        .await
        .map(drop))
    }

    /// It did not work, and that counts. How often it has not by now.
    pub(crate) async fn failed(
        &self,
        id: &str,
        reason: &str,
        answer: &str,
    ) -> Result<i64, sqlx::Error> {
        let [id, reason, answer] = [id, reason, answer].map(str::to_owned);
        let failures: Option<i64> = commit!(self.db, connection => sqlx::query_scalar(
            "UPDATE mails SET failures = failures + 1, reason = $2, answer = $3 WHERE id = $1
             RETURNING failures",
        )
        .bind(id)
        .bind(reason)
        .bind(answer)
        .fetch_optional(connection)
        .await)?;
        Ok(failures.unwrap_or(1))
    }

    pub(crate) async fn dead(
        &self,
        id: &str,
        reason: &str,
        answer: &str,
    ) -> Result<(), sqlx::Error> {
        let [id, reason, answer] = [id, reason, answer].map(str::to_owned);
        commit!(self.db, connection => sqlx::query(
            "UPDATE mails SET state = 'dead', reason = $2, answer = $3 WHERE id = $1",
        )
        .bind(id)
        .bind(reason)
        .bind(answer)
        .execute(connection)
        .await
        .map(drop))
    }

    pub(crate) async fn get(&self, id: &str) -> Result<Option<Entry>, sqlx::Error> {
        Ok(self.select(Some(id), 1).await?.pop())
    }

    /// The newest first.
    pub(crate) async fn list(&self, most: i64) -> Result<Vec<Entry>, sqlx::Error> {
        self.select(None, most).await
    }

    async fn select(&self, id: Option<&str>, most: i64) -> Result<Vec<Entry>, sqlx::Error> {
        use sqlx::Row as _;
        macro_rules! rows {
            ($pool:expr) => {{
                let rows = sqlx::query(
                    "SELECT * FROM mails WHERE $1 IS NULL OR id = $1
                     ORDER BY published_at DESC LIMIT $2",
                )
                .bind(id)
                .bind(most)
                .fetch_all($pool)
                .await?;
                rows.iter()
                    .map(|row| {
                        Ok(Entry {
                            id: row.try_get("id")?,
                            sender: row.try_get("sender")?,
                            subject: row.try_get("subject")?,
                            state: row.try_get("state")?,
                            published_at: row.try_get("published_at")?,
                            claimed_at: row.try_get("claimed_at")?,
                            done_at: row.try_get("done_at")?,
                            failures: row.try_get("failures")?,
                            reason: row.try_get("reason")?,
                            answer: row.try_get("answer")?,
                            mailboxes: row.try_get("mailboxes")?,
                            tickets: row.try_get("tickets")?,
                            dedup_keys: row.try_get("dedup_keys")?,
                            dedup_until: row.try_get("dedup_until")?,
                        })
                    })
                    .collect()
            }};
        }
        either!(&self.db.pool, pool => rows!(pool))
    }

    /// How many were published since then, and how many have their ticket since then.
    pub(crate) async fn rates(&self, since: i64) -> Result<(i64, i64), sqlx::Error> {
        either!(&self.db.pool, pool => sqlx::query_as(
            "SELECT COALESCE(SUM(CASE WHEN published_at >= $1 THEN 1 ELSE 0 END), 0),
                    COALESCE(SUM(CASE WHEN done_at >= $1 THEN 1 ELSE 0 END), 0)
             FROM mails WHERE published_at >= $1 OR done_at >= $1",
        )
        .bind(since)
        .fetch_one(pool)
        .await)
    }
}
