//! A handshake over plain TCP: the request as bytes, and the 101 that nearly always answers it. Whatever else comes is
//! left to pingora, which reads it from the beginning: refusals with their content, and what is no HTTP at all.

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use httparse::{EMPTY_HEADER, Status};
use pingora::http::ResponseHeader;
use pingora::{ErrorType, OrErr, Result};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::opening::Opening;
use crate::field_lines::FieldLines;

/// A head that is not whole by then is pingora's, which has a bound of its own.
const MOST: usize = 16 * 1024;
const MOST_FIELDS: usize = 64;
/// Room for most heads.
const ROOM: usize = 1024;
/// Room for what is added on the way to the client: lines, and bytes.
const MORE_LINES: usize = 4;
const MORE: usize = 64;

/// What a server says to a handshake.
#[derive(Debug)]
pub(super) enum Greeting {
    /// 101, not yet proven, and what came right behind it.
    Switching { response: Switching, early: Bytes },
    /// Something else, which begins with these bytes.
    Other(BytesMut),
}

/// What the bytes that have been read are.
#[derive(Debug)]
enum Seen {
    Partial,
    Interim(usize),
    Switching(usize, Switching),
    Other,
}

/// The header of a 101 in HTTP/1.1.
#[derive(Debug)]
pub(crate) struct Switching {
    /// As it was given.
    pub(crate) reason: Cow<'static, str>,
    pub(crate) lines: FieldLines,
}

impl Switching {
    /// Of an answer that pingora has read.
    pub(super) fn of(response: &ResponseHeader) -> Self {
        Self {
            reason: reason(response.get_reason_phrase()),
            lines: FieldLines::of_response(response),
        }
    }

    /// As pingora has it.
    pub(crate) fn to_header(&self) -> Result<ResponseHeader> {
        let mut response = ResponseHeader::build(StatusCode::SWITCHING_PROTOCOLS, None)?;
        response.set_reason_phrase(Some(&self.reason))?;
        self.lines.add_to(&mut response)?;
        Ok(response)
    }
}

/// The usual one takes no memory.
fn reason(given: Option<&str>) -> Cow<'static, str> {
    const USUAL: &str = "Switching Protocols";
    match given.unwrap_or_default() {
        USUAL => Cow::Borrowed(USUAL),
        other => Cow::Owned(other.to_owned()),
    }
}

/// Sends the handshake and reads as far as the answer's head.
pub(super) async fn exchange(
    server: &mut (impl AsyncRead + AsyncWrite + Unpin),
    opening: &Opening,
) -> Result<Greeting> {
    let wire = opening.to_wire()?;
    let written = server.write_all(&wire).await;
    written.or_err(ErrorType::WriteError, "writing the handshake")?;
    drop(wire);
    let mut read = BytesMut::with_capacity(ROOM);
    loop {
        match look(&read) {
            Seen::Partial if read.len() < MOST => {
                let more = server.read_buf(&mut read).await;
                if more.or_err(ErrorType::ReadError, "reading the answer")? == 0 {
                    return Ok(Greeting::Other(read));
                }
            }
            // RFC 9110 §15.2: it says nothing of the answer.
            Seen::Interim(len) => drop(read.split_to(len)),
            Seen::Switching(len, response) => {
                let early = Bytes::copy_from_slice(read.get(len..).unwrap_or_default());
                return Ok(Greeting::Switching { response, early });
            }
            Seen::Partial | Seen::Other => return Ok(Greeting::Other(read)),
        }
    }
}

fn look(read: &[u8]) -> Seen {
    let mut fields = [EMPTY_HEADER; MOST_FIELDS];
    let mut parsed = httparse::Response::new(&mut fields);
    let len = match parsed.parse(read) {
        Ok(Status::Complete(len)) => len,
        Ok(Status::Partial) => return Seen::Partial,
        Err(_) => return Seen::Other,
    };
    match (parsed.version, parsed.code) {
        (Some(1), Some(101)) => Seen::Switching(len, header(&parsed, len)),
        (Some(1), Some(100..=199)) => Seen::Interim(len),
        _ => Seen::Other,
    }
}

fn header(parsed: &httparse::Response<'_, '_>, len: usize) -> Switching {
    let mut lines = FieldLines::with_capacity(parsed.headers.len() + MORE_LINES, len + MORE);
    for field in parsed.headers.iter() {
        lines.push(field.name.as_bytes(), field.value);
    }
    Switching {
        reason: reason(parsed.reason),
        lines,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use http::Method;
    use pingora::http::RequestHeader;
    use tokio::io::duplex;

    use super::*;

    const SWITCHING: &str =
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nX-Case: as Is\r\n\r\n";

    /// What is made of an answer that comes in these pieces, before the end.
    async fn answered(pieces: &[&str]) -> Greeting {
        let (mut ours, mut theirs) = duplex(64 * 1024);
        let request = RequestHeader::build(Method::GET, b"/chat", None).unwrap();
        let opening = Opening::new(&request, |_| true);
        let answer = async {
            let mut head = [0; 18];
            theirs.read_exact(&mut head).await.unwrap();
            assert_eq!(&head, b"GET /chat HTTP/1.1");
            for piece in pieces {
                theirs.write_all(piece.as_bytes()).await.unwrap();
                tokio::task::yield_now().await;
            }
            drop(theirs);
        };
        tokio::join!(exchange(&mut ours, &opening), answer)
            .0
            .unwrap()
    }

    #[tokio::test]
    async fn a_101_is_read_and_nothing_behind_it_is_lost() {
        let whole = format!("{SWITCHING}\u{1}\u{2}hi");
        for cut in [0, 1, 17, SWITCHING.len() - 1, SWITCHING.len(), whole.len()] {
            let (first, second) = whole.split_at(cut);
            let Greeting::Switching { response, early } = answered(&[first, second]).await else {
                panic!("not taken when cut at {cut}");
            };
            assert_eq!(response.reason, "Switching Protocols");
            let lines = response.lines.as_bytes();
            assert_eq!(lines, b"upgrade: websocket\r\nX-Case: as Is\r\n");
            // What comes later stays in the connection.
            assert!(b"\x01\x02hi".starts_with(&early), "{early:?}");
        }
    }

    #[tokio::test]
    async fn interim_answers_are_passed_over() {
        let answer = format!(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n{SWITCHING}"
        );
        for cut in [0, 20, 30, answer.len()] {
            let (first, second) = answer.split_at(cut);
            let greeting = answered(&[first, second]).await;
            assert!(
                matches!(greeting, Greeting::Switching { .. }),
                "{greeting:?}"
            );
        }
    }

    #[tokio::test]
    async fn everything_else_is_handed_on_as_it_came() {
        let long = format!("HTTP/1.1 101 x\r\nX: {}", "y".repeat(MOST));
        for answer in [
            "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno",
            "HTTP/1.0 101 Old\r\n\r\n",
            "SSH-2.0-OpenSSH\r\n",
            "HTTP/1.1 101 Swi",
            "",
            &long,
        ] {
            let Greeting::Other(read) = answered(&[answer]).await else {
                panic!("taken: {answer}");
            };
            assert!(answer.as_bytes().starts_with(&read), "{answer}");
            assert_eq!(read.is_empty(), answer.is_empty());
        }
    }
}
