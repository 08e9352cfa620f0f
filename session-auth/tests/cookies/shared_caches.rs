//! A cache that several people share gets no session to keep: neither one that slides, nor one that a
//! login issues. With nginx as such a cache.

use std::net::SocketAddr;

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, HeaderName, LAST_MODIFIED};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use session_auth::methods::GET;
use session_auth::{Router, Session, SessionAuthLayer, Sessions, public, session};
use test_servers::Nginx;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::common::{self, Answer};
use crate::{DAY, FakeClock, HOUR, builder, get};

/// What an answer says of caches: by the last segment of its path.
fn marked(how: &str) -> HeaderMap {
    let of = |headers: &[(HeaderName, &'static str)]| {
        let headers = headers.iter();
        headers
            .map(|(name, value)| (name.clone(), HeaderValue::from_static(value)))
            .collect()
    };
    let accel = HeaderName::from_static("x-accel-expires");
    match how {
        "nothing" => of(&[]),
        "last-modified" => of(&[(LAST_MODIFIED, "Tue, 14 Nov 2023 00:00:00 GMT")]),
        "public" => of(&[(CACHE_CONTROL, "public, max-age=60")]),
        "s-maxage" => of(&[(CACHE_CONTROL, "s-maxage=60")]),
        "max-age" => of(&[(CACHE_CONTROL, "max-age=60")]),
        "accel" => of(&[(accel, "60"), (CACHE_CONTROL, "private")]),
        "private" => of(&[(CACHE_CONTROL, "private")]),
        "no-store" => of(&[(CACHE_CONTROL, "no-store")]),
        other => panic!("{other}"),
    }
}

const KEPT: [&str; 3] = ["public", "s-maxage", "accel"];
const NOT_KEPT: [&str; 5] = ["nothing", "last-modified", "max-age", "private", "no-store"];

fn routes() -> Router {
    Router::new()
        .mount(
            public(
                GET,
                "/callback/{how}",
                "an identity provider sends people here",
            )
            .issues_session()
            .to(|sessions: Sessions, Path(how): Path<String>| async move {
                // On either side of the session.
                let session = sessions.issue("ada").await.unwrap();
                (marked(&how), session, marked(&how), "welcome")
            }),
        )
        .mount(session(GET, "/logout/{how}").to(
            |sessions: Sessions, Path(how): Path<String>| async move {
                (sessions.clear(), marked(&how), "bye")
            },
        ))
        .mount(session(GET, "/page/{how}").to(
            |session: Session, Path(how): Path<String>| async move {
                (marked(&how), session.subject().to_owned())
            },
        ))
        .mount(
            session(GET, "/unchanged/{how}").to(|Path(how): Path<String>| async move {
                (StatusCode::NOT_MODIFIED, marked(&how))
            }),
        )
        .mount(public(GET, "/greet/{how}", "greets").optional_session().to(
            |session: Option<Session>, Path(how): Path<String>| async move {
                let who = session.map_or("stranger".to_owned(), |it| it.subject().to_owned());
                (marked(&how), who)
            },
        ))
        .mount(
            public(GET, "/plain/{how}", "the same for all")
                .to(|Path(how): Path<String>| async move { (marked(&how), "plain") }),
        )
}

struct World {
    clock: FakeClock,
    auth: SessionAuthLayer,
}

impl World {
    fn new() -> Self {
        let clock = FakeClock::new();
        let auth = builder().clock(clock.clock()).build().unwrap();
        Self { clock, auth }
    }

    async fn serve(&self) -> SocketAddr {
        common::serve(common::protect(&self.auth, routes()).unwrap()).await
    }

    /// The cookie of a session that is to slide.
    async fn due(&self) -> String {
        let issued = self.auth.sessions().issue("ada").await.unwrap();
        self.clock.advance(DAY - HOUR);
        let set = issued.set_cookie().to_str().unwrap();
        set.split(';').next().unwrap().to_owned()
    }
}

fn sets_a_cookie(answer: &Answer) -> bool {
    answer.header("set-cookie").count() > 0
}

fn says(answer: &Answer) -> String {
    answer
        .header("cache-control")
        .collect::<Vec<_>>()
        .join(", ")
}

async fn nobody(address: SocketAddr, path: &str) -> Answer {
    common::request(address, "GET", path, "").await
}

#[tokio::test]
async fn a_real_cache_hands_nobody_the_session_of_another() {
    let world = World::new();
    let Some(nginx) = Nginx::start(world.serve().await) else {
        return;
    };
    let cache = nginx.address();
    for how in KEPT.iter().chain(&NOT_KEPT) {
        let kept = KEPT.contains(how);
        let cookie = world.due().await;
        let page = format!("/page/{how}");
        let hers = get(cache, &page, &cookie).await;
        assert_eq!(
            (hers.status, sets_a_cookie(&hers)),
            (200, !kept),
            "{how}: {hers:?}"
        );
        let theirs = nobody(cache, &page).await;
        assert!(!sets_a_cookie(&theirs), "{how}: {theirs:?}");
        // The service said that this one is for all.
        assert_eq!(
            theirs.status,
            if kept { 200 } else { 401 },
            "{how}: {theirs:?}"
        );

        // The page that greets is kept for each, and changes hands with nobody.
        let greet = format!("/greet/{how}");
        let cookie = world.due().await;
        let hers = get(cache, &greet, &cookie).await;
        assert_eq!(
            (&*hers.body, sets_a_cookie(&hers)),
            ("ada", !kept),
            "{how}: {hers:?}"
        );
        for _ in 0..2 {
            let theirs = nobody(cache, &greet).await;
            assert_eq!(theirs.body, "stranger", "{how}: {theirs:?}");
            assert!(!sets_a_cookie(&theirs), "{how}: {theirs:?}");
        }

        // Each login is one's own, and so is each logout.
        let login = format!("/callback/{how}");
        let (first, second) = (nobody(cache, &login).await, nobody(cache, &login).await);
        assert_ne!(common::cookie(&first), common::cookie(&second), "{how}");
        let logout = format!("/logout/{how}");
        let hers = get(cache, &logout, &common::cookie(&first)).await;
        assert!(sets_a_cookie(&hers), "{how}: {hers:?}");
        let theirs = nobody(cache, &logout).await;
        assert_eq!(
            (theirs.status, sets_a_cookie(&theirs)),
            (401, false),
            "{how}: {theirs:?}"
        );

        // It does keep what it is given.
        let plain = format!("/plain/{how}");
        nobody(cache, &plain).await;
        let again = nobody(cache, &plain).await;
        let hit = again.header("x-cache").eq(["HIT"]);
        assert_eq!(
            hit,
            !["private", "no-store"].contains(how),
            "{how}: {again:?}"
        );
    }
}

#[tokio::test]
async fn an_answer_that_carries_a_session_says_that_it_is_private_and_any_other_is_left_as_it_is() {
    let world = World::new();
    let address = world.serve().await;
    for how in KEPT.iter().chain(&NOT_KEPT) {
        let kept = KEPT.contains(how);
        let page = format!("/page/{how}");
        let as_it_was = marked(how);
        let as_it_was = as_it_was
            .get(CACHE_CONTROL)
            .map_or("", |value| value.to_str().unwrap());
        let answer = get(address, &page, &world.due().await).await;
        assert_eq!(sets_a_cookie(&answer), !kept, "{how}");
        let is_private = ["private", "no-store"].map(|word| says(&answer).contains(word));
        if kept {
            assert_eq!(says(&answer), as_it_was);
        } else {
            assert!(is_private.contains(&true), "{how}: {answer:?}");
        }
        // Nothing slides, nothing changes.
        let fresh = common::cookie_of(&world.auth).await;
        let answer = common::request(address, "GET", &page, &fresh).await;
        assert_eq!(
            (says(&answer), answer.header("vary").count()),
            (as_it_was.to_owned(), 0)
        );

        let answer = get(address, &format!("/unchanged/{how}"), &world.due().await).await;
        assert_eq!(answer.status, 304);
        let alone = ["private", "no-store"].contains(how);
        assert_eq!(sets_a_cookie(&answer), alone, "{how}: {answer:?}");

        // Also without a cookie: the same page is another for who has one.
        let greet = format!("/greet/{how}");
        let fresh = common::cookie_of(&world.auth).await;
        for answer in [
            nobody(address, &greet).await,
            get(address, &greet, "__Host-session=x").await,
            common::request(address, "GET", &greet, &fresh).await,
        ] {
            assert_eq!(answer.header("vary").collect::<Vec<_>>(), ["Cookie"]);
            assert_eq!(says(&answer), as_it_was);
        }
    }
}

/// A middleware marks what the handlers leave open, as for a whole site: inside of the guards, and
/// outside of them.
#[tokio::test]
async fn what_a_middleware_marks_counts_as_well() {
    let world = World::new();
    let site = || {
        let value = HeaderValue::from_static("public, max-age=60");
        SetResponseHeaderLayer::overriding(CACHE_CONTROL, value)
    };
    let inside = common::protect(&world.auth, routes().layer(site())).unwrap();
    let outside = common::protect(&world.auth, routes())
        .unwrap()
        .layer(site());
    for app in [inside, outside] {
        let address = common::serve(app).await;
        let slides = get(address, "/page/nothing", &world.due().await).await;
        assert_eq!(slides.status, 200);
        assert!(!sets_a_cookie(&slides), "{slides:?}");
        assert_eq!(says(&slides), "public, max-age=60");
        let login = nobody(address, "/callback/nothing").await;
        assert!(sets_a_cookie(&login), "{login:?}");
        assert_eq!(says(&login), "private");
        let cookie = common::cookie(&login);
        let logout = get(address, "/logout/nothing", &cookie).await;
        assert!(sets_a_cookie(&logout), "{logout:?}");
        assert_eq!(says(&logout), "private");
    }
}

/// Around an axum router, without `protect`.
#[tokio::test]
async fn a_bare_layer_keeps_it_too() {
    use axum::routing::get as axum_get;
    use session_auth::declare_route;

    declare_route!(session_route(GET, "/bare/{how}"));
    let world = World::new();
    let handler = async |Path(how): Path<String>| marked(&how);
    let app = axum::Router::new()
        .route("/bare/{how}", axum_get(handler))
        .layer(world.auth.clone());
    let address = common::serve(app).await;
    let public = get(address, "/bare/public", &world.due().await).await;
    assert_eq!(
        (public.status, sets_a_cookie(&public)),
        (200, false),
        "{public:?}"
    );
    let other = get(address, "/bare/last-modified", &world.due().await).await;
    assert_eq!(
        (&*says(&other), sets_a_cookie(&other)),
        ("private", true),
        "{other:?}"
    );
}

/// Staff who log in as a customer, and whose own session slides by the same answer.
#[tokio::test]
async fn a_login_of_another_layer_stays_private_when_the_own_session_slides() {
    let clock = FakeClock::new();
    let of = |name: &str| {
        let layer = builder().cookie_name(name).clock(clock.clock());
        layer.build().unwrap()
    };
    let (customer, staff) = (of("__Host-customer"), of("__Host-staff"));
    let customers = customer.sessions();
    let routes = Router::new().mount(session(GET, "/as-customer").to(move || {
        let customers = customers.clone();
        async move { customers.issue("7").await }
    }));
    let site = SetResponseHeaderLayer::overriding(
        CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=60"),
    );
    let app = common::protect(&staff, routes).unwrap().layer(site);
    let address = common::serve(app).await;
    for (due, cookies) in [(false, 1), (true, 2)] {
        let cookie = common::cookie_of(&staff).await;
        if due {
            clock.advance(DAY - HOUR);
        }
        let answer = common::request(address, "GET", "/as-customer", &cookie).await;
        let set: Vec<_> = answer.header("set-cookie").collect();
        assert_eq!(set.len(), cookies, "due: {due}: {set:?}");
        let says: Vec<_> = answer.header("cache-control").collect();
        assert_eq!(says, ["private"], "due: {due}: {set:?}");
    }
}

/// What some sites mark all of their pages with. No shared cache keeps it.
#[tokio::test]
async fn a_site_whose_pages_nobody_may_share_keeps_its_people_logged_in() {
    let mark = "private, s-maxage=0, max-age=0, must-revalidate";
    let clock = FakeClock::new();
    let auth = builder().clock(clock.clock()).build().unwrap();
    let page = session(GET, "/page").to(move || async move { ([(CACHE_CONTROL, mark)], "page") });
    let address = common::serve(common::protect(&auth, Router::new().mount(page)).unwrap()).await;
    let cookie = common::cookie_of(&auth).await;
    clock.advance(DAY - HOUR);
    let answer = common::request(address, "GET", "/page", &cookie).await;
    assert_eq!(answer.header("set-cookie").count(), 1, "{answer:?}");
    let says: Vec<_> = answer.header("cache-control").collect();
    assert_eq!(says, [mark]);
}

#[tokio::test]
async fn a_login_that_no_cache_may_store_stays_so() {
    let mark = "no-cache, no-store, max-age=0, s-maxage=60, must-revalidate, public";
    let callback = public(GET, "/callback", "an identity provider sends people here")
        .issues_session()
        .to(move |sessions: Sessions| async move {
            let session = sessions.issue("ada").await.unwrap();
            ([(CACHE_CONTROL, mark)], session, "welcome")
        });
    let routes = Router::new().mount(callback);
    let address = crate::serve(builder(), routes).await;
    let answer = get(address, "/callback", "x=y").await;
    let says: Vec<_> = answer.header("cache-control").collect();
    assert_eq!(
        says,
        ["private, no-cache, no-store, max-age=0, must-revalidate"]
    );
}
