//! Draining on SIGTERM: everybody is told, everything that was begun is finished, and then the process ends.

use futures_util::future::join_all;
use harness::{
    Frame, HttpBackend, NOBODY, RawBackend, Signal, Towpath, TungstenitePeer, closed, handshake,
};

const TUNNELS: usize = 200;

/// No drain of these stories ends by its own clock.
const PATIENT: &str = "drain: { spread: 1h, timeout: 2h }\n";

#[tokio::test]
async fn every_client_is_told_to_go_and_the_process_ends() {
    let peer = TungstenitePeer::start().await;
    let config = format!(
        "drain: {{ spread: 500ms, timeout: 1h }}\nroutes: [{{ upstream: {} }}]",
        peer.address()
    );
    let mut towpath = Towpath::start(&config).await;
    let tunnels = join_all((0..TUNNELS).map(|_| towpath.websocket("/echo"))).await;

    towpath.signal(Signal::TERM);
    let ends = join_all(tunnels.into_iter().map(closed)).await;
    assert_eq!(ends, vec![(1001, "draining".to_owned()); TUNNELS]);
    assert_eq!(towpath.exit_code().await, Some(0));
    towpath.wait_log("drained").await;
    let lines = towpath.accesses("tunnel", TUNNELS).await;
    assert!(
        lines
            .iter()
            .all(|line| line["ended_by"] == "drain" && line["close_code"] == 1001),
        "{lines:?}"
    );
}

/// The Close goes between two frames, and what the client says before it answers still arrives.
#[tokio::test]
async fn nothing_that_was_said_is_lost() {
    let backend = RawBackend::start().await;
    let config = format!(
        "drain: {{ spread: 0s, timeout: 1h }}\nroutes: [{{ upstream: {} }}]",
        backend.address()
    );
    let mut towpath = Towpath::start(&config).await;
    let mut client = towpath.connect().await;
    client.send(handshake("/ws", "")).await;
    let (mut server, _) = backend.accept_websocket().await;
    assert_eq!(client.head().await.status(), 101);
    let word = Frame::text("in the middle of a word").bytes();
    let (start, rest) = word.split_at(7);
    server.send(start).await;
    assert_eq!(client.bytes(7).await, start);

    towpath.signal(Signal::TERM);
    towpath.wait_log("draining").await;
    server.send(rest).await;
    assert_eq!(client.bytes(rest.len()).await, rest);
    assert_eq!(client.frame().await, Frame::close(1001, "draining"));
    let last = Frame::text("one thing more").masked();
    let close = Frame::close(1001, "").masked();
    client.send([last.bytes(), close.bytes()].concat()).await;
    assert_eq!(server.frame().await, last);
    assert_eq!(server.frame().await.closing().0, 1001);
    server.send(Frame::close(1001, "").bytes()).await;
    server.half_close().await;
    client.half_close().await;
    assert_eq!(towpath.exit_code().await, Some(0));
}

#[tokio::test]
async fn with_nobody_there_it_ends_at_once() {
    let mut towpath = Towpath::start(&format!("{PATIENT}routes: [{{ upstream: {NOBODY} }}]")).await;
    towpath.signal(Signal::INT);
    assert_eq!(towpath.exit_code().await, Some(0));
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let backend = HttpBackend::named("hello").await;
    let config = format!("{PATIENT}routes: [{{ upstream: {} }}]", backend.address());
    let mut towpath = Towpath::start(&config).await;
    let mut client = towpath.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    client.response().await;
    towpath.signal(Signal::TERM);
    client.ends().await;
    assert_eq!(towpath.exit_code().await, Some(0));
}

#[tokio::test]
async fn a_request_on_its_way_is_answered() {
    let backend = RawBackend::start().await;
    let config = format!("{PATIENT}routes: [{{ upstream: {} }}]", backend.address());
    let mut towpath = Towpath::start(&config).await;
    let mut client = towpath.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    let mut server = backend.accept().await;
    server.head().await;
    towpath.signal(Signal::TERM);
    towpath.wait_log("draining").await;
    server
        .send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        .await;
    assert_eq!(client.response().await.1, "hello");
    assert_eq!(towpath.exit_code().await, Some(0));
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let peer = TungstenitePeer::start().await;
    let config = format!("{PATIENT}routes: [{{ upstream: {} }}]", peer.address());
    let mut towpath = Towpath::start(&config).await;
    let _tunnel = towpath.websocket("/echo").await;
    towpath.signal(Signal::TERM);
    towpath.wait_log("draining").await;
    towpath.signal(Signal::TERM);
    assert_eq!(towpath.exit_code().await, Some(2));
}

#[tokio::test]
async fn who_does_not_go_is_cut_off_at_the_timeout() {
    let backend = RawBackend::start().await;
    let upstream = backend.address();
    let config =
        format!("drain: {{ spread: 0s, timeout: 300ms }}\nroutes: [{{ upstream: {upstream} }}]");
    let mut towpath = Towpath::start(&config).await;
    let mut client = towpath.connect().await;
    client.send(handshake("/ws", "")).await;
    let _server = backend.accept_websocket().await;
    assert_eq!(client.head().await.status(), 101);
    towpath.signal(Signal::TERM);
    assert_eq!(client.frame().await.closing().0, 1001);
    client.ends().await;
    assert_eq!(towpath.exit_code().await, Some(0));
    towpath
        .wait_log("cut off at the end of drain.timeout")
        .await;
}

/// A balancer must have time to notice before connections are refused.
#[tokio::test]
async fn it_says_that_it_is_not_ready_before_it_closes_the_door() {
    let backend = HttpBackend::named("hello").await;
    let config = format!(
        "admin: {{ address: 127.0.0.1:0 }}\ndrain: {{ delay: 1h, timeout: 2h }}\nroutes: [{{ upstream: {} }}]",
        backend.address()
    );
    let mut towpath = Towpath::start(&config).await;
    assert_eq!(
        towpath.ask("GET", "/ready", &[]).await,
        (200, "ready\n".into())
    );
    towpath.signal(Signal::TERM);
    towpath.wait_log("draining").await;
    assert_eq!(
        towpath.ask("GET", "/ready", &[]).await,
        (503, "draining\n".into())
    );
    assert_eq!(towpath.ask("GET", "/health", &[]).await.0, 200);
    assert_eq!(towpath.get("/", &[]).await.1, "hello");
    towpath.signal(Signal::TERM);
    assert_eq!(towpath.exit_code().await, Some(2));
}

#[tokio::test]
async fn the_admin_answers_are_not_on_the_clients_listener() {
    let config = format!(
        "admin: {{ address: 127.0.0.1:0 }}\nroutes: [{{ path: /app, upstream: {NOBODY} }}]"
    );
    let towpath = Towpath::start(&config).await;
    assert_eq!(towpath.get("/ready", &[]).await.0, 404);
}

#[tokio::test]
async fn sighup_never_ends_it() {
    let peer = TungstenitePeer::start().await;
    let config = format!("{PATIENT}routes: [{{ upstream: {} }}]", peer.address());
    let mut towpath = Towpath::start(&config).await;
    let _tunnel = towpath.websocket("/echo").await;
    towpath.reload(&config).await;
    towpath.signal(Signal::TERM);
    towpath.wait_log("draining").await;
    towpath.signal(Signal::HUP);
    towpath.wait_log("not reloaded: draining").await;
    assert!(towpath.is_alive());
}
