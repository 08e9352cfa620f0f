//! A store behind a pointer: the layer must not carry its type.

use std::future::Future;
use std::pin::Pin;

use super::error::StoreError;
use super::session_store::{Generation, SessionStore, StoredSession};
use crate::clock::Timestamp;
use crate::session_id::SessionId;

pub(super) type StoreFuture<'a, T> =
    Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// [`SessionStore`] with its futures boxed.
pub(crate) trait ErasedStore: Send + Sync {
    fn forgets_by_itself(&self) -> bool;
    fn generation<'a>(&'a self, subject: &'a str) -> StoreFuture<'a, Generation>;
    fn insert<'a>(
        &'a self,
        session: &'a StoredSession,
        generation: Generation,
    ) -> StoreFuture<'a, bool>;
    fn find<'a>(
        &'a self,
        subject: &'a str,
        id: SessionId,
    ) -> StoreFuture<'a, Option<StoredSession>>;
    fn touch<'a>(
        &'a self,
        subject: &'a str,
        id: SessionId,
        last_seen: Timestamp,
        idle_deadline: Timestamp,
    ) -> StoreFuture<'a, bool>;
    fn replace<'a>(&'a self, old: SessionId, session: &'a StoredSession) -> StoreFuture<'a, bool>;
    fn revoke<'a>(&'a self, subject: &'a str, id: SessionId) -> StoreFuture<'a, bool>;
    fn revoke_all<'a>(
        &'a self,
        subject: &'a str,
        except: Option<SessionId>,
        now: Timestamp,
    ) -> StoreFuture<'a, u64>;
    fn list<'a>(&'a self, subject: &'a str, now: Timestamp) -> StoreFuture<'a, Vec<StoredSession>>;
    fn remove_expired<'a>(&'a self, before: Timestamp, limit: u32) -> StoreFuture<'a, u64>;
    fn trim<'a>(
        &'a self,
        subject: &'a str,
        keep: SessionId,
        most: u32,
        now: Timestamp,
    ) -> StoreFuture<'a, u64>;
    fn remembered(&self, subject: &str, id: SessionId) -> Option<StoredSession>;
    fn renew<'a>(
        &'a self,
        old: SessionId,
        session: &'a StoredSession,
        until: Timestamp,
    ) -> StoreFuture<'a, bool>;
    fn was_renewed<'a>(
        &'a self,
        subject: &'a str,
        old: SessionId,
        now: Timestamp,
    ) -> StoreFuture<'a, bool>;
    fn deadlines<'a>(
        &'a self,
        sessions: &'a [(String, SessionId)],
    ) -> StoreFuture<'a, Vec<Option<Timestamp>>>;
}

impl<S: SessionStore> ErasedStore for S {
    fn forgets_by_itself(&self) -> bool {
        S::FORGETS_BY_ITSELF
    }

    fn generation<'a>(&'a self, subject: &'a str) -> StoreFuture<'a, Generation> {
        Box::pin(SessionStore::generation(self, subject))
    }

    fn insert<'a>(
        &'a self,
        session: &'a StoredSession,
        generation: Generation,
    ) -> StoreFuture<'a, bool> {
        Box::pin(SessionStore::insert(self, session, generation))
    }

    fn find<'a>(
        &'a self,
        subject: &'a str,
        id: SessionId,
    ) -> StoreFuture<'a, Option<StoredSession>> {
        Box::pin(SessionStore::find(self, subject, id))
    }

    fn touch<'a>(
        &'a self,
        subject: &'a str,
        id: SessionId,
        last_seen: Timestamp,
        idle_deadline: Timestamp,
    ) -> StoreFuture<'a, bool> {
        Box::pin(SessionStore::touch(
            self,
            subject,
            id,
            last_seen,
            idle_deadline,
        ))
    }

    fn replace<'a>(&'a self, old: SessionId, session: &'a StoredSession) -> StoreFuture<'a, bool> {
        Box::pin(SessionStore::replace(self, old, session))
    }

    fn revoke<'a>(&'a self, subject: &'a str, id: SessionId) -> StoreFuture<'a, bool> {
        Box::pin(SessionStore::revoke(self, subject, id))
    }

    fn revoke_all<'a>(
        &'a self,
        subject: &'a str,
        except: Option<SessionId>,
        now: Timestamp,
    ) -> StoreFuture<'a, u64> {
        Box::pin(SessionStore::revoke_all(self, subject, except, now))
    }

    fn list<'a>(&'a self, subject: &'a str, now: Timestamp) -> StoreFuture<'a, Vec<StoredSession>> {
        Box::pin(SessionStore::list(self, subject, now))
    }

    fn remove_expired<'a>(&'a self, before: Timestamp, limit: u32) -> StoreFuture<'a, u64> {
        Box::pin(SessionStore::remove_expired(self, before, limit))
    }

    fn trim<'a>(
        &'a self,
        subject: &'a str,
        keep: SessionId,
        most: u32,
        now: Timestamp,
    ) -> StoreFuture<'a, u64> {
        Box::pin(SessionStore::trim(self, subject, keep, most, now))
    }

    fn remembered(&self, subject: &str, id: SessionId) -> Option<StoredSession> {
        SessionStore::remembered(self, subject, id)
    }

    fn renew<'a>(
        &'a self,
        old: SessionId,
        session: &'a StoredSession,
        until: Timestamp,
    ) -> StoreFuture<'a, bool> {
        Box::pin(SessionStore::renew(self, old, session, until))
    }

    fn was_renewed<'a>(
        &'a self,
        subject: &'a str,
        old: SessionId,
        now: Timestamp,
    ) -> StoreFuture<'a, bool> {
        Box::pin(SessionStore::was_renewed(self, subject, old, now))
    }

    fn deadlines<'a>(
        &'a self,
        sessions: &'a [(String, SessionId)],
    ) -> StoreFuture<'a, Vec<Option<Timestamp>>> {
        Box::pin(SessionStore::deadlines(self, sessions))
    }
}
