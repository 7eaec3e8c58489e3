//! Upgrades: a new process takes the listening sockets over, and the old one keeps what it has.

mod backend;
mod failing;
mod forwarding;
mod generations;
mod killed;
mod listeners;
mod operator;
mod streams;
mod talkers;

use harness::{NOBODY, Signal, Towpath, TungstenitePeer, echo, is_alive};
use rustix::process::{Pid, kill_process};
use serde_json::Value;

const UPGRADED: &str = "upgraded: the new process is ready, and this one keeps what it has";
const NOT_UPGRADED: &str = "not upgraded: this process goes on";

/// A process that took over; it ends with the story.
struct Successor(Pid);

impl Successor {
    fn of(event: &Value) -> Self {
        let pid = event["pid"].as_i64().expect("its number");
        Self(Pid::from_raw(pid.try_into().unwrap()).unwrap())
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.0, signal).unwrap();
    }

    /// Lets another process take its place.
    async fn upgrade(&self, towpath: &Towpath) -> Self {
        let before = towpath.logged(UPGRADED);
        self.signal(Signal::USR2);
        let event = towpath.wait_event(UPGRADED, |event| !before.contains(event));
        Self::of(&event.await)
    }

    fn is_alive(&self) -> bool {
        is_alive(self.0)
    }
}

impl Drop for Successor {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = kill_process(self.0, Signal::KILL);
    }
}

/// Lets another process take the first one's place.
async fn upgrade(towpath: &Towpath) -> Successor {
    towpath.signal(Signal::USR2);
    Successor::of(&towpath.wait_log(UPGRADED).await)
}

#[tokio::test]
async fn a_tunnel_stays_and_the_old_process_ends_with_it() {
    let peer = TungstenitePeer::start().await;
    let mut towpath =
        Towpath::start(&format!("routes: [{{ upstream: {} }}]", peer.address())).await;
    let mut before = towpath.websocket("/echo").await;
    assert_eq!(echo(&mut before, "one").await, "one");

    let successor = upgrade(&towpath).await;
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
async fn once_it_is_said_nobody_comes_to_the_old_process() {
    let peer = TungstenitePeer::start().await;
    let towpath = Towpath::start(&format!(
        "admin: {{ address: 127.0.0.1:0 }}\nroutes: [{{ upstream: {} }}]",
        peer.address()
    ))
    .await;
    let mut tunnel = towpath.websocket("/echo").await;
    assert_eq!(towpath.listening_sockets(), 2);
    let _successor = upgrade(&towpath).await;
    assert_eq!(towpath.listening_sockets(), 0);
    assert_eq!(echo(&mut tunnel, "one").await, "one");
}

#[tokio::test]
async fn a_bad_configuration_leaves_everything_as_it_was() {
    let peer = TungstenitePeer::start().await;
    let mut towpath =
        Towpath::start(&format!("routes: [{{ upstream: {} }}]", peer.address())).await;
    let mut tunnel = towpath.websocket("/echo").await;
    towpath.rewrite("routes: [{ upstrem: nothing }]");

    towpath.signal(Signal::USR2);
    let event = towpath.wait_log(NOT_UPGRADED).await;
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
    let _successor = upgrade(&towpath).await;
    assert_eq!(towpath.exit_code().await, Some(0));
}
