//! Plain connections to servers, and those that begin by saying whose they are. None of these is ever used for anybody
//! else.

use std::net;

use async_trait::async_trait;
use pingora::connectors::L4Connect;
use pingora::protocols::l4::socket::SocketAddr;
use pingora::protocols::l4::stream::Stream;
use pingora::{Error, ErrorType, OrErr, Result};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// Connects, and says this first.
#[derive(Debug)]
pub(super) struct Introduction(pub(super) Vec<u8>);

#[async_trait]
impl L4Connect for Introduction {
    async fn connect(&self, address: &SocketAddr) -> Result<Stream> {
        let Some(address) = address.as_inet() else {
            return Error::e_explain(ErrorType::InternalError, "not an IP address");
        };
        connect(*address, &self.0).await.map(Stream::from)
    }
}

/// Connects, and says `first`, which may be nothing.
pub(super) async fn connect(address: net::SocketAddr, first: &[u8]) -> Result<TcpStream> {
    let connected = TcpStream::connect(address).await;
    let mut stream = connected.map_err(|error| match error.kind() {
        std::io::ErrorKind::ConnectionRefused => {
            Error::because(ErrorType::ConnectRefused, "connecting", error)
        }
        _ => Error::because(ErrorType::ConnectError, "connecting", error),
    })?;
    if !first.is_empty() {
        let written = stream.write_all(first).await;
        written.or_err(ErrorType::ConnectError, "writing a PROXY header")?;
    }
    Ok(stream)
}
