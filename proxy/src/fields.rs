//! The fields of a message, however they are kept: reading them the way RFC 9110 §5.6 defines them, lists of tokens over
//! any number of lines; changing them; and queries.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use pingora::Result;
use pingora::http::{RequestHeader, ResponseHeader};

/// Where values are looked up by the names of their fields.
pub(crate) trait Values {
    /// Those of each line of a field.
    fn values_of(&self, name: HeaderName) -> impl Iterator<Item = &[u8]>;
}

/// What fields are changed in, whichever way the message goes. Names are as they are to be spelt.
pub(crate) trait Fields: Values {
    /// Removes all lines of a field.
    fn remove(&mut self, name: &HeaderName);
    /// Removes all lines whose names, in any case, are `unwanted`.
    fn remove_those(&mut self, unwanted: impl Fn(&[u8]) -> bool);
    /// Replaces all lines of a field by one.
    fn set(&mut self, name: Bytes, value: HeaderValue) -> Result<()>;
    /// Adds a line.
    fn add(&mut self, name: Bytes, value: HeaderValue) -> Result<()>;
}

/// A request on its way to a backend.
pub(crate) trait Outgoing: Fields {
    /// Path and query.
    fn target(&self) -> Cow<'_, str>;
    /// Replaces them.
    fn set_target(&mut self, target: PathAndQuery);
}

impl Values for HeaderMap {
    fn values_of(&self, name: HeaderName) -> impl Iterator<Item = &[u8]> {
        self.get_all(name).into_iter().map(HeaderValue::as_bytes)
    }
}

/// pingora's headers of requests and responses are two types with the same methods.
macro_rules! fields_of {
    ($header:ty) => {
        impl Values for $header {
            fn values_of(&self, name: HeaderName) -> impl Iterator<Item = &[u8]> {
                self.headers.values_of(name)
            }
        }

        impl Fields for $header {
            fn remove(&mut self, name: &HeaderName) {
                self.remove_header(name);
            }

            fn remove_those(&mut self, unwanted: impl Fn(&[u8]) -> bool) {
                let names = self.headers.keys();
                let names = names.filter(|name| unwanted(name.as_str().as_bytes()));
                for name in names.cloned().collect::<Vec<_>>() {
                    self.remove_header(&name);
                }
            }

            fn set(&mut self, name: Bytes, value: HeaderValue) -> Result<()> {
                self.insert_header(name, value)
            }

            fn add(&mut self, name: Bytes, value: HeaderValue) -> Result<()> {
                self.append_header(name, value).map(drop)
            }
        }
    };
}

fields_of!(RequestHeader);
fields_of!(ResponseHeader);

impl Outgoing for RequestHeader {
    fn target(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.raw_path())
    }

    fn set_target(&mut self, target: PathAndQuery) {
        self.set_uri(target.into());
    }
}

/// The members of a comma-separated list, over all its lines, trimmed, without empty ones.
pub(crate) fn members(fields: &impl Values, name: HeaderName) -> impl Iterator<Item = &[u8]> {
    fields
        .values_of(name)
        .flat_map(|value| value.split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|member| !member.is_empty())
}

/// Whether a list has this member, in any case.
pub(crate) fn lists(fields: &impl Values, name: HeaderName, member: &str) -> bool {
    members(fields, name).any(|found| found.eq_ignore_ascii_case(member.as_bytes()))
}

/// The only value of a field; `None` if it is absent or there more than once.
pub(crate) fn only(fields: &impl Values, name: HeaderName) -> Option<&[u8]> {
    let mut values = fields.values_of(name);
    let value = values.next()?;
    values.next().is_none().then(|| value.trim_ascii())
}

/// Whether this is a token (RFC 9110 §5.6.2).
pub(crate) fn is_token(text: &[u8]) -> bool {
    let is_token_byte =
        |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !text.is_empty() && text.iter().all(is_token_byte)
}

/// The raw value of the first parameter of this name.
pub(crate) fn parameter<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    query.split('&').find_map(|pair| {
        let (found, value) = pair.split_once('=').unwrap_or((pair, ""));
        (found == name).then_some(value)
    })
}

#[cfg(test)]
mod tests {
    use http::header;

    use super::*;

    #[test]
    fn lists_are_read_over_several_lines() {
        let mut headers = HeaderMap::new();
        headers.append("connection", HeaderValue::from_static("keep-alive, ,"));
        headers.append("connection", HeaderValue::from_static(" UPGRADE "));
        assert!(lists(&headers, header::CONNECTION, "upgrade"));
        assert!(!lists(&headers, header::CONNECTION, "up"));
        assert_eq!(members(&headers, header::CONNECTION).count(), 2);
        assert_eq!(only(&headers, header::CONNECTION), None);
    }
}
