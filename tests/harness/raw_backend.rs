//! A backend of raw sockets that the story itself speaks for: the witness of what was really forwarded.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::{Head, WebSocket, Wire, switching_protocols, within};

/// A listening socket. Connections wait in its backlog until the story takes them.
#[derive(Debug)]
pub struct RawBackend {
    listener: TcpListener,
}

impl RawBackend {
    /// Listens on a free port.
    pub async fn start() -> Self {
        Self {
            listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
        }
    }

    /// Listens on `address`: a server that comes back.
    pub async fn start_on(address: SocketAddr) -> Self {
        Self {
            listener: TcpListener::bind(address).await.unwrap(),
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    /// The next connection.
    pub async fn accept(&self) -> Wire {
        Wire::new(
            within("a connection to the backend", self.listener.accept())
                .await
                .unwrap()
                .0,
        )
    }

    /// The next connection, its handshake read and accepted.
    pub async fn accept_websocket(&self) -> (Wire, Head) {
        let mut wire = self.accept().await;
        let request = wire.head().await;
        wire.send(switching_protocols(&request, "")).await;
        (wire, request)
    }

    /// The next connection as a conversation that tokio-tungstenite speaks.
    pub async fn accept_conversation(&self) -> WebSocket {
        let stream = within("a connection to the backend", self.listener.accept())
            .await
            .unwrap()
            .0;
        stream.set_nodelay(true).unwrap();
        let accepted = tokio_tungstenite::accept_async(stream);
        within("the handshake", accepted).await.unwrap()
    }

    /// Nobody is waiting to be accepted.
    pub fn saw_nobody(self) {
        let listener = self.listener.into_std().unwrap();
        let waiting = listener
            .accept()
            .map(|(_, peer)| peer)
            .map_err(|error| error.kind());
        assert_eq!(
            waiting,
            Err(std::io::ErrorKind::WouldBlock),
            "the backend was connected to"
        );
    }
}
