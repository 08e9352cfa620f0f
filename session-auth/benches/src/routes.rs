//! Routers of many routes.
//!
//! The declarations of routers of axum's are those linked into the program, so another number of
//! routes needs another program: `declared-10` to `declared-10000`, each with as many declarations as
//! its routers have routes.

use std::time::Instant;

use axum::routing::get;
use http::StatusCode;
use session_auth::methods::GET;
use session_auth::{Router, public};

use crate::case::{Case, Samples, median};
use crate::services::{IdentityLayer, audited, auth, protected, request};

/// Declares a public route, as `declare_route!` does: it takes a path in one piece.
#[macro_export]
macro_rules! declare {
    ($($path:literal)+) => {
        const _: () = {
            static DECLARATION: session_auth::Declaration = session_auth::__private::declaration(
                session_auth::__private::route(
                    session_auth::__private::Methods::GET,
                    const { &[session_auth::__private::path(concat!("/r", $($path),+))] },
                ),
                session_auth::__private::AccessClass::Public,
                session_auth::__private::Terms {
                    reason: Some("measured"),
                    ..session_auth::__private::Terms::NONE
                },
                "",
                env!("CARGO_PKG_NAME"),
                session_auth::__private::location(file!(), line!(), column!()),
            );
            session_auth::__private::inventory::submit! {
                session_auth::__private::Registration(&DECLARATION, "")
            }
        };
    };
}

/// Declares `/r0000` to `/r0009`, and so on: a hundred for `00`, ten for `000`.
#[macro_export]
macro_rules! declare_routes {
    ($a:literal $b:literal $c:literal $d:literal) => {
        $crate::declare!($a $b $c $d);
    };
    ($($digit:literal)*) => {
        $crate::declare_routes!($($digit)* 0);
        $crate::declare_routes!($($digit)* 1);
        $crate::declare_routes!($($digit)* 2);
        $crate::declare_routes!($($digit)* 3);
        $crate::declare_routes!($($digit)* 4);
        $crate::declare_routes!($($digit)* 5);
        $crate::declare_routes!($($digit)* 6);
        $crate::declare_routes!($($digit)* 7);
        $crate::declare_routes!($($digit)* 8);
        $crate::declare_routes!($($digit)* 9);
    };
}

/// The kinds of router that are measured, the one without a layer first.
pub const KINDS: [&str; 5] = ["bare", "identity", "typed", "merged", "layered"];

/// The kinds that `protect` takes, as they are called where that is measured.
pub const PROTECTED: [&str; 2] = ["protect, typed", "protect, merged"];

/// The `main` of the programs `declared-10` to `declared-10000`. Their argument is the number of
/// rounds.
///
/// # Panics
///
/// As [`measure`].
pub fn main(count: usize) {
    let rounds = std::env::args()
        .nth(1)
        .and_then(|rounds| rounds.parse().ok());
    measure(count, rounds.unwrap_or(100));
}

/// Measures routers of `count` routes, and prints a line for each of [`KINDS`] with its name and its
/// time per request, and for each of [`PROTECTED`] with the time of the call; in nanoseconds.
///
/// # Panics
///
/// A router cannot be built.
pub fn measure(count: usize, rounds: usize) {
    let paths: Vec<&'static str> = (0..count)
        .map(|index| &*format!("/r{index:04}").leak())
        .collect();
    // Ten routes from all over the router, whatever its size: that many fit into the processor's
    // caches, so what is compared is the search and not the memory.
    let asked: Vec<_> = paths.iter().step_by(count / 10).copied().collect();
    let mut asked = asked.into_iter().cycle();
    let next = move || {
        let path = asked.next().unwrap_or("/");
        request(path, None)()
    };

    let handler = || async { "ok" };
    let bare = || {
        paths.iter().fold(axum::Router::new(), |router, path| {
            router.route(path, get(handler))
        })
    };
    let typed = || {
        paths.iter().fold(Router::new(), |router, path| {
            router.mount(public(GET, *path, "measured").to(handler))
        })
    };
    let merged = || Router::new().merge_axum(bare());
    let auth = auth();
    let layered = bare().layer(auth.clone()).with_state(());
    let identity = bare().layer(IdentityLayer).with_state(());

    let ok = StatusCode::OK;
    let mut cases = [
        Case::service(KINDS[0], bare().with_state(()), ok, next.clone()),
        Case::service(KINDS[1], identity, ok, next.clone()),
        Case::service(KINDS[2], protected(&auth, typed()), ok, next.clone()),
        Case::service(KINDS[3], protected(&auth, merged()), ok, next.clone()),
        Case::service(KINDS[4], layered, ok, next),
    ];
    let samples = Samples::interleaved(&mut cases, rounds);
    for name in KINDS {
        println!("{name} {}", samples.median([name], |[time]| time));
    }
    for (name, router) in PROTECTED
        .iter()
        .zip([&typed as &dyn Fn() -> Router, &merged])
    {
        let times = (0..3).map(|_| {
            let audited = audited(router());
            let start = Instant::now();
            let app = auth.protect(audited).expect("the router can be protected");
            let time = start.elapsed().as_secs_f64() * 1e9;
            drop(app);
            time
        });
        println!("{name} {}", median(times.collect()));
    }
}
