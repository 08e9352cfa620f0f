//! The same two routes on every store, beside axum-login on the same stores.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::Body;
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderValue, Request, Response, StatusCode};
use session_auth::store::{
    CachedStore, MemoryStore, PostgresStore, RedisStore, SessionStore, SqliteStore, StoredSession,
};
use session_auth::{SessionAuthLayer, SessionId, Timestamp};
use tempfile::TempDir;
use test_servers::{PgBouncer, Postgres, Redis};
use tower::ServiceExt as _;
use tower::util::BoxCloneSyncService;
use tower_sessions_redis_store::fred;
use tower_sessions_redis_store::fred::interfaces::ClientLike as _;

use crate::SUBJECT;
use crate::peers::{axum_login_over, log_in};
use crate::services::{auth, builder, first_pair, guarded, unguarded};

/// Sessions of each service. They are asked for in turn.
const SESSIONS: usize = 1_000;

/// How long a cache remembers.
pub const LAG: Duration = Duration::from_secs(5);

/// Any of the services, in a box: one more allocation for a request, the same for all.
pub type Boxed = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// A service to ask, and with what.
pub struct Target {
    /// Its name in the report.
    pub name: &'static str,
    /// What it is held against: the peer on the same store.
    pub peer: Option<&'static str>,
    /// The service.
    pub service: Boxed,
    /// The path to ask for.
    pub path: &'static str,
    /// Cookies to ask with, in turn. None: without.
    pub cookies: Vec<HeaderValue>,
}

impl Target {
    /// The request of this number.
    #[must_use]
    pub fn request(&self, number: usize) -> Request<Body> {
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = http::Uri::from_static(self.path);
        if !self.cookies.is_empty() {
            let cookie = self.cookies[number % self.cookies.len()].clone();
            request.headers_mut().insert(COOKIE, cookie);
        }
        request
    }
}

/// Asks, and drops the answer.
///
/// # Panics
///
/// It is not `200 OK`: the figure would be of something else.
pub async fn ask(service: &Boxed, request: Request<Body>) {
    let Ok(response) = service.clone().oneshot(request).await;
    assert_eq!(response.status(), StatusCode::OK);
}

/// The servers and files behind the stores, for as long as this is kept. What is not installed is
/// left out; that was said then.
pub struct Backends {
    folder: TempDir,
    redis: Option<Redis>,
    // Before the server that it is in front of.
    pooler: Option<PgBouncer>,
    postgres: Option<Postgres>,
}

impl Backends {
    /// Starts what is installed.
    ///
    /// # Panics
    ///
    /// It is installed and does not start.
    #[must_use]
    pub fn start() -> Self {
        let postgres = Postgres::start();
        let pooler = |server| PgBouncer::start(server, 10);
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            redis: Redis::start(),
            pooler: postgres.as_ref().and_then(pooler),
            postgres,
        }
    }

    /// A new SQLite database.
    ///
    /// # Panics
    ///
    /// It cannot be made.
    pub async fn sqlite(&self) -> SqliteStore {
        let url = format!("sqlite://{}", self.sqlite_file().display());
        let store = SqliteStore::connect(&url).await.expect("SQLite opens");
        store.migrate().await.expect("SQLite has its tables");
        store
    }

    /// Where that is.
    #[must_use]
    pub fn sqlite_file(&self) -> std::path::PathBuf {
        self.folder.path().join("sessions.db")
    }

    /// The URL of Redis.
    #[must_use]
    pub fn redis_url(&self) -> Option<String> {
        self.redis.as_ref().map(Redis::url)
    }

    /// The URL of PostgreSQL.
    #[must_use]
    pub fn postgres_url(&self) -> Option<String> {
        self.postgres.as_ref().map(Postgres::url)
    }

    /// The store in Redis, with a connection of its own.
    ///
    /// # Panics
    ///
    /// It cannot be reached.
    pub async fn redis(&self) -> Option<RedisStore> {
        let url = self.redis_url()?;
        Some(RedisStore::connect(&url).await.expect("Redis answers"))
    }

    /// The store in PostgreSQL.
    ///
    /// # Panics
    ///
    /// It cannot be reached.
    pub async fn postgres(&self) -> Option<PostgresStore> {
        let url = self.postgres_url()?;
        let store = PostgresStore::connect(&url).await;
        let store = store.expect("PostgreSQL answers");
        store.migrate().await.expect("PostgreSQL has its tables");
        Some(store)
    }

    /// The same through PgBouncer in transaction mode.
    ///
    /// # Panics
    ///
    /// It cannot be reached.
    pub async fn pooled_postgres(&self) -> Option<PostgresStore> {
        let url = self.pooler.as_ref()?.url();
        let store = PostgresStore::connect_through_pooler(&url).await;
        let store = store.expect("PgBouncer answers");
        store.migrate().await.expect("PostgreSQL has its tables");
        Some(store)
    }

    /// The peer's store in Redis: a pool of six, as its documentation has it.
    async fn peer_redis(
        &self,
    ) -> Option<tower_sessions_redis_store::RedisStore<fred::clients::Pool>> {
        let config = fred::types::config::Config::from_url(&self.redis_url()?);
        let config = config.expect("a URL of Redis");
        let pool = fred::clients::Pool::new(config, None, None, None, 6).expect("a pool");
        pool.init().await.expect("Redis answers");
        Some(tower_sessions_redis_store::RedisStore::new(pool))
    }

    /// All services, within tokio's runtime.
    ///
    /// # Panics
    ///
    /// A store fails, or a service cannot be built.
    pub async fn targets(&self) -> Vec<Target> {
        let plain = ours("session, no store", None, auth()).await;
        let public = Target {
            name: "public",
            peer: None,
            service: plain.service.clone(),
            path: "/public",
            cookies: Vec::new(),
        };
        let off = |name, path, cookies| Target {
            name,
            peer: None,
            service: BoxCloneSyncService::new(unguarded().with_state(())),
            path,
            cookies,
        };
        let mut all = vec![
            off("no layer, /public", "/public", Vec::new()),
            off("no layer, with a cookie", "/me", plain.cookies.clone()),
            public,
            plain,
            stored(
                "session, memory",
                Some("axum-login, memory"),
                MemoryStore::new(),
            )
            .await,
            stored("session, SQLite", None, self.sqlite().await).await,
        ];
        if let Some(store) = self.postgres().await {
            all.push(stored("session, PostgreSQL", None, store).await);
        }
        if let Some(store) = self.pooled_postgres().await {
            all.push(stored("session, PostgreSQL and PgBouncer", None, store).await);
        }
        if let Some(store) = self.redis().await {
            all.push(stored("session, Redis", Some("axum-login, Redis"), store.clone()).await);
            let cached = CachedStore::new(store, LAG);
            let peer = Some("axum-login, Redis and moka");
            all.push(stored("session, Redis and cache", peer, cached).await);
        }
        all.push(peer("axum-login, memory", tower_sessions::MemoryStore::default()).await);
        if let Some(store) = self.peer_redis().await {
            all.push(peer("axum-login, Redis", store.clone()).await);
            // Until the session's end: this cache has no lag of its own to set.
            let cache = tower_sessions_moka_store::MokaStore::new(Some(100_000));
            let cached = tower_sessions::CachingSessionStore::new(cache, store);
            all.push(peer("axum-login, Redis and moka", cached).await);
        }
        all
    }
}

async fn stored(
    name: &'static str,
    peer: Option<&'static str>,
    store: impl SessionStore,
) -> Target {
    let auth = builder().store(store).store_timeout(Duration::from_secs(5));
    ours(name, peer, auth.build().expect("a valid layer")).await
}

async fn ours(name: &'static str, peer: Option<&'static str>, auth: SessionAuthLayer) -> Target {
    let mut cookies = Vec::new();
    for number in 0..SESSIONS {
        let subject = format!("{number:04}-{SUBJECT}");
        let issued = auth.sessions().issue(&subject).scope("admin").await;
        let issued = issued.expect("a session");
        cookies.push(first_pair(issued.set_cookie()));
    }
    Target {
        name,
        peer,
        service: BoxCloneSyncService::new(guarded(&auth)),
        path: "/me",
        cookies,
    }
}

async fn peer<S>(name: &'static str, store: S) -> Target
where
    S: tower_sessions::SessionStore + Clone,
{
    let app = axum_login_over(store);
    let mut cookies = Vec::new();
    for _ in 0..SESSIONS {
        let Ok(answer) = app.clone().oneshot(log_in()).await;
        cookies.push(first_pair(&answer.headers()[SET_COOKIE]));
    }
    Target {
        name,
        peer: None,
        service: BoxCloneSyncService::new(app),
        path: "/me",
        cookies,
    }
}

/// A session of a day for the store itself, with a subject as long as an address and a label as
/// long as a browser's name.
#[must_use]
pub fn session(number: u32) -> StoredSession {
    let mut id = [0; 16];
    // Ids are random: in order they would suit a tree too well. Odd, so no two are the same.
    id[..4].copy_from_slice(&number.wrapping_mul(0x9e37_79b1).to_be_bytes());
    id[4..8].copy_from_slice(&number.wrapping_mul(0x85eb_ca6b).to_be_bytes());
    let now = now();
    StoredSession {
        id: SessionId::from_bytes(id),
        subject: format!("{number:08}@example.com"),
        label: Some("Firefox on Linux".to_owned()),
        issued: now,
        last_seen: now,
        idle_deadline: later(now, 30 * 60),
        absolute_deadline: later(now, 24 * 60 * 60),
    }
}

fn now() -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    Timestamp::from_secs(now.unwrap_or_default().as_secs())
}

fn later(time: Timestamp, seconds: u64) -> Timestamp {
    Timestamp::from_secs(time.as_secs() + seconds)
}

/// What is asked of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Of a login: the subject's generation, and the row.
    Insert,
    /// Of each request.
    Find,
    /// Once a minute of each session that is used.
    Touch,
    /// Of a logout.
    Revoke,
}

impl Operation {
    /// In the order in which a session sees them.
    pub const ALL: [Self; 4] = [Self::Insert, Self::Find, Self::Touch, Self::Revoke];

    /// Does it to a session, one that is there for all but [`Insert`](Self::Insert).
    ///
    /// # Panics
    ///
    /// The store fails or says no.
    pub async fn run<S: SessionStore>(self, store: &Arc<S>, session: &StoredSession) {
        let StoredSession { id, subject, .. } = session;
        let done = match self {
            Self::Insert => {
                let generation = store.generation(subject).await.expect("generation");
                store.insert(session, generation).await.expect("insert")
            }
            Self::Find => store.find(subject, *id).await.expect("find").is_some(),
            Self::Touch => {
                let seen = later(session.last_seen, 60);
                let deadline = later(session.idle_deadline, 60);
                let touched = store.touch(subject, *id, seen, deadline).await;
                touched.expect("touch")
            }
            Self::Revoke => store.revoke(subject, *id).await.expect("revoke"),
        };
        assert!(done, "{self:?}");
    }
}
