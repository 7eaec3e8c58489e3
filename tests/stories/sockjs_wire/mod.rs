//! SockJS as it is on the wire: requests written by hand, answers read byte by byte, before a backend that is played.

mod heads;
mod life;
mod streams;
mod upgrades;

use std::net::SocketAddr;

use harness::{Frame, Head, RawBackend, Towpath, Wire};

/// What a text frame of a client's brings.
fn text(frame: &Frame) -> String {
    let payload = frame.payload.clone();
    String::from_utf8(payload).unwrap()
}

/// A service at `/echo`, with these settings.
async fn service(backend: SocketAddr, settings: &str) -> Towpath {
    with(backend, &format!("{{ path: /echo, {settings} }}"), "").await
}

/// The same, as it is written, and more of the fallback.
async fn with(backend: SocketAddr, sockjs: &str, more: &str) -> Towpath {
    Towpath::start(&format!(
        "routes: [{{ path: /ws, upstream: '{backend}', fallback: {{ sockjs: {sockjs}, {more} }} }}]\n\
         timeouts: {{ connect: 1s }}"
    ))
    .await
}

/// A request; `fields` are lines that end with CRLF.
fn request(method: &str, path: &str, fields: &str, content: &str) -> String {
    let length = match content.len() {
        0 => String::new(),
        length => format!("Content-Length: {length}\r\n"),
    };
    format!("{method} {path} HTTP/1.1\r\nHost: chat.test\r\n{fields}{length}\r\n{content}")
}

/// Asks over a connection of its own.
async fn ask(towpath: &Towpath, request: impl AsRef<[u8]>) -> (Head, String) {
    let mut client = towpath.connect().await;
    client.send(request).await;
    client.response().await
}

/// Opens a session by a poll, and gives the backend's end.
async fn open(towpath: &Towpath, backend: &RawBackend, path: &str) -> (Wire, Head) {
    let poll = request("POST", &format!("{path}/xhr"), "", "");
    let (answer, accepted) = tokio::join!(ask(towpath, poll), backend.accept_websocket());
    assert_eq!(answer.1, "o\n");
    accepted
}
