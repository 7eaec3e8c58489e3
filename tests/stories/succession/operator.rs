//! What the operator sees of an upgrade.

use harness::{HttpClient, NOBODY, Towpath, TungstenitePeer, echo, full, run, whole};
use serde_json::Value;

use super::{Successor, UPGRADED};

/// What `/ready` says on a connection that is kept.
async fn ready(operator: &mut HttpClient, host: &str) -> u16 {
    let request = http::Request::get("/ready").header("host", host);
    let answer = operator.send(request.body(full("")).unwrap()).await;
    let status = answer.status().as_u16();
    whole(answer.into_body()).await;
    status
}

/// It is done when the verb returns.
#[tokio::test]
async fn the_verb_returns_when_the_new_process_serves() {
    let peer = TungstenitePeer::start().await;
    let mut towpath = Towpath::start(&format!(
        "admin: {{ address: 127.0.0.1:0 }}\nroutes: [{{ upstream: {} }}]",
        peer.address()
    ))
    .await;
    let admin = towpath.admin().to_string();
    let mut tunnel = towpath.websocket("/echo").await;
    let old = towpath.seen("/api/status").await["pid"].clone();
    // It is the old one's for as long as it lives.
    let mut kept = HttpClient::connect(towpath.admin()).await;
    assert_eq!(ready(&mut kept, &admin).await, 200);

    let (code, _, error) = run(&["upgrade", "--admin", &admin], "").await;
    assert_eq!((code, &*error), (Some(0), ""));
    let _successor = Successor::of(&towpath.wait_log(UPGRADED).await);
    let status: Value = towpath.seen("/api/status").await;
    assert_ne!(status["pid"], old);
    assert_eq!(
        (&status["ready"], &status["predecessors"]),
        (&true.into(), &1.into())
    );
    let upgrades = towpath.metric("towpath_upgrades_total{result=\"success\"}");
    assert_eq!(upgrades.await, 1.0);
    let (code, status, _) = run(&["status", "--admin", &admin], "").await;
    assert_eq!(code, Some(0));
    assert!(status.contains("predecessors  1\n"), "{status}");

    // Who asks the old one hears that it is not to be sent anybody.
    assert_eq!(ready(&mut kept, &admin).await, 503);
    assert_eq!(echo(&mut tunnel, "still").await, "still");
    assert!(towpath.is_alive());
}

/// The old process has nothing to keep, and is gone as soon as it has said so.
#[tokio::test]
async fn the_verb_is_answered_by_a_process_that_ends() {
    let mut towpath = Towpath::start(&format!(
        "admin: {{ address: 127.0.0.1:0 }}\nroutes: [{{ upstream: {NOBODY} }}]"
    ))
    .await;
    let admin = towpath.admin().to_string();
    let (code, _, error) = run(&["upgrade", "--admin", &admin], "").await;
    assert_eq!((code, &*error), (Some(0), ""));
    let _successor = Successor::of(&towpath.wait_log(UPGRADED).await);
    assert_eq!(towpath.exit_code().await, Some(0));

    towpath.rewrite("admin: { address: 127.0.0.1:0 }\nroutes: [{ upstrem: nothing }]");
    let (code, _, error) = run(&["upgrade", "--admin", &admin], "").await;
    assert_eq!(code, Some(1));
    assert!(error.contains("has ended before it was ready"), "{error}");
    assert_eq!(
        run(&["healthcheck", "--admin", &admin], "").await.0,
        Some(0)
    );
}
