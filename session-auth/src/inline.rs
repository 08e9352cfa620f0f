//! Declarations made in place: for closures, and for services mounted as a whole.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use time::Date;

use crate::access::{
    Access, AccessClass, Declaration, DeclarationRef, Location, Methods, Target, Text, Verify,
};
use crate::by;
use crate::classified::InlineRoute;
use crate::scope;

/// Declares a public route in place: anyone may call it. `reason` says why.
///
/// ```
/// use session_auth::methods::GET;
/// use session_auth::{Keys, Router, SessionAuthLayer, audit, public};
///
/// let routes: Router = Router::new().mount(public(GET, "/health", "liveness probe").to(|| async { "ok" }));
/// audit::assert_classified(&routes);
/// ```
///
/// A blank reason and a path that no router takes are told by
/// [`protect`](crate::SessionAuthLayer::protect). The terms of other classes do not compile:
///
/// ```compile_fail,E0599
/// use session_auth::methods::GET;
///
/// session_auth::public(GET, "/health", "liveness probe").scope("admin");
/// ```
#[track_caller]
pub fn public(
    methods: Methods,
    path: impl Into<Cow<'static, str>>,
    reason: impl Into<Cow<'static, str>>,
) -> InlinePublic {
    let access = Access::Public {
        issues_session: false,
        optional_session: false,
        by: Cow::Borrowed(by::SESSION),
        cross_origin: None,
    };
    let mut declaration = declaration(access, methods, path.into());
    declaration.reason = Some(reason.into());
    InlinePublic { declaration }
}

/// Declares a webhook in place: a sender that proves itself to the verifier of this name may call
/// it.
///
/// ```
/// use session_auth::methods::POST;
/// use session_auth::{Router, audit, webhook};
///
/// let push = webhook(POST, "/hooks/push", "github").expect_every(std::time::Duration::from_secs(86_400));
/// let routes: Router = Router::new().mount(push.to(|| async {}));
/// audit::assert_classified(&routes);
/// ```
#[track_caller]
pub fn webhook(
    methods: Methods,
    path: impl Into<Cow<'static, str>>,
    verifier: impl Into<Cow<'static, str>>,
) -> InlineWebhook {
    let access = Access::Webhook {
        verify: Verify::from(verifier.into()),
        expect_every: None,
        max_body: None,
    };
    InlineWebhook {
        declaration: declaration(access, methods, path.into()),
    }
}

/// Declares a route in place that needs a session.
///
/// ```
/// use session_auth::methods::GET;
/// use session_auth::{Router, Session, audit, session};
///
/// let me = session(GET, "/api/me").to(|session: Session| async move { session.subject().to_owned() });
/// let routes: Router = Router::new().mount(me);
/// audit::assert_classified(&routes);
/// ```
#[track_caller]
pub fn session(methods: Methods, path: impl Into<Cow<'static, str>>) -> InlineSession {
    let access = Access::Session {
        by: Cow::Borrowed(by::SESSION),
        scope: None,
        cross_origin: None,
    };
    InlineSession {
        declaration: declaration(access, methods, path.into()),
    }
}

#[track_caller]
fn declaration(access: Access, methods: Methods, path: Text) -> Declaration {
    let target = if methods.is_fallback() {
        let below = (path != "/" && !path.is_empty()).then_some(path);
        Target::Fallback { below }
    } else {
        Target::Route {
            methods,
            paths: Cow::Owned(vec![path]),
        }
    };
    Declaration {
        target,
        access,
        reason: None,
        owner: None,
        until: None,
        handler: Cow::Borrowed("closure"),
        package: Cow::Borrowed(""),
        location: Location::caller(),
    }
}

/// What the three inline declarations have in common.
macro_rules! inline_declaration {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// `to` gives it a handler; the router's functions for services take it first.
        #[derive(Clone, Debug)]
        #[must_use = "a declaration does nothing until it is mounted"]
        pub struct $name {
            declaration: Declaration,
        }

        impl $name {
            /// Names the team that answers for the route.
            pub fn owner(mut self, owner: impl Into<Cow<'static, str>>) -> Self {
                self.declaration.owner = Some(owner.into());
                self
            }

            /// Says that the path differs from build to build: `*` in it stands for one or more
            /// characters of one segment. The lock shows the glob.
            ///
            /// ```
            /// use session_auth::methods::GET;
            /// use session_auth::{Router, audit, public, routing::get};
            ///
            /// let path = format!("/style.{:x}.css", 0xbeef);
            /// let style = public(GET, "/style.*.css", "style sheet").glob().to(|| async { "a {}" });
            /// let routes: Router = Router::new().route(&path, get(style));
            /// audit::assert_classified(&routes);
            /// ```
            pub fn glob(mut self) -> Self {
                if let Target::Route { methods, paths } = &self.declaration.target
                    && let [glob] = &**paths
                {
                    let (methods, glob) = (*methods, glob.clone());
                    self.declaration.target = Target::Glob { methods, glob };
                }
                self
            }

            /// Gives it a handler.
            pub fn to<H>(self, handler: H) -> InlineRoute<H> {
                let declaration = DeclarationRef::Inline(Arc::new(self.declaration));
                InlineRoute::new(declaration, handler)
            }
        }

        impl sealed::Inline for $name {
            fn declaration(self) -> Declaration {
                self.declaration
            }
        }

        #[diagnostic::do_not_recommend]
        impl InlineDeclaration for $name {}
    };
}

inline_declaration! {
    /// A public route, declared in place by [`public`].
    InlinePublic
}
inline_declaration! {
    /// A webhook, declared in place by [`webhook`].
    InlineWebhook
}
inline_declaration! {
    /// A route that needs a session, declared in place by [`session`].
    InlineSession
}

impl InlinePublic {
    /// Lets the handler take [`Sessions`](crate::Sessions).
    pub fn issues_session(mut self) -> Self {
        if let Access::Public { issues_session, .. } = &mut self.declaration.access {
            *issues_session = true;
        }
        self
    }

    /// Lets the handler take `Option<Session>`.
    pub fn optional_session(mut self) -> Self {
        if let Access::Public {
            optional_session, ..
        } = &mut self.declaration.access
        {
            *optional_session = true;
        }
        self
    }

    /// Sets, with `optional_session`, what may prove the caller, in place of a session of this library: the name of an
    /// [authenticator](crate::authenticate), or several with ` | ` between them, `session` among them or
    /// not. They are asked in that order.
    pub fn by(mut self, names: impl Into<Cow<'static, str>>) -> Self {
        if let Access::Public { by, .. } = &mut self.declaration.access {
            *by = names.into();
        }
        self
    }

    /// Lets requests from pages of other origins start a session, or use one, and says why: an
    /// identity provider posts its form from its own origin.
    pub fn cross_origin(mut self, reason: impl Into<Cow<'static, str>>) -> Self {
        if let Access::Public { cross_origin, .. } = &mut self.declaration.access {
            *cross_origin = Some(reason.into());
        }
        self
    }

    /// Sets the last day, in UTC, on which the exemption holds.
    pub fn until(mut self, last: Date) -> Self {
        self.declaration.until = Some(last);
        self
    }
}

impl InlineWebhook {
    /// Names the listing as its handler.
    #[cfg(feature = "listing")]
    pub(crate) fn of_the_listing(mut self) -> Self {
        self.declaration.handler = Cow::Borrowed(crate::activity::LISTING);
        self
    }

    /// Says how the handler knows its sender: needed with the verifier `"handler"`.
    pub fn reason(mut self, reason: impl Into<Cow<'static, str>>) -> Self {
        self.declaration.reason = Some(reason.into());
        self
    }

    /// Sets the longest time in which a verified delivery is expected.
    pub fn expect_every(mut self, time: Duration) -> Self {
        if let Access::Webhook { expect_every, .. } = &mut self.declaration.access {
            *expect_every = Some(time);
        }
        self
    }

    /// Sets the largest accepted body in bytes, where it differs from the
    /// [layer's](crate::SessionAuthLayerBuilder::max_webhook_body).
    pub fn max_body(mut self, bytes: usize) -> Self {
        if let Access::Webhook { max_body, .. } = &mut self.declaration.access {
            *max_body = Some(bytes);
        }
        self
    }

    /// Sets the last day, in UTC, on which the exemption holds.
    pub fn until(mut self, last: Date) -> Self {
        self.declaration.until = Some(last);
        self
    }
}

impl InlineSession {
    /// Names the listing as its handler.
    #[cfg(feature = "listing")]
    pub(crate) fn of_the_listing(mut self) -> Self {
        self.declaration.handler = Cow::Borrowed(crate::activity::LISTING);
        self
    }

    /// Says what it is for.
    pub fn reason(mut self, reason: impl Into<Cow<'static, str>>) -> Self {
        self.declaration.reason = Some(reason.into());
        self
    }

    /// Sets what may prove the caller, in place of a session of this library: the name of an
    /// [authenticator](crate::authenticate), or several with ` | ` between them, `session` among them or
    /// not. They are asked in that order.
    pub fn by(mut self, names: impl Into<Cow<'static, str>>) -> Self {
        if let Access::Session { by, .. } = &mut self.declaration.access {
            *by = names.into();
        }
        self
    }

    /// Sets the scope that the session needs: `admin`, or `a | b` for any of several and `a & b` for all
    /// of several.
    pub fn scope(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        if let Access::Session { scope, .. } = &mut self.declaration.access {
            *scope = Some(name.into());
        }
        self
    }

    /// Lets requests from pages of other origins use the session, and says why.
    pub fn cross_origin(mut self, reason: impl Into<Cow<'static, str>>) -> Self {
        if let Access::Session { cross_origin, .. } = &mut self.declaration.access {
            *cross_origin = Some(reason.into());
        }
        self
    }
}

mod sealed {
    use crate::access::Declaration;

    pub trait Inline {
        #[doc(hidden)]
        fn declaration(self) -> Declaration;
    }
}

/// What [`public`], [`webhook`] and [`session`] return: the class of a whole service.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no access class for a service",
    label = "say first who may call the service",
    note = "for example: `session_auth::public(methods::ANY, \"/assets\", \"scripts and images\")`, `webhook(..)` or `session(..)`"
)]
pub trait InlineDeclaration: sealed::Inline {}

/// The declaration of a service. `nested` are those that get all that is below their path.
pub(crate) fn of_service(inline: impl InlineDeclaration, nested: bool) -> DeclarationRef {
    let mut declaration = inline.declaration();
    declaration.handler = Cow::Borrowed("service");
    if nested
        && let Target::Route { methods, paths } = &declaration.target
        && methods.is_any()
        && let [path] = &**paths
    {
        declaration.target = Target::Subtree { path: path.clone() };
    }
    DeclarationRef::Inline(Arc::new(declaration))
}

/// What is wrong with a declaration that no attribute has checked, in words for its author.
pub(crate) fn mistakes(declaration: &Declaration) -> Vec<String> {
    let mut all = Vec::new();
    let blank = |text: Option<&str>| text.is_none_or(|text| text.trim().is_empty());
    if blank(declaration.reason()) {
        let why = match (declaration.class(), declaration.verify()) {
            (AccessClass::Public, _) => Some("say why anyone may call it"),
            (_, Some(Verify::Handler)) => Some("say how the handler knows the sender"),
            (_, _) if declaration.reason().is_some() => Some("say what it is for, or leave it out"),
            _ => None,
        };
        all.extend(why.map(|why| format!("the reason is blank: {why}")));
    }
    let text = |name: &str, value: Option<&str>| {
        value
            .filter(|value| value.trim().is_empty())
            .map(|_| format!("the {name} is blank: give it a name, or leave it out"))
    };
    all.extend(text("scope", declaration.scope()));
    if let Some(scope) = declaration.scope().filter(|it| !it.trim().is_empty())
        && let Some(mistake) = scope::mistake(scope)
    {
        all.push(format!("the scope is {scope:?}: {mistake}"));
    }
    if let Access::Session { by, .. } | Access::Public { by, .. } = declaration.access() {
        if by == by::SESSION {
            // As most have it.
        } else if let Some(mistake) = by::mistake(by) {
            all.push(format!("`by` is {by:?}: {mistake}"));
        } else if declaration.by().is_none() {
            all.push(
                "`by` is of no use without `optional_session`: nobody is asked who calls a public \
                 route"
                    .to_owned(),
            );
        }
    }
    all.extend(text("owner", declaration.owner()));
    if blank(declaration.cross_origin()) && declaration.cross_origin().is_some() {
        let why = "say why requests from other origins are let in, or leave it out";
        all.push(format!("the reason of `cross_origin` is blank: {why}"));
    }
    if declaration.cross_origin().is_some()
        && declaration.class() == AccessClass::Public
        && !declaration.issues_session()
        && !declaration.optional_session()
    {
        all.push(
            "`cross_origin` is of no use without `issues_session` or `optional_session`: requests \
             from other origins reach a public handler as they are"
                .to_owned(),
        );
    }
    if let Some(Verify::By(name)) = declaration.verify()
        && name.trim().is_empty()
    {
        all.push("the verifier has no name: name one that the layer has".to_owned());
    }
    match declaration.target() {
        Target::Route { methods, .. } | Target::Glob { methods, .. } if methods.is_empty() => {
            all.push("it names no method: name one at least, or `ANY`".to_owned());
        }
        _ => {}
    }
    for path in declaration.target().paths() {
        all.extend(path_mistake(path).map(|why| format!("the path {path:?} is no path: {why}")));
    }
    if let Target::Glob { glob, .. } = declaration.target() {
        all.extend(glob_mistake(glob).map(|why| format!("the glob {glob:?} is none: {why}")));
    }
    all
}

fn glob_mistake(glob: &str) -> Option<&'static str> {
    if !glob.contains('*') {
        Some("without a `*` it is a path: leave out `.glob()`")
    } else if glob.contains("**") {
        Some("a `*` stands for characters of one segment, and there is no `**`")
    } else {
        path_mistake(&glob.replace('*', "x"))
    }
}

pub(crate) fn path_mistake(path: &str) -> Option<&'static str> {
    let begins_segment = |with: &[u8]| {
        let mut pairs = path.as_bytes().windows(2);
        pairs.any(|pair| pair[0] == b'/' && with.contains(&pair[1]))
    };
    if !path.starts_with('/') {
        Some("it must start with `/`")
    } else if begins_segment(b"/") {
        Some("it has an empty segment (`//`)")
    } else if path.contains(['?', '#']) {
        Some("a query or fragment is not part of a path")
    } else if begins_segment(b":*") {
        Some("parameters are written `{id}` and `{*rest}`")
    } else if path.contains(['{', '}']) {
        parameter_mistake(&path.replace("{{", "").replace("}}", ""))
    } else {
        None
    }
}

/// The same of what is written in braces, of a path without those that stand for themselves.
fn parameter_mistake(path: &str) -> Option<&'static str> {
    let mut open = false;
    let balanced = path.chars().all(|c| match c {
        '{' if open => false,
        '}' if !open => false,
        '{' | '}' => {
            open = !open;
            true
        }
        '/' => !open,
        _ => true,
    }) && !open;
    // Of one segment.
    let parameters = || path.matches('{').count() - path.matches("{*").count();
    if !balanced {
        Some("its braces do not match")
    } else if parameters() > MOST_PARAMETERS {
        Some("it has more than 25 parameters: axum's matcher takes no more")
    } else {
        None
    }
}

/// What the matcher takes; with one more it panics.
const MOST_PARAMETERS: usize = 25;

#[cfg(test)]
mod tests;
