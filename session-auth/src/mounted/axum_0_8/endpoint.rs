//! What serves a path, as the text shows it.

use crate::access::Methods;

/// What serves a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::mounted) enum Endpoint {
    /// `Route(Route)`: a service, for every method.
    Service,
    /// A method router.
    Methods {
        /// The methods with a handler or service of their own.
        named: Methods,
        /// What becomes of all others.
        rest: Rest,
    },
}

/// What a method router does with methods that it does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::mounted) enum Rest {
    /// 405.
    Refused,
    /// `any(..)`.
    Any,
    /// `.fallback(..)`, or the router's `method_not_allowed_fallback`.
    Fallback,
}
