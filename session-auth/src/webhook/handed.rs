//! The body of a delivery whose proof the handler checks itself.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::Limited;

use super::body::{self, BodyError, Looks};
use super::deadline::Timed;

type BoxError = Box<dyn Error + Send + Sync>;

/// A body that fails past a limit, whoever reads it, and whose rest is read where the handler answers before
/// its end.
///
/// The byte past it is still handed on: an extractor that counts by itself finds it. `Multipart` takes the
/// error of another limit, inside of its own, for one of the service.
pub(crate) struct Handed {
    /// `None` once there is no more of it that anybody wants.
    body: Option<Timed<Body>>,
    /// How much more is within the limit, in bytes.
    left: usize,
    over: bool,
    looks: Looks,
}

impl Handed {
    pub(crate) fn new(body: Timed<Body>, limit: usize, looks: Looks) -> Self {
        Self {
            body: Some(body),
            left: limit,
            over: false,
            looks,
        }
    }

    /// Reads no more of it for the handler.
    fn leave(&mut self) {
        if let Some(rest) = self.body.take()
            && self.looks == Looks::Afterwards
            && !rest.is_end_stream()
        {
            body::discard_in_a_task(rest);
        }
    }
}

impl Drop for Handed {
    fn drop(&mut self) {
        self.leave();
    }
}

impl http_body::Body for Handed {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if std::mem::take(&mut self.over) {
            self.leave();
            return Poll::Ready(Some(Err(too_long(cx))));
        }
        let Self {
            body,
            left,
            over,
            looks,
        } = &mut *self;
        let Some(reading) = body else {
            return Poll::Ready(None);
        };
        *looks = Looks::Afterwards;
        let frame = match ready!(Pin::new(reading).poll_frame(cx)) {
            Some(Ok(frame)) => frame,
            last => {
                *body = None;
                return Poll::Ready(last);
            }
        };
        let frame = frame.into_data().map(|mut data| {
            *over = data.len() > *left;
            data.truncate(left.saturating_add(1));
            *left = left.saturating_sub(data.len());
            Frame::data(data)
        });
        Poll::Ready(Some(Ok(frame.unwrap_or_else(|trailers| trailers))))
    }

    fn is_end_stream(&self) -> bool {
        !self.over && self.body.as_ref().is_none_or(Timed::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map_or_else(SizeHint::default, Timed::size_hint)
    }
}

/// The error by which axum knows that a body is too long. Only a `Limited` makes it.
fn too_long(cx: &mut Context<'_>) -> BoxError {
    let mut longer = Limited::new(Body::from("."), 0);
    match Pin::new(&mut longer).poll_frame(cx) {
        Poll::Ready(Some(Err(error))) => error,
        _ => BodyError::TooLarge.into(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use http_body_util::{BodyExt, LengthLimitError, StreamBody};

    use super::*;

    /// A body of these pieces, with trailers at its end.
    fn handed(pieces: &'static [&'static str], limit: usize) -> Handed {
        let pieces = pieces.iter().map(|&piece| Frame::data(Bytes::from(piece)));
        let frames = pieces.chain([Frame::trailers(http::HeaderMap::new())]);
        let frames: Vec<Result<_, std::io::Error>> = frames.map(Ok).collect();
        let body = Body::new(StreamBody::new(futures_util::stream::iter(frames)));
        Handed::new(
            Timed::new(body, Duration::from_secs(1)),
            limit,
            Looks::Before,
        )
    }

    /// What was read of it, and whether it failed, by the error that axum knows, and then ended.
    async fn read(mut body: Handed) -> (String, bool) {
        let mut text = String::new();
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => {
                    let data = frame.into_data().unwrap_or_default();
                    text.push_str(std::str::from_utf8(&data).unwrap());
                }
                Err(error) => {
                    assert!(error.is::<LengthLimitError>(), "{error}");
                    assert!(body.frame().await.is_none());
                    assert!(body.is_end_stream());
                    return (text, true);
                }
            }
        }
        assert!(body.is_end_stream());
        (text, false)
    }

    #[tokio::test]
    async fn what_is_over_the_limit_never_ends_as_a_whole_body() {
        for (pieces, limit, expected, fails) in [
            (&["ab", "cd"][..], 4, "abcd", false),
            (&["ab", "cd"], 3, "abcd", true),
            (&["abcdef"], 3, "abcd", true),
            (&["ab", "cdef", "gh"], 2, "abc", true),
            (&["a"], 0, "a", true),
            (&[], 0, "", false),
            (&["abcd"], usize::MAX, "abcd", false),
        ] {
            let found = read(handed(pieces, limit)).await;
            assert_eq!(found, (expected.to_owned(), fails), "{pieces:?} {limit}");
        }
    }

    #[test]
    fn it_is_as_long_as_it_was() {
        let of = |text| {
            let timed = Timed::new(Body::from(text), Duration::from_secs(1));
            Handed::new(timed, 10, Looks::Before)
        };
        assert_eq!(of("abc").size_hint().exact(), Some(3));
        assert!(!of("abc").is_end_stream());
        assert!(of("").is_end_stream());
    }
}
