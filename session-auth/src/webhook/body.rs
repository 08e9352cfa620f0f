//! Reading a webhook's body, all of it and no more than a limit.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, LengthLimitError};

type BoxError = Box<dyn Error + Send + Sync>;

/// Why a body could not be had.
#[derive(Debug)]
pub(crate) enum BodyError {
    /// It is longer than the limit.
    TooLarge,
    /// It ended, or failed, before it was complete.
    Broken(BoxError),
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => f.write_str("the body is over the limit"),
            Self::Broken(_) => f.write_str("the body broke off before its end"),
        }
    }
}

impl Error for BodyError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::TooLarge => None,
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
/// that goes over it. How long a client may take is not decided here.
///
/// # Errors
///
/// [`BodyError::TooLarge`] past `limit`, in bytes, or past that of a `Limited` that wraps the body
/// already; [`BodyError::Broken`] on any other error of the body. What was read until then is in the
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

/// The next data that is not empty.
async fn next<B>(body: &mut B) -> Result<Option<Bytes>, BodyError>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            let error = error.into();
            if is_length_limit(&*error) {
                BodyError::TooLarge
            } else {
                BodyError::Broken(error)
            }
        })?;
        match frame.into_data() {
            Ok(data) if !data.is_empty() => return Ok(Some(data)),
            _ => {}
        }
    }
    Ok(None)
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
fn is_length_limit(error: &(dyn Error + 'static)) -> bool {
    std::iter::successors(Some(error), |&error| error.source())
        .any(|error| error.is::<LengthLimitError>())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use http::HeaderMap;
    use http_body_util::{Full, Limited};
    use std::collections::VecDeque;
    use std::io;

    use super::*;

    /// A body of these frames, without a length, as with `Transfer-Encoding: chunked`.
    struct Frames(VecDeque<io::Result<Frame<Bytes>>>);

    impl Frames {
        fn of<const N: usize>(data: [&'static str; N]) -> Self {
            Self(data.map(|d| Ok(Frame::data(Bytes::from(d)))).into())
        }

        fn then(mut self, frame: io::Result<Frame<Bytes>>) -> Self {
            self.0.push_back(frame);
            self
        }
    }

    impl Body for Frames {
        type Data = Bytes;
        type Error = io::Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
            Poll::Ready(self.0.pop_front())
        }
    }

    fn cut_off() -> io::Result<Frame<Bytes>> {
        Err(io::ErrorKind::UnexpectedEof.into())
    }

    #[tokio::test]
    async fn exactly_the_limit_passes_and_one_byte_more_does_not() {
        for length in [None, Some(6)] {
            let body = collect(&mut Frames::of(["abc", "def"]), length, 6).await;
            assert_eq!(body.unwrap(), "abcdef");
            let body = collect(&mut Full::from("abcdef"), length, 6).await;
            assert_eq!(body.unwrap(), "abcdef");

            let body = collect(&mut Frames::of(["abc", "def"]), length, 5).await;
            assert!(matches!(
                body,
                Err(Incomplete {
                    error: BodyError::TooLarge,
                    ..
                })
            ));
            let body = collect(&mut Full::from("abcdef"), length, 5).await;
            assert!(matches!(
                body,
                Err(Incomplete {
                    error: BodyError::TooLarge,
                    ..
                })
            ));
        }
    }

    #[tokio::test]
    async fn an_announced_length_over_the_limit_is_refused_unread() {
        for length in [4, u64::MAX] {
            let mut frames = Frames::of(["a"]);
            let body = collect(&mut frames, Some(length), 3).await;
            assert!(matches!(
                body,
                Err(Incomplete {
                    error: BodyError::TooLarge,
                    ..
                })
            ));
            assert_eq!(frames.0.len(), 1);
        }
    }

    #[tokio::test]
    async fn reading_stops_past_the_limit() {
        // Without a length, and with one that lies.
        for length in [None, Some(1)] {
            let mut frames = Frames::of(["ab", "cd", "ef", "gh"]);
            let body = collect(&mut frames, length, 3).await;
            assert!(matches!(
                body,
                Err(Incomplete {
                    error: BodyError::TooLarge,
                    ..
                })
            ));
            assert_eq!(frames.0.len(), 2);
        }
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_not_a_short_body() {
        for data in [Frames::of([]), Frames::of(["ab"]), Frames::of(["ab", "c"])] {
            let body = collect(&mut data.then(cut_off()), Some(100), 100).await;
            let Err(Incomplete {
                error: BodyError::Broken(error),
                ..
            }) = body
            else {
                panic!("{body:?}");
            };
            let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
            assert_eq!(kind, Some(io::ErrorKind::UnexpectedEof));
        }
    }

    #[tokio::test]
    async fn a_limit_that_wraps_the_body_already_is_a_limit() {
        let mut body = axum::body::Body::new(Limited::new(Full::from("abcdef"), 3));
        let body = collect(&mut body, None, 100).await;
        assert!(
            matches!(
                body,
                Err(Incomplete {
                    error: BodyError::TooLarge,
                    ..
                })
            ),
            "{body:?}"
        );
    }

    #[tokio::test]
    async fn a_single_frame_is_not_copied() {
        let data = Bytes::from(vec![7; 64]);
        let same = data.as_ptr();
        let body = collect(&mut Full::new(data), Some(64), 64).await.unwrap();
        assert_eq!(body.as_ptr(), same);

        let data = Bytes::from(vec![7; 64]);
        let same = data.as_ptr();
        let mut frames = Frames::of([""])
            .then(Ok(Frame::data(data)))
            .then(Ok(Frame::trailers(HeaderMap::new())));
        let body = collect(&mut frames, None, 64).await.unwrap();
        assert_eq!(body.as_ptr(), same);
    }

    #[tokio::test]
    async fn frames_are_joined_in_their_order() {
        let mut frames = Frames::of(["", "a", "", "bc", "d"]);
        assert_eq!(collect(&mut frames, None, 4).await.unwrap(), "abcd");
    }

    #[tokio::test]
    async fn an_empty_body_passes_a_limit_of_nothing() {
        let mut empty = http_body_util::Empty::<Bytes>::new();
        assert_eq!(collect(&mut empty, Some(0), 0).await.unwrap(), "");
    }

    #[tokio::test]
    async fn nothing_of_a_body_over_the_limit_is_lost() {
        let mut frames = Frames::of(["ab", "cd", "ef"]);
        let incomplete = collect(&mut frames, None, 3).await.unwrap_err();
        let mut resumed = Resumed {
            read: incomplete.read,
            rest: frames,
        };
        assert_eq!(collect(&mut resumed, None, 6).await.unwrap(), "abcdef");
    }
}
