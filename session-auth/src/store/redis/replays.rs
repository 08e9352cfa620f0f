//! Replay windows in Redis: a key for each delivery, which is gone when its time is over.

use std::sync::LazyLock;

use redis::Script;
use redis::aio::ConnectionLike;

use super::RedisStore;
use super::row::LONGEST;
use crate::clock::Timestamp;
use crate::store::error::StoreError;
use crate::store::replays::{Claim, ReplayKey, ReplayStore};

/// What a delivery has that was handled, in the place of its owner.
const DONE: &str = "done";

/// KEYS: the delivery's. ARGV: its owner, and the seconds that the claim lasts. The owner of before,
/// if there is one.
static CLAIM: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'EX', ARGV[2]) then return false end \
         return redis.call('GET', KEYS[1])",
    )
});

/// KEYS: the delivery's. ARGV: its owner.
static RELEASE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end \
         return 0",
    )
});

/// Redis takes no key that lives for no time, nor for longer than it can count.
fn seconds(now: Timestamp, until: Timestamp) -> u64 {
    until.since(now).as_secs().clamp(1, LONGEST)
}

impl<C> ReplayStore for RedisStore<C>
where
    C: ConnectionLike + Clone + Send + Sync + 'static,
{
    const FORGETS_BY_ITSELF: bool = true;

    async fn claim(
        &self,
        key: ReplayKey,
        owner: u64,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Claim, StoreError> {
        let mut claim = CLAIM.prepare_invoke();
        claim
            .key(self.delivery(&key))
            .arg(owner)
            .arg(seconds(now, until));
        let owner: Option<String> = self.script(&claim).await?;
        Ok(match owner.as_deref() {
            None => Claim::Taken,
            Some(DONE) => Claim::Done,
            Some(_) => Claim::Running,
        })
    }

    async fn confirm(
        &self,
        key: ReplayKey,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        let mut set = redis::cmd("SET");
        set.arg(self.delivery(&key))
            .arg(DONE)
            .arg("EX")
            .arg(seconds(now, until));
        self.command(&set).await
    }

    async fn release(&self, key: ReplayKey, owner: u64) -> Result<(), StoreError> {
        let mut release = RELEASE.prepare_invoke();
        release.key(self.delivery(&key)).arg(owner);
        self.script::<i64>(&release).await.map(drop)
    }
}

impl<C> RedisStore<C> {
    fn delivery(&self, key: &ReplayKey) -> String {
        let digits: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{}delivery:{digits}", self.prefix)
    }
}
