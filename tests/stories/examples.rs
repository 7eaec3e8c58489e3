//! The examples of `conf/examples`, run as they are, in front of the servers that they are for. Only addresses and
//! files are others.

use std::net::SocketAddr;
use std::path::Path;

use harness::fallback::FallbackClient;
use harness::{Authority, Checks, Peer, Towpath, TungstenitePeer, WarpPeer, Way, curl, echo};
use serde_json::Value;

#[tokio::test]
async fn fastapi() {
    let peer = Peer::python("fastapi_peer.py").await;
    serves(
        "fastapi.yaml",
        &[("127.0.0.1:8000", &peer.address().to_string())],
    )
    .await;
}

#[tokio::test]
async fn django_channels() {
    let peer = Peer::python("channels_peer.py").await;
    serves(
        "django-channels.yaml",
        &[("127.0.0.1:8000", &peer.address().to_string())],
    )
    .await;
}

#[tokio::test]
async fn node_ws() {
    let peer = Peer::node("ws.mjs").await;
    serves(
        "node-ws.yaml",
        &[("127.0.0.1:3000", &peer.address().to_string())],
    )
    .await;
}

#[tokio::test]
async fn go() {
    for name in ["gorilla", "nhooyr"] {
        let peer = Peer::go(name).await;
        serves(
            "go.yaml",
            &[("127.0.0.1:8000", &peer.address().to_string())],
        )
        .await;
    }
}

#[tokio::test]
async fn rust() {
    let (tungstenite, warp) = (TungstenitePeer::start().await, WarpPeer::start().await);
    for server in [tungstenite.address(), warp.address()] {
        serves("rust.yaml", &[("127.0.0.1:3030", &server.to_string())]).await;
    }
}

/// Its clients are served as they are: by a WebSocket, by our own fallback, and by their polling.
#[tokio::test]
async fn socket_io() {
    let peer = Peer::node("socketio.mjs").await;
    let server = peer.address().to_string();
    let towpath = example("socket-io.yaml", &[("127.0.0.1:3000", &server)]).await;
    for way in [
        Way::WebSocket(towpath.address()),
        Way::Fallback(towpath.address()),
    ] {
        let seen: Checks = way.socket_io().await;
        assert_eq!(seen["farewell"], "41", "{way:?}");
    }
    let polling = format!(
        "http://{}/socket.io/?EIO=4&transport=polling",
        towpath.address()
    );
    let opened = curl(&[&polling]).await;
    let opened: Value = serde_json::from_str(opened.trim_start_matches('0')).unwrap();
    let name = opened["sid"].as_str().expect("a session");
    let session = format!("{polling}&sid={name}");
    assert_eq!(curl(&["--data-raw", "40", &session]).await, "ok");
    assert!(curl(&[&session]).await.starts_with("40{"), "not connected");
}

#[tokio::test]
async fn several_processes() {
    let peers = [(); 3].map(|()| TungstenitePeer::start());
    let [a, b, c] = peers;
    let (a, b, c) = tokio::join!(a, b, c);
    let addresses = [a.address(), b.address(), c.address()].map(|it| it.to_string());
    let replaced = [
        ("127.0.0.1:9001", addresses[0].as_str()),
        ("127.0.0.1:9002", &addresses[1]),
        ("127.0.0.1:9003", &addresses[2]),
        // These have no page that says how they fare.
        ("path: /health, ", ""),
    ];
    let towpath = serves("several-processes.yaml", &replaced).await;
    let mut tunnels = Vec::new();
    for _ in 0..8 {
        tunnels.push(towpath.websocket("/echo").await);
    }
    drop(tunnels);
    let used = towpath.accesses("tunnel", 9).await;
    for address in &addresses {
        let count = used.iter().filter(|line| line["server"] == **address);
        assert!(count.count() > 0, "{address} was given nothing: {used:#?}");
    }
}

#[tokio::test]
async fn tls_edge() {
    let peer = TungstenitePeer::start().await;
    let authority = Authority::new();
    let files = authority.server("site", &["chat.test"]);
    let replaced = [
        ("0.0.0.0:443", "127.0.0.1:0"),
        // Listeners are told apart by what is written here.
        ("0.0.0.0:80", "127.0.0.2:0"),
        (
            "/etc/towpath/fullchain.pem",
            files.certificate.to_str().unwrap(),
        ),
        ("/etc/towpath/privkey.pem", files.key.to_str().unwrap()),
        ("127.0.0.1:3000", &peer.address().to_string()),
        ("127.0.0.1:9090", "127.0.0.1:0"),
    ];
    let towpath = example("tls-edge.yaml", &replaced).await;
    let ports = towpath.listening();
    let [tls, plain] = ports[..] else {
        panic!("two listeners, not {ports:?}");
    };
    let ca = authority.certificate();
    let at = |it: SocketAddr| format!("chat.test:{}:{}", it.port(), it.ip());
    let url = format!("https://chat.test:{}/.towpath/client.js", tls.port());
    let fields = curl(&[
        "--cacert",
        ca.to_str().unwrap(),
        "--resolve",
        &at(tls),
        "--head",
        &url,
    ])
    .await;
    assert!(fields.starts_with("HTTP/2 200"), "{fields}");
    let url = format!("http://chat.test:{}/page", plain.port());
    let fields = curl(&["--resolve", &at(plain), "--head", &url]).await;
    let location = "location: https://chat.test/page\r\n";
    assert!(fields.to_ascii_lowercase().contains(location), "{fields}");
    quiet(&towpath);
}

/// Runs an example with other addresses or files in it; each must be there.
async fn example(name: &str, replaced: &[(&str, &str)]) -> Towpath {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conf/examples");
    let mut text = std::fs::read_to_string(examples.join(name)).unwrap();
    let listener = [("0.0.0.0:8080", "127.0.0.1:0")];
    let own = text.contains(listener[0].0);
    for (from, to) in listener.iter().filter(|_| own).chain(replaced) {
        assert!(text.contains(from), "{from} is not in {name}");
        text = text.replace(from, to);
    }
    Towpath::start(&text).await
}

/// A message comes back by a WebSocket and by the fallback, and nothing is warned of.
async fn serves(name: &str, replaced: &[(&str, &str)]) -> Towpath {
    let towpath = example(name, replaced).await;
    let mut tunnel = towpath.websocket("/echo").await;
    assert_eq!(echo(&mut tunnel, name).await, name);
    let session = FallbackClient::open(towpath.address(), "/echo").await;
    session.send(name).await;
    assert_eq!(session.text().await, name);
    quiet(&towpath);
    towpath
}

fn quiet(towpath: &Towpath) {
    for line in towpath.written().lines() {
        assert!(!line.contains("\"level\":\"WARN\""), "it warns: {line}");
    }
}
