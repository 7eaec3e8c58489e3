//! The field lines of a message over HTTP/1.1 (RFC 9112 §5), in their order and as they are spelt. pingora keeps two
//! tables for the fields of a message, one by name and one of spellings; handshakes and the answers of sessions are
//! written once, looked up a few times, and have few enough lines to be gone through.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::{ErrorType, OrErr, Result};

use crate::fields::{Fields, Values};

/// A line takes this much beside its name and value: a colon, a space, and its end.
const AROUND: usize = 4;

/// Field lines in their order, as the bytes that go over the wire.
#[derive(Clone, Debug, Default)]
pub(crate) struct FieldLines {
    bytes: Vec<u8>,
    lines: Vec<Line>,
}

/// Where a line is.
#[derive(Clone, Copy, Debug)]
struct Line {
    start: usize,
    /// Of its name.
    name: usize,
    /// With the end of the line.
    len: usize,
}

impl FieldLines {
    /// None yet, with room for so many lines in so many bytes.
    pub(crate) fn with_capacity(lines: usize, bytes: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bytes),
            lines: Vec::with_capacity(lines),
        }
    }

    /// Adds a line. Name and value have been checked by whoever has read them, or are ours.
    pub(crate) fn push(&mut self, name: &[u8], value: &[u8]) {
        let line = Line {
            start: self.bytes.len(),
            name: name.len(),
            len: name.len() + value.len() + AROUND,
        };
        self.bytes.reserve(line.len);
        self.bytes.extend_from_slice(name);
        self.bytes.extend_from_slice(b": ");
        self.bytes.extend_from_slice(value);
        self.bytes.extend_from_slice(b"\r\n");
        self.lines.push(line);
    }

    /// Replaces all lines of a field of ours by one.
    pub(crate) fn replace(&mut self, name: &'static str, value: &[u8]) {
        self.retain(|spelt| !spelt.eq_ignore_ascii_case(name.as_bytes()));
        self.push(name.as_bytes(), value);
    }

    /// Adds those of a message's fields that are `wanted`: by `spellings`, or else as their names are.
    fn extend<'h>(
        &mut self,
        fields: &'h HeaderMap,
        mut spellings: impl Iterator<Item = &'h [u8]>,
        wanted: impl Fn(&HeaderName) -> bool,
    ) {
        for (name, value) in fields {
            let spelt = spellings.next().unwrap_or(name.as_str().as_bytes());
            if wanted(name) {
                self.push(spelt, value.as_bytes());
            }
        }
    }

    /// Those of a table, with room for `more` lines in so many `bytes`.
    pub(crate) fn of_map(fields: &HeaderMap, (more, bytes): (usize, usize)) -> Self {
        let mut lines = Self::with_capacity(fields.len() + more, size(fields) + bytes);
        for (name, value) in fields {
            let at = lines.bytes.len();
            lines.push(name.as_str().as_bytes(), value.as_bytes());
            capitalise(lines.bytes.iter_mut().skip(at).take(name.as_str().len()));
        }
        lines
    }

    /// Those of a request whose fields are `wanted`, with room for `more` lines in so many `bytes`.
    pub(crate) fn of_request(
        request: &RequestHeader,
        (more, bytes): (usize, usize),
        wanted: impl Fn(&HeaderName) -> bool,
    ) -> Self {
        let fields = &request.headers;
        let mut lines = Self::with_capacity(fields.len() + more, size(fields) + bytes);
        let spellings = request.case_header_iter().map(|(name, _)| name.as_slice());
        lines.extend(fields, spellings, wanted);
        lines
    }

    /// Those of a response.
    pub(crate) fn of_response(response: &ResponseHeader) -> Self {
        let fields = &response.headers;
        let mut lines = Self::with_capacity(fields.len(), size(fields));
        let spellings = response.case_header_iter();
        let spellings = spellings.map(|(name, _)| name.as_slice());
        lines.extend(fields, spellings, |_| true);
        lines
    }

    /// As they go over the wire, without the empty line behind them.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The head of a response that has them, with `room` behind it.
    pub(crate) fn response(&self, status: StatusCode, reason: &str, room: usize) -> BytesMut {
        // What a head has around its reason and its lines.
        const AROUND: usize = 17;
        let len = AROUND + reason.len() + self.bytes.len() + room;
        let mut head = BytesMut::with_capacity(len);
        head.extend_from_slice(b"HTTP/1.1 ");
        head.extend_from_slice(status.as_str().as_bytes());
        head.extend_from_slice(b" ");
        head.extend_from_slice(reason.as_bytes());
        head.extend_from_slice(b"\r\n");
        head.extend_from_slice(&self.bytes);
        head.extend_from_slice(b"\r\n");
        head
    }

    /// Each name, as it is spelt, with its value.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.lines.iter().map(|line| line.parts(&self.bytes))
    }

    /// As a table.
    ///
    /// # Errors
    /// What has been pushed is no field.
    pub(crate) fn to_map(&self) -> http::Result<HeaderMap> {
        let mut map = HeaderMap::with_capacity(self.lines.len());
        for (name, value) in self.iter() {
            map.append(
                HeaderName::from_bytes(name)?,
                HeaderValue::from_bytes(value)?,
            );
        }
        Ok(map)
    }

    /// Adds them to a message of pingora's.
    ///
    /// # Errors
    /// What has been pushed is no field.
    pub(crate) fn add_to(&self, message: &mut impl Fields) -> Result<()> {
        for (name, value) in self.iter() {
            let value = HeaderValue::from_bytes(value);
            let value = value.or_err(ErrorType::InvalidHTTPHeader, "no field value")?;
            message.add(Bytes::copy_from_slice(name), value)?;
        }
        Ok(())
    }

    /// Moves what stays over what goes, each line at most once: a client may send as many that go as it has room for.
    fn retain(&mut self, wanted: impl Fn(&[u8]) -> bool) {
        let Self { bytes, lines } = self;
        let mut end = 0;
        lines.retain_mut(|line| {
            let stays = wanted(line.parts(bytes).0);
            if stays {
                if line.start != end {
                    bytes.copy_within(line.start..line.start + line.len, end);
                    line.start = end;
                }
                end += line.len;
            }
            stays
        });
        bytes.truncate(end);
    }
}

impl Line {
    fn parts(self, bytes: &[u8]) -> (&[u8], &[u8]) {
        let value = self.start + self.name + 2;
        let name = bytes.get(self.start..self.start + self.name);
        let value = bytes.get(value..self.start + self.len - 2);
        (name.unwrap_or_default(), value.unwrap_or_default())
    }
}

impl Values for FieldLines {
    fn values_of(&self, name: HeaderName) -> impl Iterator<Item = &[u8]> {
        self.iter()
            .filter(move |(spelt, _)| is(spelt, &name))
            .map(|(_, value)| value)
    }
}

impl Fields for FieldLines {
    fn remove(&mut self, name: &HeaderName) {
        self.retain(|spelt| !is(spelt, name));
    }

    fn remove_those(&mut self, unwanted: impl Fn(&[u8]) -> bool) {
        self.retain(|spelt| !unwanted(spelt));
    }

    fn set(&mut self, name: Bytes, value: HeaderValue) -> Result<()> {
        self.retain(|spelt| !spelt.eq_ignore_ascii_case(&name));
        self.add(name, value)
    }

    fn add(&mut self, name: Bytes, value: HeaderValue) -> Result<()> {
        self.push(&name, value.as_bytes());
        Ok(())
    }
}

/// Spells a name as over HTTP/1.1 it always was.
fn capitalise<'n>(name: impl Iterator<Item = &'n mut u8>) {
    let mut begins = true;
    for letter in name {
        if begins {
            letter.make_ascii_uppercase();
        }
        begins = *letter == b'-';
    }
}

fn is(spelt: &[u8], name: &HeaderName) -> bool {
    spelt.eq_ignore_ascii_case(name.as_str().as_bytes())
}

fn size(fields: &HeaderMap) -> usize {
    fields
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + AROUND)
        .sum()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use http::{Method, header};

    use super::*;

    fn lines(text: &str) -> FieldLines {
        let mut lines = FieldLines::default();
        for (name, value) in text.lines().filter_map(|line| line.split_once(": ")) {
            lines.push(name.as_bytes(), value.as_bytes());
        }
        lines
    }

    fn text(lines: &FieldLines) -> &str {
        std::str::from_utf8(lines.as_bytes()).unwrap()
    }

    #[test]
    fn lines_keep_their_order_and_spelling() {
        let lines = lines("Host: h\nX-a: 1\nx-A: \nCookie: a=b; c=d");
        assert_eq!(
            text(&lines),
            "Host: h\r\nX-a: 1\r\nx-A: \r\nCookie: a=b; c=d\r\n"
        );
        let values: Vec<_> = lines.values_of("x-a".parse().unwrap()).collect();
        assert_eq!(values, [&b"1"[..], b""]);
        let head = lines.response(StatusCode::NOT_FOUND, "Not Here", 9);
        let whole = format!("HTTP/1.1 404 Not Here\r\n{}\r\n", text(&lines));
        assert_eq!(head, whole);
    }

    #[test]
    fn what_is_removed_leaves_the_others_as_they_are() {
        let mut lines = lines("A: 1\nB: 22\na: 333\nC: 4444\nB: 55555");
        lines.remove(&"a".parse().unwrap());
        assert_eq!(text(&lines), "B: 22\r\nC: 4444\r\nB: 55555\r\n");
        lines
            .set("b".into(), HeaderValue::from_static("new"))
            .unwrap();
        lines
            .add("D".into(), HeaderValue::from_static("6"))
            .unwrap();
        assert_eq!(text(&lines), "C: 4444\r\nb: new\r\nD: 6\r\n");
        assert_eq!(
            lines.values_of("d".parse().unwrap()).next(),
            Some(&b"6"[..])
        );
        lines.remove_those(|name| name == b"C" || name == b"D");
        assert_eq!(text(&lines), "b: new\r\n");
    }

    #[test]
    fn a_message_of_pingoras_becomes_lines_and_lines_become_one() {
        let mut request = RequestHeader::build(Method::GET, b"/", None).unwrap();
        for (name, value) in [("X-Two", "1"), ("hOst", "h"), ("x-TWO", "2"), ("Gone", "3")] {
            request.append_header(name, value).unwrap();
        }
        let unwanted: HeaderName = "gone".parse().unwrap();
        let lines = FieldLines::of_request(&request, (0, 0), |name| *name != unwanted);
        assert_eq!(text(&lines), "X-Two: 1\r\nx-TWO: 2\r\nhOst: h\r\n");
        let map = lines.to_map().unwrap();
        assert_eq!(map.get(header::HOST).unwrap(), "h");
        let again = FieldLines::of_map(&map, (0, 0));
        assert_eq!(text(&again), "X-Two: 1\r\nX-Two: 2\r\nHost: h\r\n");
        let mut response = ResponseHeader::build(200, None).unwrap();
        lines.add_to(&mut response).unwrap();
        assert_eq!(text(&FieldLines::of_response(&response)), text(&lines));
        let mut no_fields = FieldLines::default();
        no_fields.push(b"a b", b"c");
        assert!(no_fields.to_map().is_err());
        assert!(no_fields.add_to(&mut response).is_err());
    }
}
