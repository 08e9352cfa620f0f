//! Functions under the attributes. They say no path, so that they may stand on any; and the paths
//! that `declare_route!` speaks for, where axum's own functions mount what is there.

use axum::http::Method;
use session_auth::{declare_route, public_route, session_route, webhook_route};

use super::run::ran;
use super::spec::{Class, Id};

/// Puts the function of this number in the place of `$handler`.
macro_rules! with_function {
    ($number:expr, $handler:ident => $then:expr) => {
        match $number {
            0 => {
                let $handler = $crate::attributes::f0;
                $then
            }
            1 => {
                let $handler = $crate::attributes::f1;
                $then
            }
            2 => {
                let $handler = $crate::attributes::f2;
                $then
            }
            3 => {
                let $handler = $crate::attributes::f3;
                $then
            }
            4 => {
                let $handler = $crate::attributes::f4;
                $then
            }
            5 => {
                let $handler = $crate::attributes::f5;
                $then
            }
            6 => {
                let $handler = $crate::attributes::f6;
                $then
            }
            7 => {
                let $handler = $crate::attributes::f7;
                $then
            }
            8 => {
                let $handler = $crate::attributes::f8;
                $then
            }
            9 => {
                let $handler = $crate::attributes::f9;
                $then
            }
            10 => {
                let $handler = $crate::attributes::f10;
                $then
            }
            _ => {
                let $handler = $crate::attributes::f11;
                $then
            }
        }
    };
}
pub(crate) use with_function;

/// The ids of the functions below begin here.
pub(crate) const FIRST: Id = 9000;

/// The class of each function below.
pub(crate) const FUNCTIONS: [Class; 12] = [
    Class::Public,
    Class::Session,
    Class::Staff,
    Class::Webhook,
    Class::Public,
    Class::Session,
    Class::Staff,
    Class::Webhook,
    Class::Public,
    Class::Session,
    Class::Staff,
    Class::Webhook,
];

/// Those that are mounted.
pub(crate) const MOUNTED: [usize; 4] = [0, 1, 2, 3];
/// Those that sit in layers, states and services.
pub(crate) const HIDDEN: [usize; 4] = [4, 5, 6, 7];
/// Those that declare `FALLBACK`.
pub(crate) const FALLBACKS: [usize; 4] = [8, 9, 10, 11];

/// Mentions all of them, so that they are known to be mounted by name before a fallback of axum's is.
pub(crate) fn mention() {
    use session_auth::routing::any;

    for number in 0..FUNCTIONS.len() {
        with_function!(number, handler => drop(any::<_, _, ()>(handler)));
    }
}

#[public_route(ANY, reason = "a test", owner = "9000")]
pub(crate) async fn f0() {
    ran(FIRST);
}

#[session_route(ANY, owner = "9001")]
pub(crate) async fn f1() {
    ran(FIRST + 1);
}

#[session_route(ANY, scope = "staff", owner = "9002")]
pub(crate) async fn f2() {
    ran(FIRST + 2);
}

#[webhook_route(ANY, verify = "hook", owner = "9003")]
pub(crate) async fn f3() {
    ran(FIRST + 3);
}

#[public_route(ANY, reason = "a test", owner = "9004")]
pub(crate) async fn f4() {
    ran(FIRST + 4);
}

#[session_route(ANY, owner = "9005")]
pub(crate) async fn f5() {
    ran(FIRST + 5);
}

#[session_route(ANY, scope = "staff", owner = "9006")]
pub(crate) async fn f6() {
    ran(FIRST + 6);
}

#[webhook_route(ANY, verify = "hook", owner = "9007")]
pub(crate) async fn f7() {
    ran(FIRST + 7);
}

#[public_route(FALLBACK, reason = "a test", owner = "9008")]
pub(crate) async fn f8() {
    ran(FIRST + 8);
}

#[session_route(FALLBACK, owner = "9009")]
pub(crate) async fn f9() {
    ran(FIRST + 9);
}

#[session_route(FALLBACK, scope = "staff", owner = "9010")]
pub(crate) async fn f10() {
    ran(FIRST + 10);
}

#[webhook_route(FALLBACK, verify = "hook", owner = "9011")]
pub(crate) async fn f11() {
    ran(FIRST + 11);
}

/// What `declare_route!` speaks for: full path, method (`None` for any), class.
pub(crate) fn by_path() -> Vec<(&'static str, Option<Method>, Class)> {
    macro_rules! routes {
        ($($class:ident $method:ident $path:literal;)*) => {
            vec![$(routes!(@ $class $method $path)),*]
        };
        (@ Public $method:ident $path:literal) => {{
            declare_route!(public_route($method, $path, reason = "a test"));
            ($path, routes!(# $method), Class::Public)
        }};
        (@ Session $method:ident $path:literal) => {{
            declare_route!(session_route($method, $path));
            ($path, routes!(# $method), Class::Session)
        }};
        (@ Staff $method:ident $path:literal) => {{
            declare_route!(session_route($method, $path, scope = "staff"));
            ($path, routes!(# $method), Class::Staff)
        }};
        (@ Webhook $method:ident $path:literal) => {{
            declare_route!(webhook_route($method, $path, verify = "hook"));
            ($path, routes!(# $method), Class::Webhook)
        }};
        (# ANY) => { None };
        (# $method:ident) => { Some(Method::$method) };
    }
    routes! {
        Public GET "/p";
        Session POST "/p";
        Webhook PUT "/p";
        Staff ANY "/p";
        Session GET "/q/{id}";
        Public POST "/q/{id}";
        Session ANY "/r/{*rest}";
        Public GET "/r/{*rest}";
        Webhook ANY "/s/";
        Session GET "/s";
        Public GET "/a/p";
        Session GET "/a/q/{id}";
        Webhook POST "/a/q/{id}";
        Session ANY "/a/r/{*rest}";
        Public ANY "/a/p";
        Staff GET "/a";
        Session GET "/{t0}/p";
        Public POST "/{t0}/p";
        Public ANY "/{t0}/q/{id}";
        Session GET "/a/b/p";
        Public GET "/a/b/q/{id}";
        Session POST "/a/b/q/{id}";
        Session GET "/b/";
        Public GET "/b/p";
        Session DELETE "/b/p";
    }
}
