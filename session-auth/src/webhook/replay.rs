//! The replay window: a delivery is handled once, however often it comes.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::runtime::Handle;

use crate::clock::Timestamp;
use crate::store::{Claim, ReplayKey, ReplayStore, StoreError};
use crate::webhook::Delivery;

/// For how long a claim is waited for whose delivery was put off already. Databases give up a statement in half
/// of that.
const LATE: Duration = Duration::from_secs(10);

/// How long a handler may take before its claim is another's to take.
const LEASE: Duration = Duration::from_secs(300);

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
    fn confirm(&self, key: ReplayKey, now: Timestamp, until: Timestamp) -> Boxed<'_, ()>;
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

    fn confirm(&self, key: ReplayKey, now: Timestamp, until: Timestamp) -> Boxed<'_, ()> {
        Box::pin(ReplayStore::confirm(self, key, now, until))
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

    /// The key of a delivery on a route: by its id, or by its body where it has none; of each tenant apart, as
    /// what one of them sends is nothing that another one has sent.
    pub(crate) fn key(route: &str, verifier: &str, delivery: &Delivery, body: &[u8]) -> ReplayKey {
        let mut hash = Sha256::new();
        let tenant = delivery.tenant();
        let (kind, content) = match (delivery.unique_id(), tenant) {
            (Some(id), None) => ("id", id.as_bytes()),
            (None, None) => ("body", body),
            (Some(id), Some(_)) => ("tenant's id", id.as_bytes()),
            (None, Some(_)) => ("tenant's body", body),
        };
        for part in [route, verifier, kind].into_iter().chain(tenant) {
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
        let mut claiming = Claiming {
            claimed: Some(Box::pin({
                let store = Arc::clone(&self.store);
                async move { store.claim(key, owner, now, now.plus(LEASE)).await }
            })),
            taken: Some(Taken {
                store: Arc::clone(&self.store),
                key,
                owner,
                now,
                until: now.plus(self.keep),
                timeout: self.timeout,
            }),
        };
        match tokio::time::timeout(self.timeout, claiming.answer()).await {
            Ok(Ok(Claim::Taken)) => Fresh::Handle(Held(claiming.taken.take())),
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

type Claimed = Pin<Box<dyn Future<Output = Result<Claim, StoreError>> + Send>>;

/// A claim that is being made. Dropped before it is answered, because that takes too long or the sender hung
/// up, it is waited for all the same: the store may take it later, and then it is given back, or what
/// the sender sends again would be put off until the claim is over.
struct Claiming {
    claimed: Option<Claimed>,
    taken: Option<Taken>,
}

impl Claiming {
    async fn answer(&mut self) -> Result<Claim, StoreError> {
        let answer = match &mut self.claimed {
            Some(claimed) => claimed.await,
            None => Ok(Claim::Running),
        };
        self.claimed = None;
        answer
    }
}

impl Drop for Claiming {
    fn drop(&mut self) {
        let (Some(claimed), Some(taken)) = (self.claimed.take(), self.taken.take()) else {
            return;
        };
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                let late = tokio::time::timeout(LATE, claimed).await;
                if let Ok(Ok(Claim::Taken)) = late {
                    taken.release().await;
                }
            });
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
    /// When it was claimed.
    now: Timestamp,
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
        let confirmed = taken.store.confirm(taken.key, taken.now, taken.until);
        if !matches!(
            tokio::time::timeout(taken.timeout, confirmed).await,
            Ok(Ok(()))
        ) {
            tracing::error!(
                target: "session_auth",
                "a delivery was handled, and the replay window could not keep that: it may be \
                 handled again"
            );
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

    #[test]
    fn keys_are_of_one_route_one_verifier_one_tenant_and_one_id() {
        let of = |id: Option<&str>| id.map_or_else(Delivery::new, |id| Delivery::new().with_id(id));
        let key = |route, verifier, id| ReplayWindow::key(route, verifier, &of(id), b"body");
        let of_tenant = |tenant, id| {
            let delivery = of(id).of_tenant(tenant);
            ReplayWindow::key("POST /a", "v", &delivery, b"body")
        };
        let all = [
            key("POST /a", "v", Some("1")),
            key("POST /a", "v", Some("2")),
            key("POST /a", "w", Some("1")),
            key("POST /b", "v", Some("1")),
            key("POST /a", "v1", Some("")),
            key("POST /a", "v", Some("body")),
            key("POST /a", "v", None),
            of_tenant("a", Some("1")),
            of_tenant("b", Some("1")),
            of_tenant("a", None),
            of_tenant("id", Some("1")),
        ];
        let distinct: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }
}
