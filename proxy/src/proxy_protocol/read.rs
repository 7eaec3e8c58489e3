//! Reading a header from a connection.

use std::io;

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::Addresses;
use super::parse::{Fault, LONGEST, Parsed, parse};

/// A connection that does not begin as it must.
#[derive(Debug, Error)]
pub(crate) enum HeaderError {
    /// It has ended, or was broken off, before anything was said.
    #[error("nothing was said")]
    Silent,
    #[error(transparent)]
    Fault(#[from] Fault),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Reads a header: the addresses in it, if there are any, and what was read after it.
///
/// Not cancel-safe: what was read is lost.
pub(crate) async fn read_header(
    client: &mut (impl AsyncRead + Unpin),
) -> Result<(Option<Addresses>, Vec<u8>), HeaderError> {
    let mut bytes = Vec::with_capacity(256);
    loop {
        if let Parsed::Complete { len, addresses } = parse(&bytes)? {
            return Ok((addresses, bytes.split_off(len)));
        }
        let room = (LONGEST + 1).saturating_sub(bytes.len()) as u64;
        match client.take(room.min(512)).read_buf(&mut bytes).await {
            Ok(0) | Err(_) if bytes.is_empty() => return Err(HeaderError::Silent),
            Ok(0) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn what_comes_after_it_is_not_lost() {
        let mut client = &b"PROXY TCP4 192.0.2.7 10.0.0.1 1 2\r\nGET /"[..];
        let (addresses, rest) = read_header(&mut client).await.unwrap();
        assert_eq!(addresses.unwrap().source, "192.0.2.7:1".parse().unwrap());
        assert_eq!(rest, b"GET /");
    }

    #[tokio::test]
    async fn an_end_in_the_middle_is_told_from_silence() {
        let read = async |bytes: &[u8]| read_header(&mut &*bytes).await.unwrap_err();
        assert!(matches!(read(b"").await, HeaderError::Silent));
        assert!(matches!(read(b"PROXY TCP4").await, HeaderError::Io(_)));
        assert!(matches!(read(b"GET /").await, HeaderError::Fault(_)));
    }
}
