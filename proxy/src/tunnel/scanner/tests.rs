//! Frames of every kind, good and bad, whole and in pieces.
#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::*;

const OURS: &PingPayload = b"our ping";

/// What came of scanning a whole stream.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tale {
    passed: Vec<u8>,
    pongs: usize,
    close: Option<u16>,
    end: Option<Then>,
    messages: u64,
}

/// Scans `stream` in chunks that end at `ends`, as a relay would, up to the first fault.
fn scan_in_chunks(mut scanner: Scanner, stream: &[u8], ends: &[usize]) -> Tale {
    let mut tale = Tale::default();
    let mut held: Vec<u8> = Vec::new();
    let mut begin = 0;
    for end in ends.iter().copied().chain([stream.len()]) {
        let end = end.clamp(begin, stream.len());
        let mut chunk = std::mem::take(&mut held);
        chunk.extend_from_slice(stream.get(begin..end).unwrap());
        begin = end;
        let mut rest = chunk.as_slice();
        loop {
            let Scan { pass, then } = scanner.scan(rest, Some(OURS), false);
            tale.passed.extend_from_slice(rest.get(..pass).unwrap());
            rest = rest.get(pass..).unwrap();
            match then {
                Then::More => break,
                Then::OurPong(len) => {
                    tale.pongs += 1;
                    rest = rest.get(len..).unwrap();
                }
                Then::Close { len, code } => {
                    tale.passed.extend_from_slice(rest.get(..len).unwrap());
                    tale.close = Some(code);
                    rest = rest.get(len..).unwrap();
                    scanner.turn_off();
                }
                stop => {
                    tale.end = Some(stop);
                    tale.messages = scanner.messages();
                    return tale;
                }
            }
        }
        assert!(rest.len() <= MAX_CONTROL, "{} bytes were held", rest.len());
        held.extend_from_slice(rest);
    }
    tale.messages = scanner.messages();
    tale
}

fn scanner(max: Option<u64>) -> Scanner {
    Scanner::new(Side::Backend, Extensions::default(), max)
}

fn scan(stream: &[u8]) -> Tale {
    scan_in_chunks(scanner(None), stream, &[])
}

/// A backend's frame.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        len @ 0..126 => frame.push(len as u8),
        len @ 126..65536 => {
            frame.push(126);
            frame.extend((len as u16).to_be_bytes());
        }
        len => {
            frame.push(127);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(payload);
    frame
}

#[test]
fn messages_are_counted_by_their_ends() {
    let stream = [
        frame(0x81, b"one"),
        frame(0x02, b"two "),
        frame(0x89, b"ping"),
        frame(0x80, b"three"),
        frame(0x82, &[0; 70_000]),
    ]
    .concat();
    let tale = scan(&stream);
    assert_eq!(
        (tale.messages, tale.passed == stream, tale.end),
        (3, true, None)
    );
}

#[test]
fn only_our_pong_is_taken_out() {
    let stream = [
        frame(0x8A, OURS),
        frame(0x8A, b"not ours"),
        frame(0x8A, b""),
        frame(0x81, b"x"),
    ];
    let tale = scan(&stream.concat());
    assert_eq!((tale.pongs, tale.passed), (1, stream[1..].concat()));
}

#[test]
fn a_masked_pong_of_ours_is_recognised() {
    let mut client = Scanner::new(Side::Client, Extensions::default(), None);
    let mask = [1, 2, 3, 4];
    let mut pong = vec![0x8A, 0x88];
    pong.extend(mask);
    pong.extend(
        OURS.iter()
            .zip(mask.iter().cycle())
            .map(|(byte, key)| byte ^ key),
    );
    let len = pong.len();
    assert_eq!(
        client.scan(&pong, Some(OURS), false),
        Scan {
            pass: 0,
            then: Then::OurPong(len)
        }
    );
}

#[test]
fn a_close_is_told_with_its_code() {
    assert_eq!(
        scan(&frame(0x88, &[0x03, 0xE8, b'o', b'k'])).close,
        Some(1000)
    );
    assert_eq!(scan(&frame(0x88, &[])).close, Some(1005));
    assert_eq!(scan(&frame(0x88, &[0x0F, 0xA1])).close, Some(4001));
    for bad in [
        &[0x03][..],
        &[0x03, 0xED],
        &[0x03, 0xEE],
        &[0x03, 0xF7],
        &[0, 0],
        &[0x13, 0x88],
    ] {
        assert_eq!(
            scan(&frame(0x88, bad)).end,
            Some(Then::Fault(Fault::CloseCode)),
            "{bad:x?}"
        );
    }
}

#[test]
fn faults_are_told_before_anything_of_the_frame_passes() {
    for (bad, fault) in [
        (frame(0xC1, b"x"), Fault::ReservedBits),
        (frame(0x80, b"x"), Fault::Continuation),
        (vec![0x81, 0x81, 0, 0, 0, 0, b'x'], Fault::Mask),
        (frame(0x83, b"x"), Fault::Opcode),
        (frame(0x09, b"x"), Fault::Control),
    ] {
        let good = frame(0x81, b"good");
        let tale = scan(&[good.clone(), bad].concat());
        assert_eq!((tale.end, tale.passed), (Some(Then::Fault(fault)), good));
    }
    let within = [frame(0x01, b"a"), frame(0x81, b"b")].concat();
    assert_eq!(scan(&within).end, Some(Then::Fault(Fault::Continuation)));
    let unmasked = Scanner::new(Side::Client, Extensions::default(), None).scan(
        &frame(0x81, b"x"),
        None,
        false,
    );
    assert_eq!(unmasked.then, Then::Fault(Fault::Mask));
}

#[test]
fn agreed_extensions_explain_reserved_bits() {
    let deflate = Extensions {
        permessage_deflate: true,
        other: false,
    };
    let scan = |extensions, first| {
        Scanner::new(Side::Backend, extensions, None)
            .scan(&frame(first, b"x"), None, false)
            .then
    };
    assert_eq!(scan(deflate, 0xC1), Then::More);
    assert_eq!(scan(deflate, 0xA1), Then::Fault(Fault::ReservedBits));
    assert_eq!(scan(deflate, 0xC9), Then::Fault(Fault::ReservedBits));
    assert_eq!(
        scan(
            Extensions {
                permessage_deflate: false,
                other: true
            },
            0xA1
        ),
        Then::More
    );
}

#[test]
fn a_message_above_the_limit_is_refused_by_its_declared_length() {
    let whole = frame(0x82, &[0; 100]);
    assert_eq!(scan_in_chunks(scanner(Some(100)), &whole, &[]).end, None);
    let header_only = whole.get(..2).unwrap();
    assert_eq!(
        scan_in_chunks(scanner(Some(99)), header_only, &[]).end,
        Some(Then::TooBig)
    );
    let fragments = [
        frame(0x02, &[0; 60]),
        frame(0x00, &[0; 39]),
        frame(0x80, &[0; 2]),
    ]
    .concat();
    let tale = scan_in_chunks(scanner(Some(100)), &fragments, &[]);
    assert_eq!((tale.end, tale.passed.len()), (Some(Then::TooBig), 62 + 41));
    let huge = [0x82, 0x7F, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
    assert_eq!(
        scan_in_chunks(scanner(Some(100)), &huge, &[]).end,
        Some(Then::TooBig)
    );
}

#[test]
fn a_boundary_is_found_where_it_is_asked_for() {
    let stream = [frame(0x81, b"one"), frame(0x81, b"two")].concat();
    let mut scanner = scanner(None);
    assert_eq!(
        scanner.scan(stream.get(..3).unwrap(), None, false),
        Scan {
            pass: 3,
            then: Then::More
        }
    );
    assert!(!scanner.is_at_boundary());
    let rest = stream.get(3..).unwrap();
    assert_eq!(
        scanner.scan(rest, None, true),
        Scan {
            pass: 2,
            then: Then::Boundary
        }
    );
    assert!(scanner.is_at_boundary());
}

/// Frames of every kind, good and bad.
fn any_frame() -> impl Strategy<Value = Vec<u8>> {
    let payload = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..20),
        Just(OURS.to_vec()),
        (120usize..140).prop_map(|len| vec![7; len]),
        Just(vec![7; 65_600]),
    ];
    let first = prop_oneof![
        8 => prop_oneof![Just(0x81), Just(0x82), Just(0x01), Just(0x80), Just(0x00), Just(0x8A), Just(0x89)],
        1 => any::<u8>(),
        1 => Just(0x88),
    ];
    (first, payload).prop_map(|(first, payload)| frame(first, &payload))
}

/// A good frame, whole messages only, and what is to be made of it.
fn good_frame() -> impl Strategy<Value = (u8, Vec<u8>)> {
    let payload = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..20),
        Just(OURS.to_vec()),
        (120usize..126).prop_map(|len| vec![7; len]),
    ];
    let first = prop_oneof![Just(0x81), Just(0x82), Just(0x8A), Just(0x89)];
    (first, payload)
}

/// The same frame from a client.
fn masked_frame(first: u8, payload: &[u8], mask: [u8; 4]) -> Vec<u8> {
    let body = payload
        .iter()
        .zip(mask.iter().cycle())
        .map(|(byte, key)| byte ^ key);
    let header = [first, 0x80 | payload.len() as u8];
    header.into_iter().chain(mask).chain(body).collect()
}

proptest! {
    #[test]
    fn all_passes_but_our_pongs(
        frames in proptest::collection::vec(good_frame(), 1..20),
        mask in any::<[u8; 4]>(),
        mut ends in proptest::collection::vec(0usize..1000, 0..20),
    ) {
        ends.sort_unstable();
        let is_ours = |(first, payload): &&(u8, Vec<u8>)| *first == 0x8A && payload == OURS;
        for from in [Side::Client, Side::Backend] {
            let wire = |(first, payload): &(u8, Vec<u8>)| match from {
                Side::Client => masked_frame(*first, payload, mask),
                Side::Backend => frame(*first, payload),
            };
            let expected = Tale {
                passed: frames.iter().filter(|f| !is_ours(f)).flat_map(wire).collect(),
                pongs: frames.iter().filter(is_ours).count(),
                messages: frames.iter().filter(|(first, _)| first & 0x08 == 0).count() as u64,
                ..Tale::default()
            };
            let stream: Vec<u8> = frames.iter().flat_map(wire).collect();
            let watch = Scanner::new(from, Extensions::default(), None);
            prop_assert_eq!(scan_in_chunks(watch, &stream, &ends), expected);
        }
    }

    #[test]
    fn any_split_gives_the_same(
        frames in proptest::collection::vec(any_frame(), 1..12),
        mut ends in proptest::collection::vec(0usize..2000, 0..40),
        max in prop_oneof![Just(None), Just(Some(130))],
    ) {
        let stream = frames.concat();
        ends.sort_unstable();
        let whole = scan_in_chunks(scanner(max), &stream, &[]);
        let split = scan_in_chunks(scanner(max), &stream, &ends);
        prop_assert_eq!(whole, split);
    }

    #[test]
    fn single_bytes_give_the_same(frames in proptest::collection::vec(any_frame(), 1..6)) {
        let mut stream = frames.concat();
        stream.truncate(1500);
        let ends: Vec<usize> = (1..stream.len()).collect();
        let whole = scan_in_chunks(scanner(None), &stream, &[]);
        prop_assert_eq!(whole, scan_in_chunks(scanner(None), &stream, &ends));
    }
}
