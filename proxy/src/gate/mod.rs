//! The gate: one entry per connection, in front of pingora's HTTP.
//! It counts connections, takes them through TLS, tells HTTP/2 from HTTP/1.1, gives a request's head a deadline and a
//! size, refuses what is not strictly HTTP/1.1, and lets pingora have one request at a time.

mod chunks;
mod connection;
mod connections;
mod downstream;
mod entrance;
mod head;
mod http2;
mod target;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pingora::apps::{HttpPersistentSettings, HttpServerApp, ServerApp};
use pingora::protocols::http::ServerSession;
use pingora::protocols::l4::stream::Stream as TcpStream;
use pingora::protocols::{ALPN, GetSocketDigest, SocketDigest, Ssl, Stream, UniqueID};
use pingora::proxy::HttpProxy;
use pingora::server::ShutdownWatch;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};

use crate::answer::Refusal;
use crate::gateway::Gateway;
use crate::observe::access_log;
use crate::observe::rejections::Reason;
use crate::proxy_protocol::read_header;
use crate::shared::Shared;
use crate::snapshot::Snapshot;
use crate::tls::{TlsFacts, TlsServer};
use crate::upstream::reason;

pub(crate) use chunks::ChunkFault;
use connection::Connection;
pub(crate) use connection::{StreamPlace, tls_facts};
pub(crate) use connections::Connections;
pub(crate) use connections::Full;
use connections::Place;
pub(crate) use downstream::Downstream;
pub(crate) use entrance::Entrance;
pub(crate) use head::HeadFault;
use head::{Head, HeadScanner, leading_empty_lines};
use http2::{Beginning, Patience};

/// A refused client may go on sending for this long, so that it gets to read its answer.
const LINGER: Duration = Duration::from_secs(2);

/// The application behind each listener.
pub(crate) struct Gate {
    proxy: Arc<HttpProxy<Gateway>>,
    shared: Arc<Shared>,
    /// As the configuration says it.
    listener: SocketAddr,
}

/// What came instead of a head.
enum NoHead {
    /// Nothing to answer: the client is gone, idle for too long, or we are draining.
    Silent,
    Refused(Refusal),
}

impl Gate {
    /// A gate in front of `proxy`, for the connections of a listener.
    pub(crate) fn new(
        proxy: Arc<HttpProxy<Gateway>>,
        shared: Arc<Shared>,
        listener: SocketAddr,
    ) -> Self {
        Self {
            proxy,
            shared,
            listener,
        }
    }

    /// Takes a connection in: counted, and past its TLS handshake.
    async fn enter(&self, io: Stream) -> Option<Box<Downstream>> {
        let peer = client_address(io.get_socket_digest())?;
        let snapshot = self.shared.snapshot();
        let entrance = snapshot.entrance(self.listener)?;
        let io = match entrance.is_proxied(peer) {
            true => self.introduced(io, peer, &snapshot).await?,
            false => io,
        };
        let address = client_address(io.get_socket_digest())?;
        let place = match self.take_place(address, &snapshot) {
            Ok(place) => place,
            Err(refusal) => {
                access_log::refused(address, refusal);
                self.shared.rejections.count(Reason::Refused(refusal));
                turn_away(io, refusal, entrance.tls.is_some()).await;
                return None;
            }
        };
        let Some(tls) = &entrance.tls else {
            let connection = Connection::new(None, place);
            return Some(Box::new(Downstream::new(io, Arc::new(connection))));
        };
        let patience = snapshot.config.timeouts.tls_handshake.get();
        let secured = timeout(patience, secure(io, tls)).await;
        match secured.map_err(|_| "it took too long".to_owned()) {
            Ok(Ok((io, facts))) => {
                let connection = Connection::new(Some(facts), place);
                Some(Box::new(Downstream::new(io, Arc::new(connection))))
            }
            // Scanners and clients that have hung up are not worth a line each.
            Ok(Err(reason)) | Err(reason) => {
                tracing::debug!(client = %address, reason, "TLS handshake failed");
                self.shared.rejections.count(Reason::TlsHandshake);
                None
            }
        }
    }

    /// Reads what a proxy says of its client, which from here on is the connection's peer.
    async fn introduced(&self, io: Stream, peer: IpAddr, snapshot: &Snapshot) -> Option<Stream> {
        let patience = snapshot.config.timeouts.request_header.get();
        let read = timeout(patience, introduce(io)).await;
        match read.map_err(|_| "it took too long".to_owned()) {
            Ok(Ok(io)) => Some(io),
            Ok(Err(reason)) | Err(reason) => {
                tracing::debug!(%peer, reason, "no PROXY header");
                self.shared.rejections.count(Reason::ProxyProtocol);
                None
            }
        }
    }

    fn take_place(&self, address: IpAddr, snapshot: &Snapshot) -> Result<Place, Refusal> {
        let limits = &snapshot.config.limits;
        let per_address = limits.connections_per_address.get();
        let per_address = per_address.map(|limit| limit.get());
        let connections = &self.shared.connections;
        let entered = connections.enter(address, limits.connections.get(), per_address);
        entered.map_err(|full| match full {
            Full::Total => Refusal::Full,
            Full::Address => Refusal::AddressFull,
        })
    }

    /// How many more requests may follow the first of a connection; `None`: any number.
    fn reuses(&self) -> Option<u32> {
        let requests = self.shared.snapshot().config.limits.keep_alive_requests;
        requests.get().map(|requests| requests.get() - 1)
    }

    /// Whether the client begins with HTTP/2: it has agreed on it in its TLS handshake, or simply does.
    async fn begins_with_http2(&self, client: &mut Downstream, shutdown: &ShutdownWatch) -> bool {
        if client.get_ssl_digest().is_some() {
            return client.selected_alpn_proto() == Some(ALPN::H2);
        }
        let snapshot = self.shared.snapshot();
        let entrance = snapshot.entrance(self.listener);
        if entrance.is_none_or(|entrance| entrance.http2.is_none()) {
            return false;
        }
        let patience = snapshot.config.timeouts.request_header.get();
        let told = async {
            wait_for_request(client, patience, shutdown).await.ok()?;
            loop {
                match Beginning::of(client.early()) {
                    Beginning::Http2 => return Some(true),
                    Beginning::Other => return Some(false),
                    Beginning::Unknown => client.fill().await.ok().filter(|more| *more)?,
                };
            }
        };
        // A client that says too little, or leaves, is dealt with as one of HTTP/1.1.
        matches!(timeout(patience, told).await, Ok(Some(true)))
    }

    async fn serve_http2(&self, mut client: Box<Downstream>, shutdown: &ShutdownWatch) {
        let snapshot = self.shared.snapshot();
        let settings = snapshot
            .entrance(self.listener)
            .and_then(|entrance| entrance.http2.clone());
        let (Some(connection), Some(settings)) = (client.connection().cloned(), settings) else {
            return;
        };
        let timeouts = &snapshot.config.timeouts;
        let patience = Patience {
            preface: timeouts.request_header.get(),
            idle: timeouts.keep_alive.get(),
            streams: self.reuses().map(|reuses| reuses.saturating_add(1)),
        };
        drop(snapshot);
        client.release();
        http2::serve(
            &self.proxy,
            &self.shared,
            client,
            connection,
            settings,
            patience,
            shutdown.clone(),
        )
        .await;
    }

    /// Reads and checks the next request's head, which stays in the early bytes.
    async fn next_head(
        &self,
        client: &mut Downstream,
        first: bool,
        shutdown: &ShutdownWatch,
    ) -> Result<Head, NoHead> {
        let snapshot = self.shared.snapshot();
        let timeouts = &snapshot.config.timeouts;
        if client.early().is_empty() {
            let idle = if first {
                &timeouts.request_header
            } else {
                &timeouts.keep_alive
            };
            wait_for_request(client, idle.get(), shutdown).await?;
        }
        let max_size =
            usize::try_from(snapshot.config.limits.header_size.get()).unwrap_or(usize::MAX);
        let deadline = Instant::now() + timeouts.request_header.get();
        match timeout_at(deadline, read_head(client, max_size)).await {
            Ok(result) => result,
            Err(_) => Err(NoHead::Refused(Refusal::HeaderTimeout)),
        }
    }
}

#[async_trait]
impl ServerApp for Gate {
    async fn process_new(self: &Arc<Self>, io: Stream, shutdown: &ShutdownWatch) -> Option<Stream> {
        // On the heap, since a connection's future would carry their size for as long as it lives.
        let mut client = Box::pin(self.enter(io)).await?;
        if Box::pin(self.begins_with_http2(&mut client, shutdown)).await {
            Box::pin(self.serve_http2(client, shutdown)).await;
            return None;
        }
        let mut kept: Option<HttpPersistentSettings> = None;
        let mut first = true;
        loop {
            match self.next_head(&mut client, first, shutdown).await {
                Ok(head) => client.admit(head),
                Err(NoHead::Silent) => return None,
                Err(NoHead::Refused(refusal)) => {
                    self.shared.rejections.count(Reason::Refused(refusal));
                    if let Some(address) = client_address(client.get_socket_digest()) {
                        access_log::refused(address, refusal);
                    }
                    refuse(client.as_mut(), refusal).await;
                    return None;
                }
            }
            let mut session = ServerSession::new_http1(client);
            match kept.take() {
                Some(settings) => settings.apply_to_session(&mut session),
                None => session.set_keepalive_reuses_remaining(self.reuses()),
            }
            let reused = self.proxy.process_new_http(session, shutdown).await?;
            let (stream, settings) = reused.consume();
            client = stream.into_any().downcast::<Downstream>().ok()?;
            if !client.is_between_requests() {
                // What is left of the last request would be taken for the next one.
                return None;
            }
            kept = settings;
            first = false;
        }
    }
}

/// Takes a connection past its PROXY header, which says whose it is.
async fn introduce(io: Stream) -> Result<Stream, String> {
    let Ok(mut tcp) = io.into_any().downcast::<TcpStream>() else {
        return Err("not a TCP connection".to_owned());
    };
    let (addresses, rest) = read_header(&mut *tcp).await.map_err(|e| e.to_string())?;
    tcp.rewind(&rest);
    if let Some(addresses) = addresses {
        let digest = SocketDigest::from_raw_fd(tcp.id());
        // Both cells are empty: the digest is new.
        let _ = digest.peer_addr.set(Some(addresses.source.into()));
        let _ = digest.local_addr.set(Some(addresses.destination.into()));
        tcp.set_socket_digest(digest);
    }
    Ok(tcp)
}

/// Takes a connection through its TLS handshake; says why it failed otherwise.
async fn secure(io: Stream, tls: &TlsServer) -> Result<(Stream, TlsFacts), String> {
    let Ok(tcp) = io.into_any().downcast::<TcpStream>() else {
        return Err("not a TCP connection".to_owned());
    };
    let secured = tls.accept(*tcp).await.map_err(|e| reason(&e))?;
    let facts = secured.get_ssl().map(TlsFacts::of).unwrap_or_default();
    Ok((Box::new(secured), facts))
}

/// A client that waits for its TLS handshake would make nothing of an answer.
async fn turn_away(mut io: Stream, refusal: Refusal, tls: bool) {
    if !tls {
        refuse(&mut io, refusal).await;
    }
}

/// Waits for the first byte of a request; a client that sends none is left without a word.
async fn wait_for_request(
    client: &mut Downstream,
    idle: Duration,
    shutdown: &ShutdownWatch,
) -> Result<(), NoHead> {
    let mut shutdown = shutdown.clone();
    tokio::select! {
        read = timeout(idle, client.fill()) => match read {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false) | Err(_)) | Err(_) => Err(NoHead::Silent),
        },
        _ = shutdown.wait_for(|stop| *stop) => Err(NoHead::Silent),
    }
}

async fn read_head(client: &mut Downstream, max_size: usize) -> Result<Head, NoHead> {
    let mut scanner = HeadScanner::default();
    loop {
        let empty = leading_empty_lines(client.early());
        if empty > 0 && scanner.is_new() {
            client.skip(empty);
            scanner = HeadScanner::default();
        }
        match scanner.scan(client.early(), max_size) {
            Ok(Some(head)) => return Ok(head),
            Ok(None) => {}
            Err(fault) => return Err(NoHead::Refused(Refusal::Head(fault))),
        }
        match client.fill().await {
            Ok(true) => {}
            Ok(false) | Err(_) => return Err(NoHead::Silent),
        }
    }
}

/// Writes the answer and closes without cutting it off: a close with unread bytes would reset the
/// connection and destroy what the client has not read yet (RFC 9112 §9.6).
async fn refuse<S>(io: &mut S, refusal: Refusal)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + ?Sized,
{
    let linger = async {
        io.write_all(&refusal.to_bytes()).await?;
        io.flush().await?;
        io.shutdown().await?;
        // On the heap, since every connection's future would carry it otherwise.
        let mut rest = vec![0; 4096];
        while io.read(&mut rest).await? > 0 {}
        std::io::Result::Ok(())
    };
    // Whether the client took the answer is its own affair.
    let _ = timeout(LINGER, linger).await;
}

fn client_address(digest: Option<Arc<SocketDigest>>) -> Option<IpAddr> {
    digest?.peer_addr()?.as_inet().map(|address| address.ip())
}
