//! The warp server, under the contract of `tests/peers/README.md`. Its subprotocol, its refusal and
//! its headers are ordinary filters; it has no permessage-deflate.

use std::collections::HashMap;
use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use http::{HeaderMap, HeaderValue, Response};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::broadcast;
use tokio::task::JoinHandle;
use warp::Filter;
use warp::filters::ws::{Message, WebSocket};

use crate::tungstenite_peer::headers_json;

/// A running server; it ends when this is dropped.
#[derive(Debug)]
pub struct WarpPeer {
    address: SocketAddr,
    serving: JoinHandle<()>,
}

impl WarpPeer {
    /// Listens on a free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (ends, _) = broadcast::channel::<String>(64);
        let told = ends.clone();
        let offer = warp::header::optional::<String>("sec-websocket-protocol");
        let echo = warp::path("echo").and(warp::ws()).and(offer).map(
            move |ws: warp::ws::Ws, offered: Option<String>| {
                let told = told.clone();
                with_subprotocol(ws.on_upgrade(move |socket| echo(socket, told)), offered)
            },
        );
        let closes = warp::path("closes")
            .and(warp::ws())
            .map(move |ws: warp::ws::Ws| {
                let ends = ends.subscribe();
                ws.on_upgrade(move |socket| watch(socket, ends))
            });
        let close = warp::path("close").and(warp::ws()).and(warp::query()).map(
            |ws: warp::ws::Ws, query: HashMap<String, String>| {
                ws.on_upgrade(move |socket| close(socket, query))
            },
        );
        let headers = warp::path("headers")
            .and(warp::ws())
            .and(warp::header::headers_cloned())
            .map(|ws: warp::ws::Ws, headers: HeaderMap| {
                ws.on_upgrade(move |socket| speak_first(socket, headers_json(&headers)))
            });
        let refuse = warp::path("refuse").map(|| {
            Response::builder()
                .status(403)
                .header("X-Refused-By", "peer")
                .body("not for you\n")
                .unwrap()
        });
        let rooms = echo.or(closes).or(close).or(headers).or(refuse);
        let serving = tokio::spawn(warp::serve(rooms).incoming(listener).run());
        Self { address, serving }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for WarpPeer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// warp leaves subprotocols to the application.
fn with_subprotocol(accepted: impl warp::Reply, offered: Option<String>) -> warp::reply::Response {
    let mut response = accepted.into_response();
    if offered.is_some_and(|offered| offered.split(',').any(|name| name.trim() == "chat.v1")) {
        response.headers_mut().insert(
            "sec-websocket-protocol",
            HeaderValue::from_static("chat.v1"),
        );
    }
    response
}

async fn echo(mut socket: WebSocket, ends: broadcast::Sender<String>) {
    while let Some(Ok(message)) = socket.next().await {
        if message.is_close() {
            let (code, reason) = message.close_frame().unwrap_or((1005, ""));
            // Nobody may be watching.
            let _ = ends.send(json!({ "code": code, "reason": reason }).to_string());
        } else if (message.is_text() || message.is_binary()) && socket.send(message).await.is_err()
        {
            return;
        }
    }
}

async fn watch(mut socket: WebSocket, mut ends: broadcast::Receiver<String>) {
    if socket.send(Message::text("watching")).await.is_err() {
        return;
    }
    loop {
        tokio::select! {
            end = ends.recv() => match end {
                Ok(word) if socket.send(Message::text(word.as_str())).await.is_ok() => {}
                _ => return,
            },
            message = socket.next() => if !matches!(message, Some(Ok(_))) { return },
        }
    }
}

async fn close(mut socket: WebSocket, query: HashMap<String, String>) {
    let code: u16 = query["code"].parse().unwrap();
    let _ = socket
        .send(Message::close_with(code, query["reason"].clone()))
        .await;
    read_to_the_end(socket).await;
}

async fn speak_first(mut socket: WebSocket, text: String) {
    let _ = socket.send(Message::text(text)).await;
    read_to_the_end(socket).await;
}

async fn read_to_the_end(mut socket: WebSocket) {
    while let Some(Ok(_)) = socket.next().await {}
}
