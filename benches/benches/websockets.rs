//! What a message passes on a session's own WebSocket, to its backend or to its client: reader and writer over memory.
//! Whether the messages are kept is not measured; the memory that each takes is.
//! `cargo bench --workspace -p towpath-benches --bench websockets`
#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use divan::counter::{BytesCount, ItemsCount};
use divan::{AllocProfiler, Bencher, Divan, black_box};
use tikv_jemallocator::Jemalloc;
use towpath_fallback::measure::Wire;
use towpath_fallback::session::Message;

/// The binary's allocator, counted.
#[global_allocator]
static ALLOCATOR: AllocProfiler<Jemalloc> = AllocProfiler::new(Jemalloc);

fn main() {
    Divan::default().sample_size(64).config_with_args().main();
}

const SIZES: [usize; 3] = [64, 1024, 16_384];

/// What comes in one burst.
const BURST: usize = 16;

/// A text frame; a client's is masked.
fn frame(size: usize, key: Option<[u8; 4]>) -> Vec<u8> {
    let masked = if key.is_some() { 0x80 } else { 0 };
    let mut frame = vec![0x81];
    match u16::try_from(size).unwrap() {
        short @ 0..126 => frame.push(masked | u8::try_from(short).unwrap()),
        long => {
            frame.push(masked | 126);
            frame.extend(long.to_be_bytes());
        }
    }
    frame.extend(key.iter().flatten());
    let key = key.unwrap_or_default();
    let text = "the boat is at the lock ".bytes().cycle().take(size);
    frame.extend(text.zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

fn hear(bencher: Bencher, mut wire: Wire, frames: Vec<u8>, count: usize) {
    let frames = Bytes::from(frames);
    assert_eq!(wire.hear(frames.clone()), count);
    bencher
        .counter(BytesCount::new(frames.len()))
        .counter(ItemsCount::new(count))
        .bench_local(|| wire.hear(black_box(&frames).clone()));
}

fn say(bencher: Bencher, mut wire: Wire, size: usize) {
    let message = Message::text(vec![b'x'; size]);
    assert!(wire.say(message.clone()) > size);
    bencher
        .counter(BytesCount::new(size))
        .counter(ItemsCount::new(1_usize))
        .bench_local(|| wire.say(black_box(&message).clone()));
}

#[divan::bench(args = SIZES)]
fn a_backend_is_heard(bencher: Bencher, size: usize) {
    hear(bencher, Wire::to_backend(), frame(size, None), 1);
}

/// Several messages at once, as many as fit into a read, or not.
#[divan::bench(args = SIZES)]
fn a_backend_is_heard_in_a_burst(bencher: Bencher, size: usize) {
    let frames = frame(size, None).repeat(BURST);
    hear(bencher, Wire::to_backend(), frames, BURST);
}

#[divan::bench(args = SIZES)]
fn a_client_is_heard(bencher: Bencher, size: usize) {
    let frame = frame(size, Some([0x1f, 0x8c, 0x03, 0xe7]));
    hear(bencher, Wire::to_client(), frame, 1);
}

#[divan::bench]
fn nothing_is_heard(bencher: Bencher) {
    let mut wire = Wire::to_backend();
    bencher.bench_local(|| wire.hear(black_box(Bytes::new())));
}

#[divan::bench(args = SIZES)]
fn a_backend_is_told(bencher: Bencher, size: usize) {
    say(bencher, Wire::to_backend(), size);
}

#[divan::bench(args = SIZES)]
fn a_client_is_told(bencher: Bencher, size: usize) {
    say(bencher, Wire::to_client(), size);
}
