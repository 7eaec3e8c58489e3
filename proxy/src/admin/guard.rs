//! Who may speak to the operator's listener. With a token, whoever knows it. Without one the listener is on loopback, and
//! every page that a browser on this machine shows could ask it something: so requests have to be meant for it by name,
//! and what changes something must not come from another site.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, Method, StatusCode, header};
use pingora::http::RequestHeader;
use subtle::ConstantTimeEq;
use thiserror::Error;
use towpath_conf::{Config, Mistake, Path as Place};

use crate::secrets::warn_of_readers;

/// Shorter ones can be guessed.
const SHORTEST: usize = 16;

/// A token file that is no use.
#[derive(Debug, Error)]
pub(crate) enum TokenError {
    #[error("`{}`: cannot be read: {source}", path.display())]
    Unreadable {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("`{}`: expected a token of at least {SHORTEST} characters in the first line, without spaces", path.display())]
    Short { path: PathBuf },
}

/// The token in a file.
pub(crate) fn read_token(path: &Path) -> Result<String, TokenError> {
    let text = std::fs::read_to_string(path).map_err(|source| TokenError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    warn_of_readers(path);
    let token = text.lines().next().unwrap_or_default().trim();
    if token.len() < SHORTEST || token.contains(char::is_whitespace) {
        return Err(TokenError::Short {
            path: path.to_owned(),
        });
    }
    Ok(token.to_owned())
}

/// A token file that is no use, as a mistake in the configuration.
pub(crate) fn inspect(config: &Config) -> Vec<Mistake> {
    let file = watched(config);
    let error = file.and_then(|file| read_token(&file).err());
    let path = Place::default().key("admin").key("token_file");
    error
        .map(|error| Mistake::new(path, error.to_string()))
        .into_iter()
        .collect()
}

/// The file whose change is a change of the configuration.
pub(crate) fn watched(config: &Config) -> Option<PathBuf> {
    config.admin.as_ref()?.token_file.clone()
}

/// Whether a request may be answered; if not, how else.
pub(super) fn ask(request: &RequestHeader, token: Option<&str>) -> Result<(), StatusCode> {
    match token {
        Some(token) if !knows(&request.headers, token) => return Err(StatusCode::UNAUTHORIZED),
        None if !is_by_address(&request.headers) => return Err(StatusCode::MISDIRECTED_REQUEST),
        _ => {}
    }
    let is_safe = matches!(request.method, Method::GET | Method::HEAD);
    if !is_safe && !is_from_here(&request.headers) {
        return Err(StatusCode::FORBIDDEN);
    }
    Ok(())
}

/// As a bearer (RFC 6750), or as the password of any name (RFC 7617), which browsers ask for.
fn knows(headers: &HeaderMap, token: &str) -> bool {
    let Some(said) = headers.get(header::AUTHORIZATION) else {
        return false;
    };
    let said = said.to_str().unwrap_or_default();
    let (scheme, value) = said.split_once(' ').unwrap_or_default();
    let password = || {
        let decoded = STANDARD.decode(value.trim()).ok()?;
        let (_, password) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
        Some(password.to_owned())
    };
    let said = match scheme.to_ascii_lowercase().as_str() {
        "bearer" => Some(value.trim().to_owned()),
        "basic" => password(),
        _ => None,
    };
    said.is_some_and(|said| said.as_bytes().ct_eq(token.as_bytes()).into())
}

/// A name other than localhost can be made to mean this address by whoever owns it (DNS rebinding).
fn is_by_address(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|it| it.to_str().ok());
    let host = host.unwrap_or_default();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok()
}

/// Browsers say where a request that changes something comes from; programs say nothing.
fn is_from_here(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return true;
    };
    let origin = origin.to_str().unwrap_or_default();
    let host = headers.get(header::HOST).and_then(|it| it.to_str().ok());
    let own = origin.split_once("://").map(|(_, host)| host);
    own.is_some() && own == host
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const TOKEN: &str = "0123456789abcdef";

    fn asked(method: Method, fields: &[(&'static str, &str)]) -> RequestHeader {
        let mut request = RequestHeader::build(method, b"/api/drain", None).unwrap();
        for (name, value) in fields {
            request.insert_header(*name, *value).unwrap();
        }
        request
    }

    #[test]
    fn whoever_knows_the_token_may() {
        let basic = format!("Basic {}", STANDARD.encode(format!("any:{TOKEN}")));
        let bearer = format!("bearer {TOKEN}");
        for (said, expected) in [
            (bearer.as_str(), Ok(())),
            (basic.as_str(), Ok(())),
            ("Bearer 0123456789abcdeF", Err(StatusCode::UNAUTHORIZED)),
            ("Bearer", Err(StatusCode::UNAUTHORIZED)),
            ("Digest x", Err(StatusCode::UNAUTHORIZED)),
        ] {
            let request = asked(
                Method::GET,
                &[("host", "any.example"), ("authorization", said)],
            );
            assert_eq!(ask(&request, Some(TOKEN)), expected, "{said}");
        }
        let request = asked(Method::GET, &[("host", "127.0.0.1:9090")]);
        assert_eq!(ask(&request, Some(TOKEN)), Err(StatusCode::UNAUTHORIZED));
    }

    #[test]
    fn without_a_token_it_is_asked_by_its_address() {
        for (host, expected) in [
            ("127.0.0.1:9090", Ok(())),
            ("[::1]:9090", Ok(())),
            ("localhost:9090", Ok(())),
            ("LOCALHOST", Ok(())),
            ("rebound.example:9090", Err(StatusCode::MISDIRECTED_REQUEST)),
            ("", Err(StatusCode::MISDIRECTED_REQUEST)),
        ] {
            let request = asked(Method::GET, &[("host", host)]);
            assert_eq!(ask(&request, None), expected, "{host}");
        }
    }

    #[test]
    fn no_other_site_changes_anything() {
        let host = ("host", "127.0.0.1:9090");
        for (origin, expected) in [
            ("http://127.0.0.1:9090", Ok(())),
            ("https://evil.example", Err(StatusCode::FORBIDDEN)),
            ("null", Err(StatusCode::FORBIDDEN)),
            ("http://127.0.0.1:9091", Err(StatusCode::FORBIDDEN)),
        ] {
            let request = asked(Method::POST, &[host, ("origin", origin)]);
            assert_eq!(ask(&request, None), expected, "{origin}");
        }
        assert_eq!(ask(&asked(Method::POST, &[host]), None), Ok(()));
    }

    #[test]
    fn a_token_is_the_first_line_of_its_file() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("token");
        assert!(read_token(&file).is_err(), "there is none");
        for (text, expected) in [
            (format!("{TOKEN}\nmore\n"), Some(TOKEN)),
            ("short\n".to_owned(), None),
            ("01234567 89abcdef".to_owned(), None),
            (String::new(), None),
        ] {
            std::fs::write(&file, &text).unwrap();
            assert_eq!(read_token(&file).ok().as_deref(), expected, "{text}");
        }
    }
}
