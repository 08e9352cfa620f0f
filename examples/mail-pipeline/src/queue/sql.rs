//! The queue in the database that sessions have already.

use std::time::Duration;

use super::{Answer, BoxError, Claimed, DeadLetters, Depth, Message, Queue, Which};
use crate::clock;
use crate::database::{Db, Either, commit, either};

/// A queue in SQLite or PostgreSQL.
#[derive(Clone)]
pub struct SqlQueue {
    db: Db,
    dead: DeadLetters,
    visibility: Duration,
}

/// The first of each group, if its time has come, and the oldest of these.
macro_rules! claim {
    ($lock:literal) => {
        concat!(
            "UPDATE queue SET visible_at = $2, owner = $3, deliveries = deliveries + 1
             WHERE seq = (
                 SELECT q.seq FROM queue q
                 WHERE q.visible_at <= $1 AND NOT EXISTS (
                     SELECT 1 FROM queue earlier WHERE earlier.grp = q.grp AND earlier.seq < q.seq
                 )
                 ORDER BY q.seq LIMIT 1 ",
            $lock,
            ") RETURNING id, grp, payload, published_at, deliveries"
        )
    };
}

impl SqlQueue {
    pub(crate) fn new(db: Db, dead: DeadLetters, visibility: Duration) -> Self {
        Self {
            db,
            dead,
            visibility,
        }
    }

    async fn take(&self) -> Result<Option<Claimed>, BoxError> {
        let now = clock::now();
        let until = now.saturating_add(clock::millis(self.visibility));
        let receipt = clock::token()?;
        type Row = (String, String, Vec<u8>, i64, i64);
        // With SQLite one writes at a time, so that nobody claims the same. With PostgreSQL, who finds a
        // row locked goes on to the next.
        let statement = match &self.db.pool {
            Either::Sqlite(_) => claim!(""),
            Either::Postgres(_) => claim!("FOR UPDATE SKIP LOCKED"),
        };
        let owner = receipt.clone();
        let row: Option<Row> = commit!(self.db, connection => sqlx::query_as(statement)
            .bind(now)
            .bind(until)
            .bind(owner)
            .fetch_optional(connection)
            .await)?;
        Ok(
            row.map(|(id, group, payload, published_at, deliveries)| Claimed {
                message: Message {
                    id,
                    group,
                    payload,
                    round: 0,
                },
                published_at,
                deliveries,
                receipt,
            }),
        )
    }
}

impl Queue for SqlQueue {
    fn publish<'a>(&'a self, message: &'a Message) -> Answer<'a, ()> {
        Box::pin(async move {
            let message = message.clone();
            commit!(self.db, connection => sqlx::query(
                "INSERT INTO queue (id, grp, payload, published_at, visible_at)
                 VALUES ($1, $2, $3, $4, $4) ON CONFLICT (id) DO NOTHING",
            )
            .bind(message.id)
            .bind(message.group)
            .bind(message.payload)
            .bind(clock::now())
            .execute(connection)
            .await
            .map(drop))?;
            Ok(())
        })
    }

    fn claim(&self) -> Answer<'_, Option<Claimed>> {
        Box::pin(self.take())
    }

    fn confirm<'a>(&'a self, claimed: &'a Claimed) -> Answer<'a, bool> {
        Box::pin(async move {
            let (id, owner) = (claimed.message.id.clone(), claimed.receipt.clone());
            let done = commit!(self.db, connection => sqlx::query(
                "DELETE FROM queue WHERE id = $1 AND owner = $2",
            )
            .bind(id)
            .bind(owner)
            .execute(connection)
            .await
            .map(|done| done.rows_affected()))?;
            Ok(done == 1)
        })
    }

    fn release<'a>(&'a self, claimed: &'a Claimed, after: Duration) -> Answer<'a, bool> {
        Box::pin(async move {
            let (id, owner) = (claimed.message.id.clone(), claimed.receipt.clone());
            let done = commit!(self.db, connection => sqlx::query(
                "UPDATE queue SET visible_at = $3, owner = '' WHERE id = $1 AND owner = $2",
            )
            .bind(id)
            .bind(owner)
            .bind(clock::now().saturating_add(clock::millis(after)))
            .execute(connection)
            .await
            .map(|done| done.rows_affected()))?;
            Ok(done == 1)
        })
    }

    fn dead_letter<'a>(
        &'a self,
        claimed: &'a Claimed,
        reason: &'a str,
        answer: &'a str,
    ) -> Answer<'a, bool> {
        let take_out = "DELETE FROM queue WHERE id = $1 AND owner = $2";
        Box::pin(self.dead.bury(claimed, reason, answer, Some(take_out)))
    }

    fn depth(&self) -> Answer<'_, Depth> {
        Box::pin(async move {
            let now = clock::now();
            let (messages, oldest): (i64, i64) = either!(&self.db.pool, pool => sqlx::query_as(
                "SELECT COUNT(*), COALESCE(MIN(published_at), $1) FROM queue",
            )
            .bind(now)
            .fetch_one(pool)
            .await)?;
            Ok(Depth {
                messages,
                oldest_ms: now.saturating_sub(oldest).max(0),
                dead: self.dead.count().await?,
            })
        })
    }

    fn redrive<'a>(&'a self, which: &'a Which) -> Answer<'a, u64> {
        Box::pin(self.dead.redrive(self, which))
    }
}
