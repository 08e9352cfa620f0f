//! Session routes whose callers something else than a session of this library proves: `by` on the route,
//! an authenticator in the layer.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::http::HeaderValue;
use common::clock::FakeClock;
use common::watched::Watched;
use common::{Answer, activity, auth, cookie_of, log, protect, request, serve};
use session_auth::authenticate::{
    Authenticate, ConfigError, Proof, Refusal, RequestParts, Verdict,
};
use session_auth::methods::{GET, POST};
use session_auth::store::SessionStore as _;
use session_auth::{
    Denial, Identity, Keys, Mode, Router, Session, SessionAuthLayer, SessionAuthLayerBuilder,
    Sessions, declare_route, public, public_route, session, session_route,
};

#[derive(Debug)]
struct User(String);

struct Other;

/// Does what the token says.
#[derive(Default)]
struct Tokens {
    asked: Arc<AtomicUsize>,
    ambient: bool,
}

fn answer(token: &str) -> Result<Proof<User>, Refusal> {
    match token.split_once('-').unwrap_or((token, "")) {
        ("good", scope) => Ok(Proof::new(User("ada".to_owned())).scopes([scope])),
        ("forged", _) => Err(Refusal::BadSignature("test")),
        ("odd", _) => Err(Refusal::Malformed("test")),
        ("old", _) => Err(Refusal::Expired("test")),
        ("ended", _) => Err(Refusal::Revoked("test")),
        ("down", _) => Err(Refusal::Unavailable("test")),
        ("panic", _) => panic!("as the token says"),
        (_, _) => Err(Refusal::BadSignature("test")),
    }
}

impl Authenticate for Tokens {
    type Identity = User;

    fn authenticate(&self, request: &RequestParts<'_>) -> Verdict<User> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let token = match request.bearer() {
            Ok(token) => token.to_owned(),
            Err(refusal) => return refusal.into(),
        };
        match token.strip_prefix("later-").map(str::to_owned) {
            None if token == "timed" => {
                let end = std::time::UNIX_EPOCH + Duration::from_secs(1_700_000_100);
                Proof::new(User("ada".to_owned())).good_until(end).into()
            }
            None => answer(&token).into(),
            Some(token) if token == "never" => Verdict::later(std::future::pending()),
            Some(token) => Verdict::later(async move {
                tokio::task::yield_now().await;
                answer(&token)
            }),
        }
    }

    fn is_ambient(&self) -> bool {
        self.ambient
    }
}

struct Keyed;

impl Authenticate for Keyed {
    type Identity = Other;

    fn authenticate(&self, request: &RequestParts<'_>) -> Verdict<Other> {
        match request.header(&"x-key".parse().unwrap()) {
            Ok("good") => Proof::new(Other).into(),
            Ok(_) => Refusal::BadSignature("test").into(),
            Err(refusal) => refusal.into(),
        }
    }

    fn challenge(&self, _: &Refusal) -> HeaderValue {
        HeaderValue::from_static("Key")
    }
}

#[session_route(GET, "/items", by = "api")]
async fn items(user: Identity<User>) -> String {
    format!("{} by {}", user.0, user.by())
}

#[session_route(POST, "/items", by = "api", scope = "write")]
async fn add(user: Identity<User>) -> String {
    user.scopes().join(" ")
}

#[session_route(POST, "/both", by = "session | api")]
async fn both(session: Option<Session>, user: Option<Identity<User>>) -> String {
    match (session, user) {
        (Some(session), None) => format!("session of {}", session.subject()),
        (None, Some(user)) => format!("token of {}", user.0),
        _ => "neither or both".to_owned(),
    }
}

#[session_route(GET, "/turned", by = "api | session")]
async fn turned(session: Option<Session>, user: Option<Identity<User>>) -> String {
    format!("{} {}", session.is_some(), user.is_some())
}

#[session_route(GET, "/keyed", by = "api | keyed")]
async fn keyed(user: Option<Identity<User>>, other: Option<Identity<Other>>) -> String {
    format!("{} {}", user.is_some(), other.is_some())
}

#[public_route(GET, "/front", reason = "test", optional_session, by = "api")]
async fn front(user: Option<Identity<User>>) -> String {
    user.map_or("nobody".to_owned(), |user| user.0.clone())
}

#[public_route(GET, "/open", reason = "test")]
async fn open() -> &'static str {
    "open"
}

fn routes() -> Router {
    Router::new()
        .mount(items)
        .mount(add)
        .mount(both)
        .mount(turned)
        .mount(keyed)
        .mount(front)
        .mount(open)
}

fn builder() -> SessionAuthLayerBuilder {
    SessionAuthLayer::builder(Keys::random().unwrap())
        .authenticator("api", Tokens::default())
        .authenticator("keyed", Keyed)
}

async fn served(
    builder: SessionAuthLayerBuilder,
    routes: Router,
) -> (SessionAuthLayer, SocketAddr) {
    let auth = builder.build().unwrap();
    let app = protect(&auth, routes).unwrap();
    let address = serve(app).await;
    (auth, address)
}

async fn with_token(address: SocketAddr, method: &str, path: &str, token: &str) -> Answer {
    let header = format!("Authorization: Bearer {token}\r\n");
    request(address, method, path, &header).await
}

fn told(answer: &Answer) -> String {
    let reason = answer.body.split_once(r#""reason":""#);
    let reason = reason.map_or("", |(_, rest)| rest.trim_end_matches("\"}"));
    let challenge = answer.header("www-authenticate").collect::<Vec<_>>();
    format!("{} {reason} {}", answer.status, challenge.join(", "))
        .trim()
        .to_owned()
}

const INVALID: &str = r#"Bearer error="invalid_token""#;

#[tokio::test]
async fn each_refusal_has_its_answer_and_the_schemes_challenge() {
    let (auth, address) = served(builder(), routes()).await;
    let rows = [
        ("good", "200".to_owned()),
        ("forged", format!("401 bad_signature {INVALID}")),
        ("odd", format!("401 malformed {INVALID}")),
        ("old", format!("401 expired {INVALID}")),
        ("ended", format!("401 revoked {INVALID}")),
        ("down", "503 store_unavailable".to_owned()),
        ("panic", "503 store_unavailable".to_owned()),
    ];
    for (token, expected) in &rows {
        for token in [(*token).to_owned(), format!("later-{token}")] {
            let answer = with_token(address, "GET", "/items", &token).await;
            assert_eq!(told(&answer), *expected, "{token}");
            if answer.status != 200 {
                assert_eq!(answer.header("cache-control").next(), Some("no-store"));
            } else {
                assert_eq!(answer.body, "ada by api");
            }
            let retry = answer.header("retry-after").next().is_some();
            assert_eq!(retry, answer.status == 503, "{token}");
        }
    }
    assert_eq!(
        told(&request(address, "GET", "/items", "").await),
        "401 missing Bearer"
    );
    let two = "Authorization: Bearer good\r\nAuthorization: Bearer good\r\n";
    let answer = request(address, "GET", "/items", two).await;
    assert_eq!(told(&answer), format!("401 malformed {INVALID}"));
    // A session of ours is none of this route's proofs.
    let answer = request(address, "GET", "/items", &cookie_of(&auth).await).await;
    assert_eq!(told(&answer), "401 missing Bearer");
    let counted = activity(&auth, "GET /items");
    assert_eq!(counted.passed, 2);
    assert_eq!(counted.denied_for(Denial::StoreUnavailable), 4);
    assert_eq!(counted.denied_for(Denial::BadSignature), 2);
}

#[tokio::test]
async fn scopes_hold_for_every_proof() {
    let (_auth, address) = served(builder(), routes()).await;
    for token in ["good-write", "later-good-write"] {
        let answer = with_token(address, "POST", "/items", token).await;
        assert_eq!(answer.shown(), "write", "{token}");
    }
    for token in ["good-read", "good", "later-good-writer"] {
        let answer = with_token(address, "POST", "/items", token).await;
        assert_eq!(told(&answer), "403 scope", "{token}");
    }
}

#[tokio::test]
async fn the_order_of_by_decides_and_the_answer_is_that_of_the_last_one_asked() {
    let (auth, address) = served(builder(), routes()).await;
    let good = cookie_of(&auth).await;
    let bad = "Cookie: __Host-session=garbage\r\n";
    let token = |token: &str| format!("Authorization: Bearer {token}\r\n");
    let rows = [
        (
            "POST",
            "/both",
            format!("{good}{}", token("forged")),
            "session of ada",
        ),
        (
            "POST",
            "/both",
            format!("{bad}{}", token("good")),
            "token of ada",
        ),
        (
            "POST",
            "/both",
            format!("{bad}{}", token("later-good")),
            "token of ada",
        ),
        (
            "POST",
            "/both",
            format!("{good}{}", token("good")),
            "session of ada",
        ),
        (
            "GET",
            "/turned",
            format!("{good}{}", token("good")),
            "false true",
        ),
        (
            "GET",
            "/turned",
            format!("{good}{}", token("forged")),
            "true false",
        ),
        (
            "GET",
            "/turned",
            format!("{good}{}", token("later-forged")),
            "true false",
        ),
        ("GET", "/keyed", token("good"), "true false"),
        (
            "GET",
            "/keyed",
            format!("{}X-Key: good\r\n", token("forged")),
            "false true",
        ),
    ];
    for (method, path, headers, expected) in rows {
        let answer = request(address, method, path, &headers).await;
        assert_eq!(answer.shown(), expected, "{method} {path} {headers}");
    }
    let invalid = |reason: &str| format!("401 {reason} {INVALID}");
    let rows = [
        (
            "POST",
            "/both",
            bad.to_owned(),
            "401 missing Bearer".to_owned(),
        ),
        (
            "POST",
            "/both",
            format!("{bad}{}", token("old")),
            invalid("expired"),
        ),
        (
            "GET",
            "/turned",
            format!("{bad}{}", token("old")),
            "401 malformed Cookie".to_owned(),
        ),
        (
            "GET",
            "/turned",
            token("old"),
            "401 missing Cookie".to_owned(),
        ),
        ("GET", "/keyed", token("old"), "401 missing Key".to_owned()),
        (
            "GET",
            "/keyed",
            "X-Key: bad\r\n".to_owned(),
            "401 bad_signature Key".to_owned(),
        ),
        // An outage is not answered by a login, whatever else could be tried.
        (
            "GET",
            "/turned",
            format!("{good}{}", token("down")),
            "503 store_unavailable".to_owned(),
        ),
    ];
    for (method, path, headers, expected) in rows {
        let answer = request(address, method, path, &headers).await;
        assert_eq!(told(&answer), expected, "{method} {path} {headers}");
    }
}

#[tokio::test]
async fn a_page_of_another_origin_uses_what_a_browser_sends_by_itself_and_nothing_else_is_held_back()
 {
    let (auth, address) = served(builder(), routes()).await;
    let cross = "Sec-Fetch-Site: cross-site\r\nOrigin: https://evil.example\r\n";
    let good = cookie_of(&auth).await;
    let answer = request(address, "POST", "/both", &format!("{cross}{good}")).await;
    assert_eq!(told(&answer), "403 cross_origin");
    let token = format!("{cross}Authorization: Bearer good\r\n");
    let answer = request(address, "POST", "/both", &token).await;
    assert_eq!(answer.shown(), "token of ada");

    let ambient = Tokens {
        ambient: true,
        ..Tokens::default()
    };
    let builder = SessionAuthLayer::builder_without_sessions().authenticator("api", ambient);
    let (_auth, address) = served(builder, Router::new().mount(items).mount(add)).await;
    for token in ["good-write", "later-good-write"] {
        let headers = format!("{cross}Authorization: Bearer {token}\r\n");
        let answer = request(address, "POST", "/items", &headers).await;
        assert_eq!(told(&answer), "403 cross_origin", "{token}");
        let answer = with_token(address, "POST", "/items", token).await;
        assert_eq!(answer.shown(), "write");
        // It changes nothing.
        let answer = request(address, "GET", "/items", &headers).await;
        assert_eq!(answer.status, 200);
    }
}

#[tokio::test]
async fn nothing_of_an_authenticator_can_break_a_public_route() {
    let tokens = Tokens::default();
    let asked = Arc::clone(&tokens.asked);
    let builder = SessionAuthLayer::builder(Keys::random().unwrap())
        .authenticator("api", tokens)
        .authenticator("keyed", Keyed)
        .authenticator_timeout(Duration::from_millis(100));
    let (_auth, address) = served(builder, routes()).await;
    for token in ["good", "later-good"] {
        let answer = with_token(address, "GET", "/front", token).await;
        assert_eq!(answer.shown(), "ada", "{token}");
    }
    for token in [
        "forged",
        "down",
        "panic",
        "later-panic",
        "later-down",
        "later-never",
    ] {
        let answer = with_token(address, "GET", "/front", token).await;
        assert_eq!(answer.shown(), "nobody", "{token}");
    }
    assert_eq!(
        request(address, "GET", "/front", "").await.shown(),
        "nobody"
    );
    let before = asked.load(Ordering::SeqCst);
    let answer = with_token(address, "GET", "/open", "panic").await;
    assert_eq!(answer.shown(), "open");
    assert_eq!(
        asked.load(Ordering::SeqCst),
        before,
        "a public route asks nobody"
    );
}

#[tokio::test]
async fn one_that_never_answers_is_given_up_counted_and_logged() {
    let log = log();
    let builder = builder().authenticator_timeout(Duration::from_millis(200));
    let (auth, address) = served(builder, routes()).await;
    let start = Instant::now();
    let answer = with_token(address, "GET", "/items", "later-never").await;
    assert_eq!(told(&answer), "503 store_unavailable");
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(
        activity(&auth, "GET /items").denied_for(Denial::StoreUnavailable),
        1
    );
    let lines = log.lines("ERROR", "it did not answer in time");
    assert_eq!(lines.len(), 1, "{}", log.text());
    assert!(lines[0].contains(r#"authenticator="api""#), "{}", lines[0]);
}

#[tokio::test]
async fn a_proof_is_good_until_it_says() {
    let clock = FakeClock::new();
    let (_auth, address) = served(builder().clock(clock.clock()), routes()).await;
    assert_eq!(
        with_token(address, "GET", "/items", "timed").await.status,
        200
    );
    clock.advance(Duration::from_secs(99));
    assert_eq!(
        with_token(address, "GET", "/items", "timed").await.status,
        200
    );
    clock.advance(Duration::from_secs(1));
    let answer = with_token(address, "GET", "/items", "timed").await;
    assert_eq!(told(&answer), format!("401 expired {INVALID}"));
}

#[tokio::test]
async fn observing_lets_everybody_through_and_counts() {
    let (auth, address) = served(builder().mode(Mode::Observe), routes()).await;
    for token in ["forged", "down", "panic", "later-forged"] {
        let answer = with_token(address, "GET", "/turned", token).await;
        assert_eq!(answer.shown(), "false false", "{token}");
        // The handler cannot run without: the answer is the one of enforcing.
        let answer = with_token(address, "GET", "/items", token).await;
        assert!([401, 503].contains(&answer.status), "{token}");
    }
    let counted = activity(&auth, "GET /items");
    assert_eq!(counted.passed, 4);
    assert_eq!(
        counted.observed,
        [(Denial::BadSignature, 2), (Denial::StoreUnavailable, 2)]
    );
    // Who is known is let in as who they are.
    for token in ["good-read", "later-good-read"] {
        let answer = with_token(address, "POST", "/items", token).await;
        assert_eq!(answer.shown(), "read", "{token}");
    }
    assert_eq!(
        activity(&auth, "POST /items").observed,
        [(Denial::Scope, 2)]
    );
}

#[tokio::test]
async fn a_store_that_is_down_is_no_reason_to_log_in_again() {
    let store = Arc::new(Watched::default());
    let builder = builder().store(Arc::clone(&store));
    let (auth, address) = served(builder, routes()).await;
    let issued = auth.sessions().issue("ada").await.unwrap();
    let value = issued.set_cookie().to_str().unwrap().to_owned();
    let good = format!("Cookie: {}\r\n", value.split(';').next().unwrap());
    assert_eq!(
        request(address, "POST", "/both", &good).await.shown(),
        "session of ada"
    );
    store.lost.store(true, Ordering::SeqCst);
    let answer = request(address, "POST", "/both", &good).await;
    assert_eq!(told(&answer), "503 store_unavailable");
    assert_eq!(
        answer.header("set-cookie").next(),
        None,
        "the cookie is kept"
    );
    store.lost.store(false, Ordering::SeqCst);
    store.store.revoke("ada", issued.id()).await.unwrap();
    let answer = request(address, "POST", "/both", &good).await;
    assert_eq!(told(&answer), "401 missing Bearer");
    let both = format!("{good}Authorization: Bearer good\r\n");
    let answer = request(address, "POST", "/both", &both).await;
    assert_eq!(answer.shown(), "token of ada");
}

#[tokio::test]
async fn a_browser_is_sent_to_the_login_page_where_that_may_help() {
    let (_auth, address) = served(builder().login_path("/login"), routes()).await;
    let browser = "Accept: text/html\r\nSec-Fetch-Mode: navigate\r\n";
    assert_eq!(
        request(address, "GET", "/turned", browser).await.status,
        303
    );
    assert_eq!(request(address, "GET", "/items", browser).await.status, 401);
}

#[tokio::test]
async fn a_handler_that_takes_what_its_route_does_not_have_is_a_500_that_says_where() {
    let log = log();
    let wrong = session(GET, "/wrong")
        .by("api")
        .to(|_: Identity<Other>| async {});
    let maybe = session(GET, "/maybe")
        .by("api")
        .to(|_: Option<Identity<Other>>| async {});
    let ours = session(GET, "/ours")
        .by("session | api")
        .to(|_: Session| async {});
    let never = session(GET, "/never")
        .by("api")
        .to(|_: Option<Session>| async {});
    let plain = session(GET, "/plain").to(|_: Identity<User>| async {});
    let open = public(GET, "/nobody", "test").to(|_: Identity<User>| async {});
    let routes = Router::new()
        .mount(wrong)
        .mount(maybe)
        .mount(ours)
        .mount(never)
        .mount(plain)
        .mount(open);
    let (auth, address) = served(builder(), routes).await;
    let cookie = cookie_of(&auth).await;
    let rows = [
        (
            "/wrong",
            "the authenticator \"api\" identifies its callers as `authenticate::User`",
        ),
        (
            "/maybe",
            "the authenticator \"api\" identifies its callers as `authenticate::User`",
        ),
        (
            "/ours",
            "the caller was proved by \"api\": take `Option<Session>`",
        ),
        (
            "/never",
            "no session of this library can open the route: add `session` to its `by`",
        ),
        (
            "/plain",
            "the caller was proved by a session: take `Session`",
        ),
        ("/nobody", "a guard around its router"),
    ];
    for (path, says) in rows {
        let headers = match path {
            "/plain" => cookie.clone(),
            _ => "Authorization: Bearer good\r\n".to_owned(),
        };
        let answer = request(address, "GET", path, &headers).await;
        assert_eq!(answer.status, 500, "{path}");
        let lines = log.lines("ERROR", &format!("GET {path:?}"));
        assert_eq!(lines.len(), 1, "{path}: {}", log.text());
        assert!(lines[0].contains(says), "{path}: {}", lines[0]);
    }
}

#[test]
fn a_name_that_the_layer_does_not_have_stops_the_start_with_the_nearest() {
    let refused = |builder: SessionAuthLayerBuilder, by: &'static str| {
        let routes = Router::new().mount(session(GET, "/x").by(by).to(|| async {}));
        let refused = protect(&builder.build().unwrap(), routes).err();
        refused.map(|error| error.to_string()).unwrap_or_default()
    };
    let without = SessionAuthLayer::builder_without_sessions;
    assert_eq!(refused(builder(), "api | session"), "");
    assert_eq!(refused(without().authenticator("api", Keyed), "api"), "");

    let said = refused(builder(), "session | apl");
    assert!(said.contains("tests/authenticate.rs:"), "{said}");
    assert!(
        said.ends_with(
            "GET /x names \"apl\" in `by`, which the layer does not have; did you mean \"api\"?"
        ),
        "{said}"
    );
    let said = refused(builder(), "github");
    let (has, add) = (
        "(it has session, api, keyed)",
        "add `.authenticator(\"github\", ..)`",
    );
    assert!(said.contains(has) && said.contains(add), "{said}");
    let said = refused(without().authenticator("api", Keyed), "session");
    assert!(
        said.contains("build it with keys, by `SessionAuthLayer::builder(keys)`"),
        "{said}"
    );
    for odd in ["", "api|keyed", "api | api", "api & keyed", "Api"] {
        let said = refused(builder(), odd);
        assert!(
            said.contains(&format!("`by` is {odd:?}")),
            "{odd:?}: {said}"
        );
    }
    let idle = public(GET, "/x", "test").by("api").to(|| async {});
    let said = protect(&auth(), Router::new().mount(idle))
        .unwrap_err()
        .to_string();
    assert!(
        said.contains("`by` is of no use without `optional_session`"),
        "{said}"
    );
}

#[test]
fn a_builder_tells_what_is_wrong_with_its_authenticators() {
    struct Empty;
    impl Authenticate for Empty {
        type Identity = ();
        fn authenticate(&self, _: &RequestParts<'_>) -> Verdict<()> {
            Refusal::Missing.into()
        }
        fn check(&self) -> Result<(), ConfigError> {
            Err(ConfigError::new("it has no key: give it one"))
        }
    }
    let error = builder()
        .authenticator("api", Keyed)
        .authenticator("session", Keyed)
        .authenticator("Two words", Keyed)
        .authenticator("empty", Empty)
        .authenticator_timeout(Duration::ZERO)
        .build()
        .unwrap_err()
        .to_string();
    for part in [
        "two authenticators are named \"api\": give one of them another name",
        "the authenticator \"session\" cannot be used: the name stands for sessions",
        "the authenticator \"Two words\" cannot be used: its name is no name of `a`-`z`",
        "the authenticator \"empty\" cannot be used: it has no key: give it one",
        "the authenticator_timeout is zero",
    ] {
        assert!(error.contains(part), "{part:?} in {error}");
    }
}

#[tokio::test]
async fn a_layer_without_sessions_issues_none_and_takes_none() {
    let without = || SessionAuthLayer::builder_without_sessions().authenticator("api", Keyed);
    let auth = without().build().unwrap();
    let error = auth.sessions().issue("ada").await.unwrap_err();
    assert!(
        error.to_string().contains("built without sessions"),
        "{error}"
    );
    let login = public(POST, "/login", "test")
        .issues_session()
        .to(|_: Sessions| async {});
    let error = protect(&auth, Router::new().mount(login))
        .unwrap_err()
        .to_string();
    assert!(error.contains("POST /login issues sessions"), "{error}");
    let error = without()
        .bearer_tokens(true)
        .build()
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("bearer_tokens: the layer was built without sessions"),
        "{error}"
    );
    let store = session_auth::store::MemoryStore::new();
    let error = without().store(store).build().unwrap_err().to_string();
    assert!(
        error.starts_with("store: the layer was built without sessions"),
        "{error}"
    );
}

#[test]
fn a_declaration_says_by_what() {
    declare_route!(session_route(GET, "/declared", by = "api | session"));
    let all = session_auth::declarations();
    let declared = all
        .iter()
        .find(|one| one.target().to_string() == "GET /declared");
    assert_eq!(declared.unwrap().by(), Some("api | session"));
    let of = |name: &str| {
        let found = all.iter().find(|one| one.handler().ends_with(name));
        found.unwrap().by()
    };
    assert_eq!(of("::front"), Some("api"));
    assert_eq!(of("::open"), None);
    let access = all
        .iter()
        .find(|one| one.handler().ends_with("::add"))
        .unwrap()
        .access();
    assert_eq!(access.to_string(), r#"session with scope "write" by "api""#);
}
