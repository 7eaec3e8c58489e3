//! The backend's side: what it answers to handshakes, and the WebSockets that it has.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use tokio::io::{DuplexStream, duplex};
use tokio::sync::{mpsc, watch};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;
use towpath_fallback::{Backend, DialError, Dialled, Farewell, Handshake, Report};

/// What it answers to a handshake.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Verdict {
    Accept,
    /// With these fields.
    AcceptWith(&'static [(&'static str, &'static str)]),
    Refuse(StatusCode),
    /// In these words.
    RefuseWith(StatusCode, &'static str),
    /// Nothing, ever.
    Silence,
    /// The proxy's own code fails.
    Panic,
}

/// Bytes that are on the way to the backend, or from it, at most.
const PIPE: usize = 1024;

pub(crate) type Server = WebSocketStream<DuplexStream>;

/// What all dials of a test share.
#[derive(Debug)]
pub(crate) struct Backends {
    pub(crate) verdict: Verdict,
    pub(crate) dials: AtomicUsize,
    handshakes: mpsc::UnboundedSender<HeaderMap>,
    servers: mpsc::UnboundedSender<DuplexStream>,
    reports: mpsc::UnboundedSender<Report>,
    draining: watch::Receiver<bool>,
}

/// What a test sees of it.
#[derive(Debug)]
pub(crate) struct Seen {
    handshakes: mpsc::UnboundedReceiver<HeaderMap>,
    servers: mpsc::UnboundedReceiver<DuplexStream>,
    reports: mpsc::UnboundedReceiver<Report>,
    pub(crate) draining: watch::Sender<bool>,
}

/// The way of one session.
pub(crate) struct Way(pub(crate) Arc<Backends>);

pub(crate) fn backends(verdict: Verdict) -> (Arc<Backends>, Seen) {
    let (handshakes, seen_handshakes) = mpsc::unbounded_channel();
    let (servers, seen_servers) = mpsc::unbounded_channel();
    let (reports, seen_reports) = mpsc::unbounded_channel();
    let (draining, drained) = watch::channel(false);
    let backends = Backends {
        verdict,
        dials: AtomicUsize::new(0),
        handshakes,
        servers,
        reports,
        draining: drained,
    };
    let seen = Seen {
        handshakes: seen_handshakes,
        servers: seen_servers,
        reports: seen_reports,
        draining,
    };
    (Arc::new(backends), seen)
}

impl Seen {
    /// The client's own fields of the next handshake.
    pub(crate) async fn handshake(&mut self) -> HeaderMap {
        self.handshakes.recv().await.unwrap()
    }

    /// The next WebSocket.
    pub(crate) async fn server(&mut self) -> Server {
        let stream = self.servers.recv().await.unwrap();
        WebSocketStream::from_raw_socket(stream, Role::Server, None).await
    }

    /// How the next session went that ends.
    pub(crate) async fn report(&mut self) -> Report {
        self.reports.recv().await.unwrap()
    }
}

impl Backend for Way {
    type Stream = DuplexStream;
    type Ending = BoxFuture<'static, Farewell>;

    async fn dial(&mut self, handshake: Handshake) -> Result<Dialled<DuplexStream>, DialError> {
        self.0.dials.fetch_add(1, Ordering::Relaxed);
        let _ = self.0.handshakes.send(handshake.headers);
        match self.0.verdict {
            Verdict::Accept => Ok(self.accept(&[])),
            Verdict::AcceptWith(fields) => Ok(self.accept(fields)),
            Verdict::Refuse(status) => Err(refused(status, "")),
            Verdict::RefuseWith(status, content) => Err(refused(status, content)),
            Verdict::Silence => std::future::pending().await,
            Verdict::Panic => panic!("a fault of the proxy's"),
        }
    }

    fn ending(&self) -> Self::Ending {
        let mut draining = self.0.draining.clone();
        Box::pin(async move {
            if draining.wait_for(|draining| *draining).await.is_err() {
                std::future::pending::<()>().await;
            }
            Farewell::Restart
        })
    }

    fn ended(self, report: Report) {
        let _ = self.0.reports.send(report);
    }
}

impl Way {
    fn accept(&self, fields: &[(&'static str, &'static str)]) -> Dialled<DuplexStream> {
        let (ours, servers) = duplex(PIPE);
        let _ = self.0.servers.send(servers);
        let fields = fields.iter().map(|(name, value)| {
            let name = HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        });
        Dialled {
            stream: ours,
            headers: fields.collect(),
        }
    }
}

fn refused(status: StatusCode, content: &'static str) -> DialError {
    DialError::Refused {
        status,
        content: Bytes::from_static(content.as_bytes()),
        headers: HeaderMap::new(),
    }
}
