use std::sync::atomic::AtomicUsize;

use super::*;
use crate::store::{DEFAULT_BREAKER, MemoryStore};

#[tokio::test]
async fn of_a_store_that_hangs_few_wait() {
    let timeout = Duration::from_millis(100);
    let store = GuardedStore::new(Arc::new(MemoryStore::new()), timeout, DEFAULT_BREAKER);
    let asked = AtomicUsize::new(0);
    let hang = async |at_a_time: usize| {
        asked.store(0, Ordering::SeqCst);
        let questions = (0..at_a_time).map(|_| {
            store.ask(|_| async {
                asked.fetch_add(1, Ordering::SeqCst);
                std::future::pending::<Result<(), StoreError>>().await
            })
        });
        let start = Instant::now();
        let answers = futures_util::future::join_all(questions).await;
        assert!(answers.iter().all(Result::is_err));
        assert!(start.elapsed() < 5 * timeout, "all have an answer in time");
        asked.load(Ordering::SeqCst)
    };
    assert_eq!(hang(50).await, 50, "nobody knows yet");
    assert_eq!(hang(50).await, 0, "the breaker is open");
    let pause = Duration::from_millis(1_100);
    for _ in 0..2 {
        tokio::time::sleep(pause).await;
        assert_eq!(hang(50).await, 1, "a trial");
    }
    // It answers again: first the trial is answered, then all.
    tokio::time::sleep(pause).await;
    let answer = store.ask(|_| async { Ok(()) }).await;
    assert!(answer.is_ok());
    let questions = (0..50).map(|_| store.ask(|_| async { Ok(()) }));
    let answers = futures_util::future::join_all(questions).await;
    assert!(answers.iter().all(Result::is_ok));
}
