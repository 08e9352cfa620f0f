//! The keys that were seen a moment ago: bounded in time and in number.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::text::{Digest, id_of};
use crate::clock::Timestamp;
use crate::store::{ApiKey, ApiKeyId};

/// Over so many locks are the keys spread, so that requests do not wait for one another.
const SHARDS: usize = 16;

/// A key as the store knew it.
pub(super) struct Known {
    pub(super) key: Arc<ApiKey>,
    pub(super) scopes: Arc<[String]>,
    /// When its use was noted last, in seconds since 1970.
    noted: AtomicU64,
    since: Instant,
}

pub(super) struct Warm {
    lag: Duration,
    /// How many keys each half of a shard has at the most.
    most: usize,
    shards: [Mutex<Shard>; SHARDS],
}

/// What came since the young half was full, and what came before.
#[derive(Default)]
struct Shard {
    young: HashMap<ApiKeyId, Arc<Known>>,
    old: HashMap<ApiKeyId, Arc<Known>>,
    /// How often this process has ended a key of the shard. If it is another now, an answer that was on its
    /// way may be outdated.
    ended: u64,
}

/// Forgets a key when it is dropped: once the store has answered, or nobody waits for that any more.
#[must_use]
pub(super) struct Forgets<'a> {
    warm: &'a Warm,
    id: ApiKeyId,
}

impl Drop for Forgets<'_> {
    fn drop(&mut self) {
        let mut shard = self.warm.shard(self.id);
        shard.ended += 1;
        shard.young.remove(&self.id);
        shard.old.remove(&self.id);
    }
}

impl Known {
    /// Whether its use is to be noted: `false` where that was less than `every` ago, or is being done.
    pub(super) fn is_first_to_note(&self, now: Timestamp, every: Duration) -> bool {
        let last = self.noted.load(Ordering::Relaxed);
        let is_due = now.since(Timestamp::from_secs(last)) >= every;
        let (now, order) = (now.as_secs(), Ordering::Relaxed);
        is_due && self.noted.compare_exchange(last, now, order, order).is_ok()
    }
}

impl Warm {
    pub(super) fn new(lag: Duration, keys: usize) -> Self {
        Self {
            lag,
            most: keys.div_ceil(2 * SHARDS),
            shards: std::array::from_fn(|_| Mutex::default()),
        }
    }

    pub(super) fn lag(&self) -> Duration {
        self.lag
    }

    /// To be asked before the store is: see [`Self::know`].
    pub(super) fn ended(&self, id: ApiKeyId) -> u64 {
        self.shard(id).ended
    }

    /// Takes what is known of this key for outdated when that is dropped, and nothing of any other.
    pub(super) fn forgets(&self, id: ApiKeyId) -> Forgets<'_> {
        Forgets { warm: self, id }
    }

    pub(super) fn get(&self, digest: &Digest) -> Option<Arc<Known>> {
        let id = id_of(digest);
        let shard = self.shard(id);
        let found = shard.young.get(&id).or_else(|| shard.old.get(&id));
        // The id is half of it.
        let is_good =
            |known: &&Arc<Known>| known.key.digest == *digest && known.since.elapsed() < self.lag;
        found.filter(is_good).cloned()
    }

    /// Remembers a key for as long as the lag, with what [`Self::ended`] was before the store was
    /// asked.
    pub(super) fn know(&self, key: ApiKey, ended: u64) -> Arc<Known> {
        let id = key.id;
        let known = Arc::new(Known {
            scopes: key.scopes.as_slice().into(),
            noted: AtomicU64::new(key.last_used.unwrap_or_default().as_secs()),
            key: Arc::new(key),
            since: Instant::now(),
        });
        let mut shard = self.shard(id);
        if !self.lag.is_zero() && shard.ended == ended {
            if shard.young.len() >= self.most {
                shard.old = std::mem::take(&mut shard.young);
            }
            shard.young.insert(id, Arc::clone(&known));
        }
        known
    }

    fn shard(&self, id: ApiKeyId) -> MutexGuard<'_, Shard> {
        let shard = &self.shards[usize::from(id.as_bytes()[0]) % SHARDS];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u16) -> ApiKey {
        let mut digest = [0; 32];
        digest[..2].copy_from_slice(&number.to_le_bytes());
        ApiKey {
            id: id_of(&digest),
            digest,
            subject: "ada".to_owned(),
            label: String::new(),
            scopes: Vec::new(),
            issued: Timestamp::default(),
            expires: None,
            last_used: None,
            revoked: None,
        }
    }

    #[test]
    fn it_is_bounded_in_number_and_time() {
        let warm = Warm::new(Duration::from_millis(200), 64);
        for number in 0..10_000 {
            warm.know(key(number), warm.ended(key(number).id));
        }
        let count: usize = warm
            .shards
            .iter()
            .map(|shard| {
                let shard = shard.lock().expect("nobody panics with it");
                shard.young.len() + shard.old.len()
            })
            .sum();
        assert!((32..=64).contains(&count), "{count}");
        assert!(warm.get(&key(9_999).digest).is_some());
        assert!(warm.get(&key(0).digest).is_none(), "it was pushed out");
        std::thread::sleep(Duration::from_millis(200));
        assert!(warm.get(&key(9_999).digest).is_none(), "its time is over");
    }

    #[test]
    fn an_answer_that_was_under_way_when_a_key_ended_is_not_believed() {
        let warm = Warm::new(Duration::from_secs(60), 64);
        let id = key(1).id;
        let asked = warm.ended(id);
        drop(warm.forgets(id));
        warm.know(key(1), asked);
        assert!(warm.get(&key(1).digest).is_none());
        warm.know(key(1), warm.ended(id));
        assert!(warm.get(&key(1).digest).is_some());
        // Of the same half, and another key.
        drop(warm.forgets(key(17).id));
        assert!(warm.get(&key(1).digest).is_some());
        drop(warm.forgets(id));
        assert!(warm.get(&key(1).digest).is_none());
        assert!(Warm::new(Duration::ZERO, 64).get(&key(1).digest).is_none());
    }
}
