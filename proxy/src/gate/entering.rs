//! A connection's way in: counted, introduced by the proxy that it comes from, and taken through its TLS handshake.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;
use std::sync::Arc;

use bytes::BytesMut;
use pingora::protocols::l4::stream::Stream as PingoraTcp;
use pingora::protocols::{GetSocketDigest, Peek, Ssl};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::time::timeout;
use towpath_conf::Scheme;

use super::connection::{Connection, digest};
use super::connections::Full;
use super::downstream::Downstream;
use super::wire::Wire;
use super::{Entrance, Gate, refuse};
use crate::answer::Refusal;
use crate::observe::rejections::Reason;
use crate::proxy_protocol::{Addresses, HeaderError, read_header};
use crate::snapshot::Snapshot;
use crate::tls::{TlsFacts, TlsServer};
use crate::upstream::reason;

impl Gate {
    /// Takes a connection in.
    pub(super) async fn enter(
        &self,
        mut tcp: TcpStream,
        peer: SocketAddr,
    ) -> Option<Box<Downstream>> {
        let snapshot = self.shared.snapshot();
        let entrance = snapshot.entrance(self.listener)?;
        let mut addresses = Addresses {
            source: peer,
            destination: tcp.local_addr().ok()?,
        };
        // It counts before it has said whose it is.
        let limits = &snapshot.config.limits;
        let most = self.shared.most_connections(limits);
        let mut place = match self.shared.connections.enter(most) {
            Ok(place) => place,
            Err(full) => return self.turn_away(tcp, peer.ip(), full, &entrance).await,
        };
        let mut early = BytesMut::new();
        if entrance.is_proxied(peer.ip()) {
            let (said, rest) = self.introduced(&mut tcp, peer.ip(), &snapshot).await?;
            addresses = said.unwrap_or(addresses);
            early.extend_from_slice(&rest);
        }
        let client = addresses.source.ip();
        if let Some(most) = limits.connections_per_address.get()
            && let Err(full) = place.count_for(client, most.get())
        {
            return self.turn_away(tcp, client, full, &entrance).await;
        }
        let patience = snapshot.config.timeouts.tls_handshake.get();
        let (io, facts) = match &entrance.tls {
            Some(tls) => {
                let tcp = pingoras(tcp, &early, addresses);
                early.clear();
                // On the heap, since it is large, and those without TLS have no use for it.
                match timeout(patience, Box::pin(secure(tcp, tls))).await {
                    Ok(Ok((io, facts))) => (io, Some(facts)),
                    Ok(Err(Insecure::Silent)) => return None,
                    Ok(Err(Insecure::Failed(reason))) => return self.insecure(client, &reason),
                    Err(_) => return self.insecure(client, "it took too long"),
                }
            }
            None => (Wire::Tcp(tcp), None),
        };
        let connection = Connection::new(facts, Some(addresses), place);
        Some(Box::new(Downstream::new(io, early, Arc::new(connection))))
    }

    /// Serves a connection of a newer process of ours, for one request of a client that has spoken `scheme` with it.
    pub(crate) async fn serve_inner(&self, mut io: UnixStream, scheme: Scheme) {
        let patience = self.shared.snapshot().config.timeouts.request_header.get();
        let (Ok(Ok((addresses, early))), Ok(place)) = (
            timeout(patience, read_header(&mut io)).await,
            self.shared.inner_connections.enter(usize::MAX),
        ) else {
            return;
        };
        let facts = (scheme == Scheme::Https).then(TlsFacts::default);
        let connection = Arc::new(Connection::inner(facts, addresses, place));
        let io = Wire::Other(Box::new(PingoraTcp::from(io)));
        let early = BytesMut::from(early.as_slice());
        let client = Box::new(Downstream::new(io, early, connection));
        // A drain does not end it: it is for the sessions, which have their own end.
        let (_running, shutdown) = watch::channel(false);
        self.serve_client(client, &shutdown).await;
    }

    /// Reads what a proxy says of its client, and what came after it.
    async fn introduced(
        &self,
        tcp: &mut TcpStream,
        peer: IpAddr,
        snapshot: &Snapshot,
    ) -> Option<(Option<Addresses>, Vec<u8>)> {
        let patience = snapshot.config.timeouts.request_header.get();
        let reason = match timeout(patience, read_header(tcp)).await {
            Ok(Ok(said)) => return Some(said),
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
        mut io: TcpStream,
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

/// Why a connection has no TLS.
enum Insecure {
    /// It has ended before anything was said: somebody looked whether the port is open.
    Silent,
    Failed(String),
}

/// A connection as pingora's TLS takes it, with what was read of it put back.
fn pingoras(tcp: TcpStream, early: &[u8], addresses: Addresses) -> PingoraTcp {
    let digest = digest(addresses, tcp.as_raw_fd());
    let mut tcp = PingoraTcp::from(tcp);
    tcp.rewind(early);
    tcp.set_socket_digest(digest);
    tcp
}

/// Takes a connection through its TLS handshake.
async fn secure(mut tcp: PingoraTcp, tls: &TlsServer) -> Result<(Wire, TlsFacts), Insecure> {
    if tcp.try_peek(&mut [0]).await.is_err() {
        return Err(Insecure::Silent);
    }
    let secured = tls.accept(tcp).await;
    let secured = secured.map_err(|e| Insecure::Failed(reason(&e)))?;
    let facts = secured.get_ssl().map(TlsFacts::of).unwrap_or_default();
    Ok((Wire::Other(Box::new(secured)), facts))
}
