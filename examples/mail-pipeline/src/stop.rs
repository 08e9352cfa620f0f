//! Whether the bridges are stopped, all of them: kept in the database.

use crate::database::{Db, either};

#[derive(Clone)]
pub(crate) struct Stop {
    db: Db,
}

impl Stop {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    /// Why they are stopped, where they are.
    pub(crate) async fn reason(&self) -> Result<Option<String>, sqlx::Error> {
        either!(&self.db.pool, pool => sqlx::query_scalar(
            "SELECT value FROM settings WHERE name = 'stopped'",
        )
        .fetch_optional(pool)
        .await)
    }

    pub(crate) async fn stop(&self, reason: &str, answer: &str) -> Result<(), sqlx::Error> {
        metrics::counter!("mail_pipeline_stops_total", "reason" => reason.to_owned()).increment(1);
        either!(&self.db.pool, pool => sqlx::query(
            "INSERT INTO settings (name, value) VALUES ('stopped', $1) ON CONFLICT DO NOTHING",
        )
        .bind(format!("{reason}: {answer}"))
        .execute(pool)
        .await
        .map(drop))
    }

    pub(crate) async fn resume(&self) -> Result<(), sqlx::Error> {
        either!(&self.db.pool, pool => sqlx::query("DELETE FROM settings WHERE name = 'stopped'")
            .execute(pool)
            .await
            .map(drop))
    }
}
