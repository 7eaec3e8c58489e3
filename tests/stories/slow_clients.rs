//! E3, D6: a thousand clients of slowhttptest, each of which takes its time over what the proxy waits for. Others are
//! served meanwhile, and when it is over nothing is left of it.

use std::process::Stdio;
use std::sync::Arc;

use harness::{Frame, RawBackend, Towpath, Wire, handshake, within};
use tokio::process::{Child, Command};

/// Clients of the attack.
const CLIENTS: usize = 1000;

/// Runs slowhttptest with all its clients at once.
fn attack(url: &str, mode: &[&str]) -> Child {
    let clients = CLIENTS.to_string();
    let mut command = Command::new("slowhttptest");
    command
        .args(mode)
        .args(["-c", &clients, "-r", &clients, "-l", "120", "-u", url])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true);
    command.spawn().expect("tests/setup installs slowhttptest")
}

async fn comes_to(towpath: &Towpath, what: &str, wanted: impl Fn(usize) -> bool) {
    within(what, async {
        while !wanted(towpath.descriptors()) {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// A request and a conversation of clients like any other.
async fn serves_others(towpath: &Towpath, backend: &RawBackend, open: &mut (Wire, Wire)) {
    let words = Frame::text("still here").masked();
    open.0.send(words.bytes()).await;
    assert_eq!(open.1.frame().await, words);
    let mut client = towpath.connect().await;
    client.send(handshake("/ws", "")).await;
    let mut server = upgraded(backend).await;
    assert_eq!(client.head().await.status(), 101);
    client.send(words.bytes()).await;
    assert_eq!(server.frame().await, words);
}

/// The next WebSocket among whatever else reaches the backend: a GET gets much to read, a POST has still to come.
async fn upgraded(backend: &RawBackend) -> Wire {
    let content: Arc<[u8]> = vec![7; 1 << 20].into();
    loop {
        let mut wire = backend.accept().await;
        let Some(request) = wire.try_head().await else {
            // Its client had gone by the time that it was connected.
            continue;
        };
        if request.value("upgrade").is_some() {
            wire.send(harness::switching_protocols(&request, "")).await;
            return wire;
        }
        let content = content.clone();
        tokio::spawn(async move {
            if request.start.starts_with("GET") {
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
                    content.len()
                );
                wire.try_send(head).await;
                wire.try_send(&*content).await;
            }
            wire.try_bytes(usize::MAX).await
        });
    }
}

/// A head that never ends, content that never ends, a response that is hardly read.
#[tokio::test]
async fn a_thousand_slow_clients_hold_up_nobody() {
    for (mode, bounds) in [
        (&["-H", "-i", "1"][..], "request_header: 2s"),
        (&["-B", "-i", "1", "-s", "8192"], "request_body: 3s"),
        (
            &["-X", "-w", "1", "-y", "1", "-n", "5", "-z", "1"],
            "write: 3s",
        ),
    ] {
        let backend = RawBackend::start().await;
        let towpath = Towpath::start(&format!(
            // The story's own backend takes its time, too, with a thousand who want something of it.
            "timeouts: {{ connect: 20s, {bounds} }}\nroutes: [{{ upstream: {} }}]",
            backend.address()
        ))
        .await;
        let mut client = towpath.connect().await;
        client.send(handshake("/ws", "")).await;
        let (server, _) = backend.accept_websocket().await;
        client.head().await;
        let mut open = (client, server);
        let before = towpath.descriptors();

        let mut slow = attack(&format!("http://{}/", towpath.address()), mode);
        comes_to(&towpath, "the attack", |count| {
            count >= before + CLIENTS / 2
        })
        .await;
        serves_others(&towpath, &backend, &mut open).await;
        slow.kill().await.unwrap();
        drop(backend);
        comes_to(&towpath, "its end", |count| count <= before + 8).await;
        let words = Frame::text("and after").masked();
        open.0.send(words.bytes()).await;
        assert_eq!(open.1.frame().await, words);
    }
}
