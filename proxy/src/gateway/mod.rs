//! The gateway: one entry per request, as pingora's hooks. It finds the route, decides what the request is,
//! and sends it one of two ways: a WebSocket into the tunnel, everything else through pingora's HTTP proxy.
//! Every filter runs before that parting, so that nothing is skipped by looking like an upgrade.

mod decide;
mod draining;
mod exchange;
mod response;
mod shortcut;
mod traced;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{StatusCode, Version, header};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::modules::http::HttpModules;
use pingora::modules::http::compression::ResponseCompressionBuilder;
use pingora::proxy::{FailToProxy, ProxyHttp, ProxyWarnLogContext, Session};
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorType, Result};
use towpath_fallback::{Endpoint, cohort};

use crate::answer::Refusal;
use crate::fallback::{self, engine_io, sockjs};
use crate::forwarded::Client;
use crate::http_error::refusal_for;
use crate::incoming::Incoming;
use crate::observe::access_log::{self, Answered};
use crate::proxy_protocol::Addresses;
use crate::router::Target;
use crate::shared::Shared;
use crate::spelling::respell;
use crate::tunnel::upgrade;
use crate::upstream::{NoServer, http_peer};
use decide::Way;
pub(crate) use exchange::{Exchange, Passage};
pub(crate) use response::{change_response, prepare_response};
use response::{leave_uncompressed, may_be_compressed};
pub(crate) use shortcut::{OfSession, Shortcut};

/// Of gzip, Brotli and zstd alike: fast.
const COMPRESSION_LEVEL: u32 = 3;

/// pingora's hooks.
pub(crate) struct Gateway {
    shared: Arc<Shared>,
}

impl Gateway {
    /// The gateway of a process.
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

#[async_trait]
impl ProxyHttp for Gateway {
    type CTX = Exchange;

    fn new_ctx(&self) -> Exchange {
        Exchange::new()
    }

    /// pingora's compression looks at a request before its route is known, so it is on until it is known to be off.
    fn init_downstream_modules(&self, modules: &mut HttpModules) {
        modules.add_module(ResponseCompressionBuilder::enable(COMPRESSION_LEVEL));
    }

    async fn request_filter(&self, session: &mut Session, exchange: &mut Exchange) -> Result<bool> {
        let way = self.decide(session, exchange);
        let is_led_away = matches!(way, Ok(Way::Redirect(_)) | Err(_));
        if let Some(route) = exchange.guard.take().filter(|_| !is_led_away)
            && !route.filters.authorize(session, exchange).await?
        {
            return Ok(true);
        }
        match way {
            // Boxed, since every other request would carry their size too.
            Ok(Way::Tunnel) => Box::pin(upgrade::carry(session, exchange, &self.shared)).await,
            Ok(Way::Fallback(Endpoint::Io)) => {
                let answered = fallback::go_on(session, exchange, &self.shared);
                Box::pin(answered).await.map(|()| true)
            }
            Ok(Way::Fallback(endpoint)) => {
                Box::pin(fallback::carry(session, exchange, &self.shared, endpoint)).await
            }
            Ok(Way::SockJs(asked)) => {
                let answered = sockjs::carry(session, exchange, &self.shared, asked);
                Box::pin(answered).await.map(|()| true)
            }
            Ok(Way::SockJsWebSocket(asked)) => {
                Box::pin(sockjs::connect(session, exchange, &self.shared, asked)).await
            }
            Ok(Way::EngineIo(asked)) => {
                let answered = engine_io::carry(session, exchange, &self.shared, asked);
                if Box::pin(answered).await? {
                    return Ok(true);
                }
                match prepare_http(session, exchange) {
                    Ok(()) => Ok(false),
                    Err(refusal) => refuse(session, exchange, refusal).await,
                }
            }
            Ok(Way::EngineIoWebSocket(asked)) => {
                Box::pin(engine_io::upgrade(session, exchange, &self.shared, asked)).await
            }
            Ok(Way::Probe) => Box::pin(fallback::probe(session, exchange)).await,
            Ok(Way::Redirect(reply)) => {
                let sent = reply.send(&mut session.downstream_session).await;
                sent.map(|()| true).map_err(|e| e.into_down())
            }
            Ok(Way::Internal) => Box::pin(fallback::serve_client(session)).await,
            Ok(Way::Http) => match prepare_http(session, exchange) {
                Ok(()) => Ok(false),
                Err(refusal) => refuse(session, exchange, refusal).await,
            },
            Err(refusal) => refuse(session, exchange, refusal).await,
        }
    }

    async fn upstream_peer(
        &self,
        session: &mut Session,
        exchange: &mut Exchange,
    ) -> Result<Box<HttpPeer>> {
        exchange.asks(session.req_header());
        let (client, pinned) = (&exchange.client, exchange.pinned);
        let passage = exchange.passage.as_mut().ok_or_else(no_route)?;
        let route = passage.route.clone();
        let request = session.req_header();
        let key = route.key(request, client, pinned);
        // The lease of a server that could not be reached must not count while the next one is chosen.
        passage.lease = None;
        match route.group.choose(&key, &passage.tried) {
            Ok(lease) => {
                let write_timeout = passage.snapshot.config.timeouts.write.get();
                let timeouts = route.peer_timeouts(write_timeout);
                let peer = http_peer(&route.group, &lease, client.addresses, &timeouts);
                passage.lease = Some(lease);
                Ok(Box::new(peer))
            }
            Err(no_server) => {
                let refusal = passage.failure.unwrap_or_else(|| no_server.into());
                exchange.refusal = Some(refusal);
                Error::e_explain(
                    ErrorType::HTTPStatus(refusal.status().as_u16()),
                    refusal.reason(),
                )
            }
        }
    }

    fn fail_to_connect(
        &self,
        _session: &mut Session,
        peer: &HttpPeer,
        exchange: &mut Exchange,
        mut e: Box<Error>,
    ) -> Box<Error> {
        // Nothing was sent yet, so trying another server is safe whatever the method.
        if let (Some(passage), Some(address)) = (exchange.passage.as_mut(), inet(&peer._address)) {
            let upstream = passage.route.group.name();
            tracing::debug!(upstream, server = %address, error = %e, "server cannot be reached");
            passage.tried.add(address);
            passage.failure = refusal_for(&e);
            let group = &passage.route.group;
            if let Some(lease) = &passage.lease {
                group.answered(lease.endpoint(), None);
            }
            // Whether there is another one, and whether it may be tried, is found out when it is chosen.
            e.set_retry(true);
        }
        e
    }

    async fn request_body_filter(
        &self,
        session: &mut Session,
        body: &mut Option<Bytes>,
        end: bool,
        exchange: &mut Exchange,
    ) -> Result<()> {
        let len = body.as_ref().map_or(0, Bytes::len);
        let received = exchange.content.receive(len);
        exchange.expect_content(session, !end);
        received.or_else(|refusal| {
            exchange.refusal = Some(refusal);
            let status = ErrorType::HTTPStatus(refusal.status().as_u16());
            Error::e_explain(status, refusal.reason()).map_err(|e: Box<Error>| e.into_down())
        })
    }

    async fn upstream_request_filter(
        &self,
        _session: &mut Session,
        request: &mut RequestHeader,
        exchange: &mut Exchange,
    ) -> Result<()> {
        if request.version == Version::HTTP_11 && !request.has_case() {
            // The client has spoken HTTP/2.
            *request = respell(request)?;
        }
        let passage = exchange.passage.as_ref().ok_or_else(no_route)?;
        passage.route.prepare(request, &exchange.client)?;
        exchange.asks(request);
        cohort::join().await;
        Ok(())
    }

    async fn upstream_response_filter(
        &self,
        _session: &mut Session,
        response: &mut ResponseHeader,
        exchange: &mut Exchange,
    ) -> Result<()> {
        if let Some(passage) = &exchange.passage
            && let Some(lease) = &passage.lease
        {
            let group = &passage.route.group;
            group.answered(lease.endpoint(), Some(response.status));
            let server = lease.address();
            exchange.is_answered(server, response.status);
        }
        if response.status == StatusCode::SWITCHING_PROTOCOLS {
            // Handshakes do not come this way, so nobody has asked for it.
            return Error::e_explain(ErrorType::InvalidHTTPHeader, "101 to a plain request")
                .map_err(|e| e.into_up());
        }
        Ok(())
    }

    async fn response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        exchange: &mut Exchange,
    ) -> Result<()> {
        let framing = response.headers.get(header::TRANSFER_ENCODING).cloned();
        let passage = exchange.passage.as_ref().ok_or_else(no_route)?;
        let route = &passage.route;
        let lease = passage.lease.as_ref();
        let client = &exchange.client;
        let downstream = &mut session.downstream_session;
        prepare_response(downstream, response, framing, route, client, lease)?;
        if !(route.filters.compression && may_be_compressed(response)) {
            leave_uncompressed(session);
        }
        cohort::join().await;
        Ok(())
    }

    async fn fail_to_proxy(
        &self,
        session: &mut Session,
        e: &Error,
        exchange: &mut Exchange,
    ) -> FailToProxy {
        let refusal = exchange.refusal.or_else(|| refusal_for(e));
        if refusal.is_some_and(Refusal::blames_server)
            && let Some(passage) = &exchange.passage
            && let Some(lease) = &passage.lease
        {
            passage.route.group.answered(lease.endpoint(), None);
        }
        access_log::failed(e, exchange, refusal);
        let answered = exchange.tunnelled || session.response_written().is_some();
        if let Some(refusal) = refusal.filter(|_| !answered) {
            exchange.refused(refusal);
            session.set_keepalive(None);
            // A client that is gone by now needs no answer.
            let _ = refusal.send(&mut session.downstream_session).await;
        }
        FailToProxy {
            error_code: refusal.map_or(0, |refusal| refusal.status().as_u16()),
            can_reuse_downstream: false,
        }
    }

    async fn logging(&self, session: &mut Session, e: Option<&Error>, exchange: &mut Exchange) {
        exchange.count(&self.shared);
        if exchange.tunnelled {
            exchange.end_trace(&Answered::switched());
        } else {
            let answered = Answered::in_session(&session.downstream_session, e);
            exchange.note(session.req_header(), answered, &self.shared);
        }
    }

    fn suppress_error_log(&self, _: &Session, _: &Exchange, _: &Error) -> bool {
        // `fail_to_proxy` logs in our own words and at the right level.
        true
    }

    fn suppress_proxy_warn_log(
        &self,
        _: &Session,
        _: &Exchange,
        _: &Error,
        _: ProxyWarnLogContext,
    ) -> bool {
        true
    }
}

/// Answers a request ourselves; pingora goes no further with it.
pub(crate) async fn refuse(
    session: &mut Session,
    exchange: &mut Exchange,
    refusal: Refusal,
) -> Result<bool> {
    exchange.refused(refusal);
    refusal
        .send(&mut session.downstream_session)
        .await
        .map_err(|e| e.into_down())?;
    Ok(true)
}

/// A plain request: whatever it says of an upgrade goes no further (RFC 9110 §7.8).
fn prepare_http(
    session: &mut Session,
    exchange: &mut Exchange,
) -> std::result::Result<(), Refusal> {
    let request = session.req_header_mut();
    request.remove_header(&header::UPGRADE);
    request.remove_header("http2-settings");
    let old = request.version == Version::HTTP_10;
    let length = content_length(&request.headers);
    // RFC 9110 §15.2: HTTP/1.0 has no 1xx.
    session.set_ignore_info_resp(old);
    if let Some(passage) = &exchange.passage {
        let route = &passage.route;
        session.set_write_timeout(Some(passage.snapshot.config.timeouts.write.get()));
        exchange.content = Incoming::new(route.body_size, route.body_timeout);
        exchange.content.announce(length)?;
        let has_content = !session.is_body_empty();
        exchange.expect_content(session, has_content);
    }
    Ok(())
}

fn content_length(headers: &http::HeaderMap) -> Option<u64> {
    headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

/// What of a request the router looks at.
pub(crate) fn target<'r>(request: &'r RequestHeader, client: &Client) -> Target<'r> {
    Target {
        scheme: client.scheme_of(request),
        host: host(request),
        path: request.uri.path(),
        query: request.uri.query().unwrap_or_default(),
        method: &request.method,
        headers: &request.headers,
    }
}

/// Whom a request is for. A target in absolute form overrides Host (RFC 9112 §3.2.2).
pub(crate) fn host(request: &RequestHeader) -> &str {
    let authority = request.uri.authority().map(http::uri::Authority::as_str);
    let field = || request.headers.get(header::HOST)?.to_str().ok();
    authority.or_else(field).unwrap_or_default()
}

fn peer_address(session: &Session) -> IpAddr {
    let address = session.client_addr().and_then(inet);
    address.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.ip())
}

/// Both ends of the client's connection.
fn addresses(session: &Session) -> Option<Addresses> {
    Some(Addresses {
        source: session.client_addr().and_then(inet)?,
        destination: session.server_addr().and_then(inet)?,
    })
}

fn inet(address: &pingora::protocols::l4::socket::SocketAddr) -> Option<SocketAddr> {
    address.as_inet().copied()
}

/// Every request that comes so far has a route.
fn no_route() -> Box<Error> {
    Error::explain(ErrorType::InternalError, "request without a route")
}

impl From<NoServer> for Refusal {
    fn from(no_server: NoServer) -> Self {
        match no_server {
            NoServer::Tried | NoServer::Spent => Self::Unreachable,
            NoServer::Unhealthy | NoServer::Unresolved => Self::NoServer,
        }
    }
}
