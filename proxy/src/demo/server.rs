//! The demo's sockets: plain HTTP for the page, a WebSocket for the chat.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};

use super::chat::{Chat, Delivery, MemberId};
use super::head::Head;
use super::listen::each_connection;

const PAGE: &str = include_str!("page.html");
const MAX_MESSAGE: usize = 16 * 1024;
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// Messages that wait for one member; a slower one is let go.
const MAX_WAITING: usize = 64;

/// The chat server, bound and not yet serving.
#[derive(Debug)]
pub(crate) struct Demo {
    listener: TcpListener,
    address: SocketAddr,
}

type Sink = SplitSink<WebSocketStream<TcpStream>, Message>;
type Source = SplitStream<WebSocketStream<TcpStream>>;

#[derive(Debug, Default)]
struct Hall {
    chat: Mutex<Chat>,
    members: Mutex<HashMap<MemberId, mpsc::Sender<String>>>,
    next: AtomicU64,
}

impl Demo {
    /// Binds a free port on loopback.
    pub(crate) async fn bind() -> io::Result<Self> {
        let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown`.
    pub(crate) async fn serve(self, shutdown: impl Future<Output = ()>) {
        let hall = Arc::new(Hall::default());
        let connection = |stream| connection(stream, hall.clone());
        each_connection(self.listener, shutdown, connection).await;
    }
}

async fn connection(mut stream: TcpStream, hall: Arc<Hall>) -> io::Result<()> {
    let head = Head::read(&mut stream).await?;
    let request = head.request()?;
    match (request.method.as_str(), request.path.as_str(), request.key) {
        ("GET", path, Some(key)) if path.ends_with("/chat") => {
            accept(&mut stream, &key).await?;
            chat(stream, head.rest().to_vec(), &hall).await;
            Ok(())
        }
        (method @ ("GET" | "HEAD"), "/", _) => {
            respond(&mut stream, "200 OK", PAGE, method == "HEAD").await
        }
        _ => respond(&mut stream, "404 Not Found", "Nothing here.\n", false).await,
    }
}

async fn respond(
    stream: &mut TcpStream,
    status: &str,
    body: &str,
    head_only: bool,
) -> io::Result<()> {
    let kind = if body.starts_with('<') {
        "text/html"
    } else {
        "text/plain"
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Length: {}\r\n\
         Cache-Control: no-store\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    if !head_only {
        stream.write_all(body.as_bytes()).await?;
    }
    stream.shutdown().await
}

async fn accept(stream: &mut TcpStream, key: &str) -> io::Result<()> {
    let accept = derive_accept_key(key.as_bytes());
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await
}

/// One member, from the handshake to the end.
async fn chat(stream: TcpStream, early: Vec<u8>, hall: &Hall) {
    let config = WebSocketConfig::default()
        .read_buffer_size(4096)
        .write_buffer_size(0)
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_MESSAGE));
    let socket =
        WebSocketStream::from_partially_read(stream, early, Role::Server, Some(config)).await;
    let (mut sink, mut source) = socket.split();
    let (member, mut waiting) = hall.enter();
    loop {
        let done = tokio::select! {
            message = source.next() => match message {
                Some(Ok(Message::Text(text))) => {
                    hall.hear(member, &text);
                    false
                }
                Some(Ok(Message::Close(_))) | Some(Err(_)) | None => true,
                Some(Ok(_)) => false,
            },
            text = waiting.recv() => match text {
                Some(text) => sink.send(Message::text(text)).await.is_err(),
                None => {
                    let reason = CloseFrame { code: CloseCode::Policy, reason: "too slow".into() };
                    let _ = sink.send(Message::Close(Some(reason))).await;
                    true
                }
            },
        };
        if done {
            break;
        }
    }
    hall.leave(member);
    let _ = timeout(CLOSE_TIMEOUT, part(sink, source)).await;
}

/// Sends the Close, or the answer to the member's, and reads on to the end: bytes that nobody reads would make the
/// system send a reset, which may overtake the Close.
async fn part(mut sink: Sink, mut source: Source) {
    let _ = sink.close().await;
    while let Some(Ok(_)) = source.next().await {}
}

impl Hall {
    fn enter(&self) -> (MemberId, mpsc::Receiver<String>) {
        let member = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, waiting) = mpsc::channel(MAX_WAITING);
        lock(&self.members).insert(member, sender);
        (member, waiting)
    }

    fn leave(&self, member: MemberId) {
        lock(&self.members).remove(&member);
        let told = lock(&self.chat).leave(member);
        self.deliver(told);
    }

    fn hear(&self, member: MemberId, text: &str) {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let now = u64::try_from(now.as_millis()).unwrap_or_default();
        let told = lock(&self.chat).hear(member, text, now);
        self.deliver(told);
    }

    /// A member whose queue is full loses its sender, and thereby its connection.
    fn deliver(&self, deliveries: Vec<Delivery>) {
        let mut members = lock(&self.members);
        for Delivery { to, text } in deliveries {
            if members
                .get(&to)
                .is_some_and(|member| member.try_send(text).is_err())
            {
                members.remove(&to);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use tokio::io::AsyncReadExt;
    use tokio::task::JoinHandle;
    use tokio_tungstenite::client_async;

    use super::*;

    type Client = WebSocketStream<TcpStream>;

    async fn start() -> (SocketAddr, JoinHandle<()>) {
        let demo = Demo::bind().await.unwrap();
        (
            demo.address(),
            tokio::spawn(demo.serve(std::future::pending())),
        )
    }

    async fn connect(address: SocketAddr, user: &str) -> Client {
        let stream = TcpStream::connect(address).await.unwrap();
        let (mut client, _) = client_async(format!("ws://{address}/chat"), stream)
            .await
            .unwrap();
        let join =
            format!(r#"{{"event":"join_room","data":{{"room_id":"lobby","user_id":"{user}"}}}}"#);
        client.send(Message::text(join)).await.unwrap();
        assert!(hear(&mut client).await.contains("\"joined\""));
        client
    }

    async fn say(client: &mut Client, text: &str) {
        let text = format!(r#"{{"event":"message","data":{{"text":"{text}"}}}}"#);
        client.send(Message::text(text)).await.unwrap();
    }

    async fn hear(client: &mut Client) -> String {
        let message = timeout(Duration::from_secs(10), client.next())
            .await
            .unwrap();
        message.unwrap().unwrap().into_text().unwrap().to_string()
    }

    async fn get(address: SocketAddr, head: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream
            .write_all(format!("{head} HTTP/1.1\r\nHost: h\r\n\r\n").as_bytes())
            .await
            .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    }

    #[tokio::test]
    async fn two_members_chat() {
        let (address, _server) = start().await;
        let mut ann = connect(address, "ann").await;
        let mut bob = connect(address, "bob").await;
        assert!(hear(&mut ann).await.contains("member_joined"));
        say(&mut bob, "hi").await;
        assert!(hear(&mut ann).await.contains("\"text\":\"hi\""));
        bob.close(None).await.unwrap();
        assert!(hear(&mut ann).await.contains("member_left"));
    }

    #[tokio::test]
    async fn a_close_is_answered_with_its_code() {
        let (address, _server) = start().await;
        let mut ann = connect(address, "ann").await;
        let farewell = CloseFrame {
            code: CloseCode::Library(4000),
            reason: "enough".into(),
        };
        for _ in 0..MAX_WAITING / 2 {
            say(&mut ann, "hi").await;
        }
        ann.close(Some(farewell.clone())).await.unwrap();
        let mut heard = Vec::new();
        while let Some(Ok(message)) = ann.next().await {
            heard.push(message);
        }
        assert_eq!(heard.last(), Some(&Message::Close(Some(farewell))));
    }

    #[tokio::test]
    async fn an_oversize_message_ends_its_sender_only() {
        let (address, _server) = start().await;
        let mut ann = connect(address, "ann").await;
        let mut bob = connect(address, "bob").await;
        assert!(hear(&mut ann).await.contains("member_joined"));
        bob.send(Message::text("x".repeat(MAX_MESSAGE + 1)))
            .await
            .unwrap();
        assert!(hear(&mut ann).await.contains("member_left"));
    }

    #[tokio::test]
    async fn a_member_that_does_not_listen_is_let_go() {
        let hall = Hall::default();
        let (slow, mut waiting) = hall.enter();
        hall.hear(
            slow,
            r#"{"event":"join_room","data":{"room_id":"lobby","user_id":"slow"}}"#,
        );
        for _ in 0..MAX_WAITING {
            hall.hear(slow, r#"{"event":"message","data":{"text":"hi"}}"#);
        }
        for _ in 0..MAX_WAITING {
            assert!(waiting.recv().await.is_some());
        }
        assert_eq!(waiting.recv().await, None, "its sender is dropped");
    }

    #[tokio::test]
    async fn the_page_is_served_and_nothing_else() {
        let (address, _server) = start().await;
        assert!(get(address, "GET /").await.ends_with(PAGE));
        let head = get(address, "HEAD /").await;
        assert!(head.starts_with("HTTP/1.1 200") && head.ends_with("\r\n\r\n"));
        assert!(
            get(address, "GET /favicon.ico")
                .await
                .starts_with("HTTP/1.1 404")
        );
    }
}
