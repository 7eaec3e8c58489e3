//! E1: a client that lets others wait for it.

use harness::http2::{DATA, END_HEADERS, HEADERS, Http2Wire, RST_STREAM, fields, frame};
use harness::{HttpBackend, RawBackend, Towpath, full, within};
use http::Response;

use super::{request, serves_others};

/// It asks for much and has no window for any of it.
#[tokio::test]
async fn responses_for_which_there_is_no_window() {
    let backend = HttpBackend::start(|_| async { Response::new(full(vec![7; 1 << 20])) }).await;
    let towpath = Towpath::start(&format!(
        "timeouts: {{ write: 500ms }}\nroutes: [{{ upstream: {} }}]",
        backend.address()
    ))
    .await;
    let mut client = Http2Wire::connect(&towpath, &[(4, 0)]).await;
    let before = towpath.memory();
    for stream in (1..=99).step_by(2) {
        client.send(request(stream)).await;
    }
    let mut left = 50;
    while left > 0 {
        match client.frame().await {
            Some(frame) if frame.kind == RST_STREAM => left -= 1,
            Some(frame) => assert!(frame.kind != DATA || frame.payload.is_empty(), "{frame:?}"),
            None => break,
        }
    }
    let grown = towpath.memory().saturating_sub(before);
    assert!(grown < 32 << 20, "{grown} bytes more");
    serves_others(&towpath).await;
}

/// It announces content and sends none.
#[tokio::test]
async fn content_that_does_not_come() {
    let backend = RawBackend::start().await;
    let towpath = Towpath::start(&format!(
        "timeouts: {{ read: 500ms }}\nroutes: [{{ upstream: {} }}]",
        backend.address()
    ))
    .await;
    let mut client = Http2Wire::connect(&towpath, &[]).await;
    let block = fields(&[
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/"),
        (":authority", "h"),
    ]);
    client.send(frame(HEADERS, END_HEADERS, 1, &block)).await;
    let reset = within("the stream is reset", client.first(RST_STREAM)).await;
    assert_eq!(reset.unwrap().stream, 1);
}
