//! The public face: a request comes in, a response goes out. What all endpoints have in common is here: methods, Origins,
//! content codings, and the fields that keep caches and other middle boxes away.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};

use crate::accepted::Accepted;
use crate::admission::{Admission, Bounds};
use crate::backend::Backend;
use crate::body::Body;
use crate::dialect::engine_io::{self, EngineIo};
use crate::dialect::sockjs::{self, SockJs};
use crate::dialect::towpath::codec::Status;
use crate::dialect::towpath::{MAX_BODY, Native, Wish};
use crate::endpoint::Endpoint;
use crate::metrics::Metrics;
use crate::origin;
use crate::policy::Policy;
use crate::token::Key;

/// How a request came, and where it may go.
pub struct Via<'a, B> {
    /// The client's address.
    pub client: IpAddr,
    /// The proxy's own origin as the client knows it, such as `https://example.com`.
    pub own_origin: &'a str,
    /// What the WebSocket's route says; `None` if there is no route, or if it has no fallback.
    pub policy: Option<&'a Policy>,
    /// The way to the route's backend; only `open` needs it.
    pub backend: Option<B>,
    /// What became of a WebSocket attempt, as JSON.
    pub check: &'a (dyn Fn(&str) -> String + Sync),
}

/// A request's content exceeds [`Fallback::MAX_BODY`].
#[derive(Clone, Copy, Debug)]
pub struct TooLarge;

/// All fallback sessions of a process.
pub struct Fallback {
    native: Arc<Native>,
    sockjs: Arc<SockJs>,
    engine_io: Arc<EngineIo>,
    admission: Arc<Admission>,
    metrics: Metrics,
}

impl std::fmt::Debug for Fallback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fallback")
            .field("admission", &self.admission)
            .finish_non_exhaustive()
    }
}

impl Fallback {
    /// The largest content of a request, in bytes.
    pub const MAX_BODY: usize = MAX_BODY;

    /// No sessions yet. Processes that follow one another, or stand beside one another, have the same `key`: what SockJS
    /// clients are told to open a session with is good in all of them.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn new(bounds: Bounds, key: &Key) -> Result<Self, getrandom::Error> {
        let admission = Arc::new(Admission::new(bounds));
        let metrics = Metrics::default();
        let (native, sockjs) = (metrics.of("towpath"), metrics.of("sockjs"));
        let engine_io = metrics.of("engine_io");
        Ok(Self {
            native: Arc::new(Native::new(admission.clone(), native)?),
            sockjs: Arc::new(SockJs::new(admission.clone(), sockjs, key)?),
            engine_io: Arc::new(EngineIo::new(admission.clone(), engine_io)?),
            admission,
            metrics,
        })
    }

    /// Puts other bounds in force; sessions that there are stay.
    pub fn rebound(&self, bounds: Bounds) {
        self.admission.rebound(bounds);
    }

    /// Sessions that there are.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.admission.sessions()
    }

    /// The memory that their messages take, in bytes.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.admission.memory()
    }

    /// Waits until there are none. Cancel-safe.
    pub async fn none(&self) {
        self.admission.none().await;
    }

    /// What is counted, up to now.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        self.metrics.now(self.admission.memory());
        &self.metrics
    }

    /// Answers a request. Dropping the future before the response is there is the client's leaving; the response's body
    /// must be dropped once it has left.
    pub async fn serve<B: Backend>(
        &self,
        endpoint: Endpoint,
        request: Request<Result<Bytes, TooLarge>>,
        via: Via<'_, B>,
    ) -> Response<Body> {
        if endpoint == Endpoint::Io {
            let (request, content) = request.into_parts();
            return self.go_on(&request, content, via.own_origin).await;
        }
        let (request, content) = request.into_parts();
        let origin = origin::of(&request.headers, via.own_origin);
        let allowed = match via.policy {
            Some(policy) => policy.origins.allow(&origin, via.own_origin),
            // Only what needs no route is answered.
            None => true,
        };
        let share = request
            .headers
            .get(header::ORIGIN)
            .filter(|_| allowed)
            .cloned();
        let unusual = match (endpoint, allowed) {
            (_, false) => Some(plain(StatusCode::FORBIDDEN, "origin not allowed")),
            (Endpoint::Probe | Endpoint::Unknown, _) => Some(not_found()),
            _ => answer_to_other_methods(&request),
        };
        let mut response = match unusual {
            Some(response) => response,
            None => {
                self.post(endpoint, &request.headers, content, &origin, via)
                    .await
            }
        };
        finish(response.headers_mut(), share.as_ref());
        response
    }

    /// Answers a request of an open session of the native dialect, as [`serve`](Self::serve) does. It needs no route: its
    /// token is for its Origin alone.
    pub fn go_on<'a>(
        &'a self,
        request: &Parts,
        content: Result<Bytes, TooLarge>,
        own_origin: &str,
    ) -> impl Future<Output = Response<Body>> + Send + use<'a> {
        // A poll may be held for long, so it keeps of its request what it needs.
        let origin = origin::of(&request.headers, own_origin);
        let share = request.headers.get(header::ORIGIN).cloned();
        let unusual = answer_to_other_methods(request).map(Box::new);
        async move {
            let mut response = match (unusual, content) {
                (Some(response), _) => *response,
                (None, Ok(content)) => binary(self.native.io(content, &origin).await),
                (None, Err(TooLarge)) => binary(self.native.say(Status::TooLarge, 0)),
            };
            finish(response.headers_mut(), share.as_ref());
            response
        }
    }

    /// Whether a request of the native dialect is of a session that there is here.
    #[must_use]
    pub fn knows(&self, content: &Bytes, headers: &HeaderMap, own_origin: &str) -> bool {
        self.native.knows(content, &origin::of(headers, own_origin))
    }

    /// Which session a SockJS request is for; `None`: it is for none.
    #[must_use]
    pub fn name_sockjs(
        &self,
        service: &sockjs::Service,
        endpoint: &sockjs::Endpoint,
        own_origin: &str,
    ) -> Option<sockjs::Name> {
        self.sockjs.name(service, endpoint, own_origin)
    }

    /// Whether there is this SockJS session here, or was until a moment ago.
    #[must_use]
    pub fn remembers_sockjs(&self, name: &sockjs::Name) -> bool {
        self.sockjs.remembers(name)
    }

    /// Answers a request to a SockJS service, as [`serve`](Self::serve) does.
    pub async fn serve_sockjs<B: Backend>(
        &self,
        endpoint: &sockjs::Endpoint,
        request: Request<Result<Bytes, TooLarge>>,
        via: sockjs::Via<'_, B>,
    ) -> Response<Body> {
        self.sockjs.serve(endpoint, request, via).await
    }

    /// Whether there is this SockJS session here, so that its requests need no backend.
    #[must_use]
    pub fn knows_sockjs(&self, name: &sockjs::Name) -> bool {
        self.sockjs.knows(name)
    }

    /// Asks the backend on behalf of a handshake for a SockJS session's own WebSocket. Cancel-safe.
    ///
    /// # Errors
    /// There is none; the response says why.
    pub async fn connect_sockjs<B: Backend>(
        &self,
        headers: &HeaderMap,
        via: sockjs::Via<'_, B>,
    ) -> Result<Accepted, Response<Body>> {
        self.sockjs.connect(headers, via).await
    }

    /// Whether an Engine.IO request is of a session that there is here.
    #[must_use]
    pub fn knows_engine_io(
        &self,
        service: &engine_io::Service,
        own_origin: &str,
        query: &str,
    ) -> bool {
        self.engine_io.knows(service, own_origin, query)
    }

    /// Answers an Engine.IO request, as [`serve`](Self::serve) does.
    pub async fn serve_engine_io<B: Backend>(
        &self,
        request: Request<Result<Bytes, TooLarge>>,
        via: engine_io::Via<'_, B>,
    ) -> engine_io::Outcome {
        self.engine_io.serve(request, via).await
    }

    /// Lets the client of an Engine.IO session go on over a WebSocket.
    ///
    /// # Errors
    /// It may not, or there is no such session; the response says why.
    pub fn upgrade_engine_io<B>(
        &self,
        headers: &HeaderMap,
        via: &engine_io::Via<'_, B>,
    ) -> Result<Accepted, Box<Response<Body>>> {
        self.engine_io.upgrade(headers, via)
    }

    async fn post<B: Backend>(
        &self,
        endpoint: Endpoint,
        headers: &HeaderMap,
        content: Result<Bytes, TooLarge>,
        origin: &str,
        via: Via<'_, B>,
    ) -> Response<Body> {
        match (endpoint, content) {
            (Endpoint::Check, Ok(content)) => json((via.check)(&asked_cid(&content)).into_bytes()),
            (Endpoint::Open, content) => {
                let (Some(policy), Some(backend)) = (via.policy, via.backend) else {
                    return self.no_policy();
                };
                let wish = Wish {
                    client: via.client,
                    origin,
                    headers,
                    policy,
                };
                // What is too large is no JSON of this protocol either.
                let content = content.unwrap_or_default();
                // On the heap, since every other request would carry its size too.
                let opened = Box::pin(self.native.open(&content, wish, backend));
                let (answer, cookies) = opened.await;
                let mut response = json(answer);
                for cookie in cookies {
                    response.headers_mut().append(header::SET_COOKIE, cookie);
                }
                response
            }
            (Endpoint::Check, Err(TooLarge)) => {
                plain(StatusCode::PAYLOAD_TOO_LARGE, "content too large")
            }
            (Endpoint::Io | Endpoint::Probe | Endpoint::Unknown, _) => not_found(),
        }
    }

    fn no_policy(&self) -> Response<Body> {
        self.metrics.refused("policy");
        json(br#"{"towpath":1,"status":"policy"}"#.to_vec())
    }
}

/// The cid that a `check` with this content asks for; none at all if it is no check.
#[must_use]
pub fn asked_cid(content: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Check {
        towpath: u64,
        cid: String,
    }
    let check = serde_json::from_slice(content).ok();
    let check = check.filter(|check: &Check| check.towpath == 1);
    check.map_or_else(String::new, |check| check.cid)
}

/// `None`: it is a POST as it should be.
fn answer_to_other_methods(request: &Parts) -> Option<Response<Body>> {
    Some(match request.method {
        Method::POST if is_coded(&request.headers) => plain(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "no content coding is taken",
        ),
        Method::POST => return None,
        Method::OPTIONS => preflight(&request.headers),
        Method::GET if request.headers.contains_key(header::UPGRADE) => {
            plain(StatusCode::BAD_REQUEST, "no upgrade here")
        }
        _ => not_allowed(),
    })
}

fn is_coded(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_ENCODING)
        .is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

fn plain(status: StatusCode, why: &str) -> Response<Body> {
    let body = Body::whole(format!("{status}: {why}\n"));
    typed(status, "text/plain; charset=utf-8", body)
}

fn json(content: Vec<u8>) -> Response<Body> {
    typed(StatusCode::OK, "application/json", Body::whole(content))
}

fn binary(body: Body) -> Response<Body> {
    let streams = body.size().is_none();
    let mut response = typed(StatusCode::OK, "application/octet-stream", body);
    if streams {
        let headers = response.headers_mut();
        headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    }
    response
}

/// A probe that comes this far has no route: where there is one, it is answered without a session of ours.
fn not_found() -> Response<Body> {
    plain(StatusCode::NOT_FOUND, "no such endpoint")
}

fn not_allowed() -> Response<Body> {
    let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "this is for POST");
    let allow = HeaderValue::from_static("POST, OPTIONS");
    response.headers_mut().insert(header::ALLOW, allow);
    response
}

/// The Fetch standard, §3.2.2. Browsers ask only if a page adds fields of its own.
fn preflight(asked: &HeaderMap) -> Response<Body> {
    let mut response = typed(
        StatusCode::NO_CONTENT,
        "text/plain",
        Body::whole(Bytes::new()),
    );
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("POST, OPTIONS"),
    );
    if let Some(names) = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
    }
    headers.insert(
        header::ACCESS_CONTROL_MAX_AGE,
        HeaderValue::from_static("86400"),
    );
    response
}

fn typed(status: StatusCode, content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let content_type = HeaderValue::from_static(content_type);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, content_type);
    response
}

/// What every response says.
fn finish(headers: &mut HeaderMap, share: Option<&HeaderValue>) {
    let no_cache = "no-store, no-cache, no-transform, must-revalidate, max-age=0";
    for (name, value) in [
        (header::CACHE_CONTROL, no_cache),
        (header::PRAGMA, "no-cache"),
        (header::EXPIRES, "0"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    origin::share(headers, share);
}
