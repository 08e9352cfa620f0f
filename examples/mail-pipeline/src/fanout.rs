//! Who is told of dead letters: a URL and an address, as far as they are configured. One job each, kept
//! with the letter. A job that fails comes again, and after its last try it is given up in the log:
//! it is no dead letter itself.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::clock;
use crate::config::Config;
use crate::database::{Db, either};
use crate::outbound::Outbound;
use crate::queue::{BoxError, backoff};

const TRIES: i64 = 10;
/// For how long a job is its node's.
const LEASE: i64 = 60_000;

#[derive(Clone)]
pub(crate) struct Fanout {
    db: Db,
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
    pub(crate) fn new(db: Db, config: &Config, outbound: Outbound) -> Result<Self, BoxError> {
        let client = Client::builder()
            .user_agent(concat!("mail-pipeline/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .timeout(Duration::from_secs(10))
            .build()?;
        Ok(Self {
            db,
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
                let answer = self.client.post(url.clone()).json(&letter).send().await?;
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
