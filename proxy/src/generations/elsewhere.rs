//! Requests of sessions that live in another process: asked there, answered here. What nobody knows is for us.

use std::io;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use pingora::Result;
use pingora::http::RequestHeader;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use towpath_conf::ProxyVersion;
use towpath_fallback::Body;

use crate::classify::hop_by_hop;
use crate::fallback::{Content, Requester};
use crate::gateway::Exchange;
use crate::proxy_protocol::encode;
use crate::shared::Shared;

/// What another process answers where it does not know the session: RFC 9110 §15.5.20.
const NOT_MINE: StatusCode = StatusCode::MISDIRECTED_REQUEST;

/// Parts of a streaming answer that are on their way at one time.
const PARTS: usize = 1;

/// How long is waited for another process that has no room for a connection at the moment.
const BREATH: Duration = Duration::from_millis(10);

/// How long a process is silent that lives and waits for a request, and how often is looked whether it does.
const SILENCE: Duration = Duration::from_millis(100);
const LAST_LOOKS: usize = 3;

/// What came of asking another process.
enum Asked {
    /// It has the session.
    Answered(Response<Body>),
    /// It has not.
    Unknown,
    /// It has ended, and its sessions with it.
    Gone,
    /// It lives, and could not be asked.
    Failed(io::Error),
}

/// Answers a request of a session that is not here, if it is anywhere; `true`: it was answered, or its client is gone.
pub(crate) async fn elsewhere<R: Requester>(
    requester: &mut R,
    exchange: &mut Exchange,
    shared: &Shared,
    content: &Content,
) -> Result<bool> {
    if exchange.client.is_inner() {
        // Whoever has sent it here asks others, or knows what to say, and writes it down.
        exchange.summed_up = true;
        let mut unknown = Response::new(Body::empty());
        *unknown.status_mut() = NOT_MINE;
        requester.answer(unknown, None).await?;
        return Ok(true);
    }
    let Ok(content) = content else {
        return Ok(false);
    };
    let scheme = exchange.client.scheme_of(requester.head());
    // All at once: one after the other, the last would be asked late on a busy machine.
    let all = FuturesUnordered::new();
    for relative in shared.generations.others() {
        let request = request(requester.head(), exchange, content.clone());
        let introduction = encode(ProxyVersion::V2, exchange.client.addresses);
        all.push(async move {
            let asked = ask(relative.socket(scheme), introduction, request);
            (asked.await, relative)
        });
    }
    let search = pin!(async move {
        // Who has not answered by then is not asked any more.
        let (mut asking, mut failed) = (all, false);
        while let Some((asked, relative)) = asking.next().await {
            match asked {
                Asked::Answered(response) => return (Some(response), false),
                Asked::Unknown => {}
                Asked::Gone => shared.generations.forget(&relative),
                Asked::Failed(error) => {
                    failed = true;
                    tracing::warn!(%error, generation = relative.number, "another process cannot be asked");
                }
            }
        }
        (None, failed)
    });
    let Some((found, failed)) = requester.unless_gone(search).await? else {
        return Ok(true);
    };
    if let Some(response) = found {
        exchange.summed_up = response.status().is_success();
        requester.answer(response, None).await?;
        return Ok(true);
    }
    if failed {
        // It may be that one's session, which goes on: its client is to ask again.
        let mut later = Response::new(Body::empty());
        *later.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        requester.answer(later, None).await?;
    }
    Ok(failed)
}

/// What moves the bytes of one request's connection, which is closed with it.
struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Asks another process, as the client would.
async fn ask(
    socket: PathBuf,
    introduction: Vec<u8>,
    request: io::Result<Request<Full<Bytes>>>,
) -> Asked {
    let asked = async { put(connect(&socket).await?, introduction, request?).await };
    match asked.await {
        Ok(response) if response.status() == NOT_MINE => Asked::Unknown,
        Ok(response) => Asked::Answered(response),
        // It is not asked a second time, since it may have taken the request.
        Err(error) => match lives(&socket).await {
            true => Asked::Failed(error),
            false => Asked::Gone,
        },
    }
}

/// Whether a process that has given no answer is there yet: one that is being ended may be reached a last time, and
/// hangs up at once.
async fn lives(socket: &Path) -> bool {
    for _ in 0..LAST_LOOKS {
        match connect(socket).await {
            Err(error) => return !is_gone(&error),
            Ok(mut connection) => {
                let hung_up = connection.read_u8();
                if timeout(SILENCE, hung_up).await.is_err() {
                    return true;
                }
            }
        }
    }
    true
}

/// Whether this is what a socket says whose process has ended: nobody listens any more, or it is not there.
fn is_gone(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound
    )
}

/// Where connections wait for a process that is behind with them, and the queue is full, the kernel refuses instead of
/// waiting (EAGAIN); so we wait.
async fn connect(socket: &Path) -> io::Result<UnixStream> {
    loop {
        match UnixStream::connect(socket).await {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => sleep(BREATH).await,
            connected => return connected,
        }
    }
}

/// Puts a request to another process, on a connection of its own.
async fn put(
    mut connection: UnixStream,
    introduction: Vec<u8>,
    request: Request<Full<Bytes>>,
) -> io::Result<Response<Body>> {
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

/// The request as the other process gets it: its Host is the proxy's as the client knows it.
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
