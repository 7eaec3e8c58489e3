//! Which server of a group is chosen, and which is left alone.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use harness::{
    Body, HttpBackend, NOBODY, RawBackend, Towpath, TungstenitePeer, Wire, echo, full, handshake,
};
use http::Response;

/// A tunnel through `towpath`, and which of the two servers has it (`true`: the first).
async fn tunnel(towpath: &Towpath, first: &RawBackend, second: &RawBackend) -> (Wire, Wire, bool) {
    let mut client = towpath.connect().await;
    client.send(handshake("/ws", "")).await;
    let (server, is_first) = tokio::select! {
        (server, _) = first.accept_websocket() => (server, true),
        (server, _) = second.accept_websocket() => (server, false),
    };
    assert_eq!(client.head().await.status(), 101);
    (client, server, is_first)
}

#[tokio::test]
async fn least_connections_fills_up_what_has_become_empty() {
    let (first, second) = (RawBackend::start().await, RawBackend::start().await);
    let config = format!(
        "upstreams: {{ app: {{ servers: [\"{}\", \"{}\"], balance: least_connections }} }}\n\
         routes: [{{ upstream: app }}]",
        first.address(),
        second.address()
    );
    let towpath = Towpath::start(&config).await;
    let mut tunnels = Vec::new();
    for _ in 0..6 {
        tunnels.push(tunnel(&towpath, &first, &second).await);
    }
    let (on_first, on_second): (Vec<_>, Vec<_>) =
        tunnels.into_iter().partition(|(.., is_first)| *is_first);
    assert_eq!((on_first.len(), on_second.len()), (3, 3));

    // The counts outlive a reload.
    towpath.reload(&format!("{config}\n# changed")).await;
    drop(on_first);
    towpath.accesses("tunnel", 3).await;
    let mut refilled = Vec::new();
    for _ in 0..3 {
        refilled.push(tunnel(&towpath, &first, &second).await);
    }
    assert!(refilled.iter().all(|(.., is_first)| *is_first));
}

#[tokio::test]
async fn a_hash_keeps_a_user_on_a_server() {
    let backends = [
        HttpBackend::named("a").await,
        HttpBackend::named("b").await,
        HttpBackend::named("c").await,
    ];
    let servers = backends
        .iter()
        .map(|backend| format!("\"{}\"", backend.address()))
        .collect::<Vec<_>>();
    let towpath = Towpath::start(&format!(
        "upstreams: {{ app: {{ servers: [{}], balance: hash, hash: {{ header: x-user }} }} }}\n\
         routes: [{{ upstream: app }}]",
        servers.join(", ")
    ))
    .await;
    let mut used = BTreeSet::new();
    for user in 0..30 {
        let user = format!("user-{user}");
        let (_, server) = towpath.get("/", &[("x-user", &user)]).await;
        for _ in 0..2 {
            assert_eq!(
                towpath.get("/", &[("x-user", &user)]).await.1,
                server,
                "{user}"
            );
        }
        used.insert(server);
    }
    assert_eq!(used.len(), 3);
}

#[tokio::test]
async fn a_dead_server_costs_no_client_its_tunnel() {
    let peer = TungstenitePeer::start().await;
    let towpath = Towpath::start(&format!(
        "upstreams: {{ app: {{ servers: [\"{NOBODY}\", \"{}\"] }} }}\nroutes: [{{ upstream: app }}]",
        peer.address()
    ))
    .await;
    for _ in 0..4 {
        let mut socket = towpath.websocket("/echo").await;
        assert_eq!(echo(&mut socket, "hello").await, "hello");
    }
}

#[tokio::test]
async fn a_sick_server_is_left_alone_until_it_is_well() {
    let well = Arc::new(AtomicBool::new(true));
    let first = HttpBackend::start(patient(well.clone())).await;
    let second = HttpBackend::named("second").await;
    let towpath = Towpath::start(&format!(
        "upstreams: {{ app: {{ servers: [\"{}\", \"{}\"], health: {{ path: /health, interval: 50ms }} }} }}\n\
         routes: [{{ upstream: app }}]",
        first.address(),
        second.address()
    ))
    .await;
    assert_eq!(answers(&towpath).await, ["first", "second"]);

    well.store(false, Ordering::Relaxed);
    let event = towpath.wait_log("server is unhealthy").await;
    assert_eq!(event["server"], first.address().to_string());
    assert_eq!(answers(&towpath).await, ["second"]);

    well.store(true, Ordering::Relaxed);
    towpath.wait_log("server is healthy").await;
    assert_eq!(answers(&towpath).await, ["first", "second"]);
}

/// A server that serves while it says that it is not well.
fn patient(
    well: Arc<AtomicBool>,
) -> impl Fn(http::Request<hyper::body::Incoming>) -> std::future::Ready<Response<Body>> + Clone {
    move |request| {
        let sick = request.uri().path() == "/health" && !well.load(Ordering::Relaxed);
        let answer = Response::builder().status(if sick { 500 } else { 200 });
        std::future::ready(answer.body(full("first")).unwrap())
    }
}

/// Who answers six requests.
async fn answers(towpath: &Towpath) -> Vec<String> {
    let mut answers = BTreeSet::new();
    for _ in 0..6 {
        answers.insert(towpath.get("/", &[]).await.1);
    }
    answers.into_iter().collect()
}
