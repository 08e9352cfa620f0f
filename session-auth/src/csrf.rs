//! Requests from pages of other origins: refused where they would use a session to change something.
//!
//! The rules are those of tower-http's [`csrf`](tower_http::csrf), as its own service applies them;
//! here they are asked for one request, without a service behind.

use std::convert::Infallible;
use std::fmt;
use std::future::{Future, Ready, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use http::header::{HOST, ORIGIN};
use http::{HeaderMap, HeaderName, Method, Request, Response, Uri};
use tower_http::csrf::{ConfigError, Csrf, CsrfLayer, ProtectionError};
use tower_layer::Layer;
use tower_service::Service;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What tower-http's rules look at.
const LOOKED_AT: [HeaderName; 3] = [ORIGIN, SEC_FETCH_SITE, HOST];

/// Says whether a request may use a session.
pub(crate) struct CrossOrigin {
    service: Csrf<Accept>,
}

impl CrossOrigin {
    /// Trusts the service's own origin and these.
    pub(crate) fn new(trusted: &[String]) -> Result<Self, ConfigError> {
        let layer = trusted
            .iter()
            .try_fold(CsrfLayer::new(), CsrfLayer::add_trusted_origin)?;
        Ok(Self {
            service: layer.layer(Accept),
        })
    }

    /// Whether the request leaves things as they are, or comes from a trusted origin, or from no
    /// browser.
    pub(crate) fn allows(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> bool {
        // As there; here it spares the common request a copy.
        if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
            return true;
        }
        let mut request = Request::new(());
        *request.method_mut() = method.clone();
        *request.uri_mut() = uri.clone();
        for name in LOOKED_AT {
            if let Some(value) = headers.get(&name) {
                request.headers_mut().insert(name, value.clone());
            }
        }
        let answer = pin!(self.service.clone().call(request));
        match answer.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(response)) => response.extensions().get::<ProtectionError>().is_none(),
            // Nothing in it waits. If that ever changes, nothing passes.
            Poll::Pending => false,
        }
    }
}

impl fmt::Debug for CrossOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CrossOrigin").field(&self.service).finish()
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
