//! Work in progress.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

// The attributes write `::session_auth::..`; this lets the crate's own tests use them too.
extern crate self as session_auth;

mod access;
mod classified;

pub use access::{AccessClass, Declaration, Location, Methods, Target, declarations, methods};
pub use classified::{Classified, ClassifiedHandler};
pub use session_auth_macros::{
    audited_router, declare_route, public_route, session_route, webhook_route,
};

/// Audits of routers.
pub mod audit {
    // The attribute has this name at the root: a function-like macro and an attribute share one
    // namespace, so one path cannot name both.
    #[doc(inline)]
    pub use session_auth_macros::audited_router_expression as audited_router;
}

/// What the macros' output names. Not part of the API: it changes with them, in any release.
#[doc(hidden)]
pub mod __private {
    use std::time::Duration;

    use time::{Date, Month};

    pub use crate::access::{
        AccessClass, Declaration, Location, Methods, Registration, Target, Terms,
    };
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
            use $crate::__private::Declared as _;
        };
    }
    pub use crate::__access_attributes_go_on_free_functions_not_on_methods as access_attributes_go_on_free_functions_not_on_methods;

    pub use self::placeholder::*;

    // Until the audit lands.
    #[allow(missing_docs, clippy::missing_docs_in_private_items)]
    mod placeholder {
        pub struct RouterSite {
            pub name: &'static str,
            pub package: &'static str,
            pub manifest_dir: &'static str,
            pub module: &'static str,
            pub location: super::Location,
        }

        pub trait AuditableRouter {}
        impl<S> AuditableRouter for axum::Router<S> {}

        pub fn audit_router<R: AuditableRouter>(site: RouterSite, build: impl FnOnce() -> R) {
            let _ = (
                site.name,
                site.package,
                site.manifest_dir,
                site.module,
                site.location,
            );
            build();
        }
    }
}
