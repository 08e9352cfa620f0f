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

#[test]
fn why_a_body_could_not_be_had_is_said_and_by_what() {
    let broken = BodyError::Broken("reset by peer".into());
    for (error, says, cause) in [
        (BodyError::TooLarge, "the body is over the limit", None),
        (BodyError::TimedOut, "the body was not there in time", None),
        (
            broken,
            "the body broke off before its end",
            Some("reset by peer".to_owned()),
        ),
    ] {
        assert_eq!(error.to_string(), says);
        assert_eq!(error.source().map(ToString::to_string), cause);
    }
}
