#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::*;

const CHANGES: Changes = Changes {
    upgrades: &["websocket"],
    max_payload: 262_144,
    sid: None,
};

fn rewritten(revision: Revision, packet: &str, changes: &Changes) -> String {
    let message = Message::text(packet.to_owned());
    let open = Open::parse(revision, &message).unwrap();
    let packet = open.rewritten(changes).unwrap();
    assert_eq!(packet.kind, Kind::Text);
    String::from_utf8(packet.payload.to_vec()).unwrap()
}

#[test]
fn it_says_the_id_and_the_times_in_any_order() {
    for packet in [
        r#"0{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#,
        "0 {\n\"pingTimeout\": 2e4, \"x\": {\"sid\": 1}, \"pingInterval\": 25000.0,\n\"\\u0073id\": \"lv_VI97HAXpY6yYWAAAC\"} ",
        r#"0{"sid":1,"pingInterval":25000,"pingTimeout":20000,"sid":"lv_VI97HAXpY6yYWAAAC"}"#,
    ] {
        let message = Message::text(packet);
        let open = Open::parse(Revision::V4, &message).unwrap();
        assert_eq!(open.sid, "lv_VI97HAXpY6yYWAAAC", "{packet}");
        assert_eq!(open.ping_interval, Duration::from_secs(25), "{packet}");
        assert_eq!(open.ping_timeout, Duration::from_secs(20), "{packet}");
    }
}

#[test]
fn times_are_such_as_clients_can_count() {
    let message = Message::text(r#"0{"sid":"a","pingInterval":1e300,"pingTimeout":-1}"#);
    let open = Open::parse(Revision::V3, &message).unwrap();
    assert_eq!(open.ping_interval, Duration::from_millis(2_147_483_647));
    assert_eq!(open.ping_timeout, Duration::ZERO);
}

#[test]
fn what_is_no_open_packet_is_said() {
    for message in [
        Message::text(""),
        Message::text("0"),
        Message::text("0null"),
        Message::text("0[]"),
        Message::text("40"),
        Message::text(r#"{"sid":"a","pingInterval":1,"pingTimeout":1}"#),
        Message::text(r#"0{"sid":"a","pingInterval":1,"pingTimeout":1"#),
        Message::text(r#"0{"sid":"a","pingInterval":1,"pingTimeout":1}x"#),
        Message::text(r#"0{"sid":"a","pingInterval":1}"#),
        Message::text(r#"0{"sid":"a","pingTimeout":1}"#),
        Message::text(r#"0{"pingInterval":1,"pingTimeout":1}"#),
        Message::text(r#"0{"sid":"","pingInterval":1,"pingTimeout":1}"#),
        Message::text(r#"0{"sid":1,"pingInterval":1,"pingTimeout":1}"#),
        Message::text(r#"0{"sid":"a","pingInterval":"1","pingTimeout":1}"#),
        Message::text(format!("0{}", "[".repeat(100_000))),
        Message::binary("\0{\"sid\":\"a\",\"pingInterval\":1,\"pingTimeout\":1}"),
    ] {
        for revision in [Revision::V3, Revision::V4] {
            assert!(Open::parse(revision, &message).is_err(), "{message:?}");
        }
    }
}

#[test]
fn all_but_a_little_stays_as_it_is() {
    let packet = r#"0{"z":[1.0, {"b":1,"a":2}],"sid":"a","upgrades":[],"pingInterval":2.5e4,"é":"\u00e9","pingTimeout":20000,"maxPayload":1000000}"#;
    let expected = r#"0{"z":[1.0, {"b":1,"a":2}],"sid":"a","upgrades":["websocket"],"pingInterval":2.5e4,"é":"\u00e9","pingTimeout":20000,"maxPayload":262144}"#;
    assert_eq!(rewritten(Revision::V4, packet, &CHANGES), expected);
}

#[test]
fn the_id_is_another_if_it_is_to_be() {
    let packet = r#"0{"sid":"a","upgrades":[],"pingInterval":1,"pingTimeout":2,"maxPayload":3}"#;
    let changes = Changes {
        upgrades: &[],
        sid: Some("a~\"1"),
        ..CHANGES
    };
    let expected = packet.replace(r#""a""#, r#""a~\"1""#);
    assert_eq!(rewritten(Revision::V4, packet, &changes), expected);
}

#[test]
fn the_lower_limit_is_told_to_who_knows_limits() {
    use Revision::{V3, V4};
    for (revision, theirs, told) in [
        (V4, r#","maxPayload":1000000"#, r#","maxPayload":262144"#),
        (V4, r#","maxPayload":1000"#, r#","maxPayload":1000"#),
        (V4, r#","maxPayload":0"#, r#","maxPayload":262144"#),
        (V4, r#","maxPayload":null"#, r#","maxPayload":262144"#),
        (V4, "", r#","maxPayload":262144"#),
        (V3, r#","maxPayload":1000000"#, r#","maxPayload":262144"#),
        (V3, "", ""),
    ] {
        let packet = |limit| {
            format!(
                r#"0{{"sid":"a","upgrades":["websocket"],"pingInterval":1,"pingTimeout":2{limit}}}"#
            )
        };
        let packet_told = rewritten(revision, &packet(theirs), &CHANGES);
        assert_eq!(packet_told, packet(told), "{revision:?} {theirs}");
    }
}

#[test]
fn upgrades_are_told_where_the_backend_tells_none() {
    let packet = r#"0{"sid":"a","pingInterval":1,"pingTimeout":2}"#;
    let expected = r#"0{"sid":"a","pingInterval":1,"pingTimeout":2,"upgrades":["websocket"]}"#;
    assert_eq!(rewritten(Revision::V3, packet, &CHANGES), expected);
}

proptest! {
    #[test]
    fn any_bytes_do_no_harm(data in prop::collection::vec(any::<u8>(), 0..64)) {
        let packet = Message::text([&b"0"[..], &data].concat());
        let _ = Open::parse(Revision::V4, &packet);
    }
}
