//! Who may use a session, and who may start one: pages of the service's own origin, of trusted ones,
//! and programs. Forms, scripts and WebSockets of other pages may not, over HTTP/1.1 and HTTP/2.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

mod common;

use std::net::SocketAddr;

use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::http::{Method, Request, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http_body_util::Empty;
use hyper_util::rt::{TokioExecutor, TokioIo};
use session_auth::methods::{GET, POST};
use session_auth::{
    Denial, Keys, Mode, Router, Session, SessionAuthLayer, SessionAuthLayerBuilder, Sessions,
    public, public_route, session, session_route,
};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

#[session_route(ANY, "/socket")]
async fn socket(session: Session, upgrade: WebSocketUpgrade) -> Response {
    echo(session.subject().to_owned(), upgrade)
}

#[session_route(GET, "/partner", cross_origin = "partners embed the ticker")]
async fn partner(session: Session, upgrade: WebSocketUpgrade) -> Response {
    echo(session.subject().to_owned(), upgrade)
}

#[public_route(GET, "/ticker", reason = "prices", optional_session)]
async fn ticker(session: Option<Session>, upgrade: WebSocketUpgrade) -> Response {
    let who = session.map_or("nobody".to_owned(), |it| it.subject().to_owned());
    echo(who, upgrade)
}

/// Says who is there, then what it hears.
fn echo(who: String, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async move |mut socket| {
        let _ = socket.send(Message::text(who)).await;
        while let Some(Ok(message)) = socket.recv().await {
            if socket.send(message).await.is_err() {
                break;
            }
        }
    })
}

#[public_route(POST, "/login", reason = "creates the session", issues_session)]
async fn login(sessions: Sessions) -> session_auth::IssuedSession {
    sessions.issue("ada").await.unwrap()
}

#[public_route(
    POST,
    "/login/apple",
    reason = "creates the session",
    issues_session,
    cross_origin = "Apple posts its form from appleid.apple.com"
)]
async fn apple(sessions: Sessions) -> session_auth::IssuedSession {
    sessions.issue("ada").await.unwrap()
}

fn routes() -> Router {
    Router::new()
        .mount(socket)
        .mount(partner)
        .mount(ticker)
        .mount(login)
        .mount(apple)
        .mount(
            public(
                GET,
                "/callback",
                "an identity provider sends people back here",
            )
            .issues_session()
            .to(async |sessions: Sessions| sessions.issue("ada").await.unwrap()),
        )
        .mount(
            public(POST, "/both", "a form that greets whom it knows")
                .issues_session()
                .optional_session()
                .to(async |session: Option<Session>| session.is_some().to_string()),
        )
        .mount(
            public(POST, "/saml", "the assertion of an identity provider")
                .issues_session()
                .optional_session()
                .cross_origin("the identity provider posts it")
                .to(async |session: Option<Session>| session.is_some().to_string()),
        )
        .mount(
            session(POST, "/embedded")
                .cross_origin("partners embed the form")
                .to(async || "embedded"),
        )
        .mount(session(GET | POST, "/page").to(async || "page"))
}

fn builder() -> SessionAuthLayerBuilder {
    SessionAuthLayer::builder(Keys::random().unwrap())
}

struct Service {
    address: SocketAddr,
    auth: SessionAuthLayer,
    cookie: String,
}

impl Service {
    async fn start(builder: SessionAuthLayerBuilder) -> Self {
        let auth = builder.build().unwrap();
        let address = common::serve(common::protect(&auth, routes()).unwrap()).await;
        let cookie = common::cookie_of(&auth).await;
        Self {
            address,
            auth,
            cookie,
        }
    }

    async fn post(&self, path: &str, headers: &str) -> common::Answer {
        common::post(self.address, path, headers, "").await
    }

    /// Opens a WebSocket by a real client, as `Host: app.example`, and says who it is to the service;
    /// or the status.
    async fn open(&self, path: &str, headers: &[(&'static str, &str)]) -> Result<String, u16> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let mut request = format!("ws://app.example{path}")
            .into_client_request()
            .unwrap();
        let cookie = self.cookie.trim_start_matches("Cookie: ").trim_end();
        let all = [("cookie", cookie)]
            .into_iter()
            .chain(headers.iter().copied());
        for (name, value) in all {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let mut socket = match tokio_tungstenite::client_async(request, stream).await {
            Ok((socket, _)) => socket,
            Err(tungstenite::Error::Http(response)) => return Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        };
        let who = socket.next().await.unwrap().unwrap().into_text().unwrap();
        socket.send("hello".into()).await.unwrap();
        let echo = socket.next().await.unwrap().unwrap();
        assert_eq!(echo.into_text().unwrap(), "hello");
        socket.close(None).await.unwrap();
        Ok(who.to_string())
    }
}

const OF_OTHERS: [&[(&str, &str)]; 8] = [
    // Chromium sends no `Sec-Fetch-Site` with a WebSocket's handshake, Firefox does.
    &[("origin", "https://evil.example")],
    &[("origin", "http://blog.app.example")],
    &[("origin", "http://app.example:8080")],
    &[("origin", "null")],
    &[("origin", "http://app.example.evil.example")],
    &[
        ("origin", "http://app.example"),
        ("sec-fetch-site", "cross-site"),
    ],
    &[
        ("origin", "https://blog.app.example"),
        ("sec-fetch-site", "same-site"),
    ],
    &[("sec-fetch-site", "cross-site")],
];

#[tokio::test]
async fn a_websocket_of_another_origin_does_not_get_the_session() {
    let service = Service::start(builder()).await;
    for headers in OF_OTHERS {
        assert_eq!(
            service.open("/socket", headers).await,
            Err(403),
            "{headers:?}"
        );
        // Nothing of a session can break a public route, and nobody else uses it.
        let nobody = Ok("nobody".to_owned());
        assert_eq!(
            service.open("/ticker", headers).await,
            nobody,
            "{headers:?}"
        );
        // The exemption is the route's own.
        let ada = Ok("ada".to_owned());
        assert_eq!(service.open("/partner", headers).await, ada, "{headers:?}");
    }
    let denied = common::activity(&service.auth, "ANY /socket");
    assert_eq!(
        denied.denied_for(Denial::CrossOrigin),
        OF_OTHERS.len() as u64
    );
    for headers in [
        // A program: a mobile app's library, a command line.
        &[][..],
        &[("origin", "http://app.example")],
        &[("origin", "https://app.example")],
        &[
            ("origin", "http://app.example"),
            ("sec-fetch-site", "same-origin"),
        ],
    ] {
        for path in ["/socket", "/ticker"] {
            let ada = Ok("ada".to_owned());
            assert_eq!(service.open(path, headers).await, ada, "{path} {headers:?}");
        }
    }
}

/// Whatever the protocol that a request asks for, and however it writes that.
#[tokio::test]
async fn a_request_to_change_the_protocol_is_no_reading() {
    let service = Service::start(builder()).await;
    let ask = async |method: &str, headers: &str| {
        let headers = format!("{}{headers}", service.cookie);
        let answer = common::request(service.address, method, "/page", &headers).await;
        answer.status
    };
    let evil = "Origin: https://evil.example\r\n";
    assert_eq!(ask("GET", evil).await, 200, "reading");
    for upgrade in ["websocket", "WebSocket", "foo, websocket", "mqtt", ""] {
        let headers = format!("Connection: Upgrade\r\nUpgrade: {upgrade}\r\n");
        for method in ["GET", "HEAD"] {
            assert_eq!(
                ask(method, &format!("{headers}{evil}")).await,
                403,
                "{upgrade}"
            );
        }
        // Java's client asks for HTTP/2 with every request, and says no origin.
        assert_eq!(ask("GET", &headers).await, 200, "{upgrade}");
    }
    assert_eq!(ask("GET", &format!("Upgrade: h2c\r\n{evil}")).await, 403);
}

/// An extended CONNECT (RFC 8441), as browsers open WebSockets on a connection that they have.
#[tokio::test]
async fn over_http_2_a_websocket_is_held_to_the_same() {
    let service = Service::start(builder()).await;
    let stream = TcpStream::connect(service.address).await.unwrap();
    let (mut client, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
        .handshake::<_, Empty<Bytes>>(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let cookie = service
        .cookie
        .trim_start_matches("Cookie: ")
        .trim_end()
        .to_owned();
    let mut open = async |headers: &[(&str, &str)]| -> StatusCode {
        let mut request = Request::builder()
            .method(Method::CONNECT)
            .uri("http://app.example/socket")
            .header("cookie", &cookie)
            .header("sec-websocket-version", "13")
            .extension(hyper::ext::Protocol::from_static("websocket"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        client.ready().await.unwrap();
        let request = request.body(Empty::new()).unwrap();
        client.send_request(request).await.unwrap().status()
    };
    for headers in OF_OTHERS {
        assert_eq!(open(headers).await, 403, "{headers:?}");
    }
    for headers in [&[][..], &[("origin", "http://app.example")]] {
        assert_eq!(open(headers).await, 200, "{headers:?}");
    }
}

/// A page elsewhere that logs its visitors in to an account of its own reads what they then do there.
#[tokio::test]
async fn a_page_of_another_origin_starts_no_session() {
    let service = Service::start(builder().trusted_origin("capacitor://localhost")).await;
    for headers in [
        "Sec-Fetch-Site: cross-site\r\n",
        "Sec-Fetch-Site: same-site\r\nOrigin: http://blog.localhost\r\n",
        "Origin: https://evil.example\r\n",
        "Origin: null\r\n",
        "Origin: CAPACITOR://localhost\r\n",
    ] {
        for path in ["/login", "/both"] {
            let answer = service.post(path, headers).await;
            assert_eq!(answer.status, 403, "{path} {headers:?}");
            assert_eq!(
                answer.body,
                r#"{"error":"Forbidden","reason":"cross_origin"}"#
            );
            assert_eq!(answer.header("set-cookie").count(), 0);
        }
        let answer = service.post("/login/apple", headers).await;
        assert_eq!(answer.status, 200, "{headers:?}");
        assert_eq!(answer.header("set-cookie").count(), 1);

        let with_cookie = format!("{}{headers}", service.cookie);
        assert_eq!(service.post("/saml", &with_cookie).await.body, "true");
        assert_eq!(
            service.post("/embedded", &with_cookie).await.body,
            "embedded"
        );
        assert_eq!(service.post("/page", &with_cookie).await.status, 403);
    }
    for headers in [
        "",
        "Sec-Fetch-Site: same-origin\r\n",
        "Sec-Fetch-Site: none\r\n",
        "Origin: http://localhost\r\n",
        "Sec-Fetch-Site: cross-site\r\nOrigin: capacitor://localhost\r\n",
    ] {
        let answer = service.post("/login", headers).await;
        assert_eq!(answer.status, 200, "{headers:?}");
        assert_eq!(answer.header("set-cookie").count(), 1);
    }
    // An identity provider's redirect is a GET.
    let answer = common::request(
        service.address,
        "GET",
        "/callback",
        "Sec-Fetch-Site: cross-site\r\n",
    );
    assert_eq!(answer.await.header("set-cookie").count(), 1);
    let activity = common::activity(&service.auth, "POST /login");
    assert_eq!(activity.denied_for(Denial::CrossOrigin), 5);

    let observed = Service::start(builder().mode(Mode::Observe)).await;
    let answer = observed
        .post("/login", "Origin: https://evil.example\r\n")
        .await;
    assert_eq!(answer.header("set-cookie").count(), 1);
    let activity = common::activity(&observed.auth, "POST /login");
    assert_eq!(activity.observed, [(Denial::CrossOrigin, 1)]);
}

/// As browsers write them, however the configuration does.
#[tokio::test]
async fn trusted_origins_match_what_browsers_send() {
    for (configured, sent) in [
        ("https://a.example:443", "https://a.example"),
        ("https://A.Example", "https://a.example"),
        ("HTTPS://a.example", "https://a.example"),
        ("http://a.example:80", "http://a.example"),
        ("https://a.example:8443", "https://a.example:8443"),
        ("capacitor://localhost", "capacitor://localhost"),
        ("ionic://localhost", "ionic://localhost"),
        ("tauri://localhost", "tauri://localhost"),
    ] {
        let service = Service::start(builder().trusted_origin(configured)).await;
        let headers = format!(
            "{}Origin: {sent}\r\nSec-Fetch-Site: cross-site\r\n",
            service.cookie
        );
        assert_eq!(
            service.post("/page", &headers).await.body,
            "page",
            "{configured}"
        );
        assert_eq!(
            service.open("/socket", &[("origin", sent)]).await,
            Ok("ada".to_owned())
        );
        for other in ["https://b.example", "capacitor://other"] {
            let headers = format!("{}Origin: {other}\r\n", service.cookie);
            assert_eq!(
                service.post("/page", &headers).await.status,
                403,
                "{configured}"
            );
        }
    }
    let error = builder()
        .trusted_origin("https://*.example")
        .trusted_origin("https://user@a.example")
        .trusted_origin("wss://a.example")
        .build()
        .unwrap_err()
        .to_string();
    for part in [
        r#"invalid origin "https://*.example": it has a wildcard"#,
        r#"invalid origin "https://user@a.example": it has a user"#,
        r#"invalid origin "wss://a.example": it is no origin of a page"#,
    ] {
        assert!(error.contains(part), "{part:?} is not in {error}");
    }
}

/// Some proxies name the port of the scheme in `Host`, and no browser does in `Origin`.
#[tokio::test]
async fn a_default_port_in_host_is_none() {
    let service = Service::start(builder()).await;
    for (host, origin, status) in [
        ("app.example:443", "https://app.example", 200),
        ("app.example:80", "http://app.example", 200),
        ("[::1]:443", "https://[::1]", 200),
        ("app.example:443", "https://app.example:443", 200),
        ("app.example", "https://app.example", 200),
        ("app.example:8443", "https://app.example:8443", 200),
        ("app.example:443", "http://app.example", 403),
        ("app.example:80", "https://app.example", 403),
        ("app.example:8443", "https://app.example", 403),
        ("app.example:443", "https://evil.example", 403),
        ("app.example443", "https://app.example", 403),
    ] {
        let request = format!(
            "POST /page HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{}Origin: {origin}\r\n\
             Content-Length: 0\r\n\r\n",
            service.cookie
        );
        let answer = common::send(service.address, request.as_bytes()).await;
        assert_eq!(answer.status, status, "{host} {origin}");
    }
}

/// What an attribute refuses, `protect` does.
#[test]
fn an_exemption_has_a_reason_and_something_to_exempt() {
    for (route, part) in [
        (
            public(POST, "/a", "why").issues_session().cross_origin(" "),
            "is blank",
        ),
        (
            public(POST, "/a", "why").cross_origin("why"),
            "is of no use without `issues_session`",
        ),
    ] {
        let routes = Router::new().mount(route.to(async || {}));
        let error = common::protect(&common::auth(), routes).unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    }
}

/// No browser adds a token by itself, so that no page is behind a request that has one.
#[tokio::test]
async fn a_program_with_a_token_of_its_own_starts_a_session_from_anywhere() {
    let service = Service::start(builder().bearer_tokens(true)).await;
    let issued = service.auth.sessions().issue("ada").await.unwrap();
    let token = issued.bearer_token();
    let origin = "Origin: https://elsewhere.example\r\n";
    let with = |token: &str| format!("{origin}Authorization: Bearer {token}\r\n");
    assert_eq!(service.post("/login", &with(token)).await.status, 200);
    assert_eq!(service.post("/page", &with(token)).await.status, 200);
    assert_eq!(service.post("/login", origin).await.status, 403);
    let cookie = format!("{origin}{}", service.cookie);
    assert_eq!(service.post("/login", &cookie).await.status, 403);
}
