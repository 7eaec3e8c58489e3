//! An HTTP/2 connection (RFC 9113): one task for it, and one for each of its streams. Which bytes it begins with is
//! looked at without TLS only; with TLS the handshake has agreed on it.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, header};
use pingora::apps::HttpServerApp;
use pingora::http::RequestHeader;
use pingora::protocols::http::ServerSession;
use pingora::protocols::http::v2::server::{H2Accept, HttpSession, handshake};
use pingora::protocols::{Digest, GetProxyDigest, GetSocketDigest, GetTimingDigest, Ssl, UniqueID};
use pingora::proxy::HttpProxy;
use pingora::server::ShutdownWatch;
use tokio::time::{sleep, timeout};

use super::closing;
use super::connection::{Connection, StreamPlace, Streams};
use super::downstream::Downstream;
use super::entrance::Http2Settings;
use crate::answer::Refusal;
use crate::gateway::Gateway;
use crate::shared::Shared;

/// What a connection begins with (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Streams of one connection that may be malformed; then it is closed.
const MAX_MALFORMED: usize = 32;

/// When a connection is given up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// For the client to say its preface.
    pub(super) preface: Duration,
    /// Without a stream.
    pub(super) idle: Duration,
    /// So many streams, one after the other.
    pub(super) streams: Option<u32>,
}

/// What the first bytes of a connection say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beginning {
    Http2,
    Other,
    /// Too few to tell.
    Unknown,
}

impl Beginning {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let len = bytes.len().min(PREFACE.len());
        match (bytes.get(..len) == PREFACE.get(..len), len == PREFACE.len()) {
            (true, true) => Self::Http2,
            (true, false) => Self::Unknown,
            (false, _) => Self::Other,
        }
    }
}

/// Serves a connection until it is over. On shutdown, its client is told to open no more streams.
pub(super) async fn serve(
    proxy: &Arc<HttpProxy<Gateway>>,
    shared: &Arc<Shared>,
    client: Box<Downstream>,
    connection: Arc<Connection>,
    settings: Http2Settings,
    patience: Patience,
    shutdown: ShutdownWatch,
) {
    let digest = Arc::new(Digest {
        ssl_digest: client.get_ssl_digest(),
        timing_digest: client.get_timing_digest(),
        proxy_digest: client.get_proxy_digest(),
        socket_digest: client.get_socket_digest(),
    });
    let id = client.id();
    let Some(peer) = connection.client() else {
        return;
    };
    let greeted = timeout(patience.preface, handshake(client, Some(settings.options)));
    let Ok(Ok(mut http2)) = greeted.await else {
        tracing::debug!(connection = id, "no HTTP/2 preface");
        return;
    };
    let streams = Arc::new(Streams::default());
    let (mut first, mut draining, mut malformed) = (true, false, 0);
    let mut left = patience.streams;
    loop {
        let accepted = tokio::select! {
            biased;
            () = closing(&shutdown, shared, first), if !draining => {
                http2.graceful_shutdown();
                draining = true;
                continue;
            }
            accepted = HttpSession::from_h2_conn(&mut http2, digest.clone()) => accepted,
            () = idle(&streams, patience.idle) => {
                // A client that is gone says nothing to that either.
                if draining {
                    return;
                }
                http2.graceful_shutdown();
                draining = true;
                continue;
            }
        };
        match accepted {
            Ok(Some(H2Accept::Session(mut session))) => {
                let place =
                    StreamPlace::new(connection.clone(), streams.clone(), settings.websocket);
                let place = Arc::new(place);
                first = false;
                let request = session.req_header_mut();
                request.extensions_mut().insert(place.clone());
                if let Err(error) = complete(request) {
                    tracing::debug!(connection = id, %error, "malformed request");
                    continue;
                }
                left = left.map(|left| left.saturating_sub(1));
                if left == Some(0) && !draining {
                    http2.graceful_shutdown();
                    draining = true;
                }
                let (proxy, shared) = (proxy.clone(), shared.clone());
                let (client, shutdown) = (peer, shutdown.clone());
                tokio::spawn(async move {
                    let session = ServerSession::new_http2(session);
                    tokio::select! {
                        // First, so that content which has come in time counts.
                        biased;
                        _ = proxy.process_new_http(session, &shutdown) => {}
                        // The stream is reset, since its request is dropped.
                        () = place.starved() => shared.refused(client, Refusal::RequestTimeout),
                    }
                });
            }
            Ok(Some(H2Accept::Rejected)) if malformed < MAX_MALFORMED => {
                malformed += 1;
                shared.refused(peer, Refusal::Malformed("malformed request"));
            }
            // The client has closed it, or has broken it.
            Ok(Some(H2Accept::Rejected) | None) | Err(_) => return,
        }
    }
}

/// Gives a request the form that it would have had over HTTP/1.1, which everything behind reads: a Host (RFC 9113
/// §8.3.1), and one Cookie field instead of crumbs of it (§8.2.3).
fn complete(request: &mut RequestHeader) -> pingora::Result<()> {
    let authority = request.uri.authority().map(|it| it.as_str().to_owned());
    if let Some(authority) = authority {
        request.insert_header(header::HOST, authority)?;
    }
    let crumbs = request.headers.get_all(header::COOKIE);
    if crumbs.iter().nth(1).is_some() {
        let crumbs: Vec<_> = crumbs.iter().map(HeaderValue::as_bytes).collect();
        request.insert_header(header::COOKIE, crumbs.join(&b"; "[..]))?;
    }
    Ok(())
}

/// Waits until there has been no stream for so long. Whenever one begins, the wait begins anew.
async fn idle(streams: &Streams, patience: Duration) {
    streams.none().await;
    sleep(patience).await;
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_request_has_one_host_and_one_cookie() {
        let request = http::Request::get("https://example.com/")
            .header("cookie", "a=1")
            .header("cookie", "b=2; c=3");
        let mut request = RequestHeader::from(request.body(()).unwrap().into_parts().0);
        complete(&mut request).unwrap();
        let values = |name| request.headers.get_all(name).iter().collect::<Vec<_>>();
        assert_eq!(values("host"), ["example.com"]);
        assert_eq!(values("cookie"), ["a=1; b=2; c=3"]);
    }

    #[test]
    fn a_connection_is_told_by_its_first_bytes() {
        for (bytes, beginning) in [
            ("", Beginning::Unknown),
            ("P", Beginning::Unknown),
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r", Beginning::Unknown),
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Beginning::Http2),
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nmore", Beginning::Http2),
            ("POST / HTTP/1.1\r\n", Beginning::Other),
            ("PRI * HTTP/1.1\r\n", Beginning::Other),
        ] {
            assert_eq!(Beginning::of(bytes.as_bytes()), beginning, "{bytes:?}");
        }
    }
}
