//! https, with a certificate that nobody signed.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::server::TlsStream;

pub(crate) struct Tls {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    /// Side by side, as a browser opens connections that it does not use, or not yet.
    handshakes: JoinSet<std::io::Result<(TlsStream<TcpStream>, SocketAddr)>>,
}

impl Tls {
    pub(crate) fn new(listener: TcpListener, host: &str) -> Self {
        let certified =
            rcgen::generate_simple_self_signed([host.to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).expect("a key");
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_single_cert(vec![certified.cert.der().clone()], key)
            .expect("a configuration");
        Self {
            listener,
            acceptor: TlsAcceptor::from(Arc::new(config)),
            handshakes: JoinSet::new(),
        }
    }
}

impl Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            tokio::select! {
                accepted = self.listener.accept() => if let Ok((stream, address)) = accepted {
                    let handshake = self.acceptor.accept(stream);
                    self.handshakes.spawn(async move { Ok((handshake.await?, address)) });
                },
                Some(done) = self.handshakes.join_next() => if let Ok(Ok(connection)) = done {
                    return connection;
                },
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}
