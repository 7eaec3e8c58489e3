//! The open packet: what the backend says of a session, of which a little is otherwise for a client that polls.

use std::time::Duration;

use serde::de::Error as _;
use serde_json::Error as JsonError;
use serde_json::value::{RawValue, to_raw_value};
use thiserror::Error;

use super::Revision;
use super::object::Object;
use super::packet::Id;
use crate::session::{Kind, Message};

const MAX_PAYLOAD: &str = "maxPayload";

/// The longest time that clients can count, in milliseconds: that of JavaScript's timers.
const LONGEST: f64 = 2_147_483_647.0;

/// What the backend says of a session when it begins.
#[derive(Debug)]
pub struct Open<'a> {
    /// The session's id.
    pub sid: String,
    /// How long it is from one ping to the next.
    pub ping_interval: Duration,
    /// How long a ping may be unanswered.
    pub ping_timeout: Duration,
    revision: Revision,
    data: Object<'a>,
}

/// What a client is told otherwise than the backend said.
#[derive(Clone, Copy, Debug)]
pub struct Changes<'a> {
    /// To what transports it may upgrade.
    pub upgrades: &'a [&'a str],
    /// The largest body that it may send, in bytes; where the backend's own limit is lower, that is said.
    pub max_payload: u64,
    /// Another session id, if it is to have one.
    pub sid: Option<&'a str>,
}

/// A message that is no open packet.
#[derive(Debug, Error)]
pub enum NotOpen {
    /// It is another packet, or none.
    #[error("the first packet is not an open packet")]
    Packet,
    /// It does not say what an open packet says.
    #[error("the open packet's data: {0}")]
    Data(#[from] JsonError),
}

impl<'a> Open<'a> {
    /// Reads the first message of a backend. Its keys may be in any order, and there may be others.
    ///
    /// # Errors
    /// It is no open packet, or lacks the id or the times of pings.
    pub fn parse(revision: Revision, message: &'a Message) -> Result<Self, NotOpen> {
        let data = match (Id::of(revision, message), message.kind) {
            (Some(Id::Open), Kind::Text) => message.payload.get(1..).ok_or(NotOpen::Packet)?,
            _ => return Err(NotOpen::Packet),
        };
        let data: Object = serde_json::from_slice(data)?;
        let sid: String = data.read("sid")?;
        if sid.is_empty() {
            return Err(JsonError::custom("sid is empty").into());
        }
        Ok(Self {
            sid,
            ping_interval: milliseconds(data.read("pingInterval")?),
            ping_timeout: milliseconds(data.read("pingTimeout")?),
            revision,
            data,
        })
    }

    /// The open packet for the client. Values that are not changed stay byte for byte what the backend wrote.
    ///
    /// # Errors
    /// Never for what the backend said.
    pub fn rewritten(&self, changes: &Changes) -> Result<Message, JsonError> {
        let upgrades = to_raw_value(changes.upgrades)?;
        let max_payload = self.max_payload(changes.max_payload)?;
        let sid = changes.sid.map(to_raw_value).transpose()?;
        let mut data = self.data.clone();
        data.set("upgrades", &upgrades);
        if let Some(max_payload) = &max_payload {
            data.set(MAX_PAYLOAD, max_payload);
        }
        if let Some(sid) = &sid {
            data.set("sid", sid);
        }
        let mut packet = vec![b'0'];
        serde_json::to_writer(&mut packet, &data)?;
        Ok(Message::text(packet))
    }

    /// The lower limit. Clients of revision 3 know none, so that it is not told where the backend does not tell it.
    fn max_payload(&self, ours: u64) -> Result<Option<Box<RawValue>>, JsonError> {
        let theirs = match self.data.get(MAX_PAYLOAD) {
            // No limit is what 0 says, and what cannot be read.
            Some(theirs) => serde_json::from_str(theirs.get()).unwrap_or_default(),
            None if self.revision == Revision::V4 => 0,
            None => return Ok(None),
        };
        let lower = if theirs > 0 { ours.min(theirs) } else { ours };
        to_raw_value(&lower).map(Some)
    }
}

fn milliseconds(number: f64) -> Duration {
    Duration::from_millis(number.clamp(0.0, LONGEST) as u64)
}

#[cfg(test)]
mod tests;
