//! The keys that were seen a moment ago: bounded in time and in number.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::text::Digest;
use crate::clock::Timestamp;
use crate::store::ApiKey;

/// Over so many locks are the keys spread, so that requests do not wait for one another.
const SHARDS: usize = 16;

/// A key as the store knew it.
pub(super) struct Known {
    pub(super) key: Arc<ApiKey>,
    pub(super) scopes: Arc<[String]>,
    /// When its use was noted last, in seconds since 1970.
    noted: AtomicU64,
    since: Instant,
    /// What [`Warm::ended`] was when the store was asked.
    ended: u64,
}

pub(super) struct Warm {
    lag: Duration,
    /// How many keys each half of a shard has at the most.
    most: usize,
    shards: [Mutex<Shard>; SHARDS],
    /// How often this process has ended a key. If it is another now, what is known may be outdated: also
    /// an answer that was on its way when the key ended.
    ended: AtomicU64,
}

/// What came since the young half was full, and what came before.
#[derive(Default)]
struct Shard {
    young: HashMap<Digest, Arc<Known>>,
    old: HashMap<Digest, Arc<Known>>,
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
            ended: AtomicU64::new(0),
        }
    }

    pub(super) fn lag(&self) -> Duration {
        self.lag
    }

    /// To be asked before the store is: see [`Self::know`].
    pub(super) fn ended(&self) -> u64 {
        self.ended.load(Ordering::Acquire)
    }

    /// Takes whatever is known for outdated. To be called when the store has answered.
    pub(super) fn forget(&self) {
        self.ended.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn get(&self, digest: &Digest) -> Option<Arc<Known>> {
        let shard = self.shard(digest);
        let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        let found = shard.young.get(digest).or_else(|| shard.old.get(digest));
        let is_good =
            |known: &&Arc<Known>| known.ended == self.ended() && known.since.elapsed() < self.lag;
        found.filter(is_good).cloned()
    }

    /// Remembers a key for as long as the lag, with what [`Self::ended`] was before the store was
    /// asked.
    pub(super) fn know(&self, key: ApiKey, ended: u64) -> Arc<Known> {
        let digest = key.digest;
        let known = Arc::new(Known {
            scopes: key.scopes.as_slice().into(),
            noted: AtomicU64::new(key.last_used.unwrap_or_default().as_secs()),
            key: Arc::new(key),
            since: Instant::now(),
            ended,
        });
        if !self.lag.is_zero() {
            let shard = self.shard(&digest);
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            if shard.young.len() >= self.most {
                shard.old = std::mem::take(&mut shard.young);
            }
            shard.young.insert(digest, Arc::clone(&known));
        }
        known
    }

    fn shard(&self, digest: &Digest) -> &Mutex<Shard> {
        &self.shards[usize::from(digest[0]) % SHARDS]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::ApiKeyId;

    fn key(number: u16) -> ApiKey {
        let mut digest = [0; 32];
        digest[..2].copy_from_slice(&number.to_le_bytes());
        ApiKey {
            id: ApiKeyId::from_bytes([0; 16]),
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
            warm.know(key(number), warm.ended());
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
        let asked = warm.ended();
        warm.forget();
        warm.know(key(1), asked);
        assert!(warm.get(&key(1).digest).is_none());
        warm.know(key(1), warm.ended());
        assert!(warm.get(&key(1).digest).is_some());
        assert!(Warm::new(Duration::ZERO, 64).get(&key(1).digest).is_none());
    }
}
