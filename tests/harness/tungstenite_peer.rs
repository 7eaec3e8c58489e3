//! The tokio-tungstenite server, under the contract of `tests/peers/README.md`.
#![expect(
    clippy::result_large_err,
    reason = "tungstenite's own type of a refused handshake"
)]

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{
    ErrorResponse, Request, Response as Accepted,
};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

type Conversation = WebSocketStream<TcpStream>;

/// A running server; no further connection is accepted once this is dropped.
#[derive(Debug)]
pub struct TungstenitePeer {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl TungstenitePeer {
    /// Listens on a free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (ends, _) = broadcast::channel(64);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, ends.clone()));
            }
        });
        Self { address, accepting }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for TungstenitePeer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(stream: TcpStream, ends: broadcast::Sender<String>) {
    let mut asked = None;
    let accept = |request: &Request, response| {
        asked = Some((request.uri().clone(), request.headers().clone()));
        answer(request, response)
    };
    let Ok(socket) = accept_hdr_async(stream, accept).await else {
        return;
    };
    let Some((uri, headers)) = asked else { return };
    match uri.path() {
        "/closes" => watch(socket, ends.subscribe()).await,
        "/close" => close(socket, uri.query().unwrap_or_default()).await,
        "/headers" => speak_first(socket, headers_json(&headers)).await,
        _ => echo(socket, ends).await,
    }
}

fn answer(request: &Request, mut response: Accepted) -> Result<Accepted, ErrorResponse> {
    if request.uri().path() == "/refuse" {
        let refusal = Response::builder()
            .status(StatusCode::FORBIDDEN)
            .header("X-Refused-By", "peer");
        return Err(refusal.body(Some("not for you\n".to_owned())).unwrap());
    }
    let offered = request.headers().get_all("sec-websocket-protocol").iter();
    let mut offered = offered
        .filter_map(|list| list.to_str().ok())
        .flat_map(|list| list.split(','));
    if offered.any(|name| name.trim() == "chat.v1") {
        response.headers_mut().insert(
            "sec-websocket-protocol",
            HeaderValue::from_static("chat.v1"),
        );
    }
    Ok(response)
}

async fn echo(mut socket: Conversation, ends: broadcast::Sender<String>) {
    while let Some(Ok(message)) = socket.next().await {
        if let Message::Close(frame) = message {
            let (code, reason) = frame.map_or((1005, String::new()), |frame| {
                (frame.code.into(), frame.reason.as_str().to_owned())
            });
            // Nobody may be watching.
            let _ = ends.send(json!({ "code": code, "reason": reason }).to_string());
        } else if (message.is_text() || message.is_binary()) && socket.send(message).await.is_err()
        {
            return;
        }
    }
}

async fn watch(mut socket: Conversation, mut ends: broadcast::Receiver<String>) {
    if socket.send("watching".into()).await.is_err() {
        return;
    }
    loop {
        tokio::select! {
            end = ends.recv() => match end {
                Ok(word) if socket.send(word.as_str().into()).await.is_ok() => {}
                _ => return,
            },
            message = socket.next() => if !matches!(message, Some(Ok(_))) { return },
        }
    }
}

async fn close(mut socket: Conversation, query: &str) {
    let query: BTreeMap<_, _> = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .collect();
    let code: u16 = query["code"].parse().unwrap();
    let reason = query["reason"].to_owned().into();
    let _ = socket
        .close(Some(CloseFrame {
            code: code.into(),
            reason,
        }))
        .await;
    read_to_the_end(socket).await;
}

async fn speak_first(mut socket: Conversation, text: String) {
    let _ = socket.send(text.into()).await;
    read_to_the_end(socket).await;
}

async fn read_to_the_end(mut socket: Conversation) {
    while let Some(Ok(_)) = socket.next().await {}
}

/// Names in lower case, as `http` keeps them.
pub(crate) fn headers_json(headers: &HeaderMap) -> String {
    let value = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers: BTreeMap<Cow<'_, str>, String> = headers
        .iter()
        .map(|(name, v)| (name.as_str().into(), value(v)))
        .collect();
    json!(headers).to_string()
}
