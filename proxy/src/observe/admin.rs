//! The operator's listener: `/health` says that the process lives, `/ready` whether it wants new connections.

use std::sync::Arc;

use async_trait::async_trait;
use http::{Method, Response, StatusCode};
use pingora::apps::http_app::ServeHttp;
use pingora::protocols::http::ServerSession;

use crate::shared::Shared;

/// The application behind the admin listener.
pub(crate) struct Admin {
    shared: Arc<Shared>,
}

impl Admin {
    /// The admin application of a process.
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    fn answer(&self, method: &Method, path: &str) -> (StatusCode, &'static str) {
        match path {
            "/health" | "/ready" if !matches!(*method, Method::GET | Method::HEAD) => {
                (StatusCode::METHOD_NOT_ALLOWED, "only GET\n")
            }
            "/health" => (StatusCode::OK, "ok\n"),
            "/ready" if self.shared.is_ready() => (StatusCode::OK, "ready\n"),
            "/ready" => (StatusCode::SERVICE_UNAVAILABLE, "draining\n"),
            _ => (StatusCode::NOT_FOUND, "try /health or /ready\n"),
        }
    }
}

#[async_trait]
impl ServeHttp for Admin {
    async fn response(&self, session: &mut ServerSession) -> Response<Vec<u8>> {
        let request = session.req_header();
        let (status, text) = self.answer(&request.method, request.uri.path());
        let mut response = Response::new(text.as_bytes().to_vec());
        *response.status_mut() = status;
        let fields = response.headers_mut();
        fields.insert(
            "content-type",
            http::HeaderValue::from_static("text/plain; charset=utf-8"),
        );
        fields.insert("content-length", http::HeaderValue::from(text.len()));
        fields.insert("cache-control", http::HeaderValue::from_static("no-store"));
        response
    }
}
