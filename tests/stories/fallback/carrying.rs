//! All that a WebSocket carries is carried.

use harness::fallback::{FallbackClient, Message, Opening, Pace};
use harness::{Frame, Opcode, TungstenitePeer};

use super::{Conversation, in_front_of};

#[tokio::test]
async fn messages_come_back_from_an_echo_as_they_were() {
    let peer = TungstenitePeer::start().await;
    let towpath = in_front_of(peer.address(), "").await;
    let client = FallbackClient::open(towpath.address(), "/echo").await;
    let messages: [Message; 7] = [
        "hello".into(),
        "".into(),
        vec![].into(),
        "grüße 👋".into(),
        vec![0, 0xff, 0x80].into(),
        // Its fragments end within a character.
        format!("a{}", "ß".repeat(100_000)).into(),
        (0..1 << 20)
            .map(|n: u32| n as u8)
            .collect::<Vec<_>>()
            .into(),
    ];
    for message in messages {
        client.send(message.clone()).await;
        assert!(client.recv().await == Ok(message), "not what was sent");
    }
}

#[tokio::test]
async fn many_messages_may_be_under_way() {
    let peer = TungstenitePeer::start().await;
    let towpath = in_front_of(peer.address(), "").await;
    let client = FallbackClient::open(towpath.address(), "/echo").await;
    for number in 0..3000 {
        client.send(number.to_string()).await;
    }
    for number in 0..3000 {
        assert_eq!(client.text().await, number.to_string());
    }
}

#[tokio::test]
async fn the_backend_chooses_the_subprotocol() {
    let peer = TungstenitePeer::start().await;
    let towpath = in_front_of(peer.address(), "").await;
    for (offered, chosen) in [
        (["chat.v0", "chat.v1"].as_slice(), "chat.v1"),
        (["chat.v0"].as_slice(), ""),
        ([].as_slice(), ""),
    ] {
        let opening = Opening::new("/echo").protocols(offered);
        let client = FallbackClient::with(towpath.address(), opening, Pace::default()).await;
        assert_eq!(client.opened.protocol, chosen);
    }
}

#[tokio::test]
async fn the_backend_may_speak_in_fragments_and_ping_between_them() {
    let mut carried = Conversation::open("").await;
    for frame in [
        Frame::text("one ").unfinished(),
        Frame::new(Opcode::Ping, "there?"),
        Frame::new(Opcode::Continuation, "and two"),
    ] {
        carried.server.send(frame.bytes()).await;
    }
    assert_eq!(carried.client.text().await, "one and two");
    let pong = Frame::new(Opcode::Pong, "there?");
    assert_eq!(carried.server.frame().await, pong.masked());
}

/// Many sessions through one proxy, each with its own conversation.
#[tokio::test]
async fn nobody_hears_anothers_words() {
    let peer = TungstenitePeer::start().await;
    let towpath = in_front_of(peer.address(), "").await;
    let conversations = (0..30).map(async |name| {
        let client = FallbackClient::open(towpath.address(), "/echo").await;
        for number in 0..20 {
            let word = format!("{name}: {number}");
            client.send(word.as_str()).await;
            assert_eq!(client.text().await, word);
        }
    });
    futures_util::future::join_all(conversations).await;
}
