//! Requests of sessions that live in an older process: asked there, answered here. What nobody knows is for us.

use std::io;
use std::path::PathBuf;
use std::pin::pin;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use pingora::Result;
use pingora::http::RequestHeader;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use towpath_conf::ProxyVersion;
use towpath_fallback::Body;

use crate::classify::hop_by_hop;
use crate::fallback::{Content, Requester};
use crate::gateway::Exchange;
use crate::proxy_protocol::encode;
use crate::shared::Shared;

/// What an older process answers where it does not know the session: RFC 9110 §15.5.20.
const NOT_MINE: StatusCode = StatusCode::MISDIRECTED_REQUEST;

/// Parts of a streaming answer that are on their way at one time.
const PARTS: usize = 1;

/// Answers a request of a session that is not here, if it is anywhere; `true`: it was answered, or its client is gone.
pub(crate) async fn elsewhere<R: Requester>(
    requester: &mut R,
    exchange: &Exchange,
    shared: &Shared,
    content: &Content,
) -> Result<bool> {
    if exchange.client.is_inner() {
        // Whoever has sent it here asks others, or knows what to say.
        let mut unknown = Response::new(Body::empty());
        *unknown.status_mut() = NOT_MINE;
        requester.answer(unknown, None).await?;
        return Ok(true);
    }
    let Ok(content) = content else {
        return Ok(false);
    };
    for predecessor in shared.generations.living().iter() {
        let socket = predecessor.socket(exchange.client.scheme_of(requester.head()));
        let introduction = encode(ProxyVersion::V2, exchange.client.addresses);
        let asked = match request(requester.head(), exchange, content.clone()) {
            Ok(request) => {
                let asked = pin!(ask(socket, introduction, request));
                requester.unless_gone(asked).await?
            }
            Err(error) => Some(Err(error)),
        };
        match asked {
            None => return Ok(true),
            Some(Ok(response)) if response.status() == NOT_MINE => {}
            Some(Ok(response)) => {
                requester.answer(response, None).await?;
                return Ok(true);
            }
            Some(Err(error)) => tracing::debug!(%error, "an older process cannot be reached"),
        }
    }
    Ok(false)
}

/// What moves the bytes of one request's connection, which is closed with it.
struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Puts a request to an older process, as its client would.
async fn ask(
    socket: PathBuf,
    introduction: Vec<u8>,
    request: Request<Full<Bytes>>,
) -> io::Result<Response<Body>> {
    let mut connection = UnixStream::connect(socket).await?;
    connection.write_all(&introduction).await?;
    let (mut sender, driver) = http1::handshake(TokioIo::new(connection))
        .await
        .map_err(io::Error::other)?;
    let driver = Driver(tokio::spawn(async move {
        // What fails on it fails its request.
        let _ = driver.await;
    }));
    let response = sender.send_request(request).await;
    let (mut parts, incoming) = response.map_err(io::Error::other)?.into_parts();
    for name in hop_by_hop(&parts.headers) {
        parts.headers.remove(name);
    }
    parts.headers.remove(header::DATE);
    parts.headers.remove(header::CONTENT_LENGTH);
    // A 204 has no length, and no content either.
    let body = match incoming.size_hint().exact() {
        Some(_) => {
            let whole = incoming.collect().await.map_err(io::Error::other)?;
            Body::whole(whole.to_bytes())
        }
        None => {
            let (to, from) = mpsc::channel(PARTS);
            tokio::spawn(pass_on(incoming, to, driver));
            Body::stream(from)
        }
    };
    Ok(Response::from_parts(parts, body))
}

/// The request as the older process gets it: its Host is the proxy's as the client knows it.
fn request(
    head: &RequestHeader,
    exchange: &Exchange,
    content: Bytes,
) -> io::Result<Request<Full<Bytes>>> {
    let own_origin = exchange.client.own_origin(head);
    let host = own_origin.split_once("://").map_or("", |(_, host)| host);
    let mut fields: HeaderMap = head.headers.clone();
    for name in hop_by_hop(&head.headers) {
        fields.remove(name);
    }
    for name in [header::EXPECT, header::CONTENT_LENGTH] {
        fields.remove(name);
    }
    fields.insert(header::HOST, host.parse().map_err(io::Error::other)?);
    let target = head.uri.path_and_query().map_or("/", |it| it.as_str());
    let mut request = Request::new(Full::new(content));
    *request.method_mut() = head.method.clone();
    *request.uri_mut() = target.parse().map_err(io::Error::other)?;
    *request.headers_mut() = fields;
    Ok(request)
}

/// Passes a streaming answer on, until one of its ends has gone.
async fn pass_on(mut incoming: Incoming, to: mpsc::Sender<Bytes>, _driver: Driver) {
    loop {
        let frame = tokio::select! {
            frame = incoming.frame() => frame,
            () = to.closed() => return,
        };
        let Some(Ok(frame)) = frame else { return };
        if let Ok(part) = frame.into_data()
            && to.send(part).await.is_err()
        {
            return;
        }
    }
}
