//! What stands between some browsers and the world: a box that lets plain HTTP through and has its own way with
//! WebSockets, or with responses that do not end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, copy_bidirectional, sink};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use crate::{Body, HttpClient, full};

/// What becomes of a connection that asks for a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upgrades {
    /// 403, and a page that says whom to ask.
    Refused,
    /// RST.
    Reset,
    /// It is never answered.
    Ignored,
    /// The 101 gets through, and nothing after it, either way.
    Starved,
    /// It is carried, and cut off 300 ms after the 101.
    Cut,
}

/// What becomes of the responses of plain HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Responses {
    /// They are passed on as they come.
    Streamed,
    /// Each is passed on once it is there to its end.
    Buffered,
}

/// How long a WebSocket lives that is [cut](Upgrades::Cut).
const CUT: Duration = Duration::from_millis(300);

/// More than any head of a browser's.
const HEAD: usize = 16 << 10;

/// A running box. What it has accepted ends with it.
#[derive(Debug)]
pub struct Middlebox {
    address: SocketAddr,
    seen: Arc<Seen>,
    accepting: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Seen {
    upgrades: AtomicUsize,
    streams: AtomicUsize,
}

impl Middlebox {
    /// A box in front of `server`.
    pub async fn start(server: SocketAddr, upgrades: Upgrades, responses: Responses) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        let witness = seen.clone();
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                client.set_nodelay(true).unwrap();
                let seen = witness.clone();
                connections.spawn(async move {
                    // Whoever leaves in the middle of something ends only that.
                    let _ = carry(client, server, upgrades, responses, &seen).await;
                });
            }
        });
        Self {
            address,
            seen,
            accepting,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many WebSockets it was asked for.
    pub fn upgrades(&self) -> usize {
        self.seen.upgrades.load(Ordering::Relaxed)
    }

    /// How many streams of the fallback it was asked for, if it buffers responses.
    pub fn streams(&self) -> usize {
        self.seen.streams.load(Ordering::Relaxed)
    }
}

impl Drop for Middlebox {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn carry(
    mut client: TcpStream,
    server: SocketAddr,
    upgrades: Upgrades,
    responses: Responses,
    seen: &Arc<Seen>,
) -> std::io::Result<()> {
    if !asks_for_a_websocket(&client).await? {
        if responses == Responses::Buffered {
            buffer(client, server, seen.clone()).await;
            return Ok(());
        }
        let mut server = connect(server).await?;
        copy_bidirectional(&mut client, &mut server).await?;
        return Ok(());
    }
    seen.upgrades.fetch_add(1, Ordering::Relaxed);
    match upgrades {
        Upgrades::Refused => {
            let page = "HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\nConnection: close\r\n\
                        Content-Length: 26\r\n\r\n<h1>Ask the network desk.\n";
            client.write_all(page.as_bytes()).await?;
        }
        Upgrades::Reset => SockRef::from(&client).set_linger(Some(Duration::ZERO))?,
        Upgrades::Ignored => {
            copy(&mut client, &mut sink()).await?;
        }
        Upgrades::Starved => starve(client, connect(server).await?).await?,
        Upgrades::Cut => {
            let mut server = connect(server).await?;
            let answer = handshake(&mut client, &mut server).await?;
            client.write_all(&answer).await?;
            let _ = timeout(CUT, copy_bidirectional(&mut client, &mut server)).await;
        }
    }
    Ok(())
}

/// Looks at the first head, and leaves it where it is.
async fn asks_for_a_websocket(client: &TcpStream) -> std::io::Result<bool> {
    let mut head = vec![0; HEAD];
    loop {
        let length = client.peek(&mut head).await?;
        let head = String::from_utf8_lossy(&head[..length]).to_ascii_lowercase();
        if length == 0 || length == HEAD || head.contains("\r\n\r\n") {
            return Ok(head.contains("\r\nupgrade: websocket\r\n"));
        }
        // A head that comes in pieces: a peek is ready again at once, so others go first.
        tokio::task::yield_now().await;
    }
}

async fn connect(server: SocketAddr) -> std::io::Result<TcpStream> {
    let server = TcpStream::connect(server).await?;
    server.set_nodelay(true)?;
    Ok(server)
}

/// Passes the handshake on, and gives the head of its answer with whatever came behind it.
async fn handshake(client: &mut TcpStream, server: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut request = vec![0; HEAD];
    let length = client.read(&mut request).await?;
    server.write_all(&request[..length]).await?;
    let mut answer = Vec::new();
    while !answer.windows(4).any(|end| end == b"\r\n\r\n") {
        if server.read_buf(&mut answer).await? == 0 {
            break;
        }
    }
    Ok(answer)
}

async fn starve(mut client: TcpStream, mut server: TcpStream) -> std::io::Result<()> {
    let answer = handshake(&mut client, &mut server).await?;
    let end = answer.windows(4).position(|end| end == b"\r\n\r\n");
    client
        .write_all(&answer[..end.map_or(answer.len(), |end| end + 4)])
        .await?;
    let (mut nobody, mut nowhere) = (sink(), sink());
    tokio::select! {
        ended = copy(&mut client, &mut nobody) => ended?,
        ended = copy(&mut server, &mut nowhere) => ended?,
    };
    Ok(())
}

/// Answers a connection's requests with the server's responses, each once it is whole.
async fn buffer(client: TcpStream, server: SocketAddr, seen: Arc<Seen>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let seen = seen.clone();
        async move {
            let (head, content) = request.into_parts();
            let content = content.collect().await?.to_bytes();
            if asks_for_a_stream(&head.uri, &content) {
                seen.streams.fetch_add(1, Ordering::Relaxed);
            }
            let mut connection = HttpClient::connect(server).await;
            let answer = connection
                .pass(Request::from_parts(head, full(content)))
                .await?;
            let (head, content) = answer.into_parts();
            let whole = content.collect().await?.to_bytes();
            Ok::<Response<Body>, hyper::Error>(Response::from_parts(head, full(whole)))
        }
    });
    let connection = hyper::server::conn::http1::Builder::new();
    let _ = connection
        .serve_connection(TokioIo::new(client), service)
        .await;
}

/// A poll whose flag 0 is set (`fallback/PROTOCOL.md`, §3 and §7).
fn asks_for_a_stream(uri: &http::Uri, content: &Bytes) -> bool {
    uri.path().ends_with("/~towpath/1/io") && content.get(3).is_some_and(|flags| flags & 1 == 1)
}
