//! What a consistent hash is taken of, as a rule borrowed from the request.

use std::borrow::Cow;
use std::net::IpAddr;

use http::{HeaderMap, header};
use towpath_conf::HashOn;

use crate::fields::parameter;

/// The key of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HashKey<'r> {
    /// The client's address.
    Address(IpAddr),
    /// A value of the request's.
    Value(Cow<'r, [u8]>),
    /// The server that a cookie names; the client's address otherwise.
    Sticky {
        cookie: Cow<'r, [u8]>,
        client: IpAddr,
    },
    /// The client's address, and the server is to be the same each time, however the group balances.
    Pinned(IpAddr),
}

impl HashKey<'_> {
    /// One that outlives the request.
    pub(crate) fn into_owned(self) -> HashKey<'static> {
        let own = |bytes: Cow<'_, [u8]>| Cow::Owned(bytes.into_owned());
        match self {
            Self::Address(client) => HashKey::Address(client),
            Self::Pinned(client) => HashKey::Pinned(client),
            Self::Value(value) => HashKey::Value(own(value)),
            Self::Sticky { cookie, client } => HashKey::Sticky {
                cookie: own(cookie),
                client,
            },
        }
    }

    /// Gives the key's bytes to `use_it`.
    pub(crate) fn with_bytes<T>(&self, use_it: impl FnOnce(&[u8]) -> T) -> T {
        match self {
            Self::Address(client) | Self::Pinned(client) | Self::Sticky { client, .. } => {
                match client {
                    IpAddr::V4(address) => use_it(&address.octets()),
                    IpAddr::V6(address) => use_it(&address.octets()),
                }
            }
            Self::Value(value) => use_it(value),
        }
    }
}

/// The key that `on` picks from a request; the client's address where the request has no such value.
pub(crate) fn hash_key<'r>(
    on: &HashOn,
    client: IpAddr,
    headers: &'r HeaderMap,
    query: &'r str,
) -> HashKey<'r> {
    let value = match on {
        HashOn::ClientAddress => None,
        HashOn::Header(name) => headers.get(name.as_str()).map(http::HeaderValue::as_bytes),
        HashOn::Cookie(name) => cookie(headers, name),
        HashOn::Query(name) => parameter(query, name).map(str::as_bytes),
    };
    value.map_or(HashKey::Address(client), |value| {
        HashKey::Value(Cow::Borrowed(value))
    })
}

/// RFC 6265 §5.4: pairs separated by semicolons; the first of a name counts.
pub(super) fn cookie<'r>(headers: &'r HeaderMap, name: &str) -> Option<&'r [u8]> {
    let lines = headers.get_all(header::COOKIE).into_iter();
    let pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    pairs.map(<[u8]>::trim_ascii).find_map(|pair| {
        let value = pair.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
        Some(value)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn each_source_of_a_key() {
        let client: IpAddr = "192.0.2.1".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("x-user", "ann".parse().unwrap());
        headers.append("cookie", "a=1; sid2=no;sid=yes; sid=later".parse().unwrap());
        let key = |on| hash_key(&on, client, &headers, "x=1&room=7&room=8");
        assert_eq!(key(HashOn::ClientAddress), HashKey::Address(client));
        assert_eq!(
            key(HashOn::Header("X-User".into())),
            HashKey::Value(b"ann".into())
        );
        assert_eq!(
            key(HashOn::Cookie("sid".into())),
            HashKey::Value(b"yes".into())
        );
        assert_eq!(
            key(HashOn::Query("room".into())),
            HashKey::Value(b"7".into())
        );
        assert_eq!(
            key(HashOn::Header("X-None".into())),
            HashKey::Address(client)
        );
    }
}
