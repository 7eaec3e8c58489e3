//! What passes between a session's client and its backend beside messages: header fields one way, cookies the other.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::policy::Policy;

/// The client's own fields that a backend gets.
const FORWARDED: [HeaderName; 4] = [
    header::COOKIE,
    header::AUTHORIZATION,
    header::USER_AGENT,
    header::ACCEPT_LANGUAGE,
];

/// The fields that the backend gets of the request that opens a session, which has this Origin, or none.
pub(crate) fn forwarded(headers: &HeaderMap, origin: &str, policy: &Policy) -> HeaderMap {
    let mut forwarded = HeaderMap::new();
    for name in FORWARDED.iter().chain(&policy.forward_headers) {
        for value in headers.get_all(name) {
            forwarded.append(name, value.clone());
        }
    }
    if let (false, Ok(origin)) = (origin.is_empty(), origin.parse()) {
        forwarded.insert(header::ORIGIN, origin);
    }
    forwarded
}

/// The cookies that a backend's answer sets.
pub(crate) fn cookies(headers: &HeaderMap) -> Vec<HeaderValue> {
    headers
        .get_all(header::SET_COOKIE)
        .iter()
        .cloned()
        .collect()
}
