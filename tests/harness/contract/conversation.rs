//! What a WebSocket and a session of the fallback have in common for a client.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use http::HeaderValue;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::fallback::{Ended, FallbackClient, Message, Opened, Opening, Pace};
use crate::{WebSocket, within};

/// What a conversation is opened with.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    path: String,
    protocols: Vec<&'static str>,
    fields: Vec<(&'static str, &'static str)>,
}

impl Wish {
    pub(super) fn for_path(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            protocols: Vec::new(),
            fields: Vec::new(),
        }
    }

    pub(super) fn protocols(self, protocols: Vec<&'static str>) -> Self {
        Self { protocols, ..self }
    }

    pub(super) fn fields(self, fields: Vec<(&'static str, &'static str)>) -> Self {
        Self { fields, ..self }
    }
}

/// A client's end of an open conversation.
pub(super) trait Conversation: Sized {
    /// Opens one; the status if it is refused.
    async fn open(address: SocketAddr, wish: &Wish) -> Result<Self, u16>;

    /// The subprotocol that was chosen; empty for none.
    fn protocol(&self) -> &str;

    async fn say(&mut self, message: Message);

    /// The next message, or how it ended.
    async fn hear(&mut self) -> Result<Message, Ended>;

    /// Closes it (code 0 for none); gives what the other side made of that.
    async fn close(self, code: u16, reason: &str) -> Ended;
}

/// A WebSocket of tokio-tungstenite.
pub(super) struct Socket {
    socket: WebSocket,
    protocol: String,
}

impl Conversation for Socket {
    async fn open(address: SocketAddr, wish: &Wish) -> Result<Self, u16> {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let url = format!("ws://chat.test{}", wish.path);
        let mut request = url.into_client_request().unwrap();
        let headers = request.headers_mut();
        if !wish.protocols.is_empty() {
            let offered = wish.protocols.join(", ").parse().unwrap();
            headers.insert("sec-websocket-protocol", offered);
        }
        for (name, value) in &wish.fields {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        let opening = tokio_tungstenite::client_async(request, stream);
        match within("the WebSocket opens", opening).await {
            Ok((socket, response)) => {
                let protocol = response.headers().get("sec-websocket-protocol");
                let protocol = protocol.map_or("", |protocol| protocol.to_str().unwrap());
                Ok(Self {
                    socket,
                    protocol: protocol.to_owned(),
                })
            }
            Err(tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("no handshake: {error}"),
        }
    }

    fn protocol(&self) -> &str {
        &self.protocol
    }

    async fn say(&mut self, message: Message) {
        let message = match message {
            Message::Text(text) => tungstenite::Message::text(text),
            Message::Binary(bytes) => tungstenite::Message::binary(bytes),
        };
        let said = within("a message is taken", self.socket.send(message)).await;
        said.unwrap();
    }

    async fn hear(&mut self) -> Result<Message, Ended> {
        loop {
            match within("a message", self.socket.next()).await {
                Some(Ok(tungstenite::Message::Text(text))) => return Ok(text.as_str().into()),
                Some(Ok(tungstenite::Message::Binary(bytes))) => return Ok(bytes.to_vec().into()),
                Some(Ok(tungstenite::Message::Close(close))) => {
                    // Reading on is what answers a Close and waits for the connection's end.
                    while let Some(Ok(_)) = within("the end", self.socket.next()).await {}
                    return Err(ended(close));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(Ended::lost()),
            }
        }
    }

    async fn close(mut self, code: u16, reason: &str) -> Ended {
        let close = (code > 0).then(|| CloseFrame {
            code: code.into(),
            reason: reason.into(),
        });
        self.socket.close(close).await.unwrap();
        loop {
            if let Err(ended) = self.hear().await {
                return ended;
            }
        }
    }
}

fn ended(close: Option<CloseFrame>) -> Ended {
    let (code, reason) = match close {
        Some(close) => (close.code.into(), close.reason.as_str().to_owned()),
        None => (1005, String::new()),
    };
    Ended { code, reason }
}

impl Conversation for FallbackClient {
    async fn open(address: SocketAddr, wish: &Wish) -> Result<Self, u16> {
        let mut opening = Opening::new(&wish.path).protocols(&wish.protocols);
        for (name, value) in &wish.fields {
            opening = opening.field(name, value);
        }
        let (_, answer) = opening.ask(address).await;
        if answer["status"] == "refused" {
            let status = answer["http_status"].as_u64().unwrap();
            return Err(status.try_into().unwrap());
        }
        let opened = Opened::read(&answer);
        // Asked again, it is the same session.
        let client = Self::with(address, opening, Pace::default()).await;
        assert_eq!(client.opened, opened);
        Ok(client)
    }

    fn protocol(&self) -> &str {
        &self.opened.protocol
    }

    async fn say(&mut self, message: Message) {
        self.send(message).await;
    }

    async fn hear(&mut self) -> Result<Message, Ended> {
        self.recv().await
    }

    async fn close(self, code: u16, reason: &str) -> Ended {
        FallbackClient::close(&self, code, reason);
        self.ended().await
    }
}
