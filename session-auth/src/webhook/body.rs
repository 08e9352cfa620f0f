//! Reading a webhook's body, all of it and no more than a limit.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::EXPECT;
use http::{HeaderValue, Request, Version};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, LengthLimitError};
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::deadline::TimedOut;

type BoxError = Box<dyn Error + Send + Sync>;

/// Why a body could not be had.
#[derive(Debug)]
pub(crate) enum BodyError {
    /// It is longer than the limit.
    TooLarge,
    /// It took too long.
    TimedOut,
    /// It ended, or failed, before it was complete.
    Broken(BoxError),
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => f.write_str("the body is over the limit"),
            Self::TimedOut => TimedOut.fmt(f),
            Self::Broken(_) => f.write_str("the body broke off before its end"),
        }
    }
}

impl Error for BodyError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::TooLarge | Self::TimedOut => None,
            Self::Broken(error) => Some(&**error),
        }
    }
}

/// A body that was not had, and what was read of it.
#[derive(Debug)]
pub(crate) struct Incomplete {
    pub(crate) error: BodyError,
    pub(crate) read: Bytes,
}

/// Reads `body` to its end. Trailers are dropped.
///
/// `content_length` is what the client announced. Where that is over `limit`, nothing is read; what
/// comes without a length, or with a wrong one, is read up to the limit only: to the end of the frame
/// that goes over it.
///
/// # Errors
///
/// [`BodyError::TooLarge`] past `limit`, in bytes, or past that of a `Limited` that wraps the body
/// already; [`BodyError::TimedOut`] where a [`Timed`](super::deadline::Timed) gives up;
/// [`BodyError::Broken`] on any other error of the body. What was read until then is in the
/// error, and the rest still in `body`.
pub(crate) async fn collect<B>(
    body: &mut B,
    content_length: Option<u64>,
    limit: usize,
) -> Result<Bytes, Incomplete>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    let too_large = |read| Incomplete {
        error: BodyError::TooLarge,
        read,
    };
    // `usize::MAX` bytes and more: not on this machine, whatever the limit.
    let announced = content_length.map(|length| usize::try_from(length).unwrap_or(usize::MAX));
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large(Bytes::new()));
    }
    let mut whole = Whole::default();
    loop {
        match next(body).await {
            Ok(Some(data)) => whole.push(data),
            Ok(None) => return Ok(whole.into_bytes()),
            Err(error) => {
                let read = whole.into_bytes();
                return Err(Incomplete { error, read });
            }
        }
        if whole.len() > limit {
            return Err(too_large(whole.into_bytes()));
        }
    }
}

/// What was read so far. Most deliveries come in one frame, and then nothing is copied. Several are
/// copied as they come, not kept as a list of frames: at a byte a frame, that takes many times the
/// limit, and nobody has proven anything yet.
#[derive(Default)]
struct Whole {
    first: Bytes,
    joined: BytesMut,
}

impl Whole {
    fn len(&self) -> usize {
        self.first.len() + self.joined.len()
    }

    fn push(&mut self, data: Bytes) {
        if self.len() == 0 {
            self.first = data;
            return;
        }
        self.joined
            .extend_from_slice(&std::mem::take(&mut self.first));
        self.joined.extend_from_slice(&data);
    }

    fn into_bytes(self) -> Bytes {
        if self.joined.is_empty() {
            self.first
        } else {
            self.joined.freeze()
        }
    }
}

/// The next data.
async fn next<B>(body: &mut B) -> Result<Option<Bytes>, BodyError>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            let error = error.into();
            if is::<LengthLimitError>(&*error) {
                BodyError::TooLarge
            } else if is::<TimedOut>(&*error) {
                BodyError::TimedOut
            } else {
                BodyError::Broken(error)
            }
        })?;
        // Trailers are no part of what is signed.
        if let Ok(data) = frame.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

/// When the sender of a body looks for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Looks {
    /// Once it has sent all, perhaps.
    Afterwards,
    /// Before it sends any: it waits for `100 Continue`, which goes out as soon as its body is asked for.
    Before,
}

impl Looks {
    pub(crate) fn of<B>(request: &Request<B>) -> Self {
        let waits = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"100-continue");
        // RFC 9110, section 10.1.1: older clients wait for nothing. Over HTTP/2 hyper asks nobody.
        let may_wait = request.version() == Version::HTTP_11;
        if may_wait && request.headers().get(EXPECT).is_some_and(waits) {
            Self::Before
        } else {
            Self::Afterwards
        }
    }
}

/// How long the rest of a refused body is read, and how long for each piece of it.
const DISCARD: Duration = Duration::from_secs(5);
const DISCARD_EACH: Duration = Duration::from_secs(1);

/// Reads what is left of a body that is of no use, for a while, and keeps nothing of it.
///
/// Many clients look for an answer once they have sent all. Over HTTP/1.1, a connection that is closed
/// with bytes unread is reset, and they see a broken pipe in the place of the answer: Python and Java
/// would never learn that credentials are asked for. Over HTTP/2 the stream is reset behind the answer, and
/// curl 7.88 shows none then.
pub(crate) async fn discard<B>(mut body: B)
where
    B: Body<Data = Bytes> + Unpin,
{
    let all = async { while let Ok(Some(Ok(_))) = timeout(DISCARD_EACH, body.frame()).await {} };
    let _ = timeout(DISCARD, all).await;
}

/// The same, and the answer goes out meanwhile.
pub(crate) fn discard_in_a_task<B>(body: B)
where
    B: Body<Data = Bytes> + Unpin + Send + 'static,
    B::Error: Send,
{
    if let Ok(runtime) = Handle::try_current() {
        runtime.spawn(discard(body));
    }
}

/// A body that begins with what was read of it already.
pub(crate) struct Resumed<B> {
    pub(crate) read: Bytes,
    pub(crate) rest: B,
}

impl<B: Body<Data = Bytes> + Unpin> Body for Resumed<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        if self.read.is_empty() {
            return Pin::new(&mut self.rest).poll_frame(cx);
        }
        Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.read)))))
    }
}

/// `axum::Error` wraps what a body under tower-http's `RequestBodyLimitLayer` fails with.
fn is<E: Error + 'static>(error: &(dyn Error + 'static)) -> bool {
    std::iter::successors(Some(error), |&error| error.source()).any(|error| error.is::<E>())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
