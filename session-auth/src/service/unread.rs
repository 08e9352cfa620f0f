//! What a refused request has left unread.

use axum::body::Body;
use http::header::EXPECT;
use http::{Request, Version};
use http_body::Body as _;

use crate::webhook::body;

/// Reads on for a while where the sender may be waiting until it has sent all.
///
/// In line, as most requests have no body, and are large to move.
#[inline]
pub(super) fn discard(request: Request<Body>) {
    if !request.body().is_end_stream() && may_come_first(&request) {
        body::discard_in_a_task(request.into_body());
    }
}

/// Whether the sender may send all of the body before it looks for an answer.
pub(super) fn may_come_first(request: &Request<Body>) -> bool {
    // Whoever waits for `100 Continue` sends nothing, and over HTTP/2 nothing is reset but the one
    // stream.
    request.version() < Version::HTTP_2 && !request.headers().contains_key(EXPECT)
}
