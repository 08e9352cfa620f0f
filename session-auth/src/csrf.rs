//! Requests from pages of other origins: refused where they would use a session to change something,
//! or start one.
//!
//! The rules are those of tower-http's [`csrf`](tower_http::csrf), as its own service applies them;
//! here they are asked for one request, without a service behind. What is added:
//!
//! - A request to change the protocol is held to them whatever its method. A WebSocket's is a `GET`,
//!   browsers send it from any page with the cookie, and no CORS rule holds it back ("cross-site
//!   WebSocket hijacking", CWE-1385). Over HTTP/2 it is a `CONNECT` (RFC 8441), which is no safe method.
//! - Trusted origins may have a scheme of their own, as the pages in a mobile or desktop app have.
//! - A `Host` may name the default port of its scheme, as some proxies write it.

pub(crate) mod origin;

use std::collections::HashSet;
use std::convert::Infallible;
use std::fmt;
use std::future::{Future, Ready, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use http::header::{HOST, ORIGIN, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri};
use tower_http::csrf::{Csrf, CsrfLayer, ProtectionError};
use tower_layer::Layer;
use tower_service::Service;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Says whether a request may use a session.
pub(crate) struct CrossOrigin {
    service: Csrf<Accept>,
    /// As browsers write them.
    trusted: HashSet<Box<[u8]>>,
}

impl CrossOrigin {
    /// Trusts the service's own origin and these.
    pub(crate) fn new(trusted: &[String]) -> Result<Self, String> {
        let (mut known, mut wrong) = (HashSet::new(), Vec::new());
        for text in trusted {
            match origin::parse(text) {
                Ok(origin) => {
                    known.insert(origin.into_bytes().into_boxed_slice());
                }
                Err(why) => wrong.push(format!("invalid origin {text:?}: it {why}")),
            }
        }
        if !wrong.is_empty() {
            return Err(wrong.join("; "));
        }
        Ok(Self {
            service: CsrfLayer::new().layer(Accept),
            trusted: known,
        })
    }

    /// Whether the request leaves things as they are, or comes from a trusted origin, or from no
    /// browser.
    pub(crate) fn allows(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> bool {
        let is_safe = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
        if is_safe && !headers.contains_key(UPGRADE) {
            return true;
        }
        let origin = headers.get(ORIGIN);
        if origin.is_some_and(|origin| self.trusted.contains(origin.as_bytes())) {
            return true;
        }
        // Over HTTP/2 the host is in the URI.
        let host = uri.authority().map(|host| host.as_str().as_bytes());
        let host = host.or_else(|| headers.get(HOST).map(HeaderValue::as_bytes));
        self.is_same(headers, host)
            || without_default_port(origin, host)
                .is_some_and(|host| self.is_same(headers, Some(host)))
    }

    /// Asks tower-http about a request that changes something.
    fn is_same(&self, headers: &HeaderMap, host: Option<&[u8]>) -> bool {
        let mut request = Request::new(());
        *request.method_mut() = Method::POST;
        for name in [ORIGIN, SEC_FETCH_SITE] {
            if let Some(value) = headers.get(&name) {
                request.headers_mut().insert(name, value.clone());
            }
        }
        if let Some(host) = host.and_then(|host| HeaderValue::from_bytes(host).ok()) {
            request.headers_mut().insert(HOST, host);
        }
        let answer = pin!(self.service.clone().call(request));
        match answer.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(response)) => response.extensions().get::<ProtectionError>().is_none(),
            // Nothing in it waits. If that ever changes, nothing passes.
            Poll::Pending => false,
        }
    }
}

/// The host without the port that a page's origin leaves out (RFC 6454, section 6.1).
fn without_default_port<'a>(
    origin: Option<&HeaderValue>,
    host: Option<&'a [u8]>,
) -> Option<&'a [u8]> {
    let origin = origin?.as_bytes();
    let port: &[u8] = if origin.starts_with(b"https://") {
        b":443"
    } else {
        b":80"
    };
    host?.strip_suffix(port)
}

impl fmt::Debug for CrossOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let trusted = self.trusted.iter();
        f.debug_set()
            .entries(trusted.map(|origin| String::from_utf8_lossy(origin)))
            .finish()
    }
}

/// Stands where the protected service would.
#[derive(Clone, Copy, Debug)]
struct Accept;

impl Service<Request<()>> for Accept {
    type Response = Response<()>;
    type Error = Infallible;
    type Future = Ready<Result<Response<()>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        ready(Ok(Response::new(())))
    }
}

#[cfg(test)]
mod tests;
