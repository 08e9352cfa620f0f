//! Asking over HTTP: one request, one answer, and nothing followed or repeated.

use std::error::Error as _;
use std::fs;
use std::io;

use http::header::{DATE, LOCATION, SERVER, VIA};
use http::{HeaderMap, HeaderName, Method, Request, StatusCode};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use ureq::Agent;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

use crate::cli::Running;
use crate::error::Problem;
use crate::surroundings::Env;
use crate::visible::visible;

/// More of a body is not read, in bytes.
const LONGEST_BODY: u64 = 64 << 20;
/// How far the clocks may be apart, in seconds, before that is a reason.
const APART: i64 = 60;

pub(crate) struct Client(Agent);

/// An answer.
#[derive(Debug)]
pub(crate) struct Came {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) fn new(args: &Running, env: &Env<'_>) -> Result<Self, Problem> {
        let mut tls = TlsConfig::builder();
        if let Some(file) = &args.ca {
            let read = |error: &dyn std::fmt::Display| {
                Problem::new(format!("the certificates cannot be read: {error}"))
                    .at(file.display())
                    .help("give a file of certificates in PEM: `-----BEGIN CERTIFICATE-----`")
            };
            let pem = fs::read(env.current_dir.join(file)).map_err(|error| read(&error))?;
            let mut roots = Vec::new();
            for item in parse_pem(&pem) {
                if let PemItem::Certificate(root) = item.map_err(|error| read(&error))? {
                    roots.push(root);
                }
            }
            if roots.is_empty() {
                return Err(read(&"there is none in it"));
            }
            tls = tls.root_certs(RootCerts::Specific(roots.into()));
        }
        let config = Agent::config_builder()
            .tls_config(tls.build())
            .http_status_as_error(false)
            // What a redirect leads to is not what was asked.
            .max_redirects(0)
            .allow_non_standard_methods(true)
            .timeout_global(Some(args.timeout()))
            .user_agent(concat!("route-audit/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self(config.new_agent()))
    }

    /// Asks; the error is a sentence without its subject.
    pub(crate) fn ask(&self, request: Request<Vec<u8>>) -> Result<Came, String> {
        let (parts, body) = request.into_parts();
        let answer = if body.is_empty() && !matches!(parts.method, Method::POST | Method::PUT) {
            self.0.run(Request::from_parts(parts, ()))
        } else {
            self.0.run(Request::from_parts(parts, body))
        };
        let (parts, mut body) = answer.map_err(|error| why(&error))?.into_parts();
        let body = body.with_config().limit(LONGEST_BODY).read_to_vec();
        Ok(Came {
            status: parts.status,
            headers: parts.headers,
            body: body.map_err(|error| format!("broke off its answer: {error}"))?,
        })
    }
}

fn why(error: &ureq::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    if text.contains("UnknownIssuer") {
        return "has a certificate of an authority that is not trusted: give the authority's by `--ca \
                FILE`"
            .to_owned();
    }
    if text.contains("certificate") {
        return format!("has a certificate that does not hold: {}", visible(&text));
    }
    match error {
        ureq::Error::Timeout(_) => "does not answer in time".to_owned(),
        ureq::Error::HostNotFound => "has a name that no address is known for".to_owned(),
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            "refuses the connection: nothing listens there".to_owned()
        }
        _ => format!("cannot be asked: {}", visible(&text)),
    }
}

impl Came {
    /// A header's value, where it is text.
    pub(crate) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Where the answer leads, if it redirects.
    pub(crate) fn leads_to(&self) -> Option<&str> {
        let location = self.header(&LOCATION)?;
        self.status.is_redirection().then_some(location)
    }

    /// What it shows of who answered: for whoever has to find that.
    pub(crate) fn signs(&self) -> String {
        let mut signs = vec![self.status.as_u16().to_string()];
        if let Some(location) = self.leads_to() {
            signs.push(format!("to {}", visible(location)));
        }
        let age = HeaderName::from_static("age");
        let cache = HeaderName::from_static("x-cache");
        for name in [SERVER, VIA, age, cache] {
            if let Some(value) = self.header(&name) {
                signs.push(format!("{name}: {}", visible(value)));
            }
        }
        let html = self.header(&http::header::CONTENT_TYPE);
        if html.is_some_and(|it| it.starts_with("text/html")) {
            signs.push("a page".to_owned());
        }
        signs.join(", ")
    }

    /// How many seconds its clock is ahead of this one, where they are apart.
    pub(crate) fn clock_ahead(&self) -> Option<i64> {
        let date = self.header(&DATE)?.replace("GMT", "+0000");
        let date = OffsetDateTime::parse(&date, &Rfc2822).ok()?;
        let ahead = date.unix_timestamp() - OffsetDateTime::now_utc().unix_timestamp();
        (ahead.abs() > APART).then_some(ahead)
    }
}
