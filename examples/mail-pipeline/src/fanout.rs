//! Who is told of dead letters: a URL and an address, as far as they are configured. One job each, kept
//! with the letter. A job that fails comes again, and after its last try it is given up in the log:
//! it is no dead letter itself.
//!
//! What is posted is signed as Standard Webhooks says (`v1`, HMAC-SHA256), by the sealed
//! `dead_letter_secret`. Its `webhook-id` is the same at each try, for whoever takes a letter once.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::time::sleep;

use crate::clock;
use crate::config::{Config, Secret};
use crate::database::{Db, either};
use crate::dedup::digest;
use crate::outbound::Outbound;
use crate::queue::{BoxError, backoff};
use crate::sealed::Vault;

const TRIES: i64 = 10;
/// For how long a job is its node's.
const LEASE: i64 = 60_000;

/// The secret's name in the vault.
pub(crate) const SECRET: &str = "dead_letter_secret";

#[derive(Clone)]
pub(crate) struct Fanout {
    db: Db,
    vault: Vault,
    client: Client,
    url: Option<Url>,
    mail: Option<String>,
    outbound: Outbound,
    poll: Duration,
    wait: Duration,
}

type Row = (String, i64, String, i64);
type Letter = (Vec<u8>, i64, i64, String, String);

impl Fanout {
    pub(crate) async fn new(
        db: Db,
        vault: Vault,
        config: &Config,
        outbound: Outbound,
    ) -> Result<Self, BoxError> {
        if config.dead_letter_url.is_some() && vault.get(SECRET).await?.is_none() {
            return Err(format!(
                "DEAD_LETTER_URL is set, and there is no {SECRET} to sign with: set \
                 DEAD_LETTER_SECRET, or `mail-pipeline secrets set {SECRET}`, to whsec_ and the \
                 base64 of 24 to 64 random bytes"
            )
            .into());
        }
        let client = Client::builder()
            .user_agent(concat!("mail-pipeline/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .timeout(Duration::from_secs(10))
            .build()?;
        Ok(Self {
            db,
            vault,
            client,
            url: config.dead_letter_url.clone(),
            mail: config.dead_letter_mail.clone(),
            outbound,
            poll: config.timing.poll.max(Duration::from_millis(100)),
            wait: config.timing.backoff,
        })
    }

    /// The handlers' names, as the jobs have them.
    pub(crate) fn handlers(config: &Config) -> Vec<String> {
        let url = config
            .dead_letter_url
            .as_ref()
            .map(|_| "webhook".to_owned());
        let mail = config.dead_letter_mail.as_ref().map(|_| "mail".to_owned());
        url.into_iter().chain(mail).collect()
    }

    pub(crate) async fn run(self) {
        loop {
            match self.step().await {
                Ok(true) => {}
                Ok(false) => sleep(self.poll * 5).await,
                Err(error) => {
                    tracing::error!(%error, "dead letters are not told of");
                    sleep(self.poll * 5).await;
                }
            }
        }
    }

    async fn step(&self) -> Result<bool, BoxError> {
        let now = clock::now();
        // Taken by moving its time: who dies with it leaves it to the next.
        let job: Option<Row> = either!(&self.db.pool, pool => sqlx::query_as(
            "UPDATE dead_letter_jobs SET next_at = $1 + $2, attempts = attempts + 1
             WHERE done_at IS NULL AND next_at <= $1 AND attempts < $3
                 AND (letter, dead_at, handler) = (
                     SELECT letter, dead_at, handler FROM dead_letter_jobs
                     WHERE done_at IS NULL AND next_at <= $1 AND attempts < $3
                     ORDER BY next_at LIMIT 1)
             RETURNING letter, dead_at, handler, attempts",
        )
        .bind(now)
        .bind(LEASE)
        .bind(TRIES)
        .fetch_optional(pool)
        .await)?;
        let Some((id, dead_at, handler, attempts)) = job else {
            return Ok(false);
        };
        let letter: Option<Letter> = either!(&self.db.pool, pool => sqlx::query_as(
            "SELECT payload, published_at, deliveries, reason, answer FROM dead_letters WHERE id = $1",
        )
        .bind(&id)
        .fetch_optional(pool)
        .await)?;
        let told = match letter {
            Some(letter) => self.tell(&handler, &id, dead_at, letter).await,
            None => Ok(()),
        };
        let (done_at, error, next_at) = match &told {
            Ok(()) => (Some(clock::now()), None, now),
            Err(error) => {
                let wait = backoff(attempts, self.wait, Duration::from_secs(300));
                (
                    None,
                    Some(error.to_string()),
                    clock::now() + clock::millis(wait),
                )
            }
        };
        if let Some(error) = &error {
            let given_up = attempts >= TRIES;
            tracing::error!(
                letter = id,
                handler,
                attempts,
                given_up,
                error,
                "a dead letter was not told of"
            );
            metrics::counter!("mail_pipeline_dead_letter_handler_errors_total").increment(1);
        }
        either!(&self.db.pool, pool => sqlx::query(
            "UPDATE dead_letter_jobs SET done_at = $4, error = $5, next_at = $6
             WHERE letter = $1 AND dead_at = $2 AND handler = $3",
        )
        .bind(&id)
        .bind(dead_at)
        .bind(&handler)
        .bind(done_at)
        .bind(error)
        .bind(next_at)
        .execute(pool)
        .await
        .map(drop))?;
        Ok(true)
    }

    async fn tell(
        &self,
        handler: &str,
        id: &str,
        dead_at: i64,
        letter: Letter,
    ) -> Result<(), BoxError> {
        let (payload, published_at, deliveries, reason, answer) = letter;
        let original = serde_json::from_slice::<Value>(&payload).unwrap_or(Value::Null);
        let letter = json!({
            "id": id,
            "reason": reason,
            "last_answer": answer,
            "attempts": deliveries,
            "first_at": clock::text(published_at),
            "last_at": clock::text(dead_at),
            "original": original,
        });
        match (handler, &self.url, &self.mail) {
            ("webhook", Some(url), _) => {
                let secret = self.vault.get(SECRET).await?;
                let key = signing_key(&secret.ok_or("there is no dead_letter_secret")?)?;
                let id = digest([id.as_bytes(), &dead_at.to_be_bytes()]);
                let id = format!("msg_{}", &id[..32]);
                let at = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
                let body = letter.to_string();
                let request = self.client.post(url.clone());
                let answer = request
                    .header(CONTENT_TYPE, "application/json")
                    .header("webhook-signature", signature(&key, &id, at, &body)?)
                    .header("webhook-id", id)
                    .header("webhook-timestamp", at)
                    .body(body)
                    .send()
                    .await?;
                if !answer.status().is_success() {
                    return Err(format!("{} was answered", answer.status()).into());
                }
                Ok(())
            }
            ("mail", _, Some(to)) => {
                let subject = format!("Dead letter: {reason}");
                let mut letter = letter;
                // An address may read who wrote, and that somebody has to look.
                letter["original"] = Value::Null;
                let text = serde_json::to_string_pretty(&letter)?;
                self.outbound.tell(to, &subject, text).await
            }
            // A handler that is no more.
            _ => Ok(()),
        }
    }
}

/// The bytes of a secret as receivers have it.
pub(crate) fn signing_key(secret: &Secret) -> Result<Vec<u8>, BoxError> {
    let text: &str = secret.as_ref();
    let key = text
        .strip_prefix("whsec_")
        .and_then(|text| STANDARD.decode(text).ok())
        .filter(|key| (24..=64).contains(&key.len()));
    key.ok_or_else(|| {
        format!("{SECRET} is not whsec_ and the base64 of 24 to 64 bytes: make one by `echo whsec_$(openssl rand -base64 32)`")
            .into()
    })
}

fn signature(key: &[u8], id: &str, at: u64, body: &str) -> Result<String, BoxError> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key)?;
    mac.update(format!("{id}.{at}.{body}").as_bytes());
    Ok(format!(
        "v1,{}",
        STANDARD.encode(mac.finalize().into_bytes())
    ))
}
