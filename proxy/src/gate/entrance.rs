//! What the configuration says of one listener, made ready for its connections.

use std::net::IpAddr;

use ipnet::IpNet;
use pingora::protocols::http::v2::server::{H2Options, default_h2_options};
use towpath_conf::{Http2, Limits, Listener};

use crate::tls::{TlsError, TlsServer};

/// What a stream's client may send before it is read: enough for one round trip of a long line.
const STREAM_WINDOW: u32 = 256 * 1024;
/// ... and all streams of a connection.
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// What is kept of one stream for a client that does not take it.
const STREAM_SEND_BUFFER: usize = 64 * 1024;

/// One listener's settings.
#[derive(Debug)]
pub(crate) struct Entrance {
    pub(super) tls: Option<TlsServer>,
    /// Whose connections begin with a PROXY header.
    proxies: Vec<IpNet>,
    pub(super) http2: Option<Http2Settings>,
}

/// How HTTP/2 is spoken.
#[derive(Clone, Debug)]
pub(super) struct Http2Settings {
    pub(super) options: H2Options,
    /// Whether WebSockets may come as streams (RFC 8441).
    pub(super) websocket: bool,
}

impl Entrance {
    /// Reads the files that `listener` names.
    pub(crate) fn new(listener: &Listener, limits: &Limits) -> Result<Self, TlsError> {
        let tls = listener.tls.as_ref();
        Ok(Self {
            tls: tls.map(|tls| TlsServer::new(listener, tls)).transpose()?,
            proxies: listener.proxy_protocol.clone(),
            http2: listener
                .http2
                .enabled
                .then(|| http2_settings(&listener.http2, limits)),
        })
    }
}

impl Entrance {
    /// Whether a connection of this peer begins with a PROXY header.
    pub(super) fn is_proxied(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.proxies.iter().any(|network| network.contains(&peer))
    }
}

/// Within pingora's own bounds, and tighter: nothing that a client can send or refuse to take grows without end. h2
/// itself bounds resets, theirs and ours (CVE-2023-44487, CVE-2025-8671), and empty frames.
fn http2_settings(http2: &Http2, limits: &Limits) -> Http2Settings {
    let mut options = default_h2_options();
    let header_size = u32::try_from(limits.header_size.get()).unwrap_or(u32::MAX);
    options
        .max_concurrent_streams(http2.streams.get())
        .max_header_list_size(header_size)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buffer_size(STREAM_SEND_BUFFER);
    if http2.websocket {
        options.enable_connect_protocol();
    }
    Http2Settings {
        options,
        websocket: http2.websocket,
    }
}
