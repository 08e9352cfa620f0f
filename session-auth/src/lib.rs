//! Work in progress.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

// The attributes write `::session_auth::..`; this lets the crate's own tests use them too.
extern crate self as session_auth;

mod access;
mod activity;
mod assembly;
pub mod audit;
mod classified;
mod clock;
mod cookie;
mod decision;
mod error;
mod future;
mod inline;
mod keys;
mod layer;
mod response;
mod router;
mod service;
mod session;
mod table;
mod token;
pub mod webhook;

pub use access::{AccessClass, Declaration, Location, Methods, Target, declarations, methods};
pub use activity::RouteActivity;
pub use classified::{Classified, ClassifiedHandler};
pub use clock::{Clock, SystemClock};
pub use cookie::SameSite;
pub use error::{BuildError, Problem};
pub use future::ResponseFuture;
pub use inline::{Inline, InlineRoute, public, session, webhook};
pub use keys::{Keys, KeysError};
pub use layer::{SessionAuthLayer, SessionAuthLayerBuilder};
pub use response::Denial;
pub use router::{Protected, Router};
pub use service::SessionAuth;
pub use session::{
    ClaimsError, ClearedSession, ExtractorMisuse, IssueError, IssueSession, IssuedSession, Session,
    SessionId, Sessions,
};
pub use session_auth_macros::{
    audited_router, declare_route, public_route, session_route, webhook_route,
};

/// What the macros' output names. Not part of the API: it changes with them, in any release.
#[doc(hidden)]
pub mod __private {
    use std::time::Duration;

    use time::{Date, Month};

    pub use crate::access::{
        AccessClass, Declaration, Location, Methods, Registration, Target, Terms,
    };
    pub use crate::audit::{RouterSite, audit_router};
    pub use crate::classified::{Classified, Declared};
    pub use inventory;

    pub const fn declaration(
        target: Target,
        class: AccessClass,
        terms: Terms,
        handler: &'static str,
        package: &'static str,
        location: Location,
    ) -> Declaration {
        Declaration {
            target,
            class,
            terms,
            handler,
            package,
            location,
        }
    }

    /// # Panics
    ///
    /// Where there is no such day; the attribute has checked that there is.
    pub const fn date(year: i32, month: u8, day: u8) -> Date {
        let Ok(january) = Date::from_calendar_date(year, Month::January, 1) else {
            panic!("no such year");
        };
        let Ok(date) = january.replace_month(Month::January.nth_next(month - 1)) else {
            panic!("no such month");
        };
        let Ok(date) = date.replace_day(day) else {
            panic!("no such day");
        };
        date
    }

    pub const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Stands beside a handler, for nothing: a module takes an import, an `impl` block does not,
    /// and then the compiler's error carries this name. Nothing else of an attribute's output needs
    /// a module, so it is the one error.
    #[macro_export]
    #[doc(hidden)]
    macro_rules! __access_attributes_go_on_free_functions_not_on_methods {
        () => {
            #[allow(unused_imports)]
            use $crate::__private::Declared as _;
        };
    }
    pub use crate::__access_attributes_go_on_free_functions_not_on_methods as access_attributes_go_on_free_functions_not_on_methods;
}
