//! `towpath demo`, as a newcomer sees it: a page in a real browser, two people in it, and a network that blocks.

use std::process::Stdio;

use harness::{Peer, command, within};
use tokio::io::{AsyncBufReadExt, BufReader};

#[tokio::test]
async fn two_windows_chat_whatever_the_network_does_to_websockets() {
    let mut demo = command(["demo", "--address", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(demo.stdout.take().unwrap()).lines();
    let first = within("the demo says where it is", said.next_line())
        .await
        .unwrap()
        .unwrap();
    let url = first
        .split_whitespace()
        .find(|word| word.starts_with("http://"))
        .expect("a URL");
    assert_eq!(Peer::node_client("demo.mjs", &[url]).await, "ok\n");
}
