//! Upgrades: a new process takes the listening sockets over, and the old one keeps what it has.

use harness::{NOBODY, Signal, Towpath, TungstenitePeer, echo};
use rustix::process::{Pid, kill_process};
use serde_json::Value;

/// The process that took over ends with the story.
struct Successor(Pid);

impl Successor {
    fn of(event: &Value) -> Self {
        let pid = event["pid"].as_i64().expect("its number");
        Self(Pid::from_raw(pid.try_into().unwrap()).unwrap())
    }
}

impl Drop for Successor {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = kill_process(self.0, Signal::KILL);
    }
}

const UPGRADED: &str = "upgraded: the new process is ready, and this one keeps what it has";

#[tokio::test]
async fn a_tunnel_stays_and_the_old_process_ends_with_it() {
    let peer = TungstenitePeer::start().await;
    let mut towpath =
        Towpath::start(&format!("routes: [{{ upstream: {} }}]", peer.address())).await;
    let mut before = towpath.websocket("/echo").await;
    assert_eq!(echo(&mut before, "one").await, "one");

    towpath.signal(Signal::USR2);
    let successor = Successor::of(&towpath.wait_log(UPGRADED).await);
    let mut after = towpath.websocket("/echo").await;
    assert_eq!(echo(&mut after, "two").await, "two");
    assert_eq!(echo(&mut before, "three").await, "three");
    assert!(towpath.is_alive(), "it has a tunnel yet");

    before.close(None).await.unwrap();
    assert_eq!(towpath.exit_code().await, Some(0));
    assert_eq!(echo(&mut after, "four").await, "four");
    drop(successor);
}

#[tokio::test]
async fn a_bad_configuration_leaves_everything_as_it_was() {
    let peer = TungstenitePeer::start().await;
    let mut towpath =
        Towpath::start(&format!("routes: [{{ upstream: {} }}]", peer.address())).await;
    let mut tunnel = towpath.websocket("/echo").await;
    towpath.rewrite("routes: [{ upstrem: nothing }]");

    towpath.signal(Signal::USR2);
    let event = towpath.wait_log("not upgraded: this process goes on").await;
    let error = event["error"].as_str().unwrap();
    assert!(error.contains("has ended before it was ready"), "{error}");
    assert_eq!(echo(&mut tunnel, "one").await, "one");
    let mut another = towpath.websocket("/echo").await;
    assert_eq!(echo(&mut another, "two").await, "two");
    assert!(towpath.is_alive());
}

#[tokio::test]
async fn with_nobody_there_the_old_process_ends_at_once() {
    let mut towpath = Towpath::start(&format!("routes: [{{ upstream: {NOBODY} }}]")).await;
    towpath.signal(Signal::USR2);
    let _successor = Successor::of(&towpath.wait_log(UPGRADED).await);
    assert_eq!(towpath.exit_code().await, Some(0));
}
