//! A session of whichever dialect.

use std::io;

use crate::{engine_io, native, sockjs};

/// What clients speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Dialect {
    /// The native protocol.
    Towpath,
    /// SockJS, by its `xhr` transport.
    Sockjs,
    /// Engine.IO, by polling.
    EngineIo,
}

/// One session.
pub enum Session {
    /// Of the native protocol.
    Towpath(native::Session),
    /// Of SockJS.
    Sockjs(sockjs::Session),
    /// Of Engine.IO.
    EngineIo(engine_io::Session),
}

impl Session {
    /// Opens a session at `path`: the WebSocket's, or the service's.
    ///
    /// # Errors
    /// The connection fails, or the answer is none of the protocol's.
    pub async fn open(dialect: Dialect, host: &str, path: &str) -> io::Result<Self> {
        Ok(match dialect {
            Dialect::Towpath => Self::Towpath(native::Session::open(host, path).await?),
            Dialect::Sockjs => Self::Sockjs(sockjs::Session::open(host, path).await?),
            Dialect::EngineIo => Self::EngineIo(engine_io::Session::open(host, path).await?),
        })
    }

    /// Sends a message while a poll is held, and takes the answer.
    ///
    /// # Errors
    /// The connection fails, or the answer is none of the protocol's.
    pub async fn round_trip(&mut self, message: &str) -> io::Result<()> {
        match self {
            Self::Towpath(session) => session.round_trip(message.as_bytes()).await,
            Self::Sockjs(session) => session.round_trip(message).await,
            Self::EngineIo(session) => session.round_trip(message).await,
        }
    }

    /// Leaves a poll held.
    ///
    /// # Errors
    /// The connection fails.
    pub async fn hold(&mut self) -> io::Result<()> {
        match self {
            Self::Towpath(session) => session.hold().await,
            Self::Sockjs(session) => session.hold().await,
            Self::EngineIo(session) => session.hold().await,
        }
    }
}
