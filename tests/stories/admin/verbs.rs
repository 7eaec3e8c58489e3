//! `towpath status`, `reload`, `drain` and `healthcheck`, as an operator types them.

use harness::{TungstenitePeer, closed, run};

use super::{config, in_front_of};

#[tokio::test]
async fn a_process_is_asked_reloaded_and_drained() {
    let peer = TungstenitePeer::start().await;
    let mut towpath = in_front_of(peer.address()).await;
    let tunnel = towpath.websocket("/echo").await;
    let admin = towpath.admin().to_string();
    let verb = async |verb: &str| run(&[verb, "--admin", &admin], "").await;

    let (code, status, _) = verb("status").await;
    assert_eq!(code, Some(0));
    for line in [
        ", ready",
        "tunnels       1",
        &format!("{} healthy", peer.address()),
    ] {
        assert!(status.contains(line), "{line}: {status}");
    }
    assert_eq!(verb("healthcheck").await.0, Some(0));

    // A mistake is told to whoever asked, with its place; what was in force stays.
    let before = towpath.seen("/api/status").await["config_hash"].clone();
    towpath.rewrite("routes: [{ upstrem: nothing }]");
    let (code, _, error) = verb("reload").await;
    assert_eq!(code, Some(1));
    assert!(error.contains("routes[0].upstrem: unknown key"), "{error}");
    let status = towpath.seen("/api/status").await;
    assert_eq!(status["config_hash"], before);
    assert!(status["last_reload"]["error"].is_string(), "{status}");
    assert_eq!(
        towpath
            .metric("towpath_config_last_reload_successful")
            .await,
        0.0
    );

    towpath.rewrite(&config(&peer.address().to_string()).replace("name: all", "name: every"));
    let (code, _, error) = verb("reload").await;
    assert_eq!((code, error.as_str()), (Some(0), ""));
    let status = towpath.seen("/api/status").await;
    assert_ne!(status["config_hash"], before);
    assert_eq!(
        towpath
            .metric("towpath_config_last_reload_successful")
            .await,
        1.0
    );

    assert_eq!(verb("drain").await.0, Some(0));
    assert_eq!(closed(tunnel).await, (1001, "draining".to_owned()));
    assert_eq!(towpath.exit_code().await, Some(0));
    let (code, _, error) = verb("healthcheck").await;
    assert_eq!(code, Some(1), "nobody is there: {error}");
}
