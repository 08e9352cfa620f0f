//! A lock of what a running service says that it mounts.

use std::time::Duration;

use session_auth::__private::ReadTerms;
use session_auth::audit::Shape;
use session_auth::{Access, Declaration, Location, Methods, Verify};
use time::Date;

use super::format::target;
use super::mount::{At, Mount};
use super::said::Said;
use super::{Lock, Route};

/// A route as a service lists it.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) methods: Vec<Methods>,
    pub(crate) path: Option<String>,
    pub(crate) shape: Shape,
    /// `None` where nobody classified it.
    pub(crate) access: Option<Access>,
    pub(crate) owner: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) until: Option<Date>,
    pub(crate) place: Location,
}

/// What a webhook says beside its verifier.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OfWebhooks {
    pub(crate) expect_every: Option<Duration>,
    pub(crate) max_body: Option<usize>,
}

impl OfWebhooks {
    pub(crate) fn access(self, verifier: &str) -> Access {
        Access::Webhook {
            verify: Verify::from(verifier.to_owned()),
            expect_every: self.expect_every,
            max_body: self.max_body,
        }
    }
}

impl Lock {
    /// Of the routes that a service lists, as if this router mounted them.
    pub(crate) fn of_listing(all: &[Listed], package: &str, router: &str) -> Self {
        let mut lock = Self::default();
        for listed in all {
            let at = At::of(listed.path.as_deref(), listed.shape);
            let said = listed.access.clone().map(|access| {
                let terms = ReadTerms {
                    reason: listed.reason.clone().map(Into::into),
                    owner: listed.owner.clone().map(Into::into),
                    until: listed.until,
                };
                let target = target(&at, &listed.methods);
                Said(Declaration::read(
                    target,
                    access,
                    terms,
                    listed.place.clone(),
                ))
            });
            let mount = Mount {
                at,
                package: package.to_owned(),
                router: router.to_owned(),
            };
            let verbs = lock.mounts.entry(mount).or_default();
            for verb in &listed.methods {
                verbs.entry(*verb).or_insert_with(|| Route {
                    said: said.clone(),
                    place: listed.place.clone(),
                });
            }
        }
        lock.normalize();
        lock
    }
}
