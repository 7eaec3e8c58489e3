//! How the servers of a group are spoken to: over TLS or not, and which HTTP.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use pingora::protocols::ALPN;
use pingora::protocols::tls::CaType;
use pingora::upstreams::peer::HttpPeer;
use pingora::utils::tls::{CertKey, WrappedX509, parse_x509};
use towpath_conf::{ProxyVersion, Upstream};

use super::introduction::Introduction;
use crate::keepalive::KEEPALIVE;
use crate::proxy_protocol::{Addresses, encode};
use crate::tls::FileError;
use crate::tls::files::{certificates, key_pair};

/// What a connection to a server is made with.
#[derive(Clone, Default)]
pub(crate) struct Transport {
    tls: Option<ClientTls>,
    http2: bool,
    header: Option<ProxyVersion>,
    /// Connections of others are never used: pingora does not tell by whom certificates must be signed.
    group_key: u64,
}

/// Our side of TLS.
#[derive(Clone)]
struct ClientTls {
    /// `None` only where nothing is verified: pingora verifies nothing without a name.
    name: Option<String>,
    verify: bool,
    ca: Option<Arc<CaType>>,
    pair: Option<Arc<CertKey>>,
}

impl Transport {
    /// What `conf` says, its files read.
    pub(crate) fn new(upstream: &str, conf: &Upstream) -> Result<Self, FileError> {
        let tls = conf.tls.enabled.then(|| ClientTls::new(conf)).transpose()?;
        if tls.as_ref().is_some_and(|tls| !tls.verify) {
            tracing::warn!(upstream, "certificates of its servers are not verified");
        }
        let mut hasher = DefaultHasher::new();
        (upstream, format!("{:?}", conf.tls), conf.http2).hash(&mut hasher);
        for path in [&conf.tls.ca, &conf.tls.certificate, &conf.tls.key] {
            path.as_ref()
                .and_then(|path| std::fs::read(path).ok())
                .hash(&mut hasher);
        }
        Ok(Self {
            tls,
            http2: conf.http2,
            header: conf.proxy_protocol.get(),
            group_key: hasher.finish(),
        })
    }

    /// Another number for other settings.
    pub(crate) fn fingerprint(&self) -> u64 {
        self.group_key
    }

    /// The scheme that servers are spoken to in.
    pub(crate) fn is_secure(&self) -> bool {
        self.tls.is_some()
    }

    /// What a connection begins with that is made for the client with these addresses; mostly nothing.
    pub(crate) fn introduction(&self, of: Option<Addresses>) -> Vec<u8> {
        let header = self.header.map(|version| encode(version, of));
        header.unwrap_or_default()
    }

    /// For a connection of its own, which then speaks HTTP/1.1.
    /// It is made for the client with these addresses; `None`: for ourselves.
    pub(crate) fn tunnel_peer(
        &self,
        address: SocketAddr,
        of: Option<Addresses>,
        connect_timeout: Duration,
    ) -> HttpPeer {
        let mut peer = self.peer(address, of, connect_timeout);
        peer.options.alpn = ALPN::H1;
        peer
    }

    /// For a connection of HTTP/2 that several clients' tunnels share, so it is ours.
    pub(crate) fn shared_peer(&self, address: SocketAddr, connect_timeout: Duration) -> HttpPeer {
        let mut peer = self.peer(address, None, connect_timeout);
        peer.options.alpn = ALPN::H2;
        peer
    }

    /// For plain requests, through the pool.
    pub(crate) fn http_peer(
        &self,
        address: SocketAddr,
        of: Option<Addresses>,
        connect_timeout: Duration,
    ) -> HttpPeer {
        let mut peer = self.peer(address, of, connect_timeout);
        peer.options.alpn = match (self.http2, self.is_secure()) {
            (false, _) => ALPN::H1,
            // The server may know no better.
            (true, true) => ALPN::H2H1,
            (true, false) => ALPN::H2,
        };
        peer
    }

    fn peer(
        &self,
        address: SocketAddr,
        of: Option<Addresses>,
        connect_timeout: Duration,
    ) -> HttpPeer {
        let name = self.tls.as_ref().map(|tls| {
            let own = tls.name.clone();
            own.unwrap_or_else(|| address.ip().to_string())
        });
        let mut peer = HttpPeer::new(address, self.is_secure(), name.unwrap_or_default());
        peer.group_key = self.group_key;
        peer.options.connection_timeout = Some(connect_timeout);
        peer.options.total_connection_timeout = Some(connect_timeout);
        peer.options.tcp_keepalive = Some(KEEPALIVE);
        if let Some(tls) = &self.tls {
            peer.options.verify_cert = tls.verify;
            peer.options.verify_hostname = tls.verify;
            peer.options.ca.clone_from(&tls.ca);
            peer.client_cert_key.clone_from(&tls.pair);
        }
        if let Some(version) = self.header {
            peer.options.custom_l4 = Some(Arc::new(Introduction(encode(version, of))));
            let mut hasher = DefaultHasher::new();
            (self.group_key, of).hash(&mut hasher);
            peer.group_key = hasher.finish();
        }
        peer
    }
}

impl ClientTls {
    fn new(conf: &Upstream) -> Result<Self, FileError> {
        let tls = &conf.tls;
        let ca = match &tls.ca {
            Some(path) => {
                let certificates = certificates(path)?.into_iter();
                let wrap = |der: rustls::pki_types::CertificateDer<'_>| {
                    WrappedX509::new(der.to_vec(), parse_x509)
                };
                Some(certificates.map(wrap).collect())
            }
            None => None,
        };
        let pair = match (&tls.certificate, &tls.key) {
            (Some(certificate), Some(key)) => {
                let (chain, key) = key_pair(certificate, key)?;
                Some(Arc::new(CertKey::new(chain, key)))
            }
            _ => None,
        };
        Ok(Self {
            name: conf.server_name().map(str::to_owned),
            verify: tls.verify,
            ca,
            pair,
        })
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport")
            .field("secure", &self.is_secure())
            .field("http2", &self.http2)
            .finish_non_exhaustive()
    }
}
