//! API keys in this process.

use super::{ApiKey, ApiKeyId, ApiKeyStore, beyond_lists, listed};
use crate::clock::Timestamp;
use crate::store::error::StoreError;
use crate::store::memory::MemoryStore;

impl ApiKeyStore for MemoryStore {
    async fn add_key(&self, key: &ApiKey) -> Result<(), StoreError> {
        self.api_keys().insert(key.id, key.clone());
        Ok(())
    }

    async fn find_key(&self, id: ApiKeyId) -> Result<Option<ApiKey>, StoreError> {
        Ok(self.api_keys().get(&id).cloned())
    }

    async fn keys_of(&self, subject: &str) -> Result<Vec<ApiKey>, StoreError> {
        let keys = self.api_keys();
        let of_subject = keys.values().filter(|key| key.subject == subject);
        Ok(listed(of_subject.cloned().collect()))
    }

    async fn rotate_key(
        &self,
        old: ApiKeyId,
        new: &ApiKey,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut keys = self.api_keys();
        let Some(old) = keys
            .get_mut(&old)
            .filter(|old| old.subject == new.subject && old.is_live(now))
        else {
            return Ok(false);
        };
        old.expires = Some(old.expires.map_or(until, |end| end.min(until)));
        keys.insert(new.id, new.clone());
        Ok(true)
    }

    async fn use_key(&self, id: ApiKeyId, now: Timestamp) -> Result<bool, StoreError> {
        let mut keys = self.api_keys();
        let Some(key) = keys.get_mut(&id) else {
            return Ok(false);
        };
        key.last_used = key.last_used.max(Some(now));
        Ok(true)
    }

    async fn revoke_key(
        &self,
        subject: &str,
        id: ApiKeyId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut keys = self.api_keys();
        let Some(key) = keys
            .get_mut(&id)
            .filter(|key| key.subject == subject && key.revoked.is_none())
        else {
            return Ok(false);
        };
        key.revoked = Some(now);
        Ok(true)
    }

    async fn forget_keys(&self, subject: &str, before: Timestamp) -> Result<u64, StoreError> {
        let mut keys = self.api_keys();
        let count = keys.len();
        let of_subject = keys.values().filter(|key| key.subject == subject);
        for id in beyond_lists(of_subject.cloned().collect()) {
            keys.remove(&id);
        }
        let is_past = |end: Option<Timestamp>| end.is_some_and(|end| end < before);
        keys.retain(|_, key| {
            key.subject != subject || !(is_past(key.revoked) || is_past(key.expires))
        });
        Ok((count - keys.len()) as u64)
    }
}
