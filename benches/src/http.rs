//! The least of an HTTP/1.1 client that a load needs: one keep-alive connection, one request at a time.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A keep-alive connection, with what was read of the next response.
pub struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
    host: String,
    /// The last response was the last on this connection.
    closes: bool,
}

/// How long a response's content is.
#[derive(Clone, Copy)]
enum Length {
    Known(usize),
    Chunks,
}

impl Connection {
    /// Connects to `host:port`.
    ///
    /// # Errors
    /// It cannot be reached.
    pub async fn new(host: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(host).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            read: Vec::new(),
            host: host.to_owned(),
            closes: false,
        })
    }

    /// Asks for something, and gives the response's content.
    ///
    /// # Errors
    /// The connection fails, or the answer is no success.
    pub async fn post(&mut self, path: &str, body: &[u8]) -> io::Result<Vec<u8>> {
        self.write(path, body).await?;
        self.read().await
    }

    /// Asks for something without content.
    ///
    /// # Errors
    /// The connection fails.
    pub async fn write_get(&mut self, path: &str) -> io::Result<()> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.host);
        self.stream.write_all(request.as_bytes()).await
    }

    /// Sends a request.
    ///
    /// # Errors
    /// The connection fails.
    pub async fn write(&mut self, path: &str, body: &[u8]) -> io::Result<()> {
        if self.closes {
            *self = Self::new(&self.host).await?;
        }
        let mut request = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n",
            self.host,
            body.len()
        )
        .into_bytes();
        request.extend(body);
        self.stream.write_all(&request).await
    }

    /// Reads on in a response that has no end yet; what has come, or nothing where it was the last.
    ///
    /// # Errors
    /// The connection fails.
    pub async fn read_on(&mut self) -> io::Result<Option<&[u8]>> {
        const LAST_CHUNK: &[u8] = b"\r\n0\r\n\r\n";
        // As much is kept as the last chunk may have begun in.
        let kept = self.read.len().saturating_sub(LAST_CHUNK.len());
        self.read.drain(..kept);
        if self.read.ends_with(LAST_CHUNK) {
            self.read.clear();
            return Ok(None);
        }
        let before = self.read.len();
        if self.stream.read_buf(&mut self.read).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(self.read.get(before..))
    }

    /// The next response's content.
    ///
    /// # Errors
    /// The connection fails, or the answer is no success.
    pub async fn read(&mut self) -> io::Result<Vec<u8>> {
        loop {
            if let Some((head, length, closes)) = content(&self.read)? {
                self.closes = closes;
                let content = self.read.get(head..).unwrap_or_default();
                let whole = match length {
                    Length::Known(length) => content.get(..length).map(|c| (c.to_vec(), length)),
                    Length::Chunks => chunks(content)?,
                };
                if let Some((whole, length)) = whole {
                    self.read.drain(..head + length);
                    return Ok(whole);
                }
            }
            if self.stream.read_buf(&mut self.read).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

/// Where a response's content begins, how long it is, and whether another response may follow.
fn content(response: &[u8]) -> io::Result<Option<(usize, Length, bool)>> {
    let mut fields = [httparse::EMPTY_HEADER; 32];
    let mut parsed = httparse::Response::new(&mut fields);
    let head = match parsed.parse(response).map_err(io::Error::other)? {
        httparse::Status::Complete(head) => head,
        httparse::Status::Partial => return Ok(None),
    };
    let code = parsed.code.unwrap_or_default();
    if !(200..300).contains(&code) {
        return Err(io::Error::other(format!("answered with {code}")));
    }
    let field = |name: &str| {
        let mut fields = parsed.headers.iter();
        let field = fields.find(|field| field.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(field.value).ok()
    };
    let length = match (code, field("content-length"), field("transfer-encoding")) {
        (204, ..) => Length::Known(0),
        (_, Some(length), _) => Length::Known(length.parse().map_err(io::Error::other)?),
        (_, None, Some(_)) => Length::Chunks,
        (_, None, None) => return Err(io::Error::other("an answer without a length")),
    };
    let closes = field("connection").is_some_and(|it| it.eq_ignore_ascii_case("close"));
    Ok(Some((head, length, closes)))
}

/// What chunks carry, and how long they are themselves, once the last is there.
fn chunks(mut content: &[u8]) -> io::Result<Option<(Vec<u8>, usize)>> {
    let (mut whole, before) = (Vec::new(), content.len());
    loop {
        let size = httparse::parse_chunk_size(content);
        let Ok(httparse::Status::Complete((head, size))) = size else {
            return match size {
                Ok(_) => Ok(None),
                Err(_) => Err(io::Error::other("not a chunk")),
            };
        };
        let size = usize::try_from(size).map_err(io::Error::other)?;
        let Some(chunk) = content.get(head..head + size) else {
            return Ok(None);
        };
        whole.extend(chunk);
        let Some(rest) = content.get(head + size + 2..) else {
            return Ok(None);
        };
        content = rest;
        if size == 0 {
            return Ok(Some((whole, before - content.len())));
        }
    }
}
