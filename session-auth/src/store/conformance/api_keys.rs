//! What a store of API keys does.

use std::sync::Arc;

use super::{random, subject};
use crate::clock::Timestamp;
use crate::store::api_keys::{ApiKey, ApiKeyId, ApiKeyStore};
use crate::store::session_store::MAX_LISTED;

/// Long past, as seconds since 1970.
const NOW: u64 = 1_000_000;

/// Runs every check of a store of API keys, on several handles of one store if there are several.
///
/// # Panics
///
/// Where the store does otherwise than [`ApiKeyStore`] says; the message names the rule. Also where
/// there is no handle, an operation fails, or it is not run by tokio's runtime.
pub async fn check<S: ApiKeyStore>(handles: &[Arc<S>]) {
    let store = Of(&**handles.first().expect("a handle of the store"));
    store.every_field_comes_back().await;
    store.a_key_is_its_subjects_alone().await;
    store.a_use_is_noted_and_makes_nothing().await;
    store.a_rotated_key_ends_after_the_overlap().await;
    store.what_has_ended_is_not_rotated().await;
    store.what_ended_long_ago_is_forgotten().await;
    store
        .no_number_of_keys_that_have_ended_hides_one_that_is_live()
        .await;
    of_many_that_revoke_at_one_instant_one_did(handles).await;
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_secs(NOW + seconds)
}

fn key(subject: &str) -> ApiKey {
    let mut digest = [0; 32];
    digest[..16].copy_from_slice(&random());
    digest[16..].copy_from_slice(&random());
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    ApiKey {
        id: ApiKeyId::from_bytes(id),
        digest,
        subject: subject.to_owned(),
        label: "nightly export".to_owned(),
        scopes: vec!["read".to_owned(), "export".to_owned()],
        issued: at(0),
        expires: None,
        last_used: None,
        revoked: None,
    }
}

struct Of<'a, S>(&'a S);

impl<S: ApiKeyStore> Of<'_, S> {
    async fn no_number_of_keys_that_have_ended_hides_one_that_is_live(&self) {
        let subject = subject();
        let (live, ends) = (
            key(&subject),
            ApiKey {
                expires: Some(at(1_000)),
                ..key(&subject)
            },
        );
        self.add(&live).await;
        self.add(&ends).await;
        let mut ended = Vec::new();
        for number in 0..u64::from(MAX_LISTED) {
            let issued = at(1 + number % 100);
            let (expires, revoked) = match number % 2 {
                0 => (Some(at(500)), None),
                _ => (None, Some(at(500))),
            };
            let key = ApiKey {
                issued,
                expires,
                revoked,
                ..key(&subject)
            };
            self.add(&key).await;
            ended.push(key.id);
        }
        let list = self.0.keys_of(&subject).await.expect("keys_of");
        assert_eq!(list.len(), MAX_LISTED as usize, "keys_of has a limit");
        for key in [&live, &ends] {
            assert!(list.contains(key), "keys_of: what is live goes in first");
        }
        assert!(
            list.is_sorted_by_key(|key| std::cmp::Reverse(key.issued)),
            "keys_of: the one issued last first"
        );
        let forgotten = self.0.forget_keys(&subject, at(0)).await;
        assert_eq!(forgotten.expect("forget_keys"), 2, "what is not listed");
        for id in ended {
            let is_listed = list.iter().any(|key| key.id == id);
            assert_eq!(
                self.find(id).await.is_some(),
                is_listed,
                "forget_keys: what has ended and is not listed"
            );
        }
        assert_eq!(self.list(&subject).await.len(), list.len(), "and no other");
    }

    async fn add(&self, key: &ApiKey) {
        self.0.add_key(key).await.expect("add_key");
    }

    async fn find(&self, id: ApiKeyId) -> Option<ApiKey> {
        self.0.find_key(id).await.expect("find_key")
    }

    async fn list(&self, subject: &str) -> Vec<ApiKey> {
        self.0.keys_of(subject).await.expect("keys_of")
    }

    async fn rotate(&self, old: ApiKeyId, new: &ApiKey, now: u64, until: u64) -> bool {
        let rotated = self.0.rotate_key(old, new, at(now), at(until)).await;
        rotated.expect("rotate_key")
    }

    async fn note(&self, id: ApiKeyId, now: u64) -> bool {
        self.0.use_key(id, at(now)).await.expect("use_key")
    }

    async fn revoke(&self, subject: &str, id: ApiKeyId, now: u64) -> bool {
        let revoked = self.0.revoke_key(subject, id, at(now)).await;
        revoked.expect("revoke_key")
    }

    async fn every_field_comes_back(&self) {
        let rule = "every field comes back";
        let subject = subject();
        let plain = key(&subject);
        let mut full = ApiKey {
            label: "Ärger \"2\" 'x' \\ ünï".to_owned(),
            scopes: Vec::new(),
            issued: at(1),
            expires: Some(at(500)),
            last_used: Some(at(100)),
            revoked: Some(at(200)),
            ..key(&subject)
        };
        self.add(&plain).await;
        self.add(&full).await;
        assert_eq!(self.find(plain.id).await.as_ref(), Some(&plain), "{rule}");
        assert_eq!(self.find(full.id).await.as_ref(), Some(&full), "{rule}");
        assert_eq!(
            self.list(&subject).await,
            [full.clone(), plain],
            "the list has all, the one issued last first"
        );
        full.id = ApiKeyId::from_bytes(random());
        assert_eq!(self.find(full.id).await, None, "{rule}");
    }

    async fn a_key_is_its_subjects_alone(&self) {
        let rule = "a key is its subject's alone";
        let (one, other) = (subject(), subject());
        let (of_one, of_other) = (key(&one), key(&other));
        self.add(&of_one).await;
        self.add(&of_other).await;
        assert_eq!(
            self.list(&one).await,
            std::slice::from_ref(&of_one),
            "{rule}"
        );
        assert!(!self.revoke(&other, of_one.id, 1).await, "{rule}");
        assert!(!self.rotate(of_one.id, &key(&other), 1, 1).await, "{rule}");
        assert_eq!(self.list(&other).await, [of_other], "{rule}");
        assert_eq!(self.find(of_one.id).await, Some(of_one.clone()), "{rule}");
        assert!(self.revoke(&one, of_one.id, 7).await, "its own may");
        let revoked = self.find(of_one.id).await.and_then(|key| key.revoked);
        assert_eq!(revoked, Some(at(7)), "revoking says when");
        assert!(!self.revoke(&one, of_one.id, 9).await, "once");
        let revoked = self.find(of_one.id).await.and_then(|key| key.revoked);
        assert_eq!(revoked, Some(at(7)), "the first time stays");
    }

    async fn a_use_is_noted_and_makes_nothing(&self) {
        let subject = subject();
        let key = key(&subject);
        assert!(!self.note(key.id, 1).await, "a use makes no key");
        assert_eq!(self.find(key.id).await, None, "a use makes no key");
        self.add(&key).await;
        for (now, last) in [(5, 5), (9, 9), (7, 9)] {
            assert!(
                self.note(key.id, now).await,
                "use_key says that it is there"
            );
            let used = self.find(key.id).await.and_then(|key| key.last_used);
            assert_eq!(used, Some(at(last)), "the last use does not go back");
        }
    }

    async fn a_rotated_key_ends_after_the_overlap(&self) {
        let rule = "a rotated key ends after the overlap, or sooner if it would have";
        for (expires, expected) in [(None, 60), (Some(100), 60), (Some(30), 30)] {
            let subject = subject();
            let old = ApiKey {
                expires: expires.map(at),
                ..key(&subject)
            };
            let new = ApiKey {
                issued: at(10),
                ..key(&subject)
            };
            self.add(&old).await;
            assert!(self.rotate(old.id, &new, 10, 60).await, "{rule}");
            let found = self.find(old.id).await.and_then(|key| key.expires);
            assert_eq!(found, Some(at(expected)), "{rule}");
            assert_eq!(self.find(new.id).await, Some(new), "{rule}");
        }
    }

    async fn what_has_ended_is_not_rotated(&self) {
        let rule = "what has ended, or never was, is not rotated";
        let subject = subject();
        let expired = ApiKey {
            expires: Some(at(10)),
            ..key(&subject)
        };
        let revoked = key(&subject);
        self.add(&expired).await;
        self.add(&revoked).await;
        assert!(self.revoke(&subject, revoked.id, 5).await);
        let new = key(&subject);
        for old in [expired.id, revoked.id, ApiKeyId::from_bytes(random())] {
            assert!(!self.rotate(old, &new, 10, 20).await, "{rule}");
        }
        assert_eq!(self.find(new.id).await, None, "{rule}");
        assert!(
            self.rotate(expired.id, &new, 9, 20).await,
            "a moment before"
        );
    }

    async fn what_ended_long_ago_is_forgotten(&self) {
        if S::FORGETS_BY_ITSELF {
            return;
        }
        let rule = "what ended before that is forgotten, and nothing else";
        let (subject, other) = (subject(), subject());
        let ended = |subject: &str, expires: Option<u64>, revoked: Option<u64>| ApiKey {
            expires: expires.map(at),
            revoked: revoked.map(at),
            ..key(subject)
        };
        let gone = [
            ended(&subject, Some(9), None),
            ended(&subject, Some(900), Some(9)),
        ];
        let kept = [
            ended(&subject, None, None),
            ended(&subject, Some(10), None),
            ended(&subject, None, Some(10)),
            ended(&other, Some(1), Some(1)),
        ];
        for key in gone.iter().chain(&kept) {
            self.add(key).await;
        }
        let forgotten = self.0.forget_keys(&subject, at(10)).await;
        assert_eq!(forgotten.expect("forget_keys"), 2, "{rule}");
        for key in &gone {
            assert_eq!(self.find(key.id).await, None, "{rule}");
        }
        for key in &kept {
            assert!(self.find(key.id).await.is_some(), "{rule}");
        }
    }
}

async fn of_many_that_revoke_at_one_instant_one_did<S: ApiKeyStore>(handles: &[Arc<S>]) {
    for _ in 0..10 {
        let subject = subject();
        let old = key(&subject);
        Of(&*handles[0]).add(&old).await;
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..8 {
            let store = Arc::clone(&handles[number % handles.len()]);
            let (subject, id) = (subject.clone(), old.id);
            tasks.spawn(async move { Of(&*store).revoke(&subject, id, 1).await });
        }
        let revoked = tasks.join_all().await;
        let first = revoked.iter().filter(|revoked| **revoked).count();
        assert_eq!(first, 1, "of many that revoke at one instant, one did");
    }
}
