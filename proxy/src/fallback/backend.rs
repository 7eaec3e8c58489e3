//! A session's backend: the handshake that a WebSocket of the same client would have made, to a server of the route.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Method, header};
use pingora::http::RequestHeader;
use pingora::{ErrorType, OrErr, Result};
use tokio::time::timeout;
use towpath_conf::Scheme;
use towpath_fallback::{Backend, DialError, Dialled, Handshake, Report, Traffic};

use crate::answer::Refusal;
use crate::attempts::take_cid;
use crate::fields::Fields;
use crate::forwarded::Client;
use crate::gateway::Exchange;
use crate::observe::access_log::{self, Opened};
use crate::observe::live::{Kind, Present};
use crate::shared::{Ending, Farewell, Shared};
use crate::snapshot::Route;
use crate::traces::{self, Detached};
use crate::tunnel::ask::{Outcome, ask_backend};
use crate::tunnel::handshake;
use crate::tunnel::opening::Opening;
use crate::tunnel::server_side::{self, ServerStream};
use crate::upstream::Lease;

/// How much is read of a refusal's content, in bytes, and for how long.
const REFUSAL: usize = 4096;
const REFUSAL_TIME: Duration = Duration::from_secs(2);

/// What trusted proxies said of the client, and traces, go on with the handshake.
const CARRIED: [&str; 8] = [
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "forwarded",
    "x-real-ip",
    "x-request-id",
    "traceparent",
    "tracestate",
];

/// What the backend is asked for.
#[derive(Clone, Copy)]
pub(super) struct Aim<'a> {
    /// What the client speaks.
    pub(super) dialect: &'static str,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
}

/// The way of one session to its backend.
pub(super) struct RouteBackend {
    shared: Arc<Shared>,
    client: Client,
    /// When its client asked for it.
    asked: Instant,
    /// Only until the session is open: it may outlive many reloads, and a route keeps its group's task running.
    route: Option<Arc<Route>>,
    /// The handshake, but for what the session adds; needed only once.
    request: Option<Box<RequestHeader>>,
    opened: Option<Opened>,
    /// The handshake as a span.
    hop: Option<Box<Detached>>,
    lease: Option<Lease>,
    /// Once it is open.
    present: Option<Present>,
}

impl RouteBackend {
    /// The way for whoever sent `open`.
    pub(super) fn new(
        open: &RequestHeader,
        aim: Aim<'_>,
        exchange: &Exchange,
        route: &Arc<Route>,
        shared: &Arc<Shared>,
    ) -> Result<Self> {
        let target = match aim.query {
            "" => aim.path.to_owned(),
            query => format!("{}?{query}", aim.path),
        };
        let mut request = Box::new(RequestHeader::build(Method::GET, target.as_bytes(), None)?);
        // As with a WebSocket, what is for us alone goes no further.
        take_cid(&mut request);
        let authority = open.uri.authority().map(|authority| authority.as_str());
        if let Some(host) = authority {
            request.insert_header(header::HOST, host)?;
        } else if let Some(host) = open.headers.get(header::HOST) {
            request.insert_header(header::HOST, host)?;
        }
        for name in CARRIED {
            for value in open.headers.get_all(name) {
                request.append_header(name, value)?;
            }
        }
        let hop = match &exchange.trace {
            Some(trace) => trace.detach(&mut request)?.map(Box::new),
            None => None,
        };
        Ok(Self {
            shared: shared.clone(),
            client: exchange.client.clone(),
            asked: exchange.started,
            route: Some(route.clone()),
            opened: Some(
                access_log::opened_as(&request, exchange, route, aim.path.to_owned())
                    .by(aim.dialect),
            ),
            request: Some(request),
            hop,
            lease: None,
            present: None,
        })
    }

    /// Makes the client's handshake one for the backend.
    fn complete(&self, request: &RequestHeader, of: &Handshake, route: &Route) -> Result<Opening> {
        let mut opening = Opening::new(request, |_| true);
        route.prepare(&mut opening, &self.client)?;
        opening.upgrade();
        opening.replace("Sec-WebSocket-Version", "13");
        opening.replace("Sec-WebSocket-Key", &handshake::key());
        if !of.protocols.is_empty() {
            let protocols = HeaderValue::from_maybe_shared(Bytes::from(of.protocols.join(", ")));
            let protocols = protocols.or_err(ErrorType::InvalidHTTPHeader, "subprotocols")?;
            opening.set(Bytes::from_static(b"Sec-WebSocket-Protocol"), protocols)?;
        }
        Ok(opening)
    }

    async fn ask(
        &mut self,
        of: &Handshake,
    ) -> std::result::Result<Dialled<ServerStream>, DialError> {
        let Some((route, mut asked)) = self.route.take().zip(self.request.take()) else {
            return Err(DialError::Unreachable);
        };
        for (name, value) in &of.headers {
            let added = asked.append_header(name, value);
            added.map_err(|_| DialError::Unreachable)?;
        }
        let key = route.key(&asked, &self.client, false);
        let Ok(opening) = self.complete(&asked, of, &route) else {
            return Err(DialError::Unreachable);
        };
        let mut hop = self.hop.take();
        if let Some(hop) = &mut hop {
            hop.asks(&Method::GET, &opening.path());
        }
        let answered = ask_backend(&opening, &self.client, &route, &key).await;
        if let Some(hop) = hop {
            let answer = answered.as_ref().ok();
            let answer = answer.map(|(outcome, lease)| (lease.address(), outcome.status()));
            hop.end(answer, route.group.transport().is_secure());
        }
        match answered {
            Ok((
                Outcome::Accepted {
                    stream, response, ..
                },
                lease,
            )) => {
                let headers = response.lines.to_map();
                let mut headers = headers.map_err(|_| DialError::Unreachable)?;
                let secure = self.client.scheme_of(&asked) == Scheme::Https;
                if let Some(cookie) = route.group.tell(&lease, &asked.headers, secure) {
                    headers.append(header::SET_COOKIE, cookie);
                }
                self.lease = Some(lease);
                Ok(Dialled { stream, headers })
            }
            Ok((Outcome::Refused { content, response }, _)) => Err(DialError::Refused {
                status: response.status,
                headers: response.headers.clone(),
                content: begin(content).await,
            }),
            Err(error) => {
                let refusal = error.refusal();
                if let Some(opened) = &self.opened {
                    access_log::dial_failed(&error, opened);
                    let counts = self.shared.upstreams.counts();
                    counts.failed(&opened.upstream, refusal);
                }
                Err(match refusal {
                    Refusal::Timeout => DialError::Timeout,
                    _ => DialError::Unreachable,
                })
            }
        }
    }
}

/// The end of a session, in the fallback's words.
pub(super) struct Parting(Ending);

impl Future for Parting {
    type Output = towpath_fallback::Farewell;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0)
            .poll(cx)
            .map(|farewell| match farewell {
                Farewell::Drain => towpath_fallback::Farewell::Restart,
                Farewell::Operator(code) => towpath_fallback::Farewell::Operator(code),
            })
    }
}

impl Backend for RouteBackend {
    type Stream = ServerStream;
    type Ending = Parting;

    async fn dial(
        &mut self,
        handshake: Handshake,
    ) -> std::result::Result<Dialled<Self::Stream>, DialError> {
        self.ask(&handshake).await
    }

    fn opened(&mut self) {
        let server = self.lease.as_ref().map(Lease::address);
        let Some(opened) = self.opened.take() else {
            return;
        };
        if let Some(dialect) = opened.dialect {
            let (metrics, took) = (&self.shared.metrics, self.asked.elapsed());
            metrics.session_opened(&opened.route, dialect, took);
        }
        let present = self.shared.live.enter(Kind::Session, opened, server);
        self.present = Some(present);
    }

    fn ending(&self) -> Self::Ending {
        let entry = self.present.as_ref().map(|present| present.entry().clone());
        Parting(self.shared.ending(entry))
    }

    fn passed(&mut self, from_client: Traffic, from_backend: Traffic) {
        if let Some(present) = &self.present {
            let entry = present.entry();
            entry
                .from_client
                .is_now(from_client.bytes, from_client.messages);
            entry
                .from_backend
                .is_now(from_backend.bytes, from_backend.messages);
        }
    }

    fn ended(self, report: Report) {
        let server: Option<SocketAddr> = self.lease.as_ref().map(Lease::address);
        if let Some(present) = &self.present {
            let opened = present.opened();
            if let Some(dialect) = opened.dialect {
                let metrics = &self.shared.metrics;
                metrics.session_closed(&opened.route, dialect, &report);
            }
            access_log::session(opened, server, &report);
            traces::session(opened, &report);
        }
    }
}

/// What a refusal's content begins with, if that comes at once.
async fn begin(mut refusal: server_side::Refusal) -> Bytes {
    let mut content = BytesMut::new();
    let read = async {
        while let Ok(Some(piece)) = refusal.next(REFUSAL_TIME).await {
            let room = REFUSAL.saturating_sub(content.len());
            content.extend_from_slice(piece.get(..room).unwrap_or(&piece));
            if content.len() >= REFUSAL {
                break;
            }
        }
    };
    // What is there by then is what there is.
    let _ = timeout(REFUSAL_TIME, read).await;
    content.freeze()
}
