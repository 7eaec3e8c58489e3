//! The probe: a WebSocket that the proxy itself answers and echoes, so that a client can tell whether WebSockets get
//! through at all without touching any backend (fallback/PROTOCOL.md, §8).

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use pingora::Result;
use pingora::proxy::Session;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Utf8Bytes};

use super::upgrade::accept;
use crate::gateway::Exchange;
use crate::tunnel::upgrade::take_connection;

/// How many messages are echoed, how long each may be, and for how long.
const MESSAGES: usize = 8;
const MESSAGE: usize = 1024;
const LIFE: Duration = Duration::from_secs(10);

/// How long the closing handshake may take.
const FAREWELL: Duration = Duration::from_secs(5);

/// Answers a valid handshake. `Ok(true)`: it was answered.
pub(crate) async fn probe(session: &mut Session, exchange: &mut Exchange) -> Result<bool> {
    accept(session, [], None).await?;
    if let Some(client) = take_connection(session, exchange) {
        tokio::spawn(talk(client));
    }
    Ok(true)
}

/// Echoes, and closes: whoever has sent enough or stays too long has learnt what there is to learn.
async fn talk(client: impl AsyncRead + AsyncWrite + Unpin) {
    let config = WebSocketConfig::default()
        .read_buffer_size(MESSAGE)
        .write_buffer_size(0)
        .max_message_size(Some(MESSAGE))
        .max_frame_size(Some(MESSAGE));
    let mut client = WebSocketStream::from_raw_socket(client, Role::Server, Some(config)).await;
    let echoed = timeout(LIFE, echo(&mut client)).await;
    let close = CloseFrame {
        code: echoed.unwrap_or(CloseCode::Normal),
        reason: Utf8Bytes::default(),
    };
    // Whether the client hears of it makes no difference any more.
    let _ = timeout(FAREWELL, async {
        let _ = client.close(Some(close)).await;
        while let Some(Ok(_)) = client.next().await {}
    })
    .await;
}

/// Echoes as much as it may; gives the code to close with.
async fn echo<S: AsyncRead + AsyncWrite + Unpin>(client: &mut WebSocketStream<S>) -> CloseCode {
    let mut echoed = 0;
    while echoed < MESSAGES {
        match client.next().await {
            Some(Ok(message)) if message.is_text() || message.is_binary() => {
                if client.send(message).await.is_err() {
                    break;
                }
                echoed += 1;
            }
            Some(Ok(message)) if !message.is_close() => {}
            Some(Err(tungstenite::Error::Capacity(_))) => return CloseCode::Size,
            _ => break,
        }
    }
    CloseCode::Normal
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_stays_silent_is_not_kept() {
        let (client, server) = tokio::io::duplex(1024);
        let talk = tokio::spawn(talk(server));
        let mut client = WebSocketStream::from_raw_socket(client, Role::Client, None).await;
        let close = client.next().await.unwrap().unwrap();
        assert!(close.is_close(), "{close}");
        // It does not answer either.
        talk.await.unwrap();
    }
}
