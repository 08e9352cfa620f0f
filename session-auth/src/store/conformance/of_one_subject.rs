//! What holds for a subject with many sessions, with renewed ones, and of an odd name.

use super::{END, LATER, NOW, find, insert, random, session, subject};
use crate::clock::Timestamp;
use crate::session_id::SessionId;
use crate::store::error::StoreError;
use crate::store::session_store::{Generation, MAX_LISTED, SessionStore, StoredSession};

pub(super) async fn of_too_many_sessions_the_ones_used_last_stay<S: SessionStore>(store: &S) {
    let subject = subject();
    let nobody = SessionId::from_bytes([0; 16]);
    let trim = async |most| store.trim(&subject, nobody, most, NOW).await.expect("trim");
    assert_eq!(trim(1).await, 0, "trim: of none, none is too many");
    let mut sessions = Vec::new();
    for _ in 0..6 {
        let session = session(&subject);
        insert(store, &session).await;
        sessions.push(session);
    }
    assert_eq!(
        trim(6).await,
        0,
        "trim: as many as allowed are not too many"
    );
    // The one added first is the one used last.
    let seen = Timestamp::from_secs(NOW.as_secs() + 1);
    let touched = store.touch(&subject, sessions[0].id, seen, LATER).await;
    assert!(touched.expect("touch"));
    assert_eq!(trim(3).await, 3, "trim says how many it ended");
    let mut there = Vec::new();
    for session in &sessions {
        there.push(find(store, session).await.is_some());
    }
    // As provided, the trait knows no order of those that were used in one second.
    assert!(there[0], "trim: the one used last stays");
    let left = there.iter().filter(|there| **there).count();
    assert_eq!(left, 3, "trim: as many stay as was said");
    assert_eq!(trim(3).await, 0, "trim: and no more are ended");
    // One that a clock behind the others' has issued, and one that is over by that clock.
    let early = StoredSession {
        last_seen: Timestamp::from_secs(NOW.as_secs() - 60),
        ..session(&subject)
    };
    let over = StoredSession {
        last_seen: seen,
        idle_deadline: NOW,
        ..session(&subject)
    };
    for session in [&early, &over] {
        insert(store, session).await;
    }
    let kept = store.trim(&subject, early.id, 4, NOW).await;
    assert_eq!(kept.expect("trim"), 1);
    assert!(
        find(store, &early).await.is_some(),
        "trim: it is to be kept"
    );
    assert!(
        find(store, &over).await.is_none(),
        "trim: one that is over goes before any that is live"
    );
    let generation = store.generation(&subject).await.expect("generation");
    assert_eq!(
        generation,
        Generation::default(),
        "trim is no revocation of all"
    );
}

pub(super) async fn very_many_sessions_are_listed_in_part_and_ended_at_once<S: SessionStore>(
    store: &S,
) {
    let subject = subject();
    for number in 0..u64::from(MAX_LISTED) + 5 {
        let session = StoredSession {
            last_seen: Timestamp::from_secs(NOW.as_secs() + number),
            ..session(&subject)
        };
        insert(store, &session).await;
    }
    let list = store.list(&subject, NOW).await.expect("list");
    assert_eq!(list.len(), MAX_LISTED as usize, "list has a limit");
    let last = NOW.as_secs() + u64::from(MAX_LISTED) + 4;
    assert_eq!(
        list[0].last_seen.as_secs(),
        last,
        "list: within its limit, the ones used last"
    );
    let ended = store.revoke_all(&subject, Some(list[0].id), NOW).await;
    assert_eq!(
        ended.expect("revoke_all"),
        u64::from(MAX_LISTED) + 4,
        "revoke_all ends more than are listed"
    );
    let list = store.list(&subject, NOW).await.expect("list");
    assert_eq!(list.len(), 1, "revoke_all spares one");
}

pub(super) async fn an_id_of_before_a_renewal_is_remembered_for_as_long_as_it_was_said<
    S: SessionStore,
>(
    store: &S,
) {
    let (subject, other) = (subject(), subject());
    let until = Timestamp::from_secs(NOW.as_secs() + 10);
    let was = async |old: &StoredSession, now: u64| {
        let now = Timestamp::from_secs(NOW.as_secs() + now);
        let was = store.was_renewed(&subject, old.id, now).await;
        was.expect("was_renewed")
    };
    let renew = async |old: &StoredSession| {
        let new = session(&subject);
        let renewed = store.renew(old.id, &new, until).await.expect("renew");
        assert!(renewed, "renew: the old one was there");
        assert_eq!(find(store, old).await, None, "renew: the old one is gone");
        assert_eq!(
            find(store, &new).await.as_ref(),
            Some(&new),
            "renew: the new one is there"
        );
        new
    };
    let first = session(&subject);
    insert(store, &first).await;
    assert!(!was(&first, 0).await, "was_renewed: not while it is there");
    let second = renew(&first).await;
    if !was(&first, 9).await {
        // As provided: nothing is remembered, so nothing more can be asked of it.
        return;
    }
    assert!(!was(&first, 10).await, "was_renewed: not for longer");
    assert!(!was(&second, 0).await, "was_renewed: not the new one");
    let elsewhere = store.was_renewed(&other, first.id, NOW).await;
    assert!(
        !elsewhere.expect("was_renewed"),
        "was_renewed: not under another subject"
    );
    // The old id is no session: nothing makes it one.
    let touched = store.touch(&subject, first.id, LATER, END).await;
    assert!(!touched.expect("touch"), "touch: not an id of before");
    let again = store.renew(first.id, &session(&subject), until).await;
    assert!(!again.expect("renew"), "renew: not an id of before");
    let list = store.list(&subject, NOW).await.expect("list");
    assert_eq!(
        list,
        std::slice::from_ref(&second),
        "list: it is one session"
    );

    let spared = store.revoke_all(&subject, Some(first.id), NOW).await;
    assert_eq!(
        spared.expect("revoke_all"),
        0,
        "revoke_all spares the session that had this id"
    );
    assert!(was(&first, 9).await, "and it had it still");
    let third = renew(&second).await;
    for old in [&first, &second] {
        assert!(was(old, 9).await, "was_renewed: however often");
        assert!(!was(old, 10).await, "was_renewed: each for so long");
    }
    let spared = store.revoke_all(&subject, Some(first.id), NOW).await;
    assert_eq!(spared.expect("revoke_all"), 0, "revoke_all spares it still");
    assert!(was(&first, 9).await && was(&second, 9).await);
    let revoked = store.revoke(&subject, first.id).await.expect("revoke");
    assert!(revoked, "revoke: the session that had this id");
    assert_eq!(find(store, &third).await, None, "revoke: it is gone");
    for old in [&first, &second] {
        assert!(!was(old, 0).await, "was_renewed: not once it has ended");
    }
    // What is remembered for no longer goes with the next renewal.
    let passing = session(&subject);
    insert(store, &passing).await;
    let new = session(&subject);
    let short = store.renew(passing.id, &new, NOW).await;
    assert!(short.expect("renew"));
    let newer = renew(&new).await;
    assert!(!was(&passing, 0).await, "was_renewed: for no time at all");
    assert!(was(&new, 9).await);
    assert!(store.revoke(&subject, newer.id).await.expect("revoke"));

    let fourth = session(&subject);
    insert(store, &fourth).await;
    renew(&fourth).await;
    let ended = store.revoke_all(&subject, None, NOW).await;
    assert_eq!(ended.expect("revoke_all"), 1, "revoke_all counts it once");
    assert!(
        !was(&fourth, 0).await,
        "was_renewed: not once all have ended"
    );
}

pub(super) async fn deadlines_come_in_the_order_of_the_question<S: SessionStore>(store: &S) {
    let subjects = [subject(), subject()];
    let mut asked = Vec::new();
    let mut expected = Vec::new();
    for number in 0..7_u64 {
        let subject = &subjects[(number % 2) as usize];
        let session = StoredSession {
            idle_deadline: Timestamp::from_secs(LATER.as_secs() + number),
            ..session(subject)
        };
        if number % 3 != 2 {
            insert(store, &session).await;
        }
        asked.push((subject.clone(), session.id));
        expected.push((number % 3 != 2).then_some(session.idle_deadline));
    }
    let strange = (subjects[1].clone(), asked[0].1);
    asked.push(strange);
    expected.push(None);
    let deadlines = store.deadlines(&asked).await.expect("deadlines");
    assert_eq!(
        deadlines, expected,
        "deadlines: one for each question, none where there is no such session"
    );
    let none = store.deadlines(&[]).await.expect("deadlines");
    assert_eq!(none, [], "deadlines: of nothing, nothing");
}

/// What the layer does not let in may come all the same. One question's text is not the store's fault.
pub(super) async fn no_text_is_an_outage<S: SessionStore>(store: &S) {
    let fine = |error: StoreError| assert!(!error.is_unavailable(), "a text is no outage: {error}");
    for text in ["a\0b", "\u{1}", "a\nb", "", &"x".repeat(5_000)] {
        let strange = format!("{text}{}", subject());
        let mut texts = vec![StoredSession {
            label: Some(text.to_owned()),
            ..session(&subject())
        }];
        texts.push(session(&strange));
        for session in texts {
            match store.insert(&session, Generation::default()).await {
                Err(error) => fine(error),
                Ok(added) => {
                    assert!(added, "insert: it is added, or an error says why not");
                    let found = find(store, &session).await;
                    assert_eq!(found.as_ref(), Some(&session), "find: whatever its text");
                    store
                        .revoke(&session.subject, session.id)
                        .await
                        .expect("revoke");
                }
            }
        }
        let id = SessionId::from_bytes(random());
        let _ = store.generation(&strange).await.map_err(fine);
        let _ = store.find(&strange, id).await.map_err(fine);
        let _ = store.touch(&strange, id, NOW, LATER).await.map_err(fine);
        let _ = store.list(&strange, NOW).await.map_err(fine);
        let _ = store.trim(&strange, id, 1, NOW).await.map_err(fine);
        let _ = store.was_renewed(&strange, id, NOW).await.map_err(fine);
        let _ = store.revoke(&strange, id).await.map_err(fine);
        let _ = store.revoke_all(&strange, None, NOW).await.map_err(fine);
    }
}
