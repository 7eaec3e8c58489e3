//! The least of a SockJS client that a load needs: its `xhr` transport.

use std::io;

use crate::http::Connection;

/// One session, with a connection for polls and one for what is sent.
pub struct Session {
    polls: Connection,
    sends: Connection,
    xhr: String,
    xhr_send: String,
    xhr_streaming: String,
    /// Quotes so far of messages that nobody has asked for; a message has two.
    quotes: usize,
}

impl Session {
    /// Opens a session of the service at `base`.
    ///
    /// # Errors
    /// The connection fails, or the answer is none of the protocol's.
    pub async fn open(host: &str, base: &str) -> io::Result<Self> {
        let mut id = [0; 8];
        getrandom::fill(&mut id).map_err(io::Error::other)?;
        let base = format!(
            "{}/000/{:016x}",
            base.trim_end_matches('/'),
            u64::from_ne_bytes(id)
        );
        let mut polls = Connection::new(host).await?;
        let xhr = format!("{base}/xhr");
        let opened = polls.post(&xhr, b"").await?;
        if opened != b"o\n" {
            return Err(io::Error::other(format!("not opened: {opened:?}")));
        }
        Ok(Self {
            polls,
            sends: Connection::new(host).await?,
            xhr,
            xhr_send: format!("{base}/xhr_send"),
            xhr_streaming: format!("{base}/xhr_streaming"),
            quotes: 0,
        })
    }

    /// Sends a message while a poll is held, and takes the answer's messages in.
    ///
    /// # Errors
    /// The connection fails, or the answer is none of the protocol's.
    pub async fn round_trip(&mut self, message: &str) -> io::Result<()> {
        self.hold().await?;
        let send = serde_json::to_vec(&[message])?;
        self.sends.post(&self.xhr_send, &send).await?;
        loop {
            let polled = self.polls.read().await?;
            match polled.first() {
                Some(b'a') => return Ok(()),
                Some(b'h') => self.hold().await?,
                _ => return Err(io::Error::other(format!("no messages: {polled:?}"))),
            }
        }
    }

    /// Begins to receive by `xhr_streaming`.
    ///
    /// # Errors
    /// The connection fails.
    pub async fn stream(&mut self) -> io::Result<()> {
        self.polls.write(&self.xhr_streaming, b"").await
    }

    /// Reads on; how many messages without quotes in them have come since.
    ///
    /// # Errors
    /// The connection fails.
    pub async fn streamed(&mut self) -> io::Result<usize> {
        let Some(came) = self.polls.read_on().await? else {
            self.stream().await?;
            return Ok(0);
        };
        let before = self.quotes / 2;
        self.quotes += came.iter().filter(|byte| **byte == b'"').count();
        Ok(self.quotes / 2 - before)
    }

    /// Leaves a poll held.
    ///
    /// # Errors
    /// The connection fails.
    pub async fn hold(&mut self) -> io::Result<()> {
        self.polls.write(&self.xhr, b"").await
    }
}
