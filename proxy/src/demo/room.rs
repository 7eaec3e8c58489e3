//! A room: who is in it, and what was said last, for those who come back.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;

use super::chat::MemberId;

/// How many messages are kept.
const KEPT: usize = 50;

/// One message, as everybody in the room hears it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Said {
    /// Rises from message to message.
    pub(super) id: u64,
    pub(super) user_id: String,
    pub(super) text: String,
    /// The sender's own name for it, by which it knows it again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tag: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct Room {
    members: BTreeMap<MemberId, String>,
    said: VecDeque<Said>,
}

impl Room {
    pub(super) fn enter(&mut self, member: MemberId, user_id: &str) {
        self.members.insert(member, user_id.to_owned());
    }

    /// Who has left, if it was in here.
    pub(super) fn leave(&mut self, member: MemberId) -> Option<String> {
        self.members.remove(&member)
    }

    pub(super) fn members(&self) -> impl Iterator<Item = MemberId> {
        self.members.keys().copied()
    }

    pub(super) fn names(&self) -> Vec<&str> {
        self.members.values().map(String::as_str).collect()
    }

    pub(super) fn name(&self, member: MemberId) -> Option<&str> {
        self.members.get(&member).map(String::as_str)
    }

    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    pub(super) fn keep(&mut self, said: Said) {
        if self.said.len() == KEPT {
            self.said.pop_front();
        }
        self.said.push_back(said);
    }

    /// What is kept of what was said after that.
    pub(super) fn said_after(&self, id: u64) -> Vec<&Said> {
        self.said.iter().filter(|said| said.id > id).collect()
    }

    /// Whether this was said before, and is said again by someone who does not know that it arrived.
    pub(super) fn has(&self, user_id: &str, tag: &str) -> bool {
        let is_it = |said: &Said| said.user_id == user_id && said.tag.as_deref() == Some(tag);
        self.said.iter().any(is_it)
    }

    /// When something was said last, in terms of ids.
    pub(super) fn last(&self) -> u64 {
        self.said.back().map_or(0, |said| said.id)
    }
}
