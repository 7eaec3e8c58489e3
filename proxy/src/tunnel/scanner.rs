//! Watches the frames of one direction as they pass, without buffering or changing them: where they begin and end,
//! how many messages they make, how they end. A few dozen bytes of state; a payload costs the same whatever its size.

use super::control::PingPayload;
use super::frame::{Fault, Header, MAX_CONTROL, Opcode, Side};
use super::handshake::Extensions;

/// RSV1, which permessage-deflate sets on the first frame of a compressed message (RFC 7692 §6).
const RSV1: u8 = 0x40;

/// What the scanner says of the front of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scan {
    /// So many bytes may pass as they are.
    pub(crate) pass: usize,
    /// What comes after them.
    pub(crate) then: Then,
}

/// What comes after the bytes that may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// Nothing, or the beginning of a header or control frame that must be kept until more has come.
    More,
    /// The answer to one of our pings, so many bytes; it is not for the other side.
    OurPong(usize),
    /// A Close frame of so many bytes, with its code (1005: none).
    Close { len: usize, code: u16 },
    /// The boundary between two frames that was asked for.
    Boundary,
    /// A frame that makes its message longer than the limit; not a byte of it has passed.
    TooBig,
    /// Something that is no frame; not a byte of it has passed.
    Fault(Fault),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Between two frames.
    Boundary,
    /// Within a payload of which so much is left; `last`: a data message ends with it.
    Payload { left: u64, last: bool },
    /// No longer watching: after a Close, or after a fault that is relayed.
    Off,
}

/// The watch over one direction.
#[derive(Debug)]
pub(crate) struct Scanner {
    from: Side,
    extensions: Extensions,
    max_message: u64,
    state: State,
    /// Payload bytes so far of a message whose end has not come.
    unfinished: Option<u64>,
    messages: u64,
}

impl Scanner {
    /// Watches what `from` sends. `max_message`: payload bytes on the wire; `None` for no limit.
    pub(crate) fn new(from: Side, extensions: Extensions, max_message: Option<u64>) -> Self {
        Self {
            from,
            extensions,
            max_message: max_message.unwrap_or(u64::MAX),
            state: State::Boundary,
            unfinished: None,
            messages: 0,
        }
    }

    /// Whether what has passed ends with a whole frame, so that another frame may be put behind it.
    pub(crate) fn is_at_boundary(&self) -> bool {
        self.state == State::Boundary
    }

    /// Whether frames are still being watched.
    pub(crate) fn is_on(&self) -> bool {
        self.state != State::Off
    }

    /// Stops watching; everything passes from here on.
    pub(crate) fn turn_off(&mut self) {
        self.state = State::Off;
    }

    /// Lets messages of any size be scanned, once their sender has been told that one was too big.
    pub(crate) fn lift_limit(&mut self) {
        self.max_message = u64::MAX;
    }

    /// Complete data messages so far.
    pub(crate) fn messages(&self) -> u64 {
        self.messages
    }

    /// Looks at the front of `buf`. What is not passed, dropped or answered for must be there again,
    /// at the front, at the next call. With `stop`, no frame is begun.
    pub(crate) fn scan(&mut self, buf: &[u8], ours: Option<&PingPayload>, stop: bool) -> Scan {
        let mut pass = 0;
        loop {
            let rest = buf.get(pass..).unwrap_or_default();
            match self.state {
                State::Off => {
                    return Scan {
                        pass: buf.len(),
                        then: Then::More,
                    };
                }
                State::Payload { left, last } => {
                    let here = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                    pass += here;
                    let left = left - here as u64;
                    if left > 0 {
                        self.state = State::Payload { left, last };
                        return Scan {
                            pass,
                            then: Then::More,
                        };
                    }
                    self.state = State::Boundary;
                    self.messages += u64::from(last);
                }
                State::Boundary if stop => {
                    return Scan {
                        pass,
                        then: Then::Boundary,
                    };
                }
                State::Boundary => match self.begin(rest, ours) {
                    Begin::Pass(header) => pass += header,
                    Begin::Stop(then) => return Scan { pass, then },
                },
            }
        }
    }

    /// Looks at the beginning of a frame.
    fn begin(&mut self, buf: &[u8], ours: Option<&PingPayload>) -> Begin {
        let header = match Header::parse(buf) {
            Ok(Some(header)) => header,
            Ok(None) => return Begin::Stop(Then::More),
            Err(fault) => return Begin::Stop(Then::Fault(fault)),
        };
        if let Err(fault) = self.check(&header) {
            return Begin::Stop(Then::Fault(fault));
        }
        match header.opcode {
            Opcode::Close => self.close(&header, buf),
            Opcode::Pong if ours.is_some_and(|ours| header.payload == ours.len() as u64) => {
                match control_payload(&header, buf) {
                    None => Begin::Stop(Then::More),
                    Some((payload, len)) if ours.is_some_and(|ours| payload.starts_with(ours)) => {
                        Begin::Stop(Then::OurPong(len))
                    }
                    Some(_) => self.enter(&header),
                }
            }
            opcode if opcode.is_control() => self.enter(&header),
            _ => self.data(&header),
        }
    }

    fn enter(&mut self, header: &Header) -> Begin {
        self.state = State::Payload {
            left: header.payload,
            last: header.fin && !header.opcode.is_control(),
        };
        Begin::Pass(header.len)
    }

    fn data(&mut self, header: &Header) -> Begin {
        let size = self.unfinished.unwrap_or(0).saturating_add(header.payload);
        if size > self.max_message {
            return Begin::Stop(Then::TooBig);
        }
        self.unfinished = (!header.fin).then_some(size);
        self.enter(header)
    }

    /// RFC 6455 §5.5.1 and §7.4.
    fn close(&mut self, header: &Header, buf: &[u8]) -> Begin {
        let Some((payload, len)) = control_payload(header, buf) else {
            return Begin::Stop(Then::More);
        };
        let code = match (header.payload, payload.first_chunk::<2>()) {
            (0, _) => 1005,
            (1, _) | (_, None) => return Begin::Stop(Then::Fault(Fault::CloseCode)),
            (_, Some(code)) => u16::from_be_bytes(*code),
        };
        let valid = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
        if !valid && header.payload > 0 {
            return Begin::Stop(Then::Fault(Fault::CloseCode));
        }
        Begin::Stop(Then::Close { len, code })
    }

    fn check(&self, header: &Header) -> Result<(), Fault> {
        let first = matches!(header.opcode, Opcode::Text | Opcode::Binary);
        let deflate = if self.extensions.permessage_deflate && first {
            RSV1
        } else {
            0
        };
        if !self.extensions.other && header.reserved & !deflate != 0 {
            return Err(Fault::ReservedBits);
        }
        if header.mask.is_some() != (self.from == Side::Client) {
            return Err(Fault::Mask);
        }
        let within = self.unfinished.is_some();
        match header.opcode {
            Opcode::Continuation if !within => Err(Fault::Continuation),
            Opcode::Text | Opcode::Binary if within => Err(Fault::Continuation),
            _ => Ok(()),
        }
    }
}

enum Begin {
    /// The header passes: so many bytes.
    Pass(usize),
    Stop(Then),
}

/// The unmasked payload of a control frame, zero-filled, and the frame's length; `None` while it is not all there.
fn control_payload(header: &Header, buf: &[u8]) -> Option<([u8; MAX_CONTROL], usize)> {
    let end = header.len + usize::try_from(header.payload).ok()?;
    let wire = buf.get(header.len..end)?;
    let mask = header.mask.unwrap_or_default();
    let mut payload = [0; MAX_CONTROL];
    for ((to, from), key) in payload.iter_mut().zip(wire).zip(mask.iter().cycle()) {
        *to = from ^ key;
    }
    Some((payload, end))
}

#[cfg(test)]
mod tests {
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
}
