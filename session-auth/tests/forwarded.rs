//! Callers whom a proxy in front has authenticated: its header is its own, and nobody else's.

#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use std::net::SocketAddr;
use std::time::SystemTime;

use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, HeaderName, Request};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::{Answer, ask, protect, request, serve};
use session_auth::authenticate::{Authenticate as _, ForwardedIdentity, RequestParts};
use session_auth::methods::{GET, POST};
use session_auth::webhook::IpAllowlist;
use session_auth::{
    Identity, Mode, Protected, Router, SessionAuthLayer, SessionAuthLayerBuilder, public, session,
    webhook,
};
use test_servers::Nginx;
use tokio::net::TcpListener;

const USER: HeaderName = HeaderName::from_static("x-forwarded-user");
const GROUPS: HeaderName = HeaderName::from_static("x-forwarded-groups");
const MAIL: HeaderName = HeaderName::from_static("x-forwarded-email");
/// What clients may not say of themselves.
const ALL: &str =
    "X-Forwarded-User: ada\r\nX-Forwarded-Groups: staff\r\nX-Forwarded-Email: a@b\r\n";

fn app(builder: SessionAuthLayerBuilder, proxy: ForwardedIdentity<String>) -> Protected {
    let proxy = proxy.scopes_from(GROUPS).reserve(MAIL);
    let auth = builder.authenticator("proxy", proxy).build().unwrap();
    let me = || async |user: Identity<String>| user.to_string();
    let seen = async |headers: HeaderMap| {
        let all = [USER, GROUPS, MAIL];
        let there = all.iter().filter(|name| headers.contains_key(*name));
        format!("saw {}", there.count())
    };
    let routes = Router::new()
        .mount(session(GET, "/me").by("proxy").to(me()))
        .mount(session(POST, "/me").by("proxy").to(me()))
        .mount(session(GET, "/staff").by("proxy").scope("staff").to(me()))
        .mount(public(GET, "/open", "test").to(seen))
        .mount(
            public(GET, "/greet", "test")
                .optional_session()
                .by("proxy")
                .to(async |user: Option<Identity<String>>| {
                    user.map_or("stranger".to_owned(), |user| user.to_string())
                }),
        );
    protect(&auth, routes).unwrap()
}

/// Tests come from this address.
async fn behind(proxy: &str) -> SocketAddr {
    let proxy = ForwardedIdentity::new(USER, [proxy]).unwrap();
    serve(app(SessionAuthLayer::builder_without_sessions(), proxy)).await
}

/// With nginx as the proxy, by what its own manual has for this: `auth_basic`, and `proxy_set_header` with
/// `$remote_user`.
#[tokio::test]
async fn security_a_real_proxy_names_the_caller_and_nobody_else_can() {
    let service = behind(Nginx::SENDS_FROM).await;
    let users = [("ada", "a-good-password"), ("grace", "another")];
    let Some(nginx) = Nginx::authenticating(service, USER.as_str(), &users) else {
        return;
    };
    let login = |user: &str, password: &str| {
        let both = STANDARD.encode(format!("{user}:{password}"));
        format!("Authorization: Basic {both}\r\n")
    };
    let ada = login("ada", "a-good-password");
    let own = [
        "",
        "X-Forwarded-User: root\r\n",
        "x-forwarded-user: root\r\n",
        "X-FORWARDED-USER: root\r\nx-Forwarded-user: grace\r\n",
        "X_Forwarded_User: root\r\n",
    ];
    for own in own {
        let by = async |who: &str| get(nginx.address(), "/me", &format!("{who}{own}")).await;
        assert_eq!(by(&ada).await, "200 ada", "{own}");
        assert_eq!(by(&login("grace", "another")).await, "200 grace", "{own}");
        for stranger in [
            String::new(),
            login("ada", "another"),
            login("root", ""),
            "Authorization: Bearer ada\r\n".to_owned(),
        ] {
            let answer = request(nginx.address(), "GET", "/me", &format!("{stranger}{own}")).await;
            assert_eq!(answer.status, 401, "{stranger}{own}");
            // By nginx itself: they did not get as far as the service.
            assert!(answer.body.contains("nginx"), "{answer:?}");
        }
        // Whoever reaches the service's own port.
        for who in ["", &ada] {
            let headers = format!("{who}{own}");
            assert_eq!(
                get(service, "/me", &headers).await,
                "401 missing",
                "{headers}"
            );
            assert_eq!(
                get(service, "/open", &headers).await,
                "200 saw 0",
                "{headers}"
            );
        }
    }
    assert_eq!(get(nginx.address(), "/open", &ada).await, "200 saw 1");
    // A browser has logged in to nginx, and a page elsewhere posts a form.
    let cross = format!("{ada}Origin: https://elsewhere.example\r\n");
    let answer = request(nginx.address(), "POST", "/me", &cross).await;
    assert_eq!(told(&answer), "403 cross_origin");
    let own = format!("{ada}Origin: http://localhost\r\n");
    let answer = request(nginx.address(), "POST", "/me", &own).await;
    assert_eq!(told(&answer), "200 ada");
}

fn told(answer: &Answer) -> String {
    let reason = answer.body.split_once(r#""reason":""#);
    let reason = reason.map_or(&*answer.body, |(_, rest)| rest.trim_end_matches("\"}"));
    format!("{} {reason}", answer.status)
}

async fn get(service: SocketAddr, path: &str, headers: &str) -> String {
    told(&request(service, "GET", path, headers).await)
}

#[tokio::test]
async fn security_a_trusted_proxy_names_the_caller() {
    let service = behind("127.0.0.0/8").await;
    assert_eq!(
        get(service, "/me", "X-Forwarded-User: ada\r\n").await,
        "200 ada"
    );
    assert_eq!(
        get(service, "/me", "x-FORWARDED-user:  ada \r\n").await,
        "200 ada"
    );
    assert_eq!(get(service, "/me", "").await, "401 missing");
    let nobody = request(service, "GET", "/me", "").await;
    assert_eq!(nobody.header("www-authenticate").next(), Some("Cookie"));
    for odd in ["", "  ", "ad\u{e9}", &"a".repeat(1_025)] {
        let header = format!("X-Forwarded-User: {odd}\r\n");
        assert_eq!(
            get(service, "/me", &header).await,
            "401 malformed",
            "{odd:?}"
        );
    }
    // The client's own, which the proxy did not take off.
    let twice = "X-Forwarded-User: grace\r\nx-forwarded-USER: ada\r\n";
    assert_eq!(get(service, "/me", twice).await, "401 malformed");

    let with = |groups: &str| format!("X-Forwarded-User: ada\r\n{groups}");
    for (groups, expected) in [
        ("", "403 scope"),
        ("X-Forwarded-Groups: staff\r\n", "200 ada"),
        ("X-Forwarded-Groups: dev , staff,\r\n", "200 ada"),
        ("X-Forwarded-Groups: staffs\r\n", "403 scope"),
        (
            "X-Forwarded-Groups: dev\r\nX-Forwarded-Groups: staff\r\n",
            "401 malformed",
        ),
    ] {
        assert_eq!(
            get(service, "/staff", &with(groups)).await,
            expected,
            "{groups:?}"
        );
    }
    assert_eq!(get(service, "/open", ALL).await, "200 saw 3");
    // The proxy knows the caller by a cookie, say.
    let cross = format!("{ALL}Origin: https://elsewhere.example\r\n");
    let answer = request(service, "POST", "/me", &cross).await;
    assert_eq!(told(&answer), "403 cross_origin");
}

/// A cache in front keeps the page of each apart, by what proves them to the proxy or to the service.
#[tokio::test]
async fn security_a_page_that_greets_says_what_it_depends_on() {
    let service = behind("127.0.0.1").await;
    for (headers, who) in [("", "stranger"), ("X-Forwarded-User: ada\r\n", "ada")] {
        let answer = request(service, "GET", "/greet", headers).await;
        assert_eq!(answer.shown(), who);
        let vary: Vec<_> = answer.header("vary").map(str::to_ascii_lowercase).collect();
        assert_eq!(vary, ["cookie", "authorization"]);
    }
}

#[tokio::test]
async fn security_the_header_of_anybody_else_is_removed() {
    let service = behind("192.0.2.1").await;
    let via = "X-Forwarded-For: 192.0.2.1\r\nForwarded: for=192.0.2.1\r\nX-Real-Ip: 192.0.2.1\r\n";
    for headers in [
        ALL.to_owned(),
        ALL.to_uppercase(),
        ALL.to_lowercase(),
        ALL.repeat(2),
        format!("{via}{ALL}"),
    ] {
        assert_eq!(
            get(service, "/me", &headers).await,
            "401 missing",
            "{headers}"
        );
        assert_eq!(
            get(service, "/staff", &headers).await,
            "401 missing",
            "{headers}"
        );
        // Also where nobody asks who calls.
        assert_eq!(
            get(service, "/open", &headers).await,
            "200 saw 0",
            "{headers}"
        );
    }
}

/// By itself, too: not because the layer has removed the header.
#[test]
fn security_the_authenticator_asks_who_sends() {
    let proxy = ForwardedIdentity::new(USER, ["192.0.2.1"]).unwrap();
    let says = |peer: &str| {
        let mut request = Request::new(());
        request.headers_mut().insert(USER, "ada".parse().unwrap());
        let peer: SocketAddr = format!("{peer}:1").parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(peer));
        let parts = RequestParts::new(&request, SystemTime::UNIX_EPOCH);
        format!("{:?}", proxy.authenticate(&parts))
    };
    assert_eq!(says("192.0.2.1"), "Verdict(proved)");
    assert_eq!(says("192.0.2.2"), "Verdict(refused)");
}

#[tokio::test]
async fn security_the_header_is_removed_where_the_layer_only_observes() {
    let proxy = ForwardedIdentity::new(USER, ["192.0.2.1"]).unwrap();
    let builder = SessionAuthLayer::builder_without_sessions().mode(Mode::Observe);
    let service = serve(app(builder, proxy)).await;
    assert_eq!(get(service, "/open", ALL).await, "200 saw 0");
    assert_ne!(get(service, "/me", ALL).await, "200 ada");
}

#[tokio::test]
async fn without_a_known_peer_nobody_can_say() {
    let log = common::log();
    let proxy = ForwardedIdentity::new(USER, ["127.0.0.1"]).unwrap();
    let app = app(SessionAuthLayer::builder_without_sessions(), proxy);
    let answer = ask(&app, "GET", "/me", "x-forwarded-user: ada").await;
    assert_eq!(told(&answer), "503 store_unavailable");
    let lines = log.lines("ERROR", "the address of the peer is not known");
    assert_eq!(lines.len(), 1, "{}", log.text());
    let answer = ask(&app, "GET", "/open", "x-forwarded-user: ada").await;
    assert_eq!(answer.shown(), "saw 0");
}

/// `Protected::serve` knows no peer. A delivery is put off by that, and the log says why: none is lost, as with a 401.
#[tokio::test]
async fn without_a_known_peer_no_sender_is_refused_for_good() {
    let log = common::log();
    let auth = SessionAuthLayer::builder_without_sessions()
        .verifier("loopback", IpAllowlist::new(["127.0.0.1"]).unwrap())
        .build()
        .unwrap();
    let routes = || Router::new().mount(webhook(POST, "/hook", "loopback").to(async || "in"));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = protect(&auth, routes()).unwrap().serve(listener);
    tokio::spawn(async move { served.await });
    let answer = request(address, "POST", "/hook", "").await;
    assert_eq!(told(&answer), "503 verifier_unavailable");
    let lines = log.lines("ERROR", "into_make_service_with_connect_info");
    assert_eq!(lines.len(), 1, "{}", log.text());
    let address = serve(protect(&auth, routes()).unwrap()).await;
    let answer = request(address, "POST", "/hook", "").await;
    assert_eq!(told(&answer), "200 in");
}

#[tokio::test]
async fn a_service_has_its_own_type_for_callers() {
    let read = |name: &str| name.parse::<u64>().ok();
    let proxy = ForwardedIdentity::by(USER, ["127.0.0.1"], read).unwrap();
    let auth = SessionAuthLayer::builder_without_sessions()
        .authenticator("proxy", proxy.not_ambient())
        .build()
        .unwrap();
    let me = async |user: Identity<u64>| format!("number {}", *user);
    let routes = Router::new().mount(session(POST, "/me").by("proxy").to(me));
    let service = serve(protect(&auth, routes).unwrap()).await;
    let post = async |headers: &str| told(&request(service, "POST", "/me", headers).await);
    let cross = "X-Forwarded-User: 7\r\nOrigin: https://elsewhere.example\r\n";
    assert_eq!(post(cross).await, "200 number 7");
    assert_eq!(post("X-Forwarded-User: ada\r\n").await, "401 malformed");
}

#[test]
fn what_trusts_nobody_or_too_much_stops_the_start() {
    for bad in ["", "localhost", "10.0.0.0/0", "::/0", "10.0.0.0/33"] {
        let error = ForwardedIdentity::new(USER, [bad]).unwrap_err().to_string();
        assert!(error.contains("no address and no network"), "{error}");
    }
    let says = |proxy: ForwardedIdentity<String>, what: &str| {
        let builder = SessionAuthLayer::builder_without_sessions();
        let error = builder
            .authenticator("proxy", proxy)
            .build()
            .unwrap_err()
            .to_string();
        assert!(error.contains(what), "{error}");
    };
    let nobody: [&str; 0] = [];
    says(
        ForwardedIdentity::new(USER, nobody).unwrap(),
        "no proxy is trusted",
    );
    let proxy = || ForwardedIdentity::new(USER, ["10.0.0.1"]).unwrap();
    let everybodys = "is everybody's";
    says(proxy().reserve("cookie".parse().unwrap()), everybodys);
    says(
        proxy().scopes_from("authorization".parse().unwrap()),
        everybodys,
    );
}

#[cfg(feature = "webhook-asymmetric")]
#[tokio::test]
async fn security_a_proxys_token_is_its_issuers() {
    use std::time::{Duration, UNIX_EPOCH};

    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use ring::rand::SystemRandom;
    use ring::signature::{Ed25519KeyPair, KeyPair as _};
    use session_auth::webhook::{Jwks, JwtIssuer};

    #[derive(serde::Deserialize)]
    struct Claims {
        email: String,
    }

    let pair = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    let pair = Ed25519KeyPair::from_pkcs8(pair.as_ref()).unwrap();
    let x = URL_SAFE_NO_PAD.encode(pair.public_key());
    let jwks = format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","kid":"1","x":"{x}"}}]}}"#);
    let claims = r#"{"iss":"https://team.cloudflareaccess.com","aud":"app","exp":1700000060,"email":"a@b","scope":"staff"}"#;
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let signed = format!("{}.{}", part(r#"{"alg":"EdDSA","kid":"1"}"#), part(claims));
    let token = format!(
        "{signed}.{}",
        URL_SAFE_NO_PAD.encode(pair.sign(signed.as_bytes()))
    );

    let header = || HeaderName::from_static("cf-access-jwt-assertion");
    let unnamed = JwtIssuer::new(" ", "app", Jwks::given(&jwks));
    let refused = ForwardedIdentity::<Claims>::jwt(header(), unnamed, ["127.0.0.1"]).err();
    assert!(
        refused
            .unwrap()
            .to_string()
            .contains("the issuer of the token is empty")
    );
    let start = async |proxy: &str| {
        let header = header();
        let issuer = JwtIssuer::cloudflare_access(
            "https://team.cloudflareaccess.com",
            "app",
            Jwks::given(&jwks),
        );
        let proxy = ForwardedIdentity::<Claims>::jwt(header, issuer, [proxy]).unwrap();
        let auth = SessionAuthLayer::builder_without_sessions()
            .clock(|| UNIX_EPOCH + Duration::from_secs(1_700_000_000))
            .authenticator("access", proxy)
            .build()
            .unwrap();
        let me = async |claims: Identity<Claims>| claims.email.clone();
        let routes = Router::new().mount(session(GET, "/me").by("access").scope("staff").to(me));
        serve(protect(&auth, routes).unwrap()).await
    };
    let header = format!("Cf-Access-Jwt-Assertion: {token}\r\n");
    let trusted = start("127.0.0.1").await;
    assert_eq!(get(trusted, "/me", &header).await, "200 a@b");
    let forged = header.replace(&token[token.len() - 20..], &"A".repeat(20));
    assert_eq!(get(trusted, "/me", &forged).await, "401 bad_signature");
    // Good, and from somebody who may have been given it by the proxy: a service of theirs, say.
    assert_eq!(
        get(start("192.0.2.1").await, "/me", &header).await,
        "401 missing"
    );
}
