//! Clients of every kind that talk with the server that counts, and hear whether all is there and in order.

use std::collections::VecDeque;
use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use harness::fallback::{Ended, FallbackClient, Message as FallbackMessage};
use harness::{HttpClient, WebSocket, full, open, whole, within};
use http::Request;
use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;

use super::backend::BYE;

/// A request that is lost while the machine is busy is given up after 5 s, and made again up to 8 s later; or a session's
/// whose answer was lost is forgotten after 30 s. Nothing is heard of that.
pub(super) const TRIES: u32 = 3;

/// How a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Tunnel,
    Native,
    SockJs,
    EngineIo,
}

/// A client.
pub(super) enum Talker {
    Tunnel(Box<WebSocket>),
    Native(FallbackClient),
    Polling(Polling),
}

/// One that polls, each time on a connection of its own, so that each request may come to another process.
pub(super) struct Polling {
    kind: Kind,
    address: SocketAddr,
    /// Where its session is.
    path: String,
    heard: VecDeque<String>,
}

impl Talker {
    /// Opens a conversation; `name` is nobody else's.
    pub(super) async fn open(kind: Kind, address: SocketAddr, name: &str) -> Self {
        match kind {
            Kind::Tunnel => Self::Tunnel(Box::new(open(address, "/echo").await)),
            Kind::Native => Self::Native(FallbackClient::open(address, "/echo").await),
            Kind::SockJs | Kind::EngineIo => {
                Self::Polling(Polling::open(kind, address, name).await)
            }
        }
    }

    pub(super) async fn say(&mut self, number: u64) {
        let text = number.to_string();
        match self {
            Self::Tunnel(socket) => {
                within("a text is taken", socket.send(text.into()))
                    .await
                    .unwrap();
            }
            Self::Native(client) => client.send(text).await,
            Self::Polling(client) => client.say(&text).await,
        }
    }

    /// The next number.
    pub(super) async fn hear(&mut self) -> u64 {
        let text = match self {
            Self::Tunnel(socket) => loop {
                match within("a message in a tunnel", socket.next()).await {
                    Some(Ok(Message::Text(text))) => break text.as_str().to_owned(),
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    other => panic!("no message but {other:?}"),
                }
            },
            Self::Native(client) => match client.recv_after(TRIES).await {
                Ok(FallbackMessage::Text(text)) => text,
                other => panic!("no message but {other:?}"),
            },
            Self::Polling(client) => client.hear().await,
        };
        text.parse().unwrap()
    }

    /// Ends it as its kind does, and hears that.
    pub(super) async fn close(self) {
        match self {
            Self::Tunnel(socket) => {
                let mut socket = *socket;
                within("a Close is taken", socket.close(None))
                    .await
                    .unwrap();
                while let Some(Ok(_)) = within("the end of a tunnel", socket.next()).await {}
            }
            Self::Native(client) => {
                client.close(1000, "");
                let Ended { code, reason } = client.ended().await;
                assert_eq!((code, &*reason), (1000, ""));
            }
            Self::Polling(client) => client.close().await,
        }
    }
}

impl Polling {
    async fn open(kind: Kind, address: SocketAddr, name: &str) -> Self {
        let mut this = Self {
            kind,
            address,
            path: match kind {
                Kind::EngineIo => "/socket.io/?EIO=4&transport=polling".to_owned(),
                _ => format!("/sockjs/000/{name}"),
            },
            heard: VecDeque::new(),
        };
        let opened = this.poll().await;
        if kind == Kind::EngineIo {
            let packet = opened.strip_prefix('0').expect("an open packet");
            let packet: Value = serde_json::from_str(packet).unwrap();
            let sid = packet["sid"].as_str().unwrap();
            this.path.push_str("&sid=");
            this.path.push_str(sid);
        } else {
            assert_eq!(opened, "o\n");
        }
        this
    }

    async fn say(&self, text: &str) {
        let answer = match self.kind {
            Kind::EngineIo => self.ask("POST", &self.path, format!("4{text}")).await,
            _ => self.sockjs("xhr_send", format!("[\"{text}\"]")).await,
        };
        let expected = match self.kind {
            Kind::EngineIo => (200, "ok".to_owned()),
            _ => (204, String::new()),
        };
        assert_eq!(answer, expected);
    }

    async fn hear(&mut self) -> String {
        loop {
            if let Some(text) = self.heard.pop_front() {
                return text;
            }
            let polled = self.poll().await;
            match self.kind {
                Kind::EngineIo => {
                    let packets = polled.split('\x1e');
                    let texts = packets.filter_map(|packet| packet.strip_prefix('4'));
                    self.heard.extend(texts.map(str::to_owned));
                }
                _ if polled == "h\n" => {}
                _ => {
                    let array = polled
                        .strip_prefix('a')
                        .unwrap_or_else(|| panic!("{polled:?}"));
                    let texts: Vec<String> = serde_json::from_str(array).unwrap();
                    self.heard.extend(texts);
                }
            }
        }
    }

    async fn close(self) {
        match self.kind {
            Kind::EngineIo => {
                let answer = self.ask("POST", &self.path, "1".to_owned()).await;
                assert_eq!(answer, (200, "ok".to_owned()));
            }
            _ => {
                let answer = self.sockjs("xhr_send", format!("[\"{BYE}\"]")).await;
                assert_eq!(answer, (204, String::new()));
                assert_eq!(self.poll().await, "c[1000,\"Normal closure\"]\n");
            }
        }
    }

    async fn poll(&self) -> String {
        let (status, content) = match self.kind {
            Kind::EngineIo => self.ask("GET", &self.path, String::new()).await,
            _ => self.sockjs("xhr", String::new()).await,
        };
        assert_eq!(status, 200, "{content}");
        content
    }

    async fn sockjs(&self, endpoint: &str, content: String) -> (u16, String) {
        let path = format!("{}/{endpoint}", self.path);
        self.ask("POST", &path, content).await
    }

    async fn ask(&self, method: &str, path: &str, content: String) -> (u16, String) {
        let request = Request::builder().method(method).uri(path);
        let request = request.header("content-type", "text/plain;charset=UTF-8");
        let mut client = HttpClient::connect(self.address).await;
        let response = client.send(request.body(full(content)).unwrap()).await;
        let status = response.status().as_u16();
        let content = within("the content", whole(response.into_body())).await;
        (status, String::from_utf8(content.to_vec()).unwrap())
    }
}
