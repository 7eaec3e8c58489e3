//! Ending one WebSocket or session with a code.

use harness::fallback::FallbackClient;
use harness::{Towpath, TungstenitePeer, closed, echo};
use serde_json::Value;

use super::in_front_of;

/// The only one of this kind.
async fn only(towpath: &Towpath, kind: &str) -> Value {
    let listed = towpath.seen(&format!("/api/live?kind={kind}")).await;
    assert_eq!(listed["count"], 1, "{listed}");
    listed["live"][0].clone()
}

#[tokio::test]
async fn the_client_hears_the_code_and_others_nothing() {
    let peer = TungstenitePeer::start().await;
    let towpath = in_front_of(peer.address()).await;
    let mut tunnel = towpath.websocket("/echo").await;
    let session = FallbackClient::open(towpath.address(), "/echo").await;
    assert_eq!(echo(&mut tunnel, "one").await, "one");
    session.send("two").await;
    assert_eq!(session.text().await, "two");

    let seen = only(&towpath, "tunnel").await;
    assert_eq!(
        [&seen["path"], &seen["route"], &seen["client_messages"]],
        [&Value::from("/echo"), &Value::from("all"), &Value::from(1)],
        "{seen}"
    );
    let order = format!("/api/close?id={}&code=4001", seen["id"]);
    assert_eq!(towpath.ask("POST", &order, &[]).await.0, 200);
    assert_eq!(closed(tunnel).await.0, 4001);
    let line = towpath
        .access("tunnel", |line| line["ended_by"] == "operator")
        .await;
    assert_eq!(line["close_code"], 4001, "{line}");
    assert_eq!(towpath.ask("POST", &order, &[]).await.0, 404, "it is gone");

    session.send("three").await;
    assert_eq!(session.text().await, "three", "nobody meant this one");
    let seen = only(&towpath, "session").await;
    assert_eq!(seen["dialect"], "towpath", "{seen}");
    let order = format!("/api/close?id={}&code=4002", seen["id"]);
    assert_eq!(towpath.ask("POST", &order, &[]).await.0, 200);
    assert_eq!(session.ended().await.code, 4002);
    let line = towpath
        .access("session", |line| line["ended_by"] == "operator")
        .await;
    assert_eq!(line["dialect"], "towpath", "{line}");
}

#[tokio::test]
async fn orders_that_make_no_sense_are_refused() {
    let peer = TungstenitePeer::start().await;
    let towpath = in_front_of(peer.address()).await;
    let mut tunnel = towpath.websocket("/echo").await;
    assert_eq!(echo(&mut tunnel, "there").await, "there");
    let id = only(&towpath, "tunnel").await["id"].to_string();
    for (query, expected) in [
        ("".to_owned(), 400),
        ("?id=x".to_owned(), 400),
        ("?id=999999".to_owned(), 404),
        (format!("?id={id}&code=1005"), 400),
        (format!("?id={id}&code=1006"), 400),
        (format!("?id={id}&code=2000"), 400),
        (format!("?id={id}&code=x"), 400),
    ] {
        let path = format!("/api/close{query}");
        assert_eq!(towpath.ask("POST", &path, &[]).await.0, expected, "{path}");
    }
    let order = format!("/api/close?id={id}");
    assert_eq!(towpath.ask("GET", &order, &[]).await.0, 405);
    let elsewhere = ("origin", "https://elsewhere.example");
    assert_eq!(towpath.ask("POST", &order, &[elsewhere]).await.0, 403);
    assert_eq!(echo(&mut tunnel, "still").await, "still");
}
