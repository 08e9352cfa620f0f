//! The listing, asked as a person and as a program.

#![cfg(feature = "listing")]
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use std::time::{Duration, Instant};

use common::clock::FakeClock;
use common::{Answer, ask};
use serde_json::Value;
use session_auth::authenticate::{Authenticate, Proof, Refusal, RequestParts, Verdict};
use session_auth::methods::{ANY, GET, POST};
use session_auth::webhook::{BasicAuth, Bearer, Hmac};
use session_auth::{
    Keys, Mode, Protected, Router, SessionAuthLayer, SessionAuthLayerBuilder, Unclassified,
    listing, public, session, webhook,
};

const HOUR: Duration = Duration::from_secs(3_600);
const MONITOR: &str = "Authorization: Bearer monitor-token";
const HOSTILE: &str = "</td><script>alert(1)</script>\n\u{202e}nimda";

struct Service {
    auth: SessionAuthLayer,
    app: Protected,
    clock: FakeClock,
}

fn builder(clock: &FakeClock) -> SessionAuthLayerBuilder {
    SessionAuthLayer::builder(Keys::random().unwrap())
        .verifier("edge", Bearer::new("edge-token"))
        .verifier("monitor", Bearer::new("monitor-token"))
        .lock("routes.lock's text")
        .clock(clock.clock())
}

fn routes() -> Router {
    let until = time::Date::from_calendar_date(2023, time::Month::November, 20).unwrap();
    Router::new()
        .mount(
            public(POST, "/signup", HOSTILE)
                .owner("growth")
                .until(until)
                .to(|| async {}),
        )
        .mount(
            webhook(POST, "/edge", "edge")
                .expect_every(6 * HOUR)
                .to(|| async {}),
        )
        .mount(session(GET, "/me").scope("member").to(|| async {}))
        .nest_service(
            public(ANY, "/assets", "style sheets"),
            "/assets",
            common::service("css"),
        )
        .merge(
            listing::routes("/routes")
                .machines("/routes.json", "monitor")
                .health("/health", "monitor"),
        )
}

impl Service {
    fn start(with: impl FnOnce(SessionAuthLayerBuilder) -> SessionAuthLayerBuilder) -> Self {
        let clock = FakeClock::new();
        let auth = with(builder(&clock)).build().unwrap();
        let app = common::protect(&auth, routes()).unwrap();
        Self { auth, app, clock }
    }

    async fn cookie(&self, scope: &str) -> String {
        let issued = self
            .auth
            .sessions()
            .issue("ada")
            .scopes([scope])
            .await
            .unwrap();
        let set = issued.set_cookie().to_str().unwrap().to_owned();
        format!("Cookie: {}", set.split(';').next().unwrap())
    }

    async fn json(&self, query: &str) -> Value {
        let answer = ask(&self.app, "GET", &format!("/routes.json{query}"), MONITOR).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let schema = include_str!("../../docs/listing.schema.json");
        let schema = serde_json::from_str(schema).unwrap();
        let json: Value = serde_json::from_str(&answer.body).unwrap();
        if let Err(error) = jsonschema::validate(&schema, &json) {
            panic!("{error} at {}", error.instance_path());
        }
        json
    }

    async fn page(&self, query: &str) -> Answer {
        let headers = format!(
            "{}\nAccept: text/html,*/*;q=0.8",
            self.cookie("routes").await
        );
        ask(&self.app, "GET", &format!("/routes{query}"), &headers).await
    }

    async fn health(&self) -> (u16, Value) {
        let answer = ask(&self.app, "GET", "/health", MONITOR).await;
        (answer.status, serde_json::from_str(&answer.body).unwrap())
    }
}

fn of<'a>(json: &'a Value, route: &str) -> &'a Value {
    let routes = json["routes"].as_array().unwrap();
    routes
        .iter()
        .find(|it| it["route"] == route)
        .unwrap_or_else(|| panic!("no {route} in {json:#}"))
}

#[tokio::test]
async fn security_it_is_shown_to_nobody_without_its_scope_or_its_token() {
    let service = Service::start(|auth| auth);
    let ask = async |path: &str, header: &str| ask(&service.app, "GET", path, header).await.status;
    assert_eq!(ask("/routes", "").await, 401);
    assert_eq!(ask("/routes", &service.cookie("member").await).await, 403);
    assert_eq!(ask("/routes", &service.cookie("routes").await).await, 200);
    assert_eq!(ask("/routes", MONITOR).await, 401);
    for path in ["/routes.json", "/health"] {
        assert_eq!(ask(path, "").await, 401);
        assert_eq!(ask(path, "Authorization: Bearer edge-token").await, 401);
        assert_eq!(ask(path, &service.cookie("routes").await).await, 401);
        assert_eq!(ask(path, MONITOR).await, 200);
    }
}

#[tokio::test]
async fn security_mode_observe_shows_it_to_nobody_either() {
    let service = Service::start(|auth| auth.mode(Mode::Observe));
    for path in ["/routes", "/routes.json", "/health"] {
        let answer = ask(&service.app, "GET", path, "").await;
        assert_eq!(answer.status, 401, "{path}: {answer:?}");
    }
    let other = service.cookie("other").await;
    let answer = ask(&service.app, "GET", "/routes", &other).await;
    assert_eq!(answer.status, 403, "{answer:?}");
}

#[tokio::test]
async fn it_says_of_each_route_who_may_call_it_and_what_became_of_it() {
    let service = Service::start(|auth| auth);
    ask(
        &service.app,
        "POST",
        "/edge",
        "Authorization: Bearer edge-token",
    )
    .await;
    service.clock.advance(HOUR);
    ask(&service.app, "POST", "/edge", "Authorization: Bearer wrong").await;
    ask(&service.app, "GET", "/me", "").await;
    ask(&service.app, "GET", "/assets/a.css", "").await;
    let json = service.json("").await;
    let summary = &json["summary"];
    assert_eq!(summary["routes"], 7, "{summary}");
    assert_eq!(
        (&summary["public"], &summary["webhook"]),
        (&2.into(), &3.into())
    );
    assert_eq!(
        (&summary["session"], &summary["opaque"]),
        (&2.into(), &1.into())
    );
    assert_eq!(json["lock"].as_str().unwrap().len(), 64);

    let edge = of(&json, "POST /edge");
    assert_eq!(edge["class"], "webhook");
    assert_eq!(
        (&edge["verifier"], &edge["binds"]),
        (&"edge".into(), &"sender".into())
    );
    assert_eq!(edge["expect_every"], "6h");
    assert_eq!((&edge["passed"], &edge["verified"]), (&1.into(), &1.into()));
    assert_eq!(edge["denied"]["signature_invalid"], 1);
    assert_eq!(edge["last_verified"], "2023-11-14T22:13:20Z");
    assert_eq!(edge["last_denied"]["at"], "2023-11-14T23:13:20Z");
    assert_eq!(edge["last_denied"]["reason"], "signature_invalid");
    assert_eq!(edge["silent_after"], "2023-11-15T04:18:20Z");
    assert!(edge["file"].as_str().unwrap().ends_with("tests/listing.rs"));
    assert_eq!(edge["named"], true);
    assert_eq!(of(&json, "GET /me")["denied"]["missing"], 1);
    let assets = of(&json, "ANY /assets/**");
    assert_eq!(
        (&assets["shape"], &assets["passed"]),
        (&"opaque-mount".into(), &1.into())
    );
    let hours = edge["hours"].as_array().unwrap();
    let denied: u64 = hours
        .iter()
        .map(|hour| hour["denied"].as_u64().unwrap())
        .sum();
    assert_eq!(denied, 1);
    for secret in ["edge-token", "monitor-token", "wrong"] {
        assert!(!json.to_string().contains(secret), "{secret}");
    }
}

/// Step 4 of the incident: no delivery for six hours.
#[tokio::test]
async fn a_silent_webhook_is_overdue_and_the_health_answer_503() {
    let service = Service::start(|auth| auth);
    assert_eq!(service.health().await.0, 200);
    ask(
        &service.app,
        "POST",
        "/edge",
        "Authorization: Bearer edge-token",
    )
    .await;
    service.clock.advance(6 * HOUR + Duration::from_secs(301));
    let (status, health) = service.health().await;
    assert_eq!(status, 503, "{health}");
    assert_eq!(health["status"], "failing");
    assert_eq!(health["alarms"][0]["rule"], "silent");
    assert_eq!(health["alarms"][0]["route"], "POST /edge");
    let json = service.json("").await;
    assert_eq!(json["hurts"][0]["kind"], "silent");
    // It hurts, so it comes first.
    assert_eq!(json["routes"][0]["route"], "POST /edge");
    assert_eq!(json["routes"][0]["alarms"][0], "silent");
    ask(
        &service.app,
        "POST",
        "/edge",
        "Authorization: Bearer edge-token",
    )
    .await;
    assert_eq!(service.health().await.0, 200);
}

#[tokio::test]
async fn what_hurts_is_named() {
    let service = Service::start(|auth| auth.mode(Mode::Observe));
    let json = service.json("").await;
    let kinds: Vec<_> = json["hurts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["kind"])
        .collect();
    assert_eq!(kinds, ["observe", "expiring"], "{json:#}");

    let clock = FakeClock::new();
    let auth = builder(&clock)
        .unclassified(Unclassified::Deny)
        .build()
        .unwrap();
    let foreign = axum::Router::new().route("/export", axum::routing::get(async || "all"));
    let app = common::protect(&auth, routes().merge_axum(foreign)).unwrap();
    ask(&app, "GET", "/export", "").await;
    let service = Service { auth, app, clock };
    let json = service.json("").await;
    assert_eq!(json["hurts"][0]["kind"], "unclassified", "{json:#}");
    assert_eq!(json["hurts"][0]["route"], "GET /export");
    assert_eq!(json["summary"]["unclassified_requests"], 1);
    assert_eq!(of(&json, "GET /export")["class"], Value::Null);
}

#[tokio::test]
async fn filter_and_order_are_in_the_url() {
    let service = Service::start(|auth| auth);
    for _ in 0..3 {
        ask(&service.app, "GET", "/me", "").await;
    }
    let names = async |query: &str| -> Vec<String> {
        let json = service.json(query).await;
        let routes = json["routes"].as_array().unwrap();
        routes
            .iter()
            .map(|it| it["route"].as_str().unwrap().to_owned())
            .collect()
    };
    let exempt = [
        "ANY /assets/**",
        "POST /edge",
        "GET /health",
        "GET /routes.json",
        "POST /signup",
    ];
    assert_eq!(names("?only=exempt").await, exempt);
    assert_eq!(names("?class=session").await, ["GET /me", "GET /routes"]);
    assert_eq!(names("?owner=growth").await, ["POST /signup"]);
    assert_eq!(names("?q=style+sheets").await, ["ANY /assets/**"]);
    assert_eq!(names("?sort=denied").await[0], "GET /me");
    assert_eq!(
        names("?sort=denied&order=asc").await.last().unwrap(),
        "GET /me"
    );
    let refused = ask(&service.app, "GET", "/routes.json?onyl=exempt", MONITOR).await;
    assert_eq!(refused.status, 400);
    assert!(
        refused.body.contains("\"onyl\" is no parameter"),
        "{}",
        refused.body
    );
}

#[tokio::test]
async fn a_person_gets_a_page_and_a_program_json_from_one_url() {
    let service = Service::start(|auth| auth);
    let cookie = service.cookie("routes").await;
    for (accept, of) in [
        ("", "application/json"),
        ("\nAccept: */*", "application/json"),
        ("\nAccept: application/json", "application/json"),
        (
            "\nAccept: text/html;q=0.5, application/json",
            "application/json",
        ),
        (
            "\nAccept: text/html,application/xhtml+xml,*/*;q=0.8",
            "text/html; charset=utf-8",
        ),
    ] {
        let answer = ask(&service.app, "GET", "/routes", &format!("{cookie}{accept}")).await;
        assert_eq!(answer.header("content-type").next(), Some(of), "{accept}");
        assert_eq!(answer.header("cache-control").next(), Some("no-store"));
        assert!(answer.header("vary").any(|it| it.contains("Accept")));
        let policy = answer.header("content-security-policy").next().unwrap();
        assert!(
            policy.starts_with("default-src 'none'") && !policy.contains("unsafe"),
            "{policy}"
        );
    }
    for (asset, of) in [("style.css", "text/css"), ("script.js", "text/javascript")] {
        let answer = service.page(&format!("?asset={asset}")).await;
        assert!(
            answer
                .header("content-type")
                .next()
                .unwrap()
                .starts_with(of)
        );
    }
}

#[tokio::test]
async fn security_names_write_no_markup_and_move_no_text() {
    let service = Service::start(|auth| auth);
    for query in ["", "?only=exempt"] {
        let page = service.page(query).await;
        assert_eq!(page.status, 200);
        assert!(!page.body.contains("<script>"), "{}", page.body);
        assert!(
            page.body.contains("&lt;/td&gt;&lt;script&gt;alert(1)"),
            "{}",
            page.body
        );
        assert!(page.body.contains("\\n\\u{202e}nimda"), "{}", page.body);
        assert!(!page.body.contains('\u{202e}'));
        // The policy allows neither.
        assert!(!page.body.contains("style=") && !page.body.contains("onclick"));
    }
}

/// Many readers, while routes are hit.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_do_not_disturb_what_is_counted() {
    let service = Service::start(|auth| auth);
    let mut tasks = tokio::task::JoinSet::new();
    for reader in 0..500 {
        let app = service.app.clone();
        tasks.spawn(async move {
            if reader % 2 == 0 {
                ask(&app, "POST", "/signup", "").await.status
            } else {
                ask(&app, "GET", "/routes.json", MONITOR).await.status
            }
        });
    }
    while let Some(status) = tasks.join_next().await {
        assert_eq!(status.unwrap(), 200);
    }
    assert_eq!(of(&service.json("").await, "POST /signup")["passed"], 250);
}

#[tokio::test]
async fn a_thousand_routes_are_shown_in_time_and_ten_thousand_in_pages() {
    let clock = FakeClock::new();
    let auth = builder(&clock).build().unwrap();
    let mut router = listing_of_many(1_000);
    router = router.merge(listing::routes("/routes").machines("/routes.json", "monitor"));
    let app = common::protect(&auth, router).unwrap();
    let service = Service { auth, app, clock };
    let cookie = service.cookie("routes").await;
    let headers = format!("{cookie}\nAccept: text/html");
    let mut times = Vec::new();
    for _ in 0..5 {
        let begun = Instant::now();
        let page = ask(&service.app, "GET", "/routes", &headers).await;
        times.push(begun.elapsed());
        assert!(page.body.contains("1002 routes, 1 to 1000"));
        assert!(page.body.contains("?from=1000&amp;sort=path"));
    }
    times.sort();
    println!("a page of 1,000 routes: {:?}", times[0]);
    // Where it is optimized, it takes a tenth of that.
    let most = if cfg!(debug_assertions) { 500 } else { 50 };
    assert!(times[0] < Duration::from_millis(most), "{times:?}");
    let rest = ask(&service.app, "GET", "/routes?from=1000", &headers).await;
    assert!(rest.body.contains("1002 routes, 1001 to 1002"));
}

struct Keyed;

impl Authenticate for Keyed {
    type Identity = ();

    fn authenticate(&self, request: &RequestParts<'_>) -> Verdict<()> {
        match request.bearer() {
            Ok("good") => Proof::new(()).into(),
            Ok("old") => Refusal::Expired("test").into(),
            Ok(_) => Refusal::BadSignature("test").into(),
            Err(refusal) => refusal.into(),
        }
    }
}

#[tokio::test]
async fn it_says_what_proves_the_callers_of_a_route_and_why_they_were_refused() {
    let clock = FakeClock::new();
    let auth = builder(&clock).authenticator("api", Keyed).build().unwrap();
    let router = Router::new()
        .mount(session(GET, "/items").by("session | api").to(|| async {}))
        .mount(session(GET, "/me").to(|| async {}))
        .merge(listing::routes("/routes").machines("/routes.json", "monitor"));
    let app = common::protect(&auth, router).unwrap();
    let service = Service { auth, app, clock };
    for (token, status) in [
        ("good", 200),
        ("old", 401),
        ("forged", 401),
        ("forged", 401),
    ] {
        let header = format!("Authorization: Bearer {token}");
        let answer = ask(&service.app, "GET", "/items", &header).await;
        assert_eq!(answer.status, status, "{token}");
    }
    let json = service.json("").await;
    let items = of(&json, "GET /items");
    assert_eq!(
        (&items["class"], &items["by"]),
        (&"session".into(), &"session | api".into())
    );
    assert_eq!(of(&json, "GET /me")["by"], "session");
    assert_eq!(
        items["denied"],
        serde_json::json!({ "expired": 1, "bad_signature": 2 })
    );
    assert_eq!(items["passed"], 1);
    assert_eq!(items["last_verified"], "2023-11-14T22:13:20Z");
    assert_eq!(items["last_denied"]["reason"], "bad_signature");
    let found = service.json("?q=SESSION%20%7C%20api").await;
    assert_eq!(found["routes"].as_array().unwrap().len(), 1, "{found:#}");
    let page = service.page("").await.body;
    assert!(
        page.contains("proved by <bdi>session | api</bdi>"),
        "{page}"
    );
    assert_eq!(
        page.matches("proved by").count(),
        1,
        "the class says it of the others"
    );
}

fn listing_of_many(routes: usize) -> Router {
    (0..routes).fold(Router::new(), |router, n| {
        let path = format!("/api/{n}");
        router.mount(public(GET, path, "one of many").to(|| async {}))
    })
}

#[tokio::test]
async fn a_service_without_sessions_shows_it_to_whom_its_authenticator_knows() {
    let build = || {
        let auth = SessionAuthLayer::builder_without_sessions().authenticator("api", Keyed);
        auth.build().unwrap()
    };
    let stopped = common::protect(&build(), Router::new().merge(listing::routes("/routes")));
    let error = stopped.err().unwrap().to_string();
    assert!(error.contains("/routes"), "{error}");
    let auth = build();
    let routes = listing::routes("/routes").by("api").scope("auditor");
    let app = common::protect(&auth, Router::new().merge(routes)).unwrap();
    let answer = ask(&app, "GET", "/routes", "Authorization: Bearer good").await;
    assert_eq!(answer.status, 403, "{}", answer.body);
    assert!(
        answer.body.contains(r#""reason":"scope""#),
        "{}",
        answer.body
    );
    let answer = ask(&app, "GET", "/routes", "").await;
    assert_eq!(answer.status, 401, "{}", answer.body);
}

#[tokio::test]
async fn keys_and_secrets_are_there_by_their_ids() {
    let service = Service::start(|it| it);
    let json = service.json("").await;
    assert_eq!(json["keys"].as_array().unwrap().len(), 1);
    let secrets = json["secrets"].as_array().unwrap();
    let of: Vec<_> = secrets
        .iter()
        .map(|it| {
            (
                it["verifier"].as_str().unwrap(),
                it["uses"].as_u64().unwrap(),
            )
        })
        .collect();
    // The monitor has just shown its own.
    assert_eq!(of, [("edge", 0), ("monitor", 1)]);
    assert!(!json.to_string().contains("-token"), "{json:#}");
    let page = service.page("").await.body;
    assert!(page.contains("Secrets of webhooks"), "{page}");
    assert!(!page.contains("-token"), "{page}");

    // A layer without sessions has a key of its own, which says nothing.
    let auth = SessionAuthLayer::builder_without_sessions()
        .authenticator("api", Keyed)
        .verifier("monitor", Bearer::new("monitor-token"))
        .build()
        .unwrap();
    let routes = listing::routes("/routes")
        .by("api")
        .machines("/routes.json", "monitor");
    let app = common::protect(&auth, Router::new().merge(routes)).unwrap();
    let answer = ask(&app, "GET", "/routes.json", MONITOR).await;
    let json: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(json["keys"], serde_json::json!([]));
}

#[tokio::test]
async fn it_says_for_how_long_a_sender_tries_again() {
    let mut service = Service::start(|auth| auth);
    service.auth = builder(&service.clock)
        .verifier("mail", BasicAuth::postmark("user", "password"))
        .verifier("code", Hmac::github("a secret"))
        .build()
        .unwrap();
    let hooks = routes()
        .mount(webhook(POST, "/mail", "mail").to(|| async {}))
        .mount(webhook(POST, "/code", "code").to(|| async {}));
    service.app = common::protect(&service.auth, hooks).unwrap();
    let json = service.json("").await;
    for (route, budget) in [
        ("POST /mail", "21m".into()),
        ("POST /code", "0s".into()),
        ("POST /edge", Value::Null),
        ("GET /me", Value::Null),
    ] {
        assert_eq!(of(&json, route)["retry_budget"], budget, "{route}");
    }
    let page = service.page("").await.body;
    assert!(page.contains("its sender tries again for 21m"), "{page}");
    assert!(page.contains("its sender never tries again"), "{page}");
}
