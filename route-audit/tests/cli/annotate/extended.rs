//! Routers that other files, members and tests know as axum's own.

use std::fs;

use expect_test::expect;

use super::{UNNESTED, annotate, manifest, read, repository, service, shown};
use crate::support::Fixture;

const PROBES: &str = r#"//! Probes.

use axum::{Router, routing::get};

pub async fn probe() -> &'static str {
    "up"
}

/// Has probes.
pub trait Probed {
    /// Adds them.
    fn probed(self) -> Self;
}

impl<S> Probed for Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    fn probed(self) -> Self {
        self.route("/up", get(probe))
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::get as on_get;

    use super::Probed;

    fn toy() -> Router {
        Router::new().route("/toy", on_get(|| async {})).probed()
    }

    #[test]
    fn it_is_probed() {
        assert!(format!("{:?}", toy()).contains("/up"));
    }
}
"#;

const DESK: &str = r#"use axum::{Router, routing::get};
use probes::Probed;

async fn tickets() {}

pub fn app() -> Router {
    Router::new()
        .nest("/api", Router::new().route("/tickets", get(tickets)))
        .probed()
}
"#;

/// A library for handlers, which mounts something in its tests.
const LOGIN: &str = r#"//! ```
//! axum::Router::<()>::new();
//! ```
pub async fn user() {}

#[cfg(test)]
mod tests {
    #[test]
    fn it_is_mounted() {
        let _router: axum::Router =
            axum::Router::new().route("/", axum::routing::get(|| async {}));
    }
}
"#;

fn member(name: &str) -> String {
    manifest(name, "").replace("[profile.dev]\ndebug = false\n\n[workspace]\n", "")
}

#[test]
fn a_trait_that_extends_the_router_stays_there_for_axums_own_in_tests() {
    let lock = fs::read_to_string(repository().join("Cargo.lock")).expect("the lock");
    let fixture = Fixture::new("annotate-extended")
        .file("Cargo.lock", &lock)
        .file(
            "Cargo.toml",
            "[workspace]\nresolver = \"3\"\nmembers = [\"desk\", \"login\", \"probes\"]\n[profile.dev]\ndebug = false\n",
        )
        .file(
            "desk/Cargo.toml",
            &format!("{}probes = {{ path = \"../probes\" }}\n", member("desk")),
        )
        .file("desk/src/lib.rs", DESK)
        .file("login/Cargo.toml", &member("login"))
        .file("login/src/lib.rs", LOGIN)
        .file("probes/Cargo.toml", &member("probes"))
        .file("probes/src/lib.rs", PROBES)
        .write();
    // Not without the member that has the trait: it is named, and the library for handlers is not.
    let ran = annotate(&fixture, &["-p", "desk", "--dry-run"]).expect_code(100);
    let left = ran.stdout.find("left to do:").expect("something");
    expect![[r#"
        left to do: members that depend on `axum` were not selected: probes
          --> Cargo.toml
          = help: `route-audit init --annotate --package probes`, with the same `--source`. It gives a class to what they mount:

              probes/src/lib.rs:5: `probe`

        left to do: the file stays on axum's imports: with `session_auth`'s it does not compile (desk/src/lib.rs:9: no method named `probed` found for struct `session_auth::adopt::Router<S>` in the current scope)
          --> desk/src/lib.rs:1
          = help: where it meets another crate's router, `.into()`, `into_axum()` and `merge_axum(router)` lead over

        left to do: a router that axum's own functions made has 2 routes without a class
          --> desk/src/lib.rs:12
          = help: put `#[session_auth::session_route(GET, "/api/tickets")]` on the handler, or declare the route in a module: `session_auth::declare_route!(session_route(GET, "/api/tickets"));`; likewise (GET, "/up"); or give all of its routes one class: `mount_axum(session_auth::session(session_auth::methods::ANY, "/"), router)`

        0 handlers annotated, 3 left to do
        nothing was written
    "#]].assert_eq(&shown(&ran.stdout[left..], &fixture));

    let ran = annotate(&fixture, &["-p", "desk", "-p", "probes"]).expect_code(0);
    assert!(
        ran.stdout.contains("2 handlers annotated, 0 left to do"),
        "{}",
        ran.stdout
    );
    let text = read(&fixture, "probes/src/lib.rs");
    expect![[r#"
        //! Probes.

        use session_auth::{Router, routing::get};

        #[session_auth::session_route(GET, "/up")]
        pub async fn probe() -> &'static str {
            "up"
        }

        /// Has probes.
        pub trait Probed {
            /// Adds them.
            fn probed(self) -> Self;
        }

        impl<S> Probed for Router<S>
        where
            S: Clone + Send + Sync + 'static,
        {
            fn probed(self) -> Self {
                self.route("/up", get(probe))
            }
        }

        #[cfg(test)]
        impl<S> Probed for axum::Router<S>
        where
            S: Clone + Send + Sync + 'static,
        {
            fn probed(self) -> Self {
                self.route("/up", axum::routing::get(probe))
            }
        }

        #[cfg(test)]
        mod tests {
            use axum::Router;
            use axum::routing::get as on_get;

            use super::Probed;

            fn toy() -> Router {
                Router::new().route("/toy", on_get(|| async {})).probed()
            }

            #[test]
            fn it_is_probed() {
                assert!(format!("{:?}", toy()).contains("/up"));
            }
        }
    "#]]
    .assert_eq(&text);
    assert!(
        read(&fixture, "desk/src/lib.rs").contains("use session_auth::{Router, routing::get};")
    );
    let run = ["check", "-p", "desk", "-p", "probes"];
    fixture.run(&run).expect_code(0);
    let again = annotate(&fixture, &["-p", "desk", "-p", "probes"]).expect_code(0);
    assert_eq!(again.stdout, "nothing to do: every handler has a class\n");
}

/// This file cannot be switched: what it implements names axum's router.
const PARTS: &str = r#"use axum::{Router, routing::get};
use holder::Part;

async fn rooms() {}

async fn pets() {}

pub struct Rooms;

impl Part for Rooms {
    fn router(&self) -> Router {
        Router::new().route("/rooms", get(rooms))
    }
}

pub fn pets_of(_: &Rooms) -> Router {
    Router::new().route("/pets", get(pets))
}
"#;

const HELD: &str = r#"use axum::{Router, routing::get};
use parts::{Rooms, pets_of};

mod held;
mod parts;

async fn index() {}

fn whole() -> Router {
    pets_of(&Rooms)
}

pub fn app() -> Router {
    held::hold(&Rooms);
    [pets_of(&Rooms)]
        .into_iter()
        .fold(Router::new().nest("/api", whole()), Router::merge)
        .route("/", get(index))
}
"#;

const HOLDS: &str = r#"use holder::Part;

use crate::parts::{Rooms, pets_of};

pub fn hold(rooms: &Rooms) {
    holder::hold(pets_of(rooms));
}
"#;

#[test]
fn no_conversion_stays_that_is_not_needed_and_places_are_of_the_service() {
    let own = manifest("annotate-converted", "").replace(
        "\n\n[profile",
        "\nholder = { path = \"holder\" }\n\n[profile",
    );
    let holder = "pub trait Part {\n    fn router(&self) -> axum::Router;\n}\n\npub fn hold(_: axum::Router) {}\n";
    let fixture = service("annotate-converted", "")
        .file("Cargo.toml", &own)
        .file("src/lib.rs", HELD)
        .file("src/held.rs", HOLDS)
        .file("src/parts.rs", PARTS)
        .file(
            "holder/Cargo.toml",
            &manifest("holder", "").replace("[workspace]\n", ""),
        )
        .file("holder/src/lib.rs", holder)
        .write();
    let ran = annotate(&fixture, &[]).expect_code(100);
    let (left, _) = ran.stdout.split_once("\nNext").expect("what is next");
    expect![[r#"
        edited src/lib.rs
        edited Cargo.toml

        left to do: members that depend on `axum` were not selected: holder
          --> Cargo.toml
          = help: `route-audit init --annotate --package holder`, with the same `--source`

        left to do: a router that axum's own functions made has 1 route without a class
          --> src/lib.rs:13
          = help: put `#[session_auth::session_route(GET, "/api/pets")]` on the handler, or declare the route in a module: `session_auth::declare_route!(session_route(GET, "/api/pets"));`; or give all of its routes one class: `mount_axum(session_auth::session(session_auth::methods::ANY, "/"), router)`

        left to do: a router that axum's own functions made has 1 route without a class
          --> src/lib.rs:20
          = help: put `#[session_auth::session_route(GET, "/pets")]` on the handler, or declare the route in a module: `session_auth::declare_route!(session_route(GET, "/pets"));`; or give all of its routes one class: `mount_axum(session_auth::session(session_auth::methods::ANY, "/"), router)`

        left to do: the file stays on axum's imports: with `session_auth`'s it does not compile (src/parts.rs:11: method `router` has an incompatible type for trait)
          --> src/parts.rs:1
          = help: where it meets another crate's router, `.into()`, `into_axum()` and `merge_axum(router)` lead over

        left to do: `router` returns a router, and is a method
          --> src/parts.rs:11
          = help: write a function in a module that returns the same, with `#[session_auth::audited_router]`

        1 handler annotated, 5 left to do
    "#]].assert_eq(&shown(left, &fixture));
    expect![[r#"
        use parts::{Rooms, pets_of};
        use session_auth::{Router, routing::get};

        mod held;
        mod parts;

        // TODO(access): looks public. `public_route` with a `reason` if anyone may call it
        #[session_auth::session_route(GET, "/")]
        async fn index() {}

        fn whole() -> Router {
            session_auth::Router::new().merge_axum(pets_of(&Rooms))
        }

        #[session_auth::audited_router]
        pub fn app() -> Router {
            held::hold(&Rooms);
            [pets_of(&Rooms)]
                .into_iter()
                .fold(Router::new().nest("/api", whole()), Router::merge_axum)
                .route("/", get(index))
        }
    "#]]
    .assert_eq(&read(&fixture, "src/lib.rs"));
    assert_eq!(read(&fixture, "src/held.rs"), HOLDS);
}

const HALFWAY: &str = r#"use axum::{Router, routing::get};

async fn index() {}

macro_rules! mounted {
    ($router:expr, $path:literal) => {
        $router.route($path, get(|| async { "by a macro" }))
    };
}

fn part() -> Router {
    mounted!(Router::new(), "/by-a-macro")
}

fn probes() -> Result<(), String> {
    let app: Router = Router::new().route("/up", get(|| async { "up" }));
    let _service = app.into_make_service();
    Ok(())
}

fn main() -> Result<(), String> {
    let app = Router::new().nest("/part", part()).route("/", get(index));
    let _service = app.into_make_service();
    probes()
}
"#;

#[test]
fn a_router_in_main_is_listed_where_the_strict_types_do_not_compile_yet() {
    let lock = fs::read_to_string(repository().join("Cargo.lock")).expect("the lock");
    let fixture = Fixture::new("annotate-halfway")
        .file("Cargo.lock", &lock)
        .file(
            "Cargo.toml",
            "[workspace]\nresolver = \"3\"\nmembers = [\"halfway\", \"unnested\"]\n[profile.dev]\ndebug = false\n",
        )
        .file("halfway/Cargo.toml", &member("halfway"))
        .file("halfway/src/main.rs", HALFWAY)
        .file("unnested/Cargo.toml", &member("unnested"))
        .file("unnested/src/lib.rs", UNNESTED)
        .write();
    let run = format!("{:?} run --offline --quiet", env!("CARGO"));
    let ran = annotate(&fixture, &["--run", &run]).expect_code(100);
    let (left, _) = ran.stdout.split_once("\nNext").expect("what is next");
    expect![[r#"
        edited halfway/src/main.rs
        edited unnested/src/lib.rs
        edited halfway/Cargo.toml
        edited unnested/Cargo.toml

        left to do: a closure has no access class (GET, "/part/by-a-macro")
          --> halfway/src/main.rs:14
          = help: mount it with a class in place: `get(session_auth::session(GET, "/path").to(handler))`; a helper of your own asks for `H: session_auth::ClassifiedHandler<T, S>`

        left to do: `probes` builds its router among other things, where no test can call it
          --> halfway/src/main.rs:17
          = help: in `probes` write `routes()` for the router, which becomes a function of its own:

              #[session_auth::audited_router]
              fn routes() -> session_auth::Router {
                  Router::new().route(
                      "/up",
                      get(session_auth::session(session_auth::methods::GET, "/up").to(|| async { "up" })),
                  )
              }


        left to do: `main` builds its router among other things, where no test can call it
          --> halfway/src/main.rs:26
          = help: in `main` write `routes()` for the router, which becomes a function of its own:

              #[session_auth::audited_router]
              fn routes() -> session_auth::Router {
                  Router::new().nest("/part", part()).route("/", get(index))
              }


        2 handlers annotated, 3 left to do
    "#]].assert_eq(&shown(left, &fixture));
    // It is in nobody else's way.
    let text = read(&fixture, "unnested/src/lib.rs");
    assert!(
        text.contains("#[session_auth::audited_router]\npub fn app"),
        "{text}"
    );
}
