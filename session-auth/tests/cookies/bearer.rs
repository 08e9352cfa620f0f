//! The session in `Authorization: Bearer`, for clients without cookies: off by default, and never
//! together with the cookie.

use std::net::SocketAddr;

use session_auth::methods::{GET, POST};
use session_auth::store::MemoryStore;
use session_auth::{
    EndSession, IssueError, Router, Session, SessionAuthLayer, SessionAuthLayerBuilder, Sessions,
    public, session,
};

use crate::common::{self, Answer};
use crate::{DAY, FakeClock, HOUR, UNUSED, builder};

fn routes() -> Router {
    Router::new()
        .mount(
            public(POST, "/token", "creates the session of an app")
                .issues_session()
                .to(|sessions: Sessions| async move {
                    let session = sessions.issue("ada").scope("read").await?;
                    Ok::<_, IssueError>(session.bearer_token().to_owned())
                }),
        )
        .mount(
            session(GET | POST, "/me")
                .to(|session: Session| async move { session.subject().to_owned() }),
        )
        .mount(session(GET, "/write").scope("write").to(|| async {}))
        .mount(
            session(POST, "/renew").to(|sessions: Sessions, session: Session| async move {
                let session = sessions.renew(&session).await?;
                Ok::<_, IssueError>(session.bearer_token().to_owned())
            }),
        )
        .mount(
            public(POST, "/logout", "ends the session")
                .optional_session()
                .to(|session: EndSession| async move { session.await }),
        )
        .mount(public(GET, "/maybe", "greets").optional_session().to(
            |session: Option<Session>| async move {
                session.map_or("stranger".to_owned(), |it| it.subject().to_owned())
            },
        ))
        .mount(public(GET, "/open", "plain").to(|| async { "open" }))
}

fn layer(
    extend: impl FnOnce(SessionAuthLayerBuilder) -> SessionAuthLayerBuilder,
) -> SessionAuthLayer {
    extend(builder().bearer_tokens(true)).build().unwrap()
}

async fn serve(auth: &SessionAuthLayer) -> SocketAddr {
    common::serve(common::protect(auth, routes()).unwrap()).await
}

async fn token(address: SocketAddr) -> String {
    let answer = common::post(address, "/token", "", "").await;
    assert_eq!(answer.header("set-cookie").count(), 0, "{answer:?}");
    answer.body
}

async fn ask(address: SocketAddr, path: &str, headers: &[&str]) -> Answer {
    let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    common::request(address, "GET", path, &headers).await
}

#[tokio::test]
async fn a_token_is_taken_where_the_layer_says_so_and_nowhere_else() {
    let auth = layer(|layer| layer);
    let address = serve(&auth).await;
    let token = token(address).await;
    for authorization in [
        format!("Authorization: Bearer {token}"),
        format!("authorization: bEARER   {token} "),
    ] {
        let answer = ask(address, "/me", &[&authorization]).await;
        assert_eq!(
            (answer.status, &*answer.body),
            (200, "ada"),
            "{authorization}"
        );
        assert_eq!(ask(address, "/maybe", &[&authorization]).await.body, "ada");
        assert_eq!(ask(address, "/write", &[&authorization]).await.status, 403);
        // By default.
        let plain = serve(&builder().build().unwrap()).await;
        let answer = ask(plain, "/me", &[&authorization]).await;
        assert!(answer.body.contains("\"missing\""), "{answer:?}");
        assert_eq!(
            answer.header("www-authenticate").collect::<Vec<_>>(),
            ["Cookie"]
        );
        assert_eq!(
            ask(plain, "/maybe", &[&authorization]).await.body,
            "stranger"
        );
    }
    let forged = format!("Authorization: Bearer {token}x");
    for (authorization, reason) in [
        ("", "missing"),
        ("Authorization: Basic YTpi", "missing"),
        (&*format!("Authorization: {token}"), "missing"),
        (&*format!("Authorization: Bearer{token}"), "missing"),
        (&*format!("Authorization: Token {token}"), "missing"),
        ("Authorization: Bearer", "malformed"),
        ("Authorization: Bearer x", "malformed"),
        (
            &*format!("Authorization: Bearer {token} {token}"),
            "malformed",
        ),
        (&*forged, "malformed"),
    ] {
        let headers: Vec<_> = Some(authorization)
            .into_iter()
            .filter(|it| !it.is_empty())
            .collect();
        let answer = ask(address, "/me", &headers).await;
        assert_eq!(answer.status, 401, "{authorization}");
        assert!(
            answer.body.contains(&format!("{reason:?}")),
            "{authorization}: {answer:?}"
        );
        let challenges: Vec<_> = answer.header("www-authenticate").collect();
        assert_eq!(challenges, ["Cookie", "Bearer"]);
        assert_eq!(ask(address, "/maybe", &headers).await.body, "stranger");
        assert_eq!(ask(address, "/open", &headers).await.body, "open");
    }
}

/// Else a page of another origin would add a token that is worth nothing, and use the cookie.
#[tokio::test]
async fn a_request_with_both_is_refused_whatever_they_are() {
    let auth = layer(|layer| layer);
    let address = serve(&auth).await;
    let good = format!("Authorization: Bearer {}", token(address).await);
    let cookie = common::cookie_of(&auth).await;
    let cookie = cookie.trim_end();
    let bad = "Authorization: Bearer x";
    for headers in [
        &[&*good, cookie][..],
        &[cookie, bad],
        &[cookie, "Authorization: Bearer"],
        &[&good, "Cookie: a=b; __Host-session=x"],
        &[&good, &good],
        &[&good, "Authorization: Basic YTpi"],
        &["Authorization: Basic YTpi", bad],
    ] {
        let answer = ask(address, "/me", headers).await;
        assert_eq!(answer.status, 401, "{headers:?}: {answer:?}");
        assert!(answer.body.contains("malformed"), "{headers:?}: {answer:?}");
        assert_eq!(
            ask(address, "/maybe", headers).await.body,
            "stranger",
            "{headers:?}"
        );
        let cross = [headers, &["Sec-Fetch-Site: cross-site"]].concat();
        let lines: String = cross.iter().map(|line| format!("{line}\r\n")).collect();
        assert_eq!(common::post(address, "/me", &lines, "").await.status, 401);
        assert_eq!(
            common::post(address, "/logout", &lines, "").await.status,
            403
        );
    }
    // Neither other credentials nor other cookies are in the way.
    assert_eq!(
        ask(address, "/me", &[cookie, "Authorization: Basic YTpi"])
            .await
            .body,
        "ada"
    );
    assert_eq!(
        ask(address, "/me", &[&good, "Cookie: theme=dark"])
            .await
            .body,
        "ada"
    );
}

#[tokio::test]
async fn no_rule_about_origins_is_for_a_token_and_every_one_for_a_cookie() {
    let auth = layer(|layer| layer);
    let address = serve(&auth).await;
    let token = format!("Authorization: Bearer {}\r\n", token(address).await);
    let cookie = common::cookie_of(&auth).await;
    let site = "Sec-Fetch-Site: cross-site\r\nOrigin: https://app.example\r\n";
    let with = async |credentials: &str| {
        common::post(address, "/me", &format!("{site}{credentials}"), "")
            .await
            .status
    };
    assert_eq!(with(&token).await, 200);
    assert_eq!(with(&cookie).await, 403);
}

/// Nothing is written back, so it lasts as long as it says and can be renewed by a call.
#[tokio::test]
async fn it_does_not_slide_and_can_be_renewed() {
    let clock = FakeClock::new();
    let auth = layer(|layer| layer.clock(clock.clock()));
    let address = serve(&auth).await;
    let first = format!("Authorization: Bearer {}\r\n", token(address).await);
    clock.advance(DAY - HOUR);
    let answer = common::request(address, "GET", "/me", &first).await;
    assert_eq!(
        (answer.status, answer.header("set-cookie").count()),
        (200, 0)
    );
    let renewed = common::post(address, "/renew", &first, "").await;
    assert_eq!(renewed.header("set-cookie").count(), 0);
    let second = format!("Authorization: Bearer {}\r\n", renewed.body);
    clock.advance(UNUSED - (DAY - HOUR));
    assert_eq!(
        common::request(address, "GET", "/me", &first).await.status,
        401
    );
    assert_eq!(
        common::request(address, "GET", "/me", &second).await.status,
        200
    );
}

#[tokio::test]
async fn with_a_store_it_can_be_ended_and_a_cache_tells_tokens_apart() {
    let auth = layer(|layer| layer.store(MemoryStore::new()));
    let address = serve(&auth).await;
    let token = format!("Authorization: Bearer {}\r\n", token(address).await);
    let answer = common::request(address, "GET", "/maybe", &token).await;
    let vary: Vec<_> = answer.header("vary").map(str::to_ascii_lowercase).collect();
    assert_eq!(vary, ["cookie", "authorization"]);
    assert_eq!(
        common::post(address, "/logout", &token, "").await.status,
        200
    );
    let answer = common::request(address, "GET", "/me", &token).await;
    assert!(answer.body.contains("revoked"), "{answer:?}");
}

#[tokio::test]
async fn the_audience_holds_for_tokens_too() {
    let customer = layer(|layer| layer.audience("customer"));
    let staff = serve(&layer(|layer| layer.audience("staff"))).await;
    let issued = customer.sessions().issue("7").await.unwrap();
    let token = format!("Authorization: Bearer {}", issued.bearer_token());
    let answer = ask(staff, "/me", &[&token]).await;
    assert!(answer.body.contains("bad_signature"), "{answer:?}");
}

#[test]
fn a_cookie_for_embedded_pages_needs_https() {
    let insecure = builder()
        .same_site(session_auth::SameSite::None)
        .insecure_http(true);
    let error = insecure.build().unwrap_err().to_string();
    assert!(error.contains("has to be `Secure`"), "{error}");
}
