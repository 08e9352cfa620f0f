//! A mounted route.

use super::ask::RowKind;
use crate::access::{DeclarationRef, Location, Methods, Text};
use crate::finding::{Code, Finding, Related, Shape, Subject};

/// A mounted route, and whose it is.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) kind: RowKind,
    /// What the router answers it for.
    pub(crate) methods: Methods,
    /// The pattern, without a prefix that only the configuration knows.
    pub(crate) path: Option<Text>,
    /// The pattern as axum has it.
    pub(crate) pattern: Option<String>,
    /// All that axum matches for it: a nested service has three, a fallback none.
    pub(crate) patterns: Vec<String>,
    /// What speaks for it; `None` where nothing does, or where what does must not.
    pub(crate) declaration: Option<DeclarationRef>,
    /// Whose handler it is, where that is known.
    pub(crate) handler: Option<DeclarationRef>,
    /// The compiler's name of a handler that nobody classified.
    pub(crate) function: Option<Text>,
    /// The compiler's name of what that takes.
    pub(crate) takes: Option<Text>,
    /// Whether it is known whose handler it is.
    pub(crate) named: bool,
    /// Whether that asks for its pass by itself.
    pub(crate) sealed: bool,
    /// Whether it is a service, that may read a path otherwise than axum does.
    pub(crate) opaque: bool,
    pub(crate) mounted: Location,
    /// The numbers of its guards.
    pub(crate) guards: Vec<usize>,
}

impl RowKind {
    pub(super) fn methods(self) -> Methods {
        match self {
            Self::Method(method) => method,
            Self::Fallback => Methods::FALLBACK,
            _ => Methods::ANY,
        }
    }

    pub(crate) fn shape(self) -> Shape {
        match self {
            Self::Method(_) | Self::Any | Self::Refused => Shape::Route,
            Self::MethodFallback => Shape::MethodFallback,
            Self::Service => Shape::OpaqueRoute,
            Self::Nested => Shape::OpaqueMount,
            Self::Fallback => Shape::Fallback,
        }
    }
}

impl Route {
    /// As findings, lock and listing name it.
    pub(crate) fn subject(&self) -> Subject {
        Subject {
            path: self.path.clone(),
            methods: self.methods,
            shape: self.kind.shape(),
            place: self.mounted.clone(),
        }
    }

    pub(super) fn finding(&self, code: Code, related: Vec<Related>) -> Finding {
        Finding {
            code,
            subject: self.subject(),
            related,
        }
    }
}

/// Whether a declared subtree is the mount itself: `/w` is the one of `/w` and of `/w/{*path}`.
pub(super) fn is_subtree(declared: &str, mounted: &str) -> bool {
    let declared = declared.trim_end_matches('/');
    let mounted = match mounted.rsplit_once('/') {
        Some((before, last)) if last.starts_with("{*") => before,
        _ => mounted.trim_end_matches('/'),
    };
    declared == mounted
}
