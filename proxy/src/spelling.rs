//! Names of fields as HTTP/1.1 has always spelt them. HTTP/2 knows small letters only (RFC 9113 §8.2), but backends
//! exist that compare bytes.

use http::HeaderName;
use pingora::Result;
use pingora::http::RequestHeader;

/// Words that are not simply capitalised.
const WORDS: &[(&str, &str)] = &[
    ("dnt", "DNT"),
    ("etag", "ETag"),
    ("te", "TE"),
    ("websocket", "WebSocket"),
    ("www", "WWW"),
];

/// The same request with its fields spelt as over HTTP/1.1.
pub(crate) fn respell(request: &RequestHeader) -> Result<RequestHeader> {
    let fields = request.headers.len();
    let mut respelt =
        RequestHeader::build(request.method.clone(), request.raw_path(), Some(fields))?;
    for (name, value) in &request.headers {
        respelt.append_header(spell(name), value)?;
    }
    Ok(respelt)
}

fn spell(name: &HeaderName) -> String {
    let words = name.as_str().split('-');
    words.map(capitalise).collect::<Vec<_>>().join("-")
}

fn capitalise(word: &str) -> String {
    if let Some((_, spelt)) = WORDS.iter().find(|(known, _)| *known == word) {
        return (*spelt).to_owned();
    }
    let mut letters = word.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn fields_are_spelt_as_over_http_1_1() {
        let request = http::Request::put("https://h/a?b")
            .header("sec-websocket-key", "k")
            .header("x-request-id", "1")
            .header("te", "trailers");
        let request = RequestHeader::from(request.body(()).unwrap().into_parts().0);
        let mut wire = Vec::new();
        let respelt = respell(&request).unwrap();
        respelt.header_to_h1_wire(&mut wire);
        assert_eq!(
            String::from_utf8(wire).unwrap(),
            "Sec-WebSocket-Key: k\r\nX-Request-Id: 1\r\nTE: trailers\r\n"
        );
        assert_eq!(
            (respelt.method.as_str(), respelt.raw_path()),
            ("PUT", &b"/a?b"[..])
        );
    }
}
