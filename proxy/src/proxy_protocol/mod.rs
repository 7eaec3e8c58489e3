//! The PROXY protocol, versions 1 and 2 (HAProxy's proxy-protocol.txt): who a client is, said by a proxy on the way
//! before anything else.

mod encode;
mod parse;
mod read;

use std::net::SocketAddr;

pub(crate) use encode::encode;
pub(crate) use read::{HeaderError, read_header};

/// Both ends of the connection that was made to the first proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Addresses {
    /// The client.
    pub(crate) source: SocketAddr,
    /// Where it connected to.
    pub(crate) destination: SocketAddr,
}
