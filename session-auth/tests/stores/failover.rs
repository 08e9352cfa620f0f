//! A primary that dies, or hangs, while sessions are opened, used and ended: another one takes over, and
//! until then there is no answer, never a wrong one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use redis::ConnectionAddr;
use redis::cluster::ClusterClient;
use redis::sentinel::{SentinelClientBuilder, SentinelServerType};
use session_auth::store::{
    Generation, RedisStore, SessionStore, StoreError, StoredSession, conformance,
};
use session_auth::{SessionId, Timestamp};
use test_servers::Redis;

/// As long as a layer waits, unless it is told otherwise.
const PATIENCE: Duration = Duration::from_millis(250);

/// Replication is not waited for: what was accepted so short before the end may be lost.
const REPLICATED_WITHIN: Duration = Duration::from_millis(500);

const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms_and_goes_on_where_sentinels_promote_another_primary() {
    let Some((primary, replica)) = with_replica() else {
        return;
    };
    let sentinels = primary.start_sentinels();
    conformance::check(&[Arc::new(watched(&sentinels).await)]).await;
    let mut primary = primary;
    let store = watched(&sentinels).await;
    let gap = goes_on(&store, || primary.kill()).await;
    println!("sentinel, killed: {gap:?} without an answer");
    drop(replica);
}

/// No connection is lost, and nothing says an error: there is no answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn goes_on_where_the_primary_hangs() {
    let Some((primary, replica)) = with_replica() else {
        return;
    };
    let sentinels = primary.start_sentinels();
    let store = watched(&sentinels).await;
    let gap = goes_on(&store, || primary.suspend()).await;
    println!("sentinel, hung: {gap:?} without an answer");
    // It finds that it is a replica now.
    primary.resume();
    drop(replica);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms_and_goes_on_in_a_cluster_that_loses_a_primary() {
    let Some(mut nodes) = Redis::start_cluster() else {
        return;
    };
    let connect = async || {
        let client = ClusterClient::builder(nodes.iter().map(Redis::url))
            .connection_timeout(Duration::from_secs(1))
            .response_timeout(Duration::from_secs(1))
            .build();
        let connection = client.expect("a client").get_async_connection().await;
        RedisStore::new(connection.expect("a connection"))
    };
    let store = connect().await;
    conformance::check(&[Arc::new(connect().await), Arc::new(store.clone())]).await;
    conformance::check_replays(&[Arc::new(store.clone())]).await;
    conformance::check_api_keys(&[Arc::new(store.clone())]).await;
    // The first three are primaries.
    let gap = goes_on(&store, || nodes[0].kill()).await;
    println!("cluster, killed: {gap:?} without an answer for some");
}

#[tokio::test]
async fn sentinels_that_name_nobody_are_an_error_that_says_so() {
    let Some(primary) = Redis::start() else {
        return;
    };
    let sentinels = primary.start_sentinels();
    let error = RedisStore::connect_sentinel(client(&sentinels, "another"))
        .await
        .unwrap_err();
    assert!(error.is_unavailable(), "{error}");
    drop(sentinels);
    let nobody = [ConnectionAddr::Tcp("127.0.0.1".to_owned(), 1)];
    let client = SentinelClientBuilder::new(nobody, "mymaster", SentinelServerType::Master);
    let client = client
        .and_then(SentinelClientBuilder::build)
        .expect("a client");
    let error = RedisStore::connect_sentinel(client).await.unwrap_err();
    assert!(error.is_unavailable(), "{error}");
}

fn with_replica() -> Option<(Redis, Redis)> {
    let primary = Redis::start()?;
    let replica = Redis::start_replica_of(&primary)?;
    Some((primary, replica))
}

fn client(sentinels: &[Redis], name: &str) -> redis::sentinel::SentinelClient {
    let address = |sentinel: &Redis| ConnectionAddr::Tcp("127.0.0.1".to_owned(), sentinel.port());
    let addresses: Vec<_> = sentinels.iter().map(address).collect();
    let client = SentinelClientBuilder::new(addresses, name, SentinelServerType::Master);
    client
        .and_then(SentinelClientBuilder::build)
        .expect("a client")
}

async fn watched(sentinels: &[Redis]) -> RedisStore<session_auth::store::SentinelConnection> {
    // They find each other, and the replica.
    let start = Instant::now();
    loop {
        match RedisStore::connect_sentinel(client(sentinels, "mymaster")).await {
            Ok(store) => return store,
            Err(error) => assert!(start.elapsed() < TAKEN_OVER_WITHIN, "{error}"),
        }
    }
}

fn session(number: u32) -> StoredSession {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&number.to_be_bytes());
    let now = Timestamp::from_secs(1_000);
    StoredSession {
        id: SessionId::from_bytes(id),
        subject: format!("subject {}", number % 50),
        label: None,
        issued: now,
        last_seen: now,
        idle_deadline: Timestamp::from_secs(u64::from(u32::MAX)),
        absolute_deadline: Timestamp::from_secs(u64::from(u32::MAX)),
    }
}

/// What was accepted, by the number of the session.
type Accepted = BTreeMap<u32, (Instant, bool)>;

/// Opens sessions, ends every third, and asks for those that it knows, before, while and after `fail`.
/// Returns for how long not everything was answered.
async fn goes_on<S>(store: &S, fail: impl FnOnce()) -> Duration
where
    S: SessionStore + Clone + Send + Sync + 'static,
{
    let (numbers, done) = (
        Arc::new(AtomicU32::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let worker = || {
        let (store, numbers, done) = (store.clone(), Arc::clone(&numbers), Arc::clone(&done));
        tokio::spawn(async move {
            let (mut accepted, mut silent) = (Accepted::new(), Vec::new());
            while !done.load(Ordering::Relaxed) {
                let session = session(numbers.fetch_add(1, Ordering::Relaxed));
                let number = u32::from_be_bytes(*session.id.as_bytes().first_chunk().unwrap());
                match within(store.insert(&session, Generation::default())).await {
                    Some(added) => assert!(added, "{number}"),
                    None => {
                        silent.push(Instant::now());
                        continue;
                    }
                }
                accepted.insert(number, (Instant::now(), true));
                if number % 3 == 0 {
                    match within(store.revoke(&session.subject, session.id)).await {
                        Some(_) => accepted.insert(number, (Instant::now(), false)),
                        // It may have been done, or not.
                        None => accepted.remove(&number),
                    };
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            (accepted, silent)
        })
    };
    let workers: Vec<_> = (0..4).map(|_| worker()).collect();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let failed = Instant::now();
    fail();
    // Until every subject is answered for again.
    let mut answered = 0;
    while answered < 50 {
        assert!(
            failed.elapsed() < TAKEN_OVER_WITHIN,
            "nobody has taken over"
        );
        let subject = format!("subject {answered}");
        match within(store.generation(&subject)).await {
            Some(_) => answered += 1,
            None => answered = 0,
        }
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    done.store(true, Ordering::Relaxed);
    let (mut known, mut last) = (0, failed);
    for worker in workers {
        let (accepted, silent) = worker.await.expect("nothing was wrong");
        last = silent.into_iter().fold(last, Instant::max);
        for (number, (at, live)) in accepted {
            let lost = at < failed + PATIENCE && at + REPLICATED_WITHIN > failed;
            if lost {
                continue;
            }
            let session = session(number);
            let found = within(store.find(&session.subject, session.id)).await;
            let found = found.expect("all is well again");
            assert_eq!(
                found.is_some(),
                live,
                "{number}, {:?} before",
                failed.checked_duration_since(at)
            );
            known += 1;
        }
    }
    assert!(
        known > 200,
        "{known} sessions are too few to prove anything"
    );
    last - failed
}

/// No answer is none; another error than that would be one too many.
async fn within<T>(answer: impl Future<Output = Result<T, StoreError>>) -> Option<T> {
    match tokio::time::timeout(PATIENCE, answer).await {
        Ok(Ok(answer)) => Some(answer),
        Ok(Err(error)) => {
            assert!(error.is_unavailable(), "{error}");
            // Not as fast as one can.
            tokio::time::sleep(Duration::from_millis(20)).await;
            None
        }
        Err(_) => None,
    }
}
