use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use session_auth::authenticate::{ApiKeys, NewApiKey};
use session_auth::store::{
    Claim, Generation, RedisStore, ReplayStore, SessionStore, StoredSession, conformance,
};
use session_auth::{SessionId, Timestamp};
use test_servers::Redis;

use crate::other_process::{Anywhere, OtherProcess};
use crate::{common, deliveries};

const SUBJECT: &str = "ada";
/// The SHA-256 of the subject.
const HASH: &str = "fdee430d40bd57deeac186cd9790033d0f06f909a8806e7ce6e717ab7c7d5029";

async fn connect(redis: &Redis) -> RedisStore {
    RedisStore::connect(&redis.url()).await.unwrap()
}

/// A connection past the store.
async fn raw(redis: &Redis) -> MultiplexedConnection {
    let client = redis::Client::open(redis.url()).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}

fn id(number: u8) -> SessionId {
    SessionId::from_bytes([number; 16])
}

fn stored(number: u8) -> StoredSession {
    StoredSession {
        id: id(number),
        subject: SUBJECT.to_owned(),
        label: Some("a browser".to_owned()),
        issued: Timestamp::from_secs(1_000),
        last_seen: Timestamp::from_secs(1_000),
        idle_deadline: Timestamp::from_secs(2_000),
        absolute_deadline: Timestamp::from_secs(3_000),
    }
}

async fn insert(store: &RedisStore, session: &StoredSession) {
    assert!(store.insert(session, Generation::default()).await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conformance_over_two_connections() {
    let Some(redis) = Redis::start() else { return };
    let stores = [
        Arc::new(connect(&redis).await),
        Arc::new(connect(&redis).await.prefix("session-auth:")),
    ];
    conformance::check(&stores).await;
    conformance::check_replays(&stores).await;
    conformance::check_api_keys(&stores).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_handle_a_delivery_once() {
    let Some(redis) = Redis::start() else { return };
    deliveries::are_handled_once([connect(&redis).await, connect(&redis).await]).await;
}

/// A node in cluster mode refuses whatever is not in one slot, also where all slots are its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conformance_in_cluster_mode() {
    let Some(redis) = Redis::start_with(&["--cluster-enabled", "yes"]) else {
        return;
    };
    let mut raw = raw(&redis).await;
    let mut slots = redis::cmd("CLUSTER");
    slots.arg("ADDSLOTSRANGE").arg(0).arg(16_383);
    slots.exec_async(&mut raw).await.unwrap();
    let start = Instant::now();
    loop {
        let info: String = redis::cmd("CLUSTER")
            .arg("INFO")
            .query_async(&mut raw)
            .await
            .unwrap();
        if info.contains("cluster_state:ok") {
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{info}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let across: Result<(), _> = raw.mset(&[("a", 1), ("b", 2)]).await;
    let error = across.unwrap_err().to_string();
    assert!(error.contains("slot"), "it refuses two slots: {error}");
    let store = Arc::new(connect(&redis).await);
    conformance::check(&[Arc::clone(&store)]).await;
    conformance::check_replays(&[Arc::clone(&store)]).await;
    conformance::check_api_keys(&[store]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conformance_of_two_processes() {
    let Some(redis) = Redis::start() else { return };
    let there = OtherProcess::start("redis", &redis.url());
    let handles = [
        Arc::new(Anywhere::Here(connect(&redis).await)),
        Arc::new(Anywhere::There(there)),
    ];
    conformance::check(&handles).await;
}

#[tokio::test]
async fn a_delivery_has_a_key_that_expires_with_its_claim_or_its_time() {
    let Some(redis) = Redis::start() else { return };
    let store = connect(&redis).await;
    let mut raw = raw(&redis).await;
    let [now, until, later] = [0, 300, 86_400].map(Timestamp::from_secs);
    let claimed = store.claim([0xab; 32], 7, now, until).await.unwrap();
    assert_eq!(claimed, Claim::Taken);
    let key = format!("session-auth:delivery:{}", "ab".repeat(32));
    let left: i64 = raw.ttl(&key).await.unwrap();
    assert!((299..=300).contains(&left), "{left}");
    store.confirm([0xab; 32], now, later).await.unwrap();
    let left: i64 = raw.ttl(&key).await.unwrap();
    assert!((86_399..=86_400).contains(&left), "{left}");
    // For longer than Redis can count.
    let never = Timestamp::from_secs(u64::MAX);
    store.confirm([0xab; 32], now, never).await.unwrap();
    let claimed = store.claim([0xab; 32], 7, now, never).await.unwrap();
    assert_eq!(claimed, Claim::Done);
}

#[tokio::test]
async fn keys_are_named_as_documented_and_expire() {
    let Some(redis) = Redis::start() else { return };
    let store = connect(&redis).await.prefix("myapp:");
    let mut raw = raw(&redis).await;
    insert(&store, &stored(1)).await;
    let key = format!("myapp:{HASH}");
    let keys: Vec<String> = raw.keys("*").await.unwrap();
    assert_eq!(keys, std::slice::from_ref(&key));
    let mut fields: Vec<String> = raw.hkeys(&key).await.unwrap();
    fields.sort();
    assert_eq!(fields, [id(1).to_string().as_str(), "added", "subject"]);

    // 1,000 s of its idle timeout and ten minutes, from now on: not from 1970 on.
    let beside = raw.clone();
    let ttl = async || beside.clone().ttl::<_, i64>(&key).await.unwrap();
    assert!((1_590..=1_600).contains(&ttl().await));
    // Use prolongs it; and a late note of an earlier use does not shorten it.
    let touch = async |seen, deadline| {
        let (seen, deadline) = (Timestamp::from_secs(seen), Timestamp::from_secs(deadline));
        assert!(store.touch(SUBJECT, id(1), seen, deadline).await.unwrap());
    };
    touch(1_500, 6_500).await;
    assert!((5_590..=5_600).contains(&ttl().await));
    touch(1_200, 2_000).await;
    assert!((5_590..=5_600).contains(&ttl().await));

    // The generation is kept for a day.
    let all = async |except| {
        let now = Timestamp::from_secs(1_000);
        store.revoke_all(SUBJECT, except, now).await.unwrap()
    };
    assert_eq!(all(Some(id(1))).await, 0);
    assert!((86_390..=86_400).contains(&ttl().await));
    assert_eq!(store.find(SUBJECT, id(1)).await.unwrap().unwrap().id, id(1));
    assert_eq!(all(None).await, 1);
    let mut fields: Vec<String> = raw.hkeys(&key).await.unwrap();
    fields.sort();
    assert_eq!(fields, ["added", "generation", "subject"]);
    assert!((86_390..=86_400).contains(&ttl().await));
}

/// Nothing is evicted, so its memory may be full.
#[tokio::test]
async fn a_redis_that_is_full_keeps_sessions_and_ends_them() {
    let Some(redis) = Redis::start() else { return };
    let (store, mut raw) = (connect(&redis).await, raw(&redis).await);
    for number in 1..4 {
        insert(&store, &stored(number)).await;
    }
    let keys = ApiKeys::new("acme_live", store.clone());
    let key = keys.issue(NewApiKey::of(SUBJECT)).await.unwrap();
    let mut full = redis::cmd("CONFIG");
    full.arg("SET").arg("maxmemory").arg(1);
    full.exec_async(&mut raw).await.unwrap();

    let error = store.insert(&stored(4), Generation::default()).await;
    assert!(error.is_err_and(|error| error.is_unavailable()));
    let later = Timestamp::from_secs(1_500);
    for deadline in [3_000, 2_000] {
        let deadline = Timestamp::from_secs(deadline);
        let touched = store.touch(SUBJECT, id(1), later, deadline).await;
        assert!(touched.unwrap());
    }
    let found = store.find(SUBJECT, id(1)).await.unwrap().unwrap();
    assert_eq!(found.last_seen, later);
    assert!(store.renew(id(2), &stored(5), later).await.unwrap());
    assert!(store.revoke(SUBJECT, id(5)).await.unwrap());
    assert_eq!(store.revoke_all(SUBJECT, None, later).await.unwrap(), 2);
    assert!(keys.revoke(SUBJECT, key.key().id).await.unwrap());
}

/// Whoever renews a session again and again, keeps Redis from nobody else.
#[tokio::test]
async fn the_ids_of_before_do_not_add_up() {
    let Some(redis) = Redis::start() else { return };
    let mut raw = raw(&redis).await;
    for (prefix, apart, left) in [("fast:", 0, 100), ("slow:", 1, 10)] {
        let store = connect(&redis).await.prefix(prefix);
        let ids = common::renew_often(&store, 300, apart).await;
        let fields: usize = raw.hlen(format!("{prefix}{HASH}")).await.unwrap();
        assert_eq!(
            fields,
            left + 3,
            "the session, its subject and how many there were"
        );
        let last = &ids[ids.len() - 11..ids.len() - 1];
        assert_eq!(common::of_before(&store, last).await, 10, "the latest");
        // And with the next login those go that are remembered no longer.
        let later = Timestamp::from_secs(common::NOW.as_secs() + 1_000);
        insert(&store, &stored(1)).await;
        assert_eq!(store.trim("ada", id(1), 100, later).await.unwrap(), 0);
        let fields: usize = raw.hlen(format!("{prefix}{HASH}")).await.unwrap();
        assert_eq!(
            fields, 4,
            "two sessions, whose they are and how many there were"
        );
        assert!(store.revoke("ada", *ids.last().unwrap()).await.unwrap());
    }
}

/// Of subjects that come and go, one for each build of a CI say, nothing stays.
#[tokio::test]
async fn the_set_of_a_subjects_api_keys_goes_with_the_last_of_them() {
    let Some(redis) = Redis::start() else { return };
    let (store, raw) = (connect(&redis).await, raw(&redis).await);
    let keys = ApiKeys::new("acme_live", store);
    let (hour, month) = (3_600, 30 * 86_400);
    let kept = async || -> i64 {
        let set = format!("session-auth:{{api-keys}}:of:{HASH}");
        raw.clone().ttl(set).await.unwrap()
    };
    let close = |kept: i64, expected: i64| (expected - 10..=expected + 10).contains(&kept);
    let lasting = |seconds| NewApiKey::of(SUBJECT).lasting(Duration::from_secs(seconds));
    let _ = keys.issue(lasting(hour)).await.unwrap();
    assert!(close(kept().await, month + 3_600));
    let _ = keys.issue(lasting(2 * hour)).await.unwrap();
    let _ = keys.issue(lasting(hour)).await.unwrap();
    assert!(close(kept().await, month + 2 * 3_600));
    let endless = keys.issue(NewApiKey::of(SUBJECT)).await.unwrap();
    let id = endless.key().id;
    assert_eq!(kept().await, -1);
    let _ = keys.issue(lasting(hour)).await.unwrap();
    assert_eq!(kept().await, -1);
    let rotated = keys.rotate(SUBJECT, id, Duration::ZERO).await.unwrap();
    assert_eq!(kept().await, -1);
    assert!(keys.revoke(SUBJECT, rotated.key().id).await.unwrap());
    assert!(close(kept().await, month + 2 * 3_600));
    assert_eq!(keys.list(SUBJECT).await.unwrap().len(), 6);
}

/// A revocation of all writes as much whether there are a few or many, and as Redis counts it.
#[tokio::test]
async fn a_revocation_of_all_is_as_many_writes_whatever_the_number() {
    let Some(redis) = Redis::start() else { return };
    let store = connect(&redis).await;
    let raw = raw(&redis).await;
    let writes = async || -> u64 {
        let mut info = redis::cmd("INFO");
        info.arg("persistence");
        let info: String = info.query_async(&mut raw.clone()).await.unwrap();
        let (_, rest) = info.split_once("rdb_changes_since_last_save:").unwrap();
        rest.split_whitespace().next().unwrap().parse().unwrap()
    };
    let now = Timestamp::from_secs(1_000);
    let mut written = Vec::new();
    for many in [2, 200] {
        let generation = store.generation(SUBJECT).await.unwrap();
        for number in 0..many {
            assert!(store.insert(&stored(number), generation).await.unwrap());
        }
        let before = writes().await;
        let ended = store.revoke_all(SUBJECT, Some(id(1)), now).await.unwrap();
        assert_eq!(ended, u64::from(many) - 1);
        written.push(writes().await - before);
        store.revoke_all(SUBJECT, None, now).await.unwrap();
    }
    // The hash is dropped, and written anew with four fields; and its time to live.
    assert_eq!(written, [6, 6]);
}

/// Scripts count in floating point, which is exact up to 2^53.
#[tokio::test]
async fn times_are_exact_to_the_last_second_there_is() {
    let Some(redis) = Redis::start() else { return };
    let store = connect(&redis).await;
    let far = StoredSession {
        idle_deadline: Timestamp::from_secs(u64::MAX - 1),
        absolute_deadline: Timestamp::from_secs(u64::MAX),
        ..stored(1)
    };
    insert(&store, &far).await;
    assert_eq!(store.find(SUBJECT, id(1)).await.unwrap(), Some(far.clone()));
    for (deadline, expected) in [
        (u64::MAX, u64::MAX),
        (u64::MAX - 1, u64::MAX),
        (9, u64::MAX),
    ] {
        let touch = store.touch(
            SUBJECT,
            id(1),
            far.last_seen,
            Timestamp::from_secs(deadline),
        );
        assert!(touch.await.unwrap());
        let found = store.find(SUBJECT, id(1)).await.unwrap().unwrap();
        assert_eq!(found.idle_deadline.as_secs(), expected);
    }
}

/// Sessions that nobody ended go with the next login, by Redis's own clock.
#[tokio::test]
async fn what_has_expired_is_taken_out() {
    let Some(redis) = Redis::start() else { return };
    let store = connect(&redis).await;
    let mut raw = raw(&redis).await;
    let key = format!("session-auth:{HASH}");
    for number in 0..50 {
        insert(&store, &stored(number)).await;
    }
    // As if their time had come a second ago.
    for number in 0..49 {
        let field = id(number).to_string();
        let row: String = raw.hget(&key, &field).await.unwrap();
        let mut words: Vec<_> = row.split(' ').map(str::to_owned).collect();
        let (now, _): (u64, u64) = redis::cmd("TIME").query_async(&mut raw).await.unwrap();
        words[6] = (now - 1).to_string();
        let _: () = raw.hset(&key, field, words.join(" ")).await.unwrap();
    }
    assert_eq!(
        store
            .trim(SUBJECT, id(49), 100, Timestamp::default())
            .await
            .unwrap(),
        0
    );
    let list = store.list(SUBJECT, Timestamp::default()).await.unwrap();
    assert_eq!(list, [stored(49)]);
}

/// Of sessions used in one second, the one added last stays longest.
#[tokio::test]
async fn the_oldest_goes_first() {
    let Some(redis) = Redis::start() else { return };
    let store = connect(&redis).await;
    for number in (0..50).rev() {
        insert(&store, &stored(number)).await;
    }
    assert_eq!(
        store
            .trim(SUBJECT, id(0), 3, Timestamp::default())
            .await
            .unwrap(),
        47
    );
    for number in 0..50 {
        let found = store.find(SUBJECT, id(number)).await.unwrap();
        assert_eq!(found.is_some(), number < 3, "{number}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_an_error_of_that_session_alone() {
    let Some(redis) = Redis::start() else { return };
    let store = connect(&redis).await;
    let mut raw = raw(&redis).await;
    let key = format!("session-auth:{HASH}");
    let field = id(1).to_string();
    let breakages: &[(&str, &[u8], bool)] = &[
        (
            "its version",
            b"2 1 1000 1000 2000 3000 4000 - a browser",
            false,
        ),
        ("its version", b"", false),
        ("its version", b"\xff", false),
        ("its number", b"1", false),
        ("its number", b"1 -1 1000 1000 2000 3000 4000 -", false),
        ("its last use", b"1 1 1000 +1 2000 3000 4000 -", false),
        ("its idle deadline", b"1 1 1000 1000", false),
        (
            "its idle deadline",
            b"1 1 1000 1000 99999999999999999999999 3000 4000 -",
            true,
        ),
        (
            "its absolute deadline",
            b"1 1 1000 1000 2000 soon 4000 -",
            false,
        ),
        ("it ends before", b"1 1 1000 1000 2000 3000 4000", false),
        ("not UTF-8", b"1 1 1000 1000 2000 3000 4000 - \xff", true),
    ];
    for (expected, row, touchable) in breakages {
        insert(&store, &stored(1)).await;
        insert(&store, &stored(2)).await;
        let _: () = raw.hset(&key, &field, row).await.unwrap();

        let error = store.find(SUBJECT, id(1)).await.unwrap_err();
        assert!(!error.is_unavailable(), "{expected}: {error}");
        assert!(error.to_string().contains(expected), "{expected}: {error}");
        let list = store.list(SUBJECT, Timestamp::from_secs(0)).await.unwrap();
        assert_eq!(list, [stored(2)], "{expected}: the list has the other");
        let asked = [1, 2].map(|number| (SUBJECT.to_owned(), id(number)));
        let deadlines = store.deadlines(&asked).await.unwrap();
        let expected_of = [Timestamp::default(), stored(2).idle_deadline].map(Some);
        assert_eq!(deadlines, expected_of, "{expected}: so have the streams");
        // A touch does not repair it by halves.
        let (seen, deadline) = (Timestamp::from_secs(1_001), Timestamp::from_secs(2_001));
        let touched = store.touch(SUBJECT, id(1), seen, deadline).await;
        match touched {
            Ok(touched) => assert!(touched && *touchable, "{expected}"),
            Err(error) => assert!(!touchable && !error.is_unavailable(), "{expected}: {error}"),
        }
        store
            .trim(SUBJECT, id(2), 10, Timestamp::default())
            .await
            .unwrap();
        // It can still be ended.
        assert!(store.revoke(SUBJECT, id(1)).await.unwrap());
    }
    insert(&store, &stored(1)).await;
    let _: () = raw.hset(&key, &field, "junk").await.unwrap();
    let now = Timestamp::from_secs(1_000);
    assert_eq!(store.revoke_all(SUBJECT, None, now).await.unwrap(), 2);

    // Nothing is half done.
    let _: () = raw.hset(&key, "generation", "many").await.unwrap();
    let error = store.generation(SUBJECT).await.unwrap_err();
    assert!(!error.is_unavailable(), "{error}");
    let error = store.revoke_all(SUBJECT, None, now).await.unwrap_err();
    assert!(!error.is_unavailable(), "{error}");
    let _: () = raw.del(&key).await.unwrap();
    let _: () = raw.set(&key, "junk").await.unwrap();
    let errors = [
        store.find(SUBJECT, id(1)).await.unwrap_err(),
        store.list(SUBJECT, now).await.unwrap_err(),
        store.touch(SUBJECT, id(1), now, now).await.unwrap_err(),
        store.renew(id(1), &stored(3), now).await.unwrap_err(),
        store.revoke(SUBJECT, id(1)).await.unwrap_err(),
        store
            .insert(&stored(3), Generation::default())
            .await
            .unwrap_err(),
    ];
    for error in errors {
        assert!(!error.is_unavailable(), "{error}");
    }
}

/// The ids of the connections there are.
async fn clients(raw: &MultiplexedConnection) -> Vec<String> {
    let mut list = redis::cmd("CLIENT");
    list.arg("LIST");
    let list: String = list.query_async(&mut raw.clone()).await.unwrap();
    let ids = list
        .lines()
        .map(|line| line.split(' ').next().unwrap().to_owned());
    ids.collect()
}

/// Where Redis as a whole is to blame.
#[tokio::test]
async fn a_redis_that_refuses_is_unavailable() {
    let Some(redis) = Redis::start() else { return };
    let raw = raw(&redis).await;
    let others = clients(&raw).await;
    let store = connect(&redis).await;
    insert(&store, &stored(1)).await;
    let mut ours = clients(&raw).await;
    ours.retain(|client| !others.contains(client));
    let ours = ours.pop().unwrap();
    let config = async |name: &str, value: &str| {
        let mut set = redis::cmd("CONFIG");
        set.arg("SET").arg(name).arg(value);
        set.exec_async(&mut raw.clone()).await.unwrap();
    };
    config("maxmemory", "1").await;
    let error = store
        .insert(&stored(2), Generation::default())
        .await
        .unwrap_err();
    assert!(
        error.is_unavailable() && error.to_string().contains("OOM"),
        "{error}"
    );
    assert!(
        store.revoke(SUBJECT, id(1)).await.unwrap(),
        "revoking takes no memory"
    );
    config("maxmemory", "0").await;
    insert(&store, &stored(1)).await;

    let replica = async |host: &str, port: &str| {
        let mut set = redis::cmd("REPLICAOF");
        set.arg(host).arg(port);
        set.exec_async(&mut raw.clone()).await.unwrap();
    };
    replica("127.0.0.1", "1").await;
    let error = store
        .insert(&stored(2), Generation::default())
        .await
        .unwrap_err();
    assert!(
        error.is_unavailable() && error.to_string().to_uppercase().contains("READONLY"),
        "{error}"
    );
    // The connection was closed, so that the next finds the primary.
    let start = Instant::now();
    while clients(&raw).await.contains(&ours) {
        assert!(
            start.elapsed() < Duration::from_secs(5),
            "{ours} is still there"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    replica("NO", "ONE").await;
    let start = Instant::now();
    while store
        .insert(&stored(2), Generation::default())
        .await
        .is_err()
    {
        assert!(start.elapsed() < Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn errors_and_debug_have_no_password() {
    crate::choose_cryptography();
    let mut texts = Vec::new();
    for url in [
        "redis://user:hunter2@127.0.0.1:1/",
        "redis://user:hunter2@127.0.0.1:99999/",
        "redis://user:hunter2@/",
        "redis://user:hunter2@127.0.0.1/nine",
        "redis://user:hunter2@127.0.0.1/?protocol=hunter2",
        "rediss://user:hunter2@127.0.0.1:1/",
        "http://user:hunter2@127.0.0.1/",
        "user:hunter2@127.0.0.1",
        "unix:///nowhere/redis.sock?pass=hunter2",
    ] {
        let error = RedisStore::connect(url).await.unwrap_err();
        assert!(error.is_unavailable(), "{url}: {error}");
        texts.push(format!("{error} {error:?}"));
    }
    if let Some(redis) = Redis::start_with(&["--requirepass", "secret"]) {
        let url = |password: &str| {
            redis
                .url()
                .replace("redis://", &format!("redis://:{password}@"))
        };
        let error = RedisStore::connect(&url("hunter2")).await.unwrap_err();
        texts.push(format!("{error} {error:?}"));
        let error = connect_without_password(&redis).await;
        assert!(
            error.contains("NOAUTH") || error.contains("uthentication"),
            "{error}"
        );
        let store = RedisStore::connect(&url("secret")).await.unwrap();
        insert(&store, &stored(1)).await;
        let debug = format!("{store:?}");
        assert!(!debug.contains("secret"), "{debug}");
    }
    for text in texts {
        assert!(!text.contains("hunter2"), "{text}");
    }
}

async fn connect_without_password(redis: &Redis) -> String {
    match RedisStore::connect(&redis.url()).await {
        Err(error) => error.to_string(),
        Ok(store) => store.generation(SUBJECT).await.unwrap_err().to_string(),
    }
}

/// A caller that gives up half way leaves the connection in order: answers still go to whom they are
/// for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_question_does_not_mix_up_answers() {
    let Some(redis) = Redis::start() else { return };
    let store = connect(&redis).await;
    for number in 0..20 {
        insert(&store, &stored(number)).await;
    }
    let mut dropped = 0;
    for round in 0..400_u16 {
        let number = (round % 20) as u8;
        let mut find = Box::pin(store.find(SUBJECT, id(number)));
        // Dropped before it is sent, while it is under way, ..
        let mut answered = false;
        for _ in 0..=round % 4 {
            answered = poll_fn(|context| Poll::Ready(find.as_mut().poll(context).is_ready())).await;
            if answered {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(find);
        dropped += usize::from(!answered);
        let other = (number + 7) % 20;
        let found = store.find(SUBJECT, id(other)).await.unwrap();
        assert_eq!(found, Some(stored(other)));
    }
    assert!(
        dropped > 100,
        "{dropped} were dropped: too few to prove anything"
    );
}

/// An error that is not of the network, for longer than one would try for: the password is another
/// for a while.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connects_again_once_redis_takes_its_password_again() {
    let Some(redis) = Redis::start() else { return };
    let raw = raw(&redis).await;
    let password = async |password: &str| {
        let mut set = redis::cmd("CONFIG");
        set.arg("SET").arg("requirepass").arg(password);
        set.exec_async(&mut raw.clone()).await.unwrap();
    };
    password("old").await;
    let url = redis.url().replace("redis://", "redis://:old@");
    let store = RedisStore::connect(&url).await.unwrap();
    insert(&store, &stored(1)).await;
    password("new").await;
    let mut kill = redis::cmd("CLIENT");
    kill.arg("KILL").arg("SKIPME").arg("yes");
    kill.exec_async(&mut raw.clone()).await.unwrap();
    let until = Instant::now() + Duration::from_secs(3);
    while Instant::now() < until {
        let patience = Duration::from_millis(250);
        let find = tokio::time::timeout(patience, store.find(SUBJECT, id(1))).await;
        assert!(find.map_or(true, |found| found.unwrap_err().is_unavailable()));
    }
    password("old").await;
    assert_eq!(within_five_seconds(&store).await, Some(stored(1)));
}

/// What the store finds, once it does.
async fn within_five_seconds(store: &RedisStore) -> Option<StoredSession> {
    let find = async {
        loop {
            match store.find(SUBJECT, id(1)).await {
                Ok(found) => return found,
                Err(error) => assert!(error.is_unavailable(), "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let found = tokio::time::timeout(Duration::from_secs(5), find).await;
    found.expect("it connects again")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connects_again_after_a_restart_and_finds_everything() {
    let Some(mut redis) = Redis::start_durable() else {
        return;
    };
    let store = connect(&redis).await;
    insert(&store, &stored(1)).await;
    redis.kill();
    // No answer is not a no.
    let patience = Duration::from_secs(1);
    let down = tokio::time::timeout(patience, store.find(SUBJECT, id(1))).await;
    assert!(down.map_or(true, |answer| answer.unwrap_err().is_unavailable()));
    redis.start_again();
    assert_eq!(within_five_seconds(&store).await, Some(stored(1)));
    // Redis has forgotten the scripts.
    assert!(store.revoke(SUBJECT, id(1)).await.unwrap());
}
