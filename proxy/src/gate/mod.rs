//! The gate: one entry per connection, in front of pingora's HTTP.
//! It counts connections, hears whose they are, takes them through TLS, tells HTTP/2 from HTTP/1.1, gives a request's
//! head a deadline and a size, refuses what is not strictly HTTP/1.1, and lets pingora have one request at a time.

mod chunks;
mod connection;
mod connections;
mod downstream;
mod entering;
mod entrance;
mod handshake;
mod head;
mod http2;
mod shortcut;
mod target;
mod wire;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use pingora::apps::{HttpPersistentSettings, HttpServerApp};
use pingora::protocols::http::ServerSession;
use pingora::protocols::{ALPN, Ssl};
use pingora::proxy::HttpProxy;
use pingora::server::ShutdownWatch;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::answer::{LINGER, Refusal};
use crate::gateway::Gateway;
use crate::lifecycle::Take;
use crate::shared::Shared;

pub(crate) use chunks::ChunkFault;
pub(crate) use connection::{StreamPlace, is_inner, tls_facts};
use connections::Arrival;
pub(crate) use connections::Connections;
pub(crate) use downstream::Downstream;
pub(crate) use entrance::Entrance;
pub(crate) use head::HeadFault;
pub(crate) use head::HeadScanner;
use head::{Head, leading_empty_lines};
use http2::{Beginning, Patience};

/// The application behind each listener.
pub(crate) struct Gate {
    proxy: Arc<HttpProxy<Gateway>>,
    shared: Arc<Shared>,
    /// As the configuration says it.
    listener: SocketAddr,
}

/// How long clients of a process that another has followed may keep an idle connection.
const LAST_REQUEST: Duration = Duration::from_secs(5);

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

    /// How many more requests may follow the first of a connection; `None`: any number.
    fn reuses(&self) -> Option<u32> {
        let requests = self.shared.snapshot().config.limits.keep_alive_requests;
        requests.get().map(|requests| requests.get() - 1)
    }

    /// What the client begins with: it has agreed on it in its TLS handshake, or simply does. `None`: with too little,
    /// or nothing, for as long as a header may take.
    async fn beginning(
        &self,
        client: &mut Downstream,
        shutdown: &ShutdownWatch,
    ) -> Option<Beginning> {
        if client.get_ssl_digest().is_some() {
            return Some(match client.selected_alpn_proto() {
                Some(ALPN::H2) => Beginning::Http2,
                _ => Beginning::Other,
            });
        }
        let snapshot = self.shared.snapshot();
        let entrance = snapshot.entrance(self.listener);
        if entrance.is_none_or(|entrance| entrance.http2.is_none()) {
            return Some(Beginning::Other);
        }
        let patience = snapshot.config.timeouts.request_header.get();
        let told = async {
            if client.early().is_empty() {
                let over = pin!(self.waits_no_more(shutdown, true));
                wait_for_request(client, patience, over).await.ok()?;
            }
            loop {
                match Beginning::of(client.early()) {
                    Beginning::Unknown => client.fill().await.ok().filter(|more| *more)?,
                    known => return Some(known),
                };
            }
        };
        timeout(patience, told).await.ok().flatten()
    }

    /// Resolves when no more requests are waited for: with [`closing`], and after an upgrade a little later. A request that
    /// is on its way by then is answered, and its client told to connect anew.
    async fn waits_no_more(&self, shutdown: &ShutdownWatch, first: bool) {
        closing(shutdown, &self.shared, first).await;
        if self.shared.is_superseded() {
            sleep(LAST_REQUEST).await;
        }
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

    async fn turn_down(&self, mut client: Box<Downstream>, refusal: Refusal) {
        let connection = client.connection();
        if let Some(address) = connection.and_then(|connection| connection.client()) {
            self.shared.refused(address, refusal);
        }
        refuse(client.as_mut(), refusal).await;
    }

    /// Reads and checks the next request's head, which stays in the early bytes. It must begin before `over` resolves.
    async fn next_head(
        &self,
        client: &mut Downstream,
        first: bool,
        over: Pin<&mut impl Future<Output = ()>>,
    ) -> Result<Head, NoHead> {
        let snapshot = self.shared.snapshot();
        let timeouts = &snapshot.config.timeouts;
        if client.early().is_empty() {
            let idle = if first {
                &timeouts.request_header
            } else {
                &timeouts.keep_alive
            };
            wait_for_request(client, idle.get(), over).await?;
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

impl Take for Gate {
    fn take(self: &Arc<Self>, connection: TcpStream, peer: SocketAddr, shutdown: &ShutdownWatch) {
        let (gate, shutdown) = (self.clone(), shutdown.clone());
        let arrival = self.shared.connections.arrive();
        tokio::spawn(async move { gate.serve(connection, peer, arrival, &shutdown).await });
    }
}

impl Gate {
    /// Serves a connection to its end, or until a tunnel takes it. `None`, always: it is over.
    async fn serve(
        &self,
        connection: TcpStream,
        peer: SocketAddr,
        arrival: Arrival,
        shutdown: &ShutdownWatch,
    ) -> Option<Infallible> {
        // On the heap, since a connection's future would carry their size for as long as it lives.
        let client = Box::pin(self.enter(connection, peer)).await?;
        drop(arrival);
        self.serve_client(client, shutdown).await
    }

    /// Serves a connection that has been let in.
    async fn serve_client(
        &self,
        mut client: Box<Downstream>,
        shutdown: &ShutdownWatch,
    ) -> Option<Infallible> {
        match Box::pin(self.beginning(&mut client, shutdown)).await {
            Some(Beginning::Http2) => {
                Box::pin(self.serve_http2(client, shutdown)).await;
                return None;
            }
            Some(_) => {}
            None if client.early().is_empty() => return None,
            None => {
                Box::pin(self.turn_down(client, Refusal::HeaderTimeout)).await;
                return None;
            }
        }
        let mut kept: Option<HttpPersistentSettings> = None;
        let (mut first, mut reuses) = (true, self.reuses());
        let mut over = pin!(self.waits_no_more(shutdown, first));
        loop {
            let head = match self.next_head(&mut client, first, over.as_mut()).await {
                Ok(head) => head,
                Err(NoHead::Silent) => return None,
                Err(NoHead::Refused(refusal)) => {
                    Box::pin(self.turn_down(client, refusal)).await;
                    return None;
                }
            };
            let keeps = reuses != Some(0);
            let reuses_left = reuses;
            reuses = reuses.map(|reuses| reuses.saturating_sub(1));
            if first {
                first = false;
                // One for all waits that follow: another one would ask again each time to be told.
                over.set(self.waits_no_more(shutdown, first));
            }
            client = match self.take_shortcut(client, head, keeps, shutdown) {
                Ok(answering) => {
                    client = answering.await?;
                    continue;
                }
                Err(client) => client,
            };
            client.admit(head);
            let mut session = ServerSession::new_http1(client);
            if let Some(settings) = kept.take() {
                settings.apply_to_session(&mut session);
            }
            session.set_keepalive_reuses_remaining(reuses_left);
            let reused = self.proxy.process_new_http(session, shutdown).await?;
            let (stream, settings) = reused.consume();
            client = stream.into_any().downcast::<Downstream>().ok()?;
            if !client.is_between_requests() {
                // What is left of the last request would be taken for the next one.
                return None;
            }
            kept = settings;
        }
    }
}

/// Waits for the first byte of a request, until `over` resolves; a client that sends none is left without a word.
async fn wait_for_request(
    client: &mut Downstream,
    idle: Duration,
    over: Pin<&mut impl Future<Output = ()>>,
) -> Result<(), NoHead> {
    tokio::select! {
        // What has come is answered.
        biased;
        read = timeout(idle, client.fill()) => match read {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false) | Err(_)) | Err(_) => Err(NoHead::Silent),
        },
        () = over => Err(NoHead::Silent),
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

/// Waits until no more requests are wanted of a connection: its listener has closed, or we drain. In a drain, one that
/// was let in nevertheless may say its first.
async fn closing(shutdown: &ShutdownWatch, shared: &Shared, first: bool) {
    let mut shutdown = shutdown.clone();
    // It may go at any time.
    let closed = async { drop(shutdown.wait_for(|stop| *stop).await) };
    if first {
        return closed.await;
    }
    tokio::select! {
        () = closed => {}
        () = shared.drain_begun() => {}
    }
}

/// Writes the answer and closes without cutting it off: a close with unread bytes would reset the
/// connection and destroy what the client has not read yet (RFC 9112 §9.6).
async fn refuse<S>(io: &mut S, refusal: Refusal)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + ?Sized,
{
    let answered = async {
        io.write_all(&refusal.to_bytes()).await?;
        io.flush().await?;
        linger(io).await
    };
    // Whether the client took the answer is its own affair.
    let _ = timeout(LINGER, answered).await;
}

/// Says that nothing more will come, and waits until the client has taken everything.
async fn linger<S>(io: &mut S) -> std::io::Result<()>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + ?Sized,
{
    io.shutdown().await?;
    // On the heap, since every connection's future would carry it otherwise.
    let mut rest = vec![0; 4096];
    while io.read(&mut rest).await? > 0 {}
    Ok(())
}
