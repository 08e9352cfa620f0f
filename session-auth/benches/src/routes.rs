//! Routers of many routes.
//!
//! A plain router's declarations are those linked into the program, so a table of another size
//! needs another program: `declared-10` to `declared-10000`, each with as many declarations as its
//! routers have routes.

use axum::routing::get;
use http::StatusCode;
use session_auth::methods::GET;
use session_auth::{Router, public};

use crate::case::{Case, Samples};
use crate::services::{IdentityLayer, auth, request};

/// A declaration, as the attributes write it.
#[macro_export]
macro_rules! declaration {
    ($class:ident, $method:ident, $($path:tt)+) => {
        session_auth::__private::declaration(
            session_auth::__private::Target::Route {
                methods: session_auth::__private::Methods::$method,
                path: concat!($($path)+),
            },
            session_auth::__private::AccessClass::$class,
            session_auth::__private::Terms {
                reason: Some("measured"),
                verifier: $crate::verifier!($class),
                ..session_auth::__private::Terms::NONE
            },
            "handler",
            env!("CARGO_PKG_NAME"),
            session_auth::__private::Location { file: file!(), line: line!(), column: column!() },
        )
    };
}

/// Declares a plain route.
#[macro_export]
macro_rules! declare {
    ($($declaration:tt)+) => {
        session_auth::__private::inventory::submit! {
            session_auth::__private::Registration(&$crate::declaration!($($declaration)+))
        }
    };
}

/// The verifier that a class needs.
#[doc(hidden)]
#[macro_export]
macro_rules! verifier {
    (Webhook) => {
        Some("hmac")
    };
    ($other:ident) => {
        None
    };
}

/// Declares `/r0000` to `/r0009`, and so on: a hundred for `00`, ten for `000`.
#[macro_export]
macro_rules! declare_routes {
    ($a:literal $b:literal $c:literal $d:literal) => {
        $crate::declare!(Public, GET, "/r", $a, $b, $c, $d);
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
pub const KINDS: [&str; 4] = ["bare", "identity", "typed", "plain"];

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

/// Measures routers of `count` routes, and prints a line for each of [`KINDS`] with its name and
/// its time per request in nanoseconds.
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
    let bare = paths.iter().fold(axum::Router::new(), |router, path| {
        router.route(path, get(handler))
    });
    let identity = bare.clone().layer(IdentityLayer).with_state(());
    let typed = paths
        .iter()
        .fold(Router::new(), |router, path| {
            router.mount(public(GET, path, "measured").to(handler))
        })
        .protect(auth())
        .expect("the typed router can be protected");
    let plain = auth()
        .protect(bare.clone())
        .expect("the plain router can be protected");

    let mut cases = [
        Case::service(KINDS[0], bare.with_state(()), StatusCode::OK, next.clone()),
        Case::service(KINDS[1], identity, StatusCode::OK, next.clone()),
        Case::service(KINDS[2], typed, StatusCode::OK, next.clone()),
        Case::service(KINDS[3], plain, StatusCode::OK, next),
    ];
    let samples = Samples::interleaved(&mut cases, rounds);
    for name in KINDS {
        println!("{name} {}", samples.median([name], |[time]| time));
    }
}
