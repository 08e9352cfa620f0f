//! Whether a session that its cookie proves still is one.

use std::time::Duration;

use crate::decision::Admitted;
use crate::policy::SessionPolicy;
use crate::response::Denial;
use crate::session::SessionId;
use crate::store::StoreError;
use crate::token::MAX_CLOCK_SKEW;

/// How exact `last_seen` is: a write for each request would cost more than it tells.
const SEEN_EVERY: Duration = Duration::from_secs(60);

/// Asks the store, and notes there that the session was used: with the new deadline if it slides,
/// else at most once a minute.
pub(crate) async fn check(policy: &SessionPolicy, admitted: &Admitted) -> Result<(), Denial> {
    let Some(store) = &policy.store else {
        return Ok(());
    };
    let Admitted { token, now, .. } = admitted;
    let (subject, id) = (token.subject(), SessionId::from_bytes(token.id()));
    let idle_timeout = token.idle_timeout(policy.idle_timeout);
    let live = async {
        let idle_deadline = match &admitted.renewal {
            Some(renewal) => renewal.deadline,
            None => {
                let Some(stored) = store.ask(|store| store.find(subject, id)).await? else {
                    return Ok(false);
                };
                let seen_every = SEEN_EVERY.min(idle_timeout / 10);
                if now.since(stored.last_seen) < seen_every {
                    return Ok(true);
                }
                now.plus(idle_timeout).min(token.absolute_deadline)
            }
        };
        // Looks for the session as well: with a deadline to write, one call does both.
        let live = store
            .ask(|store| store.touch(subject, id, *now, idle_deadline))
            .await?;
        store.sweep(*now, MAX_CLOCK_SKEW);
        Ok::<_, StoreError>(live)
    };
    match live.await {
        Ok(true) => Ok(()),
        Ok(false) => Err(Denial::Revoked),
        Err(error) => {
            store.report(&error, id);
            Err(Denial::StoreUnavailable)
        }
    }
}
