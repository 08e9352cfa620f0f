//! What a running service lists of itself: the JSON of `session_auth::listing`.

use std::collections::BTreeMap;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Request, StatusCode};
use serde::Deserialize;
use session_auth::audit::{Code, Shape};
use session_auth::{Access, Location, Methods};

use crate::error::{CannotRun, Problem};
use crate::lock::Lock;
use crate::lock::running::{Listed, OfWebhooks};
use crate::lock::values::{parse_day, parse_duration};
use crate::running::address::Address;
use crate::running::client::Client;
use crate::running::document::Service;
use crate::running::found::Found;
use crate::running::locked::Locked;
use crate::visible::visible;

/// The version of the listing that is read here.
const SCHEMA: u64 = 1;
/// The longest part of an answer that a message shows, in bytes.
const SHOWN: usize = 120;

/// As `docs/listing.schema.json` describes it, as much of it as is looked at.
#[derive(Debug, Deserialize)]
pub(crate) struct Listing {
    pub(crate) version: String,
    pub(crate) mode: String,
    pub(crate) lock: Option<String>,
    pub(crate) started: String,
    pub(crate) routes: Vec<Row>,
    pub(crate) keys: Vec<Key>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Key {
    pub(crate) key: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Row {
    pub(crate) route: String,
    methods: Vec<String>,
    path: Option<String>,
    pub(crate) class: Option<String>,
    shape: Shape,
    file: Option<String>,
    line: Option<u32>,
    mounted: Option<Place>,
    reason: Option<String>,
    verifier: Option<String>,
    by: Option<String>,
    scope: Option<String>,
    expect_every: Option<String>,
    until: Option<String>,
    owner: Option<String>,
    issues_session: bool,
    optional_session: bool,
    cross_origin: Option<String>,
    max_body: Option<usize>,
    pub(crate) last_verified: Option<String>,
    pub(crate) observed: BTreeMap<String, u64>,
    pub(crate) unclassified: u64,
}

#[derive(Debug, Deserialize)]
struct Place {
    file: String,
    line: u32,
}

/// A node, and what it lists.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) url: String,
    pub(crate) listing: Listing,
}

impl Node {
    pub(crate) fn service(&self) -> Service {
        Service {
            url: self.url.clone(),
            version: Some(self.listing.version.clone()),
            mode: Some(self.listing.mode.clone()),
            lock: self.listing.lock.clone(),
            started: Some(self.listing.started.clone()),
        }
    }

    /// What it mounts, as if the lock's router did.
    pub(crate) fn routes(&self, locked: &Locked) -> Result<Lock, Problem> {
        let mut all = Vec::new();
        for row in &self.listing.routes {
            // What answered requests and is no route is traffic, and found as that.
            if row.class.is_none() && row.mounted.is_none() {
                continue;
            }
            all.extend(row.listed().map_err(|what| {
                Problem::new(format!(
                    "the listing of {} cannot be read: {}: {}",
                    self.url,
                    visible(&row.route),
                    visible(&what)
                ))
                .help("take the route-audit of the service's version")
            })?);
        }
        let router = &locked.router;
        Ok(Lock::of_listing(&all, &router.package, &router.name))
    }
}

impl Row {
    fn listed(&self) -> Result<Vec<Listed>, String> {
        let methods: Option<Vec<Methods>> = self
            .methods
            .iter()
            .map(|name| Methods::from_name(name))
            .collect();
        let methods = methods.ok_or_else(|| format!("methods {:?}", self.methods))?;
        let expect_every = self
            .expect_every
            .as_deref()
            .map(|text| parse_duration(text).ok_or_else(|| format!("`expect_every` is {text:?}")));
        let until = self.until.as_deref();
        let until = until.map(|text| parse_day(text).ok_or_else(|| format!("`until` is {text:?}")));
        let by = || {
            self.by
                .clone()
                .unwrap_or_else(|| "session".to_owned())
                .into()
        };
        let cross_origin = || self.cross_origin.clone().map(Into::into);
        let access = match self.class.as_deref() {
            None => None,
            Some("public") => Some(Access::Public {
                by: by(),
                issues_session: self.issues_session,
                optional_session: self.optional_session,
                cross_origin: cross_origin(),
            }),
            Some("webhook") => {
                let verifier = self.verifier.as_deref();
                let verifier = verifier.ok_or("a webhook without a verifier")?;
                let terms = OfWebhooks {
                    expect_every: expect_every.transpose()?,
                    max_body: self.max_body,
                };
                Some(terms.access(verifier))
            }
            Some("session") => Some(Access::Session {
                by: by(),
                scope: self.scope.clone().map(Into::into),
                cross_origin: cross_origin(),
            }),
            Some(other) => return Err(format!("class {other:?}")),
        };
        let place = match (&self.file, self.line, &self.mounted) {
            (Some(file), Some(line), _) => (file.clone(), line),
            (_, _, Some(mounted)) => (mounted.file.clone(), mounted.line),
            _ => (String::new(), 0),
        };
        let until = until.transpose()?;
        let one = |path: Option<String>| Listed {
            methods: methods.clone(),
            path,
            shape: self.shape,
            access: access.clone(),
            owner: self.owner.clone(),
            reason: self.reason.clone(),
            until,
            place: Location {
                file: place.0.clone().into(),
                line: place.1,
                column: 1,
            },
        };
        let Some(path) = self.path.as_deref() else {
            return Ok(vec![one(None)]);
        };
        // Behind a bare layer a declaration is listed with all of its paths.
        let paths = path.split(", ").map(|path| match self.shape {
            Shape::OpaqueMount => path.strip_suffix("/**").unwrap_or(path),
            _ => path,
        });
        let whole = |path: &str| if path.is_empty() { "/" } else { path }.to_owned();
        Ok(paths.map(|path| one(Some(whole(path)))).collect())
    }
}

/// Asks each node for its listing.
pub(crate) fn read(
    client: &Client,
    urls: &[String],
    token_env: &str,
) -> Result<Vec<Node>, CannotRun> {
    let token = std::env::var(token_env)
        .ok()
        .filter(|token| !token.is_empty());
    let token =
        token.ok_or_else(|| {
            Problem::new(format!("there is no token: `{}` is not set", visible(token_env))).help(
            "set it to the token of the listing's verifier, or name another variable: `--token-env \
             VARIABLE`",
        )
        })?;
    let token = HeaderValue::from_str(&format!("Bearer {}", token.trim())).map_err(|_| {
        Problem::new("the token has characters that no header can have").at(token_env)
    })?;
    let (mut nodes, mut problems) = (Vec::new(), Vec::new());
    for url in urls {
        match one(client, url, &token) {
            Ok(node) => nodes.push(node),
            Err(problem) => problems.push(problem),
        }
    }
    CannotRun::unless_none(problems)?;
    Ok(nodes)
}

fn one(client: &Client, url: &str, token: &HeaderValue) -> Result<Node, Problem> {
    let address = Address::parse(url)?;
    let url = address.url();
    let mut request = Request::new(Vec::new());
    *request.uri_mut() = url
        .parse()
        .map_err(|_| Problem::new(format!("{url} is no URI")))?;
    request.headers_mut().insert(AUTHORIZATION, token.clone());
    let json = HeaderValue::from_static("application/json");
    request.headers_mut().insert(ACCEPT, json);
    let came = client
        .ask(request)
        .map_err(|why| Problem::new(format!("{url} {why}")))?;
    if came.status != StatusCode::OK {
        let help = match came.status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                "the token is that of the verifier which `listing::routes(..).machines(..)` names, and \
                 the URL its path"
            }
            _ => {
                "give the URL of the listing as JSON: the path in `listing::routes(..).machines(..)`"
            }
        };
        return Err(Problem::new(format!("{url} answers with {}", came.signs())).help(help));
    }
    let no_listing = |what: String| {
        let start = String::from_utf8_lossy(&came.body[..came.body.len().min(SHOWN)]).into_owned();
        Problem::new(format!("{url} answers with no listing: {what}"))
            .output(&visible(&start))
            .help("give the URL of the listing as JSON: the path in `listing::routes(..).machines(..)`")
    };
    let content = came.header(&CONTENT_TYPE).unwrap_or("none").to_owned();
    let value: serde_json::Value = serde_json::from_slice(&came.body)
        .map_err(|error| no_listing(format!("{error}; its type is {}", visible(&content))))?;
    match value.get("schema").and_then(serde_json::Value::as_u64) {
        Some(SCHEMA) => {}
        Some(other) => {
            return Err(no_listing(format!(
                "it is of schema {other}, and this reads schema {SCHEMA}"
            )));
        }
        None => return Err(no_listing("it has no `schema`".to_owned())),
    }
    let listing = serde_json::from_value(value).map_err(|error| no_listing(error.to_string()))?;
    Ok(Node { url, listing })
}

/// What is to be said of any running service.
pub(crate) fn general(
    url: &str,
    version: &str,
    mode: &str,
    lock: Option<&str>,
    locked: &Locked,
) -> Vec<Found> {
    let mut found = Vec::new();
    let mut add = |code, message: String, help: &str| {
        found.push(Found {
            code,
            subject: locked.whole(),
            message,
            help: help.to_owned(),
        });
    };
    if mode != "enforce" {
        add(
            Code::RunningObserve,
            format!("{url} runs in mode `{}`: it refuses nothing", visible(mode)),
            "look at `route-audit preflight`, then set SESSION_AUTH_MODE=enforce",
        );
    }
    let own = env!("CARGO_PKG_VERSION");
    if version != own {
        add(
            Code::RunningVersion,
            format!(
                "{url} runs session-auth {}, and this is route-audit {own}",
                visible(version)
            ),
            "take the route-audit of the service's version",
        );
    }
    if let Some(lock) = lock.filter(|lock| *lock != locked.digest) {
        let short = |digest: &str| visible(digest.get(..12).unwrap_or(digest));
        add(
            Code::RunningVersion,
            format!(
                "{url} was built with another lock than {}: {}, and this is {}",
                locked.name,
                short(lock),
                short(&locked.digest)
            ),
            "compare with the lock of the commit that is deployed: `--lock FILE`",
        );
    }
    found
}
