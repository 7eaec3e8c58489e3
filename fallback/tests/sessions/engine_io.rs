//! Engine.IO's clients, carried onto one WebSocket.

use std::net::{IpAddr, Ipv4Addr};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, SinkExt, StreamExt};
use http::request::Builder;
use http::{HeaderMap, Method, Request, StatusCode};
use tokio::io::{DuplexStream, duplex};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;
use towpath_fallback::dialect::engine_io::{Outcome, Service, Via};
use towpath_fallback::session::Limits;
use towpath_fallback::{Bounds, TooLarge};

use crate::backend::{Seen, Server, Verdict, Way};
use crate::proxy::Proxy;

mod burst;
mod ending;
mod opening;
mod requests;

/// The proxy's own origin.
const OWN: &str = "https://own.example";

const OPEN: &str = concat!(
    r#"0{"sid":"theirs","upgrades":[],"pingInterval":25000,"#,
    r#""pingTimeout":20000,"maxPayload":1000000}"#
);

/// A service behind the proxy.
#[derive(Clone)]
struct Site {
    proxy: Proxy,
    service: Service,
}

/// What a request was answered.
#[derive(Debug)]
struct Told {
    status: u16,
    headers: HeaderMap,
    content: String,
    /// The request may be passed through to the backend.
    polling_only: bool,
}

impl Site {
    fn new(verdict: Verdict) -> (Self, Seen) {
        Self::of(Proxy::new(verdict))
    }

    fn bounded(bounds: Bounds, limits: Limits) -> (Self, Seen) {
        Self::of(Proxy::bounded(Verdict::Accept, bounds, limits))
    }

    fn of((proxy, seen): (Proxy, Seen)) -> (Self, Seen) {
        let service = Service {
            path: "/socket.io/".to_owned(),
            websocket: true,
            max_body: 100_000,
        };
        (Self { proxy, service }, seen)
    }

    fn via<'a>(&'a self, query: &'a str) -> Via<'a, Way> {
        Via {
            client: IpAddr::V4(Ipv4Addr::LOCALHOST),
            own_origin: OWN,
            query,
            policy: &self.proxy.policy,
            service: &self.service,
            backend: Some(self.proxy.way()),
        }
    }

    /// Answers a request, which lives on its own.
    fn serve(
        &self,
        query: &str,
        request: Request<Result<Bytes, TooLarge>>,
    ) -> BoxFuture<'static, Told> {
        let (this, query) = (self.clone(), query.to_owned());
        async move {
            let fallback = this.proxy.fallback.clone();
            let outcome = fallback.serve_engine_io(request, this.via(&query)).await;
            let polling_only = matches!(outcome, Outcome::PollingOnly(_));
            let (Outcome::Answered(response) | Outcome::PollingOnly(response)) = outcome;
            let (parts, mut body) = response.into_parts();
            let content = body.next().await.unwrap_or_default();
            Told {
                status: parts.status.as_u16(),
                headers: parts.headers,
                content: String::from_utf8(content.to_vec()).unwrap(),
                polling_only,
            }
        }
        .boxed()
    }

    fn ask(
        &self,
        query: &str,
        request: Builder,
        content: impl Into<Bytes>,
    ) -> BoxFuture<'static, Told> {
        self.serve(query, request.body(Ok(content.into())).unwrap())
    }

    fn get(&self, query: &str) -> BoxFuture<'static, Told> {
        self.ask(query, get(), "")
    }

    /// What a handshake is answered by a backend that begins with `first`.
    async fn shake(&self, seen: &mut Seen, query: &str, first: &'static str) -> (Told, Server) {
        tokio::join!(self.get(query), async {
            let mut server = seen.server().await;
            server.send(Message::text(first)).await.unwrap();
            server
        })
    }

    /// An open session of revision 4, and its backend's end.
    async fn session(&self, seen: &mut Seen) -> (Client, Server) {
        let (told, server) = self.shake(seen, "EIO=4&transport=polling&t=0", OPEN).await;
        (Client::new(self, &sid(&told)), server)
    }
}

fn get() -> Builder {
    Request::builder().method(Method::GET)
}

fn post() -> Builder {
    Request::builder().method(Method::POST)
}

/// What is in an open packet.
fn opened(told: &Told) -> serde_json::Value {
    assert_eq!(told.status, StatusCode::OK, "{told:?}");
    serde_json::from_str(told.content.strip_prefix('0').unwrap()).unwrap()
}

fn sid(told: &Told) -> String {
    opened(told)["sid"].as_str().unwrap().to_owned()
}

/// A session's client.
struct Client {
    site: Site,
    sid: String,
    requests: u64,
}

impl Client {
    fn new(site: &Site, sid: &str) -> Self {
        Self {
            site: site.clone(),
            sid: sid.to_owned(),
            requests: 0,
        }
    }

    /// The query of the next request, which no other has.
    fn query(&mut self) -> String {
        self.requests += 1;
        let (sid, t) = (&self.sid, self.requests);
        format!("EIO=4&transport=polling&t={t}&sid={sid}")
    }

    /// Polls; the request is on its way once it is polled itself.
    fn poll(&mut self) -> BoxFuture<'static, Told> {
        let query = self.query();
        self.site.get(&query)
    }

    fn post(&mut self, content: impl Into<Bytes>) -> BoxFuture<'static, Told> {
        let query = self.query();
        self.site.ask(&query, post(), content)
    }

    async fn say(&mut self, content: &'static str) {
        let told = self.post(content).await;
        assert_eq!((told.status, told.content.as_str()), (200, "ok"));
    }

    /// A WebSocket of the session's, welcomed or not, that takes so many bytes ahead.
    fn connect(&self, ahead: usize) -> DuplexStream {
        let query = format!("EIO=4&transport=websocket&sid={}", self.sid);
        let via = self.site.via(&query);
        let fallback = &self.site.proxy.fallback;
        let accepted = fallback.upgrade_engine_io(&HeaderMap::new(), &via);
        let (ours, theirs) = duplex(ahead);
        accepted
            .unwrap_or_else(|refused| panic!("{}", refused.status()))
            .carry(Box::new(theirs));
        ours
    }

    fn websocket(&self) -> impl Future<Output = Server> + use<> {
        WebSocketStream::from_raw_socket(self.connect(1024), Role::Client, None)
    }

    /// A WebSocket over which the session goes on.
    async fn upgraded(&mut self) -> Server {
        let mut line = self.websocket().await;
        line.send(Message::text("2probe")).await.unwrap();
        let answer = line.next().await.unwrap().unwrap();
        assert_eq!(answer, Message::text("3probe"));
        line.send(Message::text("5")).await.unwrap();
        line
    }
}
