//! POSTs to one address, one after another, on a connection that is kept while it works.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::BodyExt;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::{Body, full};

/// A client's connection, as long as it lasts.
#[derive(Debug)]
pub(super) struct Exchange {
    address: SocketAddr,
    fields: Vec<(String, String)>,
    connection: Option<SendRequest<Body>>,
}

/// An answer, whoever gave it.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) fields: HeaderMap,
    pub(super) body: Bytes,
}

impl Exchange {
    /// To `address`, with these fields in each request.
    pub(super) fn new(address: SocketAddr, fields: &[(String, String)]) -> Self {
        Self {
            address,
            fields: fields.to_vec(),
            connection: None,
        }
    }

    /// Posts once. A failure costs the connection.
    pub(super) async fn post(
        &mut self,
        path: &str,
        body: Vec<u8>,
        deadline: Duration,
    ) -> Result<Reply, String> {
        let mut request = Request::post(path).header("host", "chat.test");
        for (name, value) in &self.fields {
            request = request.header(name, value);
        }
        let request = request.body(full(body)).unwrap();
        match timeout(deadline, self.attempt(request)).await {
            Ok(Ok((connection, reply))) => {
                self.connection = Some(connection);
                Ok(reply)
            }
            Ok(Err(error)) => Err(error),
            Err(_) => Err(format!("no answer within {deadline:?}")),
        }
    }

    async fn attempt(
        &mut self,
        request: Request<Body>,
    ) -> Result<(SendRequest<Body>, Reply), String> {
        let mut connection = self.connected().await.map_err(|error| error.to_string())?;
        let answered = connection.send_request(request).await;
        let (head, body) = answered.map_err(|error| error.to_string())?.into_parts();
        let body = body.collect().await.map_err(|error| error.to_string())?;
        let reply = Reply {
            status: head.status.as_u16(),
            fields: head.headers,
            body: body.to_bytes(),
        };
        Ok((connection, reply))
    }

    /// The connection of the last request, unless the other side has closed it; else a new one.
    async fn connected(
        &mut self,
    ) -> Result<SendRequest<Body>, Box<dyn std::error::Error + Send + Sync>> {
        if let Some(mut connection) = self.connection.take()
            && connection.ready().await.is_ok()
        {
            return Ok(connection);
        }
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        sender.ready().await?;
        Ok(sender)
    }
}
