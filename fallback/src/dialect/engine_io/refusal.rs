//! What a request is answered that is refused, and what a backend's refusal of a WebSocket means in these words.

use std::borrow::Cow;

use bytes::Bytes;
use http::StatusCode;
use serde::{Deserialize, Serialize};

/// The longest message of a backend that is passed on, in characters.
const MAX_MESSAGE: usize = 1024;

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs)] // The messages say what they mean.
pub enum Code {
    UnknownTransport = 0,
    UnknownSession = 1,
    BadHandshakeMethod = 2,
    BadRequest = 3,
    Forbidden = 4,
    UnsupportedVersion = 5,
}

impl Code {
    const ALL: [Self; 6] = [
        Self::UnknownTransport,
        Self::UnknownSession,
        Self::BadHandshakeMethod,
        Self::BadRequest,
        Self::Forbidden,
        Self::UnsupportedVersion,
    ];

    /// What the reference says of it.
    #[must_use]
    pub fn message(self) -> &'static str {
        match self {
            Self::UnknownTransport => "Transport unknown",
            Self::UnknownSession => "Session ID unknown",
            Self::BadHandshakeMethod => "Bad handshake method",
            Self::BadRequest => "Bad request",
            Self::Forbidden => "Forbidden",
            Self::UnsupportedVersion => "Unsupported protocol version",
        }
    }
}

/// A refusal with its words, which are the app's own where it refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    code: Code,
    message: Cow<'static, str>,
}

/// How a refusal is written.
#[derive(Deserialize, Serialize)]
struct Json<'a> {
    code: u8,
    message: Cow<'a, str>,
}

/// What servers write in JSON.
#[derive(Deserialize)]
#[serde(untagged)]
enum Said<'a> {
    Refusal(Json<'a>),
    Message(String),
}

impl From<Code> for Refusal {
    fn from(code: Code) -> Self {
        let message = Cow::Borrowed(code.message());
        Self { code, message }
    }
}

impl Refusal {
    /// The `Content-Type` of the body.
    pub const CONTENT_TYPE: &str = "application/json";

    /// What a backend meant that refused a WebSocket with this content. The reference says the message alone, other
    /// servers what they answer to a poll: code and message in JSON, or the message in JSON. Words that are none of
    /// the protocol's are the app's own.
    #[must_use]
    pub fn of_backend(content: &[u8]) -> Self {
        let (code, message) = match serde_json::from_slice(content) {
            Ok(Said::Refusal(Json { code, message })) => (Some(code), message.into_owned()),
            Ok(Said::Message(message)) => (None, message),
            Err(_) => (None, String::from_utf8_lossy(content).into_owned()),
        };
        let is_it = |known: &Code| match code {
            Some(code) => *known as u8 == code,
            None => known.message() == message,
        };
        let code = Code::ALL.into_iter().find(is_it);
        Self::new(code.unwrap_or(Code::Forbidden), &message)
    }

    fn new(code: Code, message: &str) -> Self {
        if message.is_empty() || message == code.message() {
            return code.into();
        }
        let message = message.chars().take(MAX_MESSAGE).collect();
        Self { code, message }
    }

    /// Why.
    #[must_use]
    pub fn code(&self) -> Code {
        self.code
    }

    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self.code {
            Code::Forbidden => StatusCode::FORBIDDEN,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// The body of the answer.
    #[must_use]
    pub fn body(&self) -> Bytes {
        let json = Json {
            code: self.code as u8,
            message: Cow::Borrowed(&self.message),
        };
        // A number and a string can always be said in JSON.
        serde_json::to_vec(&json).unwrap_or_default().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_its_answer() {
        for (code, status, body) in [
            (
                Code::UnknownTransport,
                400,
                r#"{"code":0,"message":"Transport unknown"}"#,
            ),
            (
                Code::UnknownSession,
                400,
                r#"{"code":1,"message":"Session ID unknown"}"#,
            ),
            (
                Code::BadHandshakeMethod,
                400,
                r#"{"code":2,"message":"Bad handshake method"}"#,
            ),
            (
                Code::BadRequest,
                400,
                r#"{"code":3,"message":"Bad request"}"#,
            ),
            (Code::Forbidden, 403, r#"{"code":4,"message":"Forbidden"}"#),
            (
                Code::UnsupportedVersion,
                400,
                r#"{"code":5,"message":"Unsupported protocol version"}"#,
            ),
        ] {
            let refusal = Refusal::from(code);
            assert_eq!(refusal.status(), status);
            assert_eq!(refusal.body(), body);
            assert_eq!(Refusal::of_backend(body.as_bytes()), refusal);
            assert_eq!(Refusal::of_backend(code.message().as_bytes()), refusal);
        }
    }

    #[test]
    fn a_backends_own_words_are_passed_on() {
        for (content, body) in [
            (&b""[..], r#"{"code":4,"message":"Forbidden"}"#),
            (
                b"no such \"room\"",
                r#"{"code":4,"message":"no such \"room\""}"#,
            ),
            (b"bad request", r#"{"code":4,"message":"bad request"}"#),
            (b"\xff", "{\"code\":4,\"message\":\"\u{fffd}\"}"),
            (
                br#"{"code":4,"message":"a\nb"}"#,
                r#"{"code":4,"message":"a\nb"}"#,
            ),
            (
                br#"{"code":3,"message":"why"}"#,
                r#"{"code":3,"message":"why"}"#,
            ),
            (
                br#"{"code":9,"message":"new"}"#,
                r#"{"code":4,"message":"new"}"#,
            ),
            (br#"{"code":4}"#, r#"{"code":4,"message":"{\"code\":4}"}"#),
        ] {
            assert_eq!(Refusal::of_backend(content).body(), body, "{content:x?}");
        }
    }

    #[test]
    fn a_long_page_is_cut() {
        let refusal = Refusal::of_backend("é".repeat(5000).as_bytes());
        assert_eq!(refusal.message, "é".repeat(MAX_MESSAGE));
        assert_eq!(refusal.code(), Code::Forbidden);
    }
}
