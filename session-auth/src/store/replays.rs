//! Where a replay window keeps which deliveries were handled.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::error::StoreError;
use super::steady::Steady;
use crate::clock::Timestamp;

/// How many deliveries a [`MemoryReplays`] knows at the most.
const MOST: usize = 100_000;

/// A delivery, by a digest of its route, its verifier and its id.
pub type ReplayKey = [u8; 32];

/// What became of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "stores outside this crate have to make one"
)]
pub enum Claim {
    /// It is the caller's: nobody else handles this delivery until `until`.
    Taken,
    /// Somebody else is at it.
    Running,
    /// It was handled.
    Done,
}

/// Keeps which deliveries were handled.
///
/// Each operation is atomic: of two at a time, from any number of processes, one comes first. Time is
/// the caller's: a store compares the timestamps that it is given, or forgets by itself once as much
/// time has passed as lies between them. A clock may be ahead and come back: what is deleted because it
/// is over should be so for certain.
///
/// Implement it with `async fn`, and try it with
/// [`conformance::check_replays`](crate::store::conformance::check_replays).
pub trait ReplayStore: Send + Sync + 'static {
    /// Whether it forgets by a clock of its own, whatever time a later call names.
    const FORGETS_BY_ITSELF: bool = false;

    /// Claims a delivery for this owner, until then, unless it is claimed or handled and that is not
    /// over at `now`.
    ///
    /// # Errors
    ///
    /// A [`StoreError`]; the sender is told to try again.
    fn claim(
        &self,
        key: ReplayKey,
        owner: u64,
        now: Timestamp,
        until: Timestamp,
    ) -> impl Future<Output = Result<Claim, StoreError>> + Send;

    /// Remembers until then that it was handled, whoever owns it.
    ///
    /// # Errors
    ///
    /// A [`StoreError`]; the delivery was handled all the same.
    fn confirm(
        &self,
        key: ReplayKey,
        now: Timestamp,
        until: Timestamp,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Gives a claim back, if it is still this owner's.
    ///
    /// # Errors
    ///
    /// A [`StoreError`]; the claim is over at its own time.
    fn release(
        &self,
        key: ReplayKey,
        owner: u64,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Keeps them in this process: good for one. Of 100,000 deliveries at the most; with one more, the one
/// that was handled first is forgotten.
#[derive(Default)]
pub struct MemoryReplays {
    known: Mutex<Known>,
    /// By which those that are over go.
    steady: Steady,
}

#[derive(Default)]
struct Known {
    entries: HashMap<ReplayKey, Entry>,
    /// In the order in which they came.
    order: VecDeque<ReplayKey>,
}

struct Entry {
    /// `None` for what was handled.
    owner: Option<u64>,
    until: Timestamp,
}

impl MemoryReplays {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ReplayStore for MemoryReplays {
    async fn claim(
        &self,
        key: ReplayKey,
        owner: u64,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Claim, StoreError> {
        let past = self.steady.past(now);
        let mut known = self.known();
        while let Some(first) = known.order.front().copied() {
            let over = known
                .entries
                .get(&first)
                .is_none_or(|entry| entry.until <= past);
            if !over && known.order.len() < MOST {
                break;
            }
            known.order.pop_front();
            known.entries.remove(&first);
        }
        if let Some(entry) = known.entries.get_mut(&key) {
            if entry.until > now {
                return Ok(match entry.owner {
                    Some(_) => Claim::Running,
                    None => Claim::Done,
                });
            }
            *entry = Entry {
                owner: Some(owner),
                until,
            };
            return Ok(Claim::Taken);
        }
        let owner = Some(owner);
        known.entries.insert(key, Entry { owner, until });
        known.order.push_back(key);
        Ok(Claim::Taken)
    }

    async fn confirm(
        &self,
        key: ReplayKey,
        _now: Timestamp,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        let mut known = self.known();
        let is_new = known
            .entries
            .insert(key, Entry { owner: None, until })
            .is_none();
        if is_new {
            known.order.push_back(key);
        }
        Ok(())
    }

    async fn release(&self, key: ReplayKey, owner: u64) -> Result<(), StoreError> {
        let mut known = self.known();
        if known
            .entries
            .get(&key)
            .is_some_and(|entry| entry.owner == Some(owner))
        {
            known.entries.remove(&key);
            known.order.retain(|known| *known != key);
        }
        Ok(())
    }
}

impl fmt::Debug for MemoryReplays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryReplays")
            .field("deliveries", &self.known().entries.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }

    #[tokio::test]
    async fn memory_conforms() {
        crate::store::conformance::check_replays(&[Arc::new(MemoryReplays::new())]).await;
    }

    #[tokio::test]
    async fn memory_is_bounded() {
        const START: u64 = 1_700_000_000;
        const YEAR: u64 = START + 365 * 86_400;

        let store = MemoryReplays::new();
        let key = |number: usize| {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&(number as u64).to_be_bytes());
            key
        };
        for number in 0..MOST + 10 {
            ReplayStore::claim(&store, key(number), 1, at(START), at(START + 300))
                .await
                .expect("memory");
        }
        let lengths = || {
            let known = store.known();
            (known.entries.len(), known.order.len())
        };
        assert_eq!(lengths(), (MOST, MOST));
        // And those that are over go by themselves, once that is certain: not after a jump.
        for (now, left) in [
            (YEAR, MOST),
            (START + 600, MOST),
            (START + 899, MOST),
            (START + 900, 4),
        ] {
            let key = key(now as usize);
            ReplayStore::claim(&store, key, 1, at(now), at(now + 300))
                .await
                .expect("memory");
            assert_eq!(lengths(), (left, left), "{now}");
        }
    }
}
