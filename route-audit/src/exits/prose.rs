//! The sentences for a way out.

use super::found::{Found, Kind};

impl Found {
    pub(crate) fn message(&self) -> String {
        let call = &self.call;
        match self.kind {
            Kind::Exit => format!(
                "`{call}` serves a router or service, and no guard is known to be around it"
            ),
            Kind::Axum => format!(
                "`{call}` builds a router of axum's own, whose handlers ask for no guard's pass"
            ),
        }
    }

    pub(crate) fn help(&self) -> String {
        let Self { file, call, .. } = self;
        let right = match self.kind {
            Kind::Exit => {
                "serve what `protect` returns by its own method: `app.serve(listener)`; for what \
                 needs no guard"
            }
            Kind::Axum => {
                "use `session_auth::Router` and `session_auth::routing`, which have the same \
                 methods; for a router that another crate takes"
            }
        };
        format!(
            "{right}, add an exception with its reason to [workspace.metadata.route-audit]: \
             `exits = [{{ file = {file:?}, call = {call:?}, reason = \"…\" }}]`"
        )
    }
}
