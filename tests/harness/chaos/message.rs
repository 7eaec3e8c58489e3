//! HTTP/1 messages as an intermediary reads and writes them (RFC 9112 §6), each failure an end of the connection.

use std::io::{self, Error, ErrorKind};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Head;

/// The longest head that is read.
const HEAD: usize = 64 << 10;

/// A connection, and what was read of it too early.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    unread: BytesMut,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            unread: BytesMut::new(),
        })
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// The head of the next message.
    pub(crate) async fn head(&mut self) -> io::Result<Head> {
        let head = self.until(b"\r\n\r\n").await?;
        Ok(Head::parse(&String::from_utf8_lossy(&head)))
    }

    /// The next piece of a message's content; nothing at its end.
    pub(crate) async fn piece(&mut self, content: &mut Content) -> io::Result<Option<Bytes>> {
        match content {
            Content::Length(0) => Ok(None),
            Content::Length(left) => {
                let piece = self.some(*left).await?;
                *left -= piece.len();
                Ok(Some(piece))
            }
            Content::UntilEnd => match self.some(usize::MAX).await {
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
                piece => piece.map(Some),
            },
            Content::Chunked => self.chunk().await,
        }
    }

    /// All of a message's content.
    pub(crate) async fn whole(&mut self, mut content: Content) -> io::Result<Vec<u8>> {
        let mut whole = Vec::new();
        while let Some(piece) = self.piece(&mut content).await? {
            whole.extend_from_slice(&piece);
        }
        Ok(whole)
    }

    /// A whole chunk (RFC 9112 §7.1). After the last one, the trailer section is read and dropped.
    async fn chunk(&mut self) -> io::Result<Option<Bytes>> {
        let size = self.until(b"\r\n").await?;
        let size = String::from_utf8_lossy(&size);
        let size = usize::from_str_radix(size.trim(), 16).map_err(Error::other)?;
        if size == 0 {
            while self.until(b"\r\n").await?.len() > 2 {}
            return Ok(None);
        }
        while self.unread.len() < size + 2 {
            self.more().await?;
        }
        let chunk = self.unread.split_to(size).freeze();
        self.unread.advance(2);
        Ok(Some(chunk))
    }

    async fn some(&mut self, most: usize) -> io::Result<Bytes> {
        if self.unread.is_empty() {
            self.more().await?;
        }
        let length = most.min(self.unread.len());
        Ok(self.unread.split_to(length).freeze())
    }

    async fn until(&mut self, mark: &[u8]) -> io::Result<Bytes> {
        loop {
            let found = self.unread.windows(mark.len()).position(|w| w == mark);
            if let Some(at) = found {
                return Ok(self.unread.split_to(at + mark.len()).freeze());
            }
            if self.unread.len() > HEAD {
                return Err(ErrorKind::InvalidData.into());
            }
            self.more().await?;
        }
    }

    async fn more(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.unread).await? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

/// How a message's content is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// So much is still to come.
    Length(usize),
    /// In chunks.
    Chunked,
    /// By the connection's end: responses only.
    UntilEnd,
}

impl Content {
    pub(crate) fn of_request(head: &Head) -> Self {
        Self::declared(head).unwrap_or(Self::Length(0))
    }

    pub(crate) fn of_response(head: &Head) -> Self {
        match head.status() {
            204 | 304 => Self::Length(0),
            _ => Self::declared(head).unwrap_or(Self::UntilEnd),
        }
    }

    fn declared(head: &Head) -> Option<Self> {
        if head.value("transfer-encoding").is_some() {
            return Some(Self::Chunked);
        }
        head.value("content-length")?.parse().ok().map(Self::Length)
    }
}

/// A head as it goes out: the version of this hop, the fields that are not of one hop, and `own` ones (with CRLF).
pub(crate) fn head_bytes(start: &str, head: &Head, own: &str) -> Vec<u8> {
    const OF_ONE_HOP: [&str; 5] = [
        "connection",
        "content-length",
        "keep-alive",
        "te",
        "transfer-encoding",
    ];
    let mut text = format!("{start}\r\n");
    for (name, value) in &head.fields {
        if !OF_ONE_HOP.iter().any(|hop| name.eq_ignore_ascii_case(hop)) {
            text.extend([name, ": ", value, "\r\n"]);
        }
    }
    text.extend([own, "\r\n"]);
    text.into_bytes()
}
