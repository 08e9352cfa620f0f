//! Nothing of axum's router is missing without a reason, and what axum refuses is refused.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::MethodFilter;
use common::service;
use http::HeaderValue;
use session_auth::methods::{ANY, FALLBACK, GET};
use session_auth::routing::{self, MethodRouter, any, get};
use session_auth::{Protected, Router, public};

async fn tag(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response
        .headers_mut()
        .append("x-layer", HeaderValue::from_static("seen"));
    response
}

/// The names of what is called here: each is there, or this does not compile.
macro_rules! names {
    ($($on:expr, $name:ident $(<$($type:ty),*>)? ($($argument:expr),*);)*) => {{
        $(let _ = || { let _ = $on.$name $(::<$($type),*>)? ($($argument),*); };)*
        vec![$(stringify!($name)),*]
    }};
}

/// The same of functions.
macro_rules! functions {
    ($($name:ident $(<$($type:ty),*>)? ($($argument:expr),*);)*) => {{
        $(let _ = || { let _ = routing::$name $(::<$($type),*>)? ($($argument),*); };)*
        vec![$(stringify!($name)),*]
    }};
}

#[test]
fn router_has_each_method_of_axums() {
    let r = Router::<()>::new;
    let all = public(ANY, "/a", "x");
    let all = || all.clone();
    let h = || all().to(|| async {});
    let methods = || any(h());
    let mut ours = names! {
        r(), as_service<Body>();
        r(), fallback(h());
        r(), fallback_service(all(), service(""));
        r(), has_routes();
        r(), into_make_service();
        r(), into_make_service_with_connect_info<SocketAddr>();
        r(), into_service<Body>();
        r(), layer(from_fn(tag));
        r(), merge(r());
        r(), method_not_allowed_fallback(h());
        r(), nest("/a", r());
        r(), nest_service(all(), "/a", service(""));
        r(), reset_fallback();
        r(), route("/a", methods());
        r(), route_layer(from_fn(tag));
        r(), route_service(all(), "/a", service(""));
        r(), with_state<()>(());
        r(), without_v07_checks();
    };
    ours.push("new");
    compare(&source_of("mod.rs").methods_of("Router"), &ours);
}

#[test]
fn method_router_has_each_method_of_axums() {
    let m = MethodRouter::<()>::new;
    let all = public(ANY, "/a", "x");
    let all = || all.clone();
    let h = || all().to(|| async {});
    let s = || service("");
    let handle_error = |_: Infallible| async {};
    let mut ours = names! {
        m(), connect(h());
        m(), connect_service(all(), s());
        m(), delete(h());
        m(), delete_service(all(), s());
        m(), fallback(h());
        m(), fallback_service(all(), s());
        m(), get(h());
        m(), get_service(all(), s());
        m(), handle_error(handle_error);
        m(), head(h());
        m(), head_service(all(), s());
        m(), into_make_service();
        m(), into_make_service_with_connect_info<SocketAddr>();
        m(), layer<_, Infallible>(from_fn(tag));
        m(), merge(m());
        m(), on(MethodFilter::GET, h());
        m(), on_service(all(), MethodFilter::GET, s());
        m(), options(h());
        m(), options_service(all(), s());
        m(), patch(h());
        m(), patch_service(all(), s());
        m(), post(h());
        m(), post_service(all(), s());
        m(), put(h());
        m(), put_service(all(), s());
        m(), route_layer(from_fn(tag));
        m(), trace(h());
        m(), trace_service(all(), s());
        m(), with_state<()>(());
    };
    ours.push("new");
    let axums = source_of("method_routing.rs").methods_of("MethodRouter");
    compare(&axums, &ours);
}

#[test]
fn routing_has_each_function_of_axums() {
    let all = public(ANY, "/a", "x");
    let all = || all.clone();
    let h = || all().to(|| async {});
    let s = || service("");
    let get_only = MethodFilter::GET;
    let ours = functions! {
        any<_, _, ()>(h());
        any_service<_, _, ()>(all(), s());
        connect<_, _, ()>(h());
        connect_service<_, _, ()>(all(), s());
        delete<_, _, ()>(h());
        delete_service<_, _, ()>(all(), s());
        get<_, _, ()>(h());
        get_service<_, _, ()>(all(), s());
        head<_, _, ()>(h());
        head_service<_, _, ()>(all(), s());
        on<_, _, ()>(get_only, h());
        on_service<_, _, ()>(all(), get_only, s());
        options<_, _, ()>(h());
        options_service<_, _, ()>(all(), s());
        patch<_, _, ()>(h());
        patch_service<_, _, ()>(all(), s());
        post<_, _, ()>(h());
        post_service<_, _, ()>(all(), s());
        put<_, _, ()>(h());
        put_service<_, _, ()>(all(), s());
        trace<_, _, ()>(h());
        trace_service<_, _, ()>(all(), s());
    };
    compare(&source_of("method_routing.rs").functions(), &ours);
}

/// Both lists are the same. What is to be missing here is left out of axum's, with the reason.
#[track_caller]
fn compare(axums: &BTreeSet<String>, ours: &[&str]) {
    let ours: BTreeSet<&str> = ours.iter().copied().collect();
    let missing: Vec<_> = axums
        .iter()
        .filter(|name| !ours.contains(&***name))
        .collect();
    assert!(
        missing.is_empty(),
        "axum has {missing:?}: have it too, or say why not"
    );
    let gone: Vec<_> = ours.iter().filter(|name| !axums.contains(**name)).collect();
    assert!(
        gone.is_empty(),
        "axum has no {gone:?}, or its source is not read right: {axums:?}"
    );
}

/// The public names in a file of axum's source.
struct Source(String);

/// A file of the routing module of the axum that this test is built with.
fn source_of(file: &str) -> Source {
    let host = output(Command::new(env::var_os("RUSTC").unwrap_or("rustc".into())).arg("-vV"));
    let host = host
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .unwrap();
    // Offline, and for this machine alone: what is built is there.
    let metadata = output(
        Command::new(env::var_os("CARGO").unwrap_or("cargo".into()))
            .args([
                "metadata",
                "--format-version=1",
                "--offline",
                "--filter-platform",
                host,
            ])
            .current_dir(env!("CARGO_MANIFEST_DIR")),
    );
    let metadata: serde_json::Value = serde_json::from_str(&metadata).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let package = |name: &'static str| packages.iter().filter(move |it| it["name"] == name);
    let ours = package(env!("CARGO_PKG_NAME"))
        .find(|it| {
            it["manifest_path"]
                .as_str()
                .unwrap()
                .starts_with(env!("CARGO_MANIFEST_DIR"))
        })
        .unwrap();
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap();
    let node = nodes.iter().find(|node| node["id"] == ours["id"]).unwrap();
    let dependencies = node["deps"].as_array().unwrap();
    let axum = dependencies.iter().find(|it| it["name"] == "axum").unwrap();
    let axum = package("axum").find(|it| it["id"] == axum["pkg"]).unwrap();
    let manifest = Path::new(axum["manifest_path"].as_str().unwrap());
    let path = manifest.with_file_name("src").join("routing").join(file);
    Source(fs::read_to_string(path).unwrap())
}

fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

impl Source {
    /// Of the `impl` blocks of a type that are no trait's.
    fn methods_of(&self, of: &str) -> BTreeSet<String> {
        let mut inside = false;
        let mut all = BTreeSet::new();
        for line in self.0.lines() {
            if let Some(header) = line.strip_prefix("impl") {
                // `<S> Router<S>`, ` Router {`
                let of_type = header.rsplit("> ").chain([header.trim_start()]);
                inside = !header.contains(" for ")
                    && of_type
                        .into_iter()
                        .any(|rest| rest.split(['<', ' ']).next() == Some(of));
            } else if line == "}" {
                inside = false;
            } else if let Some(line) = line.strip_prefix("    ").filter(|_| inside) {
                all.extend(name(line, "chained_"));
            }
        }
        all
    }

    fn functions(&self) -> BTreeSet<String> {
        let lines = self.0.lines();
        lines.filter_map(|line| name(line, "top_level_")).collect()
    }
}

/// What a line declares: `pub fn NAME..`, or by one of axum's macros, `chained_handler_fn!(NAME, ..)`.
fn name(line: &str, of_macro: &str) -> Option<String> {
    let declared = match line.strip_prefix("pub ") {
        Some(item) => item.split_once("fn ").filter(|(before, _)| {
            before
                .split_whitespace()
                .all(|word| matches!(word, "async" | "const"))
        })?,
        None => line.strip_prefix(of_macro)?.split_once("_fn!(")?,
    };
    let end = declared
        .1
        .find(|char: char| !char.is_alphanumeric() && char != '_');
    declared.1.get(..end?).map(str::to_owned)
}

/// What other crates ask of axum's types is asked of these.
#[test]
fn impls_are_axums() {
    use axum::extract::connect_info::IntoMakeServiceWithConnectInfo;
    use axum::serve::IncomingStream;
    use session_auth::routing::{IntoMakeService, Route, future, method_routing};
    use tower::Service;

    type Accepted<'a> = IncomingStream<'a, tokio::net::TcpListener>;

    fn common<T: Clone + std::fmt::Debug + Send + Sync + 'static>() {}
    fn default<T: Default>() {}
    fn requests<T, B>()
    where
        T: Service<http::Request<B>, Response = Response, Error = Infallible>,
    {
    }
    fn connections<T, C>()
    where
        T: for<'a> Service<Accepted<'a>, Response = C, Error = Infallible>,
    {
    }
    fn handler<T: axum::handler::Handler<(), String>>() {}
    fn into<A: Into<B>, B>() {}

    common::<Router<String>>();
    common::<MethodRouter<String, std::io::Error>>();
    default::<Router<String>>();
    default::<MethodRouter<String, std::io::Error>>();
    requests::<Router, Body>();
    requests::<Router, String>();
    requests::<MethodRouter, Body>();
    requests::<MethodRouter, String>();
    requests::<Protected, Body>();
    requests::<Protected, String>();
    connections::<Router, Router>();
    connections::<MethodRouter, MethodRouter>();
    connections::<Protected, axum::Router>();
    handler::<MethodRouter<String>>();
    into::<Router<String>, axum::Router<String>>();
    into::<MethodRouter<String, std::io::Error>, axum::routing::MethodRouter<String, std::io::Error>>(
    );
    into::<Protected, axum::Router>();

    let _: fn(Router) -> IntoMakeService<Router> = Router::into_make_service;
    let _: fn(Router) -> IntoMakeServiceWithConnectInfo<Router, SocketAddr> =
        Router::into_make_service_with_connect_info;
    let _: Option<(
        Route,
        future::RouteFuture<Infallible>,
        method_routing::MethodRouter,
    )> = None;
}

#[test]
fn the_text_of_a_router_is_axums() {
    let all = || public(ANY, "/a", "x").to(|| async {});
    let router: Router = Router::new().route("/a", any(all()));
    let text = format!("{router:?}");
    assert_eq!(text, format!("{:?}", router.into_axum()));
    assert!(text.starts_with("Router { path_router: "), "{text}");
    let methods: MethodRouter = any(all());
    let axums: axum::routing::MethodRouter = axum::routing::any(all());
    assert_eq!(format!("{methods:#?}"), format!("{axums:#?}"));
}

/// What axum refuses by a panic is refused at the line of the caller. (axum's own `route_service` says
/// a line of its own.)
#[test]
fn panics_are_axums_and_at_the_callers_line() {
    use std::cell::RefCell;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    thread_local! {
        static PLACE: RefCell<Option<(String, u32)>> = const { RefCell::new(None) };
    }
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let place = info.location().map(|it| (it.file().to_owned(), it.line()));
        PLACE.set(place);
        default(info);
    }));
    macro_rules! panics {
        ($what:literal, $expression:expr) => {
            let panicked = catch_unwind(AssertUnwindSafe(|| drop($expression)));
            let panic = panicked
                .err()
                .unwrap_or_else(|| panic!("{} is taken", $what));
            let message = panic.downcast_ref::<String>().cloned();
            let message = message.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
            let (file, line) = PLACE.take().unwrap();
            let here = line!()..line!() + 8;
            let is_here = file == file!() && here.contains(&line);
            assert!(is_here, "{}: {message:?} at {file}:{line}", $what);
        };
    }
    let new = Router::<()>::new;
    let h = |path: &'static str| public(GET, path, "x").to(|| async {});
    let m = || get(h("/a"));
    let axums = || axum::Router::new().route("/a", axum::routing::get(|| async {}));
    let fallback = || public(FALLBACK, "/", "x").to(|| async {});
    let tree = || public(ANY, "/a", "x");
    panics!("a route twice", new().route("/a", m()).route("/a", m()));
    panics!("a mounted route twice", new().mount(h("/a")).mount(h("/a")));
    panics!("a path without its slash", new().route("a", m()));
    panics!("a colon without asking", new().route("/:a", m()));
    panics!(
        "overlapping parameters",
        new().mount(h("/{a}")).mount(h("/{b}"))
    );
    panics!("nest at the root", new().nest("/", new()));
    panics!(
        "a service at the root",
        new().nest_service(tree(), "/", service(""))
    );
    panics!(
        "merged routes twice",
        new().route("/a", m()).merge(new().route("/a", m()))
    );
    panics!(
        "two fallbacks",
        new().fallback(fallback()).merge(new().fallback(fallback()))
    );
    panics!(
        "a foreign route twice",
        new().route("/a", m()).merge_axum(axums())
    );
    panics!(
        "a foreign router twice",
        new()
            .mount_axum(tree(), axums())
            .mount_axum(tree(), axums())
    );
    panics!("a redirect of the root", new().route_with_tsr("/", m()));
    panics!(
        "a service's redirect of the root",
        new().route_service_with_tsr(tree(), "/", service(""))
    );
    let any_method = || any(public(ANY, "/a/", "x").to(|| async {}));
    panics!(
        "a redirect twice",
        new().route("/a/", any_method()).route_with_tsr("/a", m())
    );
    panics!(
        "a route layer around nothing",
        new().route_layer(from_fn(tag))
    );
    panics!("a method twice", m().get(h("/a")));
    panics!("a method twice, by on", m().on(MethodFilter::GET, h("/a")));
    panics!(
        "a method's service twice",
        m().get_service(tree(), service(""))
    );
    panics!("merged methods twice", m().merge(m()));
    panics!(
        "a method route layer around nothing",
        MethodRouter::<()>::new().route_layer(from_fn(tag))
    );
}
