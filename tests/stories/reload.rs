//! Reloading: nobody is cut off, what is new holds at once, and a bad file changes nothing.

use std::net::SocketAddr;

use futures_util::future::join_all;
use harness::{HttpBackend, Signal, Towpath, TungstenitePeer, WebSocket, Wire, echo};
use serde_json::Value;

const TUNNELS: usize = 200;

async fn open_tunnels(towpath: &Towpath) -> Vec<WebSocket> {
    join_all((0..TUNNELS).map(|_| towpath.websocket("/echo"))).await
}

async fn all_echo(tunnels: &mut [WebSocket], text: &str) {
    let answers = join_all(tunnels.iter_mut().map(|tunnel| echo(tunnel, text))).await;
    assert_eq!(answers.len(), TUNNELS);
    assert!(answers.iter().all(|answer| answer == text));
}

#[tokio::test]
async fn live_tunnels_survive_a_signal_and_a_change_of_the_file() {
    let (peer, new, newer) = (
        TungstenitePeer::start().await,
        HttpBackend::named("new").await,
        HttpBackend::named("newer").await,
    );
    let old = format!(
        "routes:\n  - {{ path: /echo, upstream: {} }}\n",
        peer.address()
    );
    let towpath = Towpath::start(&old).await;
    let mut tunnels = open_tunnels(&towpath).await;
    all_echo(&mut tunnels, "before").await;
    assert_eq!(towpath.get("/new", &[]).await.0, 404);

    // The tunnels' own route goes, too.
    towpath
        .reload(&format!(
            "routes:\n  - {{ path: /new, upstream: {} }}\n",
            new.address()
        ))
        .await;
    assert_eq!(towpath.get("/new", &[]).await.1, "new");
    assert_eq!(towpath.get("/echo", &[]).await.0, 404);
    all_echo(&mut tunnels, "after a signal").await;

    towpath.rewrite(&format!(
        "routes:\n  - {{ path: /new, upstream: {} }}\n",
        newer.address()
    ));
    let by_change = |event: &Value| event["cause"] == "file change";
    towpath
        .wait_event("configuration reloaded", by_change)
        .await;
    assert_eq!(towpath.get("/new", &[]).await.1, "newer");
    all_echo(&mut tunnels, "after a change").await;
}

/// As Kubernetes changes a mounted ConfigMap: the file is a link, and what it leads to is another directory.
#[tokio::test]
async fn a_swapped_link_is_a_change_of_the_file() {
    let (old, new) = (
        HttpBackend::named("old").await,
        HttpBackend::named("new").await,
    );
    let towpath = Towpath::start(&format!("routes: [{{ upstream: {} }}]", old.address())).await;
    let beside = towpath.config_directory().join("..2026_data");
    std::fs::create_dir(&beside).unwrap();
    let original = std::fs::read_to_string(towpath.config_file()).unwrap();
    let changed = original.replace(&old.address().to_string(), &new.address().to_string());
    std::fs::write(beside.join("towpath.yaml"), changed).unwrap();
    let link = towpath.config_directory().join("link");
    std::os::unix::fs::symlink(beside.join("towpath.yaml"), &link).unwrap();
    std::fs::rename(link, towpath.config_file()).unwrap();

    towpath.wait_log("configuration reloaded").await;
    assert_eq!(towpath.get("/", &[]).await.1, "new");
}

#[tokio::test]
async fn a_bad_file_changes_nothing_and_says_why() {
    let backend = HttpBackend::named("old").await;
    let towpath = Towpath::start(&format!("routes: [{{ upstream: {} }}]", backend.address())).await;
    towpath.rewrite("routes: [{ upsteam: 127.0.0.1:1 }]");
    towpath.signal(Signal::HUP);
    let event = towpath.wait_log("configuration rejected").await;
    let error = event["error"].as_str().unwrap();
    assert!(
        error.contains("routes[0].upsteam") && error.contains("did you mean `upstream`?"),
        "{error}"
    );
    assert_eq!(event["level"], "ERROR");
    assert_eq!(towpath.get("/", &[]).await.1, "old");
}

#[tokio::test]
async fn a_listener_that_cannot_be_opened_changes_nothing() {
    let (old, new) = (
        HttpBackend::named("old").await,
        HttpBackend::named("new").await,
    );
    let towpath = Towpath::start(&format!("routes: [{{ upstream: {} }}]", old.address())).await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    towpath.rewrite(&format!(
        "listeners: [{{ address: 127.0.0.1:0 }}, {{ address: {} }}]\nroutes: [{{ upstream: {} }}]",
        taken.local_addr().unwrap(),
        new.address()
    ));
    towpath.signal(Signal::HUP);
    let event = towpath.wait_log("configuration rejected").await;
    assert!(
        event["error"]
            .as_str()
            .unwrap()
            .contains("taken by another process"),
        "{event}"
    );
    assert_eq!(towpath.get("/", &[]).await.1, "old");
}

#[tokio::test]
async fn a_listener_comes_and_goes_and_its_tunnels_stay() {
    let peer = TungstenitePeer::start().await;
    let routes = format!("routes: [{{ upstream: {} }}]", peer.address());
    let towpath = Towpath::start(&routes).await;
    let mut tunnel = towpath.websocket("/echo").await;

    let two = "listeners: [{ address: 127.0.0.1:0 }, { address: 127.0.0.2:0 }]\n";
    towpath.reload(&format!("{two}{routes}")).await;
    let added = *towpath.listening().last().unwrap();
    assert_eq!(added.ip().to_string(), "127.0.0.2");
    let mut on_added = harness::open(added, "/echo").await;
    assert_eq!(
        echo(&mut on_added, "on the new one").await,
        "on the new one"
    );

    towpath
        .reload(&format!(
            "listeners: [{{ address: 127.0.0.2:0 }}]\n{routes}"
        ))
        .await;
    refuses_connections(towpath.address()).await;
    assert_eq!(echo(&mut tunnel, "still here").await, "still here");
    assert_eq!(echo(&mut on_added, "and here").await, "and here");
}

async fn refuses_connections(address: SocketAddr) {
    let refused = tokio::net::TcpStream::connect(address)
        .await
        .map_err(|error| error.kind());
    assert_eq!(refused.err(), Some(std::io::ErrorKind::ConnectionRefused));
}

/// Requests that are on their way keep what they began with.
#[tokio::test]
async fn a_request_on_its_way_is_answered_by_the_server_it_went_to() {
    let (old, new) = (
        harness::RawBackend::start().await,
        HttpBackend::named("new").await,
    );
    let towpath = Towpath::start(&format!("routes: [{{ upstream: {} }}]", old.address())).await;
    let mut client: Wire = towpath.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    let mut server = old.accept().await;
    server.head().await;
    towpath
        .reload(&format!("routes: [{{ upstream: {} }}]", new.address()))
        .await;
    server
        .send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nold")
        .await;
    assert_eq!(client.response().await.1, "old");
}
