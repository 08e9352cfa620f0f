//! Signed probes of every route, and unsigned requests to session routes.

use std::time::SystemTime;

use http::{Method, Request, Uri};
use session_auth::__private::{NOWHERE, ProbedRoute, asked_apart};
use session_auth::AccessClass;
use session_auth::audit::Code;
use session_auth::probe::{HEADER, MARK, ProbeAnswer, ProbeDecision, ProbeKey};

use super::judge::{self, Wrong};
use crate::error::Problem;
use crate::lock::mount::At;
use crate::running::address::Address;
use crate::running::client::{Came, Client};
use crate::running::document::{Asked, Probed, Service};
use crate::running::found::Found;
use crate::running::locked::{Locked, Row};

const DEPLOY: &str =
    "deploy what the lock says, or have the change reviewed: `route-audit check --update`";
const FRONT: &str = "let requests through to the service as they come, with their headers and the \
                     statuses of its answers";

/// Asks for every route; the error is that nobody answers for the service.
pub(super) fn ask(
    client: &Client,
    address: &Address,
    locked: &Locked,
    key: &ProbeKey,
    asked: &mut Asked,
) -> Result<Vec<Found>, Problem> {
    let mut probing = Probing {
        client,
        address,
        key,
        asked,
        found: Vec::new(),
        trusted: true,
    };
    let service = probing.is_there()?;
    probing.look_at(&service, locked);
    let mut routes: Vec<(ProbedRoute, &Row)> = Vec::new();
    // One at a time, so that each keeps its row.
    let all: Vec<ProbedRoute> = locked.rows.iter().map(route).collect();
    for apart in asked_apart(all) {
        let row = locked.rows.iter().find(|row| is_of(row, &apart));
        routes.extend(row.map(|row| (apart, row)));
    }
    let not_asked = locked.rows.iter().filter(|row| {
        let is_asked = |(route, _): &(ProbedRoute, &Row)| is_of(row, route);
        !routes.iter().any(is_asked)
    });
    for row in not_asked {
        probing.unasked(row, "has no method that no other route of its path has");
    }
    let mut requests: Vec<(&Row, Method, String)> = routes
        .iter()
        .flat_map(|(route, row)| {
            let methods = route.asked_by().into_iter();
            methods.map(|method| (*row, method, route.path().to_owned()))
        })
        .collect();
    // What runs for anyone comes last: where the layer does not answer for the others, it is not asked.
    requests.sort_by_key(|(row, method, _)| row.runs_for_anyone() && !method.is_safe());
    for (row, method, path) in &requests {
        probing.one(row, method, path);
    }
    Ok(probing.found)
}

fn route(row: &Row) -> ProbedRoute {
    let (pattern, below) = match &row.at {
        At::Outermost => ("/", true),
        At::Below(path) => (path.as_str(), true),
        At::Path(path) => (path.as_str(), row.methods.is_fallback()),
    };
    ProbedRoute::new(row.declaration.clone(), row.methods, pattern, below)
}

fn is_of(row: &Row, route: &ProbedRoute) -> bool {
    row.declaration.location() == route.declaration().location()
}

struct Probing<'a> {
    client: &'a Client,
    address: &'a Address,
    key: &'a ProbeKey,
    asked: &'a mut Asked,
    found: Vec<Found>,
    /// Whether the layer has answered every probe so far.
    trusted: bool,
}

impl Probing<'_> {
    /// Asks for a path that nobody has. Where the layer does not answer for it, no route is asked: without
    /// a layer in between, a handler would run.
    fn is_there(&self) -> Result<ProbeAnswer, Problem> {
        let (came, said) = self.send(&Method::GET, NOWHERE).map_err(|why| {
            Problem::new(format!("{} {why}", self.address.url()))
                .help("nothing is known of the service, and no route was asked")
        })?;
        said.ok_or_else(|| {
            let header = came.headers.get(HEADER).map(|it| it.as_bytes());
            Problem::new(format!(
                "{} {}",
                self.address.url(),
                judge::unanswered(&came, header)
            ))
            .help(
                "no route was asked: without the layer in between, handlers would run. The key is that \
                 of the service's SESSION_AUTH_KEYS, by `route-audit probe --print-key`",
            )
        })
    }

    fn look_at(&mut self, service: &ProbeAnswer, locked: &Locked) {
        self.asked.services.push(Service {
            url: self.address.url(),
            version: Some(service.version.clone()),
            mode: Some(service.mode.clone()),
            lock: service.lock.clone(),
            started: None,
        });
        let url = self.address.url();
        self.found.extend(crate::running::listing::general(
            &url,
            &service.version,
            &service.mode,
            service.lock.as_deref(),
            locked,
        ));
    }

    fn one(&mut self, row: &Row, method: &Method, path: &str) {
        let asked = format!("{}{path}", self.address.path);
        if request(self.address, method, path, "").is_err() {
            self.unasked(row, "was not asked: no URI can have its path");
            return;
        }
        if row.runs_for_anyone() && !method.is_safe() && !self.trusted {
            self.unasked(
                row,
                "was not asked: the layer did not answer for other routes, and its handler might run",
            );
            return;
        }
        let mut record = Probed::of(row, "signed", method.as_str(), &asked);
        record.expected = judge::expected(row).to_owned();
        let (came, said) = match self.send(method, path) {
            Ok(answer) => answer,
            Err(why) => {
                self.asked.requests.push(record);
                self.trusted = false;
                self.add(
                    row,
                    method,
                    &Wrong::Front(format!("got no answer: the service {why}")),
                );
                return;
            }
        };
        record.status = Some(came.status.as_u16());
        record.decision = said.as_ref().map(|said| said.decision);
        record.reason = said.as_ref().and_then(|said| said.reason.clone());
        self.asked.requests.push(record);
        let wrong = match &said {
            Some(said) => judge::signed(row, said, came.status),
            None => {
                self.trusted = false;
                let header = came.headers.get(HEADER).map(|it| it.as_bytes());
                Some(Wrong::Front(judge::unanswered(&came, header)))
            }
        };
        if let Some(wrong) = &wrong {
            self.add(row, method, wrong);
        }
        // In mode `observe`, or where nobody refuses, a handler would run.
        let refuses = said.is_some_and(|said| said.decision == ProbeDecision::Deny);
        if row.class() == AccessClass::Session && refuses && wrong.is_none() {
            self.stranger(row, method, path);
        }
    }

    /// The same request as a stranger sends it.
    fn stranger(&mut self, row: &Row, method: &Method, path: &str) {
        let asked = format!("{}{path}", self.address.path);
        let mut record = Probed::of(row, "unsigned", method.as_str(), &asked);
        record.expected = judge::expected(row).to_owned();
        let came = request(self.address, method, path, "").and_then(|it| self.client.ask(it));
        record.status = came.as_ref().ok().map(|came| came.status.as_u16());
        self.asked.requests.push(record);
        let wrong = match &came {
            Ok(came) => judge::unsigned(came),
            Err(why) => Some(Wrong::Front(format!("got no answer: the service {why}"))),
        };
        if let Some(wrong) = &wrong {
            self.add(row, method, wrong);
        }
    }

    fn send(&self, method: &Method, path: &str) -> Result<(Came, Option<ProbeAnswer>), String> {
        let full = format!("{}{path}", self.address.path);
        let probe = self.key.sign(method, &full, SystemTime::now());
        let probe =
            probe.map_err(|error| format!("cannot be asked: no random numbers: {error}"))?;
        let mut request = request(self.address, method, path, &format!("?{MARK}"))?;
        let header = probe.header().parse();
        let header = header.map_err(|_| "cannot be asked: the header is none".to_owned())?;
        request.headers_mut().insert(HEADER, header);
        let came = self.client.ask(request)?;
        let said = came.headers.get(HEADER);
        let said = said.and_then(|header| probe.read(header.as_bytes()));
        Ok((came, said))
    }

    fn unasked(&mut self, row: &Row, why: &str) {
        self.found.push(Found {
            code: Code::RunningUnasked,
            subject: row.subject(),
            message: format!("`{}` {why}", row.name()),
            help: "mend what is found of the other routes first, then probe again".to_owned(),
        });
    }

    fn add(&mut self, row: &Row, method: &Method, wrong: &Wrong) {
        let (code, what, help) = match wrong {
            Wrong::Decides(what) => (Code::RunningAnswer, what, DEPLOY),
            Wrong::Front(what) => (Code::RunningFront, what, FRONT),
        };
        let by = if row.methods.names() == [method.as_str()] {
            String::new()
        } else {
            format!(", asked by {method},")
        };
        self.found.push(Found {
            code,
            subject: row.subject(),
            message: format!("`{}`{by} {what}", row.name()),
            help: help.to_owned(),
        });
    }
}

fn request(
    address: &Address,
    method: &Method,
    path: &str,
    query: &str,
) -> Result<Request<Vec<u8>>, String> {
    let uri: Result<Uri, _> = format!("{}{path}{query}", address.url()).parse();
    let uri = uri.map_err(|_| "cannot be asked: no URI can have its path".to_owned())?;
    let request = Request::builder().method(method).uri(uri).body(Vec::new());
    request.map_err(|error| format!("cannot be asked: {error}"))
}
