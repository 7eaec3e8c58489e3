//! A server that counts. The messages of each client have to be 0, 1, 2 and so on; each is answered by [`ANSWERS`] of its
//! own, which are numbered alike. So both ways have an order of their own, and nothing can be lost, doubled or reordered on
//! either without being noticed.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};

/// How many messages answer one.
pub(super) const ANSWERS: u64 = 2;

/// What a client says that cannot close by itself.
pub(super) const BYE: &str = "bye";

/// The server. Towards Engine.IO's clients it speaks that, at its usual path.
pub(super) struct Counting {
    address: SocketAddr,
    faults: Arc<Mutex<Vec<String>>>,
    accepting: JoinHandle<()>,
}

impl Counting {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let faults = Arc::<Mutex<Vec<String>>>::default();
        let noted = faults.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let noted = noted.clone();
                tokio::spawn(async move {
                    if let Err(fault) = serve(stream).await {
                        noted.lock().unwrap().push(fault);
                    }
                });
            }
        });
        Self {
            address,
            faults,
            accepting,
        }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What clients have said out of turn.
    pub(super) fn faults(&self) -> Vec<String> {
        self.faults.lock().unwrap().clone()
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(stream: TcpStream) -> Result<(), String> {
    let mut path = String::new();
    #[expect(clippy::result_large_err, reason = "tungstenite's own type")]
    let asked = |request: &Request, response: Response| {
        request.uri().path().clone_into(&mut path);
        Ok(response)
    };
    // One that is no handshake has no messages to be counted.
    let Ok(mut socket) = accept_hdr_async(stream, asked).await else {
        return Ok(());
    };
    let prefix = if path.starts_with("/socket.io") {
        "4"
    } else {
        ""
    };
    if !prefix.is_empty() {
        let open = r#"0{"sid":"s","upgrades":[],"pingInterval":600000,"pingTimeout":600000}"#;
        let _ = socket.send(open.into()).await;
    }
    let (mut heard, mut said) = (0_u64, 0_u64);
    while let Some(Ok(message)) = socket.next().await {
        let Message::Text(text) = message else {
            continue;
        };
        if text.as_str() == BYE {
            // Its end is the client's to see.
            let _ = socket.close(None).await;
            continue;
        }
        if text.as_str() != format!("{prefix}{heard}") {
            return Err(format!("{heard} was to come at {path}, and {text} came"));
        }
        heard += 1;
        for _ in 0..ANSWERS {
            let answer = format!("{prefix}{said}");
            said += 1;
            // A client that is gone hears no more, and says what it has missed.
            let _ = socket.send(answer.into()).await;
        }
    }
    Ok(())
}
