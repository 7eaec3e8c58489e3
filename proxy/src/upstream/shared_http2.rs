//! HTTP/2 connections to servers that carry tunnels (RFC 8441): each as many as its server allows, and a new one when
//! there is no room.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use h2::{Ping, PingPong};
use pingora::protocols::{ALPN, Stream};
use pingora::{Error, ErrorType, OrErr, Result};
use tokio::time::timeout;

/// What a server may send of one stream, and of all, before it is read.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// What is kept of one stream for a server that does not take it.
const STREAM_SEND_BUFFER: usize = 64 * 1024;

/// Streams of one connection, whatever its server allows: what one task must carry.
const MOST_STREAMS: usize = 100;

/// The connections of a group.
#[derive(Debug, Default)]
pub(crate) struct SharedHttp2 {
    connections: Mutex<HashMap<SocketAddr, Vec<Connection>>>,
}

#[derive(Debug)]
struct Connection {
    sender: SendRequest<Bytes>,
    /// Held once by this, and once by each stream.
    streams: Arc<()>,
}

/// A stream's place on a connection.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) sender: SendRequest<Bytes>,
    /// Goes when the stream does.
    pub(crate) stream: Arc<()>,
    /// The connection was there before, so it may be over without having said so.
    pub(crate) reused: bool,
}

impl SharedHttp2 {
    /// A place on a connection that there is; connections that are over are forgotten.
    pub(crate) async fn place(&self, server: SocketAddr) -> Option<Place> {
        loop {
            let place = self.roomy(server)?;
            // A connection that is over says so here.
            match place.sender.clone().ready().await {
                Ok(sender) => return Some(Place { sender, ..place }),
                Err(_) => self.forget(server, &place.stream),
            }
        }
    }

    /// Makes a connection of `stream`, and takes the first place on it.
    ///
    /// # Errors
    /// The server speaks no HTTP/2, or takes no WebSockets over it.
    pub(crate) async fn connect(
        &self,
        server: SocketAddr,
        stream: Stream,
        patience: Duration,
    ) -> Result<Place> {
        let is_other = |alpn: ALPN| alpn != ALPN::H2;
        if stream.selected_alpn_proto().is_some_and(is_other) {
            return Error::e_explain(ErrorType::H2Error, "the server does not speak HTTP/2");
        }
        let greeted = timeout(patience, greet(stream)).await;
        let sender =
            greeted.or_err(ErrorType::ConnectTimedout, "waiting for HTTP/2 settings")??;
        let stream = Arc::new(());
        let connection = Connection {
            sender: sender.clone(),
            streams: stream.clone(),
        };
        self.lock().entry(server).or_default().push(connection);
        Ok(Place {
            sender,
            stream,
            reused: false,
        })
    }

    fn roomy(&self, server: SocketAddr) -> Option<Place> {
        let connections = self.lock();
        let has_room = |connection: &&Connection| {
            let most = connection
                .sender
                .current_max_send_streams()
                .min(MOST_STREAMS);
            Arc::strong_count(&connection.streams) <= most
        };
        let roomy = connections.get(&server)?.iter().find(has_room)?;
        Some(Place {
            sender: roomy.sender.clone(),
            stream: roomy.streams.clone(),
            reused: true,
        })
    }

    fn forget(&self, server: SocketAddr, streams: &Arc<()>) {
        let mut connections = self.lock();
        if let Some(of_server) = connections.get_mut(&server) {
            of_server.retain(|connection| !Arc::ptr_eq(&connection.streams, streams));
            if of_server.is_empty() {
                connections.remove(&server);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SocketAddr, Vec<Connection>>> {
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Begins to speak HTTP/2, and waits for the server's settings: its answer to a ping cannot come before them.
async fn greet(stream: Stream) -> Result<SendRequest<Bytes>> {
    let mut builder = Builder::new();
    builder
        .enable_push(false)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buffer_size(STREAM_SEND_BUFFER);
    let greeted = builder.handshake::<_, Bytes>(stream).await;
    let (sender, mut connection) = greeted.or_err(ErrorType::H2Error, "beginning HTTP/2")?;
    let pings = connection.ping_pong();
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "an HTTP/2 connection to a server has ended");
        }
    });
    if let Some(pings) = pings {
        answered(pings).await?;
    }
    match sender.is_extended_connect_protocol_enabled() {
        true => Ok(sender),
        false => Error::e_explain(
            ErrorType::H2Error,
            "the server takes no WebSockets over HTTP/2 (it does not announce RFC 8441)",
        ),
    }
}

async fn answered(mut pings: PingPong) -> Result<()> {
    let pong = pings.ping(Ping::opaque()).await;
    pong.map(drop)
        .or_err(ErrorType::H2Error, "waiting for HTTP/2 settings")
}
