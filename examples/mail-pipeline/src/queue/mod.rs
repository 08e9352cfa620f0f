//! The queue between whoever takes mails in and whoever brings them to the help desk.
//!
//! What every engine keeps, and the suite in the tests asks of each:
//!
//! 1. At least once: what was published comes until it is confirmed or a dead letter.
//! 2. In order within a group: a message is claimed once those before it are gone.
//! 3. A claim is over after the visibility timeout, and then somebody else's to take. Who held it can
//!    no longer confirm, release or bury the message.
//! 4. Publishing the same id again changes nothing while it is in the queue.
//!
//! Dead letters are in the database whatever the engine: it has no dead-letter queue (NATS), or it is
//! the database. They are marked when they go back to the queue, and never deleted.

mod dead;
mod nats;
mod sql;

use std::error::Error;
use std::pin::Pin;
use std::time::Duration;

pub use self::dead::{DeadLetter, DeadLetters, Which};
pub use self::nats::NatsQueue;
pub use self::sql::SqlQueue;

/// Why an engine could not do what it was asked.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// The answer of an engine, to be awaited.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send + 'a>>;

/// What is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Of one mail, however often it comes.
    pub id: String,
    /// Messages of one group are claimed in order.
    pub group: String,
    /// What the bridge reads. Small: what is large is in the blob store.
    pub payload: Vec<u8>,
    /// 0, or when it was buried: an engine that knows ids for a while has to take it again.
    pub round: i64,
}

/// A message that is the caller's for the visibility timeout.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// What was published.
    pub message: Message,
    /// When, in milliseconds since 1970.
    pub published_at: i64,
    /// How often it was claimed, this time included.
    pub deliveries: i64,
    /// By which the engine knows the claim.
    pub(crate) receipt: String,
}

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    /// Published and neither confirmed nor buried, those included that somebody is at.
    pub messages: i64,
    /// How long ago the oldest of them was published, in milliseconds.
    pub oldest_ms: i64,
    /// Dead letters that are not back in the queue.
    pub dead: i64,
}

/// An engine.
pub trait Queue: Send + Sync + 'static {
    /// Keeps a message durably.
    fn publish<'a>(&'a self, message: &'a Message) -> Answer<'a, ()>;

    /// Takes the next message, if there is one.
    fn claim(&self) -> Answer<'_, Option<Claimed>>;

    /// It is done. `false`: the claim was over.
    fn confirm<'a>(&'a self, claimed: &'a Claimed) -> Answer<'a, bool>;

    /// It is to come again after so long. `false`: the claim was over.
    fn release<'a>(&'a self, claimed: &'a Claimed, after: Duration) -> Answer<'a, bool>;

    /// Makes it a dead letter, with the reason and the last answer. `false`: the claim was over.
    fn dead_letter<'a>(
        &'a self,
        claimed: &'a Claimed,
        reason: &'a str,
        answer: &'a str,
    ) -> Answer<'a, bool>;

    /// How much there is.
    fn depth(&self) -> Answer<'_, Depth>;

    /// Publishes dead letters again. How many.
    fn redrive<'a>(&'a self, which: &'a Which) -> Answer<'a, u64>;
}

/// How long to wait after so many failures: twice as long each time, and of that between a half and
/// all, so that mails which failed together do not come together again.
#[must_use]
pub fn backoff(failures: i64, base: Duration, most: Duration) -> Duration {
    let doublings = u32::try_from(failures.clamp(1, 20) - 1).unwrap_or_default();
    let wait = base.saturating_mul(1 << doublings).min(most);
    let mut random = [0; 2];
    // Without randomness it is the longest.
    let share = match getrandom::fill(&mut random) {
        Ok(()) => u32::from(u16::from_be_bytes(random)),
        Err(_) => u32::from(u16::MAX),
    };
    wait / 2 + wait / 2 * share / u32::from(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_doubles_up_to_the_longest_and_half_of_it_is_chance() {
        let (base, most) = (Duration::from_secs(1), Duration::from_secs(300));
        for (failures, longest) in [
            (0, 1),
            (1, 1),
            (2, 2),
            (5, 16),
            (9, 256),
            (10, 300),
            (99, 300),
        ] {
            let longest = Duration::from_secs(longest);
            let waits: Vec<_> = (0..50).map(|_| backoff(failures, base, most)).collect();
            assert!(
                waits
                    .iter()
                    .all(|wait| *wait >= longest / 2 && *wait <= longest),
                "{waits:?}"
            );
            assert!(waits.iter().any(|wait| *wait != waits[0]), "{waits:?}");
        }
    }
}
