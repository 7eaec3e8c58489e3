//! A WebSocket client that is not ours (tokio-tungstenite).

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::within;

/// An open conversation.
pub type WebSocket = WebSocketStream<TcpStream>;

/// Opens a WebSocket to `path` at `address`.
pub async fn open(address: SocketAddr, path: &str) -> WebSocket {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let request = format!("ws://{address}{path}")
        .into_client_request()
        .unwrap();
    let opening = tokio_tungstenite::client_async(request, stream);
    within("the WebSocket opens", opening).await.unwrap().0
}

/// Says `text` and gives the answer.
pub async fn echo(socket: &mut WebSocket, text: &str) -> String {
    within("the text is taken", socket.send(text.into()))
        .await
        .unwrap();
    loop {
        match within("an echo", socket.next()).await {
            Some(Ok(Message::Text(answer))) => return answer.as_str().to_owned(),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            other => panic!("no echo but {other:?}"),
        }
    }
}

/// Reads on until the other end closes: its code and reason. The Close is answered, and the connection ended.
pub async fn closed(mut socket: WebSocket) -> (u16, String) {
    let mut end = None;
    while let Some(Ok(message)) = within("the end", socket.next()).await {
        if let Message::Close(Some(frame)) = message {
            end = Some((frame.code.into(), frame.reason.as_str().to_owned()));
        }
    }
    end.expect("a Close with a code before the end")
}
