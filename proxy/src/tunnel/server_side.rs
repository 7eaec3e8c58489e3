//! A server's side of a tunnel: a connection of its own, or a stream of one over HTTP/2 (RFC 8441).

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use h2::RecvStream;
use h2::ext::Protocol;
use http::{Method, StatusCode, Version, header};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::protocols::Stream;
use pingora::protocols::http::v1::client::HttpSession as BackendSession;
use pingora::{Error, ErrorType, OrErr, Result};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::handshake;
use super::replay::Replay;
use super::stream::{Http2Stream, Receive};
use crate::upstream::Http2Place;

/// What a server sends and takes after it has accepted.
pub(crate) enum ServerStream {
    Tcp(Replay<TcpStream>),
    Http1(Box<Replay<Stream>>),
    Http2(Box<Http2Stream<FromServer>>),
}

/// A server's direction of a stream.
pub(crate) struct FromServer {
    content: RecvStream,
    /// Its place on the connection.
    _stream: Arc<()>,
}

/// The content of a server's refusal.
pub(crate) enum Refusal {
    Http1(Box<BackendSession>),
    Http2(FromServer),
}

/// What a server says to a CONNECT.
pub(crate) struct Answer {
    pub(crate) response: Box<ResponseHeader>,
    pub(crate) from: FromServer,
    pub(crate) to: h2::SendStream<Bytes>,
}

/// Asks for a WebSocket on a stream.
pub(crate) async fn connect(
    mut place: Http2Place,
    request: &RequestHeader,
    secure: bool,
) -> Result<Answer> {
    let question = question(request, secure)?;
    let asked = place.sender.send_request(question, false);
    let (response, to) = asked.or_err(ErrorType::H2Error, "sending CONNECT")?;
    let response = response
        .await
        .or_err(ErrorType::H2Error, "waiting for an answer")?;
    let (head, content) = response.into_parts();
    let mut response = ResponseHeader::from(head);
    // What it goes on in, unless its client says otherwise.
    response.set_version(Version::HTTP_11);
    Ok(Answer {
        response: Box::new(response),
        from: FromServer {
            content,
            _stream: place.stream,
        },
        to,
    })
}

/// A handshake as a CONNECT (RFC 8441 §5): without what belongs to HTTP/1.1 and without a key.
fn question(request: &RequestHeader, secure: bool) -> Result<http::Request<()>> {
    let scheme = if secure { "https" } else { "http" };
    let host = request
        .headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let target = request
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str());
    let uri = format!("{scheme}://{}{target}", host.unwrap_or_default());
    let mut question = http::Request::builder()
        .method(Method::CONNECT)
        .version(Version::HTTP_2)
        .uri(uri)
        .extension(Protocol::from_static("websocket"))
        .body(())
        .or_err(ErrorType::InvalidHTTPHeader, "no URI for CONNECT")?;
    let left_out = [
        header::HOST,
        header::CONNECTION,
        header::UPGRADE,
        header::CONTENT_LENGTH,
        header::SEC_WEBSOCKET_KEY,
    ];
    for (name, value) in &request.headers {
        if !left_out.contains(name) {
            question.headers_mut().append(name, value.clone());
        }
    }
    Ok(question)
}

/// The 101 that an acceptance would have been over HTTP/1.1, so that everything behind reads one thing.
pub(crate) fn as_101(answer: &ResponseHeader, request: &RequestHeader) -> Result<ResponseHeader> {
    let fields = Some(answer.headers.len() + 3);
    let mut response = ResponseHeader::build(StatusCode::SWITCHING_PROTOCOLS, fields)?;
    for (name, value) in &answer.headers {
        response.append_header(name, value)?;
    }
    let key = request.headers.get(header::SEC_WEBSOCKET_KEY);
    let accept = handshake::accept(key.map_or(&[], |key| key.as_bytes().trim_ascii()));
    response.insert_header("Sec-WebSocket-Accept", accept)?;
    Ok(response)
}

impl FromServer {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        let next = std::future::poll_fn(|cx| self.poll_receive(cx)).await;
        next.transpose()
            .or_err(ErrorType::H2Error, "reading a refusal")
    }
}

impl Receive for FromServer {
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, h2::Error>>> {
        match ready!(self.content.poll_data(cx)) {
            Some(Ok(data)) => {
                let released = self.content.flow_control().release_capacity(data.len());
                Poll::Ready(Some(released.map(|()| data)))
            }
            other => Poll::Ready(other),
        }
    }
}

impl Refusal {
    /// The next piece of its content, within so long.
    pub(crate) async fn next(&mut self, patience: Duration) -> Result<Option<Bytes>> {
        let next = async {
            match self {
                Self::Http1(backend) => backend.read_body_bytes().await,
                Self::Http2(from) => from.next().await,
            }
        };
        match timeout(patience, next).await {
            Ok(next) => next,
            Err(_) => Error::e_explain(ErrorType::ReadTimedout, "reading a refusal"),
        }
    }
}

impl AsyncRead for ServerStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Http1(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Http2(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for ServerStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Http1(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Http2(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Self::Http1(stream) => Pin::new(stream).poll_flush(cx),
            Self::Http2(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Http1(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Http2(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
