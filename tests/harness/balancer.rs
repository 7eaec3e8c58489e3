//! A load balancer of layer 4, as clouds have them: it passes bytes both ways, and says whose they are before the first.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tokio::io::{AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinHandle;

/// A running balancer.
#[derive(Debug)]
pub struct Balancer {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Balancer {
    /// Where its connections come from, as those of no other client of a story do.
    pub const SOURCE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

    /// Passes connections to `server`, each with this header.
    pub async fn start(server: SocketAddr, header: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepting = tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let header = header.clone();
                tokio::spawn(async move {
                    let socket = TcpSocket::new_v4().unwrap();
                    socket.bind((Self::SOURCE, 0).into()).unwrap();
                    let mut server = socket.connect(server).await.unwrap();
                    server.write_all(&header).await.unwrap();
                    // A side that breaks off is the story's affair.
                    let _ = copy_bidirectional(&mut client, &mut server).await;
                });
            }
        });
        Self { address, accepting }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
