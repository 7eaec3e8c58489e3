//! What is known of a client's connection for as long as it lives, whoever holds it by then.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::request::Parts;
use pingora::protocols::http::ServerSession;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};

use super::connections::Place;
use super::downstream::Downstream;
use crate::tls::TlsFacts;

/// A client's connection.
#[derive(Debug)]
pub(crate) struct Connection {
    /// What its TLS handshake has told; `None`: there was none.
    tls: Option<Arc<TlsFacts>>,
    /// Whether it is one of a newer process of ours.
    inner: bool,
    _place: Place,
}

impl Connection {
    /// One that has a place in the count.
    pub(super) fn new(tls: Option<TlsFacts>, place: Place) -> Self {
        Self {
            tls: tls.map(Arc::new),
            inner: false,
            _place: place,
        }
    }

    /// One of a newer process of ours, for a client that has spoken TLS with it, or has not.
    pub(super) fn inner(tls: Option<TlsFacts>, place: Place) -> Self {
        Self {
            inner: true,
            ..Self::new(tls, place)
        }
    }
}

impl Connection {
    /// What its TLS handshake has told; `None`: there was none.
    pub(super) fn tls(&self) -> Option<Arc<TlsFacts>> {
        self.tls.clone()
    }

    /// Whether it is one of a newer process of ours.
    pub(super) fn is_inner(&self) -> bool {
        self.inner
    }
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
