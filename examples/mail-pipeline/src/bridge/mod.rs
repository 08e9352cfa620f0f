//! Brings mails from the queue to the help desk.
//!
//! Whatever happens here, a mail ends as a ticket or as a dead letter: nothing is deleted. A ticket is
//! claimed in [`Dedup`] before it is asked for. An answer that says for sure that there is none gives
//! the claim back; without such an answer the next try looks for the ticket first, by a marker in its
//! subject. One case is left: a help desk that makes a ticket after it was looked for. It makes two.

mod answer;
mod freescout;

use std::sync::Arc;
use std::time::{Duration, Instant};

use failsafe::failure_policy::ConsecutiveFailures;
use failsafe::{Config as Breakers, StateMachine, backoff as waits, failure_policy};
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, Notify};
use tokio::time::{sleep, timeout};

pub(crate) use self::answer::Meaning;
use self::answer::RATE_LIMITED;
use self::freescout::Answer;
pub(crate) use self::freescout::FreeScout;
use crate::blobs::Blobs;
use crate::clock;
use crate::config::Timing;
use crate::dedup::{Claim, Dedup, Key};
use crate::hold::hold;
use crate::journal::{Done, Journal};
use crate::mail::Mail;
use crate::outbound::Outbound;
use crate::queue::{BoxError, Claimed, Queue, backoff};
use crate::routing::Routing;
use crate::stop::Stop;

/// How often a mail may be claimed beyond its failures: of one that kills whoever claims it.
const MOST_CLAIMS: i64 = 20;
/// Characters of the key in a ticket's subject.
const MARKER: usize = 12;

/// What the queue carries: a mail, or where it is.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Item {
    Mail(Box<Mail>),
    Blob(String),
}

impl Item {
    pub(crate) async fn read(payload: &[u8], blobs: &Blobs) -> Result<Mail, Answer> {
        let unreadable = |error: serde_json::Error| Answer {
            meaning: Meaning::Reject("unreadable"),
            text: error.to_string(),
        };
        match serde_json::from_slice(payload).map_err(unreadable)? {
            Self::Mail(mail) => Ok(*mail),
            Self::Blob(key) => {
                let whole = blobs.read_whole(&key).await?;
                serde_json::from_slice(&whole).map_err(unreadable)
            }
        }
    }
}

type Breaker = StateMachine<ConsecutiveFailures<waits::Constant>, ()>;

pub(crate) struct Bridge {
    pub(crate) queue: Arc<dyn Queue>,
    pub(crate) published: Arc<Notify>,
    /// Of the workers that have nothing to do, one looks for messages of other processes.
    pub(crate) idle: Mutex<()>,
    pub(crate) dedup: Dedup,
    pub(crate) routing: Routing,
    pub(crate) journal: Journal,
    pub(crate) freescout: FreeScout,
    pub(crate) blobs: Blobs,
    pub(crate) stop: Stop,
    pub(crate) outbound: Outbound,
    pub(crate) timing: Timing,
    pub(crate) breaker: Breaker,
}

/// What became of a try.
enum Tried {
    Done {
        done: Done,
        fresh: bool,
    },
    /// Another copy of the mail is under way.
    Busy,
    Failed(Answer),
}

/// Opens after five failures in a row. After a while it lets mails through again, and opens anew with
/// the first that fails.
pub(crate) fn breaker(timing: &Timing) -> Breaker {
    let policy = failure_policy::consecutive_failures(5, waits::constant(timing.backoff * 5));
    Breakers::new().failure_policy(policy).build()
}

impl Bridge {
    /// Works until it is dropped.
    pub(crate) async fn run(self: Arc<Self>) {
        loop {
            match self.step().await {
                Ok(true) => {}
                Ok(false) => {
                    let _turn = self.idle.lock().await;
                    let _ = timeout(self.timing.poll, self.published.notified()).await;
                }
                Err(error) => {
                    tracing::error!(%error, "the bridge cannot work; its mails stay in the queue");
                    metrics::counter!("mail_pipeline_bridge_errors_total").increment(1);
                    sleep(self.timing.poll.max(Duration::from_millis(200))).await;
                }
            }
        }
    }

    /// `false`: there is nothing to do.
    async fn step(&self) -> Result<bool, BoxError> {
        if self.stop.reason().await?.is_some() || !self.breaker.is_call_permitted() {
            return Ok(false);
        }
        let Some(claimed) = self.queue.claim().await? else {
            return Ok(false);
        };
        // There may be more than the one who was woken takes.
        self.published.notify_one();
        self.one(&claimed).await?;
        Ok(true)
    }

    async fn one(&self, claimed: &Claimed) -> Result<(), BoxError> {
        let claimed_at = clock::now();
        let id = claimed.message.id.as_str();
        hold("claimed").await;
        let mail = match Item::read(&claimed.message.payload, &self.blobs).await {
            Ok(mail) => mail,
            Err(answer) => return self.failed(claimed, &answer).await,
        };
        let started = Instant::now();
        // Shorter than the claim: nobody else is at it while this is.
        let tried = match timeout(self.timing.deadline(), self.deliver(&mail)).await {
            Ok(tried) => tried?,
            Err(_) => Tried::Failed(Answer {
                meaning: Meaning::Unclear("no_answer"),
                text: format!("no answer within {} s", self.timing.deadline().as_secs()),
            }),
        };
        metrics::histogram!("mail_pipeline_delivery_seconds").record(started.elapsed());
        match tried {
            Tried::Done { done, fresh } => {
                self.breaker.on_success();
                let tickets = done.tickets.clone();
                self.journal.done(id, claimed_at, done).await?;
                hold("before-confirm").await;
                self.queue.confirm(claimed).await?;
                metrics::counter!("mail_pipeline_tickets_total").increment(u64::from(fresh));
                tracing::info!(mail = id, tickets, fresh, "a mail has its ticket");
                if fresh {
                    self.outbound.reply(&mail, &self.routing).await;
                }
            }
            Tried::Busy => {
                self.queue.release(claimed, self.timing.backoff).await?;
            }
            Tried::Failed(answer) => self.failed(claimed, &answer).await?,
        }
        Ok(())
    }

    /// A ticket in each mailbox.
    async fn deliver(&self, mail: &Mail) -> Result<Tried, BoxError> {
        let mailboxes = self.routing.table().await?.mailboxes(mail);
        let (mut tickets, mut keys, mut until, mut any_fresh) = (Vec::new(), Vec::new(), 0, false);
        for mailbox in &mailboxes {
            let key = Key::new(mail, *mailbox);
            let (key, claim) = self.dedup.claim(key, &mail.id).await?;
            hold("dedup-claimed").await;
            let marker = marker(&key.key);
            let ticket = match claim {
                Claim::Running => return Ok(Tried::Busy),
                Claim::Done(ticket) => {
                    let ticket = ticket.unwrap_or_default();
                    tracing::info!(mail = mail.id, ticket, "this mail has its ticket already");
                    metrics::counter!("mail_pipeline_duplicates_total").increment(1);
                    ticket
                }
                Claim::Unknown => match self.freescout.find(*mailbox, &marker).await? {
                    Err(answer) => return Ok(Tried::Failed(answer)),
                    Ok(Some(ticket)) => {
                        tracing::info!(mail = mail.id, ticket, "an earlier try made the ticket");
                        metrics::counter!("mail_pipeline_found_total").increment(1);
                        ticket
                    }
                    Ok(None) => match self.make(mail, *mailbox, &marker).await? {
                        Ok(ticket) => ticket,
                        Err(answer) => return Ok(Tried::Failed(answer)),
                    },
                },
                Claim::Fresh => match self.make(mail, *mailbox, &marker).await? {
                    Ok(ticket) => {
                        any_fresh = true;
                        ticket
                    }
                    Err(answer) => {
                        // Only who never left a try without an answer knows that there is none.
                        if !matches!(answer.meaning, Meaning::Unclear(_)) {
                            self.dedup.release(&key, &mail.id).await?;
                        }
                        return Ok(Tried::Failed(answer));
                    }
                },
            };
            until = self.dedup.confirm(&key, &ticket).await?;
            hold("dedup-confirmed").await;
            tickets.push(ticket);
            keys.push(key.key);
        }
        let mailboxes: Vec<_> = mailboxes.iter().map(i64::to_string).collect();
        let done = Done {
            mailboxes: mailboxes.join(","),
            tickets: tickets.join(","),
            dedup_keys: keys.join(","),
            dedup_until: until,
        };
        Ok(Tried::Done {
            done,
            fresh: any_fresh,
        })
    }

    async fn make(
        &self,
        mail: &Mail,
        mailbox: i64,
        marker: &str,
    ) -> Result<Result<String, Answer>, BoxError> {
        hold("before-post").await;
        let answer = self.freescout.make(mail, mailbox, marker).await?;
        hold("after-post").await;
        Ok(match answer.meaning {
            Meaning::Made(ticket) => Ok(ticket),
            _ => Err(answer),
        })
    }

    async fn failed(&self, claimed: &Claimed, answer: &Answer) -> Result<(), BoxError> {
        let Answer { meaning, text } = answer;
        let id = claimed.message.id.as_str();
        if meaning.is_outage() {
            self.breaker.on_error();
        } else {
            self.breaker.on_success();
        }
        let (reason, wait, counts) = match meaning {
            Meaning::Reject(reason) => return self.bury(claimed, reason, text).await,
            Meaning::Stop(reason) => {
                tracing::error!(
                    mail = id,
                    reason,
                    answer = text,
                    "the bridge stops; mails stay in the queue"
                );
                self.stop.stop(reason, text).await?;
                self.queue.release(claimed, Duration::ZERO).await?;
                return Ok(());
            }
            Meaning::Later { reason, wait } => (*reason, *wait, *reason != RATE_LIMITED),
            Meaning::Unclear(reason) => (*reason, None, true),
            // Handled where it came.
            Meaning::Made(_) => ("server_error", None, true),
        };
        metrics::counter!("mail_pipeline_retries_total", "reason" => reason).increment(1);
        let failures = if counts {
            self.journal.failed(id, reason, text).await?
        } else {
            1
        };
        tracing::warn!(
            mail = id,
            reason,
            failures,
            answer = text,
            "a mail has no ticket yet"
        );
        if failures >= self.timing.attempts
            || claimed.deliveries > self.timing.attempts + MOST_CLAIMS
        {
            return self.bury(claimed, reason, text).await;
        }
        let own = backoff(failures, self.timing.backoff, self.timing.backoff_most);
        self.queue.release(claimed, wait.unwrap_or(own)).await?;
        Ok(())
    }

    async fn bury(&self, claimed: &Claimed, reason: &str, answer: &str) -> Result<(), BoxError> {
        let id = claimed.message.id.as_str();
        tracing::error!(mail = id, reason, answer, "a mail is a dead letter");
        if self.queue.dead_letter(claimed, reason, answer).await? {
            self.journal.dead(id, reason, answer).await?;
            metrics::counter!("mail_pipeline_dead_letters_total", "reason" => reason.to_owned())
                .increment(1);
        }
        Ok(())
    }
}

/// How a ticket is known again: at the end of its subject, as far as the help desk lists that.
fn marker(key: &str) -> String {
    format!("[mail {}]", &key[..MARKER])
}
