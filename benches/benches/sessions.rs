//! What a message of a fallback session passes: the session's core, and the codecs of the three dialects.
//! `cargo bench --workspace -p towpath-benches --bench sessions`
#![allow(clippy::unwrap_used)]

use std::time::Instant;

use bytes::{Bytes, BytesMut};
use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use towpath_fallback::dialect::engine_io::Revision;
use towpath_fallback::dialect::engine_io::payload::{Form, decode, encode};
use towpath_fallback::dialect::sockjs::{Messages, Receiving};
use towpath_fallback::dialect::towpath::codec::{self, Head, Status};
use towpath_fallback::session::{Frame, Limits, Message, Session, ToBackend};

fn main() {
    divan::main();
}

const SIZES: [usize; 3] = [64, 1024, 16_384];

fn text(size: usize) -> String {
    "x".repeat(size)
}

/// A message of the client's: taken, given to the backend; one of the backend's: taken, given, acknowledged.
#[divan::bench(args = SIZES)]
fn a_round_trip_through_the_core(bencher: Bencher, size: usize) {
    let now = Instant::now();
    let mut session = Session::new(Limits::default(), now);
    let payload = Bytes::from(text(size));
    let mut number = 0;
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| {
        number += 1;
        let message = Message::binary(payload.clone());
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

/// An answer with one message.
#[divan::bench(args = SIZES)]
fn native_answer(bencher: Bencher, size: usize) {
    let frame = Frame::Message(Message::binary(text(size)));
    bencher.counter(BytesCount::new(size)).bench(|| {
        let mut to = BytesMut::with_capacity(32 + codec::size_of(&frame));
        codec::write_head(&mut to, black_box(&Head::bare(Status::Ok, 7)));
        codec::write_frame(&mut to, black_box(&frame));
        to.freeze()
    });
}

#[divan::bench(args = SIZES)]
fn sockjs_messages_of_a_request(bencher: Bencher, size: usize) {
    let content = Bytes::from(format!("[\"{}\"]", text(size)));
    assert!(Messages::of_array(content.clone()).is_ok());
    bencher
        .counter(BytesCount::new(size))
        .bench(|| Messages::of_array(black_box(&content).clone()).map(Iterator::count));
}

#[divan::bench(args = SIZES)]
fn sockjs_frame_in_a_stream(bencher: Bencher, size: usize) {
    let frame = format!("a[\"{}\"]", text(size));
    bencher
        .counter(BytesCount::new(size))
        .bench(|| Receiving::EventSource.wrap(black_box(frame.as_bytes())));
}

#[divan::bench(args = SIZES, consts = [3, 4])]
fn engine_io_request<const REVISION: usize>(bencher: Bencher, size: usize) {
    let (revision, content) = match REVISION {
        3 => (Revision::V3, format!("{}:4{}", size + 1, text(size))),
        _ => (Revision::V4, format!("4{}", text(size))),
    };
    let content = Bytes::from(content);
    assert_eq!(
        decode(revision, Form::Text, content.clone()).unwrap().len(),
        1
    );
    bencher
        .counter(BytesCount::new(size))
        .bench(|| decode(revision, Form::Text, black_box(&content).clone()));
}

#[divan::bench(args = SIZES, consts = [3, 4])]
fn engine_io_answer<const REVISION: usize>(bencher: Bencher, size: usize) {
    let revision = if REVISION == 3 {
        Revision::V3
    } else {
        Revision::V4
    };
    let message = Message::text(format!("4{}", text(size)));
    bencher
        .counter(BytesCount::new(size))
        .bench(|| encode(revision, Form::Text, [black_box(&message)]));
}
