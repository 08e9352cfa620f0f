//! Dead letters: why each died, what was answered last, and the way back.

use sqlx::Connection as _;

use super::{BoxError, Claimed, Message, Queue};
use crate::clock;
use crate::database::{Db, commit, either};

/// The dead letters of a database.
#[derive(Clone)]
pub struct DeadLetters {
    db: Db,
    /// Whom to tell of each.
    handlers: Vec<String>,
}

/// A message that was given up.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// The message's id.
    pub id: String,
    /// Its payload.
    pub payload: Vec<u8>,
    /// When it was published, in milliseconds since 1970.
    pub published_at: i64,
    /// When it was given up.
    pub dead_at: i64,
    /// How often it was claimed.
    pub deliveries: i64,
    /// Why, in one word.
    pub reason: String,
    /// What the help desk answered last.
    pub answer: String,
}

/// Which dead letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// The one of this id.
    Id(String),
    /// Those that died of this.
    Reason(String),
    /// All.
    All,
}

impl DeadLetters {
    pub(crate) fn new(db: Db, handlers: Vec<String>) -> Self {
        Self { db, handlers }
    }

    /// Keeps one, and a job for each handler, at once.
    pub(super) async fn bury(
        &self,
        claimed: &Claimed,
        reason: &str,
        answer: &str,
        take_out: Option<&'static str>,
    ) -> Result<bool, BoxError> {
        let now = clock::now();
        let (claimed, handlers) = (claimed.clone(), self.handlers.clone());
        let [reason, answer] = [reason, answer].map(str::to_owned);
        let buried = commit!(self.db, connection => async move {
            let mut all = connection.begin().await?;
            if let Some(statement) = take_out {
                let taken = sqlx::query(statement)
                    .bind(&claimed.message.id)
                    .bind(&claimed.receipt)
                    .execute(&mut *all)
                    .await?;
                if taken.rows_affected() == 0 {
                    return Ok(false);
                }
            }
            sqlx::query(
                "INSERT INTO dead_letters
                     (id, grp, payload, published_at, dead_at, deliveries, reason, answer)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
                 ON CONFLICT (id) DO UPDATE SET
                     dead_at = excluded.dead_at, deliveries = excluded.deliveries,
                     reason = excluded.reason, answer = excluded.answer, redriven_at = NULL",
            )
            .bind(&claimed.message.id)
            .bind(&claimed.message.group)
            .bind(&claimed.message.payload)
            .bind(claimed.published_at)
            .bind(now)
            .bind(claimed.deliveries)
            .bind(reason)
            .bind(answer)
            .execute(&mut *all)
            .await?;
            for handler in &handlers {
                sqlx::query(
                    "INSERT INTO dead_letter_jobs (letter, dead_at, handler, next_at)
                     VALUES ($1, $2, $3, $2) ON CONFLICT DO NOTHING",
                )
                .bind(&claimed.message.id)
                .bind(now)
                .bind(handler)
                .execute(&mut *all)
                .await?;
            }
            all.commit().await?;
            Ok::<_, sqlx::Error>(true)
        }
        .await);
        Ok(buried?)
    }

    /// Those that are not back in the queue, the newest first.
    ///
    /// # Errors
    ///
    /// The database fails.
    pub async fn list(&self, most: i64) -> Result<Vec<DeadLetter>, BoxError> {
        self.select(&Which::All, most).await
    }

    pub(super) async fn count(&self) -> Result<i64, BoxError> {
        Ok(either!(&self.db.pool, pool => sqlx::query_scalar(
            "SELECT COUNT(*) FROM dead_letters WHERE redriven_at IS NULL",
        )
        .fetch_one(pool)
        .await)?)
    }

    async fn select(&self, which: &Which, most: i64) -> Result<Vec<DeadLetter>, BoxError> {
        let (id, reason) = match which {
            Which::Id(id) => (Some(id), None),
            Which::Reason(reason) => (None, Some(reason)),
            Which::All => (None, None),
        };
        type Row = (String, Vec<u8>, i64, i64, i64, String, String);
        let rows: Vec<Row> = either!(&self.db.pool, pool => sqlx::query_as(
            "SELECT id, payload, published_at, dead_at, deliveries, reason, answer
             FROM dead_letters
             WHERE redriven_at IS NULL AND ($1 IS NULL OR id = $1) AND ($2 IS NULL OR reason = $2)
             ORDER BY dead_at DESC LIMIT $3",
        )
        .bind(id)
        .bind(reason)
        .bind(most)
        .fetch_all(pool)
        .await)?;
        let letter =
            |(id, payload, published_at, dead_at, deliveries, reason, answer)| DeadLetter {
                id,
                payload,
                published_at,
                dead_at,
                deliveries,
                reason,
                answer,
            };
        Ok(rows.into_iter().map(letter).collect())
    }

    /// Publishes them again, then marks them. Stopped in between, it has published one that is not
    /// marked, and a second try does no harm: an id is in the queue once.
    pub(super) async fn redrive(&self, queue: &dyn Queue, which: &Which) -> Result<u64, BoxError> {
        let mut letters = self.select(which, i64::MAX).await?;
        // In the order in which they came.
        letters.sort_by_key(|letter| letter.published_at);
        let mut redriven = 0;
        for letter in letters {
            let group: String = either!(&self.db.pool, pool => sqlx::query_scalar(
                "SELECT grp FROM dead_letters WHERE id = $1",
            )
            .bind(&letter.id)
            .fetch_one(pool)
            .await)?;
            let message = Message {
                id: letter.id.clone(),
                group,
                payload: letter.payload,
                round: letter.dead_at,
            };
            // As many tries as a new one.
            either!(&self.db.pool, pool => sqlx::query(
                "UPDATE mails SET state = 'queued', failures = 0 WHERE id = $1",
            )
            .bind(&letter.id)
            .execute(pool)
            .await
            .map(drop))?;
            queue.publish(&message).await?;
            either!(&self.db.pool, pool => sqlx::query(
                "UPDATE dead_letters SET redriven_at = $2 WHERE id = $1 AND dead_at = $3",
            )
            .bind(&letter.id)
            .bind(clock::now())
            .bind(letter.dead_at)
            .execute(pool)
            .await
            .map(drop))?;
            redriven += 1;
        }
        Ok(redriven)
    }
}
