//! What stands in the record in place of a handler or service.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::handler::Handler;
use http::{Response, StatusCode, Uri};
use tower_service::Service;

use crate::access::{AccessClass, Declaration, DeclarationRef, Location, Text};

/// One thing that was mounted, and where.
#[derive(Debug)]
pub(crate) struct Note {
    pub(crate) kind: Kind,
    pub(crate) mounted: Location,
}

/// What was mounted.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// A handler by this crate's functions.
    Named(DeclarationRef),
    /// The same, where a declaration made in place does not say what the handler's attribute does.
    Twice {
        attribute: DeclarationRef,
        inline: DeclarationRef,
    },
    /// A service by this crate's functions.
    Service(DeclarationRef),
    /// One of the routes of a router that was mounted whole, under one declaration.
    Whole(DeclarationRef),
    /// The redirect that `route_with_tsr` adds: it has the class of its target.
    Redirect(DeclarationRef),
    /// A handler or service that nobody classified, on a router of `adopt`: the compiler's name of its
    /// type.
    Unclassified(Text, Option<Text>),
    /// A handler of a foreign router, or a service for methods that show.
    Foreign,
    /// A service of a foreign router, for every method.
    ForeignService,
}

impl Kind {
    pub(crate) fn declaration(&self) -> Option<&DeclarationRef> {
        match self {
            Self::Named(declaration)
            | Self::Twice {
                attribute: declaration,
                ..
            }
            | Self::Service(declaration)
            | Self::Whole(declaration)
            | Self::Redirect(declaration) => Some(declaration),
            Self::Unclassified(..) | Self::Foreign | Self::ForeignService => None,
        }
    }

    /// Whether it asks for its pass by itself: only then may a request go in without one. What is
    /// public asks for none.
    pub(super) fn is_sealed(&self) -> bool {
        match self {
            Self::Named(declaration)
            | Self::Twice {
                attribute: declaration,
                ..
            }
            | Self::Service(declaration)
            | Self::Redirect(declaration) => declaration.class() != AccessClass::Public,
            Self::Whole(_) | Self::Unclassified(..) | Self::Foreign | Self::ForeignService => false,
        }
    }

    /// Whether there may be a service that reads a path otherwise than axum does. Of a foreign
    /// router a handler cannot be told from a service for methods that show.
    pub(super) fn is_opaque(&self, pattern: Option<&str>) -> bool {
        match self {
            Self::Service(_) | Self::ForeignService | Self::Whole(_) => true,
            Self::Foreign => pattern.is_some_and(|pattern| pattern.contains("{*")),
            Self::Named(_) | Self::Twice { .. } | Self::Redirect(_) | Self::Unclassified(..) => {
                false
            }
        }
    }
}

/// Where the handler of an attribute's declaration went, of all routers of the program.
#[derive(Default)]
struct Uses {
    /// The notes of it that there are.
    notes: usize,
    /// Whether a router that has it was audited or protected.
    judged: bool,
    /// Whether it went on in axum's own type, to a router that another crate builds.
    went_out: bool,
}

/// By the address of the declaration.
static USES: Mutex<BTreeMap<usize, Uses>> = Mutex::new(BTreeMap::new());

/// Whether the handler of an attribute's declaration is mounted by name: then it speaks for that
/// route, and for no other.
pub(super) fn is_mounted_by_name(declaration: &'static Declaration) -> bool {
    uses(declaration, |uses| uses.notes > 0 || uses.judged)
}

/// Whether the handler was mounted by this crate's functions, on what then became axum's own.
pub(super) fn went_out(declaration: &'static Declaration) -> bool {
    uses(declaration, |uses| uses.went_out)
}

fn uses<T>(declaration: &'static Declaration, f: impl FnOnce(&mut Uses) -> T) -> T {
    let mut uses = USES.lock().unwrap_or_else(PoisonError::into_inner);
    f(uses
        .entry(std::ptr::from_ref(declaration).addr())
        .or_default())
}

impl Note {
    #[track_caller]
    pub(crate) fn new(kind: Kind) -> Arc<Self> {
        let note = Self {
            kind,
            mounted: Location::caller(),
        };
        note.uses(|uses| uses.notes += 1);
        Arc::new(note)
    }

    /// A router that has it is audited or protected.
    pub(super) fn is_judged(&self) {
        self.uses(|uses| uses.judged = true);
    }

    /// Its handler goes on in axum's own type, which has no note.
    pub(super) fn goes_out(&self) {
        self.uses(|uses| uses.went_out = true);
    }

    fn uses(&self, f: impl FnOnce(&mut Uses)) {
        if let Kind::Named(DeclarationRef::Static(declaration)) = self.kind {
            uses(declaration, f);
        }
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        self.uses(|uses| uses.notes -= 1);
    }
}

thread_local! {
    /// What was said by the endpoint that a request has reached. It says so within `call`, on the thread
    /// that asks; in the response's extensions it would be allocated, for each question.
    static SAID: RefCell<Option<Answer>> = const { RefCell::new(None) };
}

/// What an endpoint says of itself where it is asked whose it is.
pub(crate) struct Answer {
    pub(super) by: By,
    /// The pattern that axum matched.
    pub(super) pattern: Option<MatchedPath>,
}

/// Which endpoint a request has reached.
pub(super) enum By {
    /// Of the record.
    StandIn(Arc<Note>),
    /// Of the router itself.
    Guard {
        number: usize,
        /// As it arrived.
        uri: Uri,
    },
}

impl Answer {
    /// Tells who asks that a request has reached the guard of this number.
    pub(crate) fn of_guard(number: usize, request: &Request) {
        let uri = request.uri().clone();
        Self::say(By::Guard { number, uri }, request);
    }

    fn say(by: By, request: &Request) {
        let pattern = request.extensions().get().cloned();
        SAID.set(Some(Self { by, pattern }));
    }

    /// What was said since the last call, on this thread.
    pub(super) fn take() -> Option<Self> {
        SAID.take()
    }

    /// The number and path that a guard said since the last call, on this thread.
    #[cfg(test)]
    pub(crate) fn said() -> Option<(usize, String)> {
        match Self::take()?.by {
            By::Guard { number, uri } => Some((number, uri.path().to_owned())),
            By::StandIn(_) => None,
        }
    }
}

/// Answers every request, and says its note to who asks.
#[derive(Clone)]
pub(crate) struct StandIn(pub(crate) Arc<Note>);

impl StandIn {
    fn answer(&self, request: &Request) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        // Not a success: of those axum expects more, of one to `CONNECT` for instance.
        *response.status_mut() = StatusCode::NOT_FOUND;
        Answer::say(By::StandIn(Arc::clone(&self.0)), request);
        response
    }
}

/// The marker of [`StandIn`] among handlers.
pub(crate) struct NoArguments;

impl<S> Handler<NoArguments, S> for StandIn {
    type Future = Ready<Response<Body>>;

    fn call(self, request: Request, _: S) -> Self::Future {
        ready(self.answer(&request))
    }
}

impl Service<Request> for StandIn {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        ready(Ok(self.answer(&request)))
    }
}
