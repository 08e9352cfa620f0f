//! The nouns: access class, methods, declaration.

use std::fmt;
use std::ops::BitOr;
use std::time::Duration;

use http::Method;
use serde::Serialize;
use time::Date;

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum AccessClass {
    /// Anyone. The layer neither reads the session cookie nor touches a store for it.
    Public,
    /// A sender that proves itself with each request, to a [`Verifier`](crate::webhook::Verifier).
    Webhook,
    /// A caller with a valid session.
    Session,
}

impl AccessClass {
    /// The word used in attributes, reports and listings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Webhook => "webhook",
            Self::Session => "session",
        }
    }
}

impl fmt::Display for AccessClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A set of HTTP methods that one declaration speaks for.
///
/// `GET` also serves `HEAD` unless another declaration of the same path names `HEAD`, as in axum.
///
/// ```
/// use session_auth::methods::{GET, POST};
///
/// let methods = GET | POST;
/// assert!(methods.serves(&http::Method::HEAD));
/// assert!(!methods.serves(&http::Method::PUT));
/// assert_eq!(methods.to_string(), "GET | POST");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Methods(u16);

/// Names of the methods, in the order in which reports print them.
const NAMES: [(&str, Methods); 9] = [
    ("GET", Methods::GET),
    ("HEAD", Methods::HEAD),
    ("POST", Methods::POST),
    ("PUT", Methods::PUT),
    ("PATCH", Methods::PATCH),
    ("DELETE", Methods::DELETE),
    ("OPTIONS", Methods::OPTIONS),
    ("TRACE", Methods::TRACE),
    ("CONNECT", Methods::CONNECT),
];

impl Methods {
    /// `GET` and, with it, `HEAD`.
    pub const GET: Self = Self(1);
    /// `HEAD` alone.
    pub const HEAD: Self = Self(1 << 1);
    /// `POST`.
    pub const POST: Self = Self(1 << 2);
    /// `PUT`.
    pub const PUT: Self = Self(1 << 3);
    /// `PATCH`.
    pub const PATCH: Self = Self(1 << 4);
    /// `DELETE`.
    pub const DELETE: Self = Self(1 << 5);
    /// `OPTIONS`.
    pub const OPTIONS: Self = Self(1 << 6);
    /// `TRACE`.
    pub const TRACE: Self = Self(1 << 7);
    /// `CONNECT`.
    pub const CONNECT: Self = Self(1 << 8);
    /// Every method, also those that no standard names.
    pub const ANY: Self = Self(1 << 15);

    pub(crate) const NONE: Self = Self(0);

    /// The union of two sets. `|` does the same outside of `const`.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether a request with this method is served, `HEAD` by `GET` included.
    #[must_use]
    pub fn serves(self, method: &Method) -> bool {
        if self.is_any() {
            return true;
        }
        match Self::of(method) {
            Some(Self::HEAD) => self.0 & (Self::HEAD.0 | Self::GET.0) != 0,
            Some(one) => self.0 & one.0 != 0,
            None => false,
        }
    }

    /// Whether this is [`Methods::ANY`].
    #[must_use]
    pub const fn is_any(self) -> bool {
        self.0 & Self::ANY.0 != 0
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The set with just this method; `None` for one that no standard names.
    pub(crate) fn of(method: &Method) -> Option<Self> {
        Some(match *method {
            Method::GET => Self::GET,
            Method::HEAD => Self::HEAD,
            Method::POST => Self::POST,
            Method::PUT => Self::PUT,
            Method::PATCH => Self::PATCH,
            Method::DELETE => Self::DELETE,
            Method::OPTIONS => Self::OPTIONS,
            Method::TRACE => Self::TRACE,
            Method::CONNECT => Self::CONNECT,
            _ => return None,
        })
    }

    /// The methods both sets name. `ANY` overlaps with `ANY` only: beside it, a method of its own
    /// is the more specific route, as in axum's `any(h).post(h)`.
    pub(crate) const fn overlap(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(crate) const fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The methods of the set one by one.
    pub fn iter(self) -> impl Iterator<Item = Self> {
        NAMES
            .into_iter()
            .map(|(_, method)| method)
            .chain([Self::ANY])
            .filter(move |method| self.0 & method.0 != 0)
    }

    /// The names in the set: `["GET", "POST"]`, or `["ANY"]`.
    #[must_use]
    pub fn names(self) -> Vec<&'static str> {
        if self.is_any() {
            return vec!["ANY"];
        }
        NAMES
            .into_iter()
            .filter(|(_, method)| self.0 & method.0 != 0)
            .map(|(name, _)| name)
            .collect()
    }

    /// The method of this name, as reports spell it: upper case, or `ANY`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        if name == "ANY" {
            return Some(Self::ANY);
        }
        NAMES
            .into_iter()
            .find(|(known, _)| *known == name)
            .map(|(_, method)| method)
    }
}

impl BitOr for Methods {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.or(other)
    }
}

impl fmt::Display for Methods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.names().join(" | "))
    }
}

impl fmt::Debug for Methods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Methods({self})")
    }
}

impl Serialize for Methods {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.names().serialize(serializer)
    }
}

/// The methods by name, for [`public`](crate::public), [`webhook`](crate::webhook()) and
/// [`session`](crate::session()).
pub mod methods {
    use super::Methods;

    /// `GET` and, with it, `HEAD`.
    pub const GET: Methods = Methods::GET;
    /// `HEAD` alone.
    pub const HEAD: Methods = Methods::HEAD;
    /// `POST`.
    pub const POST: Methods = Methods::POST;
    /// `PUT`.
    pub const PUT: Methods = Methods::PUT;
    /// `PATCH`.
    pub const PATCH: Methods = Methods::PATCH;
    /// `DELETE`.
    pub const DELETE: Methods = Methods::DELETE;
    /// `OPTIONS`.
    pub const OPTIONS: Methods = Methods::OPTIONS;
    /// `TRACE`.
    pub const TRACE: Methods = Methods::TRACE;
    /// `CONNECT`.
    pub const CONNECT: Methods = Methods::CONNECT;
    /// Every method, also those that no standard names.
    pub const ANY: Methods = Methods::ANY;
}

/// Which requests a declaration is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Target {
    /// Requests with one of the methods to a path that matches the pattern.
    Route {
        /// The methods.
        methods: Methods,
        /// The full public path, in axum 0.8 syntax: `/users/{id}`, `/files/{*rest}`.
        path: &'static str,
    },
    /// Every request to the path itself and to whatever is below it: a mounted service.
    Subtree {
        /// The path of the mount, without a slash at the end; `/` for everything.
        path: &'static str,
    },
    /// Requests that no route of the router matched.
    Fallback,
}

/// What a route says of itself: who may call it, on whose proof, and where that is written.
///
/// The attributes make these; [`public`](crate::public), [`webhook`](crate::webhook()) and
/// [`session`](crate::session()) make them for closures and services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Declaration {
    // `pub` for the attributes' output only: `__private` exports a constructor.
    pub(crate) target: Target,
    pub(crate) class: AccessClass,
    pub(crate) terms: Terms,
    pub(crate) handler: &'static str,
    pub(crate) package: &'static str,
    pub(crate) location: Location,
}

/// Everything but class and target that an attribute can say.
///
/// Public because macro output names it; not part of the API.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    pub reason: Option<&'static str>,
    pub verifier: Option<&'static str>,
    pub scope: Option<&'static str>,
    pub owner: Option<&'static str>,
    pub until: Option<Date>,
    pub expect_every: Option<Duration>,
    pub max_body: Option<usize>,
    pub issues_session: bool,
    pub optional_session: bool,
}

impl Terms {
    pub const NONE: Self = Self {
        reason: None,
        verifier: None,
        scope: None,
        owner: None,
        until: None,
        expect_every: None,
        max_body: None,
        issues_session: false,
        optional_session: false,
    };
}

/// A place in the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Location {
    /// The file, as the compiler names it: for a member of a workspace, relative to its root.
    pub file: &'static str,
    /// The line, counted from 1.
    pub line: u32,
    /// The column, counted from 1.
    pub column: u32,
}

impl Location {
    /// The place from which the enclosing `#[track_caller]` function was called.
    #[track_caller]
    pub(crate) fn caller() -> Self {
        let at = std::panic::Location::caller();
        Self {
            file: at.file(),
            line: at.line(),
            column: at.column(),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

impl Declaration {
    /// Which requests this is about.
    #[must_use]
    pub const fn target(&self) -> Target {
        self.target
    }

    /// The methods; `ANY` for a subtree and for a fallback.
    #[must_use]
    pub const fn methods(&self) -> Methods {
        match self.target {
            Target::Route { methods, .. } => methods,
            Target::Subtree { .. } | Target::Fallback => Methods::ANY,
        }
    }

    /// The path as declared; `None` for a fallback.
    #[must_use]
    pub const fn path(&self) -> Option<&'static str> {
        match self.target {
            Target::Route { path, .. } | Target::Subtree { path } => Some(path),
            Target::Fallback => None,
        }
    }

    /// Who may call the route.
    #[must_use]
    pub const fn class(&self) -> AccessClass {
        self.class
    }

    /// Why it is exempt, in the author's words.
    #[must_use]
    pub const fn reason(&self) -> Option<&'static str> {
        self.terms.reason
    }

    /// The name of the verifier of a webhook; `"handler"` where the handler itself is it.
    #[must_use]
    pub const fn verifier(&self) -> Option<&'static str> {
        self.terms.verifier
    }

    /// The scope that a session needs.
    #[must_use]
    pub const fn scope(&self) -> Option<&'static str> {
        self.terms.scope
    }

    /// The team that answers for the route.
    #[must_use]
    pub const fn owner(&self) -> Option<&'static str> {
        self.terms.owner
    }

    /// The last day, in UTC, on which the exemption holds.
    #[must_use]
    pub const fn until(&self) -> Option<Date> {
        self.terms.until
    }

    /// The longest time in which a verified delivery is expected.
    #[must_use]
    pub const fn expect_every(&self) -> Option<Duration> {
        self.terms.expect_every
    }

    /// The largest accepted body of a webhook in bytes, where it differs from the layer's.
    #[must_use]
    pub const fn max_body(&self) -> Option<usize> {
        self.terms.max_body
    }

    /// Whether the handler may take [`Sessions`](crate::Sessions).
    #[must_use]
    pub const fn issues_session(&self) -> bool {
        self.terms.issues_session
    }

    /// Whether the handler may take `Option<Session>`.
    #[must_use]
    pub const fn optional_session(&self) -> bool {
        self.terms.optional_session
    }

    /// The handler by its full path, `my_crate::routes::signup`, or the place of the closure.
    #[must_use]
    pub const fn handler(&self) -> &'static str {
        self.handler
    }

    /// The package that declares it.
    #[must_use]
    pub const fn package(&self) -> &'static str {
        self.package
    }

    /// Where it is declared.
    #[must_use]
    pub const fn location(&self) -> Location {
        self.location
    }

    /// Whether two declarations of the same route would be enforced alike.
    pub(crate) fn same_policy(&self, other: &Self) -> bool {
        let policy = |of: &Self| {
            let Terms {
                verifier,
                scope,
                max_body,
                until,
                expect_every,
                issues_session,
                optional_session,
                ..
            } = of.terms;
            let by_handler = (verifier == Some("handler")).then_some(of.handler);
            (
                of.class,
                verifier,
                by_handler,
                scope,
                (max_body, until, expect_every),
                issues_session,
                optional_session,
            )
        };
        policy(self) == policy(other)
    }
}

/// `POST /api/waitlist/signup`, `FALLBACK`, or `ANY /assets/**` for a subtree.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Route { methods, path } => write!(f, "{methods} {path}"),
            Self::Subtree { path } => write!(f, "ANY {}/**", path.trim_end_matches('/')),
            Self::Fallback => f.write_str("FALLBACK"),
        }
    }
}

/// A declaration as the attributes leave it for [`inventory`] to collect.
///
/// Public because macro output names it; not part of the API.
#[doc(hidden)]
#[derive(Debug)]
pub struct Registration(pub &'static Declaration);

inventory::collect!(Registration);

/// Every declaration linked into this program, in the order of the source.
#[must_use]
pub fn declarations() -> Vec<&'static Declaration> {
    let mut all: Vec<_> = inventory::iter::<Registration>
        .into_iter()
        .map(|r| r.0)
        .collect();
    all.sort_by_key(|d| (d.package, d.location, d.handler));
    // An attribute that another macro repeats (a copy of the function for a check, say) is still
    // one declaration.
    all.dedup_by(|a, b| a == b);
    all
}
