//! A connection's way in: counted, introduced by the proxy that it comes from, and taken through its TLS handshake.

use std::io;
use std::net::IpAddr;
use std::os::fd::AsRawFd;
use std::sync::Arc;

use pingora::protocols::l4::stream::Stream as TcpStream;
use pingora::protocols::{GetSocketDigest, Peek, SocketDigest, Ssl, Stream};
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::time::timeout;
use towpath_conf::Scheme;

use super::connection::Connection;
use super::connections::{Full, Place};
use super::downstream::Downstream;
use super::{Entrance, Gate, client_address, refuse};
use crate::answer::Refusal;
use crate::observe::rejections::Reason;
use crate::proxy_protocol::{HeaderError, read_header};
use crate::snapshot::Snapshot;
use crate::tls::{TlsFacts, TlsServer};
use crate::upstream::reason;

impl Gate {
    /// Takes a connection in.
    pub(super) async fn enter(&self, io: Stream) -> Option<Box<Downstream>> {
        let peer = client_address(io.get_socket_digest())?;
        let snapshot = self.shared.snapshot();
        let entrance = snapshot.entrance(self.listener)?;
        // It counts before it has said whose it is.
        let limits = &snapshot.config.limits;
        let most = self.shared.most_connections(limits);
        let mut place = match self.shared.connections.enter(most) {
            Ok(place) => place,
            Err(full) => return self.turn_away(io, peer, full, &entrance).await,
        };
        let io = match entrance.is_proxied(peer) {
            true => self.introduced(io, peer, &snapshot).await?,
            false => io,
        };
        let client = client_address(io.get_socket_digest())?;
        if let Some(most) = limits.connections_per_address.get()
            && let Err(full) = place.count_for(client, most.get())
        {
            return self.turn_away(io, client, full, &entrance).await;
        }
        let patience = snapshot.config.timeouts.tls_handshake.get();
        let (io, facts) = match &entrance.tls {
            Some(tls) => match timeout(patience, secure(io, tls)).await {
                Ok(Ok((io, facts))) => (io, Some(facts)),
                Ok(Err(Insecure::Silent)) => return None,
                Ok(Err(Insecure::Failed(reason))) => return self.insecure(client, &reason),
                Err(_) => return self.insecure(client, "it took too long"),
            },
            None => (io, None),
        };
        Some(downstream(io, facts, place))
    }

    /// Serves a connection of a newer process of ours, for one request of a client that has spoken `scheme` with it.
    pub(crate) async fn serve_inner(&self, io: UnixStream, scheme: Scheme) {
        let patience = self.shared.snapshot().config.timeouts.request_header.get();
        let io: Stream = Box::new(TcpStream::from(io));
        let (Ok(Ok(io)), Ok(place)) = (
            timeout(patience, introduce(io)).await,
            self.shared.inner_connections.enter(usize::MAX),
        ) else {
            return;
        };
        let facts = (scheme == Scheme::Https).then(TlsFacts::default);
        let connection = Arc::new(Connection::inner(facts, place));
        let client = Box::new(Downstream::new(io, connection));
        // A drain does not end it: it is for the sessions, which have their own end.
        let (_running, shutdown) = watch::channel(false);
        self.serve_client(client, &shutdown).await;
    }

    /// Reads what a proxy says of its client, which from here on is the connection's peer.
    async fn introduced(&self, io: Stream, peer: IpAddr, snapshot: &Snapshot) -> Option<Stream> {
        let patience = snapshot.config.timeouts.request_header.get();
        let reason = match timeout(patience, introduce(io)).await {
            Ok(Ok(io)) => return Some(io),
            // Balancers look in this way whether the port is open.
            Ok(Err(HeaderError::Silent)) => return None,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it took too long".to_owned(),
        };
        tracing::debug!(%peer, reason, "no PROXY header");
        self.shared.rejections.count(Reason::ProxyProtocol);
        None
    }

    /// There is no room. A client that waits for its TLS handshake would make nothing of an answer.
    async fn turn_away<T>(
        &self,
        mut io: Stream,
        client: IpAddr,
        full: Full,
        entrance: &Entrance,
    ) -> Option<T> {
        let refusal = Refusal::from(full);
        self.shared.refused(client, refusal);
        if entrance.tls.is_none() {
            refuse(&mut io, refusal).await;
        }
        None
    }

    /// Scanners and clients that have hung up are not worth a line each.
    fn insecure<T>(&self, client: IpAddr, reason: &str) -> Option<T> {
        tracing::debug!(%client, reason, "TLS handshake failed");
        self.shared.rejections.count(Reason::TlsHandshake);
        None
    }
}

impl From<Full> for Refusal {
    fn from(full: Full) -> Self {
        match full {
            Full::Total => Self::Full,
            Full::Address => Self::AddressFull,
        }
    }
}

/// Takes a connection past its PROXY header, which says whose it is.
async fn introduce(io: Stream) -> Result<Stream, HeaderError> {
    let mut tcp = tcp(io)?;
    let (addresses, rest) = read_header(&mut *tcp).await?;
    tcp.rewind(&rest);
    if let Some(addresses) = addresses {
        let digest = SocketDigest::from_raw_fd(tcp.as_raw_fd());
        // Both cells are empty: the digest is new.
        let _ = digest.peer_addr.set(Some(addresses.source.into()));
        let _ = digest.local_addr.set(Some(addresses.destination.into()));
        tcp.set_socket_digest(digest);
    }
    Ok(tcp)
}

/// Why a connection has no TLS.
enum Insecure {
    /// It has ended before anything was said: somebody looked whether the port is open.
    Silent,
    Failed(String),
}

/// Takes a connection through its TLS handshake.
async fn secure(io: Stream, tls: &TlsServer) -> Result<(Stream, TlsFacts), Insecure> {
    let mut tcp = tcp(io).map_err(|e| Insecure::Failed(e.to_string()))?;
    if tcp.try_peek(&mut [0]).await.is_err() {
        return Err(Insecure::Silent);
    }
    let secured = tls.accept(*tcp).await;
    let secured = secured.map_err(|e| Insecure::Failed(reason(&e)))?;
    let facts = secured.get_ssl().map(TlsFacts::of).unwrap_or_default();
    Ok((Box::new(secured), facts))
}

/// Listeners give nothing else.
fn tcp(io: Stream) -> io::Result<Box<TcpStream>> {
    let tcp = io.into_any().downcast();
    tcp.map_err(|_| io::Error::other("not a TCP connection"))
}

fn downstream(io: Stream, facts: Option<TlsFacts>, place: Place) -> Box<Downstream> {
    Box::new(Downstream::new(io, Arc::new(Connection::new(facts, place))))
}
