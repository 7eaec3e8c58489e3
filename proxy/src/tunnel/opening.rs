//! The client's opening handshake (RFC 6455 §4.1) as a backend gets it: a target and field lines, which go over a plain
//! connection as they are, and are made one of pingora's requests for other ways.

use std::borrow::Cow;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, Method, Version, header};
use pingora::http::RequestHeader;
use pingora::{Error, ErrorType, Result};

use super::handshake;
use crate::classify::hop_by_hop;
use crate::field_lines::FieldLines;
use crate::fields::{Fields, Outgoing, Values};
use crate::forwarded::Client;
use crate::snapshot::Route;
use crate::spelling::respell;

/// Lines that may be added, and bytes that they may take.
const MORE: (usize, usize) = (8, 384);

/// A handshake on its way to a backend.
#[derive(Clone, Debug)]
pub(crate) struct Opening {
    target: Vec<u8>,
    lines: FieldLines,
}

impl Opening {
    /// A client's handshake: end-to-end fields as they came, the hop's own renewed.
    pub(crate) fn of_client(
        request: &RequestHeader,
        client: &Client,
        route: &Route,
    ) -> Result<Self> {
        let own = hop_by_hop(&request.headers);
        let ends = |name: &HeaderName| own.contains(name) || *name == header::CONTENT_LENGTH;
        let mut opening = match request.version {
            Version::HTTP_2 => Self::new(&as_http1(request)?, |name| !ends(name)),
            _ => Self::new(request, |name| !ends(name)),
        };
        route.prepare(&mut opening, client)?;
        opening.upgrade();
        Ok(opening)
    }

    /// With all of the request's fields that are `wanted`.
    pub(crate) fn new(request: &RequestHeader, wanted: impl Fn(&HeaderName) -> bool) -> Self {
        Self {
            target: request.raw_path().to_vec(),
            lines: FieldLines::of_request(request, MORE, wanted),
        }
    }

    /// What it asks for, without the query.
    pub(crate) fn path(&self) -> Cow<'_, str> {
        let path = self.target.split(|byte| *byte == b'?').next();
        String::from_utf8_lossy(path.unwrap_or_default())
    }

    /// Says what is asked for.
    pub(crate) fn upgrade(&mut self) {
        self.replace("Connection", "Upgrade");
        self.replace("Upgrade", "websocket");
    }

    /// Replaces all lines of a field of ours by one.
    pub(crate) fn replace(&mut self, name: &'static str, value: &str) {
        self.lines.replace(name, value.as_bytes());
    }

    /// The bytes for a connection of HTTP/1.1.
    ///
    /// # Errors
    /// The target has something in it that would end it.
    pub(crate) fn to_wire(&self) -> Result<Vec<u8>> {
        if !self.target.iter().all(|byte| *byte > b' ' && *byte != 0x7f) {
            return Error::e_explain(ErrorType::InvalidHTTPHeader, "no target for HTTP/1.1");
        }
        const AROUND: usize = 18;
        let lines = self.lines.as_bytes();
        let mut wire = Vec::with_capacity(self.target.len() + AROUND + lines.len());
        wire.extend_from_slice(b"GET ");
        wire.extend_from_slice(&self.target);
        wire.extend_from_slice(b" HTTP/1.1\r\n");
        wire.extend_from_slice(lines);
        wire.extend_from_slice(b"\r\n");
        Ok(wire)
    }

    /// The same as pingora has requests.
    pub(crate) fn to_request(&self) -> Result<Box<RequestHeader>> {
        let mut request = RequestHeader::build(Method::GET, &self.target, None)?;
        self.lines.add_to(&mut request)?;
        Ok(Box::new(request))
    }
}

/// A CONNECT as the GET that it would have been (RFC 8441 §5). It has no key of its own.
fn as_http1(request: &RequestHeader) -> Result<RequestHeader> {
    let mut request = respell(request)?;
    request.insert_header("Sec-WebSocket-Key", handshake::key())?;
    Ok(request)
}

impl Values for Opening {
    fn values_of(&self, name: HeaderName) -> impl Iterator<Item = &[u8]> {
        self.lines.values_of(name)
    }
}

impl Fields for Opening {
    fn remove(&mut self, name: &HeaderName) {
        self.lines.remove(name);
    }

    fn remove_those(&mut self, unwanted: impl Fn(&[u8]) -> bool) {
        self.lines.remove_those(unwanted);
    }

    fn set(&mut self, name: Bytes, value: HeaderValue) -> Result<()> {
        self.lines.set(name, value)
    }

    fn add(&mut self, name: Bytes, value: HeaderValue) -> Result<()> {
        self.lines.add(name, value)
    }
}

impl Outgoing for Opening {
    fn target(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.target)
    }

    fn set_target(&mut self, target: PathAndQuery) {
        self.target = target.as_str().as_bytes().to_vec();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn request(target: &str, fields: &[(&'static str, &'static str)]) -> RequestHeader {
        let mut request = RequestHeader::build(Method::GET, target.as_bytes(), None).unwrap();
        for (name, value) in fields {
            request.append_header(*name, *value).unwrap();
        }
        request
    }

    #[test]
    fn it_is_the_same_on_every_way() {
        let request = request(
            "/chat?a=b",
            &[("hOst", "h"), ("X-Two", "1"), ("x-two", "2")],
        );
        let mut opening = Opening::new(&request, |_| true);
        opening.upgrade();
        let wire = "GET /chat?a=b HTTP/1.1\r\nhOst: h\r\nX-Two: 1\r\nx-two: 2\r\n\
                    Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
        let written = opening.to_wire().unwrap();
        assert_eq!(String::from_utf8(written).unwrap(), wire);
        let pingoras = opening.to_request().unwrap();
        let again = Opening::new(&pingoras, |_| true);
        assert_eq!(again.to_wire().unwrap(), wire.as_bytes());
        assert_eq!(opening.path(), "/chat");
    }

    #[test]
    fn a_target_cannot_end_its_line() {
        let mut opening = Opening::new(&request("/", &[]), |_| true);
        for target in ["/ HTTP/1.1", "/\r\nX: y", "/\u{7f}"] {
            opening.target = target.as_bytes().to_vec();
            assert!(opening.to_wire().is_err(), "{target:?}");
        }
    }
}
