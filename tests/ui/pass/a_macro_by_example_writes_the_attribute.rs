#![deny(warnings)]

use session_auth::{declarations, declare_route, public_route, session_route};

macro_rules! crud {
    ($module:ident, $method:ident, $path:literal, $scope:expr, $name:ident -> $out:ty { $($body:tt)* }) => {
        mod $module {
            use super::*;

            #[session_route($method | DELETE, $path, scope = $scope)]
            pub async fn $name() -> $out {
                $($body)*
            }
        }
    };
}

crud!(users, PUT, "/users/{id}", "admin", edit -> &'static str { "user" });
crud!(teams, PATCH, "/teams/{id}", "lead", edit -> &'static str { "team" });

macro_rules! public {
    ($methods:expr, $path:expr, $reason:expr, $function:item) => {
        #[public_route($methods, $path, reason = $reason)]
        $function
    };
}

public!(GET | POST, "/both", "shows fragments", async fn both() {});

macro_rules! exported {
    ($krate:path, $method:ident, $path:literal) => {
        #[public_route($method, $path, reason = "from a macro of another crate", crate = $krate)]
        async fn from_elsewhere() {}

        declare_route!(public_route($method, $path, reason = "twice", crate = $krate));
    };
}

mod reexported {
    pub mod auth {
        pub use session_auth::*;
    }
}

exported!(crate::reexported::auth, OPTIONS, "/elsewhere");

macro_rules! with_dollar_crate {
    () => {
        #[public_route(TRACE, "/dollar", reason = "dollar crate", crate = $crate::reexported::auth)]
        async fn dollar() {}
    };
}

with_dollar_crate!();

macro_rules! with_body {
    ($body:block) => {
        #[public_route(HEAD, "/body", reason = "the body is a fragment")]
        async fn with_body() $body
    };
}

with_body!({});

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(users::edit().await, "user");
    assert_eq!(teams::edit().await, "team");
    both().await;
    from_elsewhere().await;
    dollar().await;
    with_body().await;
    let mut declared: Vec<_> = declarations()
        .iter()
        .map(|declared| format!("{} {:?}", declared.target(), declared.scope()))
        .collect();
    declared.sort();
    assert_eq!(
        declared,
        [
            "GET | POST /both None",
            "HEAD /body None",
            "OPTIONS /elsewhere None",
            "OPTIONS /elsewhere None",
            "PATCH | DELETE /teams/{id} Some(\"lead\")",
            "PUT | DELETE /users/{id} Some(\"admin\")",
            "TRACE /dollar None",
        ]
    );
}
