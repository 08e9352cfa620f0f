//! Holds a [`SessionStore`], a [`ReplayStore`](super::ReplayStore) or an
//! [`ApiKeyStore`](super::ApiKeyStore) to what the trait says of it: for the tests of a store.
//!
//! ```
//! use std::sync::Arc;
//!
//! use session_auth::store::{MemoryStore, conformance};
//!
//! # tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
//! let store = Arc::new(MemoryStore::new());
//! conformance::check(&[store]).await;
//! # });
//! # Ok::<_, std::io::Error>(())
//! ```

mod api_keys;
mod of_one_subject;
mod replays;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub use self::api_keys::check as check_api_keys;
pub use self::replays::check as check_replays;
use super::session_store::{Generation, SessionStore, StoredSession};
use crate::clock::Timestamp;
use crate::session_id::SessionId;

/// A time for the sessions of these checks: long past, so that deleting the expired ones finds
/// nobody else's.
const NOW: Timestamp = Timestamp::from_secs(1_000_000);
const LATER: Timestamp = Timestamp::from_secs(1_003_600);
const END: Timestamp = Timestamp::from_secs(1_086_400);

/// Runs every check, on several handles of one store if there are several: two pools of one
/// database, for instance, as two processes would have.
///
/// The store need not be empty, but nothing else may use it meanwhile. Takes a few seconds.
///
/// # Panics
///
/// Where the store does otherwise than [`SessionStore`] says; the message names the rule. Also where
/// there is no handle, an operation fails, or it is not run by tokio's runtime.
pub async fn check<S: SessionStore>(handles: &[Arc<S>]) {
    let store = &**handles.first().expect("a handle of the store");
    every_field_comes_back(store).await;
    a_session_is_its_subjects_alone(store).await;
    touching_moves_times_forward_and_makes_nothing(store).await;
    replacing_takes_the_old_and_gives_the_new(store).await;
    revoking_ends_one_or_others_or_all(store).await;
    a_generation_that_has_passed_adds_nothing(store).await;
    the_list_has_the_live_ones_last_used_first(store).await;
    of_one_subject::of_too_many_sessions_the_ones_used_last_stay(store).await;
    of_one_subject::very_many_sessions_are_listed_in_part_and_ended_at_once(store).await;
    of_one_subject::an_id_of_before_a_renewal_is_remembered_for_as_long_as_it_was_said(store).await;
    of_one_subject::deadlines_come_in_the_order_of_the_question(store).await;
    of_one_subject::no_text_is_an_outage(store).await;
    if S::FORGETS_BY_ITSELF {
        nothing_is_deleted_where_the_store_forgets_by_itself(store).await;
    } else {
        expired_ones_are_deleted_in_batches(store).await;
        a_revocation_is_remembered_for_longer_than_a_login_takes(store).await;
    }
    revoked_sessions_stay_revoked_whatever_happens_at_the_time(handles).await;
    no_login_survives_a_revocation_that_it_began_before(handles).await;
    of_two_that_replace_a_session_one_does(handles).await;
}

fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("randomness");
    bytes
}

/// Nobody else's subject.
fn subject() -> String {
    format!("conformance {:032x}", u128::from_be_bytes(random()))
}

fn session(subject: &str) -> StoredSession {
    StoredSession {
        id: SessionId::from_bytes(random()),
        subject: subject.to_owned(),
        label: None,
        issued: NOW,
        last_seen: NOW,
        idle_deadline: LATER,
        absolute_deadline: END,
    }
}

async fn insert<S: SessionStore>(store: &S, session: &StoredSession) {
    let generation = store
        .generation(&session.subject)
        .await
        .expect("generation");
    let added = store.insert(session, generation).await.expect("insert");
    assert!(
        added,
        "insert: a session of the present generation is added"
    );
}

async fn find<S: SessionStore>(store: &S, session: &StoredSession) -> Option<StoredSession> {
    store
        .find(&session.subject, session.id)
        .await
        .expect("find")
}

async fn every_field_comes_back<S: SessionStore>(store: &S) {
    let long = "ä".repeat(512 - 16);
    let odd = [
        "'; DROP TABLE sessions; --",
        "%_*?[a]",
        "a:b{c}d",
        "日本 \u{1f980}",
        " ",
        &long,
    ];
    for odd in odd {
        // Random as well, so that the check can be run again.
        let subject = format!("{odd}{:016x}", u128::from_be_bytes(random()) as u64);
        let session = StoredSession {
            label: (odd != " ").then(|| odd.chars().take(64).collect()),
            issued: Timestamp::from_secs(1),
            last_seen: Timestamp::from_secs(2),
            idle_deadline: Timestamp::from_secs(u64::from(u32::MAX) + 1),
            absolute_deadline: Timestamp::from_secs(i64::MAX as u64),
            ..session(&subject)
        };
        insert(store, &session).await;
        let found = find(store, &session).await;
        assert_eq!(
            found.as_ref(),
            Some(&session),
            "find: every field comes back"
        );
        store.revoke(&subject, session.id).await.expect("revoke");
    }
}

async fn a_session_is_its_subjects_alone<S: SessionStore>(store: &S) {
    let (mine, other) = (subject(), subject());
    let session = session(&mine);
    insert(store, &session).await;
    let found = store.find(&other, session.id).await.expect("find");
    assert_eq!(found, None, "find: not under another subject");
    let touched = store.touch(&other, session.id, LATER, END).await;
    assert!(!touched.expect("touch"), "touch: not under another subject");
    let revoked = store.revoke(&other, session.id).await.expect("revoke");
    assert!(!revoked, "revoke: not under another subject");
    let ended = store.revoke_all(&other, None, NOW).await;
    assert_eq!(
        ended.expect("revoke_all"),
        0,
        "revoke_all: not of another subject"
    );
    let stranger = StoredSession {
        subject: other.clone(),
        ..self::session(&other)
    };
    let replaced = store.replace(session.id, &stranger).await.expect("replace");
    assert!(!replaced, "replace: not a session of another subject");
    assert_eq!(
        find(store, &session).await,
        Some(session),
        "it is as it was"
    );
}

async fn touching_moves_times_forward_and_makes_nothing<S: SessionStore>(store: &S) {
    let subject = subject();
    let session = session(&subject);
    let touch = |seen: u64, deadline: u64| {
        let (seen, deadline) = (Timestamp::from_secs(seen), Timestamp::from_secs(deadline));
        let id = session.id;
        let subject = &subject;
        async move {
            store
                .touch(subject, id, seen, deadline)
                .await
                .expect("touch")
        }
    };
    assert!(!touch(1, 1).await, "touch: there is no such session");
    assert_eq!(find(store, &session).await, None, "touch makes no session");

    insert(store, &session).await;
    let (seen, deadline) = (NOW.as_secs() + 60, LATER.as_secs() + 60);
    assert!(touch(seen, deadline).await, "touch: there is one");
    // Late, out of order: from a machine whose clock is behind, or a request that took its time.
    assert!(touch(seen - 30, deadline - 30).await, "touch: there is one");
    let expected = StoredSession {
        last_seen: Timestamp::from_secs(seen),
        idle_deadline: Timestamp::from_secs(deadline),
        ..session.clone()
    };
    let found = find(store, &session).await;
    assert_eq!(found, Some(expected), "touch: no time goes back");
}

async fn replacing_takes_the_old_and_gives_the_new<S: SessionStore>(store: &S) {
    let subject = subject();
    let (old, new, third) = (session(&subject), session(&subject), session(&subject));
    insert(store, &old).await;
    let replaced = store.replace(old.id, &new).await.expect("replace");
    assert!(replaced, "replace: the old one was there");
    assert_eq!(
        find(store, &old).await,
        None,
        "replace: the old one is gone"
    );
    assert_eq!(
        find(store, &new).await,
        Some(new),
        "replace: the new one is there"
    );
    let replaced = store.replace(old.id, &third).await.expect("replace");
    assert!(!replaced, "replace: the old one is gone already");
    assert_eq!(
        find(store, &third).await,
        None,
        "replace: nothing is added then"
    );
}

async fn revoking_ends_one_or_others_or_all<S: SessionStore>(store: &S) {
    let subject = subject();
    let sessions = [
        session(&subject),
        session(&subject),
        session(&subject),
        session(&subject),
    ];
    for session in &sessions {
        insert(store, session).await;
    }
    let there = async || {
        let mut there = [false; 4];
        for (there, session) in there.iter_mut().zip(&sessions) {
            *there = find(store, session).await.is_some();
        }
        there
    };
    let revoke = async |id| store.revoke(&subject, id).await.expect("revoke");
    assert!(revoke(sessions[0].id).await, "revoke: it was there");
    assert!(
        !revoke(sessions[0].id).await,
        "revoke: it was revoked already"
    );
    assert_eq!(there().await, [false, true, true, true], "revoke ends one");

    let others = store.revoke_all(&subject, Some(sessions[2].id), NOW).await;
    assert_eq!(
        others.expect("revoke_all"),
        2,
        "revoke_all says how many it ended"
    );
    assert_eq!(
        there().await,
        [false, false, true, false],
        "revoke_all spares one"
    );

    let all = store.revoke_all(&subject, None, NOW).await;
    assert_eq!(
        all.expect("revoke_all"),
        1,
        "revoke_all says how many it ended"
    );
    assert_eq!(there().await, [false; 4], "revoke_all ends all");
    let list = store.list(&subject, NOW).await.expect("list");
    assert_eq!(list, [], "revoked sessions are in no list");
}

async fn a_generation_that_has_passed_adds_nothing<S: SessionStore>(store: &S) {
    let subject = subject();
    let generation = async || store.generation(&subject).await.expect("generation");
    let before = generation().await;
    assert_eq!(
        before,
        Generation::default(),
        "generation: 0 before any revocation"
    );
    store
        .revoke_all(&subject, None, NOW)
        .await
        .expect("revoke_all");
    let between = generation().await;
    assert_ne!(between, before, "revoke_all raises the generation");
    let spared = Some(SessionId::from_bytes(random()));
    store
        .revoke_all(&subject, spared, NOW)
        .await
        .expect("revoke_all");
    assert_ne!(
        generation().await,
        between,
        "revoke_all raises it with an exception too"
    );

    let session = session(&subject);
    let added = store.insert(&session, before).await.expect("insert");
    assert!(!added, "insert: not of a generation that has passed");
    assert_eq!(
        find(store, &session).await,
        None,
        "insert: nothing is added then"
    );
    insert(store, &session).await;
}

async fn the_list_has_the_live_ones_last_used_first<S: SessionStore>(store: &S) {
    let subject = subject();
    let seen = |seconds: u64| StoredSession {
        last_seen: Timestamp::from_secs(NOW.as_secs() + seconds),
        label: Some(seconds.to_string()),
        ..session(&subject)
    };
    let (first, second, third) = (seen(10), seen(20), seen(30));
    let expired = StoredSession {
        idle_deadline: NOW,
        ..seen(40)
    };
    for session in [&second, &first, &expired, &third] {
        insert(store, session).await;
    }
    let list = store.list(&subject, NOW).await.expect("list");
    assert_eq!(
        list,
        [third, second, first],
        "list: the live ones, the one used last first"
    );
}

async fn nothing_is_deleted_where_the_store_forgets_by_itself<S: SessionStore>(store: &S) {
    let subject = subject();
    let expired = StoredSession {
        idle_deadline: NOW,
        ..session(&subject)
    };
    insert(store, &expired).await;
    let removed = store.remove_expired(LATER, 10).await;
    assert_eq!(
        removed.expect("remove_expired"),
        0,
        "remove_expired: nothing, as the store forgets by itself"
    );
    assert_eq!(
        find(store, &expired).await,
        Some(expired),
        "the store keeps a session for ten minutes past its deadline"
    );
}

async fn expired_ones_are_deleted_in_batches<S: SessionStore>(store: &S) {
    // Older than what the other checks leave behind.
    let at = Timestamp::from_secs;
    let subject = subject();
    let before = at(1_000);
    let remove = async |limit| {
        store
            .remove_expired(before, limit)
            .await
            .expect("remove_expired")
    };
    // From an earlier run that was cut short.
    while remove(1_000).await == 1_000 {}
    let with_deadline = |idle_deadline| StoredSession {
        idle_deadline,
        ..session(&subject)
    };
    let live = [with_deadline(at(1_000)), with_deadline(at(1_001))];
    for session in &live {
        insert(store, session).await;
    }
    for _ in 0..25 {
        insert(store, &with_deadline(at(999))).await;
    }
    assert_eq!(remove(10).await, 10, "remove_expired: as many as allowed");
    assert_eq!(remove(10).await, 10, "remove_expired: and again");
    assert_eq!(remove(10).await, 5, "remove_expired: what is left");
    assert_eq!(remove(10).await, 0, "remove_expired: nothing is left");
    for session in &live {
        let found = find(store, session).await;
        assert!(found.is_some(), "remove_expired: not before its deadline");
        store.revoke(&subject, session.id).await.expect("revoke");
    }
}

async fn a_revocation_is_remembered_for_longer_than_a_login_takes<S: SessionStore>(store: &S) {
    let subject = subject();
    let begun = store.generation(&subject).await.expect("generation");
    let at = |hours: u64| Timestamp::from_secs(2_000 + hours * 60 * 60);
    let revoked = store.revoke_all(&subject, None, at(0)).await;
    assert_eq!(
        revoked.expect("revoke_all"),
        0,
        "revoke_all: there was none"
    );
    let removed = store.remove_expired(at(23), 1_000).await;
    removed.expect("remove_expired");
    let added = store.insert(&session(&subject), begun).await;
    assert!(
        !added.expect("insert"),
        "remove_expired: no generation is forgotten before its day has passed"
    );
}

async fn revoked_sessions_stay_revoked_whatever_happens_at_the_time<S: SessionStore>(
    handles: &[Arc<S>],
) {
    for round in 0..8 {
        let subject = subject();
        let session = session(&subject);
        insert(&*handles[0], &session).await;
        let revoked = Arc::new(AtomicBool::new(false));
        let tasks: Vec<_> = (0..8)
            .map(|task| {
                let store = Arc::clone(&handles[task % handles.len()]);
                let (session, revoked) = (session.clone(), Arc::clone(&revoked));
                tokio::spawn(async move {
                    for step in 0..20 {
                        // Read before the question: what is revoked by then must not be found.
                        let gone = revoked.load(Ordering::SeqCst);
                        let (seen, deadline) = (
                            Timestamp::from_secs(NOW.as_secs() + step),
                            Timestamp::from_secs(LATER.as_secs() + step),
                        );
                        let touched = store.touch(&session.subject, session.id, seen, deadline);
                        let touched = touched.await.expect("touch");
                        let found = find(&*store, &session).await.is_some();
                        assert!(
                            !gone || !(touched || found),
                            "a session that was revoked is never accepted again"
                        );
                        assert!(
                            touched || !found,
                            "a session that is gone does not come back"
                        );
                    }
                })
            })
            .collect();
        for _ in 0..round {
            tokio::task::yield_now().await;
        }
        let store = &handles[round % handles.len()];
        assert!(store.revoke(&subject, session.id).await.expect("revoke"));
        revoked.store(true, Ordering::SeqCst);
        for task in tasks {
            task.await.expect("the checks of a task hold");
        }
        assert_eq!(find(&**store, &session).await, None);
    }
}

async fn no_login_survives_a_revocation_that_it_began_before<S: SessionStore>(handles: &[Arc<S>]) {
    for round in 0..8_usize {
        let subject = subject();
        let revoking = Arc::new(AtomicBool::new(false));
        let revoked = Arc::new(AtomicBool::new(false));
        let logins: Vec<_> = (0..16)
            .map(|task| {
                let store = Arc::clone(&handles[task % handles.len()]);
                let session = session(&subject);
                let (revoking, revoked) = (Arc::clone(&revoking), Arc::clone(&revoked));
                tokio::spawn(async move {
                    for _ in 0..task {
                        tokio::task::yield_now().await;
                    }
                    let after = revoked.load(Ordering::SeqCst);
                    let generation = store.generation(&session.subject).await;
                    let generation = generation.expect("generation");
                    let before = !revoking.load(Ordering::SeqCst);
                    let added = store.insert(&session, generation).await.expect("insert");
                    (session, added, before, after)
                })
            })
            .collect();
        for _ in 0..round {
            tokio::task::yield_now().await;
        }
        let store = &handles[round % handles.len()];
        revoking.store(true, Ordering::SeqCst);
        store
            .revoke_all(&subject, None, NOW)
            .await
            .expect("revoke_all");
        revoked.store(true, Ordering::SeqCst);
        for login in logins {
            let (session, added, before, after) = login.await.expect("a login does not panic");
            let found = find(&**store, &session).await.is_some();
            assert!(
                !(before && found),
                "no login survives a revoke_all that it began before"
            );
            assert!(
                !after || added && found,
                "a login that begins after a revoke_all is not lost"
            );
            assert!(!found || added, "insert said that nothing was added");
        }
    }
}

async fn of_two_that_replace_a_session_one_does<S: SessionStore>(handles: &[Arc<S>]) {
    for _ in 0..8 {
        let subject = subject();
        let old = session(&subject);
        insert(&*handles[0], &old).await;
        let tasks: Vec<_> = (0..4)
            .map(|task| {
                let store = Arc::clone(&handles[task % handles.len()]);
                let (new, old) = (session(&subject), old.id);
                tokio::spawn(async move { store.replace(old, &new).await.expect("replace") })
            })
            .collect();
        let mut replaced = 0;
        for task in tasks {
            replaced += usize::from(task.await.expect("replacing does not panic"));
        }
        assert_eq!(
            replaced, 1,
            "replace: of several at a time, one takes the old session's place"
        );
        let list = handles[0].list(&subject, NOW).await.expect("list");
        assert_eq!(list.len(), 1, "replace: and one session is there");
    }
}
