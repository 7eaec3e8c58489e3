//! Dialling servers that accept, that refuse and that stay silent.
#![allow(clippy::unwrap_used)]

use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::super::group::Upstreams;
use super::super::group::tests::{group, key};
use super::*;

const OVER: WebSocketUpstream = WebSocketUpstream::Http1;

/// Long enough for anything on this machine.
const AMPLE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_server_that_refuses_is_skipped() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (live, dead) = (listener.local_addr().unwrap(), refusing().await);
    let servers = format!("{{ servers: ['{dead}', '{live}'] }}");
    let group = group(&Upstreams::new(), &servers).await;
    for _ in 0..4 {
        let (_, lease) = dial_any(&group, &key(), None, OVER, AMPLE).await.unwrap();
        assert_eq!(lease.address(), live);
    }
}

#[tokio::test]
async fn a_group_that_refuses_altogether_is_unreachable() {
    let servers = format!("{{ servers: ['{}'] }}", refusing().await);
    let group = group(&Upstreams::new(), &servers).await;
    let error = dial_any(&group, &key(), None, OVER, AMPLE).await.err();
    assert_eq!(error, Some(DialAnyError::Unreachable));
}

#[tokio::test]
async fn a_server_that_does_not_accept_in_time_is_given_up() {
    let silent = Silent::start().await;
    let servers = format!("{{ servers: ['{}'] }}", silent.address);
    let group = group(&Upstreams::new(), &servers).await;
    let error = dial_any(&group, &key(), None, OVER, Duration::from_millis(50))
        .await
        .err();
    assert_eq!(error, Some(DialAnyError::TimedOut));
}

#[tokio::test]
async fn a_reason_is_the_last_cause_alone() {
    let connector = connector();
    let refused = dial(
        &connector,
        &Transport::default(),
        refusing().await,
        None,
        AMPLE,
    )
    .await
    .err()
    .unwrap();
    assert_eq!(reason(&refused), "Connection refused (os error 111)");
    let own = pingora::Error::explain(ErrorType::InternalError, "what we said");
    assert_eq!(reason(&own), "what we said");
}

/// An address where nobody listens.
async fn refusing() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}

/// A listener whose queue is full: the kernel drops every further SYN.
struct Silent {
    address: SocketAddr,
    _listener: TcpListener,
    _queued: Vec<TcpStream>,
}

impl Silent {
    async fn start() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let mut queued = Vec::new();
        while let Ok(Ok(stream)) =
            tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(address)).await
        {
            queued.push(stream);
        }
        Self {
            address,
            _listener: listener,
            _queued: queued,
        }
    }
}
