//! The queue in NATS JetStream, for many machines.
//!
//! A stream has no groups, so there are eight subjects, and a group is in one of them; each has one
//! message under way at a time. That keeps a group in order, and lets a message that waits hold back
//! the groups that share its subject. The server knows an id for two minutes, and numbers a redriven
//! message anew by its round.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use async_nats::jetstream::consumer::{Consumer, pull};
use async_nats::jetstream::stream::{Config, RetentionPolicy, Stream};
use async_nats::jetstream::{self, Context};
use async_nats::{Client, HeaderMap};
use futures_util::StreamExt as _;
use sha2::{Digest, Sha256};

use super::{Answer, BoxError, Claimed, DeadLetters, Depth, Message, Queue, Which};
use crate::clock;

const SUBJECTS: usize = 8;
const ID: &str = "Mail-Id";
const GROUP: &str = "Mail-Group";
/// Where messages wait for one that is under way, the server does not say so: it is asked for so long.
const WAIT: Duration = Duration::from_millis(20);
/// How long the server may take over an acknowledgement.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A queue in JetStream.
pub struct NatsQueue {
    client: Client,
    context: Context,
    stream: Stream,
    consumers: Vec<Consumer<pull::Config>>,
    next: AtomicUsize,
    /// Until when this process has the message under way of each. Nobody here asks for another before.
    taken_until: [AtomicI64; SUBJECTS],
    dead: DeadLetters,
    visibility: Duration,
}

impl NatsQueue {
    pub(crate) async fn connect(
        url: &str,
        dead: DeadLetters,
        visibility: Duration,
    ) -> Result<Self, BoxError> {
        let client = async_nats::ConnectOptions::new()
            .connection_timeout(TIMEOUT)
            .request_timeout(Some(TIMEOUT))
            .connect(url)
            .await
            .map_err(|error| format!("NATS at {} is not reached: {error}; see QUEUE", host(url)))?;
        let context = jetstream::new(client.clone());
        let config = Config {
            name: "MAILS".to_owned(),
            subjects: vec!["mails.*".to_owned()],
            // Kept until it is acknowledged, however long that takes.
            retention: RetentionPolicy::WorkQueue,
            ..Config::default()
        };
        let stream = context.get_or_create_stream(config).await?;
        let mut consumers = Vec::new();
        for number in 0..SUBJECTS {
            let name = format!("bridge-{number}");
            let config = pull::Config {
                durable_name: Some(name.clone()),
                filter_subject: format!("mails.{number}"),
                ack_wait: visibility,
                max_ack_pending: 1,
                ..pull::Config::default()
            };
            consumers.push(stream.get_or_create_consumer(&name, config).await?);
        }
        Ok(Self {
            client,
            context,
            stream,
            consumers,
            next: AtomicUsize::new(0),
            taken_until: Default::default(),
            dead,
            visibility,
        })
    }

    async fn take(&self) -> Result<Option<Claimed>, BoxError> {
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        for number in 0..SUBJECTS {
            let number = (first + number) % SUBJECTS;
            if self.taken_until[number].load(Ordering::Relaxed) > clock::now() {
                continue;
            }
            let mut batch = self.consumers[number]
                .fetch()
                .max_messages(1)
                .expires(WAIT)
                .messages()
                .await?;
            let Some(message) = batch.next().await else {
                continue;
            };
            let message = message?;
            let info = message.info().map_err(|error| error.to_string())?;
            let header = |name: &str| {
                let value = message
                    .headers
                    .as_ref()
                    .and_then(|headers| headers.get(name));
                value
                    .map(|value| value.as_str().to_owned())
                    .unwrap_or_default()
            };
            let reply = message
                .reply
                .as_ref()
                .ok_or("a message cannot be acknowledged")?;
            let until = clock::now() + clock::millis(self.visibility);
            self.taken_until[number].store(until, Ordering::Relaxed);
            return Ok(Some(Claimed {
                message: Message {
                    id: header(ID),
                    group: header(GROUP),
                    payload: message.payload.to_vec(),
                    round: 0,
                },
                published_at: i64::try_from(info.published.unix_timestamp_nanos() / 1_000_000)?,
                deliveries: info.delivered,
                receipt: format!("{until} {reply}"),
            }));
        }
        Ok(None)
    }

    /// The server takes an acknowledgement however late it comes: so it is not sent when the message is
    /// somebody else's.
    async fn answer(&self, claimed: &Claimed, answer: String) -> Result<bool, BoxError> {
        let (until, reply) = claimed
            .receipt
            .split_once(' ')
            .ok_or("this is no claim of NATS")?;
        let until = until.parse()?;
        if clock::now() >= until {
            return Ok(false);
        }
        // A request: it is done when the server says so.
        self.client.request(reply.to_owned(), answer.into()).await?;
        let taken_until = &self.taken_until[number(&claimed.message.group)];
        let _ = taken_until.compare_exchange(until, 0, Ordering::Relaxed, Ordering::Relaxed);
        Ok(true)
    }
}

/// Without the credentials that may be in front of it.
fn host(url: &str) -> &str {
    url.rsplit(['@', '/']).next().unwrap_or_default()
}

/// The same on every machine, whatever built it.
fn number(group: &str) -> usize {
    usize::from(Sha256::digest(group)[0]) % SUBJECTS
}

impl Queue for NatsQueue {
    fn publish<'a>(&'a self, message: &'a Message) -> Answer<'a, ()> {
        Box::pin(async move {
            let mut headers = HeaderMap::new();
            headers.insert(ID, message.id.as_str());
            headers.insert(GROUP, message.group.as_str());
            let known = format!("{}.{}", message.id, message.round);
            headers.insert("Nats-Msg-Id", known.as_str());
            let payload = message.payload.clone().into();
            let sent = self
                .context
                .publish_with_headers(
                    format!("mails.{}", number(&message.group)),
                    headers,
                    payload,
                )
                .await?;
            sent.await?;
            Ok(())
        })
    }

    fn claim(&self) -> Answer<'_, Option<Claimed>> {
        Box::pin(self.take())
    }

    fn confirm<'a>(&'a self, claimed: &'a Claimed) -> Answer<'a, bool> {
        Box::pin(self.answer(claimed, "+ACK".to_owned()))
    }

    fn release<'a>(&'a self, claimed: &'a Claimed, after: Duration) -> Answer<'a, bool> {
        let answer = format!(r#"-NAK {{"delay": {}}}"#, after.as_nanos());
        Box::pin(self.answer(claimed, answer))
    }

    fn dead_letter<'a>(
        &'a self,
        claimed: &'a Claimed,
        reason: &'a str,
        answer: &'a str,
    ) -> Answer<'a, bool> {
        Box::pin(async move {
            let (until, _) = claimed
                .receipt
                .split_once(' ')
                .ok_or("this is no claim of NATS")?;
            if clock::now() >= until.parse()? {
                return Ok(false);
            }
            // First there, then not here: killed in between, it comes again and is buried again.
            self.dead.bury(claimed, reason, answer, None).await?;
            self.answer(claimed, "+ACK".to_owned()).await
        })
    }

    fn depth(&self) -> Answer<'_, Depth> {
        Box::pin(async move {
            let state = self.stream.get_info().await?.state;
            let messages = i64::try_from(state.messages)?;
            let first = i64::try_from(state.first_timestamp.unix_timestamp_nanos() / 1_000_000)?;
            let oldest_ms = if messages == 0 {
                0
            } else {
                (clock::now() - first).max(0)
            };
            Ok(Depth {
                messages,
                oldest_ms,
                dead: self.dead.count().await?,
            })
        })
    }

    fn redrive<'a>(&'a self, which: &'a Which) -> Answer<'a, u64> {
        Box::pin(self.dead.redrive(self, which))
    }
}
