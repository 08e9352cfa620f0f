//! A store of API keys behind a pointer: what handlers hold must not carry its type.

use std::future::Future;
use std::pin::Pin;

use super::{ApiKey, ApiKeyId, ApiKeyStore};
use crate::clock::Timestamp;
use crate::store::error::StoreError;

type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// [`ApiKeyStore`] with its futures boxed.
pub(crate) trait ErasedApiKeys: Send + Sync {
    fn add_key<'a>(&'a self, key: &'a ApiKey) -> StoreFuture<'a, ()>;
    fn find_key(&self, id: ApiKeyId) -> StoreFuture<'_, Option<ApiKey>>;
    fn keys_of<'a>(&'a self, subject: &'a str) -> StoreFuture<'a, Vec<ApiKey>>;
    fn rotate_key<'a>(
        &'a self,
        old: ApiKeyId,
        new: &'a ApiKey,
        now: Timestamp,
        until: Timestamp,
    ) -> StoreFuture<'a, bool>;
    fn use_key(&self, id: ApiKeyId, now: Timestamp) -> StoreFuture<'_, bool>;
    fn revoke_key<'a>(
        &'a self,
        subject: &'a str,
        id: ApiKeyId,
        now: Timestamp,
    ) -> StoreFuture<'a, bool>;
    fn forget_keys<'a>(&'a self, subject: &'a str, before: Timestamp) -> StoreFuture<'a, u64>;
}

impl<S: ApiKeyStore> ErasedApiKeys for S {
    fn add_key<'a>(&'a self, key: &'a ApiKey) -> StoreFuture<'a, ()> {
        Box::pin(ApiKeyStore::add_key(self, key))
    }

    fn find_key(&self, id: ApiKeyId) -> StoreFuture<'_, Option<ApiKey>> {
        Box::pin(ApiKeyStore::find_key(self, id))
    }

    fn keys_of<'a>(&'a self, subject: &'a str) -> StoreFuture<'a, Vec<ApiKey>> {
        Box::pin(ApiKeyStore::keys_of(self, subject))
    }

    fn rotate_key<'a>(
        &'a self,
        old: ApiKeyId,
        new: &'a ApiKey,
        now: Timestamp,
        until: Timestamp,
    ) -> StoreFuture<'a, bool> {
        Box::pin(ApiKeyStore::rotate_key(self, old, new, now, until))
    }

    fn use_key(&self, id: ApiKeyId, now: Timestamp) -> StoreFuture<'_, bool> {
        Box::pin(ApiKeyStore::use_key(self, id, now))
    }

    fn revoke_key<'a>(
        &'a self,
        subject: &'a str,
        id: ApiKeyId,
        now: Timestamp,
    ) -> StoreFuture<'a, bool> {
        Box::pin(ApiKeyStore::revoke_key(self, subject, id, now))
    }

    fn forget_keys<'a>(&'a self, subject: &'a str, before: Timestamp) -> StoreFuture<'a, u64> {
        Box::pin(ApiKeyStore::forget_keys(self, subject, before))
    }
}
