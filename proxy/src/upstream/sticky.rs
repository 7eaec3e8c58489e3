//! Sticky sessions: a cookie that says which server a client was sent to. What stands in it is a MAC of the server's
//! address, so it tells nobody where that is, and nobody can make one up.

use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderValue};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::hash::cookie;

/// Of the MAC, in bytes.
const LENGTH: usize = 16;

/// A group's cookie.
#[derive(Clone)]
pub(crate) struct Sticky {
    name: String,
    attributes: String,
    mac: Hmac<Sha256>,
}

impl Sticky {
    /// What `conf` says; `own` is the process's secret.
    pub(crate) fn new(upstream: &str, conf: &towpath_conf::Sticky, own: &[u8; 32]) -> Option<Self> {
        if !conf.enabled {
            return None;
        }
        let secret = conf.secret.as_ref().map_or(&own[..], String::as_bytes);
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
        mac.update(upstream.as_bytes());
        mac.update(b"\0");
        let age = conf.lifetime.get().map(|lifetime| lifetime.get().as_secs());
        let age = age.map_or_else(String::new, |age| format!("; Max-Age={age}"));
        Some(Self {
            name: conf.cookie.clone(),
            attributes: format!("; Path=/; HttpOnly; SameSite=Lax{age}"),
            mac,
        })
    }

    /// The cookie's value that a request has.
    pub(crate) fn of<'r>(&self, headers: &'r HeaderMap) -> Option<&'r [u8]> {
        cookie(headers, &self.name)
    }

    /// The field that tells a client its server, unless its request says that already.
    pub(crate) fn tell(
        &self,
        server: SocketAddr,
        request: &HeaderMap,
        secure: bool,
    ) -> Option<HeaderValue> {
        let value = self.value(server);
        if self.of(request).is_some_and(|it| is_same(&value, it)) {
            return None;
        }
        let secure = if secure { "; Secure" } else { "" };
        let (name, attributes) = (&self.name, &self.attributes);
        HeaderValue::try_from(format!("{name}={value}{attributes}{secure}")).ok()
    }

    /// The value that stands for a server.
    pub(crate) fn value(&self, server: SocketAddr) -> String {
        let mac = self.mac.clone().chain_update(server.to_string());
        let bytes = mac.finalize().into_bytes();
        URL_SAFE_NO_PAD.encode(bytes.get(..LENGTH).unwrap_or_default())
    }
}

/// Whether a cookie has this value; how much of it is right is not to be had from the time that it takes.
pub(super) fn is_same(value: &str, cookie: &[u8]) -> bool {
    value.as_bytes().ct_eq(cookie).into()
}

impl std::fmt::Debug for Sticky {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sticky")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn sticky(upstream: &str, own: u8) -> Sticky {
        let conf = towpath_conf::Sticky {
            enabled: true,
            ..towpath_conf::Sticky::default()
        };
        Sticky::new(upstream, &conf, &[own; 32]).unwrap()
    }

    fn told(sticky: &Sticky, server: &str, cookie: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert("cookie", cookie.parse().unwrap());
        let field = sticky.tell(server.parse().unwrap(), &headers, true);
        field.map(|field| field.to_str().unwrap().to_owned())
    }

    #[test]
    fn a_client_is_told_its_server_once_and_not_where_that_is() {
        let sticky = sticky("app", 1);
        let field = told(&sticky, "10.0.0.1:80", "a=b").unwrap();
        assert!(!field.contains("10.0"), "{field}");
        let (pair, attributes) = field.split_once("; ").unwrap();
        assert_eq!(attributes, "Path=/; HttpOnly; SameSite=Lax; Secure");
        assert_eq!(told(&sticky, "10.0.0.1:80", pair), None);
        assert!(told(&sticky, "10.0.0.2:80", pair).is_some());
    }

    #[test]
    fn what_others_have_written_names_no_server() {
        let right = sticky("app", 1).value("10.0.0.1:80".parse().unwrap());
        for other in [sticky("app", 2), sticky("other", 1)] {
            let value = other.value("10.0.0.1:80".parse().unwrap());
            assert!(!is_same(&right, value.as_bytes()));
        }
        assert!(!is_same(&right, b""));
        assert!(is_same(&right, right.as_bytes()));
    }
}
