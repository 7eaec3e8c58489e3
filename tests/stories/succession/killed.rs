//! An old process that is killed takes its sessions with it: their clients are told so at once, and may open others.

use harness::fallback::{Session, Status};
use harness::{Frame, HttpClient, RawBackend, Signal, Towpath, Wire, echo, full, whole};
use http::Request;

use super::upgrade;

const CONFIG: &str = "admin: { address: 127.0.0.1:0 }\n";

#[tokio::test]
async fn its_sessions_are_gone_and_nobody_waits() {
    let backend = RawBackend::start().await;
    let mut towpath = Towpath::start(&format!(
        "{CONFIG}routes: [{{ upstream: {} }}]",
        backend.address()
    ))
    .await;
    let opening = Session::open(towpath.address(), "/chat");
    let (session, (mut server, _)) = tokio::join!(opening, backend.accept_websocket());
    let _successor = upgrade(&towpath).await;

    // A poll is held there, through the new one, once a message after it has come.
    let (mut polling, mut sending) = (session.again(&[]), session.again(&[]).again(&[]));
    let poll = polling.poll(0);
    let kill = async {
        let sent = sending.send(1, vec![harness::fallback::Frame::text("hello")]);
        assert_eq!(sent.await.status, Status::Ok);
        server.frame().await;
        assert_eq!(towpath.seen("/api/status").await["predecessors"], 1);
        towpath.signal(Signal::KILL);
    };
    let (polled, ()) = tokio::join!(poll, kill);
    assert_eq!(polled.status, Status::Gone);
    assert_eq!(sending.poll(0).await.status, Status::Gone);
    assert_eq!(towpath.exit_code().await, None);

    // The new one forgets it, and serves on.
    assert_eq!(towpath.seen("/api/status").await["predecessors"], 0);
    let opening = Session::open(towpath.address(), "/chat");
    let (mut session, (mut server, _)) = tokio::join!(opening, backend.accept_websocket());
    server.send(Frame::text("again").bytes()).await;
    assert_eq!(session.poll(0).await.frames.len(), 1);
}

/// What a sockjs-client takes for a lost session: another one's opening, and a 404 for what it sends.
#[tokio::test]
async fn a_sockjs_client_hears_that_its_session_is_lost() {
    let backend = RawBackend::start().await;
    let route = format!(
        "{{ path: /echo, upstream: {}, fallback: {{ sockjs: on }} }}",
        backend.address()
    );
    let mut towpath = Towpath::start(&format!("routes: [{route}]")).await;
    let ask = async |endpoint: &str, content: &str| {
        let request = Request::post(format!("/echo/000/s/{endpoint}"));
        let request = request.body(full(content.to_owned())).unwrap();
        let mut client = HttpClient::connect(towpath.address()).await;
        let response = client.send(request).await;
        let status = response.status().as_u16();
        let content = whole(response.into_body()).await;
        (status, String::from_utf8(content.to_vec()).unwrap())
    };
    let open = async || {
        let (opened, (server, _)) = tokio::join!(ask("xhr", ""), backend.accept_websocket());
        assert_eq!(opened, (200, "o\n".to_owned()));
        server
    };
    let mut server: Wire = open().await;
    let _successor = upgrade(&towpath).await;
    assert_eq!(ask("xhr_send", "[\"a\"]").await.0, 204);
    assert_eq!(server.frame().await.payload, b"a".as_slice());

    towpath.signal(Signal::KILL);
    server.rest().await;
    assert_eq!(ask("xhr_send", "[\"b\"]").await.0, 404);
    open().await;
    assert_eq!(towpath.exit_code().await, None);
}

/// Tunnels are cut with their process, and new ones are not in its way.
#[tokio::test]
async fn its_tunnels_are_cut_and_new_ones_open() {
    let peer = harness::TungstenitePeer::start().await;
    let mut towpath =
        Towpath::start(&format!("routes: [{{ upstream: {} }}]", peer.address())).await;
    let tunnel = towpath.websocket("/echo").await;
    let _successor = upgrade(&towpath).await;
    towpath.signal(Signal::KILL);
    assert_eq!(towpath.exit_code().await, None);
    let mut rest = tunnel.into_inner();
    let mut bytes = Vec::new();
    let read = tokio::io::AsyncReadExt::read_to_end(&mut rest, &mut bytes);
    let _ = harness::within("the tunnel's end", read).await;
    let mut another = towpath.websocket("/echo").await;
    assert_eq!(echo(&mut another, "here").await, "here");
}
