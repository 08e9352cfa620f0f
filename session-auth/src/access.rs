//! The nouns: access class, methods, declaration.

mod methods;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::Date;

use crate::by;
use crate::scope::Scopes;

pub use self::methods::{Methods, names as methods_by_name};

/// Text of a declaration: a literal of the program, or what a report was read from.
pub(crate) type Text = Cow<'static, str>;

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
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

/// Who may call a route, and on which terms: each class has only its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "class")]
#[non_exhaustive]
pub enum Access {
    /// Anyone.
    Public {
        /// Whether the handler may take [`Sessions`](crate::Sessions).
        issues_session: bool,
        /// Whether the handler may take `Option<Session>`, or `Option<Identity<..>>`.
        optional_session: bool,
        /// With `optional_session`, what may prove a caller, as for a session route.
        by: Cow<'static, str>,
        /// Why requests from pages of other origins may start a session, or use one.
        cross_origin: Option<Cow<'static, str>>,
    },
    /// A sender that proves itself.
    Webhook {
        /// Who checks the proof.
        verify: Verify,
        /// The longest time in which a verified delivery is expected.
        expect_every: Option<Duration>,
        /// The largest accepted body in bytes, where it differs from the layer's.
        max_body: Option<usize>,
    },
    /// A caller with a session, or whom something else proves.
    Session {
        /// What may prove the caller: `session` for sessions of this library, the name of an
        /// [authenticator](crate::authenticate), or `a | b` for any of several, asked in that order.
        by: Cow<'static, str>,
        /// The scope that the session needs: `admin`; `a | b` for any of several, `a & b` for all.
        scope: Option<Cow<'static, str>>,
        /// Why requests from pages of other origins may use the session.
        cross_origin: Option<Cow<'static, str>>,
    },
}

/// Who checks the proof of a webhook.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verify {
    /// The verifier that the layer has under this name.
    By(Cow<'static, str>),
    /// The handler itself, written `verify = "handler"`.
    Handler,
}

impl Verify {
    /// The name that stands for the handler itself, so that no verifier can have it.
    pub const HANDLER: &'static str = "handler";

    /// What an attribute says.
    #[must_use]
    pub(crate) const fn named(name: &'static str) -> Self {
        // `==` on strings is not for constants.
        let (name_bytes, handler) = (name.as_bytes(), Self::HANDLER.as_bytes());
        let mut same = name_bytes.len() == handler.len();
        let mut at = 0;
        while same && at < handler.len() {
            same = name_bytes[at] == handler[at];
            at += 1;
        }
        if same {
            Self::Handler
        } else {
            Self::By(Cow::Borrowed(name))
        }
    }

    /// The name as attributes and reports write it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::By(name) => name,
            Self::Handler => Self::HANDLER,
        }
    }
}

/// What an attribute, an inline declaration or the lock says.
impl<T: Into<Text>> From<T> for Verify {
    fn from(name: T) -> Self {
        let name = name.into();
        if name == Self::HANDLER {
            Self::Handler
        } else {
            Self::By(name)
        }
    }
}

impl Access {
    /// The class.
    #[must_use]
    pub const fn class(&self) -> AccessClass {
        match self {
            Self::Public { .. } => AccessClass::Public,
            Self::Webhook { .. } => AccessClass::Webhook,
            Self::Session { .. } => AccessClass::Session,
        }
    }

    /// What may prove the caller, where a session is needed or may be used: `session`, the name of an
    /// authenticator, or several with ` | ` between them.
    #[must_use]
    pub fn by(&self) -> Option<&str> {
        match self {
            Self::Session { by, .. }
            | Self::Public {
                by,
                optional_session: true,
                ..
            } => Some(by),
            Self::Public { .. } | Self::Webhook { .. } => None,
        }
    }

    /// Why requests from pages of other origins are let in as those of the service's own are.
    #[must_use]
    pub fn cross_origin(&self) -> Option<&str> {
        match self {
            Self::Public { cross_origin, .. } | Self::Session { cross_origin, .. } => {
                cross_origin.as_deref()
            }
            Self::Webhook { .. } => None,
        }
    }
}

/// `session with scope "admin"`, ``webhook verified by "postmark"``.
impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.class())?;
        match self {
            Self::Public {
                issues_session,
                optional_session,
                ..
            } => {
                if *issues_session {
                    f.write_str(" that issues sessions")?;
                }
                if *optional_session {
                    f.write_str(" with an optional session")?;
                }
            }
            Self::Webhook {
                verify, max_body, ..
            } => {
                write!(f, " verified by {:?}", verify.as_str())?;
                if let Some(bytes) = max_body {
                    write!(f, " of at most {bytes} bytes")?;
                }
            }
            Self::Session { scope, .. } => {
                if let Some(scope) = scope {
                    write!(f, " with scope {scope:?}")?;
                }
            }
        }
        if let Some(by) = self.by().filter(|by| *by != by::SESSION) {
            write!(f, " by {by:?}")?;
        }
        if self.cross_origin().is_some() {
            f.write_str(", from any origin")?;
        }
        Ok(())
    }
}

/// Which requests a declaration is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Target {
    /// Requests with one of the methods to a path that matches one of the patterns.
    Route {
        /// The methods.
        methods: Methods,
        /// The full public paths, in axum 0.8 syntax: `/users/{id}`, `/files/{*rest}`. None where the
        /// declaration leaves it to the router.
        paths: Cow<'static, [Cow<'static, str>]>,
    },
    /// As a route; its path is computed, and the router says which it is.
    Glob {
        /// The methods.
        methods: Methods,
        /// What the path is like: `*` stands for one or more characters of one segment.
        glob: Cow<'static, str>,
    },
    /// Every request to the path itself and to whatever is below it: a mounted service.
    Subtree {
        /// The path of the mount, without a slash at the end; `/` for everything.
        path: Cow<'static, str>,
    },
    /// Requests that no route of a router matched.
    Fallback {
        /// The path that the router is nested at; `None` for the outermost.
        below: Option<Cow<'static, str>>,
    },
}

impl Target {
    /// The methods; `ANY` for a subtree, `FALLBACK` for a fallback.
    #[must_use]
    pub const fn methods(&self) -> Methods {
        match self {
            Self::Route { methods, .. } | Self::Glob { methods, .. } => *methods,
            Self::Subtree { .. } => Methods::ANY,
            Self::Fallback { .. } => Methods::FALLBACK,
        }
    }

    /// The paths as declared, in the order of the attribute. None for a glob.
    #[must_use]
    pub fn paths(&self) -> &[Cow<'static, str>] {
        match self {
            Self::Route { paths, .. } => paths,
            Self::Glob { .. } => &[],
            Self::Subtree { path } => std::slice::from_ref(path),
            Self::Fallback { below } => below.as_ref().map_or(&[], std::slice::from_ref),
        }
    }
}

/// `POST /api/waitlist/signup`, `FALLBACK`, or `ANY /assets/**` for a subtree.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Route { methods, paths } => {
                write!(f, "{methods}")?;
                let mut between = " ";
                for path in &**paths {
                    write!(f, "{between}{path}")?;
                    between = ", ";
                }
                Ok(())
            }
            Self::Glob { methods, glob } => write!(f, "{methods} {glob}"),
            Self::Subtree { path } => write!(f, "ANY {}/**", path.trim_end_matches('/')),
            Self::Fallback { below } => match below {
                Some(below) => write!(f, "FALLBACK {below}"),
                None => f.write_str("FALLBACK"),
            },
        }
    }
}

/// What a route says of itself: who may call it, on whose proof, and where that is written.
///
/// The attributes make these; [`public`](crate::public), [`webhook`](crate::webhook()) and
/// [`session`](crate::session()) make them for closures and services. It is the same data in the
/// program, in a report and in a finding.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Declaration {
    pub(crate) target: Target,
    pub(crate) access: Access,
    pub(crate) reason: Option<Text>,
    pub(crate) owner: Option<Text>,
    pub(crate) until: Option<Date>,
    pub(crate) handler: Text,
    pub(crate) package: Text,
    pub(crate) location: Location,
}

/// A place in the source.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Location {
    /// The file, as the compiler names it: for a member of a workspace, relative to its root.
    pub file: Cow<'static, str>,
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
            file: Cow::Borrowed(at.file()),
            line: at.line(),
            column: at.column(),
        }
    }

    /// Whether it is in the standard library, or in this one: where a function that takes its caller's place
    /// was called as a value, by `map(get)` say.
    pub(crate) fn is_elsewhere(&self) -> bool {
        let own = file!().strip_suffix("access.rs").unwrap_or_default();
        let core = ["/rustc/", "/library/core/src/", "/library/alloc/src/"];
        let is_core = |file: &str| core.iter().any(|part| file.contains(part));
        self.file.starts_with(own)
            || is_core(&self.file)
            || self.file.contains('\\') && is_core(&self.file.replace('\\', "/"))
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
    pub const fn target(&self) -> &Target {
        &self.target
    }

    /// Who may call the route, and on which terms.
    #[must_use]
    pub const fn access(&self) -> &Access {
        &self.access
    }

    /// Who may call the route.
    #[must_use]
    pub const fn class(&self) -> AccessClass {
        self.access.class()
    }

    /// Why it is exempt, in the author's words.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// The team that answers for the route.
    #[must_use]
    pub fn owner(&self) -> Option<&str> {
        self.owner.as_deref()
    }

    /// The last day, in UTC, on which the exemption holds.
    #[must_use]
    pub const fn until(&self) -> Option<Date> {
        self.until
    }

    /// Who checks the proof of a webhook.
    #[must_use]
    pub const fn verify(&self) -> Option<&Verify> {
        match &self.access {
            Access::Webhook { verify, .. } => Some(verify),
            _ => None,
        }
    }

    /// The scope that a session needs, as the declaration writes it: `admin`, `a | b`, `a & b`.
    #[must_use]
    pub fn scope(&self) -> Option<&str> {
        match &self.access {
            Access::Session { scope, .. } => scope.as_deref(),
            _ => None,
        }
    }

    /// The scopes that a session needs: any of several, or all.
    #[must_use]
    pub fn scopes(&self) -> Option<Scopes<'_>> {
        self.scope().map(Scopes::of)
    }

    /// What may prove the caller, where a session is needed or may be used: `session`, the name of an
    /// authenticator, or several with ` | ` between them, asked in that order.
    #[must_use]
    pub fn by(&self) -> Option<&str> {
        self.access.by()
    }

    /// The sender that it names: the scheme of its verifier's name, where this build knows one.
    ///
    /// A service may give the name to another verifier; its own [`Terms`](crate::webhook::Terms) are
    /// in the listing.
    #[must_use]
    pub fn sender(&self) -> Option<&'static crate::webhook::Scheme> {
        crate::webhook::known_scheme(self.verify()?.as_str())
    }

    /// The longest time in which a verified delivery of a webhook is expected.
    #[must_use]
    pub const fn expect_every(&self) -> Option<Duration> {
        match self.access {
            Access::Webhook { expect_every, .. } => expect_every,
            _ => None,
        }
    }

    /// The largest accepted body of a webhook in bytes, where it differs from the layer's.
    #[must_use]
    pub const fn max_body(&self) -> Option<usize> {
        match self.access {
            Access::Webhook { max_body, .. } => max_body,
            _ => None,
        }
    }

    /// Whether the handler may take [`Sessions`](crate::Sessions) without a session.
    #[must_use]
    pub const fn issues_session(&self) -> bool {
        matches!(
            self.access,
            Access::Public {
                issues_session: true,
                ..
            }
        )
    }

    /// Whether the handler may take `Option<Session>`.
    #[must_use]
    pub const fn optional_session(&self) -> bool {
        matches!(
            self.access,
            Access::Public {
                optional_session: true,
                ..
            }
        )
    }

    /// Why requests from pages of other origins may start a session there, or use one, as those of
    /// the service's own may.
    #[must_use]
    pub fn cross_origin(&self) -> Option<&str> {
        self.access.cross_origin()
    }

    /// The handler by its full path, `my_crate::routes::signup`; `closure` or `service` for what has
    /// none.
    #[must_use]
    pub fn handler(&self) -> &str {
        &self.handler
    }

    /// The package that declares it.
    #[must_use]
    pub fn package(&self) -> &str {
        &self.package
    }

    /// Where it is declared.
    #[must_use]
    pub const fn location(&self) -> &Location {
        &self.location
    }
}

/// A declaration that is mounted somewhere. Compared by identity: two handlers that say the same
/// are still two.
#[derive(Clone)]
pub(crate) enum DeclarationRef {
    /// An attribute's: a `static`, which has one address.
    Static(&'static Declaration),
    /// One made in place.
    Inline(Arc<Declaration>),
}

impl DeclarationRef {
    pub(crate) fn is(&self, other: &Self) -> bool {
        std::ptr::eq(&raw const **self, &raw const **other)
    }
}

impl std::ops::Deref for DeclarationRef {
    type Target = Declaration;

    fn deref(&self) -> &Declaration {
        match self {
            Self::Static(declaration) => declaration,
            Self::Inline(declaration) => declaration,
        }
    }
}

impl fmt::Debug for DeclarationRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
