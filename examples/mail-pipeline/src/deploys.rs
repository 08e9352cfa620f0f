//! What was deployed: appended, each entry with the hash of the one before. In the database, since
//! several nodes append to it and the answer to who reports a deployment says that it is kept; the
//! library's trail is one process's file.

use serde::{Deserialize, Serialize};

use crate::clock;
use crate::database::{Db, either};
use crate::dedup::digest;
use crate::queue::BoxError;

/// The hash before the first entry.
const NOTHING: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// How often two nodes may get in each other's way.
const TRIES: usize = 20;

/// A deployment, as the pipeline that made it reports it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deploy {
    pub(crate) root: String,
    pub(crate) run_id: String,
    pub(crate) commit: String,
    pub(crate) actor: String,
    pub(crate) summary: Summary,
    pub(crate) outcome: Outcome,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Summary {
    add: u32,
    change: u32,
    destroy: u32,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    Success,
    Failure,
    /// Of a run that only plans.
    Drift,
    Clean,
}

/// An entry of the trail.
#[derive(Debug, Serialize)]
pub(crate) struct Entry {
    seq: i64,
    entry: serde_json::Value,
    previous: String,
    hash: String,
}

/// All of it, and whether it is as it was written.
#[derive(Debug, Serialize)]
pub(crate) struct Trail {
    /// The first entry that was changed, or before which one is missing.
    broken_at: Option<i64>,
    pub(crate) entries: Vec<Entry>,
}

#[derive(Clone)]
pub(crate) struct Deploys {
    db: Db,
}

impl Deploys {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    /// `false`: this run is in the trail already.
    pub(crate) async fn append(&self, deploy: &Deploy) -> Result<bool, BoxError> {
        let entry =
            serde_json::json!({ "at": clock::text(clock::now()), "deploy": deploy }).to_string();
        for _ in 0..TRIES {
            let last: Option<(i64, String)> = either!(&self.db.pool, pool => sqlx::query_as(
                "SELECT seq, hash FROM deploys ORDER BY seq DESC LIMIT 1",
            )
            .fetch_optional(pool)
            .await)?;
            let (seq, previous) = last.unwrap_or((0, NOTHING.to_owned()));
            let hash = digest([previous.as_bytes(), entry.as_bytes()]);
            // Somebody else's may be there by now, or this one's.
            let added = either!(&self.db.pool, pool => sqlx::query(
                "INSERT INTO deploys (seq, run_id, entry, previous, hash) VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT DO NOTHING",
            )
            .bind(seq + 1)
            .bind(&deploy.run_id)
            .bind(&entry)
            .bind(previous)
            .bind(hash)
            .execute(pool)
            .await
            .map(|done| done.rows_affected()))?;
            if added == 1 {
                return Ok(true);
            }
            let known: i64 = either!(&self.db.pool, pool => sqlx::query_scalar(
                "SELECT COUNT(*) FROM deploys WHERE run_id = $1",
            )
            .bind(&deploy.run_id)
            .fetch_one(pool)
            .await)?;
            if known > 0 {
                return Ok(false);
            }
        }
        Err("the trail is appended to by too many at once".into())
    }

    pub(crate) async fn trail(&self) -> Result<Trail, BoxError> {
        let rows: Vec<(i64, String, String, String)> = either!(&self.db.pool, pool => sqlx::query_as(
            "SELECT seq, entry, previous, hash FROM deploys ORDER BY seq",
        )
        .fetch_all(pool)
        .await)?;
        let (mut before, mut number, mut broken_at, mut entries) =
            (NOTHING.to_owned(), 0, None, Vec::new());
        for (seq, entry, previous, hash) in rows {
            number += 1;
            let good = seq == number
                && previous == before
                && hash == digest([previous.as_bytes(), entry.as_bytes()]);
            if !good && broken_at.is_none() {
                broken_at = Some(seq);
            }
            before.clone_from(&hash);
            let entry = serde_json::from_str(&entry).unwrap_or(serde_json::Value::String(entry));
            entries.push(Entry {
                seq,
                entry,
                previous,
                hash,
            });
        }
        Ok(Trail { broken_at, entries })
    }
}
