//! Copies of a router, of a route or of a request that somebody has kept: none of them is guarded.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::Request;
use axum::http::Extensions;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::Route;
use session_auth::methods::ANY;
use session_auth::{Router, public};
use tower::{Layer, Service, ServiceExt as _};

use crate::common::cookie_of;
use crate::world::{BOTH, Class, FORGED, PREFLIGHT, auth, closed, proof, protect, request, status};

/// Whatever it is sent, a handler that is served without its guard refuses.
async fn assert_refuses<A>(what: &str, app: &A, class: Class, ran: &crate::world::Counter)
where
    A: Service<Request, Response = Response> + Clone,
    A::Error: std::fmt::Debug,
{
    let auth = auth();
    let right = proof(class, &auth).await;
    for (method, headers) in [
        ("GET", ""),
        ("GET", FORGED),
        ("POST", &*right),
        ("OPTIONS", PREFLIGHT),
        ("BREW", ""),
    ] {
        let got = status(app, request(method, "/closed", headers)).await;
        assert_eq!(
            (got, ran.get()),
            (500, 0),
            "{class:?} {what}: {method} {headers}"
        );
    }
}

#[tokio::test]
async fn security_a_router_that_is_served_bare_refuses() {
    for class in BOTH {
        let (methods, ran) = closed(class, "/closed");
        let router = || Router::new().route("/closed", methods.clone());
        assert_refuses("our router", &router(), class, &ran).await;
        let into: axum::Router = router().into();
        assert_refuses("into axum's", &into, class, &ran).await;
        assert_refuses("into_axum", &router().into_axum(), class, &ran).await;
        let nested = axum::Router::new().merge(router());
        assert_refuses("merged into axum's", &nested, class, &ran).await;
        let as_fallback = axum::Router::new().fallback_service(router());
        assert_refuses("as axum's fallback", &as_fallback, class, &ran).await;
        assert_refuses("a method router", &methods, class, &ran).await;
        let into: axum::routing::MethodRouter = methods.clone().into();
        assert_refuses("into axum's method router", &into, class, &ran).await;
        let with_state = router().with_state::<()>(());
        assert_refuses("with its state", &with_state, class, &ran).await;
        let service = router().into_service();
        assert_refuses("into_service", &service, class, &ran).await;
    }
}

#[tokio::test]
async fn security_a_clone_that_was_put_aside_refuses_after_protect() {
    for class in BOTH {
        let (methods, ran) = closed(class, "/closed");
        let router = Router::new().route("/closed", methods);
        let (aside, of_axum) = (router.clone(), router.clone().into_axum());
        let auth = auth();
        let app = protect(&auth, router);
        assert_refuses("a clone", &aside, class, &ran).await;
        assert_refuses("a clone of axum's", &of_axum, class, &ran).await;
        // The app itself runs it.
        let right = proof(class, &auth).await;
        assert_eq!(status(&app, request("GET", "/closed", &right)).await, 200);
        assert_eq!(ran.get(), 1);
    }
}

type Aside<S> = Arc<Mutex<Vec<S>>>;

/// A layer that keeps a copy of each route that it is put around.
#[derive(Clone)]
struct Keeps(Aside<Route>);

impl Layer<Route> for Keeps {
    type Service = Route;

    fn layer(&self, inner: Route) -> Route {
        self.0.lock().unwrap().push(inner.clone());
        inner
    }
}

/// A service that keeps a copy of itself whenever it is cloned: while `protect` clones it too.
struct Cloning {
    inner: Route,
    aside: Aside<Route>,
}

impl Clone for Cloning {
    fn clone(&self) -> Self {
        // Before the lock is taken: there may be another of these inside.
        let aside = self.inner.clone();
        self.aside.lock().unwrap().push(aside);
        Self {
            inner: self.inner.clone(),
            aside: Arc::clone(&self.aside),
        }
    }
}

impl Service<Request> for Cloning {
    type Response = Response;
    type Error = Infallible;
    type Future = <Route as Service<Request>>::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Service::<Request>::poll_ready(&mut self.inner, cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        self.inner.call(request)
    }
}

#[derive(Clone)]
struct Clones(Aside<Route>);

impl Layer<Route> for Clones {
    type Service = Cloning;

    fn layer(&self, inner: Route) -> Cloning {
        Cloning {
            inner,
            aside: Arc::clone(&self.0),
        }
    }
}

#[tokio::test]
async fn security_routes_that_a_layer_keeps_refuse() {
    for class in BOTH {
        let (methods, ran) = closed(class, "/closed");
        let (kept, cloned) = (Aside::default(), Aside::default());
        let router = Router::new()
            .route(
                "/closed",
                methods.clone().layer(Clones(Arc::clone(&cloned))),
            )
            .layer(Keeps(Arc::clone(&kept)))
            .layer(Clones(Arc::clone(&cloned)));
        let auth = auth();
        let before = cloned.lock().unwrap().len();
        let app = protect(&auth, router);
        // Requests clone the services as well.
        let right = proof(class, &auth).await;
        assert_eq!(status(&app, request("GET", "/closed", &right)).await, 200);
        assert_eq!(status(&app, request("GET", "/closed", "")).await, 401);
        assert_eq!(ran.get(), 1, "{class:?}");
        let aside: Vec<Route> = kept.lock().unwrap().drain(..).collect();
        let clones: Vec<Route> = cloned.lock().unwrap().drain(..).collect();
        assert!(clones.len() > before, "protect clones nothing");
        assert!(!aside.is_empty());
        for route in aside.into_iter().chain(clones) {
            for (method, headers) in [("GET", &*right), ("GET", ""), ("OPTIONS", PREFLIGHT)] {
                let request = request(method, "/closed", headers);
                let got = status(&route, request).await;
                // Each route of the router is among them: its 404 and its 405 too.
                assert!([500, 404, 405].contains(&got), "{class:?}: {got}");
                assert_eq!(ran.get(), 1, "{class:?} {method} {headers}");
            }
        }
    }
}

/// On the app itself a layer sees guarded routes: a copy of one is guarded as well.
#[tokio::test]
async fn security_routes_that_a_layer_on_the_app_keeps_are_guarded() {
    for class in BOTH {
        let (methods, ran) = closed(class, "/closed");
        let kept = Aside::default();
        let auth = auth();
        let app = protect(&auth, Router::new().route("/closed", methods));
        let _app = app.layer(Keeps(Arc::clone(&kept)));
        let routes: Vec<Route> = kept.lock().unwrap().drain(..).collect();
        let mut opened = 0;
        for route in routes {
            let got = status(&route, request("GET", "/closed", FORGED)).await;
            assert!([401, 404, 405].contains(&got), "{class:?}: {got}");
            assert_eq!(ran.get(), opened, "{class:?}");
            let right = proof(class, &auth).await;
            opened += usize::from(status(&route, request("GET", "/closed", &right)).await == 200);
            assert_eq!(ran.get(), opened, "{class:?}");
        }
        assert_eq!(opened, 1, "{class:?}");
    }
}

/// What a middleware inside keeps of a request that was let in, and who puts it on another.
#[derive(Clone, Default)]
struct Kept {
    extensions: Arc<Mutex<Option<Extensions>>>,
    route: Aside<Route>,
}

impl Kept {
    /// Keeps the extensions of a request that the guard has let in.
    async fn keep(self, request: Request, next: Next) -> Response {
        if request.headers().contains_key("x-keep") {
            *self.extensions.lock().unwrap() = Some(request.extensions().clone());
        }
        next.run(request).await
    }

    fn first(&self) -> Route {
        self.route.lock().unwrap()[0].clone()
    }

    /// Puts them on another request.
    async fn put(self, mut request: Request, next: Next) -> Response {
        if request.headers().contains_key("x-put")
            && let Some(kept) = self.extensions.lock().unwrap().clone()
        {
            request.extensions_mut().extend(kept);
        }
        next.run(request).await
    }
}

/// A router on which a middleware keeps what is on the requests to `/closed`.
fn keeping(class: Class) -> (Router, crate::world::Counter, Kept) {
    let (methods, ran) = closed(class, "/closed");
    let kept = Kept::default();
    let keep = kept.clone();
    let methods = methods
        .layer::<_, Infallible>(Keeps(Arc::clone(&kept.route)))
        .layer(from_fn(move |request, next| {
            keep.clone().keep(request, next)
        }));
    let open = public(ANY, "/open", "a test").to(|| async {});
    (
        Router::new().route("/closed", methods).mount(open),
        ran,
        kept,
    )
}

#[tokio::test]
async fn security_a_pass_from_inside_opens_no_guard() {
    for class in BOTH {
        let (router, ran, kept) = keeping(class);
        let auth = auth();
        let put = kept.clone();
        let app = protect(&auth, router)
            .layer(from_fn(move |request, next| put.clone().put(request, next)));
        let right = format!("{}x-keep: 1\r\n", proof(class, &auth).await);
        assert_eq!(status(&app, request("GET", "/closed", &right)).await, 200);
        assert!(kept.extensions.lock().unwrap().is_some());
        for _ in 0..2 {
            let got = status(&app, request("GET", "/closed", "x-put: 1\r\n")).await;
            assert_eq!((got, ran.get()), (401, 1), "{class:?}");
            let got = status(&app, request("OPTIONS", "/closed", PREFLIGHT)).await;
            assert_eq!((got, ran.get()), (401, 1), "{class:?}");
        }
    }
}

/// A guard takes off what an outer one, or a middleware, left: it was for another route.
#[tokio::test]
async fn security_a_guard_takes_off_a_pass_that_a_middleware_put_on() {
    for class in BOTH {
        let (router, ran, kept) = keeping(class);
        // Behind `/open`, a middleware that calls the kept route.
        let route = kept.clone();
        let router = router.layer(from_fn(move |request: Request, next: Next| {
            let route = route.clone();
            async move {
                if request.uri().path() != "/open" {
                    return next.run(request).await;
                }
                let route = route.first();
                let Ok(response) = route.oneshot(request).await;
                response
            }
        }));
        let auth = auth();
        let put = kept.clone();
        let app = protect(&auth, router)
            .layer(from_fn(move |request, next| put.clone().put(request, next)));
        let right = format!("{}x-keep: 1\r\n", proof(class, &auth).await);
        assert_eq!(status(&app, request("GET", "/closed", &right)).await, 200);
        let got = status(&app, request("GET", "/open", "x-put: 1\r\n")).await;
        assert_eq!((got, ran.get()), (500, 1), "{class:?}");
    }
}

/// Nothing that a middleware can make is a pass, wherever it puts it.
#[tokio::test]
async fn security_extensions_of_other_types_are_no_pass() {
    async fn forge(mut request: Request, next: Next) -> Response {
        let extensions = request.extensions_mut();
        extensions.insert(session_auth::webhook::Delivery::new());
        extensions.insert(session_auth::AccessClass::Session);
        extensions.insert(Some("pass"));
        extensions.insert(String::from("ada"));
        extensions.insert(());
        for declaration in session_auth::declarations() {
            extensions.insert(declaration);
            extensions.insert(declaration.clone());
        }
        next.run(request).await
    }
    for class in BOTH {
        let (methods, ran) = closed(class, "/closed");
        let router = || Router::new().route("/closed", methods.clone());
        let app = protect(&auth(), router()).layer(from_fn(forge));
        let got = status(&app, request("GET", "/closed", FORGED)).await;
        assert_eq!((got, ran.get()), (401, 0), "{class:?}");
        let bare = router().layer(from_fn(forge));
        let got = status(&bare, request("GET", "/closed", FORGED)).await;
        assert_eq!((got, ran.get()), (500, 0), "{class:?}");
    }
}

/// A pass is used once in each copy of a request, so one that went through the handler is worth
/// nothing; and it ends some time after the answer.
#[tokio::test]
async fn security_a_kept_copy_of_a_request_opens_nothing_later() {
    // As long as work may go on that a middleware has spawned, and a little more.
    const LATER: Duration = Duration::from_secs(31);

    let attack = async |class: Class| {
        let (router, ran, kept) = keeping(class);
        let auth = auth();
        let app = protect(&auth, router);
        let right = format!("{}x-keep: 1\r\n", proof(class, &auth).await);
        assert_eq!(status(&app, request("GET", "/closed", &right)).await, 200);
        assert_eq!(ran.get(), 1);
        tokio::time::sleep(LATER).await;
        let route = kept.first();
        let extensions = kept.extensions.lock().unwrap().take().unwrap();
        for headers in ["", &*right, &*cookie_of(&auth).await] {
            let mut later = request("GET", "/closed", headers);
            *later.extensions_mut() = extensions.clone();
            assert_eq!(
                (status(&route, later).await, ran.get()),
                (500, 1),
                "{class:?}"
            );
        }
    };
    let [first, second] = BOTH;
    tokio::join!(attack(first), attack(second));
}
