//! What a replay window's store does.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::random;
use crate::clock::Timestamp;
use crate::store::replays::{Claim, ReplayKey, ReplayStore};

/// How long a claim lasts here, and a delivery is remembered, in seconds.
const LEASE: u64 = 300;

/// Runs every check of a replay window's store, on several handles of one store if there are several.
///
/// # Panics
///
/// Where the store does otherwise than [`ReplayStore`] says; the message names the rule. Also where
/// there is no handle, an operation fails, or it is not run by tokio's runtime.
pub async fn check<S: ReplayStore>(handles: &[Arc<S>]) {
    let store = Of(&**handles.first().expect("a handle of the store"));
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.expect("a clock after 1970").as_secs();
    store
        .a_claim_is_its_owners_until_it_is_given_back(now)
        .await;
    store.what_was_handled_stays_so(now).await;
    if !S::FORGETS_BY_ITSELF {
        store.what_is_over_is_anybodys(now).await;
    }
    of_many_at_one_instant_one_has_it(handles, now).await;
}

fn key() -> ReplayKey {
    let mut key = [0; 32];
    key[..16].copy_from_slice(&random());
    key[16..].copy_from_slice(&random());
    key
}

struct Of<'a, S>(&'a S);

impl<S: ReplayStore> Of<'_, S> {
    async fn claim(&self, key: ReplayKey, owner: u64, now: u64) -> Claim {
        let [now, until] = [now, now + LEASE].map(Timestamp::from_secs);
        let claimed = self.0.claim(key, owner, now, until).await;
        claimed.expect("a claim")
    }

    async fn confirm(&self, key: ReplayKey, now: u64) {
        let [now, until] = [now, now + LEASE].map(Timestamp::from_secs);
        let confirmed = self.0.confirm(key, now, until).await;
        confirmed.expect("a confirmation");
    }

    async fn release(&self, key: ReplayKey, owner: u64) {
        self.0.release(key, owner).await.expect("a release");
    }

    async fn a_claim_is_its_owners_until_it_is_given_back(&self, now: u64) {
        let rule = "a claim is its owner's until it is given back";
        let (one, other) = (key(), key());
        // The highest owner, which SQL keeps as a negative number.
        assert_eq!(self.claim(one, u64::MAX, now).await, Claim::Taken, "{rule}");
        assert_eq!(self.claim(one, 2, now).await, Claim::Running, "{rule}");
        assert_eq!(self.claim(other, 2, now).await, Claim::Taken, "{rule}");
        self.release(one, 2).await;
        assert_eq!(self.claim(one, 3, now).await, Claim::Running, "{rule}");
        self.release(one, u64::MAX).await;
        assert_eq!(self.claim(one, 3, now).await, Claim::Taken, "{rule}");
    }

    async fn what_was_handled_stays_so(&self, now: u64) {
        let rule = "what was handled stays so, whoever owned it";
        let key = key();
        assert_eq!(self.claim(key, 1, now).await, Claim::Taken, "{rule}");
        self.confirm(key, now).await;
        self.release(key, 1).await;
        assert_eq!(self.claim(key, 2, now).await, Claim::Done, "{rule}");
        let never_claimed = self::key();
        self.confirm(never_claimed, now).await;
        assert_eq!(
            self.claim(never_claimed, 1, now).await,
            Claim::Done,
            "{rule}"
        );
        let for_ever = self::key();
        let [at, until] = [now, u64::MAX].map(Timestamp::from_secs);
        let confirmed = self.0.confirm(for_ever, at, until).await;
        confirmed.expect("a confirmation for ever");
        assert_eq!(self.claim(for_ever, 1, now).await, Claim::Done, "{rule}");
    }

    async fn what_is_over_is_anybodys(&self, now: u64) {
        let rule = "a claim and a delivery are over at their time";
        let key = key();
        assert_eq!(self.claim(key, 1, now).await, Claim::Taken, "{rule}");
        let later = now + LEASE;
        assert_eq!(
            self.claim(key, 2, later - 1).await,
            Claim::Running,
            "{rule}"
        );
        assert_eq!(self.claim(key, 2, later).await, Claim::Taken, "{rule}");
        // Too late: it is another's.
        self.release(key, 1).await;
        assert_eq!(self.claim(key, 3, later).await, Claim::Running, "{rule}");
        self.confirm(key, later).await;
        let later = later + LEASE;
        assert_eq!(self.claim(key, 3, later - 1).await, Claim::Done, "{rule}");
        assert_eq!(self.claim(key, 3, later).await, Claim::Taken, "{rule}");
    }
}

async fn of_many_at_one_instant_one_has_it<S: ReplayStore>(handles: &[Arc<S>], now: u64) {
    for _ in 0..20 {
        let key = key();
        let mut tasks = tokio::task::JoinSet::new();
        for owner in 0..8 {
            let store = Arc::clone(&handles[owner % handles.len()]);
            tasks.spawn(async move { Of(&*store).claim(key, owner as u64, now).await });
        }
        let claims = tasks.join_all().await;
        let taken = claims.iter().filter(|claim| **claim == Claim::Taken);
        assert_eq!(
            taken.count(),
            1,
            "of many at one instant, one has it: {claims:?}"
        );
    }
}
