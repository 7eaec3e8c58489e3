//! Bytes in, meaning out; however the bytes are cut.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;

/// A server's frame.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..126 => bytes.push(length as u8),
        length @ 126..65_536 => {
            bytes.push(126);
            bytes.extend((length as u16).to_be_bytes());
        }
        length => {
            bytes.push(127);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend(payload);
    bytes
}

/// What a reader makes of bytes that come in pieces of this length at most.
fn items(bytes: &[u8], piece: usize) -> Vec<Item> {
    let mut reader = Reader::new(Role::Client, 100_000);
    let (mut items, mut rest) = (Vec::new(), bytes);
    loop {
        items.extend(std::iter::from_fn(|| reader.next()));
        if rest.is_empty() {
            return items;
        }
        let (piece, others) = rest.split_at(piece.min(rest.len()).min(reader.wants()));
        reader.take(piece);
        rest = others;
    }
}

#[test]
fn messages_are_read_however_their_bytes_are_cut() {
    let long = vec![b'x'; 70_000];
    let table = [
        (
            frame(0x81, b"hello"),
            vec![Item::Message(Message::text("hello"))],
        ),
        (frame(0x82, b""), vec![Item::Message(Message::binary(""))]),
        (
            frame(0x82, &long),
            vec![Item::Message(Message::binary(long.clone()))],
        ),
        (
            frame(0x82, &long[..126]),
            vec![Item::Message(Message::binary(long[..126].to_vec()))],
        ),
        (
            [
                frame(0x01, b"\xc3"),
                frame(0x89, b"ping"),
                frame(0x00, b""),
                frame(0x80, b"\xa4"),
                frame(0x8a, b""),
                frame(0x81, b"next"),
            ]
            .concat(),
            vec![
                Item::Ping("ping".into()),
                Item::Message(Message::text("ä")),
                Item::Pong,
                Item::Message(Message::text("next")),
            ],
        ),
        (
            [frame(0x88, b"\x0f\xa0bye"), frame(0x81, b"more")].concat(),
            vec![Item::Close(Close::new(4000, "bye"))],
        ),
        (frame(0x88, b""), vec![Item::Close(Close::default())]),
    ];
    for (bytes, expected) in table {
        for piece in [1, 2, 3, 7, 4096, usize::MAX] {
            assert!(items(&bytes, piece) == expected, "{piece}: {expected:?}");
        }
    }
}

#[test]
fn what_a_server_may_not_send_ends_it() {
    let big = Item::Fault(Fault::TooBig);
    let utf8 = Item::Fault(Fault::NotUtf8);
    for (bytes, expected) in [
        (frame(0xc1, b""), Item::Broken),
        (frame(0x83, b""), Item::Broken),
        (frame(0x8b, b""), Item::Broken),
        (vec![0x81, 0x80, 0, 0, 0, 0], Item::Broken),
        (vec![0x82, 126, 0, 125], Item::Broken),
        (vec![0x82, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff], Item::Broken),
        (vec![0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0], Item::Broken),
        (frame(0x09, b""), Item::Broken),
        (frame(0x89, &[0; 126]), Item::Broken),
        (frame(0x80, b""), Item::Broken),
        ([frame(0x01, b""), frame(0x81, b"")].concat(), Item::Broken),
        (frame(0x88, b"\x03"), Item::Broken),
        (frame(0x88, b"\x03\xed"), Item::Broken),
        (frame(0x88, b"\x13\x88"), Item::Broken),
        (frame(0x88, b"\x03\xe8\xff"), Item::Fault(Fault::NotUtf8)),
        (
            vec![0x82, 127, 0, 0, 0, 0, 0, 1, 0x86, 0xa1],
            Item::Fault(Fault::TooBig),
        ),
        (
            [frame(0x02, &[0; 60_000]), frame(0x80, &[0; 60_000])].concat(),
            big,
        ),
        (frame(0x81, b"\xff"), utf8),
    ] {
        for piece in [1, usize::MAX] {
            let found = items(&bytes, piece);
            assert_eq!(found.last(), Some(&expected), "{:02x?}", bytes.get(..10));
            assert_eq!(found.len(), 1);
        }
    }
}

/// Each session kept the memory of the longest message that its backend had ever sent.
#[test]
fn a_long_message_leaves_no_memory_behind() {
    let mut reader = Reader::new(Role::Client, 1 << 20);
    for piece in frame(0x82, &vec![7; 1 << 20]).chunks(8 << 10) {
        let (now, later) = piece.split_at(reader.wants().min(piece.len()));
        reader.take(now);
        reader.take(later);
        if let Some(item) = reader.next() {
            assert_eq!(item, Item::Message(Message::binary(vec![7; 1 << 20])));
        }
    }
    assert_eq!((reader.buffer.capacity(), reader.bytes()), (0, 0));
}

#[test]
fn a_client_masks_and_a_server_does_not() {
    let masked = [0x81, 0x82, 1, 2, 3, 4, b'h' ^ 1, b'i' ^ 2];
    for (role, bytes, expected) in [
        (
            Role::Server,
            masked.to_vec(),
            Item::Message(Message::text("hi")),
        ),
        (Role::Server, frame(0x81, b"hi"), Item::Broken),
        (Role::Client, masked.to_vec(), Item::Broken),
    ] {
        for piece in [1, 8] {
            let mut reader = Reader::new(role, 10);
            let mut found = None;
            for piece in bytes.chunks(piece) {
                reader.take(piece);
                found = found.or_else(|| reader.next());
            }
            assert_eq!(found.as_ref(), Some(&expected), "{role:?} {bytes:x?}");
        }
    }
}
