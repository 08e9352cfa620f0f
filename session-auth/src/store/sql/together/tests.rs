use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::*;
use crate::clock::Timestamp;

/// Knows every session but those of `nobody`.
#[derive(Clone)]
struct Fake(Arc<State>);

struct State {
    /// How many questions may be answered.
    answers: Semaphore,
    questions: AtomicUsize,
    answered: AtomicUsize,
    mistake: Option<Mistake>,
}

#[derive(Clone, Copy)]
enum Mistake {
    Error,
    Panic,
}

impl Fake {
    fn new(mistake: Option<Mistake>) -> Self {
        Self(Arc::new(State {
            answers: Semaphore::new(0),
            questions: AtomicUsize::new(0),
            answered: AtomicUsize::new(0),
            mistake,
        }))
    }

    fn questions(&self) -> usize {
        self.0.questions.load(Ordering::Relaxed)
    }
}

impl FindTogether for Fake {
    async fn find_together(
        &self,
        sessions: &[(String, SessionId)],
    ) -> Result<Vec<Found>, StoreError> {
        self.0.questions.fetch_add(1, Ordering::Relaxed);
        self.0.answers.acquire().await.unwrap().forget();
        self.0.answered.fetch_add(1, Ordering::Relaxed);
        match self.0.mistake {
            Some(Mistake::Error) => return Err(StoreError::unavailable("no connection")),
            Some(Mistake::Panic) => panic!("as a store should not"),
            None => {}
        }
        let found = |(subject, id): &(String, SessionId)| match &**subject {
            "nobody" => Ok(None),
            "broken" => Err(StoreError::unreadable("half a row")),
            _ => Ok(Some(session(subject, *id))),
        };
        Ok(sessions.iter().map(found).collect())
    }
}

fn id(number: u8) -> SessionId {
    SessionId::from_bytes([number; 16])
}

fn session(subject: &str, id: SessionId) -> StoredSession {
    StoredSession {
        id,
        subject: subject.to_owned(),
        label: None,
        issued: Timestamp::from_secs(1),
        last_seen: Timestamp::from_secs(1),
        idle_deadline: Timestamp::from_secs(2),
        absolute_deadline: Timestamp::from_secs(3),
    }
}

/// Lets all tasks go as far as they can.
async fn settle() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn lookups_at_the_same_time_are_few_questions_and_each_has_its_own_answer() {
    let (lookups, store) = (Lookups::default(), Fake::new(None));
    store.0.answers.add_permits(100);
    let mut all = JoinSet::new();
    for number in 0..50 {
        let (lookups, store) = (lookups.clone(), store.clone());
        all.spawn(async move {
            let subject = match number % 5 {
                0 => "nobody".to_owned(),
                1 => "broken".to_owned(),
                _ => format!("user {number}"),
            };
            (
                number,
                subject.clone(),
                lookups.find(&store, &subject, id(number)).await,
            )
        });
    }
    while let Some(found) = all.join_next().await {
        let (number, subject, found) = found.unwrap();
        match found {
            Ok(None) => assert_eq!(subject, "nobody"),
            Ok(Some(found)) => assert_eq!(found, session(&subject, id(number))),
            Err(error) => assert!(subject == "broken" && !error.is_unavailable(), "{error}"),
        }
    }
    assert!(store.questions() <= AT_ONCE, "{}", store.questions());
    // The tasks have ended, and the next lookup starts another.
    settle().await;
    assert_eq!(lookups.state().asking, 0);
    let found = lookups.find(&store, "ada", id(1)).await;
    assert_eq!(found.unwrap(), Some(session("ada", id(1))));
}

/// The session may have been revoked since the question was put.
#[tokio::test]
async fn security_no_lookup_is_answered_by_a_question_from_before() {
    let (lookups, store) = (Lookups::default(), Fake::new(None));
    let find = || {
        let (lookups, store) = (lookups.clone(), store.clone());
        tokio::spawn(async move { lookups.find(&store, "ada", id(1)).await })
    };
    let mut asked = Vec::new();
    for questions in 1..=AT_ONCE {
        asked.push(find());
        settle().await;
        assert_eq!(store.questions(), questions);
    }
    let (later, last) = (find(), find());
    settle().await;
    assert_eq!(store.questions(), AT_ONCE);
    store.0.answers.add_permits(AT_ONCE);
    settle().await;
    assert!(asked.iter().all(tokio::task::JoinHandle::is_finished));
    assert!(!later.is_finished() && !last.is_finished());
    // The two that waited are one.
    assert_eq!(store.questions(), AT_ONCE + 1);
    store.0.answers.add_permits(1);
    assert!(later.await.unwrap().unwrap().is_some() && last.await.unwrap().unwrap().is_some());
}

#[tokio::test]
async fn a_question_that_nobody_waits_for_any_more_is_given_up() {
    let (lookups, store) = (Lookups::default(), Fake::new(None));
    let find = || {
        let (lookups, store) = (lookups.clone(), store.clone());
        tokio::spawn(async move { lookups.find(&store, "ada", id(1)).await })
    };
    for _ in 0..AT_ONCE {
        let hangs = find();
        settle().await;
        let waits = find();
        waits.abort();
        hangs.abort();
    }
    settle().await;
    // Of those that waited, none was asked.
    assert_eq!(store.questions(), AT_ONCE);
    assert_eq!(lookups.state().asking, 0);
    assert!(lookups.state().waiting.is_empty());
    store.0.answers.add_permits(1);
    assert!(find().await.unwrap().unwrap().is_some());
    assert_eq!(store.0.answered.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn all_of_a_question_that_fails_have_its_error() {
    for (mistake, expected) in [
        (Mistake::Error, "no connection"),
        (Mistake::Panic, "the task that asked the database has ended"),
    ] {
        let (lookups, store) = (Lookups::default(), Fake::new(Some(mistake)));
        store.0.answers.add_permits(100);
        let mut all = JoinSet::new();
        for number in 0..3 {
            let (lookups, store) = (lookups.clone(), store.clone());
            all.spawn(async move { lookups.find(&store, "ada", id(number)).await });
        }
        for found in all.join_all().await {
            let error = found.unwrap_err();
            assert!(
                error.is_unavailable() && error.to_string().contains(expected),
                "{error}"
            );
        }
        assert_eq!(lookups.state().asking, 0);
    }
}
