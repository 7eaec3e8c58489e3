//! Engine.IO's endpoint: from requests to sessions and back.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request as HttpRequest, Response, StatusCode,
    header,
};
use tokio::sync::oneshot;

use super::conversation::Request;
use super::opening::{NotOpened, Opened, Wanted};
use super::payload::{Form, decode, encode};
use super::query::{Query, Transport};
use super::refusal::{Code, Refusal};
use super::seats::{About, sharing};
use super::{Revision, jsonp};
use crate::accepted::Accepted;
use crate::admission::Admission;
use crate::backend::{Backend, DialError};
use crate::body::{Body, Reply};
use crate::connection::BoxedConnection;
use crate::door::{Call, Door};
use crate::doors::Doors;
use crate::forwarding::cookies;
use crate::metrics::Metrics;
use crate::origin;
use crate::policy::Policy;
use crate::pump::{REQUESTS, dismiss};
use crate::serve::TooLarge;
use crate::session::Message;
use crate::token::{Id, Mint};

/// What a route says of its Engine.IO.
#[derive(Clone, Debug)]
pub struct Service {
    /// Where it is.
    pub path: String,
    /// Whether clients may upgrade to WebSockets.
    pub websocket: bool,
    /// The largest content of a request, in bytes.
    pub max_body: usize,
}

/// How a request came, and where it may go.
pub struct Via<'a, B> {
    /// The client's address.
    pub client: IpAddr,
    /// The proxy's own origin as the client knows it, such as `https://example.com`.
    pub own_origin: &'a str,
    /// The request's query.
    pub query: &'a str,
    /// What the route says of sessions.
    pub policy: &'a Policy,
    /// What it says of this service.
    pub service: &'a Service,
    /// The way to the route's backend; only what may open a session needs it.
    pub backend: Option<B>,
}

impl Service {
    /// What the ids of its sessions are good for.
    fn place<'a>(&'a self, own_origin: &'a str) -> [&'a str; 2] {
        [origin::host(own_origin), &self.path]
    }
}

impl<'a, B> Via<'a, B> {
    /// What the ids of sessions are good for that are opened in this way.
    pub(super) fn place(&self) -> [&'a str; 2] {
        self.service.place(self.own_origin)
    }
}

/// What came of a request.
pub enum Outcome {
    /// It is answered.
    Answered(Response<Body>),
    /// It would open a session, and the backend allows nothing but polling: who wants may pass the request through.
    PollingOnly(Response<Body>),
}

/// The sessions of all Engine.IO services.
pub(crate) struct EngineIo {
    pub(super) mint: Mint,
    pub(super) metrics: Metrics,
    pub(super) admission: Arc<Admission>,
    pub(super) doors: Arc<Doors<Request, Arc<About>>>,
}

impl EngineIo {
    pub(crate) fn new(
        admission: Arc<Admission>,
        metrics: Metrics,
    ) -> Result<Self, getrandom::Error> {
        Ok(Self {
            mint: Mint::new()?,
            metrics,
            admission,
            doors: Arc::default(),
        })
    }

    /// Whether a request is of a session that there is here.
    pub(crate) fn knows(&self, service: &Service, own_origin: &str, query: &str) -> bool {
        let query = Query::parse(query);
        self.find(&query, &service.place(own_origin)).is_some()
    }

    /// Answers a request. Dropping the future is the client's leaving.
    pub(crate) async fn serve<B: Backend>(
        self: &Arc<Self>,
        request: HttpRequest<Result<Bytes, TooLarge>>,
        via: Via<'_, B>,
    ) -> Outcome {
        let (parts, content) = request.into_parts();
        let headers = &parts.headers;
        let query = Query::parse(via.query);
        let mut origin = origin::of(headers, via.own_origin);
        if origin.is_empty() && query.callback.is_some() {
            // Only pages load scripts, and any page may.
            origin = origin::OPAQUE.to_owned();
        }
        let mut outcome = if !via.policy.origins.allow(&origin, via.own_origin) {
            Outcome::Answered(refused(&Code::Forbidden.into()))
        } else if query.transport == Transport::Unknown {
            Outcome::Answered(refused(&Code::UnknownTransport.into()))
        } else if query.sid.is_some() {
            let answer = self.session(&parts.method, headers, query, content, &via);
            Outcome::Answered(answer.await)
        } else if parts.method != Method::GET {
            Outcome::Answered(refused(&Code::BadHandshakeMethod.into()))
        } else if query.transport == Transport::WebSocket {
            Outcome::Answered(refused(&Code::BadRequest.into()))
        } else {
            // On the heap, since every other request would carry its size too.
            Box::pin(self.open(headers, query, origin, via)).await
        };
        let (Outcome::Answered(response) | Outcome::PollingOnly(response)) = &mut outcome;
        finish(response.headers_mut(), headers);
        outcome
    }

    /// The way in for the WebSocket of a session's client.
    pub(crate) fn upgrade<B>(
        &self,
        headers: &HeaderMap,
        via: &Via<'_, B>,
    ) -> Result<Accepted, Box<Response<Body>>> {
        let refused = |code: Code| Err(Box::new(refused(&code.into())));
        let query = Query::parse(via.query);
        let origin = origin::of(headers, via.own_origin);
        if !via.policy.origins.allow(&origin, via.own_origin) {
            return refused(Code::Forbidden);
        }
        if query.transport != Transport::WebSocket || !via.service.websocket {
            return refused(Code::BadRequest);
        }
        let Some((door, about)) = self.find(&query, &via.place()) else {
            return refused(Code::UnknownSession);
        };
        if !about.belongs_to(headers) {
            return refused(Code::UnknownSession);
        }
        let claim = about.line.take();
        let start: Box<dyn FnOnce(BoxedConnection) + Send> = match claim {
            Some(claim) => Box::new(move |line| door.call(Call::Line(line, Some(claim)))),
            // The protocol has it welcomed, and closed.
            None => Box::new(|line| {
                tokio::spawn(dismiss(line));
            }),
        };
        Ok(Accepted::new(Vec::new(), start))
    }

    fn find(&self, query: &Query<'_>, place: &[&str]) -> Option<(Arc<Door<Request>>, Arc<About>)> {
        let sid = query.sid.as_deref()?;
        let id: Id = match self.mint.id(sid.as_bytes(), place) {
            Some(id) => id,
            None => self.mint.name(place, sid),
        };
        self.doors.find_about(&id)
    }

    async fn open<B: Backend>(
        self: &Arc<Self>,
        headers: &HeaderMap,
        query: Query<'_>,
        origin: String,
        mut via: Via<'_, B>,
    ) -> Outcome {
        let (revision, callback) = (query.revision, query.callback.clone());
        let backend = via.backend.take();
        let wanted = Wanted::new(headers, query, origin, &via);
        let takes = wanted.takes();
        match wanted.open(self, backend).await {
            Ok(Opened { packet, headers }) => {
                let mut response = payload(revision, takes, callback.as_ref(), &packet);
                response.headers_mut().extend(sharing(&headers));
                for cookie in cookies(&headers) {
                    response.headers_mut().append(header::SET_COOKIE, cookie);
                }
                Outcome::Answered(response)
            }
            Err(NotOpened::Busy) => Outcome::Answered(bare(StatusCode::SERVICE_UNAVAILABLE)),
            Err(NotOpened::Dial(error)) => Outcome::Answered(bare(match *error {
                DialError::Timeout => StatusCode::GATEWAY_TIMEOUT,
                _ => StatusCode::BAD_GATEWAY,
            })),
            Err(NotOpened::Refused(refused_with)) => {
                let (refusal, headers) = *refused_with;
                let mut response = refused(&refusal);
                response.headers_mut().extend(sharing(&headers));
                for cookie in cookies(&headers) {
                    response.headers_mut().append(header::SET_COOKIE, cookie);
                }
                match refusal.code() {
                    Code::UnknownTransport => Outcome::PollingOnly(response),
                    _ => Outcome::Answered(response),
                }
            }
        }
    }

    async fn session<B>(
        &self,
        method: &Method,
        headers: &HeaderMap,
        query: Query<'_>,
        content: Result<Bytes, TooLarge>,
        via: &Via<'_, B>,
    ) -> Response<Body> {
        let found = self.find(&query, &via.place());
        let found = found.filter(|(_, about)| about.belongs_to(headers));
        let Some((door, about)) = found else {
            return refused(&Code::UnknownSession.into());
        };
        let mut response = match request(method, headers, &query, content, about.revision) {
            Ok(request) => ask(&door, request).await,
            Err(status) => bare(status),
        };
        response.headers_mut().extend(about.sharing.clone());
        response
    }
}

/// What a request asks of its session, or the status that it is answered with.
fn request(
    method: &Method,
    headers: &HeaderMap,
    query: &Query<'_>,
    content: Result<Bytes, TooLarge>,
    revision: Revision,
) -> Result<Request, StatusCode> {
    if query.transport != Transport::Polling {
        return Ok(Request::Mismatch);
    }
    let mark = query.cache_buster.as_deref().map(str::to_owned);
    match *method {
        Method::GET => Ok(Request::Poll {
            mark,
            callback: query.callback.clone(),
        }),
        Method::POST => {
            let content = content.map_err(|TooLarge| StatusCode::PAYLOAD_TOO_LARGE)?;
            let content_type = headers.get(header::CONTENT_TYPE);
            let form = Form::of_request(content_type.map(HeaderValue::as_bytes));
            let packets = match query.callback {
                Some(_) => jsonp::payload(&content).and_then(|payload| {
                    // A form carries text.
                    decode(revision, Form::Text, payload)
                }),
                None => decode(revision, form, content),
            };
            Ok(packets.map_or(Request::Fault, |packets| Request::Post { mark, packets }))
        }
        _ => Err(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

async fn ask(door: &Arc<Door<Request>>, request: Request) -> Response<Body> {
    let Some(presence) = door.enter(REQUESTS) else {
        return bare(StatusCode::SERVICE_UNAVAILABLE);
    };
    let (answer, answered) = oneshot::channel();
    door.call(Call::Request { request, answer });
    match answered.await {
        Ok(Reply {
            status,
            content_type,
            body,
        }) => {
            let mut response = Response::new(body.with(presence));
            *response.status_mut() = status;
            if let Some(content_type) = content_type {
                let content_type = HeaderValue::from_static(content_type);
                let headers = response.headers_mut();
                headers.insert(header::CONTENT_TYPE, content_type);
            }
            response
        }
        Err(_) => refused(&Code::UnknownSession.into()),
    }
}

/// One packet, as a client's first answer.
fn payload(
    revision: Revision,
    takes: Form,
    callback: Option<&jsonp::Callback>,
    packet: &Message,
) -> Response<Body> {
    let encoded = encode(revision, takes, [packet]);
    let content = match callback {
        Some(callback) => callback.script(&encoded.body),
        None => encoded.body,
    };
    typed(StatusCode::OK, encoded.form.content_type(), content)
}

fn refused(refusal: &Refusal) -> Response<Body> {
    typed(refusal.status(), Refusal::CONTENT_TYPE, refusal.body())
}

fn typed(status: StatusCode, content_type: &'static str, content: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::whole(content));
    *response.status_mut() = status;
    let content_type = HeaderValue::from_static(content_type);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, content_type);
    response
}

fn bare(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::whole(Bytes::new()));
    *response.status_mut() = status;
    response
}

/// What every answer says.
fn finish(headers: &mut HeaderMap, asked: &HeaderMap) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let agent = asked.get(header::USER_AGENT).map(HeaderValue::as_bytes);
    let is_old = |name: &[u8]| agent.is_some_and(|a| a.windows(name.len()).any(|w| w == name));
    if is_old(b";MSIE") || is_old(b"Trident/") {
        // Their filter takes a message that looks like a script for an attack.
        let filter = HeaderName::from_static("x-xss-protection");
        headers.insert(filter, HeaderValue::from_static("0"));
    }
}
