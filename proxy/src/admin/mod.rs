//! The operator's listener: `/health` says that the process lives, `/ready` whether it wants new connections, `/metrics`
//! what it has counted, in Prometheus' text format; `/api/` is what the command line speaks to, and the page at `/`.

mod guard;
pub(crate) mod orders;
mod page;
pub(crate) mod status;

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use http::{HeaderValue, Method, Response, StatusCode, header};
use pingora::apps::ServerApp;
use pingora::apps::http_app::ServeHttp;
use pingora::http::RequestHeader;
use pingora::protocols::Stream;
use pingora::protocols::http::ServerSession;
use pingora::protocols::l4::stream::Stream as PingoraTcp;
use pingora::server::ShutdownWatch;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use serde::Serialize;
use tokio::net::TcpStream;

pub(crate) use guard::{TokenError, inspect, read_token, watched};

use crate::fallback::bounds;
use crate::lifecycle::Take;
use crate::observe::live::{Kind, Query};
use crate::observe::metrics::{Now, OfServer};
use crate::observe::registry;
use crate::shared::Shared;
use orders::{Order, give};
use status::Status;

/// The media type of Prometheus' text format.
const METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

/// What the page may do: run its own scripts, and ask the listener that it came from.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Tunnels and sessions that are listed where nobody says how many, and at most.
const LISTED: usize = 100;
const MOST_LISTED: usize = 10_000;

/// The code with which the operator ends what has no other: 1001, going away.
const CLOSE_CODE: u16 = 1001;

/// The application behind the admin listener.
pub(crate) struct Admin {
    shared: Arc<Shared>,
    /// What is only looked at is emptied first, which nobody else must see.
    metrics: Mutex<Registry>,
}

/// What is answered: status, media type and content.
struct Answer {
    status: StatusCode,
    media_type: &'static str,
    content: Cow<'static, [u8]>,
}

impl Answer {
    fn text(status: StatusCode, text: impl Into<String>) -> Self {
        Self {
            status,
            media_type: TEXT,
            content: text.into().into_bytes().into(),
        }
    }

    fn json(value: &impl Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(content) => Self {
                status: StatusCode::OK,
                media_type: JSON,
                content: content.into(),
            },
            Err(error) => Self::text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
        }
    }

    /// A file of the page, if there is one at this path.
    fn file(path: &str) -> Self {
        let Some((media_type, content)) = page::file(path) else {
            let others = "try /, /health, /ready, /metrics or /api/status\n";
            return Self::text(StatusCode::NOT_FOUND, others);
        };
        Self {
            status: StatusCode::OK,
            media_type,
            content: content.into(),
        }
    }

    fn of(result: Result<(), String>, done: &str) -> Self {
        match result {
            Ok(()) => Self::text(StatusCode::OK, format!("{done}\n")),
            Err(why) => Self::text(StatusCode::CONFLICT, format!("{why}\n")),
        }
    }
}

impl Admin {
    /// The admin application of a process.
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let metrics = registry(
            &shared.metrics,
            shared.fallback.metrics(),
            &shared.rejections,
            &shared.traces,
            shared.upstreams.counts(),
        );
        let metrics = Mutex::new(metrics);
        Self { shared, metrics }
    }

    async fn answer(&self, request: &RequestHeader) -> Answer {
        let path = request.uri.path();
        let is_read = matches!(request.method, Method::GET | Method::HEAD);
        let is_probe = matches!(path, "/health" | "/ready");
        if !is_probe {
            let snapshot = self.shared.snapshot();
            if let Err(status) = guard::ask(request, snapshot.token.as_deref()) {
                return Answer::text(status, format!("{status}\n"));
            }
        }
        match path {
            "/api/reload" | "/api/drain" | "/api/upgrade" | "/api/close" => {
                if request.method != Method::POST {
                    return Answer::text(StatusCode::METHOD_NOT_ALLOWED, "only POST\n");
                }
                self.act(path, request.uri.query().unwrap_or_default())
                    .await
            }
            _ if !is_read => Answer::text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n"),
            "/health" => Answer::text(StatusCode::OK, "ok\n"),
            "/ready" if self.shared.is_ready() => Answer::text(StatusCode::OK, "ready\n"),
            "/ready" => Answer::text(StatusCode::SERVICE_UNAVAILABLE, "draining\n"),
            "/metrics" => self.metrics(),
            "/api/status" => Answer::json(&Status::of(&self.shared)),
            "/api/config" => Answer::json(&status::config(&self.shared)),
            "/api/live" => self.live(request.uri.query().unwrap_or_default()),
            path => Answer::file(path),
        }
    }

    async fn act(&self, path: &str, query: &str) -> Answer {
        let orders = &self.shared.orders;
        match path {
            "/api/reload" => Answer::of(give(orders, Order::Reload).await, "reloaded"),
            "/api/drain" => Answer::of(give(orders, Order::Drain).await, "draining"),
            "/api/upgrade" => Answer::of(give(orders, Order::Upgrade).await, "upgraded"),
            _ => self.close(query),
        }
    }

    /// Ends one tunnel or session.
    fn close(&self, query: &str) -> Answer {
        let value = |name: &str| value_of(query, name);
        let Some(id) = value("id").and_then(|id| id.parse().ok()) else {
            return Answer::text(StatusCode::BAD_REQUEST, "expected id=NUMBER\n");
        };
        let code = value("code").map_or(Some(CLOSE_CODE), |code| code.parse().ok());
        let Some(code) = code.filter(|code| may_be_sent(*code)) else {
            let expected = "expected a code that may be sent: 1000 to 1014 but 1004 to 1006, or 3000 to 4999\n";
            return Answer::text(StatusCode::BAD_REQUEST, expected);
        };
        match self.shared.live.close(id, code) {
            true => Answer::text(StatusCode::OK, "closing\n"),
            false => Answer::text(StatusCode::NOT_FOUND, "no such tunnel or session\n"),
        }
    }

    fn live(&self, query: &str) -> Answer {
        #[derive(Serialize)]
        struct Listed<T> {
            count: usize,
            live: T,
        }
        let value = |name: &str| value_of(query, name).filter(|it| !it.is_empty());
        let limit = value("limit").and_then(|it| it.parse().ok());
        let (live, count) = self.shared.live.list(&Query {
            route: value("route"),
            kind: match value("kind").as_deref() {
                Some("tunnel") => Some(Kind::Tunnel),
                Some("session") => Some(Kind::Session),
                _ => None,
            },
            text: value("text"),
            limit: limit.unwrap_or(LISTED).min(MOST_LISTED),
        });
        Answer::json(&Listed { count, live })
    }

    fn metrics(&self) -> Answer {
        // No code here can panic while it holds the lock.
        let metrics = self.metrics.lock().unwrap_or_else(PoisonError::into_inner);
        // Brings what is only looked at up to date.
        let _ = self.shared.fallback.metrics();
        self.shared.metrics.look(&now(&self.shared));
        let mut content = String::new();
        match encode(&mut content, &metrics) {
            Ok(()) => Answer {
                status: StatusCode::OK,
                media_type: METRICS,
                content: content.into_bytes().into(),
            },
            Err(_) => Answer::text(StatusCode::INTERNAL_SERVER_ERROR, "not encodable\n"),
        }
    }
}

fn now(shared: &Shared) -> Now {
    let snapshot = shared.snapshot();
    let mut servers = Vec::new();
    for group in snapshot.groups() {
        servers.extend(group.servers().into_iter().map(|server| OfServer {
            upstream: group.name().to_owned(),
            address: server.address,
            state: server.state,
            active: server.active,
        }));
    }
    let limits = &snapshot.config.limits;
    let bounds = bounds(limits);
    Now {
        connections: shared.connections.open(),
        most_connections: shared.most_connections(limits),
        most_sessions: bounds.sessions,
        most_session_memory: bounds.memory,
        predecessors: shared.generations.predecessors(),
        traffic: shared.live.traffic(),
        ready: shared.is_ready(),
        servers,
    }
}

fn value_of(query: &str, name: &str) -> Option<String> {
    let mut fields = form_urlencoded::parse(query.as_bytes());
    fields
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

/// RFC 6455 §7.4: codes that an endpoint may put into a Close.
fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

impl Take for Admin {
    fn take(self: &Arc<Self>, connection: TcpStream, _: SocketAddr, shutdown: &ShutdownWatch) {
        let (admin, shutdown) = (self.clone(), shutdown.clone());
        tokio::spawn(async move {
            let mut next: Option<Stream> = Some(Box::new(PingoraTcp::from(connection)));
            while let Some(stream) = next {
                // Counted, so that the process does not end before an order was answered. Limits are for clients.
                let Ok(_place) = admin.shared.operators.enter(usize::MAX) else {
                    return;
                };
                next = admin.process_new(stream, &shutdown).await;
            }
        });
    }
}

#[async_trait]
impl ServeHttp for Admin {
    async fn response(&self, session: &mut ServerSession) -> Response<Vec<u8>> {
        let answer = self.answer(session.req_header()).await;
        let length = answer.content.len();
        let mut response = Response::new(answer.content.into_owned());
        *response.status_mut() = answer.status;
        let fields = response.headers_mut();
        fields.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static(answer.media_type),
        );
        fields.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        for (name, value) in [
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            // Whoever has logged in may have other sites open, which are to load nothing from here and to hold no window of
            // the page.
            ("cross-origin-resource-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            // The page loads nothing from anywhere else, and nothing may be put into it.
            ("content-security-policy", POLICY),
        ] {
            fields.insert(name, HeaderValue::from_static(value));
        }
        if answer.status == StatusCode::UNAUTHORIZED {
            let challenge =
                HeaderValue::from_static(r#"Basic realm="towpath admin", charset="UTF-8""#);
            fields.insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}
