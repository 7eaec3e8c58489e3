//! A SockJS service's endpoints: from requests to sessions and back.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request as HttpRequest, Response, StatusCode, header};
use tokio::sync::oneshot;

use super::conversation::{Binary, Request};
use super::endpoint::{Endpoint, Resource, Transport};
use super::messages::{Malformed, Messages};
use super::opening::Wanted;
use super::query;
use super::response::{self, TEXT};
use super::tombstones::{Epitaph, Tombstones};
use super::transport::Receiving;
use crate::accepted::Accepted;
use crate::admission::Admission;
use crate::backend::Backend;
use crate::body::{Body, Reply};
use crate::door::{Call, Door};
use crate::doors::Doors;
use crate::metrics::Metrics;
use crate::origin;
use crate::policy::Policy;
use crate::pump::REQUESTS;
use crate::serve::TooLarge;
use crate::token::{Id, Key, Mint};

/// How long after `/info` a session may be opened with what that gave.
const TICKET: Duration = Duration::from_secs(60);

/// What a route says of its SockJS service.
#[derive(Clone, Debug)]
pub struct Service {
    /// Where it is: a path without a slash at its end.
    pub base: String,
    /// Whether clients may use WebSockets.
    pub websocket: bool,
    /// Whether balancers need a cookie.
    pub cookie_needed: bool,
    /// Whether `/info` gives an address that names this process.
    pub base_url: BaseUrl,
    /// A streaming response ends after so much, in bytes.
    pub response_limit: usize,
    /// A client that is told nothing for so long gets a sign of life.
    pub heartbeat: Duration,
    /// How long a session outlives its last receiving request.
    pub disconnect_delay: Duration,
    /// What becomes of binary messages.
    pub binary: Binary,
    /// Whether there is a page to be loaded into a frame.
    pub iframe: bool,
    /// Whether there is the `htmlfile` transport.
    pub htmlfile: bool,
    /// Whether there are the `jsonp` transports.
    pub jsonp: bool,
    /// The script that the framed page loads.
    pub client_url: String,
}

/// The address that `/info` sends clients to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum BaseUrl {
    /// None.
    Off,
    /// The service's own, as this client knows it.
    #[default]
    Own,
    /// Another, where a proxy in front changes paths.
    At(String),
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
    /// Which session it is for, of which there need be none; `None`: it is for none.
    pub name: Option<Name>,
    /// The way to the route's backend; only what may open a session needs it.
    pub backend: Option<B>,
}

/// What names a session here: its client's own name for it, on this host and of this service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name(Id);

/// The sessions of all SockJS services.
pub(crate) struct SockJs {
    pub(super) mint: Mint,
    pub(super) metrics: Metrics,
    pub(super) admission: Arc<Admission>,
    pub(super) doors: Arc<Doors<Request>>,
    pub(super) tombstones: Arc<Tombstones>,
    opening: Mutex<HashSet<Id>>,
}

impl SockJs {
    pub(crate) fn new(
        admission: Arc<Admission>,
        metrics: Metrics,
        key: &Key,
    ) -> Result<Self, getrandom::Error> {
        Ok(Self {
            mint: Mint::of(key)?,
            metrics,
            admission,
            doors: Arc::default(),
            tombstones: Arc::default(),
            opening: Mutex::default(),
        })
    }

    /// Which session a request is for. The same name on another host, or of another service, is another session's.
    pub(crate) fn name(
        &self,
        service: &Service,
        endpoint: &Endpoint,
        own_origin: &str,
    ) -> Option<Name> {
        let Resource::Session { id, .. } = &endpoint.resource else {
            return None;
        };
        let place = [origin::host(own_origin), &service.base];
        Some(Name(self.mint.name(&place, id)))
    }

    /// Whether there is this session here.
    pub(crate) fn knows(&self, Name(id): &Name) -> bool {
        self.doors.find(id).is_some()
    }

    /// The same, or whether it has ended here a moment ago.
    pub(crate) fn remembers(&self, name @ Name(id): &Name) -> bool {
        let now = tokio::time::Instant::now().into_std();
        self.knows(name) || self.tombstones.find(id, now).is_some()
    }

    /// Answers a request. Dropping the future is the client's leaving.
    pub(crate) async fn serve<B: Backend>(
        self: &Arc<Self>,
        endpoint: &Endpoint,
        request: HttpRequest<Result<Bytes, TooLarge>>,
        via: Via<'_, B>,
    ) -> Response<Body> {
        let (parts, content) = request.into_parts();
        let headers = &parts.headers;
        let origin = origin::of(headers, via.own_origin);
        if !via.policy.origins.allow(&origin, via.own_origin) {
            let mut response = response::typed(StatusCode::FORBIDDEN, TEXT, "origin not allowed\n");
            response::share(&mut response, headers);
            return response;
        }
        let service = via.service;
        let (Resource::Session { transport, .. }, Some(Name(id))) = (&endpoint.resource, via.name)
        else {
            return self.service(endpoint, &parts.method, headers, &via);
        };
        if !service.offers(*transport) {
            return response::bare(StatusCode::NOT_FOUND);
        }
        let methods = transport.methods();
        let mut response = match &parts.method {
            &Method::OPTIONS if methods.contains("OPTIONS") => response::options(methods, headers),
            method if !methods.ends_with(method.as_str()) => return response::not_allowed(methods),
            _ => {
                let asked = Asked {
                    id,
                    transport: *transport,
                    headers,
                    origin: &origin,
                };
                let mut response = self.session(endpoint, asked, content, via).await;
                response::do_not_keep(&mut response);
                response
            }
        };
        if service.cookie_needed {
            response::set_cookie(&mut response, headers);
        }
        response::share(&mut response, headers);
        response
    }

    /// Asks the backend for the WebSocket of a client that has one itself.
    pub(crate) async fn connect<B: Backend>(
        self: &Arc<Self>,
        headers: &HeaderMap,
        via: Via<'_, B>,
    ) -> Result<Accepted, Response<Body>> {
        let origin = origin::of(headers, via.own_origin);
        if !via.policy.origins.allow(&origin, via.own_origin) {
            return Err(response::bare(StatusCode::FORBIDDEN));
        }
        if !via.service.websocket {
            return Err(response::bare(StatusCode::NOT_FOUND));
        }
        let wanted = Wanted::new(headers, &origin, &via);
        match wanted.open(self, via.backend).await {
            Ok(opened) => Ok(opened.attach()),
            Err(refused) => Err(refused.for_websocket()),
        }
    }

    /// What there is beside sessions.
    fn service<B>(
        &self,
        endpoint: &Endpoint,
        method: &Method,
        headers: &HeaderMap,
        via: &Via<'_, B>,
    ) -> Response<Body> {
        let service = via.service;
        match (&endpoint.resource, method) {
            (Resource::Greeting, &Method::GET) => {
                response::typed(StatusCode::OK, TEXT, "Welcome to SockJS!\n")
            }
            (Resource::Info, &Method::GET) => {
                let mut response = self.info(headers, via);
                response::do_not_keep(&mut response);
                response::share(&mut response, headers);
                response
            }
            (Resource::Info, &Method::OPTIONS) => {
                let mut response = response::options("OPTIONS, GET", headers);
                response::share(&mut response, headers);
                response
            }
            (Resource::Iframe, _) if !service.iframe => response::bare(StatusCode::NOT_FOUND),
            (Resource::Iframe, &Method::GET) => response::iframe(&service.client_url, headers),
            (Resource::RawWebSocket, _) if !service.websocket => {
                response::bare(StatusCode::NOT_FOUND)
            }
            (Resource::RawWebSocket, &Method::GET) => no_upgrade(),
            (Resource::Info, _) => response::not_allowed("OPTIONS, GET"),
            (Resource::Greeting | Resource::Iframe | Resource::RawWebSocket, _) => {
                response::not_allowed("GET")
            }
            (Resource::Unknown | Resource::Session { .. }, _) => {
                response::bare(StatusCode::NOT_FOUND)
            }
        }
    }

    fn info<B>(&self, headers: &HeaderMap, via: &Via<'_, B>) -> Response<Body> {
        let mut entropy = [0; 4];
        // Clients mix it with what they have; without it they only have less.
        let _ = getrandom::fill(&mut entropy);
        let mut info = serde_json::json!({
            "websocket": via.service.websocket,
            "origins": ["*:*"],
            "cookie_needed": via.service.cookie_needed,
            "entropy": u32::from_ne_bytes(entropy),
        });
        if let (Some(base), Some(info)) = (self.base_url(headers, via), info.as_object_mut()) {
            info.insert("base_url".to_owned(), base.into());
        }
        let content_type = "application/json; charset=UTF-8";
        response::typed(StatusCode::OK, content_type, info.to_string())
    }

    /// Where a client that asks now finds its session's process for as long as it may open one there.
    fn base_url<B>(&self, headers: &HeaderMap, via: &Via<'_, B>) -> Option<String> {
        let own = || {
            format!(
                "{}{}",
                scheme_seen(headers, via.own_origin),
                via.service.base
            )
        };
        let base = match &via.service.base_url {
            BaseUrl::Off => return None,
            BaseUrl::Own => own(),
            BaseUrl::At(base) => base.clone(),
        };
        let expires = unix_time() + TICKET.as_secs();
        let ticket = self.mint.ticket(&via.service.base, expires);
        let query = query::of_application(via.query, false);
        let mark = if query.is_empty() { "" } else { "?" };
        Some(format!("{base}/~{ticket}{mark}{query}"))
    }

    async fn session<B: Backend>(
        self: &Arc<Self>,
        endpoint: &Endpoint,
        asked: Asked<'_>,
        content: Result<Bytes, TooLarge>,
        via: Via<'_, B>,
    ) -> Response<Body> {
        let transport = match asked.transport {
            Transport::WebSocket => return no_upgrade(),
            Transport::XhrSend | Transport::JsonpSend => {
                return self.send(&asked, content).await;
            }
            Transport::Xhr => Receiving::Xhr,
            Transport::XhrStreaming => Receiving::XhrStreaming,
            Transport::EventSource => Receiving::EventSource,
            Transport::HtmlFile | Transport::Jsonp => match query::callback(via.query) {
                Ok(callback) if asked.transport == Transport::Jsonp => Receiving::Jsonp(callback),
                Ok(callback) => Receiving::HtmlFile(callback),
                Err(error) => return failed(&error.to_string()),
            },
        };
        self.receive(endpoint, &asked, transport, via).await
    }

    async fn receive<B: Backend>(
        self: &Arc<Self>,
        endpoint: &Endpoint,
        asked: &Asked<'_>,
        transport: Receiving,
        via: Via<'_, B>,
    ) -> Response<Body> {
        match self.receive_from(&asked.id, &transport).await {
            Some(response) => response,
            // On the heap, since every other request would carry its size too.
            None => Box::pin(self.begin(endpoint, asked, transport, via)).await,
        }
    }

    /// The first request of session `id`.
    async fn begin<B: Backend>(
        self: &Arc<Self>,
        endpoint: &Endpoint,
        asked: &Asked<'_>,
        transport: Receiving,
        via: Via<'_, B>,
    ) -> Response<Body> {
        let ticket = endpoint.ticket.as_deref();
        let admits = |ticket| self.mint.admits(ticket, &via.service.base, unix_time());
        if !ticket.is_none_or(admits) {
            return response::bare(StatusCode::NOT_FOUND);
        }
        let Some(birth) = Birth::begin(self, asked.id) else {
            return response::closed(&transport, &super::frame::still_open());
        };
        // It may have been born since.
        if let Some(response) = self.receive_from(&asked.id, &transport).await {
            return response;
        }
        let wanted = Wanted::new(asked.headers, asked.origin, &via);
        let cookies = match wanted.open(self, via.backend).await {
            Ok(opened) => opened.live_as(asked.id),
            Err(refused) => {
                if let Some(close) = refused.close() {
                    // Within a page the client may ask again before the page around it has told it to stop.
                    self.tombstones.put(asked.id, Epitaph::Closed(close), now());
                }
                return refused.for_request(&transport);
            }
        };
        drop(birth);
        let response = self.receive_from(&asked.id, &transport).await;
        let mut response = response.unwrap_or_else(|| response::bare(StatusCode::BAD_GATEWAY));
        for cookie in cookies {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        response
    }

    /// What session `id` has for its client; `None`: there is no such session, and there was none.
    async fn receive_from(&self, id: &Id, transport: &Receiving) -> Option<Response<Body>> {
        if let Some(door) = self.doors.find(id) {
            match self.ask(&door, Request::Receive(transport.clone())).await {
                Asking::Answered(reply) => {
                    return Some(response::receiving(transport, reply.body));
                }
                Asking::TooMany => return Some(response::bare(StatusCode::SERVICE_UNAVAILABLE)),
                Asking::Unanswered => {}
            }
            let epitaph = self.tombstones.find(id, now());
            return Some(Self::after(epitaph.unwrap_or(Epitaph::Lost), transport));
        }
        let epitaph = self.tombstones.find(id, now())?;
        Some(Self::after(epitaph, transport))
    }

    /// What a client is told that comes back for a session that is gone.
    fn after(epitaph: Epitaph, transport: &Receiving) -> Response<Body> {
        match epitaph {
            Epitaph::Closed(close) => response::closed(transport, &close),
            // A close frame would look like the end that somebody wanted.
            Epitaph::Lost => response::bare(StatusCode::NOT_FOUND),
        }
    }

    async fn send(&self, asked: &Asked<'_>, content: Result<Bytes, TooLarge>) -> Response<Body> {
        let Ok(content) = content else {
            return response::bare(StatusCode::PAYLOAD_TOO_LARGE);
        };
        let is_jsonp = asked.transport == Transport::JsonpSend;
        let content = match is_jsonp && is_form(asked.headers) {
            true => form_data(&content).unwrap_or_default(),
            false => content,
        };
        let messages = match Messages::of_array(content) {
            Ok(messages) => messages,
            Err(error @ (Malformed::NoPayload | Malformed::NoJson)) => {
                return failed(&error.to_string());
            }
        };
        let Some(door) = self.doors.find(&asked.id) else {
            return response::bare(StatusCode::NOT_FOUND);
        };
        match self.ask(&door, Request::Send(messages)).await {
            Asking::Answered(reply) if reply.status == StatusCode::NO_CONTENT => match is_jsonp {
                true => response::typed(StatusCode::OK, TEXT, "ok"),
                // The protocol wants the type, though there is no content.
                false => response::typed(StatusCode::NO_CONTENT, TEXT, ""),
            },
            Asking::Answered(reply) => response::bare(reply.status),
            Asking::TooMany => response::bare(StatusCode::SERVICE_UNAVAILABLE),
            Asking::Unanswered => response::bare(StatusCode::NOT_FOUND),
        }
    }

    async fn ask(&self, door: &Arc<Door<Request>>, request: Request) -> Asking {
        let Some(presence) = door.enter(REQUESTS) else {
            return Asking::TooMany;
        };
        let (answer, answered) = oneshot::channel();
        door.call(Call::Request { request, answer });
        match answered.await {
            Ok(reply) => Asking::Answered(Reply {
                body: reply.body.with(presence),
                ..reply
            }),
            Err(_) => Asking::Unanswered,
        }
    }

    /// No code here can panic while it holds the lock.
    fn opening(&self) -> MutexGuard<'_, HashSet<Id>> {
        self.opening.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request for a session.
#[derive(Clone, Copy)]
struct Asked<'a> {
    id: Id,
    transport: Transport,
    headers: &'a HeaderMap,
    origin: &'a str,
}

/// What came of asking a session.
enum Asking {
    Answered(Reply),
    /// Its client asks too much at once.
    TooMany,
    /// It ended, or has nothing that it could say.
    Unanswered,
}

/// A session that is being opened by one request.
struct Birth<'a> {
    sockjs: &'a SockJs,
    id: Id,
}

impl<'a> Birth<'a> {
    /// `None`: another request is at it.
    fn begin(sockjs: &'a SockJs, id: Id) -> Option<Self> {
        let first = sockjs.opening().insert(id);
        first.then_some(Self { sockjs, id })
    }
}

impl Drop for Birth<'_> {
    fn drop(&mut self) {
        self.sockjs.opening().remove(&self.id);
    }
}

impl Service {
    fn offers(&self, transport: Transport) -> bool {
        match transport {
            Transport::WebSocket => self.websocket,
            Transport::HtmlFile => self.htmlfile,
            Transport::Jsonp | Transport::JsonpSend => self.jsonp,
            Transport::Xhr
            | Transport::XhrStreaming
            | Transport::XhrSend
            | Transport::EventSource => true,
        }
    }
}

impl Transport {
    fn methods(self) -> &'static str {
        match self {
            Self::WebSocket | Self::EventSource | Self::HtmlFile | Self::Jsonp => "GET",
            Self::Xhr | Self::XhrStreaming | Self::XhrSend => "OPTIONS, POST",
            Self::JsonpSend => "POST",
        }
    }
}

fn no_upgrade() -> Response<Body> {
    let why = "Can \"Upgrade\" only to \"WebSocket\".";
    response::typed(StatusCode::BAD_REQUEST, TEXT, why)
}

fn failed(why: &str) -> Response<Body> {
    let why = Bytes::copy_from_slice(why.as_bytes());
    response::typed(StatusCode::INTERNAL_SERVER_ERROR, TEXT, why)
}

fn is_form(headers: &HeaderMap) -> bool {
    let form = b"application/x-www-form-urlencoded";
    let content_type = headers.get(header::CONTENT_TYPE);
    content_type.is_some_and(|content_type| {
        content_type
            .as_bytes()
            .get(..form.len())
            .is_some_and(|begin| begin.eq_ignore_ascii_case(form))
    })
}

/// The field that carries the messages.
fn form_data(content: &[u8]) -> Option<Bytes> {
    let mut fields = form_urlencoded::parse(content);
    let (_, data) = fields.find(|(name, _)| name == "d")?;
    Some(data.into_owned().into())
}

/// The proxy's origin, with the scheme that the client must have used: a page that came by TLS asks for nothing that
/// does not, but from its own machine. Whoever ends TLS in front of us may not tell.
fn scheme_seen(headers: &HeaderMap, own_origin: &str) -> String {
    let Some(host) = own_origin.strip_prefix("http://") else {
        return own_origin.to_owned();
    };
    let secure = [header::ORIGIN, header::REFERER].iter().any(|name| {
        let value = headers.get(name).map(HeaderValue::as_bytes);
        value.is_some_and(|value| value.starts_with(b"https://"))
    });
    let local = ["localhost", "127.", "[::1]"]
        .iter()
        .any(|local| host.starts_with(local));
    match secure && !local {
        true => format!("https://{host}"),
        false => own_origin.to_owned(),
    }
}

fn unix_time() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// tokio's clock, which tests may hold.
fn now() -> std::time::Instant {
    tokio::time::Instant::now().into_std()
}
