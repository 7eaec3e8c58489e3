//! TLS with clients: what stands in the files, which certificate a client gets, and what its handshake tells of it.
//! rustls speaks it, through pingora.

mod facts;
pub(crate) mod files;
mod inspect;
mod names;
mod server;
#[cfg(test)]
pub(crate) mod testing;

pub(crate) use facts::TlsFacts;
pub(crate) use files::FileError;
pub(crate) use inspect::{inspect, watched};
pub(crate) use server::{TlsError, TlsServer};
