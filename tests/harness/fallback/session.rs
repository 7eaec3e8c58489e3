//! A session that a story speaks for itself, request by request.

use std::net::SocketAddr;

use http::Request;

use super::exchange::{Exchange, Reply};
use super::{Answer, Frame, Io, Opened, Opening, Stream};
use crate::{DEADLINE, HttpClient, full};

/// An open session; its requests go one after another on one connection.
#[derive(Debug)]
pub struct Session {
    /// What `open` said.
    pub opened: Opened,
    /// Where its `io` is.
    pub path: String,
    address: SocketAddr,
    exchange: Exchange,
    serial: u64,
}

impl Session {
    /// Opens one for a WebSocket's path.
    pub async fn open(address: SocketAddr, path: &str) -> Self {
        Self::with(address, Opening::new(path)).await
    }

    /// Opens one in the way that `opening` says.
    pub async fn with(address: SocketAddr, opening: Opening) -> Self {
        let (_, answer) = opening.ask(address).await;
        Self {
            opened: Opened::read(&answer),
            path: opening.endpoint("io"),
            address,
            exchange: Exchange::new(address, &opening.fields),
            serial: 0,
        }
    }

    /// The same session, on another connection and with other fields in its requests.
    pub fn again(&self, fields: &[(&str, &str)]) -> Self {
        let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        let fields: Vec<_> = fields.iter().map(owned).collect();
        Self {
            opened: self.opened.clone(),
            path: self.path.clone(),
            address: self.address,
            exchange: Exchange::new(self.address, &fields),
            serial: self.serial + 1000,
        }
    }

    /// A request of this session, the next in order, that says nothing and does not wait.
    pub fn request(&mut self) -> Io {
        self.serial += 1;
        Io {
            token: self.opened.token.clone(),
            serial: self.serial,
            budget: 256 << 10,
            ..Io::default()
        }
    }

    /// Sends frames, of which the first has this number.
    pub async fn send(&mut self, first: u64, frames: Vec<Frame>) -> Answer {
        let request = self.request();
        self.io(&Io {
            first,
            frames,
            ..request
        })
        .await
    }

    /// Polls, with this `ack`, as long as the session's `wait` allows.
    pub async fn poll(&mut self, ack: u64) -> Answer {
        let (request, wait) = (self.request(), self.opened.wait);
        self.io(&Io {
            ack,
            wait,
            ..request
        })
        .await
    }

    /// Makes a request; gives its answer.
    pub async fn io(&mut self, request: &Io) -> Answer {
        self.body(request.bytes()).await
    }

    /// Polls for a stream (§7), on a connection of its own.
    pub async fn stream(&mut self, ack: u64) -> Stream {
        let (flags, wait, request) = (1, self.opened.wait, self.request());
        let body = Io {
            flags,
            budget: 1 << 20,
            ack,
            wait,
            ..request
        }
        .bytes();
        let request = Request::post(&self.path).body(full(body)).unwrap();
        let mut client = HttpClient::connect(self.address).await;
        Stream::new(client.send(request).await)
    }

    /// Posts any body; gives the answer.
    pub async fn body(&mut self, body: impl Into<Vec<u8>>) -> Answer {
        let reply = self.post(body.into()).await;
        assert_eq!(reply.status, 200, "{:?}", reply.body);
        Answer::parse(&reply.body).unwrap()
    }

    /// Makes a request; gives the size of its whole answer, head and content.
    pub async fn size_of_answer(&mut self, request: &Io) -> usize {
        let reply = self.post(request.bytes()).await;
        let fields = reply.fields.iter();
        let head = fields.map(|(name, value)| name.as_str().len() + value.len());
        head.sum::<usize>() + reply.body.len()
    }

    async fn post(&mut self, body: Vec<u8>) -> Reply {
        self.exchange
            .post(&self.path, body, DEADLINE)
            .await
            .unwrap()
    }
}
