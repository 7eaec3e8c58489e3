//! The short way: a plain handshake, and what belongs to a session of the fallback that is open, is answered here, on the
//! gate's own connection. pingora's session, its filters and its futures would cost more than all else about such a request, and a
//! held poll would keep them in memory. Whatever is not quite plain, such as chunked content, goes the long way.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use memchr::{memchr, memchr_iter};
use pingora::http::RequestHeader;
use pingora::protocols::http::date::get_cached_date;
use pingora::server::ShutdownWatch;
use pingora::{Error, ErrorType, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use towpath_fallback::{Body, TooLarge, cohort};

use super::downstream::Downstream;
use super::head::{Framing, Head};
use super::{Gate, handshake, head, linger, refuse};
use crate::answer::{LINGER, Refusal};
use crate::changes::Changes;
use crate::fallback::{self, Content, Requester, engine_io, sockjs};
use crate::field_lines::FieldLines;
use crate::gateway::{Exchange, OfSession, Shortcut};
use crate::observe::access_log::{self, Answered};
use crate::observe::rejections::Reason;
use crate::shared::Shared;

/// How much is read of content that is too large: its client hears the answer only when it has sent all.
const DRAINED: u64 = 1 << 20;
/// Content of up to this size is copied behind the header, so that both are written at once.
const COPIED: usize = 16 * 1024;

/// The way of a request to its answer: then the client, if another request may follow.
pub(super) type Answering = Pin<Box<dyn Future<Output = Option<Box<Downstream>>> + Send>>;

impl Gate {
    /// Answers the request whose head stands first, if it is a plain handshake or one of a session's; otherwise the client
    /// is given back. `keeps`: another request may follow.
    pub(super) fn take_shortcut(
        &self,
        mut client: Box<Downstream>,
        head: Head,
        keeps: bool,
        shutdown: &ShutdownWatch,
    ) -> std::result::Result<Answering, Box<Downstream>> {
        let Some((request, exchange, way)) = self.find_shortcut(&client, head) else {
            return Err(client);
        };
        let shared = self.shared.clone();
        let session = match way {
            Shortcut::Session(session) => session,
            Shortcut::Tunnel => {
                let keeps = keeps && !*shutdown.borrow() && !shared.is_draining();
                let answered = handshake::answer(client, head, request, exchange, keeps, shared);
                return Ok(answered);
            }
        };
        client.admit_content(head);
        let direct = |dialect| Direct {
            keeps: keeps && !asks_to_close(&request),
            head: request,
            client,
            shutdown: shutdown.clone(),
            shared: self.shared.clone(),
            write: self.shared.snapshot().config.timeouts.write.get(),
            dialect,
            received: 0,
            sent: 0,
            status: None,
        };
        // Each on its own, since a poll of one dialect would carry the size of the others.
        Ok(match session {
            OfSession::Native => native(direct("towpath"), exchange, shared),
            OfSession::SockJs(asked) => sock_js(direct("sockjs"), exchange, shared, asked),
            OfSession::EngineIo(asked) => engine_io(direct("engine_io"), exchange, shared, asked),
        })
    }

    fn find_shortcut(
        &self,
        client: &Downstream,
        head: Head,
    ) -> Option<(RequestHeader, Exchange, Shortcut)> {
        let Framing::Length(_) = head.framing else {
            return None;
        };
        let bytes = client.early().get(..head.len)?;
        let snapshot = self.shared.snapshot();
        let may = |path: &str| head.upgrade || snapshot.may_be_fallback(path);
        // Servers get a handshake's fields as they are spelt.
        let mut request = parse(bytes, head.upgrade, may)?;
        let connection = client.facts()?;
        let mut exchange = Exchange::new();
        let way = Shortcut::find(&self.shared, &mut request, connection, &mut exchange)?;
        Some((request, exchange, way))
    }
}

// The blocks capture what an `async fn` would have room for twice.

fn native(mut direct: Direct, mut exchange: Exchange, shared: Arc<Shared>) -> Answering {
    Box::pin(async move {
        let answered = fallback::go_on(&mut direct, &mut exchange, &shared).await;
        let keeps = direct.finish(answered, &exchange, &shared).await;
        keeps.then_some(direct.client)
    })
}

fn sock_js(
    mut direct: Direct,
    mut exchange: Exchange,
    shared: Arc<Shared>,
    asked: sockjs::Asked,
) -> Answering {
    Box::pin(async move {
        let answered = sockjs::carry(&mut direct, &mut exchange, &shared, asked).await;
        let keeps = direct.finish(answered, &exchange, &shared).await;
        keeps.then_some(direct.client)
    })
}

fn engine_io(
    mut direct: Direct,
    mut exchange: Exchange,
    shared: Arc<Shared>,
    asked: engine_io::Asked,
) -> Answering {
    Box::pin(async move {
        let answered = engine_io::carry(&mut direct, &mut exchange, &shared, asked).await;
        let keeps = direct.finish(answered.map(drop), &exchange, &shared).await;
        keeps.then_some(direct.client)
    })
}

/// A request on the gate's own connection.
pub(super) struct Direct {
    client: Box<Downstream>,
    /// Once the fallback has the request, what the access log wants of it.
    head: RequestHeader,
    /// Whether another request may follow.
    keeps: bool,
    shutdown: ShutdownWatch,
    shared: Arc<Shared>,
    /// How long a write may take.
    write: Duration,
    dialect: &'static str,
    received: usize,
    sent: usize,
    status: Option<StatusCode>,
}

impl Requester for Direct {
    fn head(&self) -> &RequestHeader {
        &self.head
    }

    fn request(&mut self, content: Content) -> Request<Content> {
        let rest = for_the_log(&self.head);
        let head = std::mem::replace(&mut self.head, rest);
        Request::from_parts(head.into(), content)
    }

    fn let_go(&mut self) {
        // A poll may be held for long, and its header would be with it.
        self.head = for_the_log(&self.head);
    }

    async fn content(
        &mut self,
        exchange: &mut Exchange,
        shared: &Shared,
        most: usize,
    ) -> Result<Option<Content>> {
        if let Some(whole) = self.client.take_content(most) {
            self.received = whole.len();
            return Ok(Some(Ok(whole)));
        }
        let limit = shared.snapshot().config.timeouts.read.get();
        match timeout(limit, self.read(most)).await {
            Ok(content) => content.map(Some),
            Err(_) => {
                let refusal = Refusal::RequestTimeout;
                exchange.refused(refusal);
                (self.status, self.keeps) = (Some(refusal.status()), false);
                refuse(self.client.as_mut(), refusal).await;
                Ok(None)
            }
        }
    }

    async fn unless_gone<T: Send>(
        &mut self,
        answered: impl Future<Output = T> + Send + Unpin,
    ) -> Result<Option<T>> {
        tokio::select! {
            // First, since of content that is too large the rest may lie there, and look as if the client went on.
            biased;
            answer = answered => Ok(Some(answer)),
            gone = self.client.end() => {
                self.keeps = false;
                gone.map(|()| None).map_err(|e| failed(ErrorType::ReadError, e))
            }
        }
    }

    async fn answer(&mut self, response: Response<Body>, changes: Option<&Changes>) -> Result<()> {
        cohort::join().await;
        let (status, lines, mut body) = fallback::head(response, false, changes)?;
        let leaves = *self.shutdown.borrow() || self.shared.is_draining();
        self.keeps &= self.client.is_between_requests() && !leaves;
        self.status = Some(status);
        let mut bytes = self.serialize(status, lines, body.size().unwrap_or_default());
        if body.size().is_some() {
            let whole = body.next().await.unwrap_or_default();
            return self.write(bytes, whole).await;
        }
        self.write(bytes, Bytes::new()).await?;
        loop {
            let Some(part) = self.unless_gone(pin!(body.next())).await? else {
                return Ok(());
            };
            let Some(part) = part else {
                let last = BytesMut::from("0\r\n\r\n");
                return self.write(last, Bytes::new()).await;
            };
            bytes = BytesMut::from(format!("{:x}\r\n", part.len()).as_str());
            bytes.reserve(part.len() + 2);
            bytes.extend_from_slice(&part);
            bytes.extend_from_slice(b"\r\n");
            self.write(bytes, Bytes::new()).await?;
        }
    }
}

impl Direct {
    /// Says what became of the request. `true`: another one may follow.
    async fn finish(&mut self, answered: Result<()>, exchange: &Exchange, shared: &Shared) -> bool {
        if let Err(error) = &answered {
            access_log::failed(error, exchange, None);
        }
        if let Some(refusal) = exchange.refusal {
            shared.rejections.count(Reason::Refused(refusal));
        }
        let outcome = Answered {
            status: self.status,
            received: self.received,
            sent: self.sent,
            failed: answered.is_err(),
        };
        exchange.end_trace(&outcome);
        let took = exchange.started.elapsed();
        shared.metrics.session_answered(self.dialect, took);
        access_log::request(&self.head, outcome, exchange);
        let is_whole = answered.is_ok() && self.status.is_some();
        if is_whole && self.keeps && self.client.is_between_requests() {
            return true;
        }
        // What has been written is to arrive, whatever the client still has to say.
        let _ = Box::pin(timeout(LINGER, linger(self.client.as_mut()))).await;
        false
    }

    /// Reads content that is not all here.
    async fn read(&mut self, most: usize) -> Result<Content> {
        let left = self.client.content_left();
        let broken = |error| failed(ErrorType::ReadError, error);
        if left > most as u64 {
            let mut content = (&mut self.client).take(left.min(DRAINED));
            let drained = tokio::io::copy(&mut content, &mut tokio::io::sink()).await;
            self.received = usize::try_from(drained.map_err(broken)?).unwrap_or(usize::MAX);
            return Ok(Err(TooLarge));
        }
        let mut content = BytesMut::with_capacity(usize::try_from(left).unwrap_or_default());
        while self.client.content_left() > 0 {
            if self.client.read_buf(&mut content).await.map_err(broken)? == 0 {
                return Error::e_explain(ErrorType::ConnectionClosed, "content ends early");
            }
        }
        self.received = content.len();
        Ok(Ok(content.freeze()))
    }

    fn serialize(&self, status: StatusCode, mut lines: FieldLines, content: usize) -> BytesMut {
        let connection = if self.keeps { "keep-alive" } else { "close" };
        lines.replace("Date", get_cached_date().as_bytes());
        lines.replace("Connection", connection.as_bytes());
        let copied = if content > COPIED { 0 } else { content };
        let reason = status.canonical_reason().unwrap_or_default();
        lines.response(status, reason, copied)
    }

    async fn write(&mut self, mut first: BytesMut, second: Bytes) -> Result<()> {
        let written = async {
            if second.len() <= COPIED {
                first.extend_from_slice(&second);
                self.client.write_all(&first).await?;
            } else {
                self.client
                    .write_all_buf(&mut first.chain(&second[..]))
                    .await?;
            }
            self.client.flush().await
        };
        self.sent += second.len();
        match timeout(self.write, written).await {
            Ok(written) => written.map_err(|e| failed(ErrorType::WriteError, e)),
            Err(_) => Error::e_explain(ErrorType::WriteTimedout, "the client does not read"),
        }
    }
}

pub(super) fn failed(kind: ErrorType, error: std::io::Error) -> Box<Error> {
    Error::because(kind, "the client's connection", error).into_down()
}

/// A checked head as pingora has it, if it is that of a plain request for a path that `may` be ours; with the `spelling`
/// of its fields, where that matters.
fn parse(head: &[u8], spelling: bool, may: impl FnOnce(&str) -> bool) -> Option<RequestHeader> {
    let (line, _) = head::parts(head);
    let (method, target) = match line {
        [b'G', b'E', b'T', b' ', target @ ..] => (Method::GET, target),
        [b'P', b'O', b'S', b'T', b' ', target @ ..] => (Method::POST, target),
        _ => return None,
    };
    let target = std::str::from_utf8(target.strip_suffix(b" HTTP/1.1")?).ok()?;
    let path = target.get(..memchr(b'?', target.as_bytes()).unwrap_or(target.len()))?;
    if !path.starts_with('/') || !may(path) {
        return None;
    }
    match spelling {
        true => as_spelt(method, target, head),
        false => plain(method, target, head),
    }
}

/// With names as they are spelt.
fn as_spelt(method: Method, target: &str, head: &[u8]) -> Option<RequestHeader> {
    let lines = memchr_iter(b'\n', head).count();
    let mut request = RequestHeader::build(method, target.as_bytes(), Some(lines)).ok()?;
    let head = Bytes::copy_from_slice(head);
    for field in fields(&head) {
        let (name, value) = field?;
        request.append_header(head.slice_ref(name), value).ok()?;
    }
    Some(request)
}

/// Without their spelling.
fn plain(method: Method, target: &str, head: &[u8]) -> Option<RequestHeader> {
    let lines = memchr_iter(b'\n', head).count();
    // Behind the method and a space.
    let start = method.as_str().len() + 1;
    let head = Bytes::copy_from_slice(head);
    let (mut request, ()) = Request::new(()).into_parts();
    request.method = method;
    request.uri =
        Uri::from_maybe_shared(head.slice_ref(head.get(start..start + target.len())?)).ok()?;
    request.headers.reserve(lines);
    for field in fields(&head) {
        let (name, value) = field?;
        let name = HeaderName::from_bytes(name).ok()?;
        request.headers.append(name, value);
    }
    Some(request.into())
}

/// The fields of a head, whose values share its bytes; `None` instead of one that is not for the short way.
fn fields(head: &Bytes) -> impl Iterator<Item = Option<(&[u8], HeaderValue)>> {
    let (_, fields) = head::parts(head);
    fields.map(|(name, value)| {
        let value = HeaderValue::from_maybe_shared(head.slice_ref(value)).ok()?;
        (!name.eq_ignore_ascii_case(b"expect")).then_some((name, value))
    })
}

/// As much of a request as its line in the access log shows: copies, since all of the request shares the bytes of its head.
fn for_the_log(request: &RequestHeader) -> RequestHeader {
    let (mut rest, ()) = Request::new(()).into_parts();
    if !access_log::is_on() {
        return rest.into();
    }
    rest.method = request.method.clone();
    rest.uri = request.uri.path().try_into().unwrap_or_default();
    let host = request.headers.get(header::HOST).map(HeaderValue::as_bytes);
    if let Some(Ok(host)) = host.map(HeaderValue::from_bytes) {
        rest.headers.insert(header::HOST, host);
    }
    rest.into()
}

fn asks_to_close(request: &RequestHeader) -> bool {
    crate::fields::members(&request.headers, header::CONNECTION)
        .any(|option| option.eq_ignore_ascii_case(b"close"))
}
