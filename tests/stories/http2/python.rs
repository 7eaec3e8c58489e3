//! Python's h2 and wsproto.

use harness::Peer;

use super::Site;

#[tokio::test]
async fn its_websockets_share_a_connection() {
    let site = Site::start("").await;
    Peer::python_client("h2_client.py", &site.plain()).await;
}
