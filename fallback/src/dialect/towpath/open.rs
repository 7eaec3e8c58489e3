//! The JSON of `open` (`PROTOCOL.md`, §2).

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use serde::{Deserialize, Serialize, Serializer};

/// The most subprotocols that may be offered, and the most bytes of one.
const MAX_PROTOCOLS: usize = 32;
const MAX_PROTOCOL: usize = 128;

/// What names one wish for a session, however often it is said.
pub(super) type Nonce = [u8; 16];

/// A request to open a session.
#[derive(Debug, Deserialize)]
pub(super) struct Open {
    towpath: u64,
    nonce: String,
    #[serde(default)]
    pub(super) protocols: Vec<String>,
    #[serde(default)]
    pub(super) receive: Option<usize>,
    #[serde(default)]
    pub(super) stream: bool,
}

impl Open {
    /// Reads and checks a request.
    pub(super) fn parse(body: &[u8]) -> Result<(Self, Nonce), Answer> {
        let open: Self = serde_json::from_slice(body).map_err(|_| Answer::Malformed)?;
        if open.towpath != 1 {
            return Err(Answer::Policy);
        }
        let nonce = nonce(&open.nonce).ok_or(Answer::Malformed)?;
        let fit = open.protocols.len() <= MAX_PROTOCOLS
            && open.protocols.iter().all(|protocol| is_token(protocol));
        let distinct = (1..)
            .zip(&open.protocols)
            .all(|(next, protocol)| !open.protocols.iter().skip(next).any(|p| p == protocol));
        if fit && distinct {
            Ok((open, nonce))
        } else {
            Err(Answer::Malformed)
        }
    }
}

/// The subprotocols that a request to open a session offers; none if it is no such request.
pub(crate) fn offered(body: &[u8]) -> Vec<String> {
    Open::parse(body).map_or_else(|_| Vec::new(), |(open, _)| open.protocols)
}

/// 22 characters of base64url.
pub(super) fn nonce(text: &str) -> Option<Nonce> {
    let mut nonce = [0; 16];
    let decoded = URL_SAFE_NO_PAD.decode_slice(text, &mut nonce);
    (decoded == Ok(nonce.len())).then_some(nonce)
}

/// RFC 9110 §5.6.2: nothing else may stand in `Sec-WebSocket-Protocol`, least of all a line's end.
fn is_token(protocol: &str) -> bool {
    let tchar = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    (1..=MAX_PROTOCOL).contains(&protocol.len()) && protocol.bytes().all(tchar)
}

/// What `open` answers.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub(super) enum Answer {
    Ok(Box<Opened>),
    Refused {
        #[serde(serialize_with = "status")]
        http_status: StatusCode,
    },
    Unreachable,
    Timeout,
    Policy,
    Malformed,
    Busy {
        /// In milliseconds.
        retry_after: u64,
    },
}

/// A session that was opened.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Opened {
    pub(super) token: String,
    pub(super) protocol: String,
    #[serde(serialize_with = "milliseconds")]
    pub(super) wait: Duration,
    #[serde(serialize_with = "milliseconds")]
    pub(super) resume: Duration,
    pub(super) max_body: usize,
    pub(super) max_message: usize,
    pub(super) buffer: usize,
    #[serde(serialize_with = "milliseconds")]
    pub(super) spacing: Duration,
    pub(super) stream: bool,
}

#[derive(Serialize)]
struct Magic<'a> {
    towpath: u8,
    #[serde(flatten)]
    answer: &'a Answer,
}

impl Answer {
    pub(super) fn to_json(&self) -> Vec<u8> {
        let magic = Magic {
            towpath: 1,
            answer: self,
        };
        // There is no map key or value here that JSON cannot say.
        serde_json::to_vec(&magic).unwrap_or_default()
    }
}

fn milliseconds<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

fn status<S: Serializer>(status: &StatusCode, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u16(status.as_u16())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]
    use super::*;

    const NONCE: &str = "wYbTz1X0c4bO4mCq3xqg9Q";

    fn parse(rest: &str) -> Result<(Open, Nonce), Answer> {
        Open::parse(format!("{{{rest}}}").as_bytes())
    }

    #[test]
    fn what_is_left_out_has_a_meaning() {
        let Ok((open, _)) = parse(&format!(r#""towpath":1,"nonce":"{NONCE}""#)) else {
            panic!("it is whole");
        };
        assert!(open.protocols.is_empty() && open.receive.is_none() && !open.stream);
    }

    #[test]
    fn what_cannot_be_opened_is_said() {
        for (rest, answer) in [
            (String::new(), "malformed"),
            (format!(r#""towpath":2,"nonce":"{NONCE}""#), "policy"),
            (r#""towpath":1,"nonce":"short""#.to_owned(), "malformed"),
            (
                format!(r#""towpath":1,"nonce":"{NONCE}","protocols":["a\r\nb"]"#),
                "malformed",
            ),
            (
                format!(r#""towpath":1,"nonce":"{NONCE}","protocols":["a","b","a"]"#),
                "malformed",
            ),
            (
                format!(r#""towpath":1,"nonce":"{NONCE}","protocols":[""]"#),
                "malformed",
            ),
        ] {
            let json = parse(&rest).map(|_| ()).map_err(|answer| answer.to_json());
            let expected = format!(r#"{{"towpath":1,"status":"{answer}"}}"#);
            assert_eq!(json, Err(expected.into_bytes()), "{rest}");
        }
    }

    #[test]
    fn a_refusal_has_the_backends_status() {
        let answer = Answer::Refused {
            http_status: StatusCode::FORBIDDEN,
        };
        let expected = r#"{"towpath":1,"status":"refused","http_status":403}"#;
        assert_eq!(answer.to_json(), expected.as_bytes());
    }
}
