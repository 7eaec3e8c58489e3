//! A SockJS service's endpoints: what is asked of it beside sessions is answered here, and what is for a session in
//! `sessions.rs`.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request as HttpRequest, Response, StatusCode, header};

use super::conversation::{Binary, Request};
use super::endpoint::{Endpoint, Resource, Transport};
use super::opening::Wanted;
use super::query;
use super::response::{self, TEXT};
use super::sessions::Asked;
use super::tombstones::Tombstones;
use crate::accepted::Accepted;
use crate::admission::Admission;
use crate::backend::Backend;
use crate::body::Body;
use crate::clock;
use crate::doors::Doors;
use crate::metrics::Metrics;
use crate::origin;
use crate::policy::Policy;
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
    /// Sessions that are being opened by one request each.
    pub(super) opening: Mutex<HashSet<Id>>,
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
        let now = clock::now();
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

pub(super) fn no_upgrade() -> Response<Body> {
    let why = "Can \"Upgrade\" only to \"WebSocket\".";
    response::typed(StatusCode::BAD_REQUEST, TEXT, why)
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

pub(super) fn unix_time() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
