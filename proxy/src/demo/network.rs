//! The network between the browsers and Towpath, with a box in it such as companies, hotels and virus scanners have.
//! Plain HTTP it carries as it is. What it does to WebSockets depends on the path here, so that each window can choose;
//! elsewhere it is the place where one sits. Towpath and its client are not in the know.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncWriteExt, copy, copy_bidirectional, sink};
use tokio::net::{TcpListener, TcpStream};

use super::head::Head;
use super::listen::each_connection;

const REFUSAL: &[u8] =
    b"HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nContent-Length: 44\r\n\
    Connection: close\r\n\r\nWebSockets are not allowed in this network.\n";

/// What becomes of a WebSocket.
enum Treatment {
    /// It is carried.
    Carry,
    /// The handshake is answered with 403, by a box that passes no upgrades.
    Refuse,
    /// The handshake gets through and nothing after it, either way: a box that takes part in the handshake as in any
    /// other request, and then waits for HTTP that it understands.
    Starve,
}

/// The network, bound and not yet carrying anything.
#[derive(Debug)]
pub(crate) struct Network {
    listener: TcpListener,
    address: SocketAddr,
}

impl Network {
    /// Binds the address for the browsers.
    pub(crate) async fn bind(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Where the browsers find it.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Carries connections to `server` until `shutdown`.
    pub(crate) async fn carry(self, server: SocketAddr, shutdown: impl Future<Output = ()>) {
        each_connection(self.listener, shutdown, |stream| carry(stream, server)).await;
    }
}

impl Treatment {
    fn of(path: &str) -> Self {
        match path.split('/').nth(1) {
            Some("refused") => Self::Refuse,
            Some("starved") => Self::Starve,
            _ => Self::Carry,
        }
    }
}

/// Only the first request is looked at: browsers open a connection for each WebSocket.
async fn carry(mut client: TcpStream, server: SocketAddr) -> io::Result<()> {
    let head = Head::read(&mut client).await?;
    let request = head.request()?;
    let treatment = match request.key {
        Some(_) => Treatment::of(&request.path),
        None => Treatment::Carry,
    };
    if matches!(treatment, Treatment::Refuse) {
        client.write_all(REFUSAL).await?;
        return client.shutdown().await;
    }
    let mut server = TcpStream::connect(server).await?;
    server.set_nodelay(true)?;
    server.write_all(head.bytes()).await?;
    if matches!(treatment, Treatment::Starve) {
        return starve(client, server).await;
    }
    server.write_all(head.rest()).await?;
    copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}

async fn starve(mut client: TcpStream, mut server: TcpStream) -> io::Result<()> {
    let answer = Head::read(&mut server).await?;
    client.write_all(answer.bytes()).await?;
    let (mut nobody, mut nowhere) = (sink(), sink());
    // Either end's end is both's.
    tokio::select! {
        ended = copy(&mut client, &mut nobody) => ended?,
        ended = copy(&mut server, &mut nowhere) => ended?,
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use futures_util::{SinkExt, StreamExt};
    use tokio_tungstenite::tungstenite::{Error, Message};
    use tokio_tungstenite::{WebSocketStream, client_async};

    use super::*;
    use crate::demo::Demo;

    type Client = WebSocketStream<TcpStream>;

    /// The network in front of the chat server, without Towpath.
    async fn start() -> SocketAddr {
        let demo = Demo::bind().await.unwrap();
        let network = Network::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let (address, server) = (network.address(), demo.address());
        tokio::spawn(demo.serve(std::future::pending()));
        tokio::spawn(network.carry(server, std::future::pending()));
        address
    }

    async fn connect(address: SocketAddr, path: &str) -> Result<Client, Error> {
        let stream = TcpStream::connect(address).await?;
        let (client, _) = client_async(format!("ws://{address}{path}"), stream).await?;
        Ok(client)
    }

    #[tokio::test]
    async fn a_websocket_is_carried() {
        let mut client = connect(start().await, "/chat").await.unwrap();
        client.send(Message::text("what?")).await.unwrap();
        assert!(client.next().await.unwrap().unwrap().is_text());
    }

    #[tokio::test]
    async fn a_refusal_is_whole() {
        let error = connect(start().await, "/refused/chat").await.unwrap_err();
        let Error::Http(answer) = error else {
            panic!("{error}");
        };
        assert_eq!(answer.status(), 403);
        let text = std::str::from_utf8(answer.body().as_ref().unwrap()).unwrap();
        assert_eq!(text, "WebSockets are not allowed in this network.\n");
    }

    #[tokio::test]
    async fn the_starved_get_a_handshake_and_nothing_else() {
        let mut client = connect(start().await, "/starved/chat").await.unwrap();
        client.send(Message::text("what?")).await.unwrap();
        client.get_mut().shutdown().await.unwrap();
        let end = client.next().await.unwrap();
        assert!(end.is_err(), "{end:?}");
    }

    #[tokio::test]
    async fn plain_http_gets_through_everywhere() {
        let address = start().await;
        for path in ["/", "/refused/", "/starved/"] {
            let mut client = TcpStream::connect(address).await.unwrap();
            let request = format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n");
            client.write_all(request.as_bytes()).await.unwrap();
            let answer = Head::read(&mut client).await.unwrap();
            assert!(answer.bytes().starts_with(b"HTTP/1.1 "), "{path}");
            assert!(!answer.bytes().starts_with(b"HTTP/1.1 403"), "{path}");
        }
    }
}
