//! The proxy around the fallback, and a client that speaks to it request by request.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{Method, Request, Response};
use towpath_fallback::session::Limits;
use towpath_fallback::{Body, Bounds, Endpoint, Fallback, Key, Origins, Policy, Via};

use crate::backend::{Backends, Seen, Server, Verdict, Way, backends};
use crate::io::{Answer, Io};

/// 16 bytes that nobody else has.
pub(crate) const NONCE: &str = "wYbTz1X0c4bO4mCq3xqg9Q";

/// A page that opens sessions.
pub(crate) const PAGE: &str = "https://page.example";

/// The proxy.
#[derive(Clone)]
pub(crate) struct Proxy {
    pub(crate) fallback: Arc<Fallback>,
    pub(crate) policy: Policy,
    backends: Arc<Backends>,
}

impl Proxy {
    pub(crate) fn new(verdict: Verdict) -> (Self, Seen) {
        Self::bounded(verdict, Bounds::default(), Limits::default())
    }

    pub(crate) fn bounded(verdict: Verdict, bounds: Bounds, limits: Limits) -> (Self, Seen) {
        let (backends, seen) = backends(verdict);
        let policy = Policy {
            origins: Origins::Upstream,
            hold: Duration::from_secs(25),
            open_timeout: Duration::from_secs(15),
            stream: true,
            limits,
            forward_headers: Vec::new(),
        };
        let proxy = Self {
            fallback: Arc::new(Fallback::new(bounds, &Key::random().unwrap()).unwrap()),
            policy,
            backends,
        };
        (proxy, seen)
    }

    /// Puts other backends behind it.
    pub(crate) fn replace(&mut self, backends: Arc<Backends>) {
        self.backends = backends;
    }

    /// The way to the backends.
    pub(crate) fn way(&self) -> Way {
        Way(self.backends.clone())
    }

    /// How often the backend was asked.
    pub(crate) fn dials(&self) -> usize {
        self.backends.dials.load(Ordering::Relaxed)
    }

    /// Answers a request, which lives on its own.
    pub(crate) fn serve(
        &self,
        endpoint: Endpoint,
        request: Request<Bytes>,
    ) -> BoxFuture<'static, Response<Body>> {
        let this = self.clone();
        async move {
            let via = Via {
                client: IpAddr::V4(Ipv4Addr::LOCALHOST),
                own_origin: "https://own.example",
                policy: Some(&this.policy),
                backend: Some(this.way()),
                check: &|_| String::new(),
            };
            this.fallback.serve(endpoint, request.map(Ok), via).await
        }
        .boxed()
    }

    /// Posts something from a page.
    pub(crate) fn post(
        &self,
        endpoint: Endpoint,
        content: impl Into<Bytes>,
    ) -> BoxFuture<'static, Response<Body>> {
        let request = Request::builder()
            .method(Method::POST)
            .header("origin", PAGE);
        self.serve(endpoint, request.body(content.into()).unwrap())
    }

    /// What `open` with this nonce answers.
    pub(crate) async fn open(&self, nonce: &str) -> serde_json::Value {
        let wish = serde_json::json!({ "towpath": 1, "nonce": nonce, "stream": true });
        let mut response = self.post(Endpoint::Open, wish.to_string()).await;
        let content = response.body_mut().next().await.unwrap();
        serde_json::from_slice(&content).unwrap()
    }

    /// A session, and its backend's end.
    pub(crate) async fn session(&self, seen: &mut Seen) -> (Session, Server) {
        let opened = self.open(NONCE).await;
        (Session::new(self, &opened), seen.server().await)
    }
}

/// An open session.
pub(crate) struct Session {
    proxy: Proxy,
    token: String,
    serial: u64,
}

impl Session {
    pub(crate) fn new(proxy: &Proxy, opened: &serde_json::Value) -> Self {
        Self {
            proxy: proxy.clone(),
            token: opened["token"].as_str().expect("it is open").to_owned(),
            serial: 0,
        }
    }

    /// Makes the next request; it is on its way once it is polled.
    pub(crate) fn request(&mut self, io: &Io) -> BoxFuture<'static, Response<Body>> {
        self.serial += 1;
        let content = io.bytes(&self.token, self.serial);
        self.proxy.post(Endpoint::Io, content)
    }

    /// Makes the next request, and reads its whole answer.
    pub(crate) async fn io(&mut self, io: &Io) -> Answer {
        whole(self.request(io).await).await
    }

    /// Polls until the session is over, and gives the code that it closed with.
    pub(crate) async fn until_closed(&mut self, mut ack: u64) -> Option<u16> {
        loop {
            let answer = self.io(&Io::poll(ack)).await;
            ack += answer.frames.len() as u64;
            if let Some(code) = answer.close() {
                let last = Io {
                    ack,
                    ..Io::default()
                };
                assert_eq!(self.io(&last).await.status, crate::io::CLOSED);
                return Some(code);
            }
            if answer.status == crate::io::GONE {
                return None;
            }
        }
    }
}

/// A whole answer.
pub(crate) async fn whole(mut response: Response<Body>) -> Answer {
    Answer::parse(&response.body_mut().next().await.unwrap())
}

/// Lets a request arrive, and all that it causes happen.
pub(crate) async fn arrive<T>(request: &mut BoxFuture<'static, T>) {
    assert!(request.now_or_never().is_none(), "it is answered already");
    settle().await;
}

/// Lets everything happen that needs no time.
pub(crate) async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}
