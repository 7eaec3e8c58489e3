//! The contract of `tests/peers/README.md`, tried by the harness' own clients: the same steps over a WebSocket and over
//! the fallback, so that what a client sees can be compared. `checklist.mjs` also tries what only a WebSocket has and the
//! fallback cannot carry: extensions, pings and pongs, where a message was fragmented, and a refusal's fields and content.

mod conversation;
mod socket_io;

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::Checks;
use crate::fallback::{FallbackClient, Message};
use conversation::{Conversation, Socket, Wish};

/// How a client gets to a server, and where it begins.
#[derive(Clone, Copy, Debug)]
pub enum Way {
    /// By a WebSocket, to the server itself or to Towpath.
    WebSocket(SocketAddr),
    /// By Towpath's fallback.
    Fallback(SocketAddr),
}

impl Way {
    /// The whole contract.
    pub async fn contract(self) -> Checks {
        match self {
            Self::WebSocket(address) => contract::<Socket>(address).await,
            Self::Fallback(address) => contract::<FallbackClient>(address).await,
        }
    }

    /// What a socket.io server does on its WebSocket transport.
    pub async fn socket_io(self) -> Checks {
        match self {
            Self::WebSocket(address) => socket_io::checks::<Socket>(address).await,
            Self::Fallback(address) => socket_io::checks::<FallbackClient>(address).await,
        }
    }
}

async fn contract<C: Conversation>(server: SocketAddr) -> Checks {
    messages_come_back::<C>(server).await;
    many_may_be_under_way::<C>(server).await;
    let seen = [
        ("subprotocol", subprotocol::<C>(server).await),
        ("closes from the server", from_the_server::<C>(server).await),
        ("closes from the client", from_the_client::<C>(server).await),
        ("headers", headers::<C>(server).await),
        ("refusal", refusal::<C>(server).await),
    ];
    seen.map(|(check, seen)| (check.to_owned(), seen)).into()
}

async fn open<C: Conversation>(server: SocketAddr, path: &str) -> C {
    let opened = C::open(server, &Wish::for_path(path)).await;
    opened.unwrap_or_else(|status| panic!("{path}: refused with {status}"))
}

async fn messages_come_back<C: Conversation>(server: SocketAddr) {
    let mut echo = open::<C>(server, "/echo").await;
    // None is empty: daphne sends no such messages.
    let messages: [Message; 5] = [
        "hello".into(),
        "grüße 👋".into(),
        vec![0, 0xff, 0x80].into(),
        "ß".repeat(100_000).into(),
        vec![7; 1 << 20].into(),
    ];
    for message in messages {
        echo.say(message.clone()).await;
        assert!(echo.hear().await == Ok(message), "not what was sent");
    }
    echo.close(1000, "").await;
}

async fn many_may_be_under_way<C: Conversation>(server: SocketAddr) {
    let mut echo = open::<C>(server, "/echo").await;
    for number in 0..300 {
        echo.say(number.to_string().into()).await;
    }
    for number in 0..300 {
        assert_eq!(echo.hear().await, Ok(number.to_string().into()));
    }
    echo.close(1000, "").await;
}

async fn subprotocol<C: Conversation>(server: SocketAddr) -> Value {
    let offered = vec!["chat.v0", "chat.v1"];
    let wish = Wish::for_path("/echo").protocols(offered);
    let echo = C::open(server, &wish).await;
    let echo = echo.unwrap_or_else(|status| panic!("refused with {status}"));
    let chosen = echo.protocol().to_owned();
    echo.close(1000, "").await;
    json!(chosen)
}

async fn from_the_server<C: Conversation>(server: SocketAddr) -> Value {
    let mut seen = Vec::new();
    let long = "r".repeat(123);
    for (code, reason) in [
        (4001, "bye"),
        (1000, "done"),
        (1011, "trouble"),
        (3000, &long),
    ] {
        let path = format!("/close?code={code}&reason={reason}");
        let closed = open::<C>(server, &path).await.hear().await;
        let end = closed.expect_err("nothing but a close");
        seen.push(json!({ "code": end.code, "reason": end.reason }));
    }
    json!(seen)
}

/// What the server saw of each, and what it answered.
async fn from_the_client<C: Conversation>(server: SocketAddr) -> Value {
    let mut witness = open::<C>(server, "/closes").await;
    assert_eq!(witness.hear().await, Ok("watching".into()));
    let mut seen = Vec::new();
    // 0: without a code.
    for (code, reason) in [(4002, "so long"), (1000, ""), (0, "")] {
        let echo = open::<C>(server, "/echo").await;
        let answer = echo.close(code, reason).await;
        let heard = text(&mut witness).await;
        let server: Value = serde_json::from_str(&heard).unwrap();
        seen.push(json!({ "server": server, "answer": [answer.code, answer.reason] }));
    }
    witness.close(1000, "").await;
    json!(seen)
}

async fn headers<C: Conversation>(server: SocketAddr) -> Value {
    let fields = vec![
        ("cookie", "flavour=oat; size=small"),
        ("authorization", "Bearer abc"),
        ("origin", "http://page.test"),
        ("user-agent", "a client"),
        ("accept-language", "fr"),
        ("x-custom", "one, two"),
    ];
    let wish = Wish::for_path("/headers").fields(fields);
    let conversation = C::open(server, &wish).await;
    let mut conversation = conversation.unwrap_or_else(|status| panic!("refused with {status}"));
    let headers = text(&mut conversation).await;
    conversation.close(1000, "").await;
    serde_json::from_str(&headers).unwrap()
}

async fn refusal<C: Conversation>(server: SocketAddr) -> Value {
    let refused = C::open(server, &Wish::for_path("/refuse")).await;
    json!(refused.err())
}

async fn text(conversation: &mut impl Conversation) -> String {
    match conversation.hear().await {
        Ok(Message::Text(text)) => text,
        other => panic!("no text but {other:?}"),
    }
}
