//! Mails that leave: that a mail has arrived, to who wrote it, and that one is a dead letter, to the
//! operator.
//!
//! A reply to a program's mail would be replied to. So there is none to what says that it is automatic
//! (RFC 3834), comes from a list or a bounce, or from an address of our own; at most one an hour to each
//! sender; and each says of itself that it is automatic.

use std::time::Duration;

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MessageBuilder};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};

use crate::clock;
use crate::config::Secret;
use crate::database::{Db, either};
use crate::mail::Mail;
use crate::queue::BoxError;
use crate::routing::Routing;

/// To one sender not more than one reply in this time.
const PAUSE: Duration = Duration::from_secs(3600);

type Transport = AsyncSmtpTransport<Tokio1Executor>;

#[derive(Clone)]
pub(crate) struct Outbound {
    db: Db,
    /// The transport, and whom mails are from.
    way: Option<(Transport, Mailbox)>,
}

impl Outbound {
    pub(crate) fn new(db: Db, url: Option<&Secret>, from: Option<&str>) -> Result<Self, BoxError> {
        let way = match (url, from) {
            (Some(url), Some(from)) => {
                let transport = Transport::from_url(url.as_ref())
                    .map_err(|error| format!("smtp_url is of no use: {error}"))?
                    .timeout(Some(Duration::from_secs(10)))
                    .build();
                let from = from
                    .parse()
                    .map_err(|error| format!("REPLY_FROM is no address: {error}"))?;
                Some((transport, from))
            }
            _ => {
                tracing::warn!(
                    "no auto-replies: they need the secret smtp_url and the variable REPLY_FROM"
                );
                None
            }
        };
        Ok(Self { db, way })
    }

    pub(crate) fn is_on(&self) -> bool {
        self.way.is_some()
    }

    /// Tells the sender that the mail has arrived. A failure is logged: the ticket exists.
    pub(crate) async fn reply(&self, mail: &Mail, routing: &Routing) {
        let Some((transport, from)) = &self.way else {
            return;
        };
        let sent = async {
            let own = mail.from.email.eq_ignore_ascii_case(from.email.as_ref())
                || routing
                    .table()
                    .await?
                    .0
                    .contains_key(&mail.from.email.to_ascii_lowercase());
            if mail.automatic || own || self.was_told(mail).await? {
                return Ok(false);
            }
            let subject = format!("Re: {}", one_line(&mail.subject));
            let mut message = builder(from).to(mail.from.email.parse()?).subject(subject);
            if let Some(id) = &mail.message_id {
                let id = one_line(id);
                message = message.in_reply_to(id.clone()).references(id);
            }
            let text = "Thank you for your mail. It has arrived, and a person will read it.\n";
            transport.send(message.body(text.to_owned())?).await?;
            Ok::<_, BoxError>(true)
        };
        match sent.await {
            Ok(sent) => tracing::debug!(mail = mail.id, sent, "auto-reply"),
            Err(error) => {
                tracing::warn!(mail = mail.id, %error, "an auto-reply was not sent");
                metrics::counter!("mail_pipeline_reply_errors_total").increment(1);
            }
        }
    }

    /// Whether another mail of this sender has its ticket since a short time ago.
    async fn was_told(&self, mail: &Mail) -> Result<bool, sqlx::Error> {
        let since = clock::now() - clock::millis(PAUSE);
        let others: i64 = either!(&self.db.pool, pool => sqlx::query_scalar(
            "SELECT COUNT(*) FROM mails WHERE sender = $1 AND id <> $2 AND done_at > $3",
        )
        .bind(&mail.from.email)
        .bind(&mail.id)
        .bind(since)
        .fetch_one(pool)
        .await)?;
        Ok(others > 0)
    }

    /// Tells somebody of ours something.
    pub(crate) async fn tell(&self, to: &str, subject: &str, text: String) -> Result<(), BoxError> {
        let (transport, from) = self
            .way
            .as_ref()
            .ok_or("mails cannot be sent: no smtp_url")?;
        let message = builder(from)
            .to(to.parse()?)
            .subject(one_line(subject))
            .body(text)?;
        transport.send(message).await?;
        Ok(())
    }
}

fn builder(from: &Mailbox) -> MessageBuilder {
    let header = |name, value: &str| {
        HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
    };
    Message::builder()
        .from(from.clone())
        .raw_header(header("Auto-Submitted", "auto-replied"))
        .raw_header(header("X-Auto-Response-Suppress", "All"))
}

/// What is somebody's is no header of its own.
fn one_line(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}
