//! What is written, and when it is sent.
#![allow(clippy::unwrap_used)]

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::super::connections::Connections;
use super::*;

/// A connection as the gate has it, and its client.
async fn connected() -> (Downstream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap());
    let (client, accepted) = tokio::join!(client, listener.accept());
    let place = Arc::new(Connections::default()).enter(1).unwrap();
    let connection = Arc::new(Connection::new(None, None, place));
    let io = Wire::Tcp(accepted.unwrap().0);
    let downstream = Downstream::new(io, BytesMut::new(), connection);
    (downstream, client.unwrap())
}

/// What has come by now.
fn come(client: &TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = client.try_read_buf(&mut bytes);
    bytes
}

#[tokio::test]
async fn a_head_is_sent_with_its_content() {
    let (mut downstream, mut client) = connected().await;
    downstream.write_all(b"head ").await.unwrap();
    assert_eq!(come(&client), b"", "its content may come");
    downstream.write_all(b"content").await.unwrap();
    downstream.flush().await.unwrap();
    let mut both = [0; 12];
    client.read_exact(&mut both).await.unwrap();
    assert_eq!(&both, b"head content");
    // What is long does not wait, and comes behind what was kept.
    downstream.write_all(b"head ").await.unwrap();
    downstream.write_all(&[b'x'; MAX_UNSENT]).await.unwrap();
    let mut all = vec![0; 5 + MAX_UNSENT];
    client.read_exact(&mut all).await.unwrap();
    assert!(all.starts_with(b"head xxx"));
}

#[tokio::test]
async fn in_a_tunnel_nothing_waits() {
    let (mut downstream, mut client) = connected().await;
    downstream.write_all(b"101 ").await.unwrap();
    downstream.release();
    downstream.write_all(b"frame").await.unwrap();
    let mut both = [0; 9];
    client.read_exact(&mut both).await.unwrap();
    assert_eq!(&both, b"101 frame");
}

#[tokio::test]
async fn what_was_written_arrives_though_the_rest_will_not_come() {
    let (mut downstream, mut client) = connected().await;
    downstream.write_all(b"a part").await.unwrap();
    drop(downstream);
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest, b"a part");
}
