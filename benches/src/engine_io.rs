//! The least of an Engine.IO client that a load needs: polling, in revision 4.

use std::io;

use serde_json::Value;

use crate::http::Connection;

/// One session, with a connection for polls and one for what is sent.
pub struct Session {
    polls: Connection,
    sends: Connection,
    path: String,
    /// Makes each request's URL another.
    requests: u64,
}

impl Session {
    /// Opens a session at `path`.
    ///
    /// # Errors
    /// The connection fails, or the answer is none of the protocol's.
    pub async fn open(host: &str, path: &str) -> io::Result<Self> {
        let mut polls = Connection::new(host).await?;
        let path = format!("{path}?EIO=4&transport=polling");
        polls.write_get(&path).await?;
        let opened = polls.read().await?;
        let open: Value = serde_json::from_slice(opened.get(1..).unwrap_or_default())?;
        let sid = open.get("sid").and_then(Value::as_str);
        let sid = sid.ok_or_else(|| io::Error::other(format!("not opened: {open}")))?;
        Ok(Self {
            polls,
            sends: Connection::new(host).await?,
            path: format!("{path}&sid={sid}&t="),
            requests: 0,
        })
    }

    /// Sends a message while a poll is held, and takes the answer's packets in.
    ///
    /// # Errors
    /// The connection fails, or the answer is none of the protocol's.
    pub async fn round_trip(&mut self, message: &str) -> io::Result<()> {
        self.hold().await?;
        let path = self.path();
        let packet = format!("4{message}");
        self.sends.post(&path, packet.as_bytes()).await?;
        loop {
            let polled = self.polls.read().await?;
            match polled.first() {
                Some(b'4') => return Ok(()),
                Some(b'2') => self.hold().await?,
                _ => return Err(io::Error::other(format!("no message: {polled:?}"))),
            }
        }
    }

    /// Leaves a poll held.
    ///
    /// # Errors
    /// The connection fails.
    pub async fn hold(&mut self) -> io::Result<()> {
        let path = self.path();
        self.polls.write_get(&path).await
    }

    fn path(&mut self) -> String {
        self.requests += 1;
        format!("{}{}", self.path, self.requests)
    }
}
