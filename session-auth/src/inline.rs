//! Declarations made in place: for closures, and for services mounted as a whole.

use axum::extract::Request;
use axum::handler::Handler;

use crate::access::{AccessClass, Declaration, Location, Methods, Target, Terms};
use crate::classified::ClassifiedHandler;

/// A declaration made where it is mounted. [`to`](Inline::to) gives it a handler;
/// [`Router::mount_service`](crate::Router::mount_service) and
/// [`Router::mount_axum`](crate::Router::mount_axum) take it for a whole subtree.
#[derive(Clone, Copy, Debug)]
#[must_use = "a declaration does nothing until it is mounted"]
pub struct Inline {
    declaration: Declaration,
}

/// Declares a public route in place: anyone may call it. `reason` says why.
///
/// ```
/// use session_auth::methods::GET;
/// use session_auth::{Keys, Router, SessionAuthLayer, public};
///
/// let routes: Router = Router::new().mount(public(GET, "/health", "liveness probe").to(|| async { "ok" }));
/// let app = routes.protect(SessionAuthLayer::builder(Keys::random()?).build()?)?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn public(methods: Methods, path: &'static str, reason: &'static str) -> Inline {
    let terms = Terms {
        reason: Some(reason),
        ..Terms::NONE
    };
    Inline::new(AccessClass::Public, methods, path, terms)
}

/// Declares a webhook in place: a sender that proves itself to the verifier of this name may call
/// it.
///
/// ```
/// use session_auth::methods::POST;
/// use session_auth::webhook::Hmac;
/// use session_auth::{Keys, Router, SessionAuthLayer, webhook};
///
/// let routes: Router = Router::new().mount(webhook(POST, "/hooks/push", "github").to(|| async {}));
/// let auth = SessionAuthLayer::builder(Keys::random()?)
///     .verifier("github", Hmac::github("It's a Secret to Everybody"))
///     .build()?;
/// let app = routes.protect(auth)?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn webhook(methods: Methods, path: &'static str, verifier: &'static str) -> Inline {
    let terms = Terms {
        verifier: Some(verifier),
        ..Terms::NONE
    };
    Inline::new(AccessClass::Webhook, methods, path, terms)
}

/// Declares a route in place that needs a session.
///
/// ```
/// use session_auth::methods::GET;
/// use session_auth::{Keys, Router, Session, SessionAuthLayer, session};
///
/// let me = session(GET, "/api/me").to(|session: Session| async move { session.subject().to_owned() });
/// let routes: Router = Router::new().mount(me);
/// let app = routes.protect(SessionAuthLayer::builder(Keys::random()?).build()?)?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn session(methods: Methods, path: &'static str) -> Inline {
    Inline::new(AccessClass::Session, methods, path, Terms::NONE)
}

impl Inline {
    #[track_caller]
    fn new(class: AccessClass, methods: Methods, path: &'static str, terms: Terms) -> Self {
        let declaration = Declaration {
            target: Target::Route { methods, path },
            class,
            terms,
            handler: "closure",
            package: "",
            location: Location::caller(),
        };
        Self { declaration }
    }

    /// Says why: for a whole service of class `session` or `webhook`, which needs a reason too.
    pub fn reason(mut self, reason: &'static str) -> Self {
        self.declaration.terms.reason = Some(reason);
        self
    }

    /// Sets the scope that a session needs. Of no effect on other classes.
    pub fn scope(mut self, scope: &'static str) -> Self {
        self.declaration.terms.scope = Some(scope);
        self
    }

    /// Names the team that answers for the route.
    pub fn owner(mut self, owner: &'static str) -> Self {
        self.declaration.terms.owner = Some(owner);
        self
    }

    /// Lets the handler of a public route take [`Sessions`](crate::Sessions).
    pub fn issues_session(mut self) -> Self {
        self.declaration.terms.issues_session = true;
        self
    }

    /// Lets the handler of a public route take `Option<Session>`.
    pub fn optional_session(mut self) -> Self {
        self.declaration.terms.optional_session = true;
        self
    }

    /// Gives it a handler.
    pub fn to<H>(self, handler: H) -> InlineRoute<H> {
        InlineRoute {
            declaration: self.declaration,
            handler,
        }
    }

    /// The same declaration for everything under its path.
    pub(crate) fn into_subtree(self) -> Declaration {
        let path = self.declaration.path().unwrap_or("/");
        Declaration {
            target: Target::Subtree { path },
            handler: "service",
            ..self.declaration
        }
    }

    pub(crate) fn methods(&self) -> Methods {
        self.declaration.methods()
    }
}

/// A handler with a declaration made in place, for [`Router::mount`](crate::Router::mount).
#[derive(Clone, Debug)]
#[must_use = "a route does nothing until it is mounted"]
pub struct InlineRoute<H> {
    declaration: Declaration,
    handler: H,
}

#[diagnostic::do_not_recommend]
impl<H, T, S> ClassifiedHandler<T, S> for InlineRoute<H>
where
    H: Handler<T, S>,
{
    fn declaration(&self) -> Declaration {
        self.declaration
    }
}

#[diagnostic::do_not_recommend]
impl<H, T, S> Handler<T, S> for InlineRoute<H>
where
    H: Handler<T, S>,
{
    type Future = H::Future;

    fn call(self, request: Request, state: S) -> Self::Future {
        self.handler.call(request, state)
    }
}
