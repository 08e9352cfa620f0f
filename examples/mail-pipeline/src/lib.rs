//! A mail pipeline: from a provider's webhook to a ticket in the help desk, over a queue, so that a 200
//! to the provider means that the mail is kept, and every mail ends as a ticket or as a dead letter.
//!
//! - `routes`, `router`: the handlers, each under the attribute that says who may call it
//! - `mail`, `routing`, `blobs`: what arrives, whose it is, and where its attachments are
//! - [`queue`]: between arrival and help desk, in SQLite, PostgreSQL or NATS
//! - `bridge`, `dedup`, `journal`, `stop`: to the help desk, once
//! - `fanout`, `outbound`: who is told
//! - `sealed`, `deploys`, `numbers`, `pages`: secrets, deployments, metrics, and what operators see
//! - [`helpdesk`]: the stand-in
//! - [`smoke()`], `backup`: the drills
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod backup;
mod blobs;
mod bridge;
mod clock;
mod config;
mod database;
mod dedup;
mod deploys;
mod error;
mod events;
mod fanout;
mod gate;
pub mod helpdesk;
mod hold;
mod journal;
mod mail;
mod numbers;
mod outbound;
mod pages;
pub mod queue;
mod replays;
mod router;
mod routes;
mod routing;
mod sealed;
mod smoke;
mod stop;
mod writer;

use std::fs;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::extract::Request;
use axum::middleware;
use http::HeaderName;
use http::header::{AUTHORIZATION, COOKIE, SET_COOKIE};
use session_auth::store::PostgresStore;
use session_auth::webhook::{BasicAuth, Bearer, Encoding, Hmac};
use session_auth::{Protected, SessionAuthLayer};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, Notify};
use tokio::task::JoinSet;
use tower::ServiceBuilder;
use tower_http::ServiceBuilderExt as _;
use tower_http::request_id::{MakeRequestUuid, RequestId};
use tower_http::trace::TraceLayer;
use tracing::Span;
use tracing::field::Empty;

pub use self::backup::{backup, restore};
use self::blobs::Blobs;
use self::bridge::{Bridge, FreeScout};
pub use self::config::{Config, ConfigError, DEVELOPMENT_SECRET, Role, Rotating, Secret, Timing};
pub use self::database::{Database, InvalidDatabase};
use self::database::{Db, Either};
use self::dedup::Dedup;
use self::deploys::Deploys;
use self::events::Events;
use self::fanout::Fanout;
use self::gate::Gate;
use self::helpdesk::HelpDesk;
use self::journal::Journal;
use self::outbound::Outbound;
use self::queue::{BoxError, DeadLetters, NatsQueue, Queue, SqlQueue};
use self::replays::Replays;
use self::routing::Routing;
pub use self::sealed::{Entry, MasterKeyError, MasterKeys, Vault};
pub use self::smoke::{Smoke, smoke};
use self::stop::Stop;

/// Who the operators are, and what they may.
const OPERATOR: &str = "operator";

/// The user in the URL that is given to Postmark.
const POSTMARK: &str = "postmark";

/// For how long a delivery is known again. Postmark tries again for 10 hours.
const REMEMBERED: Duration = Duration::from_secs(3 * 24 * 60 * 60);

/// Within this time a body has to be here. Postmark waits 2 minutes for its answer.
const BODY: Duration = Duration::from_secs(110);

/// What the handlers share.
#[derive(Clone)]
pub(crate) struct App {
    queue: Arc<dyn Queue>,
    /// Wakes a bridge of this process.
    published: Arc<Notify>,
    dead: DeadLetters,
    journal: Journal,
    events: Events,
    routing: Routing,
    deploys: Deploys,
    blobs: Blobs,
    vault: Vault,
    stop: Stop,
    replies: bool,
    operator_password: [u8; 32],
    auth: Arc<OnceLock<SessionAuthLayer>>,
}

/// The service: its requests, and its work between them.
pub struct Service {
    app: Protected,
    work: JoinSet<()>,
    /// The stand-in, where one was started.
    pub helpdesk: Option<HelpDesk>,
}

impl Service {
    /// Serves until this is done; what is under way is finished first.
    ///
    /// # Errors
    ///
    /// The listener fails.
    pub async fn serve(
        self,
        listener: TcpListener,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<()> {
        let Self {
            app,
            work,
            helpdesk,
        } = self;
        app.serve(listener).with_graceful_shutdown(stop).await?;
        // A delivery that ends here is looked for by the next start.
        drop((work, helpdesk));
        Ok(())
    }
}

/// Opens what the programs share: the database, and the secrets in it.
///
/// # Errors
///
/// The database cannot be opened.
pub async fn vault(config: &Config) -> Result<Vault, BoxError> {
    let db = open(config).await?;
    Ok(Vault::new(db, config.master.clone()))
}

/// The queue and the dead letters of a configuration.
///
/// # Errors
///
/// The database cannot be opened, or NATS is not reached.
pub async fn open_queue(config: &Config) -> Result<(Arc<dyn Queue>, DeadLetters), BoxError> {
    queue_in(config, &open(config).await?).await
}

async fn queue_in(config: &Config, db: &Db) -> Result<(Arc<dyn Queue>, DeadLetters), BoxError> {
    let dead = DeadLetters::new(db.clone(), Fanout::handlers(config));
    let visibility = config.timing.visibility;
    let queue: Arc<dyn Queue> = match &config.nats {
        None => Arc::new(SqlQueue::new(db.clone(), dead.clone(), visibility)),
        Some(url) => Arc::new(NatsQueue::connect(url, dead.clone(), visibility).await?),
    };
    Ok((queue, dead))
}

async fn open(config: &Config) -> Result<Db, BoxError> {
    if let Some(folder) = config.database.file().and_then(Path::parent) {
        fs::create_dir_all(folder)
            .map_err(|error| format!("the folder {} cannot be made: {error}", folder.display()))?;
    }
    config.database.open().await
}

/// Starts the service.
///
/// # Errors
///
/// The database, the folder of attachments or NATS is not to be had; a secret cannot be sealed; or the
/// routes cannot be protected.
pub async fn start(mut config: Config) -> Result<Service, BoxError> {
    // The TLS of everything that asks somebody else.
    let _ = rustls::crypto::ring::default_provider().install_default();
    numbers::install();
    let mut work = JoinSet::new();
    let helpdesk = match (&config.helpdesk, config.role) {
        (None, Role::All | Role::Bridge) => Some(stand_in(&mut config, &mut work).await?),
        _ => None,
    };
    let db = open(&config).await?;
    let vault = Vault::new(db.clone(), config.master.clone());
    for (name, given) in [
        ("helpdesk_api_key", &config.helpdesk_api_key),
        ("smtp_url", &config.smtp_url),
        (fanout::SECRET, &config.dead_letter_secret),
    ] {
        if let Some(value) = given
            && (vault.get(name).await?.is_none() || helpdesk.is_some())
        {
            vault.set(name, value).await?;
            tracing::info!("{name} is sealed in the database; its variable has no more use");
        }
    }
    let (queue, dead) = queue_in(&config, &db).await?;
    let smtp = vault.get("smtp_url").await?;
    let outbound = Outbound::new(db.clone(), smtp.as_ref(), config.reply_from.as_deref())?;
    let app = App {
        queue,
        published: Arc::default(),
        dead,
        journal: Journal::new(db.clone()),
        events: Events::new(db.clone()),
        routing: Routing::open(db.clone(), config.default_mailbox).await?,
        deploys: Deploys::new(db.clone()),
        blobs: Blobs::open(&config.data.join("blobs"), config.blobs.as_deref())?,
        vault: vault.clone(),
        stop: Stop::new(db.clone()),
        replies: outbound.is_on(),
        operator_password: Sha256::digest(AsRef::<[u8]>::as_ref(&config.operator_password)).into(),
        auth: Arc::default(),
    };
    let dedup = Dedup::new(db.clone(), config.timing.visibility);
    if config.role != Role::Inbound
        && let Some(base) = &config.helpdesk
    {
        let freescout = FreeScout::new(
            base.clone(),
            config.timing.answer,
            vault.clone(),
            app.blobs.clone(),
        )?;
        let bridge = Arc::new(Bridge {
            queue: Arc::clone(&app.queue),
            published: Arc::clone(&app.published),
            idle: Mutex::default(),
            dedup: dedup.clone(),
            routing: app.routing.clone(),
            journal: app.journal.clone(),
            freescout,
            blobs: app.blobs.clone(),
            stop: app.stop.clone(),
            outbound: outbound.clone(),
            timing: config.timing,
            breaker: bridge::breaker(&config.timing),
        });
        for _ in 0..config.timing.workers {
            work.spawn(Arc::clone(&bridge).run());
        }
        let fanout = Fanout::new(db.clone(), vault.clone(), &config, outbound).await?;
        work.spawn(fanout.run());
    }
    let replays = match &db.writer {
        Either::Sqlite(writer) => Some(Replays::new(writer.clone())),
        Either::Postgres(_) => None,
    };
    work.spawn(housekeeping(vault, dedup, replays));
    let app = protect(&config, &db, app)?;
    Ok(Service {
        app: around(app),
        work,
        helpdesk,
    })
}

/// A help desk in this process, for whoever tries the service.
async fn stand_in(config: &mut Config, work: &mut JoinSet<()>) -> Result<HelpDesk, BoxError> {
    let helpdesk = HelpDesk::new(DEVELOPMENT_SECRET);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    tracing::warn!(
        "HELPDESK_URL is unset and SESSION_AUTH_DEV=true: tickets go to a stand-in at {url}"
    );
    config.helpdesk = Some(url.parse()?);
    config.helpdesk_api_key = Some(DEVELOPMENT_SECRET.into());
    let app = helpdesk.app()?;
    work.spawn(async move {
        if let Err(error) = app.serve(listener).await {
            tracing::error!("the stand-in ended: {error}");
        }
    });
    Ok(helpdesk)
}

/// What has time.
async fn housekeeping(vault: Vault, dedup: Dedup, replays: Option<Replays>) {
    loop {
        tokio::time::sleep(Duration::from_secs(10)).await;
        let purged = match &replays {
            Some(replays) => replays.purge().await,
            // PostgreSQL's forget as new ones come.
            None => Ok(()),
        };
        for done in [vault.write_uses().await, dedup.purge().await, purged] {
            if let Err(error) = done {
                tracing::warn!(%error, "housekeeping");
            }
        }
    }
}

fn protect(config: &Config, db: &Db, app: App) -> Result<Protected, BoxError> {
    let basic = |with: fn(&str, &str) -> BasicAuth| {
        let basic = with(POSTMARK, config.inbound.current.as_ref());
        match &config.inbound.old {
            Some(old) => basic.or(POSTMARK, old),
            None => basic,
        }
    };
    let generic =
        Hmac::sha256("X-Signature", Encoding::Hex, &config.generic.current)?.prefix("sha256=");
    let generic = match &config.generic.old {
        Some(old) => generic.or(old),
        None => generic,
    };
    let deploys = Bearer::new(&config.deploy.current);
    let deploys = match &config.deploy.old {
        Some(old) => deploys.or(old),
        None => deploys,
    };
    let auth = SessionAuthLayer::builder(config.keys.clone())
        .verifier(
            "postmark",
            basic(|user, password| BasicAuth::postmark(user, password)),
        )
        .verifier(
            "postmark-events",
            basic(|user, password| BasicAuth::new(user, password)),
        )
        .verifier("generic", generic)
        .verifier("deploys", deploys)
        .replay_exempt("deploys", "a run is in the trail once, by its id")
        .verifier("monitor", Bearer::new(&config.monitor_token))
        .webhook_body_timeout(BODY)
        .login_path("/login");
    let auth = match db.sessions() {
        Either::Sqlite(store) => auth.store(store),
        Either::Postgres(store) => auth.store(store),
    };
    let auth = match &db.writer {
        Either::Sqlite(writer) => auth.replay_window(Replays::new(writer.clone()), REMEMBERED),
        Either::Postgres(pool) => auth.replay_window(PostgresStore::new(pool.clone()), REMEMBERED),
    };
    let auth = auth.build()?;
    let _ = app.auth.set(auth.clone());
    Ok(auth.protect(router::routes().with_state(app))?)
}

/// The layers for every request, outside of the guards.
fn around(app: Protected) -> Protected {
    let secret: Arc<[HeaderName]> = [AUTHORIZATION, COOKIE, SET_COOKIE].into();
    let gate = Gate::new();
    let gate = move |request, next| gate.clone().pass(request, next);
    app.layer(middleware::from_fn(gate)).layer(
        ServiceBuilder::new()
            // On either side of the trace: it sees requests after this, and responses before it.
            .sensitive_request_headers(Arc::clone(&secret))
            .set_x_request_id(MakeRequestUuid)
            .layer(TraceLayer::new_for_http().make_span_with(span))
            .sensitive_response_headers(secret)
            .propagate_x_request_id(),
    )
}

/// Without the query: senders put tokens there.
fn span(request: &Request) -> Span {
    let id = request.extensions().get::<RequestId>();
    let id = id.and_then(|id| id.header_value().to_str().ok());
    tracing::info_span!(
        "request",
        method = %request.method(),
        path = request.uri().path(),
        id,
        // For a denial, which has its reason and its route.
        http.route = Empty,
        error.type = Empty,
    )
}
