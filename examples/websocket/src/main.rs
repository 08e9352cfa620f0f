//! A WebSocket that ends with the session that opened it. To run it:
//! `SESSION_AUTH_DEV=true cargo run -p websocket`.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::response::IntoResponse;
use session_auth::store::MemoryStore;
use session_auth::{ClearedSession, EndSession, IssueError, IssuedSession, Keys, Router, Session};
use session_auth::{SessionAuthLayer, Sessions, SessionsError};
use session_auth::{audited_router, public_route, session_route};

#[public_route(POST, "/login", reason = "creates the session", issues_session)]
async fn login(sessions: Sessions, password: String) -> Result<IssuedSession, IssueError> {
    // Before the check, so that a revocation in the meantime is not missed.
    let login = sessions.begin("ada").await?;
    assert_eq!(password, "open sesame", "yours: verify the password");
    login.issue().await
}

#[public_route(POST, "/logout", reason = "ends the session", optional_session)]
async fn logout(session: EndSession) -> Result<ClearedSession, SessionsError> {
    session.await
}

#[session_route(GET, "/echo")]
async fn echo(upgrade: WebSocketUpgrade, session: Session) -> impl IntoResponse {
    upgrade.on_upgrade(|socket| serve(socket, session))
}

/// Says everything back, until somebody closes the socket or the session ends.
async fn serve(mut socket: WebSocket, session: Session) {
    let ended = session.ended();
    tokio::pin!(ended);
    loop {
        tokio::select! {
            () = &mut ended => {
                let reason = CloseFrame {
                    code: close_code::POLICY,
                    reason: "the session has ended".into(),
                };
                let _ = socket.send(Message::Close(Some(reason))).await;
                return;
            }
            message = socket.recv() => match message {
                Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => {
                    if socket.send(message).await.is_err() {
                        return;
                    }
                }
                // axum answers pings itself.
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
            }
        }
    }
}

#[audited_router]
fn routes() -> Router {
    Router::new().mount(login).mount(logout).mount(echo)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().init();
    let auth = SessionAuthLayer::builder(Keys::from_env()?) // SESSION_AUTH_KEYS
        .store(MemoryStore::new())
        .build()?;
    let app = auth.protect(routes())?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(app.serve(listener).await?)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    /// A text frame of a client, masked with zeros, and the same of the server (RFC 6455, section 5).
    const SAID: &[u8] = b"\x81\x82\0\0\0\0hi";
    const SAID_BACK: &[u8] = b"\x81\x02hi";

    #[tokio::test]
    async fn the_socket_ends_with_the_session() {
        let auth = SessionAuthLayer::builder(Keys::random().expect("keys"))
            .store(MemoryStore::new())
            .build()
            .expect("a layer");
        let sessions = auth.sessions();
        let issued = sessions.issue("ada").await.expect("a session");
        let cookie = issued
            .set_cookie()
            .to_str()
            .expect("text")
            .split(';')
            .next();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let app = auth.protect(routes()).expect("nothing is wrong with it");
        tokio::spawn(async move { app.serve(listener).await });

        let mut stream = TcpStream::connect(address).await.expect("connect");
        let request = format!(
            "GET /echo HTTP/1.1\r\nHost: {address}\r\nCookie: {}\r\nConnection: upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            cookie.expect("a cookie")
        );
        stream.write_all(request.as_bytes()).await.expect("write");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.expect("an answer"));
        }
        assert!(
            head.starts_with(b"HTTP/1.1 101 "),
            "{}",
            head.escape_ascii()
        );
        stream.write_all(SAID).await.expect("write");
        let mut back = [0; SAID_BACK.len()];
        stream.read_exact(&mut back).await.expect("a frame");
        assert_eq!(back, SAID_BACK);

        sessions.revoke_all("ada").await.expect("revoked");
        let mut rest = Vec::new();
        let end = tokio::time::timeout(Duration::from_secs(5), stream.read_buf(&mut rest));
        end.await.expect("in time").expect("a frame");
        // A close frame with 1008, "policy violation".
        assert_eq!(rest[0], 0x88);
        assert_eq!(rest[2..4], 1008_u16.to_be_bytes());
    }
}
