//! Sessions and API keys in Redis.

mod api_keys;
mod replays;
mod row;
mod scripts;
#[cfg(feature = "redis-sentinel")]
mod sentinel;

use std::fmt;
use std::time::Duration;

use redis::aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig};
use redis::io::tcp::TcpSettings;
use redis::io::tcp::socket2::TcpKeepalive;
use redis::{
    AsyncConnectionConfig, Client, ErrorKind, IntoConnectionInfo, RedisError, ServerErrorKind,
};
use sha2::{Digest, Sha256};

#[cfg(feature = "redis-sentinel")]
pub use self::sentinel::SentinelConnection;
use super::error::StoreError;
use super::memory::KEEP_GENERATION;
use super::session_store::{
    Generation, MAX_BEFORE, MAX_LISTED, SessionStore, StoredSession, deadlines,
};
use crate::clock::Timestamp;
use crate::session_id::SessionId;

/// What keys begin with, unless [`RedisStore::prefix`] says otherwise.
const DEFAULT_PREFIX: &str = "session-auth:";

/// How long [`RedisStore::connect`] waits for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long one attempt to connect again takes at the most, ..
const RECONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// .. and the longest pause before the next. It never gives up.
const RECONNECT_PAUSE: Duration = Duration::from_millis(250);
/// How long data may go unacknowledged before the connection counts as dead. Without this a host
/// that vanished is waited for as long as TCP retransmits: a quarter of an hour.
#[cfg(target_os = "linux")]
const DEAD_AFTER: Duration = Duration::from_secs(3);
/// How long an answer may take. The layer's timeout is shorter, unless it was raised.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// Keeps sessions and API keys in Redis 5 or later, or Valkey: for services on many machines.
///
/// ```no_run
/// use session_auth::store::RedisStore;
/// use session_auth::{Keys, SessionAuthLayer};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let store = RedisStore::connect("redis://127.0.0.1/").await?.prefix("myapp:");
/// let auth = SessionAuthLayer::builder(Keys::from_env()?).store(store).build()?;
/// # Ok(())
/// # }
/// ```
///
/// A clone uses the same connection. One is enough for a process: commands of many requests share
/// it. It is made again by itself whenever it is lost, for as long as that takes.
///
/// # What Redis has to do
///
/// - Keep what it was told. Without persistence a restart logs everybody out: set `appendonly yes`.
///   With `appendfsync everysec` the last second can be lost, and so can what a replica had not got
///   when it took over; a session that was revoked just then is good again until its deadline.
///   Where that matters, set `appendfsync always`.
/// - Evict nothing: `maxmemory-policy noeviction`. Who is evicted is logged out. When its memory is full nobody
///   can log in; who is logged in stays so, and can log out.
/// - Expire keys. Each has a time to live on Redis's own clock: from its last use on, what the session
///   had left, and ten minutes for clocks that differ. Nothing is left to sweep.
///
/// # Keys
///
/// All of a subject is in one hash, whose key is the prefix and the SHA-256 of the subject in
/// hexadecimal digits, `session-auth:<sha256>`. So an operation is one command or one script on one
/// key, and Redis Cluster can keep it wherever it likes.
///
/// | field | what |
/// |---|---|
/// | `subject` | whose it is |
/// | `generation` | how often all sessions were revoked |
/// | `added` | how many sessions there have been |
/// | 32 digits | the session of this id, `1 number issued seen idle absolute going previous label`; or `>id until` for an id of before a renewal |
///
/// A replay window keeps a key for each delivery, the prefix, `delivery:` and 64 digits, for as long as
/// it is remembered.
///
/// Each API key is a hash, the prefix, `{api-keys}:` and its id, and the ids of a subject are a set, the
/// prefix, `{api-keys}:of:` and the SHA-256 of the subject. Redis drops a key 30 days after it has ended, and
/// the set with the last of them.
/// In Redis Cluster all API keys are on one node.
///
/// The hash expires when the last session in it has, a day after the last
/// `revoke_all` at the soonest; what has expired before is taken out with the next login.
///
/// Redis Cluster needs a client of its own, which [`new`](Self::new) takes: a `ClusterConnection` of
/// the crate `redis`. For Redis Sentinel there is `connect_sentinel`, with the feature `redis-sentinel`.
///
/// # TLS
///
/// `rediss://` works where the service enables a TLS feature of the crate `redis`, such as
/// `tokio-rustls-comp`, which trusts what the machine trusts. For an authority of your own make a client by
/// `redis::Client::build_with_tls`, and give it to [`connect_with`](RedisStore::connect_with). Where several
/// providers of cryptography for rustls are among the service's crates, it has to choose one before that, by
/// `CryptoProvider::install_default` of rustls, or the first connection panics.
#[derive(Clone)]
pub struct RedisStore<C = ConnectionManager> {
    connection: C,
    prefix: String,
    /// Whether the connection is ours to close, and is then made again.
    ours: bool,
}

impl RedisStore {
    /// Connects to the Redis of this URL: `redis://[user:password@]host[:port][/database]`.
    ///
    /// # Errors
    ///
    /// That is no such URL, or no connection came about within five seconds. The text says why, and
    /// has no part of the URL.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        Self::connect_with(client(url)?).await
    }

    /// Connects by a client that the service has made, of the same major version of the crate `redis`:
    /// one with certificates of its own, say. Give its socket a `user_timeout` and `keepalive`, or a host
    /// that vanished is waited for as long as TCP retransmits.
    ///
    /// # Errors
    ///
    /// No connection came about within five seconds.
    pub async fn connect_with(client: Client) -> Result<Self, StoreError> {
        // By itself, for its error: the manager would try forever.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(CONNECT_TIMEOUT));
        client
            .get_multiplexed_async_connection_with_config(&config)
            .await
            .map_err(unavailable)?;
        Self::managed(client)
    }

    /// Like [`connect`](Self::connect), without waiting for the connection: for a service that is to
    /// start, and serve its public routes and webhooks, while Redis is down.
    ///
    /// # Errors
    ///
    /// That is no such URL.
    ///
    /// # Panics
    ///
    /// Outside of tokio's runtime.
    pub fn connect_lazy(url: &str) -> Result<Self, StoreError> {
        Self::managed(client(url)?)
    }

    fn managed(client: Client) -> Result<Self, StoreError> {
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(RECONNECT_TIMEOUT))
            .set_response_timeout(Some(ANSWER_TIMEOUT))
            .set_min_delay(Duration::from_millis(20))
            .set_max_delay(RECONNECT_PAUSE)
            // With an end to it, an error that is not of the network (too many clients, say) would
            // stay the manager's answer for good.
            .set_number_of_retries(usize::MAX);
        let manager = ConnectionManager::new_lazy_with_config(client, config);
        Ok(Self {
            ours: true,
            ..Self::new(manager.map_err(unavailable)?)
        })
    }
}

impl<C> RedisStore<C> {
    /// Uses a connection that the service has made, of the same major version of the crate `redis`: a
    /// [`ConnectionManager`], or a `ClusterConnection`. How it connects again, and how long that
    /// takes, is up to its configuration; [`connect`](RedisStore::connect) has a better one than the
    /// default for this purpose.
    pub fn new(connection: C) -> Self {
        Self {
            connection,
            prefix: DEFAULT_PREFIX.to_owned(),
            ours: false,
        }
    }

    /// What all keys begin with, `session-auth:` by default: for services that share a Redis. In Redis
    /// Cluster it must be without braces, or all subjects are on one node.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    fn key(&self, subject: &str) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let hash = Sha256::digest(subject);
        let mut key = String::with_capacity(self.prefix.len() + 2 * hash.len());
        key.push_str(&self.prefix);
        // Not by `format!`, which takes a microsecond for it, with each request.
        for byte in hash {
            key.push(char::from(DIGITS[usize::from(byte >> 4)]));
            key.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        key
    }
}

impl<C> RedisStore<C>
where
    C: ConnectionLike + Clone + Send + Sync + 'static,
{
    async fn command<T: redis::FromRedisValue>(
        &self,
        command: &redis::Cmd,
    ) -> Result<T, StoreError> {
        let answer = command.query_async(&mut self.connection.clone()).await;
        answer.map_err(|error| self.failed(error))
    }

    async fn script<T: redis::FromRedisValue>(
        &self,
        script: &redis::ScriptInvocation<'_>,
    ) -> Result<T, StoreError> {
        // By its hash; Redis is given the text where it has forgotten it, after a restart.
        let answer = script.invoke_async(&mut self.connection.clone()).await;
        answer.map_err(|error| self.failed(error))
    }

    /// What is kept under an id.
    async fn row(&self, subject: &str, id: SessionId) -> Result<Option<Vec<u8>>, StoreError> {
        let mut get = redis::cmd("HGET");
        get.arg(self.key(subject)).arg(id.to_string());
        self.command(&get).await
    }

    fn failed(&self, error: RedisError) -> StoreError {
        let text = error.detail().unwrap_or_default();
        // Before version 7 a script's error has its code in the text.
        if error.code() == Some("WRONGTYPE")
            || text.contains("WRONGTYPE")
            || text.contains("not an integer")
        {
            return StoreError::unreadable(error);
        }
        // Larger than Redis takes: 512 MB, unless it was told less.
        if text.contains("exceeds maximum allowed size") {
            return StoreError::rejected(error);
        }
        if self.ours && is_read_only(&error) {
            // It goes on answering so: a new connection finds who is the primary now.
            let mut connection = self.connection.clone();
            tokio::spawn(async move {
                let _ = redis::cmd("QUIT").exec_async(&mut connection).await;
            });
        }
        unavailable(error)
    }
}

/// Whether it was the primary until a moment ago.
fn is_read_only(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly)
        || error.detail().is_some_and(|text| text.contains("READONLY"))
}

/// A client for this URL, with a socket that notices when the other side is gone.
fn client(url: &str) -> Result<Client, StoreError> {
    let info = url.into_connection_info().map_err(not_a_url)?;
    let socket = TcpSettings::default().set_nodelay(true).set_keepalive(
        TcpKeepalive::new()
            .with_time(Duration::from_secs(10))
            .with_interval(Duration::from_secs(5)),
    );
    #[cfg(target_os = "linux")]
    let socket = socket.set_user_timeout(DEAD_AFTER);
    Client::open(info.set_tcp_settings(socket)).map_err(unavailable)
}

/// What is wrong with a URL, without the part that is: somebody's password, perhaps.
fn not_a_url(error: RedisError) -> StoreError {
    let text = error.to_string();
    let text = match error.detail() {
        Some(detail) => text.strip_suffix(detail).unwrap_or_default(),
        None => &text,
    };
    StoreError::unavailable(format!(
        "{}; the URL of a Redis is `redis://[user:password@]host[:port][/database]`",
        text.trim_end_matches([':', ' '])
    ))
}

fn unavailable(error: RedisError) -> StoreError {
    StoreError::unavailable(error)
}

impl<C> SessionStore for RedisStore<C>
where
    C: ConnectionLike + Clone + Send + Sync + 'static,
{
    const FORGETS_BY_ITSELF: bool = true;

    async fn generation(&self, subject: &str) -> Result<Generation, StoreError> {
        let mut get = redis::cmd("HGET");
        get.arg(self.key(subject)).arg("generation");
        match self.command::<Option<Vec<u8>>>(&get).await? {
            None => Ok(Generation::default()),
            Some(text) => row::number(&text).map(Generation).ok_or_else(|| {
                StoreError::unreadable("the generation of a subject is not a number")
            }),
        }
    }

    async fn insert(
        &self,
        session: &StoredSession,
        generation: Generation,
    ) -> Result<bool, StoreError> {
        let mut insert = scripts::INSERT.prepare_invoke();
        insert
            .key(self.key(&session.subject))
            .arg(&session.subject)
            .arg(generation.0)
            .arg(session.id.to_string());
        row::write(&mut insert, session);
        self.script(&insert).await
    }

    async fn find(
        &self,
        subject: &str,
        id: SessionId,
    ) -> Result<Option<StoredSession>, StoreError> {
        match self.row(subject, id).await? {
            Some(row) => row::read(&row, subject, id),
            None => Ok(None),
        }
    }

    async fn touch(
        &self,
        subject: &str,
        id: SessionId,
        last_seen: Timestamp,
        idle_deadline: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut touch = scripts::TOUCH.prepare_invoke();
        touch
            .key(self.key(subject))
            .arg(id.to_string())
            .arg(last_seen.as_secs())
            .arg(idle_deadline.as_secs())
            .arg(row::seconds_to_live(last_seen, idle_deadline));
        match self.script(&touch).await? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(row::unreadable(id, "another version or broken times")),
        }
    }

    async fn replace(&self, old: SessionId, session: &StoredSession) -> Result<bool, StoreError> {
        self.renew(old, session, Timestamp::default()).await
    }

    async fn revoke(&self, subject: &str, id: SessionId) -> Result<bool, StoreError> {
        let mut revoke = scripts::REVOKE.prepare_invoke();
        revoke.key(self.key(subject)).arg(id.to_string());
        self.script(&revoke).await
    }

    async fn revoke_all(
        &self,
        subject: &str,
        except: Option<SessionId>,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let mut revoke = scripts::REVOKE_ALL.prepare_invoke();
        revoke
            .key(self.key(subject))
            .arg(subject)
            .arg(except.map(|id| id.to_string()).unwrap_or_default())
            .arg(KEEP_GENERATION)
            .arg(now.as_secs());
        self.script(&revoke).await
    }

    async fn list(&self, subject: &str, now: Timestamp) -> Result<Vec<StoredSession>, StoreError> {
        let mut get = redis::cmd("HGETALL");
        get.arg(self.key(subject));
        let fields: Vec<(Vec<u8>, Vec<u8>)> = self.command(&get).await?;
        let mut sessions = Vec::with_capacity(fields.len());
        for (field, row) in &fields {
            match row::read_listed(field, row, subject) {
                Ok(Some(session)) if session.idle_deadline > now => sessions.push(session),
                Ok(_) => {}
                // One row that is broken does not hide the others.
                Err(error) => {
                    tracing::error!(target: "session_auth", %error, "session not listed");
                }
            }
        }
        sessions.sort_by_key(|session| std::cmp::Reverse((session.last_seen, session.issued)));
        sessions.truncate(MAX_LISTED as usize);
        Ok(sessions)
    }

    async fn trim(
        &self,
        subject: &str,
        keep: SessionId,
        most: u32,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let mut trim = scripts::TRIM.prepare_invoke();
        trim.key(self.key(subject))
            .arg(most)
            .arg(keep.to_string())
            .arg(now.as_secs());
        self.script(&trim).await
    }

    async fn renew(
        &self,
        old: SessionId,
        session: &StoredSession,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut renew = scripts::RENEW.prepare_invoke();
        renew
            .key(self.key(&session.subject))
            .arg(old.to_string())
            .arg(session.id.to_string())
            .arg(until.as_secs());
        row::write(&mut renew, session);
        renew.arg(MAX_BEFORE);
        self.script(&renew).await
    }

    async fn was_renewed(
        &self,
        subject: &str,
        old: SessionId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let until = self.row(subject, old).await?;
        let until = until.and_then(|row| row::renewed_until(&row));
        Ok(until.is_some_and(|until| now < until))
    }

    async fn deadlines(
        &self,
        sessions: &[(String, SessionId)],
    ) -> Result<Vec<Option<Timestamp>>, StoreError> {
        // All at once on the one connection. No pipeline, which a cluster takes for one node alone.
        let mut tasks = tokio::task::JoinSet::new();
        for (at, (subject, id)) in sessions.iter().enumerate() {
            let (store, subject, id) = (self.clone(), subject.clone(), *id);
            tasks.spawn(async move { (at, store.find(&subject, id).await) });
        }
        let mut found = vec![Ok(None); sessions.len()];
        while let Some(answer) = tasks.join_next().await {
            let (at, answer) = answer.map_err(StoreError::unavailable)?;
            found[at] = answer;
        }
        deadlines(found)
    }

    async fn remove_expired(&self, _before: Timestamp, _limit: u32) -> Result<u64, StoreError> {
        Ok(0)
    }
}

/// Without the connection: its `Debug` is another crate's, and knows the password.
impl<C> fmt::Debug for RedisStore<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}
