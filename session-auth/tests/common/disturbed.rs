//! A store whose questions and answers a test disturbs.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test program uses its own part of this"
)]

use std::future::{Future, ready};

use session_auth::store::{Generation, SessionStore, StoreError, StoredSession};
use session_auth::{SessionId, Timestamp};

/// What comes between a store and who asks it. A question is the name of the store's method; `subject` is whose
/// sessions it is about, and empty where they may be anybody's.
pub trait Disturb: Send + Sync + 'static {
    fn before(
        &self,
        _question: &str,
        _subject: &str,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        ready(Ok(()))
    }

    fn after(&self, _question: &str) -> impl Future<Output = ()> + Send {
        ready(())
    }
}

/// This store, disturbed.
#[derive(Default)]
pub struct Disturbed<S, D>(pub S, pub D);

macro_rules! disturbed {
    ($($name:ident($($arg:ident: $type:ty),*) -> $result:ty, $subject:expr;)*) => {
        impl<S: SessionStore, D: Disturb> SessionStore for Disturbed<S, D> {
            const FORGETS_BY_ITSELF: bool = S::FORGETS_BY_ITSELF;
            $(async fn $name(&self, $($arg: $type),*) -> Result<$result, StoreError> {
                self.1.before(stringify!($name), $subject).await?;
                let answer = self.0.$name($($arg),*).await;
                self.1.after(stringify!($name)).await;
                answer
            })*
        }
    };
}

disturbed! {
    generation(subject: &str) -> Generation, subject;
    insert(session: &StoredSession, generation: Generation) -> bool, &session.subject;
    find(subject: &str, id: SessionId) -> Option<StoredSession>, subject;
    touch(subject: &str, id: SessionId, seen: Timestamp, deadline: Timestamp) -> bool, subject;
    replace(old: SessionId, session: &StoredSession) -> bool, &session.subject;
    revoke(subject: &str, id: SessionId) -> bool, subject;
    revoke_all(subject: &str, except: Option<SessionId>, now: Timestamp) -> u64, subject;
    list(subject: &str, now: Timestamp) -> Vec<StoredSession>, subject;
    remove_expired(before: Timestamp, limit: u32) -> u64, "";
    trim(subject: &str, keep: SessionId, most: u32, now: Timestamp) -> u64, subject;
    renew(old: SessionId, session: &StoredSession, until: Timestamp) -> bool, &session.subject;
    was_renewed(subject: &str, old: SessionId, now: Timestamp) -> bool, subject;
    deadlines(sessions: &[(String, SessionId)]) -> Vec<Option<Timestamp>>, "";
}
