//! The reference client in Python, as the document's readers will try it.

use harness::{Chaos, Fault, Faults, Peer, TungstenitePeer};

use super::in_front_of;

#[tokio::test]
async fn the_reference_client_talks_to_a_server_in_node() {
    let peer = Peer::node("ws.mjs").await;
    let towpath = in_front_of(peer.address(), "").await;
    Peer::python_client("fallback_client.py", &towpath.url("/echo")).await;
}

#[tokio::test]
async fn the_reference_client_gets_through_a_bad_network() {
    let peer = TungstenitePeer::start().await;
    let towpath = in_front_of(peer.address(), "hold: 1s").await;
    let faults = Faults::none()
        .with(Fault::CutAnswer, 0.2)
        .with(Fault::CutResponse, 0.2)
        .with(Fault::Duplicate, 0.3)
        .with(Fault::Buffer, 0.3);
    let chaos = Chaos::start(towpath.address(), faults, 5).await;
    let url = format!("ws://{}/echo", chaos.address());
    Peer::python_client("fallback_client.py", &url).await;
    chaos.all_happened();
}
