//! Any connection, behind one type.

use tokio::io::{AsyncRead, AsyncWrite};

/// Bytes both ways.
pub trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Connection for S {}

/// A client's connection after its 101.
pub type BoxedConnection = Box<dyn Connection>;
