//! Handlers and services as they are mounted: in their seal, with the note for the record.

use std::any::TypeId;
use std::sync::Arc;

use axum::routing;

use crate::access::{AccessClass, DeclarationRef, Location};
use crate::classified::{HandlerClass, HasAccessClass, Seal as _, Sealed};
use crate::mounted::{Kind, Mistake, Note};

/// A handler as it is mounted.
pub(super) enum Mounted<H, S> {
    /// As it is: of no size, if it is a function, so that axum allocates nothing to clone it.
    Open(H),
    /// In the seal of its type.
    Sealed(Sealed<H, S>),
    /// In one that knows where it is mounted: its type's is for the place that was first.
    Elsewhere(Sealed<H>),
}

/// A handler as it is mounted, and the note of where it stands.
#[track_caller]
pub(super) fn seal<H, T>(handler: H) -> (Mounted<H, H::__Seal>, Arc<Note>)
where
    H: HasAccessClass<T>,
{
    let class = handler.__class();
    let demanded = class.demanded();
    let handler = if class.sealed || demanded.class() == AccessClass::Public {
        Mounted::Open(handler)
    } else {
        match H::__Seal::new(&class, Location::caller()) {
            Some(seal) => Mounted::Sealed(Sealed::with(handler, seal)),
            None => Mounted::Elsewhere(Sealed::new(handler, demanded, false)),
        }
    };
    let HandlerClass {
        declaration,
        attribute,
        ..
    } = class;
    let kind = match attribute {
        Some(attribute) => Kind::Twice {
            attribute,
            inline: declaration,
        },
        None => Kind::Named(declaration),
    };
    (handler, Note::new(kind))
}

/// The same of a service.
#[track_caller]
pub(super) fn seal_service<T>(declaration: DeclarationRef, svc: T) -> (Sealed<T>, Arc<Note>) {
    let svc = Sealed::new(svc, &declaration, false);
    (svc, Note::new(Kind::Service(declaration)))
}

/// A router inside a service shows nothing of its routes, and its handlers would refuse.
#[track_caller]
pub(super) fn is_router<T: 'static>() -> Option<Mistake> {
    let is_axums = [
        TypeId::of::<axum::Router>(),
        TypeId::of::<routing::MethodRouter>(),
    ]
    .contains(&TypeId::of::<T>());
    // By name: this crate's routers stand above, and a message is all that depends on it.
    let is_ours = std::any::type_name::<T>().starts_with("session_auth::routing::");
    let mounted = Location::caller();
    (is_axums || is_ours).then(|| Mistake {
        mounted,
        what: "a router is mounted as a service, so that its routes do not show: use `nest` or \
               `merge`, and `mount_axum` for a router that another crate builds"
            .into(),
    })
}
