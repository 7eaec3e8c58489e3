//! What a message of a fallback session passes: the session's core, and the codecs of the three dialects.
//! `cargo bench --workspace -p towpath-benches --bench sessions`
#![allow(clippy::unwrap_used)]

use std::time::Instant;

use bytes::{BufMut, Bytes, BytesMut};
use divan::counter::{BytesCount, ItemsCount};
use divan::{AllocProfiler, Bencher, Divan, black_box};
use tikv_jemallocator::Jemalloc;
use towpath_fallback::dialect::engine_io::Revision;
use towpath_fallback::dialect::engine_io::payload::{Form, decode, encode};
use towpath_fallback::dialect::sockjs::{Messages, Receiving};
use towpath_fallback::dialect::towpath::codec::{self, Head, Request, Status};
use towpath_fallback::measure::sockjs_array;
use towpath_fallback::session::{Frame, Limits, Message, Session, ToBackend};

/// The binary's allocator, counted.
#[global_allocator]
static ALLOCATOR: AllocProfiler<Jemalloc> = AllocProfiler::new(Jemalloc);

fn main() {
    Divan::default().sample_size(64).config_with_args().main();
}

const SIZES: [usize; 3] = [64, 1024, 16_384];

/// Messages of a request that has several.
const SEVERAL: usize = 16;

/// What messages are made of; the kinds cost differently.
#[derive(Clone, Copy)]
enum Text {
    /// A quote for every few letters.
    Json,
    /// ASCII without anything to be escaped.
    Prose,
    /// Two bytes a letter.
    Cyrillic,
}

impl Text {
    /// So many bytes of it, or one less where that would cut a letter.
    fn of(self, size: usize) -> String {
        let pattern = match self {
            Self::Json => r#"{"id":7081,"from":"alice","text":"see you at the lock"},"#,
            Self::Prose => "The boat goes on when the lock is full, and not before. ",
            Self::Cyrillic => "Лодка пойдёт дальше, когда шлюз наполнится. ",
        };
        let mut text = pattern.repeat(size.div_ceil(pattern.len()));
        let end = (0..=size).rev().find(|&end| text.is_char_boundary(end));
        text.truncate(end.unwrap_or_default());
        text
    }
}

/// A message of the client's: taken, given to the backend; one of the backend's: taken, given, acknowledged.
#[divan::bench(args = SIZES)]
fn a_round_trip_through_the_core(bencher: Bencher, size: usize) {
    let now = Instant::now();
    let mut session = Session::new(Limits::default(), now);
    let payload = Bytes::from(Text::Json.of(size));
    let mut number = 0;
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| {
        number += 1;
        let message = Message::text(payload.clone());
        session.take(number, Frame::Message(message), now);
        let Some(ToBackend::Message(message)) = session.next_to_backend() else {
            unreachable!("the backend gets what was taken");
        };
        session.message(message, now);
        assert_eq!(session.acknowledge(number, now), Ok(true));
    });
}

#[divan::bench]
fn an_idle_look_at_the_clock(bencher: Bencher) {
    let now = Instant::now();
    let mut session = Session::new(Limits::default(), now);
    bencher.bench_local(|| {
        session.expire(black_box(now));
        session.deadline()
    });
}

/// A request's body with `count` messages; PROTOCOL.md, §3.
fn native(size: usize, count: usize) -> Bytes {
    let mut body = BytesMut::new();
    body.put_slice(codec::MAGIC);
    body.put_slice(&[0, 22]);
    body.put_slice(b"NDU2Nzg5MDEyMzQ1Njc4OT");
    // Serial, acknowledgement, wait, budget, first number.
    body.put_slice(&[7, 6, 0, 0, 9]);
    let frame = Frame::Message(Message::text(Text::Json.of(size)));
    for _ in 0..count {
        codec::write_frame(&mut body, &frame);
    }
    body.freeze()
}

fn read_native(bencher: Bencher, size: usize, count: usize) {
    let body = native(size, count);
    assert_eq!(Request::parse(body.clone()).unwrap().frames.count(), count);
    bencher
        .counter(BytesCount::new(count * size))
        .counter(ItemsCount::new(count))
        .bench(|| Request::parse(black_box(&body).clone()).map(|request| request.frames.count()));
}

#[divan::bench(args = SIZES)]
fn native_request(bencher: Bencher, size: usize) {
    read_native(bencher, size, 1);
}

#[divan::bench(args = SIZES)]
fn native_request_of_several(bencher: Bencher, size: usize) {
    read_native(bencher, size, SEVERAL);
}

/// An answer with one message.
#[divan::bench(args = SIZES)]
fn native_answer(bencher: Bencher, size: usize) {
    let frame = Frame::Message(Message::text(Text::Json.of(size)));
    bencher.counter(BytesCount::new(size)).bench(|| {
        let mut to = BytesMut::with_capacity(32 + codec::size_of(&frame));
        codec::write_head(&mut to, black_box(&Head::bare(Status::Ok, 7)));
        codec::write_frame(&mut to, black_box(&frame));
        to.freeze()
    });
}

fn read_sockjs(bencher: Bencher, size: usize, text: Text, count: usize) {
    let one = serde_json::to_string(&text.of(size)).unwrap();
    let content = Bytes::from(format!("[{}]", vec![one; count].join(",")));
    assert_eq!(Messages::of_array(content.clone()).unwrap().count(), count);
    bencher
        .counter(BytesCount::new(count * size))
        .counter(ItemsCount::new(count))
        .bench(|| Messages::of_array(black_box(&content).clone()).map(Iterator::count));
}

#[divan::bench(args = SIZES)]
fn sockjs_request_of_json(bencher: Bencher, size: usize) {
    read_sockjs(bencher, size, Text::Json, 1);
}

#[divan::bench(args = SIZES)]
fn sockjs_request_of_prose(bencher: Bencher, size: usize) {
    read_sockjs(bencher, size, Text::Prose, 1);
}

#[divan::bench(args = SIZES)]
fn sockjs_request_of_several(bencher: Bencher, size: usize) {
    read_sockjs(bencher, size, Text::Prose, SEVERAL);
}

fn write_sockjs(bencher: Bencher, size: usize, text: Text, transport: &Receiving) {
    let messages = [Message::text(text.of(size))];
    bencher
        .counter(BytesCount::new(size))
        .bench(|| transport.wrap(&sockjs_array(black_box(&messages))));
}

#[divan::bench(args = SIZES)]
fn sockjs_answer_of_json(bencher: Bencher, size: usize) {
    write_sockjs(bencher, size, Text::Json, &Receiving::Xhr);
}

#[divan::bench(args = SIZES)]
fn sockjs_answer_of_prose(bencher: Bencher, size: usize) {
    write_sockjs(bencher, size, Text::Prose, &Receiving::Xhr);
}

#[divan::bench(args = SIZES)]
fn sockjs_answer_of_cyrillic(bencher: Bencher, size: usize) {
    write_sockjs(bencher, size, Text::Cyrillic, &Receiving::Xhr);
}

#[divan::bench(args = SIZES)]
fn sockjs_event_of_json(bencher: Bencher, size: usize) {
    write_sockjs(bencher, size, Text::Json, &Receiving::EventSource);
}

fn revision<const REVISION: usize>() -> Revision {
    match REVISION {
        3 => Revision::V3,
        _ => Revision::V4,
    }
}

fn read_engine_io(bencher: Bencher, revision: Revision, form: Form, message: &Message) {
    let content = encode(revision, form, [message]).body;
    let packets = decode(revision, form, content.clone()).unwrap();
    assert_eq!(packets, std::slice::from_ref(message));
    bencher
        .counter(BytesCount::new(message.payload.len()))
        .bench(|| decode(revision, form, black_box(&content).clone()));
}

fn write_engine_io(bencher: Bencher, revision: Revision, form: Form, message: &Message) {
    bencher
        .counter(BytesCount::new(message.payload.len()))
        .bench(|| encode(revision, form, [black_box(message)]));
}

fn text_packet(text: Text, size: usize) -> Message {
    Message::text(format!("4{}", text.of(size - 1)))
}

/// As revision 3 has it: its id first.
fn binary_packet(size: usize) -> Message {
    Message::binary(vec![4; size])
}

#[divan::bench(args = SIZES, consts = [3, 4])]
fn engine_io_request<const REVISION: usize>(bencher: Bencher, size: usize) {
    let message = text_packet(Text::Json, size);
    read_engine_io(bencher, revision::<REVISION>(), Form::Text, &message);
}

#[divan::bench(args = SIZES, consts = [3, 4])]
fn engine_io_request_of_cyrillic<const REVISION: usize>(bencher: Bencher, size: usize) {
    let message = text_packet(Text::Cyrillic, size);
    read_engine_io(bencher, revision::<REVISION>(), Form::Text, &message);
}

#[divan::bench(args = SIZES, consts = [3, 4])]
fn engine_io_request_of_base64<const REVISION: usize>(bencher: Bencher, size: usize) {
    let message = binary_packet(size);
    read_engine_io(bencher, revision::<REVISION>(), Form::Text, &message);
}

#[divan::bench(args = SIZES)]
fn engine_io_request_of_binary(bencher: Bencher, size: usize) {
    let message = binary_packet(size);
    read_engine_io(bencher, Revision::V3, Form::Binary, &message);
}

#[divan::bench(args = SIZES, consts = [3, 4])]
fn engine_io_answer<const REVISION: usize>(bencher: Bencher, size: usize) {
    let message = text_packet(Text::Json, size);
    write_engine_io(bencher, revision::<REVISION>(), Form::Text, &message);
}

#[divan::bench(args = SIZES, consts = [3, 4])]
fn engine_io_answer_of_base64<const REVISION: usize>(bencher: Bencher, size: usize) {
    let message = binary_packet(size);
    write_engine_io(bencher, revision::<REVISION>(), Form::Text, &message);
}

#[divan::bench(args = SIZES)]
fn engine_io_answer_of_binary(bencher: Bencher, size: usize) {
    let message = binary_packet(size);
    write_engine_io(bencher, Revision::V3, Form::Binary, &message);
}
