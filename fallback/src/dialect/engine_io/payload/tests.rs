#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use proptest::prelude::*;

use super::*;

fn text(payload: &'static str) -> Message {
    Message::text(payload)
}

fn binary(payload: &'static [u8]) -> Message {
    Message::binary(payload)
}

fn decoded(revision: Revision, form: Form, body: &[u8]) -> Result<Vec<Message>, Malformed> {
    decode(revision, form, Bytes::copy_from_slice(body))
}

/// The examples of the protocol's documents, and what lies at the edges: revision, form, messages, body.
fn examples() -> Vec<(Revision, Form, Vec<Message>, &'static [u8])> {
    use Form::{Binary, Text};
    use Revision::{V3, V4};
    vec![
        (V4, Text, vec![text("2")], b"2"),
        (
            V4,
            Text,
            vec![text("4hello"), text("2"), text("4world")],
            b"4hello\x1e2\x1e4world",
        ),
        (
            V4,
            Text,
            vec![text("4hello"), binary(&[1, 2, 3, 4])],
            b"4hello\x1ebAQIDBA==",
        ),
        (
            V4,
            Text,
            vec![binary(b""), text("4€")],
            "b\u{1e}4€".as_bytes(),
        ),
        (V3, Text, vec![], b"0:"),
        (V3, Text, vec![text("4hey")], b"4:4hey"),
        (
            V3,
            Text,
            vec![text("4hello"), text("4world")],
            b"6:4hello6:4world",
        ),
        (
            V3,
            Text,
            vec![text("4hello"), text("4€")],
            "6:4hello2:4€".as_bytes(),
        ),
        (
            V3,
            Text,
            vec![text("4€"), binary(&[4, 1, 2, 3, 4])],
            "2:4€10:b4AQIDBA==".as_bytes(),
        ),
        (
            V3,
            Text,
            vec![text("4\u{1f642}:"), text("2"), binary(&[4])],
            "4:4\u{1f642}:1:22:b4".as_bytes(),
        ),
        (
            V3,
            Binary,
            vec![text("4€"), binary(&[4, 1, 2, 3, 4])],
            b"\x00\x04\xff4\xe2\x82\xac\x01\x05\xff\x04\x01\x02\x03\x04",
        ),
        (
            V3,
            Binary,
            vec![binary(&[4; 10]), text("3")],
            b"\x01\x01\x00\xff\x04\x04\x04\x04\x04\x04\x04\x04\x04\x04\x00\x01\xff3",
        ),
    ]
}

#[test]
fn the_documents_examples_are_read() {
    for (revision, form, messages, body) in examples() {
        assert_eq!(decoded(revision, form, body), Ok(messages), "{body:x?}");
    }
}

#[test]
fn the_documents_examples_are_written() {
    for (revision, form, messages, body) in examples() {
        let written = encode(revision, form, &messages);
        assert_eq!(written.form, form, "{body:x?}");
        assert_eq!(written.body, body, "{body:x?}");
    }
}

#[test]
fn what_the_reference_reads_is_read() {
    use Form::{Binary, Text};
    for (form, body, message) in [
        (Text, &b"0:1:20:"[..], text("2")),
        (Text, b"01:2", text("2")),
        (Text, b"8:b4AQIDBA", binary(&[4, 1, 2, 3, 4])),
        (Text, b"4:b4AR", binary(&[4, 1])),
        (Binary, b"\x00\x00\x01\xff2", text("2")),
        (Binary, b"\x00\x06\xffb4AQ==", binary(&[4, 1])),
    ] {
        assert_eq!(
            decoded(Revision::V3, form, body),
            Ok(vec![message]),
            "{body:x?}"
        );
    }
}

#[test]
fn what_is_no_payload_is_refused_whole() {
    use Form::{Binary, Text};
    use Revision::{V3, V4};
    for (revision, form, body, why) in [
        (V4, Text, &b""[..], "empty"),
        (V4, Text, b"4a\x1e", "an empty packet at the end"),
        (V4, Text, b"\x1e4a", "an empty packet at the beginning"),
        (V4, Text, b"4a\x1e\x1e4b", "an empty packet"),
        (V4, Text, b"4a\x1e7", "an unknown id"),
        (V4, Text, b"abc", "a letter for an id"),
        (V4, Text, b"\x04a", "a byte for an id"),
        (V4, Text, b"bA", "half a byte of base64"),
        (V4, Text, b"bAQI*", "no base64"),
        (V4, Text, b"bAQ==AQ==", "base64 that goes on"),
        (V4, Text, b"4\xff", "not UTF-8"),
        (V4, Binary, b"4a", "the form of revision 3"),
        (V3, Text, b"", "empty"),
        (V3, Text, b"4hello", "no length"),
        (V3, Text, b":4", "a length without digits"),
        (V3, Text, b"+1:4", "a sign"),
        (V3, Text, b"1e0:4", "not digits alone"),
        (V3, Text, b"2:4", "a packet that ends early"),
        (V3, Text, b"1:4a", "more than the length says"),
        (V3, Text, b"1:41", "a length that has no end"),
        (V3, Text, b"18446744073709551616:4", "a length beyond all"),
        (V3, Text, b"18446744073709551615:4", "a length without data"),
        (V3, Text, "2:4\u{1f642}".as_bytes(), "half a character"),
        (V3, Text, b"2:4\xff", "not UTF-8"),
        (V3, Text, b"1:7", "an unknown id"),
        (V3, Text, b"1:b", "base64 without an id"),
        (V3, Text, b"6:b7AQ==", "base64 with an unknown id"),
        (V3, Text, b"6:bbAQ==", "base64 in base64"),
        (V3, Text, b"3:b4A", "half a byte of base64"),
        (V3, Binary, b"", "empty"),
        (V3, Binary, b"\x02\x01\xff4", "neither text nor binary"),
        (V3, Binary, b"\x00", "no length"),
        (V3, Binary, b"\x00\xff4", "a length without digits"),
        (V3, Binary, b"\x00\x01", "a length without an end"),
        (V3, Binary, b"\x00\x0a\xff", "a digit above 9"),
        (V3, Binary, b"\x001\xff4", "digits as text"),
        (V3, Binary, b"\x00\x02\xff4", "a packet that ends early"),
        (V3, Binary, b"\x00\x00\xff", "an empty packet"),
        (V3, Binary, b"\x01\x00\xff", "an empty binary packet"),
        (V3, Binary, b"\x01\x01\xff4", "an id as text"),
        (V3, Binary, b"\x00\x01\xff\x04", "an id as a byte"),
        (V3, Binary, b"\x00\x02\xff4\xe2", "not UTF-8"),
        (
            V3,
            Binary,
            &[&[0][..], &[9; 20], &[0xff, 4]].concat(),
            "a length beyond all",
        ),
    ] {
        assert!(decoded(revision, form, body).is_err(), "{why}: {body:x?}");
    }
}

#[test]
fn a_body_has_so_many_packets_and_no_more() {
    let separated = |packets| vec!["2"; packets].join("\u{1e}");
    let counted = |packets| "1:2".repeat(packets);
    for (revision, body) in [
        (Revision::V4, &separated as &dyn Fn(usize) -> String),
        (Revision::V3, &counted),
    ] {
        let most = decoded(revision, Form::Text, body(MAX_PACKETS).as_bytes());
        assert_eq!(most.unwrap().len(), MAX_PACKETS);
        let more = body(MAX_PACKETS + 1);
        assert!(decoded(revision, Form::Text, more.as_bytes()).is_err());
    }
}

#[test]
fn text_stays_where_it_lies() {
    for (revision, body) in [
        (Revision::V4, "4hello\u{1e}4you"),
        (Revision::V3, "6:4hello4:4you"),
    ] {
        let body = Bytes::from(body);
        let lies = body.as_ptr_range();
        for message in decode(revision, Form::Text, body.clone()).unwrap() {
            assert!(lies.contains(&message.payload.as_ptr()), "{message:?}");
        }
    }
}

#[test]
fn a_little_text_does_not_keep_a_body_of_base64() {
    let body = Bytes::from(format!("4hello\u{1e}b{}", "A".repeat(400)));
    let lies = body.as_ptr_range();
    let messages = decode(Revision::V4, Form::Text, body.clone()).unwrap();
    assert_eq!(messages[0], text("4hello"));
    assert!(!lies.contains(&messages[0].payload.as_ptr()));
}

#[test]
fn the_form_is_binary_only_where_that_is_taken_and_needed() {
    use Form::{Binary, Text};
    use Revision::{V3, V4};
    let (plain, mixed) = ([text("4a")], [text("4a"), binary(&[4, 1])]);
    for (revision, takes, messages, form) in [
        (V3, Binary, &mixed[..], Binary),
        (V3, Binary, &plain, Text),
        (V3, Text, &mixed, Text),
        (V4, Binary, &mixed, Text),
        (V4, Text, &plain, Text),
    ] {
        assert_eq!(encode(revision, takes, messages).form, form);
    }
}

#[test]
fn what_is_no_packet_of_revision_3_is_left_out() {
    let messages = [binary(b""), binary(&[7, 1]), text("4a"), binary(&[4])];
    let as_text = encode(Revision::V3, Form::Text, &messages);
    assert_eq!(as_text.body, &b"2:4a2:b4"[..]);
    let as_bytes = encode(Revision::V3, Form::Binary, &messages);
    assert_eq!(as_bytes.body, &b"\x00\x02\xff4a\x01\x01\xff\x04"[..]);
}

#[test]
fn a_bodys_form_is_its_content_type() {
    for (content_type, form) in [
        (None, Form::Text),
        (Some(&b"text/plain;charset=UTF-8"[..]), Form::Text),
        (Some(b"application/octet-stream"), Form::Binary),
    ] {
        assert_eq!(Form::of_request(content_type), form);
    }
}

/// Packets of revision 3 and 4; a text packet of revision 4 has no separator in it.
fn messages(revision: Revision) -> impl Strategy<Value = Vec<Message>> {
    let text = "[0-6]([a-z:0-9\"\\\\]|€|\u{1f642}|\n){0,12}".prop_map(Message::text);
    let binary = prop::collection::vec(any::<u8>(), 0..40).prop_map(move |mut data| {
        if revision == Revision::V3 {
            data.insert(0, 4);
        }
        Message::binary(data)
    });
    prop::collection::vec(prop_oneof![text, binary], 1..8)
}

fn of_any_revision() -> impl Strategy<Value = (Revision, Vec<Message>)> {
    prop_oneof![Just(Revision::V3), Just(Revision::V4)]
        .prop_flat_map(|revision| (Just(revision), messages(revision)))
}

fn form() -> impl Strategy<Value = Form> {
    prop_oneof![Just(Form::Text), Just(Form::Binary)]
}

proptest! {
    #[test]
    fn what_is_written_is_read((revision, messages) in of_any_revision(), takes in form()) {
        let written = encode(revision, takes, &messages);
        prop_assert_eq!(decode(revision, written.form, written.body), Ok(messages));
    }

    #[test]
    fn a_body_cut_anywhere_does_no_harm(
        (revision, messages) in of_any_revision(),
        takes in form(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let written = encode(revision, takes, &messages);
        let at = at.index(written.body.len());
        let _ = decode(revision, written.form, written.body.slice(..at));
        let mut changed = written.body.to_vec();
        changed[at] = byte;
        let _ = decode(revision, written.form, changed.into());
    }

    #[test]
    fn any_bytes_do_no_harm(
        body in prop::collection::vec(any::<u8>(), 0..64),
        revision in prop_oneof![Just(Revision::V3), Just(Revision::V4)],
        form in form(),
    ) {
        let _ = decode(revision, form, body.into());
    }
}
