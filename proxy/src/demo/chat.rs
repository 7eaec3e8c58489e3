//! Rooms and who is in them, without sockets: a member's message in, what each member is to hear out.
//! Messages are JSON text, `{"event": ..., "data": {...}}`, both ways.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::room::{Room, Said};

/// Bounds, so that a demo left running stays a demo.
const MAX_ROOMS: usize = 200;
const MAX_MEMBERS: usize = 100;
const MAX_NAME: usize = 40;
const MAX_TEXT: usize = 4 * 1024;

/// One connection.
pub(super) type MemberId = u64;

/// What a member says.
#[derive(Debug, Deserialize)]
#[serde(tag = "event", content = "data", rename_all = "snake_case")]
enum Request {
    JoinRoom {
        room_id: String,
        user_id: String,
        /// The last message that it has heard there, if it was there before.
        #[serde(default)]
        after: u64,
    },
    Message {
        text: String,
        /// By this it may say a message again, when it does not know whether it arrived.
        #[serde(default)]
        tag: Option<String>,
    },
    LeaveRoom {},
    Ping {
        n: u64,
    },
}

/// What a member hears.
#[derive(Debug, Serialize)]
#[serde(tag = "event", content = "data", rename_all = "snake_case")]
enum Event<'a> {
    Joined {
        room_id: &'a str,
        user_id: &'a str,
        members: Vec<&'a str>,
        missed: Vec<&'a Said>,
    },
    MemberJoined {
        user_id: &'a str,
    },
    MemberLeft {
        user_id: &'a str,
    },
    Message(&'a Said),
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

/// All rooms. One that everybody has left stays until its place is needed: they may only be changing their network.
#[derive(Debug, Default)]
pub(super) struct Chat {
    rooms: HashMap<String, Room>,
    places: HashMap<MemberId, String>,
    /// The id of the last message.
    last: u64,
}

impl Chat {
    /// Takes one message of a member's. `now`: milliseconds since 1970.
    pub(super) fn hear(&mut self, from: MemberId, text: &str, now: u64) -> Vec<Delivery> {
        match serde_json::from_str(text) {
            Ok(Request::JoinRoom {
                room_id,
                user_id,
                after,
            }) => self.join(from, &room_id, &user_id, after),
            Ok(Request::Message { text, tag }) => self.message(from, text, tag, now),
            Ok(Request::LeaveRoom {}) => self.leave(from),
            Ok(Request::Ping { n }) => vec![delivery(from, &Event::Pong { n })],
            Err(_) => refuse(from, "expected join_room, message, leave_room or ping"),
        }
    }

    /// Takes a member out of its room; also when its connection is gone.
    pub(super) fn leave(&mut self, member: MemberId) -> Vec<Delivery> {
        let place = self.places.remove(&member);
        let Some(room) = place.and_then(|room_id| self.rooms.get_mut(&room_id)) else {
            return Vec::new();
        };
        let user_id = room.leave(member).unwrap_or_default();
        tell(room, &Event::MemberLeft { user_id: &user_id })
    }

    fn join(
        &mut self,
        member: MemberId,
        room_id: &str,
        user_id: &str,
        after: u64,
    ) -> Vec<Delivery> {
        if !is_name(room_id) || !is_name(user_id) {
            return refuse(member, "a room and a name have 1 to 40 characters");
        }
        let mut told = self.leave(member);
        if !self.rooms.contains_key(room_id) && !self.make_place() {
            return refuse(member, "too many rooms");
        }
        let room = self.rooms.entry(room_id.to_owned()).or_default();
        if room.len() >= MAX_MEMBERS {
            return refuse(member, "this room is full");
        }
        told.extend(tell(room, &Event::MemberJoined { user_id }));
        room.enter(member, user_id);
        self.places.insert(member, room_id.to_owned());
        told.push(delivery(
            member,
            &Event::Joined {
                room_id,
                user_id,
                members: room.names(),
                missed: room.said_after(after),
            },
        ));
        told
    }

    /// Makes place for one more room, of the empty one where nobody has spoken for longest.
    fn make_place(&mut self) -> bool {
        if self.rooms.len() < MAX_ROOMS {
            return true;
        }
        let empty = self.rooms.iter().filter(|(_, room)| room.len() == 0);
        let oldest = empty.min_by_key(|(_, room)| room.last());
        let oldest = oldest.map(|(room_id, _)| room_id.clone());
        oldest.is_some_and(|room_id| self.rooms.remove(&room_id).is_some())
    }

    fn message(
        &mut self,
        from: MemberId,
        text: String,
        tag: Option<String>,
        now: u64,
    ) -> Vec<Delivery> {
        if text.is_empty() || text.len() > MAX_TEXT {
            return refuse(from, "a message has 1 to 4096 bytes");
        }
        if !tag.as_deref().is_none_or(is_name) {
            return refuse(from, "a tag has 1 to 40 characters");
        }
        let place = self.places.get(&from);
        let Some(room) = place.and_then(|room_id| self.rooms.get_mut(room_id)) else {
            return refuse(from, "join a room first");
        };
        let user_id = room.name(from).unwrap_or_default().to_owned();
        if tag.as_deref().is_some_and(|tag| room.has(&user_id, tag)) {
            return Vec::new();
        }
        // The time, so that ids go on rising when the server is started anew while pages stay open.
        self.last = now.max(self.last + 1);
        let said = Said {
            id: self.last,
            user_id,
            text,
            tag,
        };
        let told = tell(room, &Event::Message(&said));
        room.keep(said);
        told
    }
}

fn is_name(name: &str) -> bool {
    !name.trim().is_empty() && name.chars().count() <= MAX_NAME
}

fn tell(room: &Room, event: &Event<'_>) -> Vec<Delivery> {
    room.members()
        .map(|member| delivery(member, event))
        .collect()
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

    fn say(chat: &mut Chat, member: MemberId, text: &str, tag: Option<&str>) -> Vec<Delivery> {
        let data = serde_json::json!({ "text": text, "tag": tag });
        let message = serde_json::json!({ "event": "message", "data": data });
        chat.hear(member, &message.to_string(), 0)
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
        let joined = r#"{"event":"joined","data":{"room_id":"lobby","user_id":"bob","members":["ann","bob"],"missed":[]}}"#;
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
        let expected = r#"{"event":"message","data":{"id":7,"user_id":"ann","text":"hi"}}"#;
        assert_eq!(
            (texts(&told, 1), texts(&told, 2), told.len()),
            (vec![expected], vec![expected], 2)
        );
    }

    #[test]
    fn who_comes_back_hears_what_was_said_meanwhile() {
        let mut chat = Chat::default();
        join(&mut chat, 1, "ann");
        join(&mut chat, 2, "bob");
        say(&mut chat, 1, "one", None);
        assert_eq!(
            texts(&chat.leave(2), 1),
            [r#"{"event":"member_left","data":{"user_id":"bob"}}"#]
        );
        say(&mut chat, 1, "two", None);
        say(&mut chat, 1, "three", None);
        chat.leave(1);
        let again = r#"{"event":"join_room","data":{"room_id":"lobby","user_id":"bob","after":1}}"#;
        let told = chat.hear(3, again, 0);
        let joined = r#"{"event":"joined","data":{"room_id":"lobby","user_id":"bob","members":["bob"],"missed":[{"id":2,"user_id":"ann","text":"two"},{"id":3,"user_id":"ann","text":"three"}]}}"#;
        assert_eq!(texts(&told, 3), [joined]);
    }

    #[test]
    fn what_is_said_again_is_said_once() {
        let mut chat = Chat::default();
        join(&mut chat, 1, "ann");
        join(&mut chat, 2, "bob");
        assert_eq!(say(&mut chat, 1, "hi", Some("a")).len(), 2);
        assert_eq!(say(&mut chat, 1, "hi", Some("a")), []);
        assert_eq!(say(&mut chat, 1, "hi", Some("b")).len(), 2);
        assert_eq!(say(&mut chat, 2, "hi", Some("a")).len(), 2);
    }

    #[test]
    fn only_a_few_messages_and_rooms_are_kept() {
        let mut chat = Chat::default();
        join(&mut chat, 1, "ann");
        for n in 0..60 {
            say(&mut chat, 1, &format!("{n}"), None);
        }
        let told = join(&mut chat, 2, "bob");
        assert_eq!(texts(&told, 2)[0].matches("\"text\"").count(), 50);
        assert!(texts(&told, 2)[0].contains(r#""missed":[{"id":11,"#));
        for room in 0..2 * MAX_ROOMS {
            let text =
                format!(r#"{{"event":"join_room","data":{{"room_id":"{room}","user_id":"eve"}}}}"#);
            assert!(texts(&chat.hear(3, &text, 0), 3)[0].contains("joined"));
        }
        assert_eq!(chat.rooms.len(), MAX_ROOMS);
        assert!(chat.rooms.contains_key("lobby"), "somebody is in there");
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
