//! The browser client as the proxy serves it: under a name that never changes and is asked about each time, and under
//! one that has its content's hash in it and is kept for ever. It is compressed once, when it is first asked for.

use std::io::{self, Write};
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use sha2::{Digest, Sha256};

use crate::body::Body;

/// Where everything of ours stands on every host.
pub const PREFIX: &str = "/.towpath/";

const SCRIPT: &str = include_str!("../client/towpath.js");

/// The script, in all its forms.
struct Script {
    /// The first 96 bits of its SHA-256, in base64url.
    hash: String,
    plain: Coded,
    gzip: Option<Coded>,
    brotli: Option<Coded>,
}

/// One form, and its entity tag.
struct Coded {
    content: Bytes,
    tag: HeaderValue,
    coding: Option<&'static str>,
}

static CLIENT: LazyLock<Script> = LazyLock::new(Script::new);

/// Answers a request below [`PREFIX`].
#[must_use]
pub fn respond(method: &Method, path: &str, headers: &HeaderMap) -> Response<Body> {
    let script = &*CLIENT;
    let immutable = match path.strip_prefix(PREFIX) {
        Some("client.js") => false,
        Some(name) if name == script.name() => true,
        _ => return empty(StatusCode::NOT_FOUND),
    };
    if !matches!(*method, Method::GET | Method::HEAD) {
        let mut response = empty(StatusCode::METHOD_NOT_ALLOWED);
        let allow = HeaderValue::from_static("GET, HEAD");
        response.headers_mut().insert(header::ALLOW, allow);
        return response;
    }
    let coded = script.choose(headers);
    let mut response = if is_known(headers, &coded.tag) {
        empty(StatusCode::NOT_MODIFIED)
    } else {
        Response::new(Body::whole(coded.content.clone()))
    };
    describe(response.headers_mut(), script, coded, immutable);
    response
}

impl Script {
    fn new() -> Self {
        let digest = Sha256::digest(SCRIPT);
        let hash = URL_SAFE_NO_PAD.encode(digest.get(..12).unwrap_or_default());
        let coded = |content: Bytes, coding: Option<&'static str>| {
            let tag = match coding {
                Some(coding) => format!("\"{hash}-{coding}\""),
                None => format!("\"{hash}\""),
            };
            // base64url and the codings' names may stand in a field.
            let tag = HeaderValue::try_from(tag).unwrap_or(HeaderValue::from_static("\"\""));
            Coded {
                content,
                tag,
                coding,
            }
        };
        Self {
            plain: coded(Bytes::from_static(SCRIPT.as_bytes()), None),
            gzip: gzip().ok().map(|content| coded(content, Some("gzip"))),
            brotli: brotli().ok().map(|content| coded(content, Some("br"))),
            hash,
        }
    }

    /// The name of exactly this version.
    fn name(&self) -> String {
        format!("client.{}.js", self.hash)
    }

    /// The smallest form that the client takes.
    fn choose(&self, headers: &HeaderMap) -> &Coded {
        let forms = [self.brotli.as_ref(), self.gzip.as_ref()];
        let accepted = |form: &&Coded| form.coding.is_some_and(|coding| accepts(headers, coding));
        let accepted = forms.into_iter().flatten().find(accepted);
        accepted.unwrap_or(&self.plain)
    }
}

/// RFC 9110 §12.5.3, but for weights other than 0: whoever takes a coding at all may have it.
fn accepts(headers: &HeaderMap, coding: &str) -> bool {
    let lines = headers.get_all(header::ACCEPT_ENCODING).into_iter();
    let mut members = lines.flat_map(|line| line.to_str().unwrap_or_default().split(','));
    members.any(|member| {
        let mut parts = member.split(';').map(str::trim);
        let named = parts
            .next()
            .is_some_and(|name| name.eq_ignore_ascii_case(coding));
        let refused = parts.any(|part| {
            let weight = part.strip_prefix("q=").and_then(|q| q.parse::<f32>().ok());
            weight == Some(0.0)
        });
        named && !refused
    })
}

fn is_known(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    let lines = headers.get_all(header::IF_NONE_MATCH).into_iter();
    let mut tags = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    tags.any(|known| {
        let known = known.trim_ascii();
        let known = known.strip_prefix(b"W/").unwrap_or(known);
        known == tag.as_bytes() || known == b"*"
    })
}

fn describe(headers: &mut HeaderMap, script: &Script, coded: &Coded, immutable: bool) {
    let caching = if immutable {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    for (name, value) in [
        (header::CONTENT_TYPE, "text/javascript; charset=utf-8"),
        (header::CACHE_CONTROL, caching),
        (header::VARY, "Accept-Encoding"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // A module is fetched with CORS, and this is for everybody.
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(header::ETAG, coded.tag.clone());
    if let Ok(location) = format!("{PREFIX}{}", script.name()).parse() {
        headers.insert(header::CONTENT_LOCATION, location);
    }
    if let Some(coding) = coded.coding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
}

fn gzip() -> io::Result<Bytes> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(SCRIPT.as_bytes())?;
    encoder.finish().map(Bytes::from)
}

fn brotli() -> io::Result<Bytes> {
    let mut compressed = Vec::new();
    let params = brotli::enc::BrotliEncoderParams::default();
    brotli::BrotliCompress(&mut SCRIPT.as_bytes(), &mut compressed, &params)?;
    Ok(compressed.into())
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::whole(Bytes::new()));
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn get(path: &str, fields: &[(&'static str, &str)]) -> (StatusCode, HeaderMap, Bytes) {
        let headers = fields
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect();
        let (head, mut body) = respond(&Method::GET, path, &headers).into_parts();
        let content = futures_util::FutureExt::now_or_never(body.next()).unwrap();
        (head.status, head.headers, content.unwrap())
    }

    #[test]
    fn it_comes_compressed_to_those_who_take_that() {
        for (accept, coding) in [
            ("gzip, deflate, br, zstd", Some("br")),
            ("gzip;q=0.5", Some("gzip")),
            ("br;q=0, gzip", Some("gzip")),
            ("identity", None),
            ("", None),
        ] {
            let (status, headers, content) =
                get("/.towpath/client.js", &[("accept-encoding", accept)]);
            assert_eq!(status, StatusCode::OK);
            let got = headers
                .get("content-encoding")
                .map(|coding| coding.to_str().unwrap());
            assert_eq!(got, coding, "{accept}");
            assert_eq!(content == SCRIPT, coding.is_none(), "{accept}");
        }
    }

    #[test]
    fn whoever_has_it_is_told_so() {
        let (_, headers, _) = get("/.towpath/client.js", &[]);
        assert_eq!(headers.get("cache-control").unwrap(), "no-cache");
        let tag = headers.get("etag").unwrap().to_str().unwrap();
        let (status, _, content) = get("/.towpath/client.js", &[("if-none-match", tag)]);
        assert_eq!(status, StatusCode::NOT_MODIFIED);
        assert!(content.is_empty());
    }

    #[test]
    fn its_hash_names_it_for_ever() {
        let (_, headers, _) = get("/.towpath/client.js", &[]);
        let name = headers.get("content-location").unwrap().to_str().unwrap();
        let (status, headers, _) = get(name, &[]);
        assert_eq!(status, StatusCode::OK);
        let caching = headers.get("cache-control").unwrap();
        assert_eq!(caching, "public, max-age=31536000, immutable");
        let (status, ..) = get("/.towpath/client.0000000000000000.js", &[]);
        assert_eq!(status, StatusCode::NOT_FOUND);
    }
}
