//! A webhook's body that has to be there in time.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

type BoxError = Box<dyn Error + Send + Sync>;

/// A body that fails with [`TimedOut`] once it has been waited for too long, all of it together: a
/// sender of a byte a second holds a task, and what it has sent so far, for as long as it likes.
pub(crate) struct Timed<B> {
    body: B,
    allowed: Duration,
    /// Since the first wait: most bodies are there with their head, and cost no timer.
    until: Option<Pin<Box<Sleep>>>,
}

impl<B> Timed<B> {
    pub(crate) fn new(body: B, allowed: Duration) -> Self {
        Self {
            body,
            allowed,
            until: None,
        }
    }
}

impl<B> Body for Timed<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Self {
            body,
            allowed,
            until,
        } = &mut *self;
        if let Poll::Ready(frame) = Pin::new(body).poll_frame(cx) {
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let until = until.get_or_insert_with(|| Box::pin(sleep(*allowed)));
        until
            .as_mut()
            .poll(cx)
            .map(|()| Some(Err(Box::new(TimedOut) as BoxError)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The sender of a body was too slow.
#[derive(Debug)]
pub(crate) struct TimedOut;

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the body was not there in time")
    }
}

impl Error for TimedOut {}

#[cfg(test)]
mod tests {
    use http_body_util::Full;

    use super::*;

    #[test]
    fn a_body_with_a_deadline_is_as_long_as_it_was() {
        let timed = |text: &'static str| Timed::new(Full::from(text), Duration::from_secs(1));
        assert_eq!(timed("abc").size_hint().exact(), Some(3));
        assert!(!timed("abc").is_end_stream());
        assert!(timed("").is_end_stream());
    }

    #[test]
    fn what_was_too_slow_is_said() {
        assert_eq!(TimedOut.to_string(), "the body was not there in time");
    }
}
