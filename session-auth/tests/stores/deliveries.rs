//! Two nodes with one store get one delivery at one instant, over sockets: the handler runs once.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use session_auth::methods::POST;
use session_auth::store::ReplayStore;
use session_auth::webhook::BasicAuth;
use session_auth::{Audited, Keys, Router, SessionAuthLayer, audited_router, webhook};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const EACH: usize = 10;

#[audited_router(at_start)]
fn routes(ran: Arc<AtomicUsize>, fails: Arc<AtomicUsize>) -> Router {
    let handler = move || {
        ran.fetch_add(1, Ordering::SeqCst);
        let failed = fails
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            })
            .is_ok();
        async move {
            // Longer than the others take to come.
            tokio::time::sleep(Duration::from_millis(100)).await;
            match failed {
                true => http::StatusCode::INTERNAL_SERVER_ERROR,
                false => http::StatusCode::OK,
            }
        }
    };
    Router::new().mount(webhook(POST, "/delivery", "postmark").to(handler))
}

async fn deliver(mut stream: TcpStream, id: usize) -> (u16, String) {
    let body = format!(r#"{{"MessageID":"{id}"}}"#);
    let request = format!(
        "POST /delivery HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Basic {}\r\n\
         Content-Length: {}\r\n\r\n{body}",
        STANDARD.encode("u:p"),
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    (status, body.to_owned())
}

/// `EACH` to either node, sent once all are connected.
async fn at_once(nodes: &[SocketAddr; 2], id: usize) -> Vec<(u16, String)> {
    let mut streams = Vec::new();
    for at in 0..2 * EACH {
        streams.push(TcpStream::connect(nodes[at % 2]).await.unwrap());
    }
    let all = streams.into_iter().map(|it| tokio::spawn(deliver(it, id)));
    let all = futures_util::future::join_all(all).await;
    all.into_iter().map(Result::unwrap).collect()
}

pub(crate) async fn are_handled_once<S: ReplayStore>(stores: [S; 2]) {
    let (ran, fails) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut nodes = Vec::new();
    for store in stores {
        let auth = SessionAuthLayer::builder(Keys::random().unwrap())
            .verifier("postmark", BasicAuth::postmark("u", "p"))
            .replay_window(store, Duration::from_secs(3600))
            .build()
            .unwrap();
        let audited: Audited = routes(Arc::clone(&ran), Arc::clone(&fails));
        let app = auth.protect(audited).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        nodes.push(listener.local_addr().unwrap());
        tokio::spawn(async move { app.serve(listener).await });
    }
    let nodes = [nodes[0], nodes[1]];
    for id in 0..5 {
        let answers = at_once(&nodes, id).await;
        assert_eq!(ran.swap(0, Ordering::SeqCst), 1, "{answers:?}");
        let handled = answers.iter().filter(|it| **it == (200, String::new()));
        assert_eq!(handled.count(), 1, "{answers:?}");
        // Those that came meanwhile come again, and are known then.
        for (status, body) in at_once(&nodes, id).await {
            assert_eq!((status, &*body), (200, r#"{"status":"duplicate"}"#));
        }
        assert_eq!(ran.load(Ordering::SeqCst), 0);
    }
    // Where the one that ran failed, one of the next ones runs.
    fails.store(1, Ordering::SeqCst);
    let answers = at_once(&nodes, 5).await;
    assert_eq!(ran.swap(0, Ordering::SeqCst), 1, "{answers:?}");
    assert!(
        answers.iter().all(|(status, _)| *status >= 500),
        "{answers:?}"
    );
    let answers = at_once(&nodes, 5).await;
    assert_eq!(ran.swap(0, Ordering::SeqCst), 1, "{answers:?}");
    assert!(answers.contains(&(200, String::new())), "{answers:?}");
}
