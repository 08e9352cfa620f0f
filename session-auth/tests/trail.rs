//! What a layer tells its sink.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::ask;
use common::clock::FakeClock;
use session_auth::authenticate::{ApiKeys, NewApiKey};
use session_auth::methods::{GET, POST};
use session_auth::store::MemoryStore;
use session_auth::trail::{AuditEvent, AuditSink};
use session_auth::webhook::Bearer;
use session_auth::{Keys, Router, SessionAuthLayer, Timestamp, public, session, webhook};

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<String>>>);

impl AuditSink for Kept {
    fn record(&self, _: Timestamp, event: AuditEvent) {
        self.0
            .lock()
            .unwrap()
            .push(serde_json::to_string(&event).unwrap());
    }
}

impl Kept {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

#[tokio::test]
async fn it_is_told_what_happens_and_no_secret() {
    let (kept, clock) = (Kept::default(), FakeClock::new());
    let keys = Keys::random().unwrap();
    let auth = SessionAuthLayer::builder(keys.clone())
        .verifier("edge", Bearer::new("edge-token"))
        .store(MemoryStore::new())
        .audit(kept.clone())
        .clock(clock.clock())
        .build()
        .unwrap();
    let router = Router::new()
        .mount(public(GET, "/", "the start").to(|| async {}))
        .mount(session(GET, "/me").to(|| async {}))
        .mount(webhook(POST, "/edge", "edge").to(|| async {}));
    let app = common::protect(&auth, router).unwrap();
    let start = kept.take();
    assert!(
        start[0].starts_with(r#"{"event":"start","mode":"enforce","#),
        "{start:?}"
    );
    assert!(
        start[0].ends_with(r#""lock":null,"routes":3}"#),
        "{start:?}"
    );

    let sessions = auth.sessions();
    sessions.login_failed("bob");
    let issued = sessions.issue("ada").await.unwrap();
    let token = issued.bearer_token().to_owned();
    sessions.revoke_id("ada", issued.id()).await.unwrap();
    // There is none any more.
    sessions.revoke_id("ada", issued.id()).await.unwrap();
    sessions.revoke_all("ada").await.unwrap();
    let told = kept.take();
    let expected = [
        r#"{"event":"login_failed","subject":"bob"}"#,
        r#"{"event":"login","subject":"ada"}"#,
        r#"{"event":"revoke","subject":"ada","sessions":1}"#,
        r#"{"event":"revoke","subject":"ada","sessions":0}"#,
    ];
    assert_eq!(told, expected);
    assert!(!told.concat().contains(&token));

    // Refusals are summed up; those of session routes are the ordinary case.
    auth.__tick().await;
    for _ in 0..3 {
        ask(&app, "POST", "/edge", "Authorization: Bearer wrong").await;
        ask(&app, "GET", "/me", "").await;
    }
    auth.__tick().await;
    auth.__tick().await;
    let refused =
        r#"{"event":"refused","route":"POST /edge","reason":"signature_invalid","requests":3}"#;
    assert_eq!(kept.take(), [refused]);

    clock.advance(Duration::from_secs(600));
    auth.__tick().await;
    ask(&app, "POST", "/edge", "Authorization: Bearer edge-token").await;
    auth.__tick().await;
    let alarms = [
        r#"{"event":"alarm","route":"POST /edge","rule":"refused","over":false}"#,
        r#"{"event":"alarm","route":"POST /edge","rule":"refused","over":true}"#,
    ];
    assert_eq!(kept.take(), alarms);

    let old = keys.uses()[0].key.clone();
    keys.rotate(&Keys::random().unwrap());
    auth.__tick().await;
    let told = kept.take();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with(r#"{"event":"rotation","keys":[""#) && !told[0].contains(&old));
}

/// Whichever clone does it: the handlers have one, and the layer another.
#[tokio::test]
async fn it_is_told_of_api_keys_by_their_ids() {
    let (kept, clock) = (Kept::default(), FakeClock::new());
    let keys = ApiKeys::new("acme_test", MemoryStore::new()).clock(clock.clock());
    let unheard = keys.issue(NewApiKey::of("eve")).await.unwrap();
    let layer = || {
        SessionAuthLayer::builder(Keys::random().unwrap())
            .authenticator("api", keys.clone())
            .audit(kept.clone())
            .build()
            .unwrap()
    };
    let auth = layer();
    assert_eq!(kept.take().len(), 0);
    let new = NewApiKey::of("ada").label("nightly").scopes(["export"]);
    let issued = keys.issue(new).await.unwrap();
    let id = issued.key().id;
    let event =
        format!(r#"{{"event":"api_key_issued","subject":"ada","key":"{id}","scopes":["export"]}}"#);
    assert_eq!(kept.take(), [event]);
    let again = keys.rotate("ada", id, Duration::ZERO).await.unwrap();
    let by = again.key().id;
    let event =
        format!(r#"{{"event":"api_key_rotated","subject":"ada","key":"{id}","by":"{by}"}}"#);
    assert_eq!(kept.take(), [event]);
    assert!(keys.revoke("ada", by).await.unwrap());
    let event = format!(r#"{{"event":"api_key_revoked","subject":"ada","key":"{by}"}}"#);
    assert_eq!(kept.take(), [event]);
    // What did not happen is not told: of another's key, of one that has ended, of one that is none.
    assert!(keys.rotate("eve", by, Duration::ZERO).await.is_err());
    assert!(keys.rotate("ada", by, Duration::ZERO).await.is_err());
    assert!(!keys.revoke("ada", by).await.unwrap());
    assert!(!keys.revoke("ada", unheard.key().id).await.unwrap());
    assert!(keys.issue(NewApiKey::of("")).await.is_err());
    assert_eq!(kept.take().len(), 0);
    // Nothing of a secret, and each layer's sink hears of it.
    let other = layer();
    let text = keys.issue(NewApiKey::of("ada")).await.unwrap();
    let told = kept.take();
    assert_eq!(told.len(), 2);
    assert!(!told.concat().contains(&text.reveal()[10..]), "{told:?}");
    drop((auth, other));
}
