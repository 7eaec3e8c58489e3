//! A plain HTTP/1.1 client (hyper) on one connection.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::{Body, full, whole, within};

/// A keep-alive connection.
#[derive(Debug)]
pub struct HttpClient {
    sender: SendRequest<Body>,
}

impl HttpClient {
    /// Connects to `address`.
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self { sender }
    }

    /// Sends a request and waits for the head of its response.
    pub async fn send(&mut self, mut request: Request<Body>) -> Response<Incoming> {
        let headers = request.headers_mut();
        headers
            .entry("host")
            .or_insert(http::HeaderValue::from_static("chat.test"));
        within("the connection takes a request", self.sender.ready())
            .await
            .unwrap();
        within("a response", self.sender.send_request(request))
            .await
            .unwrap()
    }

    /// Passes a request on as it is, however long its response takes to begin.
    pub(crate) async fn pass(
        &mut self,
        request: Request<Body>,
    ) -> hyper::Result<Response<Incoming>> {
        self.sender.send_request(request).await
    }

    /// Gets `path`: the status and the whole content.
    pub async fn get(&mut self, path: &str) -> (u16, Bytes) {
        let response = self.send(Request::get(path).body(full("")).unwrap()).await;
        (
            response.status().as_u16(),
            within("the content", whole(response.into_body())).await,
        )
    }
}

impl crate::Towpath {
    /// An HTTP client on a connection of its own.
    pub async fn http(&self) -> HttpClient {
        HttpClient::connect(self.address()).await
    }

    /// One plain GET with these fields, on a connection of its own: the status and the content as text.
    pub async fn get(&self, path: &str, fields: &[(&str, &str)]) -> (u16, String) {
        let mut request = Request::get(path);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let response = self
            .http()
            .await
            .send(request.body(full("")).unwrap())
            .await;
        let status = response.status().as_u16();
        (
            status,
            String::from_utf8(whole(response.into_body()).await.to_vec()).unwrap(),
        )
    }
}
