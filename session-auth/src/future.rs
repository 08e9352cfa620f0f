//! The service's future.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::Bytes;
use http::Response;
use http::header::SET_COOKIE;
use pin_project_lite::pin_project;

use crate::decision::Renewal;
use crate::sessions::SessionPolicy;

type Boxed<E> = Pin<Box<dyn Future<Output = Result<Response<Body>, E>> + Send>>;

pin_project! {
    /// The future of [`SessionAuth`](crate::SessionAuth). Boxed for webhooks alone.
    #[must_use = "futures do nothing unless awaited"]
    pub struct ResponseFuture<F, E> {
        #[pin]
        kind: Kind<F, E>,
    }
}

pin_project! {
    #[project = KindProj]
    enum Kind<F, E> {
        Forward {
            #[pin]
            future: F,
            // Boxed: it is rare, and the future moves with every request.
            renewal: Option<Box<RenewCookie>>,
        },
        Denied {
            response: Option<Response<Body>>,
        },
        Boxed {
            future: Boxed<E>,
        },
    }
}

/// The cookie of a session that slides, to be set unless the response sets one itself.
pub(crate) struct RenewCookie {
    policy: Arc<SessionPolicy>,
    renewal: Renewal,
}

impl RenewCookie {
    pub(crate) fn new(policy: Arc<SessionPolicy>, renewal: Renewal) -> Self {
        Self { policy, renewal }
    }

    pub(crate) fn write(self, response: &mut Response<Body>) {
        let Self { policy, renewal } = self;
        // Login and logout have the last word on the cookie.
        if policy.cookie.is_set_by(response.headers()) {
            return;
        }
        if let Some(cookie) = policy.cookie.set(&renewal.value, renewal.max_age) {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
    }
}

impl<F, E> ResponseFuture<F, E> {
    pub(crate) fn forward(future: F, renewal: Option<Box<RenewCookie>>) -> Self {
        Self {
            kind: Kind::Forward { future, renewal },
        }
    }

    pub(crate) fn denied(response: Response<Body>) -> Self {
        Self {
            kind: Kind::Denied {
                response: Some(response),
            },
        }
    }

    pub(crate) fn boxed(future: Boxed<E>) -> Self {
        Self {
            kind: Kind::Boxed { future },
        }
    }
}

impl<F, E, R> Future for ResponseFuture<F, E>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: http_body::Body<Data = Bytes> + Send + 'static,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Output = Result<Response<Body>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().kind.project() {
            KindProj::Forward { future, renewal } => {
                let mut response = ready!(future.poll(cx))?.map(Body::new);
                if let Some(renewal) = renewal.take() {
                    renewal.write(&mut response);
                }
                Poll::Ready(Ok(response))
            }
            KindProj::Denied { response } => {
                Poll::Ready(Ok(response.take().expect("polled after completion")))
            }
            KindProj::Boxed { future } => future.as_mut().poll(cx),
        }
    }
}

impl<F, E> fmt::Debug for ResponseFuture<F, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
