//! Which mails have their ticket: claimed before the help desk is asked, confirmed after the ticket
//! exists, and given back where it was not made.
//!
//! The key is SHA-256 of Message-ID and mailbox, so that a second mailbox gets its copy. An entry also
//! has a fingerprint of the content: anyone can send somebody else's Message-ID, and what has another
//! content is another mail, under a key of its own.

use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::clock;
use crate::database::{Db, commit, either};
use crate::mail::Mail;

/// How long a ticket is remembered: 7,776,000 s.
pub(crate) const KEPT: Duration = Duration::from_secs(90 * 24 * 60 * 60);

#[derive(Clone)]
pub(crate) struct Dedup {
    db: Db,
    /// After so long, a claim is another mail's to take.
    lease: Duration,
}

/// What a claim found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// Nobody has asked the help desk for this ticket.
    Fresh,
    /// Somebody has, and it is not known what became of it: look before asking again.
    Unknown,
    /// Another copy of the mail is under way.
    Running,
    /// The ticket exists.
    Done(Option<String>),
}

/// By what a mail for one mailbox is known.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) key: String,
    fingerprint: String,
}

impl Key {
    pub(crate) fn new(mail: &Mail, mailbox: i64) -> Self {
        // A mail without a Message-ID is known by the id that the provider gave it.
        let id = mail.message_id.as_ref().unwrap_or(&mail.id);
        Self {
            key: digest([id.as_bytes(), &mailbox.to_be_bytes()]),
            fingerprint: mail.fingerprint(),
        }
    }

    /// Where another mail has the plain key.
    fn of_its_own(&self) -> Self {
        Self {
            key: digest([self.key.as_bytes(), self.fingerprint.as_bytes()]),
            fingerprint: self.fingerprint.clone(),
        }
    }
}

/// Of the parts with their lengths, so that no two lists of parts are alike.
pub(crate) fn digest<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    clock::hex(&hash.finalize())
}

impl Dedup {
    pub(crate) fn new(db: Db, lease: Duration) -> Self {
        Self { db, lease }
    }

    /// Claims the ticket for this mail. The key is the one to go on with.
    pub(crate) async fn claim(&self, key: Key, mail: &str) -> Result<(Key, Claim), sqlx::Error> {
        match self.claim_one(&key, mail).await? {
            Some(claim) => Ok((key, claim)),
            None => {
                tracing::warn!(
                    mail,
                    "a Message-ID is that of another mail, with other content"
                );
                metrics::counter!("mail_pipeline_message_id_reused_total").increment(1);
                let key = key.of_its_own();
                let claim = self.claim_one(&key, mail).await?;
                Ok((key, claim.unwrap_or(Claim::Running)))
            }
        }
    }

    /// `None`: the key is that of a mail with another content.
    async fn claim_one(&self, key: &Key, mail: &str) -> Result<Option<Claim>, sqlx::Error> {
        let now = clock::now();
        let until = now.saturating_add(clock::millis(self.lease));
        // The mail's own claim is left from a try that ended without an answer.
        let (own, mail) = (key.clone(), mail.to_owned());
        let claims: Option<i64> = commit!(self.db, connection => sqlx::query_scalar(
            "INSERT INTO dedup (key, fingerprint, mail, state, claims, until)
             VALUES ($1, $2, $3, 'claimed', 1, $5)
             ON CONFLICT (key) DO UPDATE SET
                 claims = CASE WHEN dedup.state = 'done' THEN 1 ELSE dedup.claims + 1 END,
                 fingerprint = excluded.fingerprint, mail = excluded.mail,
                 state = 'claimed', until = excluded.until, ticket = NULL
             WHERE (dedup.state = 'done' AND dedup.until <= $4)
                OR (dedup.state = 'claimed' AND dedup.fingerprint = excluded.fingerprint
                    AND (dedup.mail = excluded.mail OR dedup.until <= $4))
             RETURNING claims",
        )
        .bind(own.key)
        .bind(own.fingerprint)
        .bind(mail)
        .bind(now)
        .bind(until)
        .fetch_optional(connection)
        .await)?;
        if let Some(claims) = claims {
            let claim = if claims == 1 {
                Claim::Fresh
            } else {
                Claim::Unknown
            };
            return Ok(Some(claim));
        }
        let row: Option<(String, String, Option<String>)> = either!(&self.db.pool, pool =>
            sqlx::query_as("SELECT state, fingerprint, ticket FROM dedup WHERE key = $1")
                .bind(&key.key)
                .fetch_optional(pool)
                .await)?;
        Ok(match row {
            Some((_, fingerprint, _)) if fingerprint != key.fingerprint => None,
            Some((state, _, ticket)) if state == "done" => Some(Claim::Done(ticket)),
            // Given back just now, or somebody else's.
            _ => Some(Claim::Running),
        })
    }

    /// The ticket exists. Returns until when that is known, in milliseconds since 1970.
    pub(crate) async fn confirm(&self, key: &Key, ticket: &str) -> Result<i64, sqlx::Error> {
        let until = clock::now().saturating_add(clock::millis(KEPT));
        let (key, ticket) = (key.key.clone(), ticket.to_owned());
        commit!(self.db, connection => sqlx::query(
            "UPDATE dedup SET state = 'done', until = $2, ticket = $3 WHERE key = $1",
        )
        .bind(key)
        .bind(until)
        .bind(ticket)
        .execute(connection)
        .await
        .map(drop))?;
        Ok(until)
    }

    /// The help desk made none, for sure: what comes again is not held back.
    pub(crate) async fn release(&self, key: &Key, mail: &str) -> Result<(), sqlx::Error> {
        let (key, mail) = (key.key.clone(), mail.to_owned());
        commit!(self.db, connection => sqlx::query(
            "DELETE FROM dedup WHERE key = $1 AND mail = $2 AND state = 'claimed'",
        )
        .bind(key)
        .bind(mail)
        .execute(connection)
        .await
        .map(drop))
    }

    /// Forgets what is 90 days old.
    pub(crate) async fn purge(&self) -> Result<(), sqlx::Error> {
        either!(&self.db.pool, pool => sqlx::query(
            "DELETE FROM dedup WHERE state = 'done' AND until <= $1",
        )
        .bind(clock::now())
        .execute(pool)
        .await
        .map(drop))
    }
}
