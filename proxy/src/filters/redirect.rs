//! Sending clients elsewhere.

use http::StatusCode;

use crate::answer::{Refusal, Reply};
use crate::router::Target;

/// A route's redirect.
#[derive(Debug)]
pub(crate) struct Redirect {
    to: String,
    status: StatusCode,
}

impl Redirect {
    /// As the configuration says it.
    pub(super) fn new(conf: &towpath_conf::Redirect) -> Self {
        Self {
            to: conf.to.clone(),
            status: StatusCode::from_u16(conf.status).unwrap_or(StatusCode::PERMANENT_REDIRECT),
        }
    }

    /// The answer to a request. Its host becomes a part of it, so that must be one.
    pub(crate) fn answer(&self, request: &Target<'_>) -> Result<Reply, Refusal> {
        let host = bare(request.host);
        if self.to.contains("{host}") && !is_host(host) {
            return Err(Refusal::Malformed("invalid Host"));
        }
        let uri = match request.query {
            "" => request.path.to_owned(),
            query => format!("{}?{query}", request.path),
        };
        let mut location = String::new();
        let mut parts = self.to.split('{');
        location.push_str(parts.next().unwrap_or_default());
        for part in parts {
            let (name, rest) = part.split_once('}').unwrap_or_default();
            location.push_str(match name {
                "host" => host,
                "path" => request.path,
                "query" => request.query,
                _ => &uri,
            });
            location.push_str(rest);
        }
        // A path of two slashes is a host to a browser.
        let location = match location.strip_prefix("//") {
            Some(rest) => format!("/{}", rest.trim_start_matches('/')),
            None => location,
        };
        let reply = Reply::new(self.status, format!("see {location}\n"));
        Ok(reply.with("Location", location))
    }
}

/// Without its port.
fn bare(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

fn is_host(host: &str) -> bool {
    let spells =
        |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'[' | b']');
    !host.is_empty() && host.bytes().all(spells)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use http::{HeaderMap, Method};

    use super::*;

    fn sent(to: &str, host: &str, path: &str, query: &str) -> Result<String, Refusal> {
        let redirect = Redirect {
            to: to.to_owned(),
            status: StatusCode::FOUND,
        };
        let (method, headers) = (Method::GET, HeaderMap::new());
        let request = Target {
            scheme: towpath_conf::Scheme::Http,
            host,
            path,
            query,
            method: &method,
            headers: &headers,
        };
        redirect
            .answer(&request)
            .map(|reply| reply.field("Location").unwrap().to_owned())
    }

    #[test]
    fn parts_of_the_request_stand_where_they_are_named() {
        let https = "https://{host}{uri}";
        assert_eq!(
            sent(https, "h:8080", "/a", "b=c").unwrap(),
            "https://h/a?b=c"
        );
        assert_eq!(sent(https, "[::1]:80", "/", "").unwrap(), "https://[::1]/");
        assert_eq!(
            sent("/new{path}?x&{query}", "h", "/a", "b").unwrap(),
            "/new/a?x&b"
        );
    }

    #[test]
    fn no_request_chooses_where_it_leads() {
        assert_eq!(
            sent("{uri}", "h", "//evil.test/x", "").unwrap(),
            "/evil.test/x"
        );
        for host in ["evil.test/", "a@evil.test", "h\\", ""] {
            assert!(sent("https://{host}/", host, "/", "").is_err(), "{host:?}");
        }
    }
}
