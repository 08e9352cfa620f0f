//! Whether a session that its cookie proves still is one.

use std::sync::Arc;

use crate::decision::Admitted;
use crate::policy::{self, SessionPolicy};
use crate::response::Denial;
use crate::session_id::SessionId;
use crate::store::{GuardedStore, StoreError};
use crate::token::MAX_CLOCK_SKEW;

/// Has the next request note the use of a session when it is dropped: no answer came, perhaps as the client
/// went away, and nobody knows whether it was noted.
struct Noting<'a>(&'a GuardedStore, SessionId);

impl Drop for Noting<'_> {
    fn drop(&mut self) {
        self.0.noted.forget(self.1);
    }
}

/// What a session is that may come in.
pub(crate) enum Standing {
    /// What its cookie says.
    Live,
    /// It has got another id a moment ago.
    Renewed,
}

/// Asks the store, and notes there that the session was used, at most once a minute: also where the
/// client keeps its cookie, and each request is to be answered with a new one.
pub(crate) async fn check(policy: &SessionPolicy, admitted: &Admitted) -> Result<Standing, Denial> {
    let Some(store) = &policy.store else {
        return Ok(Standing::Live);
    };
    let id = SessionId::from_bytes(admitted.token.id());
    match ask(policy, store, admitted, id).await {
        Ok(Some(standing)) => Ok(standing),
        Ok(None) => Err(Denial::Revoked),
        Err(error) => {
            store.report(&error, id);
            Err(Denial::StoreUnavailable)
        }
    }
}

async fn ask(
    policy: &SessionPolicy,
    store: &Arc<GuardedStore>,
    admitted: &Admitted,
    id: SessionId,
) -> Result<Option<Standing>, StoreError> {
    let Admitted { token, now, .. } = admitted;
    let found = store.find(token.subject(), id).await?;
    let Some(stored) = found else {
        return Box::pin(renewed(store, admitted, id)).await;
    };
    let idle_timeout = token.idle_timeout(policy.idle_timeout);
    let seen_every = policy::seen_every(idle_timeout);
    if now.since(stored.last_seen) < seen_every || !store.noted.is_first(id, *now, seen_every) {
        return Ok(Some(Standing::Live));
    }
    let deadline = policy::idle_deadline(*now, idle_timeout, token.absolute_deadline());
    // Boxed, as `renewed` is: most requests have no use for the space.
    Box::pin(async {
        let noting = Noting(store, id);
        let subject = token.subject();
        match store
            .ask(|store| store.touch(subject, id, *now, deadline))
            .await
        {
            // What is remembered is good while the store is down.
            Err(error) if error.is_unavailable() && store.remembers(subject, id) => {
                return Ok(Some(Standing::Live));
            }
            Err(error) => return Err(error),
            Ok(live) => {
                std::mem::forget(noting);
                store.sweep(*now, MAX_CLOCK_SKEW);
                if live {
                    return Ok(Some(Standing::Live));
                }
            }
        }
        renewed(store, admitted, id).await
    })
    .await
}

/// Whether a session that is not there has another id since a moment ago.
async fn renewed(
    store: &GuardedStore,
    admitted: &Admitted,
    id: SessionId,
) -> Result<Option<Standing>, StoreError> {
    let Admitted { token, now, .. } = admitted;
    let renewed = store
        .ask(|store| store.was_renewed(token.subject(), id, *now))
        .await?;
    Ok(renewed.then_some(Standing::Renewed))
}
