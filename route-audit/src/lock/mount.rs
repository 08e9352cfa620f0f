//! Where something is mounted.

use std::borrow::Cow;

use session_auth::audit::Shape;

/// A place in a router.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mount {
    pub(crate) at: At,
    pub(crate) package: String,
    pub(crate) router: String,
}

/// What it answers there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum At {
    /// What no route of the router matched.
    Outermost,
    /// One path, or the fallback of a router that is nested there.
    Path(String),
    /// Everything from this path on.
    Below(String),
}

impl At {
    pub(super) fn of(path: Option<&str>, shape: Shape) -> Self {
        match (path, shape) {
            (None, _) => Self::Outermost,
            (Some(path), Shape::OpaqueMount) => Self::Below(path.to_owned()),
            (Some(path), _) => Self::Path(path.to_owned()),
        }
    }

    /// The path, and what kind of thing is there.
    pub(crate) fn parts(&self) -> (Option<&str>, Shape) {
        match self {
            Self::Outermost => (None, Shape::Fallback),
            Self::Path(path) => (Some(path), Shape::Route),
            Self::Below(path) => (Some(path), Shape::OpaqueMount),
        }
    }

    /// As reports write it: `/assets/**` for everything from a path on.
    pub(crate) fn path(&self) -> Option<Cow<'_, str>> {
        let (path, shape) = self.parts();
        path.map(|path| shape.listed(path))
    }
}
