//! The least of a client of the native fallback (`fallback/PROTOCOL.md`) that a load needs: it never loses a request,
//! so it never repeats one.

use std::io;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::http::Connection;

/// How long a poll is held, in milliseconds, and how many bytes it may bring.
const WAIT: u64 = 25_000;
const BUDGET: u64 = 1 << 20;

/// One session, with a connection for polls and one for what is sent.
pub struct Session {
    polls: Connection,
    sends: Connection,
    path: String,
    token: Vec<u8>,
    serial: u64,
    sent: u64,
    received: u64,
}

impl Session {
    /// Opens a session for the WebSocket at `path`.
    ///
    /// # Errors
    /// The connection fails, or the answer is none of the protocol's.
    pub async fn open(host: &str, path: &str) -> io::Result<Self> {
        let mut polls = Connection::new(host).await?;
        let sends = Connection::new(host).await?;
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).map_err(io::Error::other)?;
        let open = json!({ "towpath": 1, "nonce": URL_SAFE_NO_PAD.encode(nonce) });
        let base = path.trim_end_matches('/');
        let answer = polls
            .post(
                &format!("{base}/~towpath/1/open"),
                open.to_string().as_bytes(),
            )
            .await?;
        let answer: Value = serde_json::from_slice(&answer)?;
        let token = answer.get("token").and_then(Value::as_str);
        let token = token.ok_or_else(|| io::Error::other(format!("not opened: {answer}")))?;
        Ok(Self {
            polls,
            sends,
            path: format!("{base}/~towpath/1/io"),
            token: token.as_bytes().to_vec(),
            serial: 0,
            sent: 0,
            received: 0,
        })
    }

    /// Sends a binary message while a poll is held, and takes the answer's frames in.
    ///
    /// # Errors
    /// The connection fails, or the answer is none of the protocol's.
    pub async fn round_trip(&mut self, message: &[u8]) -> io::Result<()> {
        let poll = self.request(WAIT, None);
        self.polls.write(&self.path, &poll).await?;
        let send = self.request(0, Some(message));
        self.sends.write(&self.path, &send).await?;
        let taken = self.sends.read().await?;
        self.take(&taken)?;
        let polled = self.polls.read().await?;
        self.take(&polled)
    }

    /// Leaves a poll held.
    ///
    /// # Errors
    /// The connection fails.
    pub async fn hold(&mut self) -> io::Result<()> {
        let poll = self.request(WAIT, None);
        self.polls.write(&self.path, &poll).await
    }

    fn request(&mut self, wait: u64, message: Option<&[u8]>) -> Vec<u8> {
        self.serial += 1;
        let mut body = b"TP1\0".to_vec();
        number(&mut body, self.token.len() as u64);
        body.extend(&self.token);
        self.sent += u64::from(message.is_some());
        let first = message.map_or(0, |_| self.sent);
        for n in [self.serial, self.received, wait, BUDGET, first] {
            number(&mut body, n);
        }
        if let Some(message) = message {
            body.push(2);
            number(&mut body, message.len() as u64);
            body.extend(message);
        }
        body
    }

    /// Counts the frames of an answer that are new.
    fn take(&mut self, answer: &[u8]) -> io::Result<()> {
        let malformed = || io::Error::other(format!("not an answer: {answer:x?}"));
        let mut rest = answer.strip_prefix(b"TP1\0").ok_or_else(malformed)?;
        let mut next = 0;
        for _ in 0..5 {
            next = take_number(&mut rest).ok_or_else(malformed)?;
        }
        while let Some((_, after)) = rest.split_first() {
            rest = after;
            let length = take_number(&mut rest).ok_or_else(malformed)?;
            rest = rest.get(length as usize..).ok_or_else(malformed)?;
            self.received = self.received.max(next);
            next += 1;
        }
        Ok(())
    }
}

fn number(to: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        to.push(n as u8 | 0x80);
        n >>= 7;
    }
    to.push(n as u8);
}

fn take_number(from: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..56).step_by(7) {
        let (byte, rest) = from.split_first()?;
        *from = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}
