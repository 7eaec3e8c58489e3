//! The name that a client gives to its WebSocket attempt (fallback/PROTOCOL.md §8): a query parameter that is for the
//! proxy alone, found and taken out here. Pure text work; what is no cid to the letter is left where it is.

use pingora::http::RequestHeader;

/// Bytes of a cid: 16 random bytes as base64url without padding.
const LEN: usize = 22;

/// An attempt's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Cid([u8; LEN]);

impl Cid {
    /// Reads a cid: exactly 22 characters of base64url.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let is_base64url = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
        let bytes: [u8; LEN] = text.try_into().ok()?;
        bytes.iter().all(is_base64url).then_some(Self(bytes))
    }
}

/// Takes the cid out of a handshake's query, so that nobody behind us sees it, not even a hash of the query.
pub(crate) fn take_cid(request: &mut RequestHeader) -> Option<Cid> {
    let (cid, target) = strip(request.raw_path())?;
    request.set_raw_path(&target).ok()?;
    Some(cid)
}

/// A request target in any form without its cids, and the last of them: a client puts its own behind what was there.
/// `None` where there is none.
fn strip(target: &[u8]) -> Option<(Cid, Vec<u8>)> {
    let question_mark = target.iter().position(|byte| *byte == b'?')?;
    let (rest, query) = target.split_at_checked(question_mark)?;
    let parameters = || query.get(1..).unwrap_or_default().split(|b| *b == b'&');
    let cid = parameters().filter_map(cid_of).next_back()?;
    let mut rest = rest.to_vec();
    let others: Vec<&[u8]> = parameters().filter(|p| cid_of(p).is_none()).collect();
    let others = others.join(&b'&');
    if !others.is_empty() {
        rest.push(b'?');
        rest.extend(others);
    }
    Some((cid, rest))
}

/// The cid that a parameter carries. URLSearchParams writes the tilde as `%7E`.
fn cid_of(parameter: &[u8]) -> Option<Cid> {
    let tilde = |spelling: &&[u8]| parameter.starts_with(spelling);
    let spelling = [&b"~"[..], b"%7E", b"%7e"].into_iter().find(tilde)?;
    Cid::parse(
        parameter
            .strip_prefix(spelling)?
            .strip_prefix(b"towpath=")?,
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// `CID` and `OLD` stand for a cid each.
    fn stripped(target: &str) -> Option<(Cid, String)> {
        let target = target
            .replace("CID", "wYbTz1X0c4bO4mCq3xqg9Q")
            .replace("OLD", "AAAAAAAAAAAAAAAAAAAA-_");
        let (cid, rest) = strip(target.as_bytes())?;
        Some((cid, String::from_utf8(rest).unwrap()))
    }

    #[test]
    fn a_cid_goes_and_everything_else_stays_as_it_is() {
        let cid = Cid::parse(b"wYbTz1X0c4bO4mCq3xqg9Q").unwrap();
        for (target, rest) in [
            ("/chat?~towpath=CID", "/chat"),
            ("/chat?%7Etowpath=CID", "/chat"),
            ("/chat?%7etowpath=CID", "/chat"),
            ("/chat?room=7&~towpath=CID", "/chat?room=7"),
            ("/chat?~towpath=CID&room=7", "/chat?room=7"),
            ("/?b=%20+&~towpath=CID&a=?/~&&b", "/?b=%20+&a=?/~&&b"),
            ("/?~towpath=OLD&a&%7Etowpath=CID", "/?a"),
            ("/?~towpath=short&~towpath=CID", "/?~towpath=short"),
            ("http://h:1/chat?~towpath=CID&a=1", "http://h:1/chat?a=1"),
        ] {
            assert_eq!(stripped(target), Some((cid, rest.into())), "{target}");
        }
    }

    #[test]
    fn what_is_no_cid_is_left_alone() {
        for target in [
            "/chat",
            "/chat?",
            "/~towpath=CID",
            "/chat?~towpath",
            "/chat?~towpath=",
            "/chat?~towpath=CIDx",
            "/chat?~towpath=wYbTz1X0c4bO4mCq3xqg9",
            "/chat?~towpath=wYbTz1X0c4bO4mCq3xqg+/",
            "/chat?~towpath=wYbTz1X0c4bO4mCq3xqg==",
            "/chat?~Towpath=CID",
            "/chat?x~towpath=CID",
            "/chat?x=~towpath=CID",
            "/chat?towpath=CID",
            "/chat?%257Etowpath=CID",
        ] {
            assert_eq!(stripped(target), None, "{target}");
        }
    }

    #[test]
    fn bytes_beyond_ascii_survive() {
        let (_, rest) = strip(b"/\xff?a=\xfe&~towpath=wYbTz1X0c4bO4mCq3xqg9Q").unwrap();
        assert_eq!(rest, b"/\xff?a=\xfe");
    }

    #[test]
    fn a_request_forgets_its_cid() {
        let target = b"/chat?~towpath=wYbTz1X0c4bO4mCq3xqg9Q&room=7";
        let mut request = RequestHeader::build("GET", target, None).unwrap();
        assert_eq!(
            take_cid(&mut request),
            Cid::parse(b"wYbTz1X0c4bO4mCq3xqg9Q")
        );
        assert_eq!(request.raw_path(), b"/chat?room=7");
        assert_eq!(request.uri.query(), Some("room=7"));
        assert_eq!(take_cid(&mut request), None);
    }
}
