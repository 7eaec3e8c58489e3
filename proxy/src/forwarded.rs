//! Who the client is, and how the backend is told: `X-Forwarded-For`, `-Proto`, `-Host` and `Forwarded` (RFC 7239).
//! What a client says of itself is believed only if it comes from a trusted proxy; otherwise it is replaced.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use ipnet::IpNet;
use pingora::http::RequestHeader;
use pingora::{ErrorType, OrErr, Result};
use towpath_conf::Scheme;

use crate::fields::{Fields, members};
use crate::filters::Identity;
use crate::proxy_protocol::Addresses;
use crate::tls::TlsFacts;

/// A field of ours, spelt as backends that compare bytes expect it; everything else reads it in any case.
struct Field {
    name: HeaderName,
    spelt: &'static str,
}

const FOR: Field = Field {
    name: HeaderName::from_static("x-forwarded-for"),
    spelt: "X-Forwarded-For",
};
const PROTO: Field = Field {
    name: HeaderName::from_static("x-forwarded-proto"),
    spelt: "X-Forwarded-Proto",
};
const HOST: Field = Field {
    name: HeaderName::from_static("x-forwarded-host"),
    spelt: "X-Forwarded-Host",
};
const FORWARDED: Field = Field {
    name: header::FORWARDED,
    spelt: "Forwarded",
};
/// Hash, subject and names of the client's certificate, as Envoy writes them.
const CERTIFICATE: &str = "X-Forwarded-Client-Cert";
/// The certificate itself (RFC 9440).
const WHOLE_CERTIFICATE: &str = "Client-Cert";
/// What an untrusted client may not say of itself.
const CLAIMS: [&str; 11] = [
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "X-Forwarded-Host",
    "Forwarded",
    CERTIFICATE,
    WHOLE_CERTIFICATE,
    "Client-Cert-Chain",
    "X-Forwarded-Port",
    "X-Forwarded-Prefix",
    "X-Forwarded-User",
    "X-Real-IP",
];

/// Room for an address and what is said around it.
const TOLD: usize = 80;

/// The client of one request.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    /// The other end of the connection.
    pub(crate) peer: IpAddr,
    /// The client's own address: the peer, or what trusted proxies say of it.
    pub(crate) address: IpAddr,
    /// Whether the peer is a trusted proxy.
    trusted: bool,
    /// What the TLS handshake of its connection has told; `None`: there was none.
    pub(crate) tls: Option<Arc<TlsFacts>>,
    /// Both ends of its connection; the client's is the peer's, or what trusted proxies say.
    pub(crate) addresses: Option<Addresses>,
    /// What the route's authorities have found out of it.
    pub(crate) identity: Option<Arc<Identity>>,
    /// Whether a newer process of ours has let it in.
    inner: bool,
}

/// What a connection says of whom a request on it comes from.
pub(crate) struct Ends {
    /// The other end.
    pub(crate) peer: IpAddr,
    /// What its TLS handshake has told; `None`: there was none.
    pub(crate) tls: Option<Arc<TlsFacts>>,
    /// Both ends, where they are known.
    pub(crate) addresses: Option<Addresses>,
    /// Whether it is a connection of a newer process of ours.
    pub(crate) inner: bool,
}

impl Client {
    /// Before the request was looked at.
    pub(crate) fn unknown() -> Self {
        let nowhere = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
        Self {
            peer: nowhere,
            address: nowhere,
            trusted: false,
            tls: None,
            addresses: None,
            identity: None,
            inner: false,
        }
    }

    /// Walks `X-Forwarded-For` from its end for as long as trusted proxies wrote it.
    pub(crate) fn identify(peer: IpAddr, headers: &HeaderMap, trusted_proxies: &[IpNet]) -> Self {
        let peer = peer.to_canonical();
        let is_trusted = |address: IpAddr| trusted_proxies.iter().any(|net| net.contains(&address));
        let trusted = is_trusted(peer);
        let mut address = peer;
        if trusted {
            // The last line is the nearest proxy's; a list of them needs no allocation to be read backwards.
            let lines = headers.get_all(FOR.name).into_iter().rev();
            let hops = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
            for hop in hops {
                let Some(hop) = parse_hop(hop) else { break };
                address = hop;
                if !is_trusted(hop) {
                    break;
                }
            }
        }
        Self {
            peer,
            address,
            trusted,
            tls: None,
            addresses: None,
            identity: None,
            inner: false,
        }
    }

    /// Whether a newer process of ours has let it in.
    pub(crate) fn is_inner(&self) -> bool {
        self.inner
    }

    /// Over a connection with these ends.
    pub(crate) fn over(mut self, ends: Ends) -> Self {
        self.tls = ends.tls;
        self.inner = ends.inner;
        self.addresses = ends.addresses.map(|ends| match self.address == self.peer {
            true => ends,
            // Nobody says which port it had.
            false => Addresses {
                source: SocketAddr::new(self.address, 0),
                ..ends
            },
        });
        self
    }

    /// The scheme that it has spoken, to us or to a trusted proxy.
    pub(crate) fn scheme_of(&self, request: &RequestHeader) -> Scheme {
        match self.own_scheme(request) {
            "https" | "wss" => Scheme::Https,
            _ => Scheme::Http,
        }
    }

    fn own_scheme<'r>(&self, request: &'r RequestHeader) -> &'r str {
        let said = self
            .trusted
            .then(|| request.headers.get(PROTO.name))
            .flatten();
        said.and_then(|said| said.to_str().ok())
            .unwrap_or(self.scheme())
    }

    /// The scheme that it has spoken to us.
    fn scheme(&self) -> &'static str {
        match self.tls {
            Some(_) => "https",
            None => "http",
        }
    }

    /// The origin that the client knows us by (RFC 6454 §4), such as `https://example.com`.
    pub(crate) fn own_origin(&self, request: &RequestHeader) -> String {
        let field = |name| {
            let value = self.trusted.then(|| request.headers.get(name)).flatten()?;
            value.to_str().ok()
        };
        let host = request.headers.get(header::HOST);
        let host = host.and_then(|host| host.to_str().ok());
        let authority = request.uri.authority().map(http::uri::Authority::as_str);
        let host = field(HOST.name).or(authority).or(host).unwrap_or_default();
        let scheme = self.own_scheme(request);
        let mut origin = String::with_capacity(scheme.len() + 3 + host.len());
        for part in [scheme, "://", host] {
            origin.push_str(part);
        }
        origin.make_ascii_lowercase();
        origin
    }

    /// Writes the forwarding fields of the request that the backend will see.
    pub(crate) fn write(&self, request: &mut impl Fields) -> Result<()> {
        if !self.trusted {
            request.remove_those(is_claim);
        }
        let proto = self.scheme();
        let told = Told::new(self.peer, request.values_of(header::HOST).next(), proto)?;
        append(request, FOR, told.peer)?;
        append(request, FORWARDED, told.forwarded)?;
        if request.values_of(PROTO.name).next().is_none() {
            set(request, PROTO.spelt, HeaderValue::from_static(proto))?;
        }
        if let Some(host) = told.host
            && request.values_of(HOST.name).next().is_none()
        {
            set(request, HOST.spelt, host)?;
        }
        if let Some(certificate) = self.tls.as_ref().and_then(|tls| tls.client.as_ref()) {
            set(request, CERTIFICATE, value(certificate.forwarded.clone())?)?;
            set(
                request,
                WHOLE_CERTIFICATE,
                value(certificate.whole.clone())?,
            )?;
        }
        match &self.identity {
            Some(identity) => identity.write(request),
            None => Ok(()),
        }
    }
}

/// An address, perhaps with a port, as proxies write it.
fn parse_hop(hop: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(hop).ok()?.trim();
    let bare = text
        .strip_prefix('[')
        .and_then(|t| t.split_once(']'))
        .map_or(text, |(ip, _)| ip);
    let address = bare
        .parse()
        .or_else(|_| bare.rsplit_once(':').map_or("", |(ip, _)| ip).parse());
    address.ok().map(|address: IpAddr| address.to_canonical())
}

/// Whether this is something that an untrusted client says of itself, also under names that a backend of the CGI family
/// could not tell from ours (`X_Forwarded_For`).
fn is_claim(name: &[u8]) -> bool {
    CLAIMS
        .iter()
        .any(|claim| same_to_cgi(name, claim.as_bytes()))
}

fn same_to_cgi(name: &[u8], ours: &[u8]) -> bool {
    name.len() == ours.len()
        && name
            .iter()
            .zip(ours)
            .all(|(a, b)| a.eq_ignore_ascii_case(b) || (*a == b'_' && *b == b'-'))
}

/// Appends to a list, which becomes one line: not every backend joins several.
fn append(request: &mut impl Fields, field: Field, member: HeaderValue) -> Result<()> {
    let mut list = Vec::new();
    for old in members(request, field.name) {
        list.extend_from_slice(old);
        list.extend_from_slice(b", ");
    }
    if list.is_empty() {
        return set(request, field.spelt, member);
    }
    list.extend_from_slice(member.as_bytes());
    set(request, field.spelt, value(list)?)
}

fn set(request: &mut impl Fields, name: &'static str, value: HeaderValue) -> Result<()> {
    request.set(Bytes::from_static(name.as_bytes()), value)
}

fn value(bytes: impl Into<Bytes>) -> Result<HeaderValue> {
    HeaderValue::from_maybe_shared(bytes.into())
        .or_err(ErrorType::InvalidHTTPHeader, "a forwarding field")
}

/// What a backend is told of a request's client. All of it lies in one piece of memory.
struct Told {
    peer: HeaderValue,
    /// RFC 7239 §4 and §6: an IPv6 address in brackets and quotes; the host quoted, since it may have a port.
    forwarded: HeaderValue,
    host: Option<HeaderValue>,
}

impl Told {
    fn new(peer: IpAddr, host: Option<&[u8]>, proto: &str) -> Result<Self> {
        let mut text = BytesMut::with_capacity(TOLD + host.map_or(0, <[u8]>::len));
        let (before, after) = match peer {
            IpAddr::V4(_) => ("for=", ""),
            IpAddr::V6(_) => ("for=\"[", "]\""),
        };
        text.extend_from_slice(before.as_bytes());
        // Memory takes what is written.
        let _ = write!(text, "{peer}");
        let peer = before.len()..text.len();
        text.extend_from_slice(after.as_bytes());
        let mut quoted = None;
        if let Some(host) = host.filter(|host| is_quotable(host)) {
            text.extend_from_slice(b";host=\"");
            quoted = Some(text.len()..text.len() + host.len());
            text.extend_from_slice(host);
            text.extend_from_slice(b"\"");
        }
        text.extend_from_slice(b";proto=");
        text.extend_from_slice(proto.as_bytes());
        let text = text.freeze();
        let host = match (quoted, host) {
            (Some(quoted), _) => Some(text.slice(quoted)),
            (None, host) => host.map(Bytes::copy_from_slice),
        };
        Ok(Self {
            peer: value(text.slice(peer))?,
            host: host.map(value).transpose()?,
            forwarded: value(text)?,
        })
    }
}

fn is_quotable(host: &[u8]) -> bool {
    host.iter()
        .all(|byte| byte.is_ascii_graphic() && *byte != b'"' && *byte != b'\\')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn request(fields: &[(&'static str, &'static str)]) -> RequestHeader {
        let mut request = RequestHeader::build("GET", b"/", None).unwrap();
        for (name, value) in fields {
            request.append_header(*name, *value).unwrap();
        }
        request
    }

    fn identify(peer: &str, forwarded_for: &'static str) -> IpAddr {
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        let request = request(&[("x-forwarded-for", forwarded_for)]);
        Client::identify(peer.parse().unwrap(), &request.headers, &trusted).address
    }

    #[test]
    fn an_untrusted_client_is_its_own_address() {
        assert_eq!(
            identify("192.0.2.1", "198.51.100.7"),
            "192.0.2.1".parse::<IpAddr>().unwrap()
        );
    }

    #[test]
    fn behind_trusted_proxies_the_client_is_the_last_untrusted_hop() {
        let client: IpAddr = "198.51.100.7".parse().unwrap();
        assert_eq!(
            identify("10.0.0.1", "203.0.113.9, 198.51.100.7, 10.0.0.2"),
            client
        );
        assert_eq!(identify("::ffff:10.0.0.1", "198.51.100.7:4711"), client);
        assert_eq!(
            identify("fd00::1", "[2001:db8::7]:443"),
            "2001:db8::7".parse::<IpAddr>().unwrap()
        );
        assert_eq!(
            identify("10.0.0.1", "nonsense"),
            "10.0.0.1".parse::<IpAddr>().unwrap()
        );
    }

    #[test]
    fn claims_of_an_untrusted_client_are_replaced() {
        let mut request = request(&[
            ("host", "h:8080"),
            ("x-forwarded-for", "6.6.6.6"),
            ("x_forwarded_for", "6.6.6.6"),
            ("x-forwarded-proto", "https"),
            ("x-real-ip", "6.6.6.6"),
            ("forwarded", "for=6.6.6.6"),
        ]);
        let client = Client::identify("192.0.2.1".parse().unwrap(), &request.headers, &[]);
        client.write(&mut request).unwrap();
        assert_eq!(request.headers.get("x-forwarded-for").unwrap(), "192.0.2.1");
        assert_eq!(request.headers.get("x-forwarded-proto").unwrap(), "http");
        assert_eq!(request.headers.get("x-forwarded-host").unwrap(), "h:8080");
        assert_eq!(
            request.headers.get("forwarded").unwrap(),
            "for=192.0.2.1;host=\"h:8080\";proto=http"
        );
        assert!(!request.headers.contains_key("x_forwarded_for"));
        assert!(!request.headers.contains_key("x-real-ip"));
    }

    #[test]
    fn a_trusted_proxy_is_added_to_the_chain() {
        let mut request = request(&[
            ("host", "h"),
            ("x-forwarded-for", "198.51.100.7"),
            ("x-forwarded-for", "10.0.0.2"),
            ("x-forwarded-proto", "https"),
        ]);
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        let client = Client::identify("10.0.0.1".parse().unwrap(), &request.headers, &trusted);
        client.write(&mut request).unwrap();
        assert_eq!(
            request.headers.get("x-forwarded-for").unwrap(),
            "198.51.100.7, 10.0.0.2, 10.0.0.1"
        );
        assert_eq!(request.headers.get("x-forwarded-proto").unwrap(), "https");
    }
}
