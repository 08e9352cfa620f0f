use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::UNIX_EPOCH;

use tokio::time::Instant;

use super::*;
use crate::store::{
    DEFAULT_BREAKER, DEFAULT_TIMEOUT, Generation, MemoryStore, SessionStore, StoredSession,
};

const LAG: Duration = Duration::from_secs(1);
const DEADLINE: Timestamp = Timestamp::from_secs(2_000);

/// Answers for so many sessions at once in time, and never for more.
struct Slow {
    store: MemoryStore,
    most: AtomicUsize,
}

macro_rules! as_stored {
    ($($name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
        $(async fn $name(&self, $($argument: $type),*) -> Result<$result, StoreError> {
            self.store.$name($($argument),*).await
        })*
    };
}

impl SessionStore for Slow {
    as_stored! {
        generation(subject: &str) -> Generation;
        insert(session: &StoredSession, generation: Generation) -> bool;
        find(subject: &str, id: SessionId) -> Option<StoredSession>;
        touch(subject: &str, id: SessionId, seen: Timestamp, deadline: Timestamp) -> bool;
        replace(old: SessionId, session: &StoredSession) -> bool;
        revoke(subject: &str, id: SessionId) -> bool;
        revoke_all(subject: &str, except: Option<SessionId>, now: Timestamp) -> u64;
        list(subject: &str, now: Timestamp) -> Vec<StoredSession>;
        remove_expired(before: Timestamp, limit: u32) -> u64;
    }

    async fn deadlines(
        &self,
        sessions: &[(String, SessionId)],
    ) -> Result<Vec<Option<Timestamp>>, StoreError> {
        if sessions.len() > self.most.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        self.store.deadlines(sessions).await
    }
}

fn id(number: u64) -> SessionId {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.to_be_bytes());
    SessionId::from_bytes(id)
}

/// So many streams, and what looks after them.
struct Streams {
    store: Arc<Slow>,
    clock: Arc<AtomicU64>,
    watch: Watch,
    ended: Vec<watch::Receiver<bool>>,
}

impl Streams {
    async fn open(many: u64, most: usize) -> Self {
        let store = Arc::new(Slow {
            store: MemoryStore::new(),
            most: AtomicUsize::new(most),
        });
        let watch = Watch::new(LAG);
        let mut ended = Vec::new();
        for number in 0..many {
            let session = StoredSession {
                id: id(number),
                subject: "ada".to_owned(),
                label: None,
                issued: Timestamp::from_secs(1_000),
                last_seen: Timestamp::from_secs(1_000),
                idle_deadline: DEADLINE,
                absolute_deadline: DEADLINE,
            };
            let added = store.insert(&session, Generation::default()).await;
            assert!(added.expect("insert"));
            let sender = watch::Sender::new(false);
            ended.push(sender.subscribe());
            let watched = Watched {
                subject: session.subject,
                idle_deadline: DEADLINE,
                absolute_deadline: DEADLINE,
                ended: sender,
            };
            watch.lock().sessions.insert(session.id, watched);
        }
        let clock = Arc::new(AtomicU64::new(1_000));
        let now = Arc::clone(&clock);
        let now = move || UNIX_EPOCH + Duration::from_secs(now.load(Ordering::SeqCst));
        let guarded = GuardedStore::new(
            Arc::new(Arc::clone(&store)),
            DEFAULT_TIMEOUT,
            DEFAULT_BREAKER,
        );
        tokio::spawn(look_after(
            watch.clone(),
            Some(Arc::new(guarded)),
            Arc::new(now),
        ));
        Self {
            store,
            clock,
            watch,
            ended,
        }
    }

    /// How long it takes until this one has ended.
    async fn end(&mut self, number: usize) -> Duration {
        let start = Instant::now();
        let ended = self.ended[number].wait_for(|ended| *ended).await;
        assert!(ended.is_ok());
        start.elapsed()
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_answers_for_few_in_time_is_asked_for_few() {
    let mut streams = Streams::open(500, 40).await;
    for number in [0, 499] {
        let gone = streams.store.revoke("ada", id(number)).await;
        assert!(gone.expect("revoke"));
    }
    // Once it waits for what it does not get; then it knows.
    assert!(streams.end(0).await < LAG + 5 * DEFAULT_TIMEOUT);
    assert!(streams.end(499).await < DEFAULT_TIMEOUT);
    tokio::time::sleep(30 * LAG).await;
    let gone = streams.store.revoke("ada", id(250)).await;
    assert!(gone.expect("revoke"));
    assert!(streams.end(250).await < LAG + 3 * DEFAULT_TIMEOUT);
    assert_eq!(streams.watch.lock().sessions.len(), 497);
}

#[tokio::test(start_paused = true)]
async fn while_a_store_is_silent_streams_end_at_their_deadlines() {
    let mut streams = Streams::open(2_000, 0).await;
    tokio::time::sleep(60 * LAG).await;
    assert_eq!(streams.watch.lock().sessions.len(), 2_000);
    streams.clock.store(DEADLINE.as_secs(), Ordering::SeqCst);
    assert!(streams.end(0).await <= LAG + 6 * DEFAULT_TIMEOUT);
    assert!(streams.watch.lock().sessions.is_empty());
}
