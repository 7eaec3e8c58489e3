//! Reloading under sessions: those that are open go on, whatever becomes of their route; new ones get what is new.

use std::cell::Cell;

use futures_util::future::join_all;
use harness::fallback::{Ended, FallbackClient, Opening};
use harness::{Towpath, TungstenitePeer};

const SESSIONS: usize = 100;

async fn echoes(client: &FallbackClient, text: &str) {
    client.send(text).await;
    assert_eq!(client.text().await, text);
}

/// D12.
#[tokio::test]
async fn a_session_outlives_its_route() {
    let peer = TungstenitePeer::start().await;
    let upstream = peer.address();
    let towpath = Towpath::start(&format!("routes: [{{ upstream: {upstream} }}]")).await;
    let client = FallbackClient::open(towpath.address(), "/echo").await;
    echoes(&client, "before").await;
    for routes in [
        format!("[{{ path: /echo, upstream: {upstream}, fallback: off }}]"),
        format!("[{{ path: /elsewhere, upstream: {upstream} }}]"),
    ] {
        towpath.reload(&format!("routes: {routes}")).await;
        let (_, answer) = Opening::new("/echo").ask(towpath.address()).await;
        assert_eq!(answer["status"], "policy");
        echoes(&client, &routes).await;
    }
    client.close(4000, "that was all");
    let reason = "that was all".to_owned();
    assert_eq!(client.ended().await, Ended { code: 4000, reason });
}

/// They talk all the while: nothing is lost, and nobody notices.
#[tokio::test]
async fn a_hundred_talking_sessions_survive_reloads() {
    let peer = TungstenitePeer::start().await;
    let route = |path: &str| {
        let upstream = peer.address();
        format!(
            "limits: {{ opens_per_second: off }}\nroutes: [{{ path: {path}, upstream: {upstream} }}]"
        )
    };
    let towpath = Towpath::start(&route("/echo")).await;
    let opening = (0..SESSIONS).map(|_| FallbackClient::open(towpath.address(), "/echo"));
    let clients = join_all(opening).await;

    let reloaded = Cell::new(false);
    let talk = join_all(clients.iter().enumerate().map(async |(name, client)| {
        let mut said = 0;
        while said < 20 || !reloaded.get() {
            echoes(client, &format!("{name}: {said}")).await;
            said += 1;
        }
    }));
    let reload = async {
        for path in ["/", "/elsewhere", "/echo", "/elsewhere"] {
            towpath.reload(&route(path)).await;
        }
        reloaded.set(true);
    };
    tokio::join!(talk, reload);

    let ends = clients.into_iter().map(async |client| {
        client.close(4000, "");
        client.ended().await.code
    });
    assert_eq!(join_all(ends).await, [4000; SESSIONS]);
    let sessions = towpath.accesses("session", SESSIONS).await;
    for session in sessions {
        assert_eq!(session["close_code"], 4000, "{session}");
        assert_eq!(session["client_messages"], session["backend_messages"]);
    }
}
