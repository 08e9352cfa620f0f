//! What a refused request has left unread.

use axum::body::Body;
use http::Request;
use http_body::Body as _;

use crate::webhook::body::{self, Looks};

/// Reads on for a while where the sender may be waiting until it has sent all.
///
/// In line, as most requests have no body, and are large to move.
#[inline]
pub(super) fn discard(request: Request<Body>) {
    if !request.body().is_end_stream() && Looks::of(&request) == Looks::Afterwards {
        body::discard_in_a_task(request.into_body());
    }
}

/// The same, where some of the body was read: whoever has waited for `100 Continue` was told to go on.
pub(super) fn discard_rest(request: Request<Body>) {
    body::discard_in_a_task(request.into_body());
}
