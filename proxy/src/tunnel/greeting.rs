//! A handshake over plain TCP: the request as bytes, and the 101 that nearly always answers it. Whatever else comes is
//! left to pingora, which reads it from the beginning: refusals with their content, and what is no HTTP at all.

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use httparse::{EMPTY_HEADER, Status};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::protocols::http::v1::client::http_req_header_to_wire;
use pingora::{Error, ErrorType, OrErr, Result};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// A head that is not whole by then is pingora's, which has a bound of its own.
const MOST: usize = 16 * 1024;
const MOST_FIELDS: usize = 64;
/// Room for most heads.
const ROOM: usize = 1024;

/// What a server says to a handshake.
#[derive(Debug)]
pub(super) enum Greeting {
    /// 101, not yet proven, and what came right behind it.
    Switching {
        response: Box<ResponseHeader>,
        early: Bytes,
    },
    /// Something else, which begins with these bytes.
    Other(BytesMut),
}

/// What the bytes that have been read are.
#[derive(Debug)]
enum Seen {
    Partial,
    Interim(usize),
    Switching(usize, Box<ResponseHeader>),
    Other,
}

/// Sends the request and reads as far as the answer's head.
pub(super) async fn exchange(
    server: &mut (impl AsyncRead + AsyncWrite + Unpin),
    request: &RequestHeader,
) -> Result<Greeting> {
    let Some(wire) = http_req_header_to_wire(request) else {
        return Error::e_explain(ErrorType::InvalidHTTPHeader, "not a request for HTTP/1.1");
    };
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
        (Some(1), Some(101)) => {
            header(&parsed).map_or(Seen::Other, |it| Seen::Switching(len, Box::new(it)))
        }
        (Some(1), Some(100..=199)) => Seen::Interim(len),
        _ => Seen::Other,
    }
}

/// As pingora has it: names as they are spelt, and the reason as it was given.
fn header(parsed: &httparse::Response<'_, '_>) -> Option<ResponseHeader> {
    let fields = Some(parsed.headers.len());
    let mut response = ResponseHeader::build(StatusCode::SWITCHING_PROTOCOLS, fields).ok()?;
    response.set_reason_phrase(parsed.reason).ok()?;
    for field in parsed.headers.iter() {
        response
            .append_header(field.name.to_owned(), field.value)
            .ok()?;
    }
    Some(response)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use http::Method;
    use tokio::io::duplex;

    use super::*;

    const SWITCHING: &str =
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nX-Case: as Is\r\n\r\n";

    /// What is made of an answer that comes in these pieces, before the end.
    async fn answered(pieces: &[&str]) -> Greeting {
        let (mut ours, mut theirs) = duplex(64 * 1024);
        let request = RequestHeader::build(Method::GET, b"/chat", None).unwrap();
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
        tokio::join!(exchange(&mut ours, &request), answer)
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
            assert_eq!(response.headers["upgrade"], "websocket");
            let mut wire = BytesMut::new();
            response.header_to_h1_wire(&mut wire);
            assert!(wire.starts_with(b"upgrade: websocket\r\nX-Case: as Is"));
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
