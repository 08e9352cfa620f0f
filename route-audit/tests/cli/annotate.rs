//! `init --annotate`, on services that were written for axum alone.

mod by;
mod extended;
mod followed;
mod left;
mod printed;
mod refused;
mod written;

use std::fs;
use std::path::Path;

use crate::support::{Fixture, Ran, filtered};

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace")
}

/// A package on axum, with these lines in its manifest.
fn service(name: &str, tables: &str) -> Fixture {
    // The versions of this workspace, which are there without a network.
    let lock = fs::read_to_string(repository().join("Cargo.lock")).expect("the lock");
    Fixture::new(name)
        .file("Cargo.lock", &lock)
        .file("Cargo.toml", &manifest(name, tables))
}

fn manifest(name: &str, tables: &str) -> String {
    format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
         [dependencies]\naxum = {{ version = \"0.8\", default-features = false }}\n\n\
         [profile.dev]\ndebug = false\n\n{tables}[workspace]\n"
    )
}

fn annotate(fixture: &Fixture, args: &[&str]) -> Ran {
    let source = repository().display().to_string();
    let mut all = vec!["init", "--annotate", "--source", &source];
    all.extend(args);
    fixture.run(&all)
}

fn read(fixture: &Fixture, path: &str) -> String {
    fs::read_to_string(fixture.root.join(path)).expect(path)
}

/// What a run must leave as it is.
fn texts(fixture: &Fixture, paths: &[&str]) -> Vec<Vec<u8>> {
    let read = |path: &&str| fs::read(fixture.root.join(path)).expect("a file");
    paths.iter().map(read).collect()
}

/// Without the way from the fixture to the library, and without blanks at the ends of lines.
fn shown(text: &str, fixture: &Fixture) -> String {
    let line = |line: &str| match line.split_once("path = \"..") {
        Some((before, after)) => format!(
            "{before}path = \"[SOURCE]{}",
            &after[after.find("/session-auth\"").expect("it")..]
        ),
        None => line.to_owned(),
    };
    let text = filtered(text, fixture).replace('\r', "␍");
    let lines = text
        .lines()
        .map(|text| line(text).trim_end().to_owned() + "\n");
    lines.collect()
}

const SHOP: &str = r#"//! A shop.

use axum::{
    Router,
    extract::Path,
    routing::{MethodFilter, get, on, post},
};

mod users;

mod hooks {
    pub const PATH: &str = "/in/postmark";

    /// Receives.
    #[must_use]
    // Of the mail provider.
    pub async fn receive() -> &'static str {
        "thank you"
    }
}

/// The start page.
async fn index() -> &'static str {
    "welcome"
}

async fn item(Path(id): Path<u32>) -> String {
    id.to_string()
}

async fn missing() -> &'static str {
    "nothing here"
}

async fn listed<T: Default + ToString + Send>() -> String {
    T::default().to_string()
}

struct Stock;

impl Stock {
    async fn count() -> &'static str {
        "7"
    }
}

macro_rules! probes {
    ($router:expr, $($path:literal),*) => {
        $router$(.route($path, get(probe)))*
    };
}

async fn probe() {}

pub fn app() -> Router {
    let mut router = Router::new()
        .route("/", get(index))
        .nest("/api", users::routes())
        .route(hooks::PATH, post(hooks::receive))
        .route("/stock", get(Stock::count).post(|| async { "sold" }))
        .route("/listed", get(listed::<u8>))
        .route(
            "/both",
            on(MethodFilter::GET.or(MethodFilter::PUT), || async {}),
        )
        .fallback(missing);
    for path in ["/items/{id}", "/things/{id}"] {
        router = router.route(path, get(item));
    }
    probes!(router, "/live", "/ready")
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_is_served() {
        let _service = super::app().into_make_service();
        let _part = super::users::routes().into_make_service();
    }
}
"#;

const USERS: &str = "use axum::Router;\r\nuse axum::routing;\r\n\r\npub async fn list() {}\r\n\r\n\
    #[cfg(feature = \"v2\")]\r\npub async fn create() {}\r\n\r\n#[cfg(not(feature = \"v2\"))]\r\n\
    pub async fn create() {}\r\n\r\npub fn routes() -> Router {\r\n    \
    Router::new().route(\"/users\", routing::get(list).post(create))\r\n}\r\n";

/// A test that takes the router for axum's, and one that makes its own.
const SERVED: &str = r#"use axum::{Router, routing::get};

fn served() -> Router {
    PACKAGE::app()
}

#[test]
fn it_is_served() {
    let _service = served().into_make_service();
    let toy: Router = Router::new().route("/toy", get(|| async {}));
    let _service = toy.into_make_service();
}
"#;

fn shop(name: &str) -> Fixture {
    service(name, "[features]\nv2 = []\n\n")
        .file("src/lib.rs", SHOP)
        .file("src/users.rs", USERS)
        .file(
            "tests/served.rs",
            &SERVED.replace("PACKAGE", &name.replace("-", "_")),
        )
        .write()
}

const UNNESTED: &str = r#"use axum::{Router, routing::get};

async fn list() {}

pub fn app() -> Router {
    Router::new().route("/users", get(list))
}
"#;
