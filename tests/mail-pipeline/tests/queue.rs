//! What every engine of the queue keeps: the same suite on each.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod service;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mail_pipeline::queue::{Claimed, DeadLetters, Message, Queue, Which};
use service::{Ground, Kind};
use tokio::time::sleep;

const VISIBILITY: Duration = Duration::from_millis(1500);
const AT_ONCE: Duration = Duration::ZERO;

struct Suite {
    queue: Arc<dyn Queue>,
    dead: DeadLetters,
    /// Another process on the same.
    other: Arc<dyn Queue>,
    ground: Ground,
}

impl Suite {
    async fn start(kind: Kind) -> Option<Self> {
        let ground = Ground::new(kind)?;
        let mut config = ground.config();
        config.timing.visibility = VISIBILITY;
        let (queue, dead) = mail_pipeline::open_queue(&config).await.unwrap();
        let (other, _) = mail_pipeline::open_queue(&config).await.unwrap();
        Some(Self {
            queue,
            dead,
            other,
            ground,
        })
    }

    async fn publish(&self, id: &str, group: &str) {
        self.queue.publish(&message(id, group)).await.unwrap();
    }

    /// The next one, which may be a moment on its way.
    async fn claim(&self) -> Claimed {
        self.claim_within(Duration::from_secs(5))
            .await
            .expect("there is a message")
    }

    async fn claim_within(&self, bound: Duration) -> Option<Claimed> {
        let start = Instant::now();
        loop {
            if let Some(claimed) = self.queue.claim().await.unwrap() {
                return Some(claimed);
            }
            if start.elapsed() > bound {
                return None;
            }
            sleep(Duration::from_millis(10)).await;
        }
    }
}

fn message(id: &str, group: &str) -> Message {
    Message {
        id: id.to_owned(),
        group: group.to_owned(),
        payload: format!("payload of {id}").into_bytes(),
        round: 0,
    }
}

/// Each test on each engine.
macro_rules! on_each_engine {
    ($($test:ident)*) => {
        on_each_engine!(@ sqlite Sqlite [$($test)*]);
        on_each_engine!(@ postgres Postgres [$($test)*]);
        on_each_engine!(@ nats Nats [$($test)*]);
    };
    (@ $engine:ident $kind:ident [$($test:ident)*]) => {
        mod $engine {
            $(#[tokio::test]
            async fn $test() {
                if let Some(suite) = super::Suite::start(super::Kind::$kind).await {
                    super::$test(suite).await;
                }
            })*
        }
    };
}

on_each_engine! {
    what_is_published_comes_until_it_is_confirmed
    a_group_is_in_order_and_others_do_not_wait
    a_claim_is_over_after_its_time_and_then_nobody_elses_to_settle
    what_is_released_comes_again_after_its_time
    an_id_is_in_the_queue_once
    a_dead_letter_has_its_reason_and_comes_back
    dead_letters_are_redriven_by_reason_and_all
    nothing_is_claimed_by_two
    what_is_in_it_outlives_the_server
}

async fn what_is_published_comes_until_it_is_confirmed(suite: Suite) {
    assert!(suite.queue.claim().await.unwrap().is_none());
    suite.publish("a", "ada").await;
    let depth = suite.queue.depth().await.unwrap();
    assert_eq!((depth.messages, depth.dead), (1, 0));
    let claimed = suite.claim().await;
    assert_eq!(claimed.message, message("a", "ada"));
    assert_eq!(claimed.deliveries, 1);
    // Somebody is at it.
    assert!(suite.other.claim().await.unwrap().is_none());
    assert_eq!(suite.queue.depth().await.unwrap().messages, 1);
    assert!(suite.queue.confirm(&claimed).await.unwrap());
    let depth = suite.queue.depth().await.unwrap();
    assert_eq!((depth.messages, depth.oldest_ms), (0, 0));
    assert!(suite.queue.claim().await.unwrap().is_none());
}

async fn a_group_is_in_order_and_others_do_not_wait(suite: Suite) {
    for (id, group) in [("a1", "ada"), ("a2", "ada"), ("b1", "carol"), ("a3", "ada")] {
        suite.publish(id, group).await;
    }
    let (first, second) = (suite.claim().await, suite.claim().await);
    let mut ids = [first.message.id.as_str(), second.message.id.as_str()];
    ids.sort_unstable();
    assert_eq!(ids, ["a1", "b1"]);
    assert!(
        suite.other.claim().await.unwrap().is_none(),
        "a2 waits for a1"
    );
    let [a1, b1] = if first.message.id == "a1" {
        [first, second]
    } else {
        [second, first]
    };
    // Also where it has to come again.
    suite.queue.release(&a1, AT_ONCE).await.unwrap();
    let again = suite.claim().await;
    assert_eq!(again.message.id, "a1");
    suite.queue.confirm(&again).await.unwrap();
    for id in ["a2", "a3"] {
        let next = suite.claim().await;
        assert_eq!(next.message.id, id);
        suite.queue.confirm(&next).await.unwrap();
    }
    suite.queue.confirm(&b1).await.unwrap();
}

async fn a_claim_is_over_after_its_time_and_then_nobody_elses_to_settle(suite: Suite) {
    suite.publish("a", "ada").await;
    let lost = suite.claim().await;
    assert!(suite.claim_within(VISIBILITY / 3).await.is_none());
    sleep(VISIBILITY).await;
    let mine = suite.claim().await;
    assert_eq!((mine.message.id.as_str(), mine.deliveries), ("a", 2));
    assert!(!suite.queue.confirm(&lost).await.unwrap());
    assert!(!suite.queue.release(&lost, AT_ONCE).await.unwrap());
    assert!(!suite.queue.dead_letter(&lost, "late", "").await.unwrap());
    assert_eq!(suite.queue.depth().await.unwrap().dead, 0);
    assert!(suite.queue.confirm(&mine).await.unwrap());
}

async fn what_is_released_comes_again_after_its_time(suite: Suite) {
    suite.publish("a", "ada").await;
    let claimed = suite.claim().await;
    let wait = Duration::from_millis(400);
    assert!(suite.queue.release(&claimed, wait).await.unwrap());
    assert!(suite.claim_within(wait / 2).await.is_none());
    let again = suite.claim().await;
    assert_eq!((again.message.id.as_str(), again.deliveries), ("a", 2));
    suite.queue.confirm(&again).await.unwrap();
}

async fn an_id_is_in_the_queue_once(suite: Suite) {
    suite.publish("a", "ada").await;
    suite.publish("a", "ada").await;
    let claimed = suite.claim().await;
    suite.publish("a", "ada").await;
    assert_eq!(suite.queue.depth().await.unwrap().messages, 1);
    suite.queue.confirm(&claimed).await.unwrap();
    assert_eq!(suite.queue.depth().await.unwrap().messages, 0);
}

async fn a_dead_letter_has_its_reason_and_comes_back(suite: Suite) {
    suite.publish("a1", "ada").await;
    suite.publish("a2", "ada").await;
    let poison = suite.claim().await;
    assert!(
        suite
            .queue
            .dead_letter(&poison, "rejected", "400 no")
            .await
            .unwrap()
    );
    // It holds nobody up.
    let next = suite.claim().await;
    assert_eq!(next.message.id, "a2");
    suite.queue.confirm(&next).await.unwrap();
    let depth = suite.queue.depth().await.unwrap();
    assert_eq!((depth.messages, depth.dead), (0, 1));
    let letters = suite.dead.list(10).await.unwrap();
    let [letter] = letters.as_slice() else {
        panic!("{letters:?}");
    };
    assert_eq!(letter.id, "a1");
    assert_eq!(
        (letter.reason.as_str(), letter.answer.as_str()),
        ("rejected", "400 no")
    );
    assert_eq!(letter.payload, b"payload of a1");
    // As often as it dies.
    for _ in 0..2 {
        let redriven = suite
            .queue
            .redrive(&Which::Id("a1".to_owned()))
            .await
            .unwrap();
        assert_eq!(redriven, 1);
        assert_eq!(suite.queue.depth().await.unwrap().dead, 0);
        let again = suite.claim().await;
        assert_eq!(again.message, message("a1", "ada"));
        suite
            .queue
            .dead_letter(&again, "rejected", "400 again")
            .await
            .unwrap();
    }
    assert_eq!(
        suite
            .queue
            .redrive(&Which::Id("none".to_owned()))
            .await
            .unwrap(),
        0
    );
    assert_eq!(suite.dead.list(10).await.unwrap().len(), 1);
}

async fn dead_letters_are_redriven_by_reason_and_all(suite: Suite) {
    for (id, reason) in [("a", "edge"), ("b", "edge"), ("c", "rejected")] {
        suite.publish(id, id).await;
        let claimed = suite.claim().await;
        suite.queue.dead_letter(&claimed, reason, "").await.unwrap();
    }
    let edge = Which::Reason("edge".to_owned());
    assert_eq!(suite.queue.redrive(&edge).await.unwrap(), 2);
    assert_eq!(suite.queue.depth().await.unwrap().messages, 2);
    assert_eq!(suite.queue.redrive(&edge).await.unwrap(), 0);
    assert_eq!(suite.queue.redrive(&Which::All).await.unwrap(), 1);
    let depth = suite.queue.depth().await.unwrap();
    assert_eq!((depth.messages, depth.dead), (3, 0));
}

async fn nothing_is_claimed_by_two(suite: Suite) {
    for number in 0..60 {
        suite
            .publish(&format!("m{number}"), &format!("group {}", number % 20))
            .await;
    }
    let work = |queue: Arc<dyn Queue>| {
        tokio::spawn(async move {
            let mut claimed = Vec::new();
            let mut idle = 0;
            while idle < 20 {
                match queue.claim().await.unwrap() {
                    Some(one) => {
                        idle = 0;
                        sleep(Duration::from_millis(1)).await;
                        assert!(queue.confirm(&one).await.unwrap());
                        claimed.push(one.message.id);
                    }
                    None => {
                        idle += 1;
                        sleep(Duration::from_millis(10)).await;
                    }
                }
            }
            claimed
        })
    };
    let workers = [&suite.queue, &suite.other, &suite.queue, &suite.other]
        .map(|queue| work(Arc::clone(queue)));
    let mut all = Vec::new();
    for worker in workers {
        all.extend(worker.await.unwrap());
    }
    let distinct: HashSet<_> = all.iter().collect();
    assert_eq!((all.len(), distinct.len()), (60, 60));
}

async fn what_is_in_it_outlives_the_server(mut suite: Suite) {
    suite.publish("a", "ada").await;
    suite.publish("b", "carol").await;
    let claimed = suite.claim().await;
    if let Some(server) = &mut suite.ground.postgres {
        server.kill();
        assert!(suite.queue.claim().await.is_err());
        server.start_again();
    }
    if let Some(server) = &mut suite.ground.nats {
        server.kill();
        server.start_again();
        sleep(Duration::from_secs(1)).await;
    }
    sleep(VISIBILITY).await;
    let mut config = suite.ground.config();
    config.timing.visibility = VISIBILITY;
    let (queue, _) = mail_pipeline::open_queue(&config).await.unwrap();
    let mut ids = HashSet::new();
    let start = Instant::now();
    while ids.len() < 2 && start.elapsed() < Duration::from_secs(10) {
        match queue.claim().await.unwrap() {
            Some(one) => {
                queue.confirm(&one).await.unwrap();
                ids.insert(one.message.id);
            }
            None => sleep(Duration::from_millis(20)).await,
        }
    }
    assert_eq!(ids.len(), 2, "{ids:?} and {}", claimed.message.id);
}
