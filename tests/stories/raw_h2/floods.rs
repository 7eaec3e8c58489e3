//! E1: a client that makes work with what costs it nothing. Its connection is ended, and others are served meanwhile.

use harness::http2::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, GOAWAY, HEADERS, Http2Wire,
    PING, PROTOCOL_ERROR, RST_STREAM, SETTINGS, STREAM_CLOSED, WINDOW_UPDATE, fields, frame, get,
    length,
};

use super::{in_front_of_backend, request, serves_others};

/// Sends until the other end has had enough of it; the code of its GOAWAY, if it still said one.
async fn ended_by(client: Http2Wire, mut next: impl FnMut(u32) -> Vec<u8>) -> Option<u32> {
    let mut client = client;
    let mut stream = 1;
    while client.send(next(stream)).await {
        stream += 2;
        assert!(stream < 2_000_000, "nobody minds");
    }
    client.first(GOAWAY).await.map(|frame| frame.code())
}

/// Rapid reset (CVE-2023-44487): each stream is given up as soon as it is there.
#[tokio::test]
async fn streams_that_are_reset_at_once() {
    let (_backend, towpath) = in_front_of_backend("").await;
    let client = Http2Wire::connect(&towpath, &[]).await;
    let cancel = 8u32.to_be_bytes();
    let code = ended_by(client, |stream| {
        [request(stream), frame(RST_STREAM, 0, stream, &cancel)].concat()
    })
    .await;
    assert!(matches!(code, None | Some(ENHANCE_YOUR_CALM)), "{code:?}");
    serves_others(&towpath).await;
}

/// MadeYouReset (CVE-2025-8671): the client breaks rules so that it is the proxy that resets.
#[tokio::test]
async fn streams_that_are_made_to_be_reset() {
    let too_much = 0x7fff_ffff_u32.to_be_bytes();
    let ways: [&dyn Fn(u32) -> Vec<u8>; 3] = [
        &|stream| frame(WINDOW_UPDATE, 0, stream, &too_much),
        &|stream| frame(DATA, 0, stream, b"after the end"),
        &|stream| frame(HEADERS, END_HEADERS | END_STREAM, stream, &get("/again")),
    ];
    for way in ways {
        let (_backend, towpath) = in_front_of_backend("").await;
        let client = Http2Wire::connect(&towpath, &[]).await;
        let code = ended_by(client, |stream| [request(stream), way(stream)].concat()).await;
        // Some of it is a breach that ends a connection at once, the rest is counted.
        let ends = [ENHANCE_YOUR_CALM, STREAM_CLOSED, PROTOCOL_ERROR];
        assert!(code.is_none_or(|code| ends.contains(&code)), "{code:?}");
        serves_others(&towpath).await;
    }
}

/// Requests that are none are counted too.
#[tokio::test]
async fn streams_whose_requests_are_malformed() {
    let (backend, towpath) = in_front_of_backend("").await;
    let client = Http2Wire::connect(&towpath, &[]).await;
    let block = [get("/"), fields(&[("connection", "upgrade")])].concat();
    let code = ended_by(client, |stream| {
        frame(HEADERS, END_HEADERS | END_STREAM, stream, &block)
    })
    .await;
    assert!(
        matches!(code, None | Some(0 | ENHANCE_YOUR_CALM)),
        "{code:?}"
    );
    assert_eq!(backend.connections(), 0);
    serves_others(&towpath).await;
}

/// CVE-2024-27316 and its family: a block of fields that never ends.
#[tokio::test]
async fn continuations_without_end() {
    let (_backend, towpath) = in_front_of_backend("").await;
    let mut client = Http2Wire::connect(&towpath, &[]).await;
    client.send(frame(HEADERS, END_STREAM, 1, &get("/"))).await;
    let more = fields(&[("x-more", &"a".repeat(1000))]);
    let more = frame(CONTINUATION, 0, 1, &more.repeat(8));
    let before = towpath.memory();
    let code = ended_by(client, |_| more.clone()).await;
    assert!(matches!(code, None | Some(ENHANCE_YOUR_CALM)), "{code:?}");
    let grown = towpath.memory().saturating_sub(before);
    assert!(grown < 16 << 20, "{grown} bytes more");
    serves_others(&towpath).await;
}

/// Empty ones too (a limit on bytes would not see them).
#[tokio::test]
async fn continuations_with_nothing_in_them() {
    let (_backend, towpath) = in_front_of_backend("").await;
    let mut client = Http2Wire::connect(&towpath, &[]).await;
    client.send(frame(HEADERS, END_STREAM, 1, &get("/"))).await;
    let code = ended_by(client, |_| frame(CONTINUATION, 0, 1, &[]).repeat(100)).await;
    assert!(matches!(code, None | Some(ENHANCE_YOUR_CALM)), "{code:?}");
    serves_others(&towpath).await;
}

/// Each is answered once the last answer was taken; a client that takes none is read no further.
#[tokio::test]
async fn pings_and_settings_whose_answers_nobody_reads() {
    let (_backend, towpath) = in_front_of_backend("timeouts: { write: 1s, keep_alive: 2s }").await;
    for flood in [
        frame(PING, 0, 0, &[7; 8]),
        frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 9]),
    ] {
        let before = towpath.memory();
        let mut client = Http2Wire::connect(&towpath, &[]).await;
        let flood = flood.repeat(1000);
        // More than the kernel holds on the way, or it is ended before.
        for _ in 0..200 {
            let sent =
                tokio::time::timeout(std::time::Duration::from_millis(200), client.send(&flood));
            if sent.await != Ok(true) {
                break;
            }
        }
        let grown = towpath.memory().saturating_sub(before);
        assert!(grown < 16 << 20, "{grown} bytes more");
        serves_others(&towpath).await;
    }
}

/// The bomb of HPACK: one large field in the table, and a byte for each time that it is named again.
#[tokio::test]
async fn fields_that_are_larger_than_what_names_them() {
    let (backend, towpath) = in_front_of_backend("").await;
    let value = "a".repeat(4000);
    let mut block = get("/");
    // A literal that is to be remembered (RFC 7541 §6.2.1).
    block.extend([0x40, 6]);
    block.extend(b"x-bomb");
    block.extend(length(value.len()));
    block.extend(value.as_bytes());
    block.extend([0x80 | 62; 10_000]);
    is_too_large(&towpath, &block).await;
    assert_eq!(backend.connections(), 0);
}

/// Each crumb of a cookie counts as a field.
#[tokio::test]
async fn cookies_in_crumbs() {
    let (backend, towpath) = in_front_of_backend("").await;
    let crumbs = fields(&[("cookie", "a=b")]).repeat(1000);
    is_too_large(&towpath, &[get("/"), crumbs].concat()).await;
    assert_eq!(backend.connections(), 0);
}

/// The request is refused, or its stream, or its connection ended; and that is all.
async fn is_too_large(towpath: &harness::Towpath, block: &[u8]) {
    let before = towpath.memory();
    let mut client = Http2Wire::connect(towpath, &[]).await;
    client
        .send(frame(HEADERS, END_HEADERS | END_STREAM, 1, block))
        .await;
    let refused = loop {
        match client.frame().await {
            None => break "the connection ended".to_owned(),
            Some(frame) if frame.kind == RST_STREAM => break format!("reset {}", frame.code()),
            Some(frame) if frame.kind == GOAWAY => break format!("goaway {}", frame.code()),
            Some(frame) if frame.kind == HEADERS => {
                assert_eq!(frame.status(), 431);
                break "431".to_owned();
            }
            Some(_) => {}
        }
    };
    let grown = towpath.memory().saturating_sub(before);
    assert!(grown < 16 << 20, "{refused}, and {grown} bytes more");
}
