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
