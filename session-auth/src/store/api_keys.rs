//! API keys as a store keeps them, and what a store does with them.

mod erased;
mod guarded;
mod memory;

use std::cmp::Reverse;
use std::fmt;
use std::future::Future;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use self::guarded::GuardedApiKeys;
use super::error::StoreError;
use super::session_store::MAX_LISTED;
use crate::clock::Timestamp;

/// For how long a key that has ended stays in the lists of its subject.
pub(crate) const KEEP_ENDED: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The id of an API key: the first half of its [`digest`](ApiKey::digest). It is no secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ApiKeyId([u8; 16]);

impl ApiKeyId {
    /// The id of these 16 bytes, as a store kept them.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// 32 hexadecimal digits: for a form that ends one key of several.
impl fmt::Display for ApiKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for ApiKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(f, "ApiKeyId({a:02x}{b:02x}{c:02x}{d:02x}..)")
    }
}

/// Reads what `Display` wrote.
impl FromStr for ApiKeyId {
    type Err = InvalidApiKeyId;

    fn from_str(text: &str) -> Result<Self, InvalidApiKeyId> {
        // `from_str_radix` takes a sign as well.
        let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        match u128::from_str_radix(text, 16) {
            Ok(number) if digits => Ok(Self(number.to_be_bytes())),
            _ => Err(InvalidApiKeyId(())),
        }
    }
}

/// A text is not the id of an API key: 32 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidApiKeyId(());

impl fmt::Display for InvalidApiKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not the id of an API key: it has 32 hexadecimal digits")
    }
}

impl std::error::Error for InvalidApiKeyId {}

/// An API key as a store keeps it, and as handlers and lists see it.
///
/// There is nothing in it that a key could be made of: who reads the store cannot call anything.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores outside this crate have to make one"
)]
pub struct ApiKey {
    /// The id, by which it is found and ended.
    pub id: ApiKeyId,
    /// The SHA-256 of the key without its checksum: prefix and 256 random bits. No password hash is
    /// needed for so many.
    pub digest: [u8; 32],
    /// Whose key it is: 1 to 1024 bytes, without control characters.
    pub subject: String,
    /// What a person would know it by, such as the program that has it: at most 256 bytes.
    pub label: String,
    /// What it may do, in the words of `scope = ".."`.
    pub scopes: Vec<String>,
    /// When it was issued.
    pub issued: Timestamp,
    /// When it ends by itself; `None` for never.
    pub expires: Option<Timestamp>,
    /// When it was last used, to a minute or so.
    pub last_used: Option<Timestamp>,
    /// When it was revoked.
    pub revoked: Option<Timestamp>,
}

impl ApiKey {
    /// Whether it is neither revoked nor past its end at this time.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked.is_none() && self.expires.is_none_or(|end| now < end)
    }
}

/// Of more keys than are listed those that are not revoked and end last, and of these the ones issued last.
pub(super) fn listed(mut keys: Vec<ApiKey>) -> Vec<ApiKey> {
    unlisted(&mut keys);
    keys.sort_by_key(|key| Reverse(key.issued));
    keys
}

/// Takes out what is too many for a list.
pub(super) fn unlisted(keys: &mut Vec<ApiKey>) -> Vec<ApiKey> {
    let end = |key: &ApiKey| key.expires.map_or(u64::MAX, Timestamp::as_secs);
    keys.sort_by_key(|key| Reverse((key.revoked.is_none(), end(key), key.issued)));
    keys.split_off(keys.len().min(MAX_LISTED as usize))
}

/// Those of a subject's keys that can be forgotten as no list has room for them. Whatever the clock says: of so
/// many those that are live come first.
pub(super) fn beyond_lists(mut keys: Vec<ApiKey>) -> impl Iterator<Item = ApiKeyId> {
    let unlisted = unlisted(&mut keys).into_iter();
    unlisted
        .filter(|key| key.revoked.is_some() || key.expires.is_some())
        .map(|key| key.id)
}

/// Keeps API keys.
///
/// Each operation is atomic: of two at a time, from any number of processes, one comes first. An
/// operation that returned has happened for all that start later. Time is the caller's: a store compares
/// the timestamps that it is given.
///
/// Implement it with `async fn`, and try it with
/// [`conformance::check_api_keys`](crate::store::conformance::check_api_keys).
pub trait ApiKeyStore: Send + Sync + 'static {
    /// Whether the store itself forgets keys some time after they have ended, as Redis does: 30 days, in
    /// which their subject still sees them.
    const FORGETS_BY_ITSELF: bool = false;

    /// Adds a key.
    fn add_key(&self, key: &ApiKey) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The key with this id, also one that has ended.
    fn find_key(
        &self,
        id: ApiKeyId,
    ) -> impl Future<Output = Result<Option<ApiKey>, StoreError>> + Send;

    /// The keys of the subject, those that have ended too, the one issued last first: at most
    /// [`MAX_LISTED`](super::MAX_LISTED). Of more, those go in that are not revoked and end last, so that no
    /// number of others hides one that is live.
    fn keys_of(
        &self,
        subject: &str,
    ) -> impl Future<Output = Result<Vec<ApiKey>, StoreError>> + Send;

    /// Adds a key, and lets another one of the same subject end at `until`, or when it would have ended
    /// if that is sooner. `false`: the other is not there, or is not [live](ApiKey::is_live) at `now`, and
    /// nothing was added.
    fn rotate_key(
        &self,
        old: ApiKeyId,
        new: &ApiKey,
        now: Timestamp,
        until: Timestamp,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Notes that a key was used. The time never goes back. `false`: there is no such key, and none was
    /// made.
    fn use_key(
        &self,
        id: ApiKeyId,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Revokes a key of this subject. `false`: there is none, or it was revoked already.
    fn revoke_key(
        &self,
        subject: &str,
        id: ApiKeyId,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Forgets the keys of the subject that were revoked or ended before this, and says how many; and with them
    /// those that are revoked or have an end, and that [`keys_of`](Self::keys_of) has no room for, so that
    /// nobody's keys add up. Called when the subject gets another key.
    fn forget_keys(
        &self,
        subject: &str,
        before: Timestamp,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;
}

/// One store for sessions and API keys.
impl<S: ApiKeyStore> ApiKeyStore for Arc<S> {
    const FORGETS_BY_ITSELF: bool = S::FORGETS_BY_ITSELF;

    fn add_key(&self, key: &ApiKey) -> impl Future<Output = Result<(), StoreError>> + Send {
        S::add_key(self, key)
    }

    fn find_key(
        &self,
        id: ApiKeyId,
    ) -> impl Future<Output = Result<Option<ApiKey>, StoreError>> + Send {
        S::find_key(self, id)
    }

    fn keys_of(
        &self,
        subject: &str,
    ) -> impl Future<Output = Result<Vec<ApiKey>, StoreError>> + Send {
        S::keys_of(self, subject)
    }

    fn rotate_key(
        &self,
        old: ApiKeyId,
        new: &ApiKey,
        now: Timestamp,
        until: Timestamp,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        S::rotate_key(self, old, new, now, until)
    }

    fn use_key(
        &self,
        id: ApiKeyId,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        S::use_key(self, id, now)
    }

    fn revoke_key(
        &self,
        subject: &str,
        id: ApiKeyId,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        S::revoke_key(self, subject, id, now)
    }

    fn forget_keys(
        &self,
        subject: &str,
        before: Timestamp,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send {
        S::forget_keys(self, subject, before)
    }
}
