//! Reading header fields the way RFC 9110 §5.6 defines them, lists of tokens over any number of lines; and queries.

use http::header::{AsHeaderName, HeaderMap, HeaderValue};

/// The members of a comma-separated list, over all its lines, trimmed, without empty ones.
pub(crate) fn members(headers: &HeaderMap, name: impl AsHeaderName) -> impl Iterator<Item = &[u8]> {
    headers
        .get_all(name)
        .into_iter()
        .flat_map(|value: &HeaderValue| value.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|member| !member.is_empty())
}

/// Whether a list has this member, in any case.
pub(crate) fn lists(headers: &HeaderMap, name: impl AsHeaderName, member: &str) -> bool {
    members(headers, name).any(|found| found.eq_ignore_ascii_case(member.as_bytes()))
}

/// The only value of a field; `None` if it is absent or there more than once.
pub(crate) fn only(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&[u8]> {
    let mut values = headers.get_all(name).into_iter();
    let value = values.next()?;
    values
        .next()
        .is_none()
        .then(|| value.as_bytes().trim_ascii())
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
    use super::*;

    #[test]
    fn lists_are_read_over_several_lines() {
        let mut headers = HeaderMap::new();
        headers.append("connection", HeaderValue::from_static("keep-alive, ,"));
        headers.append("connection", HeaderValue::from_static(" UPGRADE "));
        assert!(lists(&headers, "connection", "upgrade"));
        assert!(!lists(&headers, "connection", "up"));
        assert_eq!(members(&headers, "connection").count(), 2);
        assert_eq!(only(&headers, "connection"), None);
    }
}
