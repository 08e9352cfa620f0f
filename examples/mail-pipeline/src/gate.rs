//! How much of what is being received may be in memory: bodies take turns. A turn is taken when a body
//! is first asked for, which is after the guard has seen its sender's credentials; so that nobody else
//! can hold one. It is given back with the answer.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http_body::{Frame, SizeHint};
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

/// What is smaller takes turns with its like alone.
const SMALL: u64 = 1024 * 1024;
/// Of small ones at a time.
const SMALL_ONES: usize = 32;

#[derive(Clone)]
pub(crate) struct Gate {
    small: Arc<Semaphore>,
    large: Arc<Semaphore>,
}

type Acquiring = Pin<Box<dyn Future<Output = Result<OwnedSemaphorePermit, AcquireError>> + Send>>;

struct Gated {
    acquiring: Option<Acquiring>,
    turn: Arc<Mutex<Option<OwnedSemaphorePermit>>>,
    body: Body,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self {
            small: Arc::new(Semaphore::new(SMALL_ONES)),
            // Each may be 48 MiB, and as much again while it is put together.
            large: Arc::new(Semaphore::new(1)),
        }
    }

    pub(crate) async fn pass(self, request: Request, next: Next) -> Response {
        let turn = Arc::new(Mutex::new(None));
        let length = request.headers().get(CONTENT_LENGTH);
        let length = length.and_then(|it| it.to_str().ok()?.parse::<u64>().ok());
        let is_small = match length {
            Some(length) => length <= SMALL,
            // A page's request has no body, and a body without a length may be of any.
            None => request.body().is_end_stream(),
        };
        let turns = if is_small { self.small } else { self.large };
        let request = request.map(|body| {
            let acquiring: Acquiring = Box::pin(turns.acquire_owned());
            Body::new(Gated {
                acquiring: Some(acquiring),
                turn: Arc::clone(&turn),
                body,
            })
        });
        let response = next.run(request).await;
        drop(turn);
        response
    }
}

impl HttpBody for Gated {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        if let Some(acquiring) = &mut this.acquiring {
            let permit = ready!(acquiring.as_mut().poll(cx)).map_err(axum::Error::new)?;
            this.acquiring = None;
            *this.turn.lock().unwrap_or_else(PoisonError::into_inner) = Some(permit);
        }
        Pin::new(&mut this.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
