//! The check of a request's head (RFC 9112 §2 to §6) before pingora's parser sees it, without sockets.
//! pingora mends what it can (bare LF, both Content-Length and Transfer-Encoding, a missing Host);
//! a proxy that mends is a proxy that reads a request otherwise than its neighbours do, so here it is refused.

use std::mem::MaybeUninit;

use httparse::{Header, Request, Status};
use memchr::{memchr, memchr_iter};
use thiserror::Error;

use super::target::{check_host, check_target};

/// More header lines than this are refused with 431.
const MAX_HEADERS: usize = 100;

/// Why a head is refused, in words for the operator.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum HeadFault {
    /// The grammar is broken; answered 400.
    #[error("{0}")]
    Malformed(&'static str),
    /// Too many bytes or lines; answered 431.
    #[error("request header too large")]
    TooLarge,
    /// CONNECT: this is not a forward proxy; answered 405.
    #[error("CONNECT is not supported")]
    Connect,
    /// A transfer coding other than chunked; answered 501 (RFC 9112 §6.1).
    #[error("transfer coding not supported")]
    TransferCoding,
}

/// How the request's content is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// This many bytes follow the head.
    Length(u64),
    /// Chunks follow.
    Chunked,
}

/// A complete head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// Bytes up to and including the empty line.
    pub(crate) len: usize,
    /// What follows.
    pub(crate) framing: Framing,
    /// Whether it has an Upgrade field.
    pub(crate) upgrade: bool,
}

/// Finds the end of a head in a growing buffer; every byte is looked at once.
#[derive(Debug, Default)]
pub(crate) struct HeadScanner {
    scanned: usize,
    line_start: usize,
}

impl HeadScanner {
    /// Whether no line has ended yet, so that empty lines may still be skipped.
    pub(crate) fn is_new(&self) -> bool {
        self.line_start == 0
    }

    /// Looks at what is new in `buf`, which must begin with what it held at the last call.
    /// `None`: more bytes are needed.
    pub(crate) fn scan(&mut self, buf: &[u8], max_size: usize) -> Result<Option<Head>, HeadFault> {
        let unseen = buf.get(self.scanned..).unwrap_or_default();
        for offset in memchr_iter(b'\n', unseen) {
            let end = self.scanned + offset;
            let line = buf.get(self.line_start..end).unwrap_or_default();
            let Some(line) = line.strip_suffix(b"\r") else {
                return Err(HeadFault::Malformed("line ends without a carriage return"));
            };
            self.line_start = end + 1;
            if line.is_empty() {
                return complete(buf, self.line_start, max_size).map(Some);
            }
        }
        self.scanned = buf.len();
        if buf.len() > max_size {
            return Err(HeadFault::TooLarge);
        }
        Ok(None)
    }
}

/// How many bytes of empty lines stand before the request line; RFC 9112 §2.2 has them ignored.
pub(crate) fn leading_empty_lines(buf: &[u8]) -> usize {
    buf.chunks_exact(2)
        .take_while(|pair| pair == b"\r\n")
        .count()
        * 2
}

fn complete(buf: &[u8], len: usize, max_size: usize) -> Result<Head, HeadFault> {
    if len > max_size {
        return Err(HeadFault::TooLarge);
    }
    let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
    let mut request = Request::new(&mut []);
    let head = buf.get(..len).unwrap_or_default();
    match request.parse_with_uninit_headers(head, &mut headers) {
        Ok(Status::Complete(parsed)) if parsed == len => {}
        Ok(_) => return Err(HeadFault::Malformed("incomplete header")),
        Err(httparse::Error::TooManyHeaders) => return Err(HeadFault::TooLarge),
        Err(e) => return Err(HeadFault::Malformed(describe(e))),
    }
    if request.method == Some("CONNECT") {
        return Err(HeadFault::Connect);
    }
    check_target(
        request.method.unwrap_or_default(),
        request.path.unwrap_or_default(),
    )?;
    let old = request.version != Some(1);
    check_hosts(request.headers, old)?;
    Ok(Head {
        len,
        framing: framing(request.headers, old)?,
        upgrade: values(request.headers, "upgrade").next().is_some(),
    })
}

/// The first line of a head that has passed the check, and the fields in the others: each name as it is spelt, and its
/// value. The check has read it strictly, so that it need only be taken apart here.
pub(super) fn parts(head: &[u8]) -> (&[u8], impl Iterator<Item = (&[u8], &[u8])>) {
    let mut lines = lines(head);
    let first = lines.next().unwrap_or_default();
    let fields = lines.filter_map(|line| {
        let colon = memchr(b':', line)?;
        Some((line.get(..colon)?, line.get(colon + 1..)?.trim_ascii()))
    });
    (first, fields)
}

/// Its lines, without their ends.
fn lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut start = 0;
    memchr_iter(b'\n', head).filter_map(move |end| {
        let line = head.get(start..end)?.strip_suffix(b"\r");
        start = end + 1;
        line
    })
}

fn describe(error: httparse::Error) -> &'static str {
    match error {
        httparse::Error::HeaderName => "invalid header name",
        httparse::Error::HeaderValue => "invalid header value",
        httparse::Error::NewLine => "invalid line end",
        httparse::Error::Token => "invalid request line",
        httparse::Error::Version => "unsupported HTTP version",
        _ => "malformed request",
    }
}

fn values<'h>(headers: &'h [Header<'h>], name: &'static str) -> impl Iterator<Item = &'h [u8]> {
    headers
        .iter()
        .filter(move |h| h.name.eq_ignore_ascii_case(name))
        .map(|h| h.value)
}

/// RFC 9112 §3.2: exactly one Host in HTTP/1.1, at most one in HTTP/1.0.
fn check_hosts(headers: &[Header<'_>], old: bool) -> Result<(), HeadFault> {
    let mut hosts = values(headers, "host");
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => check_host(host),
        (None, _) if old => Ok(()),
        (None, _) => Err(HeadFault::Malformed("no Host header")),
        (Some(_), Some(_)) => Err(HeadFault::Malformed("more than one Host header")),
    }
}

/// RFC 9112 §6.3, without its leniency: one way of framing, said once.
fn framing(headers: &[Header<'_>], old: bool) -> Result<Framing, HeadFault> {
    let mut lengths = values(headers, "content-length");
    let mut codings = values(headers, "transfer-encoding");
    match (lengths.next(), codings.next()) {
        (None, None) => Ok(Framing::Length(0)),
        (Some(_), Some(_)) => Err(HeadFault::Malformed(
            "both Content-Length and Transfer-Encoding",
        )),
        (Some(value), None) if lengths.next().is_none() => content_length(value),
        (Some(_), None) => Err(HeadFault::Malformed("more than one Content-Length")),
        (None, Some(_)) if old => Err(HeadFault::Malformed("Transfer-Encoding in HTTP/1.0")),
        (None, Some(value)) if codings.next().is_none() => chunked(value),
        (None, Some(_)) => Err(HeadFault::Malformed("more than one Transfer-Encoding")),
    }
}

fn content_length(value: &[u8]) -> Result<Framing, HeadFault> {
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(value)
        .ok()
        .filter(|_| digits)
        .and_then(|text| text.parse().ok())
        .map(Framing::Length)
        .ok_or(HeadFault::Malformed("invalid Content-Length"))
}

fn chunked(value: &[u8]) -> Result<Framing, HeadFault> {
    if value.eq_ignore_ascii_case(b"chunked") {
        Ok(Framing::Chunked)
    } else if value
        .split(|b| *b == b',')
        .filter(|c| c.trim_ascii().eq_ignore_ascii_case(b"chunked"))
        .count()
        > 0
    {
        Err(HeadFault::Malformed(
            "chunked is not the only transfer coding",
        ))
    } else {
        Err(HeadFault::TransferCoding)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use httparse::EMPTY_HEADER;
    use proptest::prelude::*;

    use super::*;

    const MAX: usize = 1024;

    fn scan(text: &str) -> Result<Option<Head>, HeadFault> {
        HeadScanner::default().scan(text.as_bytes(), MAX)
    }

    fn malformed(text: &str) -> bool {
        matches!(scan(text), Err(HeadFault::Malformed(_)))
    }

    #[test]
    fn a_head_ends_at_its_empty_line_and_leaves_what_follows() {
        let text = "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabcGET";
        let head = scan(text).unwrap().unwrap();
        assert_eq!(text.get(head.len..), Some("abcGET"));
        assert_eq!(head.framing, Framing::Length(3));
        assert!(!head.upgrade);
    }

    #[test]
    fn a_head_in_single_bytes_gives_the_same() {
        let text = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";
        let mut scanner = HeadScanner::default();
        for end in 1..text.len() {
            assert_eq!(
                scanner.scan(text.get(..end).unwrap(), MAX),
                Ok(None),
                "after {end} bytes"
            );
        }
        assert_eq!(scanner.scan(text, MAX).unwrap().unwrap().len, text.len());
    }

    #[test]
    fn ambiguous_framing_is_refused() {
        for fields in [
            "Content-Length: 1\r\nTransfer-Encoding: chunked",
            "Content-Length: 1\r\nContent-Length: 1",
            "Content-Length: 1, 1",
            "Content-Length: +1",
            "Content-Length:",
            "Content-Length: 99999999999999999999",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: chunked, gzip",
            "Transfer-Encoding: gzip, chunked",
        ] {
            assert!(
                malformed(&format!("POST / HTTP/1.1\r\nHost: h\r\n{fields}\r\n\r\n")),
                "{fields}"
            );
        }
        assert!(malformed(
            "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"
        ));
        let unknown = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n";
        assert_eq!(scan(unknown), Err(HeadFault::TransferCoding));
    }

    #[test]
    fn broken_grammar_is_refused() {
        for text in [
            "GET / HTTP/1.1\nHost: h\n\n",
            "GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n",
            "GET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost : h\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: h\r\n: v\r\n\r\n",
            "GET / HTTP/2.0\r\nHost: h\r\n\r\n",
            "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n",
            "hello\r\n\r\n",
        ] {
            assert!(malformed(text), "{text:?} gave {:?}", scan(text));
        }
    }

    proptest! {
        #[test]
        fn a_head_is_taken_apart_as_it_was_read(
            target in "/[a?~.]{0,4}",
            fields in prop::collection::vec("(a|X-[!a]{1,2}):[ \\t]{0,2}[b: \\t\u{ff}]{0,6}", 0..6),
            end in "(\r\n){1,2}",
        ) {
            let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
            let text = format!("GET {target} HTTP/1.1\r\nHost: h\r\n{fields}{end}");
            if let Ok(Some(head)) = scan(&text) {
                let bytes = text.as_bytes().get(..head.len).unwrap();
                let mut read = [EMPTY_HEADER; MAX_HEADERS];
                let mut request = Request::new(&mut read);
                prop_assert!(request.parse(bytes).unwrap().is_complete());
                let line = format!("GET {} HTTP/1.1", request.path.unwrap());
                let read: Vec<_> = request
                    .headers
                    .iter()
                    .map(|field| (field.name.as_bytes(), field.value))
                    .collect();
                let (first, fields) = parts(bytes);
                prop_assert_eq!(first, line.as_bytes());
                prop_assert_eq!(fields.collect::<Vec<_>>(), read);
            }
        }
    }

    #[test]
    fn http_1_0_needs_no_host() {
        assert!(scan("GET / HTTP/1.0\r\n\r\n").unwrap().is_some());
    }

    #[test]
    fn targets_that_lax_clients_send_are_accepted() {
        assert!(
            scan("GET /?q={\"a\":1}|<x> HTTP/1.1\r\nHost: h\r\n\r\n")
                .unwrap()
                .is_some()
        );
    }

    #[test]
    fn size_and_line_count_are_bounded() {
        let long = format!(
            "GET / HTTP/1.1\r\nHost: h\r\nX: {}\r\n\r\n",
            "a".repeat(MAX)
        );
        assert_eq!(scan(&long), Err(HeadFault::TooLarge));
        assert_eq!(scan(&"a".repeat(MAX + 1)), Err(HeadFault::TooLarge));
        let many = format!(
            "GET / HTTP/1.1\r\nHost: h\r\n{}\r\n",
            "a:\r\n".repeat(MAX_HEADERS)
        );
        assert_eq!(scan(&many), Err(HeadFault::TooLarge));
    }

    #[test]
    fn connect_is_refused() {
        assert_eq!(
            scan("CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n"),
            Err(HeadFault::Connect)
        );
    }

    #[test]
    fn empty_lines_before_the_request_line_are_counted() {
        assert_eq!(leading_empty_lines(b"\r\n\r\nGET"), 4);
        assert_eq!(leading_empty_lines(b"\rGET"), 0);
    }
}
