//! W3C Trace Context: what `traceparent` and `tracestate` say, read strictly, and written. No sockets here.
//! Level 2 of the recommendation, which adds to level 1 that the random flag is kept
//! (<https://www.w3.org/TR/trace-context-2/>).

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::trace::{SpanId, TraceFlags, TraceId, TraceState};

use crate::fields::{members, only};

pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
pub(crate) const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// `00-{trace}-{parent}-{flags}`, in bytes.
const LENGTH: usize = 55;

/// The flags that have a meaning; others are not passed on by whoever writes (§3.2.2.5).
const FLAGS: TraceFlags = TraceFlags::new(0b11);

/// Members of a `tracestate`, at most (§3.3.1.1).
const MEMBERS: usize = 32;

/// Bytes of a key or a value in it, at most.
const WORD: usize = 256;

/// Where in a trace somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Context {
    pub(crate) trace: TraceId,
    pub(crate) span: SpanId,
    pub(crate) flags: TraceFlags,
}

impl Context {
    /// What a request says; `None`: nothing, or nothing valid, so its trace begins here.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        Self::parse(only(headers, TRACEPARENT)?)
    }

    /// Reads a `traceparent` (§3.2): of a version that is not known yet, only what is here (§4.3).
    fn parse(text: &[u8]) -> Option<Self> {
        let (known, rest) = text.split_at_checked(LENGTH)?;
        let mut parts = known.split(|byte| *byte == b'-');
        let version = parts.next().and_then(hex::<2>)?;
        let trace = parts.next().and_then(hex::<32>)?;
        let span = parts.next().and_then(hex::<16>)?;
        let flags = parts.next().and_then(hex::<2>)?;
        let is_whole = match version {
            0 => rest.is_empty(),
            0xff => false,
            _ => rest.first().is_none_or(|byte| *byte == b'-'),
        };
        let context = Self {
            trace: TraceId::from(trace),
            span: SpanId::from(u64::try_from(span).ok()?),
            flags: TraceFlags::new(u8::try_from(flags).ok()?) & FLAGS,
        };
        let is_valid = is_whole && parts.next().is_none() && trace != 0 && span != 0;
        is_valid.then_some(context)
    }

    /// As the value of a `traceparent`.
    pub(crate) fn to_value(self) -> Option<HeaderValue> {
        let Self { trace, span, flags } = self;
        let text = format!("00-{trace}-{span}-{flags:02x}");
        HeaderValue::from_maybe_shared(bytes::Bytes::from(text)).ok()
    }
}

/// A number of so many digits in lower case.
fn hex<const DIGITS: usize>(text: &[u8]) -> Option<u128> {
    let text: &[u8; DIGITS] = text.try_into().ok()?;
    text.iter().try_fold(0, |number, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(digit))
    })
}

/// What a request's `tracestate` says, over all its lines; `None`: it breaks the rules and is to be dropped (§4.3).
pub(crate) fn state(headers: &HeaderMap) -> Option<TraceState> {
    let mut words = Vec::new();
    for member in members(headers, TRACESTATE) {
        let (key, value) = std::str::from_utf8(member).ok()?.split_once('=')?;
        if !is_key(key) || !is_value(value) || words.len() == MEMBERS {
            return None;
        }
        words.push((key, value));
    }
    // The library still knows the keys of level 1 only. What it does not take is passed on all the same.
    Some(TraceState::from_key_value(words).unwrap_or_default())
}

/// §3.3.1.3.1.
fn is_key(key: &str) -> bool {
    let is_letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let is_inner = |b: u8| is_letter(b) || b"_-*/@".contains(&b);
    let begins = key.bytes().next().is_some_and(is_letter);
    begins && key.len() <= WORD && key.bytes().all(is_inner)
}

/// §3.3.1.3.2. A comma has ended the member already.
fn is_value(value: &str) -> bool {
    let is_printable = |b: u8| matches!(b, b' '..=b'~') && b != b'=';
    (1..=WORD).contains(&value.len()) && value.bytes().all(is_printable)
}

#[cfg(test)]
mod tests;
