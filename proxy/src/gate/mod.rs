//! The gate: one entry per connection, in front of pingora's HTTP.
//! It counts connections, gives a request's head a deadline and a size, refuses what is not strictly HTTP/1.1,
//! and lets pingora have one request at a time.

mod connections;
mod downstream;
mod head;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pingora::apps::{HttpPersistentSettings, HttpServerApp, ServerApp};
use pingora::protocols::http::ServerSession;
use pingora::protocols::{GetSocketDigest, SocketDigest, Stream};
use pingora::proxy::HttpProxy;
use pingora::server::ShutdownWatch;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};

use crate::answer::Refusal;
use crate::gateway::Gateway;
use crate::observe::access_log;
use crate::shared::Shared;

pub(crate) use connections::Connections;
pub(crate) use connections::Full;
pub(crate) use downstream::Downstream;
pub(crate) use head::HeadFault;
use head::{Head, HeadScanner, leading_empty_lines};

/// A refused client may go on sending for this long, so that it gets to read its answer.
const LINGER: Duration = Duration::from_secs(2);

/// The application behind each listener.
pub(crate) struct Gate {
    proxy: Arc<HttpProxy<Gateway>>,
    shared: Arc<Shared>,
}

/// What came instead of a head.
enum NoHead {
    /// Nothing to answer: the client is gone, idle for too long, or we are draining.
    Silent,
    Refused(Refusal),
}

impl Gate {
    /// A gate in front of `proxy`.
    pub(crate) fn new(proxy: Arc<HttpProxy<Gateway>>, shared: Arc<Shared>) -> Self {
        Self { proxy, shared }
    }

    /// Counts the connection in, or answers that there is no place.
    async fn enter(&self, mut io: Stream) -> Option<Box<Downstream>> {
        let address = client_address(io.get_socket_digest())?;
        let limits = &self.shared.snapshot().config.limits;
        let per_address = limits
            .connections_per_address
            .get()
            .map(|limit| limit.get());
        match self
            .shared
            .connections
            .enter(address, limits.connections.get(), per_address)
        {
            Ok(place) => Some(Box::new(Downstream::new(io, place))),
            Err(full) => {
                let refusal = match full {
                    Full::Total => Refusal::Full,
                    Full::Address => Refusal::AddressFull,
                };
                access_log::refused(address, refusal);
                refuse(&mut io, refusal).await;
                None
            }
        }
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
        let mut client = self.enter(io).await?;
        let mut kept: Option<HttpPersistentSettings> = None;
        let mut first = true;
        loop {
            match self.next_head(&mut client, first, shutdown).await {
                Ok(head) => client.admit(head),
                Err(NoHead::Silent) => return None,
                Err(NoHead::Refused(refusal)) => {
                    if let Some(address) = client_address(client.get_socket_digest()) {
                        access_log::refused(address, refusal);
                    }
                    refuse(client.as_mut(), refusal).await;
                    return None;
                }
            }
            let mut session = ServerSession::new_http1(client);
            if let Some(settings) = kept.take() {
                settings.apply_to_session(&mut session);
            }
            let reused = self.proxy.process_new_http(session, shutdown).await?;
            let (stream, settings) = reused.consume();
            client = stream.into_any().downcast::<Downstream>().ok()?;
            kept = settings;
            first = false;
        }
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
