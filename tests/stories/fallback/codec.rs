//! The harness's own codec, which the other stories judge Towpath's by, against bytes written down by hand.

use harness::fallback::{Answer, Frame, Io, Kind, Status, Unreadable};

#[test]
fn a_request_is_written_as_the_document_says() {
    let empty = Io {
        token: "t".into(),
        serial: 1,
        ..Io::default()
    };
    let full = Io {
        flags: 1,
        token: "abc".into(),
        serial: 127,
        ack: 128,
        wait: 25_000,
        budget: (1 << 53) - 1,
        first: 300,
        frames: vec![
            Frame::new(Kind::Padding, [9]),
            Frame::text("hé"),
            Frame::close(4001, "bye"),
        ],
    };
    let full_bytes = [
        b"TP1\x01\x03abc\x7f".as_slice(),
        b"\x80\x01",
        b"\xa8\xc3\x01",
        b"\xff\xff\xff\xff\xff\xff\xff\x0f",
        b"\xac\x02",
        b"\x00\x01\x09",
        b"\x01\x03h\xc3\xa9",
        b"\x08\x06\x00\x0f\xa1bye",
    ];
    assert_eq!(empty.bytes(), b"TP1\x00\x01t\x01\x00\x00\x00\x00");
    assert_eq!(full.bytes(), full_bytes.concat());
}

#[test]
fn an_answer_is_read_as_the_document_says() {
    let bytes = b"TP1\x03\x07\x02\x80\x04\x64\x05\x00\x02\x00\x00\x03\x01a\x05\x01b\x02\x01\xff";
    let answer = Answer {
        status: Status::Resend,
        serial: 7,
        ack: 2,
        credit: 512,
        advice: 100,
        first: 5,
        frames: vec![
            Frame::new(Kind::Padding, [0, 0]),
            Frame::new(Kind::TextPart, "a"),
            Frame::new(Kind::LastPart, "b"),
            Frame::new(Kind::Binary, [0xff]),
        ],
    };
    assert_eq!(Answer::parse(bytes), Ok(answer));
}

#[test]
fn what_ends_early_is_told_from_what_is_wrong() {
    let whole = b"TP1\x00\x01\x00\x00\x00\x01\x01\x02hi";
    for length in 3..whole.len() {
        let cut = Answer::parse(&whole[..length]);
        assert_eq!(cut, Err(Unreadable::Short), "{length} bytes");
    }
    for foreign in [b"".as_slice(), b"TP", b"TP2\x00", b"<!doctype html>"] {
        assert_eq!(Answer::parse(foreign), Err(Unreadable::Foreign));
    }
}

#[test]
fn what_the_proxy_may_not_say_is_not_read() {
    let head = b"TP1\x00\x01\x00\x00\x00";
    for (what, rest) in [
        (
            "a number in two bytes that fits in one",
            b"\x81\x00".to_vec(),
        ),
        ("2^53", b"\x80\x80\x80\x80\x80\x80\x80\x10".to_vec()),
        ("a number without an end", vec![0xff; 12]),
        ("a type that is not there", b"\x01\x07\x00".to_vec()),
        ("a frame of 65,537 bytes", b"\x01\x02\x81\x80\x04".to_vec()),
        ("frames without a number", b"\x00\x01\x00".to_vec()),
    ] {
        let read = Answer::parse(&[head, rest.as_slice()].concat());
        assert!(
            matches!(read, Err(Unreadable::Wrong(_))),
            "{what}: {read:?}"
        );
    }
    let status_10 = Answer::parse(b"TP1\x0a\x01\x00\x00\x00\x00");
    assert!(matches!(status_10, Err(Unreadable::Wrong(_))));
}
