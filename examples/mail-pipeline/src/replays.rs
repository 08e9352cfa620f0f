//! Which deliveries were handled, with SQLite: as [`SqliteStore`](session_auth::store::SqliteStore) keeps
//! them, by the statements that all mails share, so that a delivery has no flush to the disk of its own.

use session_auth::Timestamp;
use session_auth::store::{Claim, ReplayKey, ReplayStore, StoreError};
use sqlx::SqliteConnection;

use crate::clock;
use crate::writer::{Writer, Writing};

pub(crate) struct Replays {
    writer: Writer,
}

impl Replays {
    pub(crate) fn new(writer: Writer) -> Self {
        Self { writer }
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl for<'c> FnOnce(&'c mut SqliteConnection) -> Writing<'c, T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let done = self.writer.write(work).await;
        done.map_err(StoreError::unavailable)
    }

    /// Forgets what is over.
    pub(crate) async fn purge(&self) -> Result<(), sqlx::Error> {
        let now = clock::now() / 1000;
        let purge = self.writer.write(move |connection| {
            Box::pin(async move {
                let purge = sqlx::query("DELETE FROM replays WHERE until <= $1").bind(now);
                purge.execute(connection).await.map(drop)
            })
        });
        purge.await
    }
}

fn seconds(at: Timestamp) -> i64 {
    i64::try_from(at.as_secs()).unwrap_or(i64::MAX)
}

impl ReplayStore for Replays {
    async fn claim(
        &self,
        key: ReplayKey,
        owner: u64,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Claim, StoreError> {
        let (owner, now, until) = (owner.cast_signed(), seconds(now), seconds(until));
        self.write(move |connection| {
            Box::pin(async move {
                let taken = sqlx::query(
                    "INSERT INTO replays (delivery, owner, until) VALUES ($1, $2, $4)
                     ON CONFLICT (delivery) DO UPDATE SET
                         owner = excluded.owner, until = excluded.until
                     WHERE replays.until <= $3",
                )
                .bind(key.as_slice())
                .bind(owner)
                .bind(now)
                .bind(until)
                .execute(&mut *connection)
                .await?;
                if taken.rows_affected() == 1 {
                    return Ok(Claim::Taken);
                }
                let owner = sqlx::query_scalar("SELECT owner FROM replays WHERE delivery = $1");
                let owner: Option<i64> = owner.bind(key.as_slice()).fetch_one(connection).await?;
                Ok(match owner {
                    Some(_) => Claim::Running,
                    None => Claim::Done,
                })
            })
        })
        .await
    }

    async fn confirm(
        &self,
        key: ReplayKey,
        _now: Timestamp,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        let until = seconds(until);
        self.write(move |connection| {
            Box::pin(async move {
                sqlx::query(
                    "INSERT INTO replays (delivery, owner, until) VALUES ($1, NULL, $2)
                     ON CONFLICT (delivery) DO UPDATE SET owner = NULL, until = excluded.until",
                )
                .bind(key.as_slice())
                .bind(until)
                .execute(connection)
                .await
                .map(drop)
            })
        })
        .await
    }

    async fn release(&self, key: ReplayKey, owner: u64) -> Result<(), StoreError> {
        self.write(move |connection| {
            Box::pin(async move {
                sqlx::query("DELETE FROM replays WHERE delivery = $1 AND owner = $2")
                    .bind(key.as_slice())
                    .bind(owner.cast_signed())
                    .execute(connection)
                    .await
                    .map(drop)
            })
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use session_auth::store::conformance;

    use super::*;
    use crate::database::{Database, Either};

    #[tokio::test(flavor = "multi_thread")]
    async fn they_conform() {
        let name = format!("replays-{}.sqlite", clock::token().unwrap());
        let file = std::env::temp_dir().join(name);
        let database: Database = format!("sqlite://{}", file.display()).parse().unwrap();
        let mut handles = Vec::new();
        // As two processes on one file.
        for _ in 0..2 {
            let db = database.open().await.unwrap();
            let Either::Sqlite(writer) = db.writer else {
                panic!("it is SQLite's");
            };
            handles.push(Arc::new(Replays::new(writer)));
        }
        conformance::check_replays(&handles).await;
        std::fs::remove_file(file).unwrap();
    }
}
