//! What became of mails that were sent, and what no handler could read: kept as it was received, once.

use sha2::{Digest, Sha256};

use crate::clock;
use crate::database::{Db, commit, either};

#[derive(Clone)]
pub(crate) struct Events {
    db: Db,
}

impl Events {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    pub(crate) async fn add(&self, kind: &str, payload: &[u8]) -> Result<(), sqlx::Error> {
        let hash = clock::hex(&Sha256::digest(payload));
        let (kind, payload) = (kind.to_owned(), payload.to_owned());
        let hash = format!("{kind}:{hash}");
        commit!(self.db, connection => sqlx::query(
            "INSERT INTO events (kind, payload, received_at, hash) VALUES ($1, $2, $3, $4)
             ON CONFLICT DO NOTHING",
        )
        .bind(kind)
        .bind(payload)
        .bind(clock::now())
        .bind(hash)
        .execute(connection)
        .await
        .map(drop))
    }

    pub(crate) async fn counts(&self) -> Result<Vec<(String, i64)>, sqlx::Error> {
        either!(&self.db.pool, pool => sqlx::query_as(
            "SELECT kind, COUNT(*) FROM events GROUP BY kind ORDER BY kind",
        )
        .fetch_all(pool)
        .await)
    }
}
