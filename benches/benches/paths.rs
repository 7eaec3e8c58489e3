//! What each request and each frame passes: the check of the head, the router, the watch over a tunnel.
//! `cargo bench --workspace -p towpath-benches --bench paths`
#![allow(clippy::unwrap_used)]

use divan::counter::{BytesCount, ItemsCount};
use divan::{AllocProfiler, Bencher, Divan, black_box};
use tikv_jemallocator::Jemalloc;
use towpath::measure::{Routes, Watch, head};
use towpath_conf::Config;

/// The binary's allocator, counted: what is here allocates nothing, or this shows it.
#[global_allocator]
static ALLOCATOR: AllocProfiler<Jemalloc> = AllocProfiler::new(Jemalloc);

fn main() {
    Divan::default().sample_size(64).config_with_args().main();
}

/// As Chromium sends it.
const HEAD: &str = "GET /ws/chat?room=7 HTTP/1.1\r\nHost: chat.example.com\r\nConnection: Upgrade\r\n\
    Pragma: no-cache\r\nCache-Control: no-cache\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 \
    (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36\r\nUpgrade: websocket\r\nOrigin: https://chat.example.com\r\n\
    Sec-WebSocket-Version: 13\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-GB,en;q=0.9\r\n\
    Cookie: sid=0123456789abcdef0123456789abcdef; theme=dark\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";

#[divan::bench]
fn a_browsers_head(bencher: Bencher) {
    assert_eq!(head(HEAD.as_bytes()), Some(HEAD.len()));
    bencher
        .counter(BytesCount::of_str(HEAD))
        .bench(|| head(black_box(HEAD.as_bytes())));
}

/// So many routes, each with a host and the path in YAML; then one for all.
fn routes(count: usize, path: impl Fn(usize) -> String) -> Routes {
    let one = |n: usize| {
        let path = path(n);
        format!("  - {{ host: h{n}.example.com, path: {path}, upstream: '127.0.0.1:9' }}\n")
    };
    let routes: String = (0..count).map(one).collect();
    let text = format!("routes:\n{routes}  - {{ upstream: '127.0.0.1:9' }}\n");
    Routes::new(&Config::from_text("bench.yaml", &text).unwrap())
}

fn prefixes(count: usize) -> Routes {
    routes(count, |n| format!("/api/v{n}"))
}

fn find(bencher: Bencher, routes: &Routes, host: &str, path: &str, expected: usize) {
    assert_eq!(routes.find(host, path), Some(expected));
    bencher
        .counter(ItemsCount::new(1_usize))
        .bench(|| routes.find(black_box(host), black_box(path)));
}

#[divan::bench(args = [10, 1000])]
fn a_route_by_host_and_prefix(bencher: Bencher, count: usize) {
    let last = count - 1;
    let (host, path) = (format!("h{last}.example.com"), format!("/api/v{last}/a/7"));
    find(bencher, &prefixes(count), &host, &path, last);
}

#[divan::bench(args = [10, 1000])]
fn a_route_by_host_and_exact_path(bencher: Bencher, count: usize) {
    let routes = routes(count, |n| format!("{{ exact: /api/v{n}/a/7 }}"));
    let last = count - 1;
    let (host, path) = (format!("h{last}.example.com"), format!("/api/v{last}/a/7"));
    find(bencher, &routes, &host, &path, last);
}

/// All routes under one host.
#[divan::bench(args = [10, 1000])]
fn a_route_by_prefix(bencher: Bencher, count: usize) {
    let one = |n: usize| format!("  - {{ path: /api/v{n}, upstream: '127.0.0.1:9' }}\n");
    let text: String = (0..count).map(one).collect();
    let config = Config::from_text("bench.yaml", &format!("routes:\n{text}")).unwrap();
    let last = count - 1;
    let path = format!("/api/v{last}/a/7");
    find(bencher, &Routes::new(&config), "h.example.com", &path, last);
}

#[divan::bench(args = [10, 1000])]
fn the_last_route_of_all(bencher: Bencher, count: usize) {
    find(bencher, &prefixes(count), "other.example.com", "/", count);
}

/// Masked binary frames of a client's, as many as fit into 64 KiB; one at least.
fn frames(payload: usize) -> (Vec<u8>, usize) {
    let mut frame = vec![0x82];
    match u16::try_from(payload) {
        Ok(short @ 0..126) => frame.push(0x80 | u8::try_from(short).unwrap()),
        Ok(medium) => {
            frame.push(0x80 | 126);
            frame.extend(medium.to_be_bytes());
        }
        Err(_) => {
            frame.push(0x80 | 127);
            frame.extend((payload as u64).to_be_bytes());
        }
    }
    frame.extend([1, 2, 3, 4]);
    frame.resize(frame.len() + payload, b'x');
    let count = (65_536 / frame.len()).max(1);
    (frame.repeat(count), count)
}

#[divan::bench(args = [64, 1024, 16_384])]
fn frames_in_a_tunnel(bencher: Bencher, payload: usize) {
    let (bytes, count) = frames(payload);
    let mut watch = Watch::default();
    assert_eq!(watch.scan(&bytes), bytes.len());
    assert_eq!(watch.messages(), count as u64);
    bencher
        .counter(BytesCount::new(bytes.len()))
        .counter(ItemsCount::new(count))
        .bench_local(|| watch.scan(black_box(&bytes)));
}
