//! The connection to whichever Redis is the primary, by what the sentinels say.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::sentinel::SentinelClient;
use redis::{
    AsyncConnectionConfig, Cmd, ConnectionAddr, Pipeline, RedisFuture, RedisResult, Value,
};
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use super::{
    ANSWER_TIMEOUT, CONNECT_TIMEOUT, RECONNECT_PAUSE, RECONNECT_TIMEOUT, RedisStore, is_read_only,
    unavailable,
};
use crate::store::error::StoreError;

/// How often the sentinels are asked while all is well: a primary that hangs gives no error, and its
/// successor is found by this.
const ASK_EVERY: Duration = Duration::from_secs(2);

/// A connection to the primary of a service that Redis Sentinel watches over. Clones share it.
#[derive(Clone)]
pub struct SentinelConnection {
    shared: Arc<Shared>,
}

struct Shared {
    /// None while it is looked for.
    primary: watch::Sender<Option<Primary>>,
    lost: Arc<Notify>,
}

#[derive(Clone)]
struct Primary {
    address: ConnectionAddr,
    connection: MultiplexedConnection,
}

impl RedisStore<SentinelConnection> {
    /// Uses the primary that these sentinels name, and the next one after a failover: when an answer says
    /// that it is none any more, when its connection is lost, and at the latest two seconds after the
    /// sentinels have agreed on another. Needs the feature `redis-sentinel`.
    ///
    /// Replication is not waited for: what the old primary had accepted in its last moments can be lost, as
    /// with [every replica](RedisStore#what-redis-has-to-do).
    ///
    /// ```no_run
    /// use redis::ConnectionAddr;
    /// use redis::sentinel::{SentinelClientBuilder, SentinelServerType};
    /// use session_auth::store::RedisStore;
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let sentinels = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
    /// let sentinels = sentinels.map(|host| ConnectionAddr::Tcp(host.to_owned(), 26_379));
    /// let client = SentinelClientBuilder::new(sentinels, "mymaster", SentinelServerType::Master)?.build()?;
    /// let store = RedisStore::connect_sentinel(client).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// No sentinel names a primary that can be reached within five seconds.
    pub async fn connect_sentinel(client: SentinelClient) -> Result<Self, StoreError> {
        SentinelConnection::new(client).await.map(Self::new)
    }
}

impl SentinelConnection {
    async fn new(mut client: SentinelClient) -> Result<Self, StoreError> {
        let found = timeout(CONNECT_TIMEOUT, find(&mut client, None)).await;
        let found = found.map_err(|_| {
            StoreError::unavailable("no sentinel named a primary that answers within 5 s")
        })?;
        let (primary, _) = watch::channel(found.map_err(unavailable)?);
        let shared = Arc::new(Shared {
            primary,
            lost: Arc::default(),
        });
        tokio::spawn(follow(
            client,
            Arc::downgrade(&shared),
            Arc::clone(&shared.lost),
        ));
        Ok(Self { shared })
    }

    /// The primary's, as soon as there is one.
    async fn primary(&self) -> RedisResult<Primary> {
        let mut primary = self.shared.primary.subscribe();
        let found = timeout(ANSWER_TIMEOUT, primary.wait_for(Option::is_some)).await;
        let found = found
            .ok()
            .and_then(Result::ok)
            .and_then(|found| found.clone());
        found.ok_or_else(|| {
            (
                redis::ErrorKind::Io,
                "the sentinels name no primary that answers",
            )
                .into()
        })
    }

    /// Gives up a connection by which no answer is to be expected, unless that was done.
    fn judge<T>(&self, primary: &Primary, answer: RedisResult<T>) -> RedisResult<T> {
        if let Err(error) = &answer
            && (error.is_unrecoverable_error() || is_read_only(error))
        {
            self.shared.primary.send_if_modified(|now| {
                let is_it = now
                    .as_ref()
                    .is_some_and(|now| now.address == primary.address);
                if is_it {
                    *now = None;
                }
                is_it
            });
            self.shared.lost.notify_one();
        }
        answer
    }
}

/// The primary, where it is another than the one at this address.
async fn find(
    client: &mut SentinelClient,
    known: Option<&ConnectionAddr>,
) -> RedisResult<Option<Primary>> {
    let primary = client.async_get_client().await?;
    let address = primary.get_connection_info().addr();
    if known == Some(address) {
        return Ok(None);
    }
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(RECONNECT_TIMEOUT))
        .set_response_timeout(Some(ANSWER_TIMEOUT));
    Ok(Some(Primary {
        address: address.clone(),
        connection: primary
            .get_multiplexed_async_connection_with_config(&config)
            .await?,
    }))
}

/// Keeps the connection at the primary, until nobody has it any more.
async fn follow(mut client: SentinelClient, shared: Weak<Shared>, lost: Arc<Notify>) {
    let mut pause = ASK_EVERY;
    loop {
        let _ = timeout(pause, lost.notified()).await;
        let Some(known) = shared
            .upgrade()
            .map(|shared| shared.primary.borrow().clone())
        else {
            return;
        };
        let known = known.map(|primary| primary.address);
        let found = timeout(CONNECT_TIMEOUT, find(&mut client, known.as_ref())).await;
        let Some(shared) = shared.upgrade() else {
            return;
        };
        match found {
            Ok(Ok(Some(primary))) => {
                tracing::info!(target: "session_auth", primary = %primary.address, "the sentinels name a primary");
                shared.primary.send_replace(Some(primary));
            }
            Ok(Ok(None)) => {}
            Ok(Err(error)) => tracing::debug!(target: "session_auth", %error, "no primary"),
            Err(_) => tracing::debug!(target: "session_auth", "the sentinels do not answer"),
        }
        let is_there = shared.primary.borrow().is_some();
        pause = if is_there { ASK_EVERY } else { RECONNECT_PAUSE };
    }
}

impl ConnectionLike for SentinelConnection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(async move {
            let mut primary = self.primary().await?;
            let answer = primary.connection.req_packed_command(command).await;
            self.judge(&primary, answer)
        })
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        Box::pin(async move {
            let mut primary = self.primary().await?;
            let answers = primary
                .connection
                .req_packed_commands(pipeline, offset, count)
                .await;
            self.judge(&primary, answers)
        })
    }

    fn get_db(&self) -> i64 {
        let primary = self.shared.primary.borrow();
        primary
            .as_ref()
            .map_or(0, |primary| primary.connection.get_db())
    }
}

impl fmt::Debug for SentinelConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let primary = self.shared.primary.borrow();
        let address = primary.as_ref().map(|primary| primary.address.to_string());
        f.debug_struct("SentinelConnection")
            .field("primary", &address)
            .finish()
    }
}
