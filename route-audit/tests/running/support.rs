//! A service, a lock that it keeps to, and the binary.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{fs, thread};

use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use serde_json::Value;
use session_auth::methods::{ANY, GET, POST};
use session_auth::webhook::Bearer;
use session_auth::{
    Keys, Mode, Protected, Router, SessionAuthLayer, SessionAuthLayerBuilder, audited_router,
    listing, public, session, webhook,
};
use tempfile::TempDir;
use tokio::net::TcpListener;

/// What [`routes`] mounts.
pub(crate) const LOCK: &str = "\
schema 1
public   ANY       /files/**              web/routes  reason=\"style sheets\"
webhook  POST      /hook                  web/routes  verify=sender  expect_every=6h  owner=mail
session  GET       /internal/routes       web/routes  scope=routes  reason=\"who may call each route, and what became of the requests\"
webhook  GET       /internal/routes.json  web/routes  verify=monitor  reason=\"the listing of routes, for programs\"
session  GET|POST  /me                    web/routes
webhook  POST      /own                   web/routes  verify=handler  reason=\"a token in the path\"
public   POST      /signup                web/routes  issues_session  reason=\"signup form\"
public   GET       /status                web/routes  reason=\"status page\"
session  GET       /users/{id}            web/routes  scope=admin
";

pub(crate) const MONITOR: &str = "token-of-the-monitor";

/// How often something inside of the guards ran.
#[derive(Clone, Default)]
pub(crate) struct Runs(Arc<AtomicU64>);

impl Runs {
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    fn one(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[audited_router(running = routes(Runs::default()))]
fn routes(runs: Runs) -> Router {
    let files = tower::service_fn(async |_: Request| {
        Ok::<_, Infallible>(axum::response::Response::new(axum::body::Body::from(
            "a file",
        )))
    });
    Router::new()
        .mount(public(GET, "/status", "status page").to(|| async { "up" }))
        .mount(
            public(POST, "/signup", "signup form")
                .issues_session()
                .to(|| async { http::StatusCode::CREATED }),
        )
        .mount(session(GET | POST, "/me").to(|| async { "you" }))
        .mount(session(GET, "/users/{id}").scope("admin").to(|| async {}))
        .mount(
            webhook(POST, "/hook", "sender")
                .expect_every(std::time::Duration::from_secs(6 * 60 * 60))
                .owner("mail")
                .to(|| async {}),
        )
        .mount(
            webhook(POST, "/own", "handler")
                .reason("a token in the path")
                .to(|| async {}),
        )
        .nest_service(public(ANY, "/files", "style sheets"), "/files", files)
        .merge(listing::routes("/internal/routes").machines("/internal/routes.json", "monitor"))
        .layer(from_fn(move |request: Request, next: Next| {
            let runs = runs.clone();
            async move {
                if !request.uri().path().starts_with("/internal") {
                    runs.one();
                }
                next.run(request).await
            }
        }))
}

pub(crate) fn keys() -> Keys {
    Keys::new([[7; 32]]).unwrap()
}

pub(crate) fn builder() -> SessionAuthLayerBuilder {
    SessionAuthLayer::builder(keys())
        .verifier("sender", Bearer::new("secret-of-the-sender"))
        .verifier("monitor", Bearer::new(MONITOR))
        .mode(Mode::Enforce)
}

/// A running service.
pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    pub(crate) runs: Runs,
}

impl Service {
    pub(crate) fn start() -> Self {
        Self::of(builder())
    }

    pub(crate) fn of(builder: SessionAuthLayerBuilder) -> Self {
        let runs = Runs::default();
        let auth = builder.build().unwrap();
        let app = auth.protect(routes(runs.clone())).unwrap();
        Self {
            address: serve(app),
            runs,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn listing(&self) -> String {
        format!("{}/internal/routes.json", self.url())
    }
}

/// Until the test's process ends.
pub(crate) fn serve(app: Protected) -> SocketAddr {
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    in_runtime(async |listener: TcpListener| axum::serve(listener, app).await)
}

pub(crate) fn serve_plain(app: axum::Router) -> SocketAddr {
    in_runtime(async |listener: TcpListener| axum::serve(listener, app).await)
}

fn in_runtime<F>(serve: F) -> SocketAddr
where
    F: AsyncFnOnce(TcpListener) -> std::io::Result<()> + Send + 'static,
{
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let listener = TcpListener::from_std(listener).unwrap();
            serve(listener).await.unwrap();
        });
    });
    address
}

/// A folder with a lock, where the binary runs.
pub(crate) struct Place {
    folder: TempDir,
    key: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self::of(LOCK)
    }

    pub(crate) fn of(lock: &str) -> Self {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("routes.lock"), lock).unwrap();
        Self {
            folder,
            key: Some(keys().probe_key().reveal().to_string()),
        }
    }

    pub(crate) fn key(mut self, key: Option<&str>) -> Self {
        self.key = key.map(str::to_owned);
        self
    }

    pub(crate) fn file(self, name: &str, text: &str) -> Self {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_route-audit"));
        command
            .args(args)
            .current_dir(self.path())
            .env_clear()
            .env("SESSION_AUTH_LISTING_TOKEN", MONITOR)
            .stdin(Stdio::null());
        if let Some(key) = &self.key {
            command.env("SESSION_AUTH_PROBE_KEY", key);
        }
        let output = command.output().unwrap();
        Ran {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The document of a run, which keeps to its schema.
    pub(crate) fn json(&self, code: i32, args: &[&str]) -> Value {
        let ran = self.run(&[args, &["--format", "json"]].concat());
        assert_eq!(ran.code, code, "{ran:?}");
        let document: Value = serde_json::from_str(&ran.stdout).unwrap();
        let schema = include_str!("../../../docs/route-audit-running.schema.json");
        let schema = serde_json::from_str(schema).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let errors: Vec<_> = validator.iter_errors(&document).collect();
        assert!(errors.is_empty(), "{errors:?}\n{document:#}");
        document
    }
}

impl Ran {
    #[track_caller]
    pub(crate) fn expect(self, code: i32, says: &[&str]) -> Self {
        let all = format!("{}\n{}", self.stdout, self.stderr);
        assert_eq!(self.code, code, "{all}");
        for part in says {
            assert!(all.contains(part), "no {part:?} in:\n{all}");
        }
        self
    }
}

/// `code: message` of each finding.
pub(crate) fn findings(document: &Value) -> Vec<String> {
    let all = document["findings"].as_array().unwrap();
    all.iter()
        .map(|one| {
            let (code, message) = (one["code"].as_str(), one["message"].as_str());
            format!("{}: {}", code.unwrap(), message.unwrap())
        })
        .collect()
}
