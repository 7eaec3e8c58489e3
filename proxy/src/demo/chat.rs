//! Rooms and who is in them, without sockets: a member's message in, what each member is to hear out.
//! Messages are JSON text, `{"event": ..., "data": {...}}`, both ways.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

/// Bounds, so that a demo left running stays a demo.
const MAX_ROOMS: usize = 1000;
const MAX_MEMBERS: usize = 100;
const MAX_NAME: usize = 40;
const MAX_TEXT: usize = 4 * 1024;

/// One connection.
pub(super) type MemberId = u64;

/// What a member says.
#[derive(Debug, Deserialize)]
#[serde(tag = "event", content = "data", rename_all = "snake_case")]
enum Request {
    JoinRoom { room_id: String, user_id: String },
    Message { text: String },
    LeaveRoom {},
    Ping { n: u64 },
}

/// What a member hears.
#[derive(Debug, Serialize)]
#[serde(tag = "event", content = "data", rename_all = "snake_case")]
enum Event<'a> {
    Joined {
        room_id: &'a str,
        user_id: &'a str,
        members: Vec<&'a str>,
    },
    MemberJoined {
        user_id: &'a str,
    },
    MemberLeft {
        user_id: &'a str,
    },
    Message {
        user_id: &'a str,
        text: &'a str,
        at: u64,
    },
    Pong {
        n: u64,
    },
    Error {
        message: &'a str,
    },
}

/// A message for one member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Delivery {
    pub(super) to: MemberId,
    pub(super) text: String,
}

/// All rooms.
#[derive(Debug, Default)]
pub(super) struct Chat {
    rooms: HashMap<String, BTreeMap<MemberId, String>>,
    places: HashMap<MemberId, String>,
}

impl Chat {
    /// Takes one message of a member's. `now`: milliseconds since 1970.
    pub(super) fn hear(&mut self, from: MemberId, text: &str, now: u64) -> Vec<Delivery> {
        match serde_json::from_str(text) {
            Ok(Request::JoinRoom { room_id, user_id }) => self.join(from, &room_id, &user_id),
            Ok(Request::Message { text }) => self.message(from, &text, now),
            Ok(Request::LeaveRoom {}) => self.leave(from),
            Ok(Request::Ping { n }) => vec![delivery(from, &Event::Pong { n })],
            Err(_) => refuse(from, "expected join_room, message, leave_room or ping"),
        }
    }

    /// Takes a member out of its room; also when its connection is gone.
    pub(super) fn leave(&mut self, member: MemberId) -> Vec<Delivery> {
        let Some(room_id) = self.places.remove(&member) else {
            return Vec::new();
        };
        let Some(room) = self.rooms.get_mut(&room_id) else {
            return Vec::new();
        };
        let user_id = room.remove(&member).unwrap_or_default();
        let told = tell(room, &Event::MemberLeft { user_id: &user_id });
        if room.is_empty() {
            self.rooms.remove(&room_id);
        }
        told
    }

    fn join(&mut self, member: MemberId, room_id: &str, user_id: &str) -> Vec<Delivery> {
        if !is_name(room_id) || !is_name(user_id) {
            return refuse(member, "a room and a name have 1 to 40 characters");
        }
        let mut told = self.leave(member);
        if !self.rooms.contains_key(room_id) && self.rooms.len() >= MAX_ROOMS {
            return refuse(member, "too many rooms");
        }
        let room = self.rooms.entry(room_id.to_owned()).or_default();
        if room.len() >= MAX_MEMBERS {
            return refuse(member, "this room is full");
        }
        told.extend(tell(room, &Event::MemberJoined { user_id }));
        room.insert(member, user_id.to_owned());
        self.places.insert(member, room_id.to_owned());
        let members = room.values().map(String::as_str).collect();
        told.push(delivery(
            member,
            &Event::Joined {
                room_id,
                user_id,
                members,
            },
        ));
        told
    }

    fn message(&mut self, from: MemberId, text: &str, now: u64) -> Vec<Delivery> {
        if text.is_empty() || text.len() > MAX_TEXT {
            return refuse(from, "a message has 1 to 4096 bytes");
        }
        let room = self
            .places
            .get(&from)
            .and_then(|room_id| self.rooms.get(room_id));
        match room.and_then(|room| room.get(&from).map(|user_id| (room, user_id))) {
            Some((room, user_id)) => tell(
                room,
                &Event::Message {
                    user_id,
                    text,
                    at: now,
                },
            ),
            None => refuse(from, "join a room first"),
        }
    }
}

fn is_name(name: &str) -> bool {
    !name.trim().is_empty() && name.chars().count() <= MAX_NAME
}

fn tell(room: &BTreeMap<MemberId, String>, event: &Event<'_>) -> Vec<Delivery> {
    room.keys().map(|member| delivery(*member, event)).collect()
}

fn refuse(member: MemberId, message: &str) -> Vec<Delivery> {
    vec![delivery(member, &Event::Error { message })]
}

/// Events hold nothing that JSON has no form for.
fn delivery(to: MemberId, event: &Event<'_>) -> Delivery {
    Delivery {
        to,
        text: serde_json::to_string(event).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]
    use super::*;

    fn join(chat: &mut Chat, member: MemberId, user: &str) -> Vec<Delivery> {
        let text =
            format!(r#"{{"event":"join_room","data":{{"room_id":"lobby","user_id":"{user}"}}}}"#);
        chat.hear(member, &text, 0)
    }

    fn texts(deliveries: &[Delivery], to: MemberId) -> Vec<&str> {
        deliveries
            .iter()
            .filter(|d| d.to == to)
            .map(|d| d.text.as_str())
            .collect()
    }

    #[test]
    fn who_joins_is_announced_and_told_who_is_there() {
        let mut chat = Chat::default();
        join(&mut chat, 1, "ann");
        let told = join(&mut chat, 2, "bob");
        assert_eq!(
            texts(&told, 1),
            [r#"{"event":"member_joined","data":{"user_id":"bob"}}"#]
        );
        let joined = r#"{"event":"joined","data":{"room_id":"lobby","user_id":"bob","members":["ann","bob"]}}"#;
        assert_eq!(texts(&told, 2), [joined]);
    }

    #[test]
    fn a_message_reaches_everybody_in_the_room_and_nobody_else() {
        let mut chat = Chat::default();
        join(&mut chat, 1, "ann");
        join(&mut chat, 2, "bob");
        chat.hear(
            3,
            r#"{"event":"join_room","data":{"room_id":"other","user_id":"eve"}}"#,
            0,
        );
        let told = chat.hear(1, r#"{"event":"message","data":{"text":"hi"}}"#, 7);
        let expected = r#"{"event":"message","data":{"user_id":"ann","text":"hi","at":7}}"#;
        assert_eq!(
            (texts(&told, 1), texts(&told, 2), told.len()),
            (vec![expected], vec![expected], 2)
        );
    }

    #[test]
    fn an_empty_room_is_gone() {
        let mut chat = Chat::default();
        join(&mut chat, 1, "ann");
        join(&mut chat, 2, "bob");
        assert_eq!(
            texts(&chat.leave(1), 2),
            [r#"{"event":"member_left","data":{"user_id":"ann"}}"#]
        );
        chat.leave(2);
        assert!(chat.rooms.is_empty() && chat.places.is_empty());
    }

    #[test]
    fn what_makes_no_sense_is_answered_with_an_error() {
        let mut chat = Chat::default();
        let long = format!(
            r#"{{"event":"join_room","data":{{"room_id":"{}","user_id":"a"}}}}"#,
            "x".repeat(41)
        );
        for text in [
            "",
            "{}",
            r#"{"event":"dance","data":{}}"#,
            r#"{"event":"message","data":{"text":"hi"}}"#,
            &long,
        ] {
            let told = chat.hear(1, text, 0);
            assert!(
                told.len() == 1 && told[0].text.contains("\"error\""),
                "{text}: {told:?}"
            );
        }
        assert_eq!(
            chat.hear(1, r#"{"event":"ping","data":{"n":5}}"#, 0)[0].text,
            r#"{"event":"pong","data":{"n":5}}"#
        );
    }
}
