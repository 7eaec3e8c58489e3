//! Content between pingora's sessions and the fallback: read whole and bounded, written whole or part by part.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, StatusCode, Version};
use pingora::Result;
use pingora::http::ResponseHeader;
use pingora::protocols::http::ServerSession;
use pingora::proxy::Session;
use tokio::time::timeout;
use towpath_fallback::{Body, TooLarge};

use crate::answer::write_content;
use crate::changes::Changes;
use crate::field_lines::FieldLines;

/// Lines that are added to most answers, and the bytes that they take.
const MORE: (usize, usize) = (4, 128);

/// The content of a request to the fallback.
pub(crate) type Content = std::result::Result<Bytes, TooLarge>;

/// Why there is no content.
pub(super) enum ReadError {
    /// It did not arrive in time.
    TooSlow,
    /// The connection failed.
    Broken(Box<pingora::Error>),
}

/// Reads a request's content, up to `most` bytes, within `limit` altogether.
pub(super) async fn read(
    session: &mut Session,
    most: usize,
    limit: Duration,
) -> std::result::Result<Content, ReadError> {
    session.set_read_timeout(Some(limit));
    match timeout(limit, collect(&mut session.downstream_session, most)).await {
        Ok(content) => content.map_err(ReadError::Broken),
        Err(_) => Err(ReadError::TooSlow),
    }
}

/// How much more is read of content that is too large already. Its client hears the answer only when it has sent all:
/// closing a connection on which something is left to read resets it.
const DRAINED: usize = 1 << 20;

/// Most content comes in one piece, which is not copied.
async fn collect(session: &mut ServerSession, most: usize) -> Result<Content> {
    let mut whole = Bytes::new();
    let mut joined = BytesMut::new();
    while let Some(piece) = session.read_request_body().await? {
        if whole.len() + joined.len() + piece.len() > most {
            drain(session).await?;
            return Ok(Err(TooLarge));
        }
        if whole.is_empty() && joined.is_empty() {
            whole = piece;
        } else {
            joined.extend_from_slice(&std::mem::take(&mut whole));
            joined.extend_from_slice(&piece);
        }
    }
    Ok(Ok(if joined.is_empty() {
        whole
    } else {
        joined.freeze()
    }))
}

async fn drain(session: &mut ServerSession) -> Result<()> {
    let mut drained = 0;
    while drained < DRAINED {
        match session.read_request_body().await? {
            Some(piece) => drained += piece.len(),
            None => break,
        }
    }
    Ok(())
}

/// Writes a response and waits until the client has it, or is gone.
pub(super) async fn write(
    session: &mut Session,
    response: http::Response<Body>,
    changes: Option<&Changes>,
) -> Result<()> {
    let old = session.req_header().version == Version::HTTP_10;
    let (status, lines, mut body) = head(response, old, changes)?;
    let mut header = ResponseHeader::build(status, None)?;
    lines.add_to(&mut header)?;
    if old && body.size().is_none() {
        session.set_keepalive(None);
    }
    let client = &mut session.downstream_session;
    let written = async {
        client.write_response_header(Box::new(header)).await?;
        if body.size().is_some() {
            let whole = body.next().await.unwrap_or_default();
            return write_content(client, whole).await;
        }
        while let Some(part) = next_part(client, &mut body).await? {
            client.write_response_body(part, false).await?;
        }
        client.write_response_body(Bytes::new(), true).await
    };
    written.await.map_err(|e| e.into_down())
}

/// A response's status and field lines, framed for our hop, and its content.
pub(crate) fn head(
    response: http::Response<Body>,
    old: bool,
    changes: Option<&Changes>,
) -> Result<(StatusCode, FieldLines, Body)> {
    let (head, body) = response.into_parts();
    let mut lines = FieldLines::of_map(&head.headers, MORE);
    match body.size() {
        // RFC 9110 §8.6.
        Some(0) if has_no_content(head.status) => {}
        Some(size) => lines.replace("Content-Length", HeaderValue::from(size).as_bytes()),
        // A client of HTTP/1.0 knows no chunks (RFC 9112 §6.1): the connection's end is the content's end.
        None if old => {}
        None => lines.replace("Transfer-Encoding", b"chunked"),
    }
    if let Some(changes) = changes {
        changes.apply(&mut lines)?;
    }
    Ok((head.status, lines, body))
}

fn has_no_content(status: StatusCode) -> bool {
    matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

/// The next part of a stream, unless the client leaves first.
async fn next_part(client: &mut ServerSession, body: &mut Body) -> Result<Option<Bytes>> {
    tokio::select! {
        part = body.next() => Ok(part),
        gone = client.read_body_or_idle(true) => gone.map(|_| None),
    }
}
