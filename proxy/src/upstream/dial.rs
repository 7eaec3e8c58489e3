//! Connecting to servers, with a bound on every wait: pingora's own defaults are to wait for ever.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use pingora::connectors::TransportConnector;
use pingora::protocols::Stream;
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorType, OrErr, Result};
use socket2::SockRef;
use thiserror::Error as ThisError;
use tokio::net::TcpStream;
use tokio::time::timeout;
use towpath_conf::WebSocketUpstream;

use super::endpoint::Lease;
use super::group::{Group, NoServer, Tried};
use super::hash::HashKey;
use super::introduction::connect;
use super::shared_http2::Place;
use super::transport::Transport;
use crate::keepalive::socket_keepalive;
use crate::proxy_protocol::Addresses;

/// Servers tried for one request, at most.
const MAX_TRIES: usize = 5;

/// The bounds of a plain request's connection to a server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PeerTimeouts {
    /// For the server to accept.
    pub(crate) connect: Duration,
    /// For its response header, and between two reads of its content.
    pub(crate) read: Duration,
    /// For it to take what is written.
    pub(crate) write: Duration,
    /// For an idle connection in the pool.
    pub(crate) idle: Duration,
}

/// No server of a group could be reached.
#[derive(Clone, Copy, Debug, ThisError, PartialEq, Eq)]
pub(crate) enum DialAnyError {
    /// There was none to try.
    #[error(transparent)]
    NoServer(NoServer),
    /// The last one did not accept in time.
    #[error("no server accepted a connection in time")]
    TimedOut,
    /// The last one refused, or there is no way to it.
    #[error("no server can be reached")]
    Unreachable,
}

/// Opens a connection of its own, never a pooled one. The timeout is for all of it, TLS too.
pub(crate) async fn dial(
    connector: &TransportConnector,
    transport: &Transport,
    address: SocketAddr,
    of: Option<Addresses>,
    connect_timeout: Duration,
) -> Result<Stream> {
    let peer = transport.tunnel_peer(address, of, connect_timeout);
    match timeout(connect_timeout, connector.new_stream(&peer)).await {
        Ok(connected) => connected,
        Err(_) => Error::e_explain(ErrorType::ConnectTimedout, "connecting took too long"),
    }
}

/// The same without TLS: a connection as the kernel gives it, since a tunnel may keep it idle for days.
async fn dial_tcp(
    transport: &Transport,
    address: SocketAddr,
    of: Option<Addresses>,
    connect_timeout: Duration,
) -> Result<TcpStream> {
    let introduction = transport.introduction(of);
    let stream = match timeout(connect_timeout, connect(address, &introduction)).await {
        Ok(connected) => connected?,
        Err(_) => return Error::e_explain(ErrorType::ConnectTimedout, "connecting took too long"),
    };
    let options = SockRef::from(&stream);
    let set = options
        .set_tcp_nodelay(true)
        .and_then(|()| options.set_tcp_keepalive(&socket_keepalive()));
    set.or_err(ErrorType::ConnectError, "setting its options")?;
    Ok(stream)
}

/// A way to a server that a tunnel may take.
pub(crate) enum Dialled {
    /// A connection of its own, in plain text.
    Tcp(TcpStream),
    /// A connection of its own, with TLS.
    Http1(Stream),
    /// A stream of a connection that others share.
    Http2(Place),
}

/// Reaches one of the group's servers.
async fn reach(
    group: &Group,
    lease: &Lease,
    of: Option<Addresses>,
    over: WebSocketUpstream,
    patience: Duration,
) -> Result<Dialled> {
    let (server, transport) = (lease.address(), group.transport());
    // The rare ways are on the heap: a handshake's future would have room for the largest of them.
    match over {
        WebSocketUpstream::Http1 if !transport.is_secure() => {
            let dialled = dial_tcp(transport, server, of, patience).await;
            dialled.map(Dialled::Tcp)
        }
        WebSocketUpstream::Http1 => {
            let dialled = dial(group.connector(), transport, server, of, patience);
            Box::pin(dialled).await.map(Dialled::Http1)
        }
        WebSocketUpstream::H2 => Box::pin(any_place(group, server, patience))
            .await
            .map(Dialled::Http2),
    }
}

/// A place on a connection of HTTP/2, on a new one if there is no other.
async fn any_place(group: &Group, server: SocketAddr, patience: Duration) -> Result<Place> {
    match group.shared_http2().place(server).await {
        Some(place) => Ok(place),
        None => fresh_place(group, server, patience).await,
    }
}

/// A place on a new connection of HTTP/2.
pub(crate) async fn fresh_place(
    group: &Group,
    server: SocketAddr,
    patience: Duration,
) -> Result<Place> {
    let peer = group.transport().shared_peer(server, patience);
    let connected = timeout(patience, group.connector().new_stream(&peer)).await;
    let stream = connected.or_err(ErrorType::ConnectTimedout, "connecting")??;
    group.shared_http2().connect(server, stream, patience).await
}

/// Connects to one of the group's servers after the other until one accepts.
pub(crate) async fn dial_any(
    group: &Group,
    key: &HashKey<'_>,
    of: Option<Addresses>,
    over: WebSocketUpstream,
    connect_timeout: Duration,
) -> std::result::Result<(Dialled, Lease), DialAnyError> {
    let mut tried = Tried::default();
    let mut last = None;
    for _ in 0..MAX_TRIES {
        let lease = match group.choose(key, &tried) {
            Ok(lease) => lease,
            Err(no_server) => return Err(last.unwrap_or(DialAnyError::NoServer(no_server))),
        };
        match reach(group, &lease, of, over, connect_timeout).await {
            Ok(dialled) => return Ok((dialled, lease)),
            Err(error) => {
                let server = lease.address();
                let (upstream, reason) = (group.name(), reason(&error));
                // What a configuration promises of a server is worth a look.
                match error.etype() {
                    ErrorType::H2Error => {
                        tracing::warn!(upstream, %server, reason, "server cannot be reached");
                    }
                    _ => tracing::debug!(upstream, %server, reason, "server cannot be reached"),
                }
                group.answered(lease.endpoint(), None);
                tried.add(server);
                last = Some(failure(&error));
            }
        }
    }
    Err(last.unwrap_or(DialAnyError::Unreachable))
}

/// What went wrong in the end. pingora's own words are a chain that spells out all options of the peer.
pub(crate) fn reason(error: &pingora::Error) -> String {
    let context = error.context.as_ref().map(|context| context.as_str());
    match error.cause.as_deref() {
        Some(cause) => match cause.downcast_ref::<Box<pingora::Error>>() {
            Some(inner) => reason(inner),
            None => cause.to_string(),
        },
        None => context.unwrap_or(error.reason_str()).to_owned(),
    }
}

fn failure(error: &pingora::Error) -> DialAnyError {
    match error.etype() {
        ErrorType::ConnectTimedout => DialAnyError::TimedOut,
        _ => DialAnyError::Unreachable,
    }
}

/// A plain request's way to a server of the group, through pingora's pool.
pub(crate) fn http_peer(
    group: &Group,
    lease: &Lease,
    of: Option<Addresses>,
    timeouts: &PeerTimeouts,
) -> HttpPeer {
    let transport = group.transport();
    let mut peer = transport.http_peer(lease.address(), of, timeouts.connect);
    peer.options.read_timeout = Some(timeouts.read);
    peer.options.write_timeout = Some(timeouts.write);
    peer.options.idle_timeout = Some(timeouts.idle);
    peer
}

/// The one connector of the process: building it reads the system's trust store.
pub(crate) fn connector() -> Arc<TransportConnector> {
    Arc::new(TransportConnector::new(None))
}

#[cfg(test)]
mod tests;
