//! One end of a raw TCP connection, for stories in which every byte counts.

use std::net::{IpAddr, SocketAddr};

use bytes::{Buf, BytesMut};
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::{Frame, Head, within};

/// A connection's end, on the client's or on the backend's side.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    unread: BytesMut,
}

impl Wire {
    /// Connects to `address`.
    pub async fn connect(address: SocketAddr) -> Self {
        Self::new(TcpStream::connect(address).await.unwrap())
    }

    /// Connects to `address`, and comes from `source`.
    pub async fn connect_from(source: IpAddr, address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((source, 0).into()).unwrap();
        Self::new(socket.connect(address).await.unwrap())
    }

    pub(crate) fn new(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            unread: BytesMut::new(),
        }
    }

    /// The address that it comes from.
    pub fn local(&self) -> SocketAddr {
        self.stream.local_addr().unwrap()
    }

    /// Sends `bytes`, as one segment if they fit.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        within("bytes are taken", self.stream.write_all(bytes.as_ref()))
            .await
            .unwrap();
    }

    /// Sends `bytes`; `false`: the other end has broken off.
    pub async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        within("bytes are taken", self.stream.write_all(bytes.as_ref()))
            .await
            .is_ok()
    }

    /// Reads just `length` bytes; `None`: the other end has said its last before.
    pub async fn try_bytes(&mut self, length: usize) -> Option<Vec<u8>> {
        while self.unread.len() < length {
            if !self.read_some("more bytes").await {
                return None;
            }
        }
        Some(self.unread.split_to(length).to_vec())
    }

    /// Reads a head up to its empty line; `None`: the other end has left without a word.
    pub async fn try_head(&mut self) -> Option<Head> {
        if self.unread.is_empty() && !self.read_some("a head").await {
            return None;
        }
        Some(self.head().await)
    }

    /// Reads a head up to its empty line.
    pub async fn head(&mut self) -> Head {
        let end = loop {
            if let Some(end) = find(&self.unread, b"\r\n\r\n") {
                break end + 4;
            }
            assert!(
                self.read_some("a head").await,
                "ended within a head: {:?}",
                self.unread
            );
        };
        Head::parse(std::str::from_utf8(&self.unread.split_to(end)).unwrap())
    }

    /// Reads just `length` bytes.
    pub async fn bytes(&mut self, length: usize) -> Vec<u8> {
        while self.unread.len() < length {
            assert!(
                self.read_some("more bytes").await,
                "ended {} of {length} bytes in: {:?}",
                self.unread.len(),
                self.unread
            );
        }
        self.unread.split_to(length).to_vec()
    }

    /// Reads a response: its head, and its content by `Content-Length`.
    pub async fn response(&mut self) -> (Head, String) {
        let head = self.head().await;
        let length = head
            .value("content-length")
            .map_or(0, |length| length.parse().unwrap());
        let content = String::from_utf8(self.bytes(length).await).unwrap();
        (head, content)
    }

    /// Reads chunked content (RFC 9112 §7.1) to its end.
    pub async fn chunks(&mut self) -> Vec<u8> {
        let mut content = Vec::new();
        while let Some(chunk) = self.chunk().await {
            content.extend(chunk);
        }
        content
    }

    /// Reads one chunk; `None` at the content's end.
    pub async fn chunk(&mut self) -> Option<Vec<u8>> {
        let size = self.line().await;
        let size = usize::from_str_radix(&size, 16).expect("a chunk's size");
        if size == 0 {
            while !self.line().await.is_empty() {}
            return None;
        }
        let chunk = self.bytes(size).await;
        assert_eq!(self.line().await, "");
        Some(chunk)
    }

    async fn line(&mut self) -> String {
        loop {
            if let Some(end) = find(&self.unread, b"\r\n") {
                let line = self.unread.split_to(end + 2);
                return String::from_utf8(line[..end].to_vec()).unwrap();
            }
            assert!(
                self.read_some("a line").await,
                "ended within a line: {:?}",
                self.unread
            );
        }
    }

    /// Nothing has come that was not read.
    pub fn is_silent(&mut self) {
        let _ = self.stream.try_read_buf(&mut self.unread);
        assert!(self.unread.is_empty(), "not silent: {:?}", self.unread);
    }

    /// Reads a frame.
    pub async fn frame(&mut self) -> Frame {
        loop {
            if let Some((frame, length)) = Frame::parse(&self.unread) {
                self.unread.advance(length);
                return frame;
            }
            assert!(
                self.read_some("a frame").await,
                "ended within a frame: {:?}",
                self.unread
            );
        }
    }

    /// Waits for the other end to say no more; what it still said is given.
    pub async fn rest(&mut self) -> Vec<u8> {
        while self.read_some("the end").await {}
        self.unread.split().to_vec()
    }

    /// The other end says no more, and said nothing that was not read.
    pub async fn ends(&mut self) {
        let rest = self.rest().await;
        assert!(
            rest.is_empty(),
            "not the end yet: {:?}",
            String::from_utf8_lossy(&rest)
        );
    }

    /// Says no more, but still listens.
    pub async fn half_close(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// Breaks the connection off with RST.
    pub fn reset(self) {
        SockRef::from(&self.stream)
            .set_linger(Some(std::time::Duration::ZERO))
            .unwrap();
    }

    /// Makes the kernel buffer little, so that what is not read piles up at the sender.
    pub fn narrow(&self) {
        SockRef::from(&self.stream)
            .set_recv_buffer_size(4096)
            .unwrap();
    }

    /// Whether anything came. A reset is an end too.
    async fn read_some(&mut self, what: &str) -> bool {
        let read = within(what, self.stream.read_buf(&mut self.unread))
            .await
            .unwrap_or(0);
        read > 0
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}
