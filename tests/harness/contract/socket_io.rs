//! socket.io 4 spoken by hand, as a WebSocket server without its own polling: Engine.IO 4 packets, of which `4` is a
//! message, and Socket.IO 5 packets in those (<https://socket.io/docs/v4/socket-io-protocol/>).

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::{Conversation, open, text};
use crate::Checks;
use crate::fallback::Message;

const PATH: &str = "/socket.io/?EIO=4&transport=websocket";

/// The same as `socketio-check.mjs` tries, with what can be compared.
pub(super) async fn checks<C: Conversation>(server: SocketAddr) -> Checks {
    let mut socket = connected::<C>(server).await;
    let echo = acknowledged(&mut socket, r#"["echo",{"text":"grüße","list":[1,2]}]"#).await;
    assert_eq!(echo, json!([{ "text": "grüße", "list": [1, 2] }]));
    binary_comes_back(&mut socket).await;
    let headers = acknowledged(&mut socket, r#"["headers"]"#).await;
    socket.say(r#"42["leave"]"#.into()).await;
    let farewell = text(&mut socket).await;
    let end = socket.hear().await.expect_err("nothing after the farewell");
    let seen = [
        ("headers", headers[0].clone()),
        ("farewell", json!(farewell)),
        ("end", json!([end.code, end.reason])),
        ("refused by middleware", refused::<C>(server).await),
    ];
    seen.map(|(check, seen)| (check.to_owned(), seen)).into()
}

async fn connected<C: Conversation>(server: SocketAddr) -> C {
    let mut socket = open::<C>(server, PATH).await;
    let hello = text(&mut socket).await;
    assert!(hello.starts_with("0{"), "no open packet: {hello}");
    socket.say("40".into()).await;
    let welcome = text(&mut socket).await;
    assert!(welcome.starts_with("40{"), "not connected: {welcome}");
    socket
}

/// An event that asks for an answer.
async fn acknowledged(socket: &mut impl Conversation, event: &str) -> Value {
    socket.say(format!("420{event}").into()).await;
    let answer = text(socket).await;
    let answer = answer.strip_prefix("430").expect("an acknowledgement");
    serde_json::from_str(answer).unwrap()
}

/// The bytes follow their event as a message of their own.
async fn binary_comes_back(socket: &mut impl Conversation) {
    let bytes = Message::from((0..1 << 20).map(|n: u32| n as u8).collect::<Vec<_>>());
    let event = r#"451-1["echo",{"_placeholder":true,"num":0}]"#;
    socket.say(event.into()).await;
    socket.say(bytes.clone()).await;
    let answer = text(socket).await;
    assert_eq!(answer, r#"461-1[{"_placeholder":true,"num":0}]"#);
    assert!(socket.hear().await == Ok(bytes), "not what was sent");
}

async fn refused<C: Conversation>(server: SocketAddr) -> Value {
    let mut socket = open::<C>(server, PATH).await;
    text(&mut socket).await;
    socket.say(r#"40{"token":"bad"}"#.into()).await;
    let answer = text(&mut socket).await;
    let refusal = answer.strip_prefix("44").expect("a refusal");
    socket.close(1000, "").await;
    serde_json::from_str(refusal).unwrap()
}
