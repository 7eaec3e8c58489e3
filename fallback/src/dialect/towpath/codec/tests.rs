#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::*;

fn parse(body: &[u8]) -> Result<Request, Malformed> {
    Request::parse(Bytes::copy_from_slice(body))
}

fn written(write: impl FnOnce(&mut BytesMut)) -> Vec<u8> {
    let mut to = BytesMut::new();
    write(&mut to);
    to.to_vec()
}

#[test]
fn what_is_not_the_protocol_is_refused_whole() {
    let head = b"TP1\x00\x01t\x01\x00\x00\x00";
    let with = |rest: &[u8]| [head, rest].concat();
    for (body, why) in [
        (b"".to_vec(), "empty"),
        (b"TP2\x00\x01t\x01\x00\x00\x00\x00".to_vec(), "magic"),
        (b"TP1\x02\x01t\x01\x00\x00\x00\x00".to_vec(), "flags"),
        (
            b"TP1\x00\x7ft\x01\x00\x00\x00\x00".to_vec(),
            "token longer than the body",
        ),
        (head.to_vec(), "no first"),
        (b"TP1\x00\x01t\x00\x00\x00\x00\x00".to_vec(), "serial 0"),
        (
            with(&[&b"\x01\x00\x81\x80\x04"[..], &[0; 65_537]].concat()),
            "a payload too long",
        ),
        (with(b"\x01"), "first without frames"),
        (with(b"\x00\x01\x01a"), "frames without first"),
        (with(b"\x01\x01\x02a"), "frame longer than the body"),
        (with(b"\x01\x07\x00"), "unknown frame type"),
        (with(b"\x01\x06\x01\x00"), "a stream's end from a client"),
        (with(b"\x80\x00"), "not the shortest form"),
        (with(b"\x80\x80\x80\x80\x80\x80\x80\x10\x01\x00"), "2^53"),
        (
            with(b"\x80\x80\x80\x80\x80\x80\x80\x80\x01\x01\x00"),
            "nine bytes",
        ),
        (
            with(b"\xff\xff\xff\xff\xff\xff\xff\x0f\x01\x00\x01\x00"),
            "numbers beyond the limit",
        ),
        (with(b"\x01\x08\x02\x00\x03"), "half a close code"),
        (with(b"\x01\x08\x03\x01\x03\xe8"), "an abnormal close"),
        (with(b"\x01\x08\x03\x00\x03\xed"), "1005"),
        (with(b"\x01\x08\x03\x00\x03\xee"), "1006"),
        (
            with(b"\x01\x08\x04\x00\x00\x00a"),
            "a reason without a code",
        ),
        (
            with(b"\x01\x08\x04\x00\x03\xe8\xff"),
            "a reason not in UTF-8",
        ),
    ] {
        assert!(parse(&body).is_err(), "{why}: {body:x?}");
    }
}

#[test]
fn padding_takes_no_number() {
    let request = parse(b"TP1\x01\x01t\x01\x00\x00\x00\x01\x00\x02ab\x01\x01a\x00\x00").unwrap();
    assert!(request.stream);
    let frames: Vec<_> = request.frames.collect();
    assert_eq!(frames, [Frame::Message(Message::text("a"))]);
}

/// The bytes of the example in `PROTOCOL.md`, §11, after this line.
fn example(title: &str) -> Vec<u8> {
    let document = include_str!("../../../../PROTOCOL.md");
    let lines = document.lines().skip_while(|line| *line != title).skip(2);
    let table = lines.take_while(|line| line.starts_with("    "));
    let hex = table.flat_map(|line| line.split_whitespace().take_while(|word| is_hex(word)));
    hex.map(|byte| u8::from_str_radix(byte, 16).unwrap())
        .collect()
}

fn is_hex(word: &str) -> bool {
    word.len() == 2 && word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[test]
fn the_documents_example_is_what_happens() {
    let request = parse(&example("Request:")).unwrap();
    assert_eq!((request.serial, request.ack, request.first), (7, 2, 3));
    assert_eq!((request.wait, request.budget), (25_000, 65_536));
    let frames: Vec<_> = request.frames.collect();
    let expected = [
        Frame::Message(Message::text("hi")),
        Frame::Message(Message::binary(&b"\xff"[..])),
        Frame::Close(Close::new(1000, "bye")),
    ];
    assert_eq!(frames, expected);

    let head = Head {
        status: Status::Ok,
        serial: 7,
        ack: 5,
        credit: 262_144,
        advice: 0,
        first: 3,
    };
    let response = written(|to| {
        write_head(to, &head);
        write_frame(to, &Frame::Message(Message::text("hi")));
        write_frame(to, &Frame::Close(Close::new(1000, "")));
    });
    assert_eq!(response, example("Response:"));
}

#[test]
fn a_response_is_written() {
    let head = Head {
        status: Status::Throttled,
        serial: 300,
        ack: 5,
        credit: 0,
        advice: 100,
        first: 0,
    };
    assert_eq!(
        written(|to| write_head(to, &head)),
        b"TP1\x04\xac\x02\x05\x00\x64\x00"
    );
    assert_eq!(written(|to| write_end(to, Status::Superseded)), [6, 1, 1]);
    assert_eq!(written(|to| write_padding(to, 2)), [0, 2, 0, 0]);
    let abnormal = Frame::Close(Close::abnormal());
    assert_eq!(written(|to| write_frame(to, &abnormal)), [8, 3, 1, 0, 0]);
}

fn any_frame() -> impl Strategy<Value = Frame> {
    let payload = || proptest::collection::vec(any::<u8>(), 0..300).prop_map(Bytes::from);
    let message = move || {
        (any::<bool>(), payload()).prop_map(|(text, payload)| Message {
            kind: if text { Kind::Text } else { Kind::Binary },
            payload,
        })
    };
    prop_oneof![
        message().prop_map(Frame::Message),
        message().prop_map(Frame::Fragment),
        payload().prop_map(Frame::Last),
        ("[a-z]{0,40}", 3000..5000u16)
            .prop_map(|(reason, code)| Frame::Close(Close::new(code, &reason))),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read(frames in proptest::collection::vec(any_frame(), 0..6), serial in 1..LIMIT) {
        let mut body = BytesMut::from(&b"TP1\0\x01t"[..]);
        for number in [serial, 0, 0, 0, u64::from(!frames.is_empty())] {
            write_number(&mut body, number);
        }
        for frame in &frames {
            let before = body.len();
            write_frame(&mut body, frame);
            prop_assert_eq!(body.len() - before, size_of(frame));
        }
        let request = Request::parse(body.freeze()).unwrap();
        prop_assert_eq!(request.serial, serial);
        prop_assert_eq!(request.frames.collect::<Vec<_>>(), frames);
    }

    #[test]
    fn no_bytes_are_a_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let body = [&b"TP1\0\x01t\x01\0\0\0\x01"[..], &body].concat();
        if let Ok(request) = parse(&body) {
            prop_assert!(request.frames.count() > 0);
        }
    }
}
