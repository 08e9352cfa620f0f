//! When webhooks were last verified, kept in the session store: across restarts, and of all processes.
//!
//! A row is a session that nobody can have, as no token has its id: `touch` never lets a time go back,
//! so of several processes the latest delivery counts, in every store there is. The idle deadline
//! carries the time, since a store gives many of those in one answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::activity::Endpoint;
use crate::clock::Timestamp;
use crate::session_id::SessionId;
use crate::store::{GuardedStore, StoreError, StoredSession};
use crate::subject::LAST_VERIFIED as SUBJECT;

/// How long a time is kept without another.
const KEPT_FOR: Duration = Duration::from_secs(400 * 24 * 60 * 60);
/// The end of the year 9999.
const NEVER: Timestamp = Timestamp::from_secs(253_402_300_799);
/// How many rows are asked for at once.
const AT_ONCE: usize = 500;

/// What this process has written.
#[derive(Debug, Default)]
pub(super) struct Seen(Mutex<HashMap<SessionId, Timestamp>>);

fn row_of(route: &str) -> SessionId {
    let digest = Sha256::new()
        .chain_update(b"session-auth last verified\0")
        .chain_update(route)
        .finalize();
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    SessionId::from_bytes(id)
}

impl Seen {
    fn written(&self, id: SessionId) -> Option<Timestamp> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&id).copied()
    }

    fn write(&self, id: SessionId, at: Timestamp) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(id, at);
    }

    /// Writes what this process has seen, and reads what others have.
    pub(super) async fn exchange(
        &self,
        store: &GuardedStore,
        webhooks: &[Arc<Endpoint>],
    ) -> Result<(), StoreError> {
        let rows: Vec<_> = webhooks
            .iter()
            .map(|webhook| row_of(&webhook.route))
            .collect();
        for (webhook, id) in webhooks.iter().zip(&rows) {
            if let Some(last) = webhook.counters.last_verified()
                && self.written(*id).is_none_or(|written| written < last)
            {
                save(store, *id, &webhook.route, last).await?;
                self.write(*id, last);
            }
        }
        for (webhooks, rows) in webhooks.chunks(AT_ONCE).zip(rows.chunks(AT_ONCE)) {
            let asked: Vec<_> = rows.iter().map(|id| (SUBJECT.to_owned(), *id)).collect();
            let deadlines = store.ask_of_one(|store| store.deadlines(&asked)).await?;
            for ((webhook, id), deadline) in webhooks.iter().zip(rows).zip(deadlines) {
                if let Some(deadline) = deadline {
                    let seconds = deadline.as_secs().saturating_sub(KEPT_FOR.as_secs());
                    let last = Timestamp::from_secs(seconds);
                    webhook.counters.was_verified(last);
                    self.write(*id, last);
                }
            }
        }
        Ok(())
    }
}

async fn save(
    store: &GuardedStore,
    id: SessionId,
    route: &str,
    last: Timestamp,
) -> Result<(), StoreError> {
    let deadline = last.plus(KEPT_FOR);
    if store
        .ask_of_one(|store| store.touch(SUBJECT, id, last, deadline))
        .await?
    {
        return Ok(());
    }
    let row = StoredSession {
        id,
        subject: SUBJECT.to_owned(),
        // At most 256 bytes, and no control characters: a path may have either.
        label: Some(
            route
                .chars()
                .filter(|it| it.is_ascii_graphic())
                .take(256)
                .collect(),
        ),
        issued: last,
        last_seen: last,
        idle_deadline: deadline,
        absolute_deadline: NEVER,
    };
    let generation = store.ask_of_one(|store| store.generation(SUBJECT)).await?;
    store
        .ask_of_one(|store| store.insert(&row, generation))
        .await?;
    Ok(())
}
