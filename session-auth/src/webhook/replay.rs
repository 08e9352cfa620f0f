//! The replay window: a delivery is handled once, however often it comes.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::runtime::Handle;

use crate::clock::Timestamp;
use crate::store::StoreError;

/// How long a handler may take before its claim is another's to take.
const LEASE: Duration = Duration::from_secs(300);

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
/// the caller's: a store compares the timestamps that it is given.
///
/// Implement it with `async fn`.
pub trait ReplayStore: Send + Sync + 'static {
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

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
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
        let mut known = self.known();
        while let Some(first) = known.order.front().copied() {
            let over = known
                .entries
                .get(&first)
                .is_none_or(|entry| entry.until <= now);
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

    async fn confirm(&self, key: ReplayKey, until: Timestamp) -> Result<(), StoreError> {
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

type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// A [`ReplayStore`] of any type.
pub(crate) trait ErasedReplays: Send + Sync {
    fn claim(
        &self,
        key: ReplayKey,
        owner: u64,
        now: Timestamp,
        until: Timestamp,
    ) -> Boxed<'_, Claim>;
    fn confirm(&self, key: ReplayKey, until: Timestamp) -> Boxed<'_, ()>;
    fn release(&self, key: ReplayKey, owner: u64) -> Boxed<'_, ()>;
}

impl<S: ReplayStore> ErasedReplays for S {
    fn claim(
        &self,
        key: ReplayKey,
        owner: u64,
        now: Timestamp,
        until: Timestamp,
    ) -> Boxed<'_, Claim> {
        Box::pin(ReplayStore::claim(self, key, owner, now, until))
    }

    fn confirm(&self, key: ReplayKey, until: Timestamp) -> Boxed<'_, ()> {
        Box::pin(ReplayStore::confirm(self, key, until))
    }

    fn release(&self, key: ReplayKey, owner: u64) -> Boxed<'_, ()> {
        Box::pin(ReplayStore::release(self, key, owner))
    }
}

/// The window of a layer.
pub(crate) struct ReplayWindow {
    store: Arc<dyn ErasedReplays>,
    /// How long a delivery is remembered.
    keep: Duration,
    timeout: Duration,
}

/// What is to be done with a delivery.
pub(crate) enum Fresh {
    Handle(Held),
    Running,
    Done,
    Unavailable,
}

impl ReplayWindow {
    pub(crate) fn new(store: impl ReplayStore, keep: Duration, timeout: Duration) -> Self {
        Self {
            store: Arc::new(store),
            keep,
            timeout,
        }
    }

    /// The key of a delivery on a route: by its id, or by its body where it has none.
    pub(crate) fn key(route: &str, verifier: &str, id: Option<&str>, body: &[u8]) -> ReplayKey {
        let mut hash = Sha256::new();
        let (kind, content) = match id {
            Some(id) => ("id", id.as_bytes()),
            None => ("body", body),
        };
        for part in [route, verifier, kind] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hash.update(content);
        hash.finalize().into()
    }

    pub(crate) async fn claim(&self, key: ReplayKey, now: Option<Timestamp>) -> Fresh {
        let mut owner = [0; 8];
        let (Some(now), Ok(())) = (now, getrandom::fill(&mut owner)) else {
            return Fresh::Unavailable;
        };
        let owner = u64::from_be_bytes(owner);
        let claimed = self.store.claim(key, owner, now, now.plus(LEASE));
        match tokio::time::timeout(self.timeout, claimed).await {
            Ok(Ok(Claim::Taken)) => Fresh::Handle(Held(Some(Taken {
                store: Arc::clone(&self.store),
                key,
                owner,
                until: now.plus(self.keep),
                timeout: self.timeout,
            }))),
            Ok(Ok(Claim::Running)) => Fresh::Running,
            Ok(Ok(Claim::Done)) => Fresh::Done,
            Ok(Err(error)) => {
                tracing::error!(target: "session_auth", %error, "no replay window");
                Fresh::Unavailable
            }
            Err(_) => {
                tracing::error!(target: "session_auth", "the replay window did not answer in time");
                Fresh::Unavailable
            }
        }
    }
}

/// A delivery that is being handled. Dropped before it is settled, by a panic or because the sender hung
/// up, it is given back.
pub(crate) struct Held(Option<Taken>);

struct Taken {
    store: Arc<dyn ErasedReplays>,
    key: ReplayKey,
    owner: u64,
    until: Timestamp,
    timeout: Duration,
}

impl Held {
    /// The handler has answered: with success, or so that the sender is to try again.
    pub(crate) async fn settle(mut self, handled: bool) {
        let Some(taken) = self.0.take() else {
            return;
        };
        if !handled {
            return taken.release().await;
        }
        let confirmed = taken.store.confirm(taken.key, taken.until);
        match tokio::time::timeout(taken.timeout, confirmed).await {
            Ok(Ok(())) => {}
            _ => tracing::error!(
                target: "session_auth",
                "a delivery was handled, and the replay window could not keep that: it may be \
                 handled again"
            ),
        }
    }
}

impl Taken {
    async fn release(self) {
        let released = self.store.release(self.key, self.owner);
        if !matches!(
            tokio::time::timeout(self.timeout, released).await,
            Ok(Ok(()))
        ) {
            tracing::error!(
                target: "session_auth",
                "a delivery failed, and the replay window could not give it back: until its claim is \
                 over, what the sender sends again is put off"
            );
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let (Some(taken), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(taken.release());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }

    #[tokio::test]
    async fn a_claim_is_one_owners_until_it_is_over_and_a_delivery_is_done_until_it_is_forgotten() {
        let store = MemoryReplays::new();
        let claim = async |owner, now| {
            ReplayStore::claim(&store, [1; 32], owner, at(now), at(now + 300))
                .await
                .expect("memory")
        };
        assert_eq!(claim(1, 0).await, Claim::Taken);
        assert_eq!(claim(2, 299).await, Claim::Running);
        assert_eq!(claim(3, 300).await, Claim::Taken, "the first owner is gone");
        // Too late: it is another's.
        ReplayStore::release(&store, [1; 32], 1)
            .await
            .expect("memory");
        assert_eq!(claim(4, 301).await, Claim::Running);
        ReplayStore::release(&store, [1; 32], 3)
            .await
            .expect("memory");
        assert_eq!(claim(5, 302).await, Claim::Taken);
        ReplayStore::confirm(&store, [1; 32], at(1000))
            .await
            .expect("memory");
        ReplayStore::release(&store, [1; 32], 5)
            .await
            .expect("memory");
        assert_eq!(claim(6, 999).await, Claim::Done);
        assert_eq!(claim(7, 1000).await, Claim::Taken);
    }

    #[tokio::test]
    async fn memory_is_bounded() {
        let store = MemoryReplays::new();
        let key = |number: usize| {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&(number as u64).to_be_bytes());
            key
        };
        for number in 0..MOST + 10 {
            ReplayStore::claim(&store, key(number), 1, at(0), at(300))
                .await
                .expect("memory");
        }
        let lengths = || {
            let known = store.known();
            (known.entries.len(), known.order.len())
        };
        assert_eq!(lengths(), (MOST, MOST));
        // And those that are over go by themselves.
        ReplayStore::claim(&store, key(0), 1, at(300), at(600))
            .await
            .expect("memory");
        assert_eq!(lengths(), (1, 1));
    }

    #[test]
    fn keys_are_of_one_route_one_verifier_and_one_id() {
        let key = |route, verifier, id| ReplayWindow::key(route, verifier, id, b"body");
        let all = [
            key("POST /a", "v", Some("1")),
            key("POST /a", "v", Some("2")),
            key("POST /a", "w", Some("1")),
            key("POST /b", "v", Some("1")),
            key("POST /a", "v1", Some("")),
            key("POST /a", "v", Some("body")),
            key("POST /a", "v", None),
        ];
        let distinct: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }
}
