//! The head of an HTTP/1.1 message: as much of it as a small server, or a box on the way to one, looks at.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

/// Cookies of other servers on the same host come along, whatever their port.
const MAX_HEAD: usize = 64 * 1024;
/// Browsers open connections before they need them, and come back to them later.
const PATIENCE: Duration = Duration::from_secs(60);

/// The bytes of a head, and whatever was read with it.
pub(super) struct Head {
    bytes: Vec<u8>,
    length: usize,
}

/// What a request asks for.
pub(super) struct Request {
    pub(super) method: String,
    /// Without a query.
    pub(super) path: String,
    /// The key of a WebSocket's handshake.
    pub(super) key: Option<String>,
}

impl Head {
    /// Reads a head to its end.
    pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Self> {
        timeout(PATIENCE, Self::read_on(stream)).await?
    }

    async fn read_on(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Self> {
        let mut bytes = Vec::with_capacity(1024);
        loop {
            if let Some(end) = memchr::memmem::find(&bytes, b"\r\n\r\n") {
                let length = end + 4;
                return Ok(Self { bytes, length });
            }
            if bytes.len() > MAX_HEAD || stream.read_buf(&mut bytes).await? == 0 {
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
    }

    /// The head alone.
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// What came behind it.
    pub(super) fn rest(&self) -> &[u8] {
        self.bytes.get(self.length..).unwrap_or_default()
    }

    /// Reads it as a request's.
    pub(super) fn request(&self) -> io::Result<Request> {
        let mut headers = [httparse::EMPTY_HEADER; 100];
        let mut request = httparse::Request::new(&mut headers);
        request.parse(self.bytes()).map_err(io::Error::other)?;
        let key = request
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case("sec-websocket-key"));
        let key = key.and_then(|header| std::str::from_utf8(header.value).ok());
        let target = request.path.unwrap_or_default();
        let path = target.split('?').next().unwrap_or_default();
        Ok(Request {
            method: request.method.unwrap_or_default().to_owned(),
            path: path.to_owned(),
            key: key.map(str::to_owned),
        })
    }
}
