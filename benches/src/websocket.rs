//! A client's WebSocket, in plain text or with TLS, with small buffers: what is measured is what is between the ends.

use std::io;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// Bytes both ways.
pub trait Bytes: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Bytes for S {}

/// An open WebSocket.
pub type Socket = WebSocketStream<Box<dyn Bytes>>;

/// Where WebSockets are opened.
#[derive(Clone)]
pub struct Place {
    host: String,
    path: String,
    tls: Option<TlsConnector>,
}

impl Place {
    /// `path` on `host:port`; with TLS where there is an authority's certificate, a PEM file.
    ///
    /// # Errors
    /// The file is no certificate.
    pub fn new(host: &str, path: &str, authority: Option<&str>) -> io::Result<Self> {
        Ok(Self {
            host: host.to_owned(),
            path: path.to_owned(),
            tls: authority.map(connector).transpose()?,
        })
    }

    /// Opens one.
    ///
    /// # Errors
    /// There is no connection, or it is no WebSocket.
    pub async fn open(&self) -> Result<Socket, Error> {
        let stream = TcpStream::connect(&self.host).await?;
        stream.set_nodelay(true)?;
        let stream: Box<dyn Bytes> = match &self.tls {
            Some(tls) => {
                let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
                Box::new(tls.connect(name, stream).await?)
            }
            None => Box::new(stream),
        };
        let url = format!("ws://{}{}", self.host, self.path);
        let (socket, _) = client_async_with_config(url, stream, Some(small())).await?;
        Ok(socket)
    }
}

/// Buffers of a few KiB, and nothing that waits in them.
#[must_use]
pub fn small() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(4096)
        .write_buffer_size(0)
}

/// A message of so many bytes.
#[must_use]
pub fn message(size: usize) -> Message {
    Message::binary(vec![b'x'; size])
}

fn connector(authority: &str) -> io::Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_file(authority).map_err(io::Error::other)?;
    roots.add(certificate).map_err(io::Error::other)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
