//! What a request's query says, and what becomes of it on the way to the backend.

use std::borrow::Cow;

use super::Revision;
use super::form::{Field, fields};
use super::jsonp::Callback;
use super::payload::Form;

/// By what a client wants to talk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // They are the field's words.
pub enum Transport {
    Polling,
    WebSocket,
    /// None is named, or none that is known here.
    Unknown,
}

/// The reserved keys of a query. Where one is repeated, its values are one with commas between them, as in the
/// reference, which then knows no such transport, session or revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query<'a> {
    /// `EIO`; whatever is not 4 is 3.
    pub revision: Revision,
    /// `transport`.
    pub transport: Transport,
    /// `sid`; an empty one is none.
    pub sid: Option<Cow<'a, str>>,
    /// `t`, which makes each request's URL another.
    pub cache_buster: Option<Cow<'a, str>>,
    /// `b64`: the client takes binary packets in base64 only. It says so when it opens a session, not later on.
    pub base64: bool,
    /// `j`: answers are to be JSONP.
    pub callback: Option<Callback>,
}

impl<'a> Query<'a> {
    /// Reads a query as it is in the URL, without the question mark.
    #[must_use]
    pub fn parse(raw: &'a str) -> Self {
        let [mut eio, mut transport, mut sid, mut t, mut b64, mut j] = [const { None }; 6];
        for field in fields(raw) {
            let seen = match &*field.key {
                "EIO" => &mut eio,
                "transport" => &mut transport,
                "sid" => &mut sid,
                "t" => &mut t,
                "b64" => &mut b64,
                "j" => &mut j,
                _ => continue,
            };
            see(seen, &field);
        }
        Self {
            revision: match eio.as_deref() {
                Some("4") => Revision::V4,
                _ => Revision::V3,
            },
            transport: match transport.as_deref() {
                Some("polling") => Transport::Polling,
                Some("websocket") => Transport::WebSocket,
                _ => Transport::Unknown,
            },
            sid: sid.filter(|sid| !sid.is_empty()),
            cache_buster: t,
            base64: b64.is_some_and(|b64| !b64.is_empty()),
            callback: j.map(|index| Callback::of(&index)),
        }
    }

    /// The form of payloads that this request's client takes, by what it says here.
    #[must_use]
    pub fn takes(&self) -> Form {
        if self.base64 || self.callback.is_some() {
            Form::Text
        } else {
            Form::Binary
        }
    }
}

fn see<'a>(seen: &mut Option<Cow<'a, str>>, field: &Field<'a>) {
    let value = field.value();
    match seen {
        None => *seen = Some(value),
        Some(values) => {
            let values = values.to_mut();
            values.push(',');
            values.push_str(&value);
        }
    }
}

/// The query with which the backend is asked for a WebSocket: what is of this polling request alone is gone, the
/// transport is another, and everything else is byte for byte as it was, in its order.
#[must_use]
pub fn upstream(raw: &str) -> String {
    const TRANSPORT: &str = "transport=websocket";
    let mut query = String::with_capacity(raw.len() + 1 + TRANSPORT.len());
    let mut transport = Some(TRANSPORT);
    for field in fields(raw) {
        match &*field.key {
            "t" | "b64" | "j" | "sid" => {}
            "transport" => put(&mut query, transport.take()),
            _ => put(&mut query, Some(field.raw)),
        }
    }
    put(&mut query, transport);
    query
}

fn put(query: &mut String, field: Option<&str>) {
    if let Some(field) = field {
        if !query.is_empty() {
            query.push('&');
        }
        query.push_str(field);
    }
}

#[cfg(test)]
mod tests;
