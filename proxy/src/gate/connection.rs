//! What is known of a client's connection for as long as it lives, whoever holds it by then.

use std::net::IpAddr;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::request::Parts;
use pingora::protocols::SocketDigest;
use pingora::protocols::http::ServerSession;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};

use super::connections::Place;
use super::downstream::Downstream;
use crate::forwarded::Ends;
use crate::proxy_protocol::Addresses;
use crate::tls::TlsFacts;

/// A client's connection.
#[derive(Debug)]
pub(crate) struct Connection {
    /// What its TLS handshake has told; `None`: there was none.
    tls: Option<Arc<TlsFacts>>,
    /// Its two ends, as the socket or a trusted proxy says; `None`: nobody does.
    addresses: Option<Addresses>,
    /// Whether it is one of a newer process of ours.
    inner: bool,
    _place: Place,
}

impl Connection {
    /// One that has a place in the count.
    pub(super) fn new(tls: Option<TlsFacts>, addresses: Option<Addresses>, place: Place) -> Self {
        Self {
            tls: tls.map(Arc::new),
            addresses,
            inner: false,
            _place: place,
        }
    }

    /// One of a newer process of ours, for a client that has spoken TLS with it, or has not.
    pub(super) fn inner(tls: Option<TlsFacts>, addresses: Option<Addresses>, place: Place) -> Self {
        Self {
            inner: true,
            ..Self::new(tls, addresses, place)
        }
    }
}

impl Connection {
    /// Whose it is.
    pub(super) fn client(&self) -> Option<IpAddr> {
        self.addresses.map(|addresses| addresses.source.ip())
    }

    /// What it says of whoever sends requests over it.
    pub(super) fn ends(&self) -> Option<Ends> {
        Some(Ends {
            peer: self.client()?,
            tls: self.tls(),
            addresses: self.addresses,
            inner: self.inner,
        })
    }

    /// The same, as pingora reads it.
    pub(super) fn socket_digest(&self, descriptor: RawFd) -> Option<Arc<SocketDigest>> {
        self.addresses
            .map(|addresses| Arc::new(digest(addresses, descriptor)))
    }

    /// What its TLS handshake has told; `None`: there was none.
    pub(super) fn tls(&self) -> Option<Arc<TlsFacts>> {
        self.tls.clone()
    }

    /// Whether it is one of a newer process of ours.
    pub(super) fn is_inner(&self) -> bool {
        self.inner
    }
}

/// Both ends of a connection, as pingora reads them.
pub(super) fn digest(addresses: Addresses, descriptor: RawFd) -> SocketDigest {
    let digest = SocketDigest::from_raw_fd(descriptor);
    // Both cells are empty: the digest is new.
    let _ = digest.peer_addr.set(Some(addresses.source.into()));
    let _ = digest.local_addr.set(Some(addresses.destination.into()));
    digest
}

/// What the TLS handshake of the connection that a request came over has told; `None`: there was none.
pub(crate) fn tls_facts(session: &ServerSession) -> Option<Arc<TlsFacts>> {
    connection(session)?.tls()
}

/// Whether a request has come from a newer process of ours.
pub(crate) fn is_inner(session: &ServerSession) -> bool {
    connection(session).is_some_and(|connection| connection.is_inner())
}

fn connection(session: &ServerSession) -> Option<&Arc<Connection>> {
    match session {
        ServerSession::H1(session) => {
            let stream = session.stream().as_any().downcast_ref::<Downstream>();
            stream.and_then(Downstream::connection)
        }
        ServerSession::H2(_) => StreamPlace::of(session.req_header()).map(|it| &it.connection),
        _ => None,
    }
}

/// The streams of an HTTP/2 connection that are not over yet.
#[derive(Debug, Default)]
pub(super) struct Streams {
    open: AtomicUsize,
    left: Notify,
}

impl Streams {
    /// Waits until none is open. Cancel-safe.
    pub(super) async fn none(&self) {
        loop {
            let left = self.left.notified();
            tokio::pin!(left);
            left.as_mut().enable();
            if self.open.load(Ordering::Acquire) == 0 {
                return;
            }
            left.await;
        }
    }
}

/// One stream of an HTTP/2 connection. Its request carries it, and a tunnel that it becomes.
#[derive(Debug)]
pub(crate) struct StreamPlace {
    connection: Arc<Connection>,
    streams: Arc<Streams>,
    /// Whether WebSockets may come as streams of this connection (RFC 8441).
    pub(crate) websocket: bool,
    /// When the next piece of content must have come.
    content_by: watch::Sender<Option<Instant>>,
}

impl StreamPlace {
    /// One more stream.
    pub(super) fn new(connection: Arc<Connection>, streams: Arc<Streams>, websocket: bool) -> Self {
        streams.open.fetch_add(1, Ordering::AcqRel);
        Self {
            connection,
            streams,
            websocket,
            content_by: watch::Sender::new(None),
        }
    }

    /// The next piece of the request's content must come within so long; `None`: none is waited for. pingora has no
    /// timeout of its own for it.
    pub(crate) fn expect_content(&self, patience: Option<Duration>) {
        let by = patience.and_then(|patience| Instant::now().checked_add(patience));
        self.content_by.send_replace(by);
    }

    /// Waits until content has not come in time. Cancel-safe.
    pub(super) async fn starved(&self) {
        let mut content_by = self.content_by.subscribe();
        loop {
            let by = *content_by.borrow_and_update();
            let over = async {
                match by {
                    Some(by) => sleep_until(by).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = over => return,
                changed = content_by.changed() => if changed.is_err() {
                    return std::future::pending().await;
                },
            }
        }
    }

    /// The stream that a request came over.
    pub(crate) fn of(request: &Parts) -> Option<&Arc<Self>> {
        request.extensions.get()
    }
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        if self.streams.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.streams.left.notify_waiters();
        }
    }
}
