//! A10, A14: requests that HTTP/2 can carry and HTTP/1.1 could not mean. Their stream is reset (RFC 9113 §8.1.1), and the
//! backend hears nothing.

use harness::http2::{
    END_HEADERS, END_STREAM, HEADERS, Http2Wire, PROTOCOL_ERROR, RST_STREAM, fields, frame,
};

use harness::Towpath;

use super::in_front_of_backend;

const GET: [(&str, &str); 4] = [
    (":method", "GET"),
    (":scheme", "http"),
    (":path", "/"),
    (":authority", "h"),
];

#[tokio::test]
async fn what_is_no_request_is_reset() {
    let (backend, towpath) = in_front_of_backend("").await;
    for extra in [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("keep-alive", "1"),
        ("proxy-connection", "close"),
        ("transfer-encoding", "chunked"),
        ("te", "chunked"),
        ("Upper", "case"),
        ("x", "a\r\nEvil: 1"),
        ("x", "a\0b"),
        ("x y", "space"),
        ("x:", "colon"),
        ("", "nameless"),
        (":path", "/twice"),
        (":unknown", "pseudo"),
        (":protocol", "websocket"),
        ("content-length", "5"),
        ("content-length", "-1"),
        // Another host than that of `:authority` (A9).
        ("host", "other"),
    ] {
        let block = fields(&[&GET[..], &[extra]].concat());
        assert_eq!(reset(&towpath, &block).await, PROTOCOL_ERROR, "{extra:?}");
    }
    for (at, other) in [
        (0, (":method", "GE T")),
        (0, (":method", "")),
        (2, (":path", "")),
        (2, (":path", "relative")),
        (2, (":path", "/a b")),
        (2, (":path", "/a\r\nEvil: 1")),
        (3, (":authority", "h/evil")),
        (3, (":authority", "user@h")),
    ] {
        let mut request = GET;
        request[at] = other;
        assert_eq!(
            reset(&towpath, &fields(&request)).await,
            PROTOCOL_ERROR,
            "{other:?}"
        );
    }
    assert_eq!(backend.connections(), 0);
}

/// A13: a path is read as in HTTP/1.1.
#[tokio::test]
async fn paths_are_refused_as_in_http_1_1() {
    let (backend, towpath) = in_front_of_backend("").await;
    for path in ["/a/../b", "/a/%2e%2e/b", "/a%2f..%2fb", "/a/..;/b"] {
        let mut client = Http2Wire::connect(&towpath, &[]).await;
        let mut request = GET;
        request[2] = (":path", path);
        client
            .send(frame(
                HEADERS,
                END_HEADERS | END_STREAM,
                1,
                &fields(&request),
            ))
            .await;
        let answer = client.first(HEADERS).await.unwrap();
        assert_eq!(answer.status(), 400, "{path}");
    }
    assert_eq!(backend.connections(), 0);
}

async fn reset(towpath: &Towpath, block: &[u8]) -> u32 {
    let mut client = Http2Wire::connect(towpath, &[]).await;
    client
        .send(frame(HEADERS, END_HEADERS | END_STREAM, 1, block))
        .await;
    loop {
        match client.frame().await {
            Some(frame) if frame.kind == RST_STREAM => return frame.code(),
            Some(frame) if frame.kind == HEADERS => {
                // Refused by status, which is as good.
                assert_eq!(frame.status(), 400);
                return PROTOCOL_ERROR;
            }
            Some(frame) if frame.kind == harness::http2::GOAWAY => return frame.code(),
            Some(_) => {}
            None => panic!("the connection ended without a word"),
        }
    }
}
