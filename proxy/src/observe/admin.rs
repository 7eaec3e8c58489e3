//! The operator's listener: `/health` says that the process lives, `/ready` whether it wants new connections,
//! `/metrics` what it has counted, in Prometheus' text format.

use std::borrow::Cow;
use std::sync::Arc;

use async_trait::async_trait;
use http::{Method, Response, StatusCode};
use pingora::apps::http_app::ServeHttp;
use pingora::protocols::http::ServerSession;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use crate::shared::Shared;

/// The application behind the admin listener.
pub(crate) struct Admin {
    shared: Arc<Shared>,
    metrics: Registry,
}

/// The media type of Prometheus' text format.
const METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// What is answered: status, media type and content.
type Answer = (StatusCode, &'static str, Cow<'static, str>);

impl Admin {
    /// The admin application of a process.
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let mut metrics = Registry::default();
        shared.fallback.metrics().register(&mut metrics);
        shared.rejections.register(&mut metrics);
        shared.upstreams.counts().register(&mut metrics);
        Self { shared, metrics }
    }

    fn answer(&self, method: &Method, path: &str) -> Answer {
        let text = |status, text: &'static str| (status, TEXT, text.into());
        match path {
            "/health" | "/ready" | "/metrics" if !matches!(*method, Method::GET | Method::HEAD) => {
                text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n")
            }
            "/health" => text(StatusCode::OK, "ok\n"),
            "/ready" if self.shared.is_ready() => text(StatusCode::OK, "ready\n"),
            "/ready" => text(StatusCode::SERVICE_UNAVAILABLE, "draining\n"),
            "/metrics" => self.metrics(),
            _ => text(StatusCode::NOT_FOUND, "try /health, /ready or /metrics\n"),
        }
    }

    fn metrics(&self) -> Answer {
        // Brings what is only looked at up to date.
        let _ = self.shared.fallback.metrics();
        let mut content = String::new();
        match encode(&mut content, &self.metrics) {
            Ok(()) => (StatusCode::OK, METRICS, content.into()),
            Err(_) => (
                StatusCode::INTERNAL_SERVER_ERROR,
                TEXT,
                "not encodable\n".into(),
            ),
        }
    }
}

#[async_trait]
impl ServeHttp for Admin {
    async fn response(&self, session: &mut ServerSession) -> Response<Vec<u8>> {
        let request = session.req_header();
        let (status, media_type, content) = self.answer(&request.method, request.uri.path());
        let length = content.len();
        let mut response = Response::new(content.into_owned().into_bytes());
        *response.status_mut() = status;
        let fields = response.headers_mut();
        fields.insert("content-type", http::HeaderValue::from_static(media_type));
        fields.insert("content-length", http::HeaderValue::from(length));
        fields.insert("cache-control", http::HeaderValue::from_static("no-store"));
        response
    }
}
