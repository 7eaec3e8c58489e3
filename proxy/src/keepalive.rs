//! TCP keepalive for both legs: a peer that vanished without a word is noticed, also where nothing is sent.

use std::time::Duration;

use pingora::protocols::TcpKeepalive;

/// Noticed after idle + count × interval: 90 s.
pub(crate) const KEEPALIVE: TcpKeepalive = TcpKeepalive {
    idle: Duration::from_secs(60),
    interval: Duration::from_secs(10),
    count: 3,
    #[cfg(target_os = "linux")]
    user_timeout: Duration::ZERO,
};

/// The same, for sockets of our own. Linux gives what a listening one has to all connections that come there.
pub(crate) fn socket_keepalive() -> socket2::TcpKeepalive {
    socket2::TcpKeepalive::new()
        .with_time(KEEPALIVE.idle)
        .with_interval(KEEPALIVE.interval)
        .with_retries(u32::try_from(KEEPALIVE.count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::net::{TcpListener, TcpStream};

    use socket2::SockRef;

    use super::*;

    #[test]
    fn connections_inherit_it_from_their_listener() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let keepalive = socket_keepalive();
        SockRef::from(&listener)
            .set_tcp_keepalive(&keepalive)
            .unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        let accepted = SockRef::from(&accepted);
        assert!(accepted.keepalive().unwrap());
        assert_eq!(accepted.tcp_keepalive_time().unwrap(), KEEPALIVE.idle);
        assert_eq!(
            accepted.tcp_keepalive_interval().unwrap(),
            KEEPALIVE.interval
        );
        assert_eq!(accepted.tcp_keepalive_retries().unwrap(), 3);
    }
}
