//! Moving house: from the file that a service starts with to the server that it grows into, or back.

use std::error::Error;
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use session_auth::Timestamp;
use session_auth::store::{ApiKey, ApiKeyStore, SessionStore, StoreError, StoredSession};

use super::{Store, text};
use crate::Database;
use crate::database::{SessionStores, either};

/// Payloads are up to 1 MiB each.
const EVENTS_AT_ONCE: i64 = 50;

/// What was copied.
#[derive(Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Copied {
    /// Lines of the waitlist.
    pub signups: u64,
    /// Events of senders.
    pub events: u64,
    /// Accounts.
    pub users: u64,
    /// Sessions that had not expired.
    pub sessions: u64,
    /// API keys.
    pub keys: u64,
}

/// Copies everything. Stop the service first: what it gets after that stays behind.
///
/// Sessions go on where the new service has the same `SESSION_AUTH_KEYS`.
///
/// # Errors
///
/// One of the two cannot be opened, or `to` has something in it. Then nothing was copied, or
/// sessions and API keys alone, which a second try skips.
pub async fn copy(from: &Database, to: &Database) -> Result<Copied, Box<dyn Error>> {
    let (from, to) = (from.open_existing().await?, to.open().await?);
    let found = to.store.rows().await?;
    if found > 0 {
        return Err(format!(
            "there is something in the database to copy to ({found} rows): name an empty one, on \
             which no service has run"
        )
        .into());
    }
    let users = from.store.users().await?;
    // Before the transaction, which in SQLite lets nobody else write.
    let (mut sessions, mut keys) = (0, 0);
    for (name, _) in &users {
        sessions += copy_sessions(name, &from.sessions, &to.sessions).await?;
        keys += copy_keys(name, &from.sessions, &to.sessions).await?;
    }
    let copied = from.store.copy_to(&to.store, users).await?;
    Ok(Copied {
        sessions,
        keys,
        ..copied
    })
}

type User = (String, String);
type Signup = (String, String, bool, i64, String, String);
type Event = (i64, String, String, Vec<u8>, String);

impl Store {
    async fn rows(&self) -> Result<i64, sqlx::Error> {
        either!(&self.pool, pool => sqlx::query_scalar(
            "SELECT (SELECT count(*) FROM signups) + (SELECT count(*) FROM events)
                  + (SELECT count(*) FROM users)",
        )
        .fetch_one(pool)
        .await)
    }

    async fn users(&self) -> Result<Vec<User>, sqlx::Error> {
        either!(&self.pool, pool => sqlx::query_as("SELECT name, password_hash FROM users")
            .fetch_all(pool)
            .await)
    }

    async fn all_signups(&self) -> Result<Vec<Signup>, sqlx::Error> {
        either!(&self.pool, pool => sqlx::query_as(
            "SELECT email, source, consent, submissions, first_at, last_at FROM signups",
        )
        .fetch_all(pool)
        .await)
    }

    async fn events_after(&self, id: i64) -> Result<Vec<Event>, sqlx::Error> {
        either!(&self.pool, pool => sqlx::query_as(
            "SELECT id, sender, kind, payload, received_at FROM events
             WHERE id > $1 ORDER BY id LIMIT $2",
        )
        .bind(id)
        .bind(EVENTS_AT_ONCE)
        .fetch_all(pool)
        .await)
    }

    /// All or nothing.
    async fn copy_to(&self, to: &Self, users: Vec<User>) -> Result<Copied, sqlx::Error> {
        let mut copied = Copied::default();
        either!(&to.pool, pool => {
            let mut target = pool.begin().await?;
            for (name, hash) in users {
                sqlx::query("INSERT INTO users (name, password_hash) VALUES ($1, $2)")
                    .bind(name)
                    .bind(hash)
                    .execute(&mut *target)
                    .await?;
                copied.users += 1;
            }
            for (email, source, consent, submissions, first_at, last_at) in
                self.all_signups().await?
            {
                sqlx::query(
                    "INSERT INTO signups (email, source, consent, submissions, first_at, last_at)
                     VALUES ($1, $2, $3, $4, $5, $6)",
                )
                .bind(email)
                .bind(text(&source))
                .bind(consent)
                .bind(submissions)
                .bind(first_at)
                .bind(last_at)
                .execute(&mut *target)
                .await?;
                copied.signups += 1;
            }
            let mut last = i64::MIN;
            loop {
                let events = self.events_after(last).await?;
                let Some((id, ..)) = events.last() else { break };
                last = *id;
                // Their order stays, their numbers need not.
                for (_, sender, kind, payload, received_at) in events {
                    sqlx::query(
                        "INSERT INTO events (sender, kind, payload, received_at)
                         VALUES ($1, $2, $3, $4)",
                    )
                    .bind(sender)
                    .bind(text(&kind))
                    .bind(payload)
                    .bind(received_at)
                    .execute(&mut *target)
                    .await?;
                    copied.events += 1;
                }
            }
            target.commit().await?;
        });
        Ok(copied)
    }
}

/// By the stores' own interface: their tables are their own matter.
async fn copy_sessions(
    subject: &str,
    from: &SessionStores,
    to: &SessionStores,
) -> Result<u64, Box<dyn Error>> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let sessions = either!(from, from => from.list(subject, Timestamp::from_secs(now)).await)?;
    let mut copied = 0;
    for session in sessions {
        copied += either!(to, to => insert(to, &session).await)?;
    }
    Ok(copied)
}

async fn copy_keys(
    subject: &str,
    from: &SessionStores,
    to: &SessionStores,
) -> Result<u64, StoreError> {
    let keys = either!(from, from => from.keys_of(subject).await)?;
    let mut copied = 0;
    for key in keys {
        copied += either!(to, to => add(to, &key).await)?;
    }
    Ok(copied)
}

async fn add(to: &impl ApiKeyStore, key: &ApiKey) -> Result<u64, StoreError> {
    if to.find_key(key.id).await?.is_some() {
        return Ok(0);
    }
    to.add_key(key).await?;
    Ok(1)
}

async fn insert(to: &impl SessionStore, session: &StoredSession) -> Result<u64, StoreError> {
    let subject = &session.subject;
    if to.find(subject, session.id).await?.is_some() {
        return Ok(0);
    }
    let generation = to.generation(subject).await?;
    Ok(to.insert(session, generation).await?.into())
}

impl fmt::Display for Copied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            signups,
            events,
            users,
            sessions,
            keys,
        } = self;
        write!(
            f,
            "{signups} signups, {events} events, {users} users, {sessions} sessions and {keys} API keys"
        )
    }
}
