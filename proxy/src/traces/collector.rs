//! The way to the collector: OTLP as protobuf over HTTP, with the library's own retries, within one deadline.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use hyper_rustls::HttpsConnectorBuilder;
use opentelemetry::KeyValue;
use opentelemetry_http::hyper::HyperClient;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{
    ExporterBuildError, Protocol, SpanExporter, WithExportConfig, WithHttpConfig,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};
use pingora::tls::load_platform_certs_incl_env_into_store;
use rustls::crypto::ring::default_provider;
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;
use tokio::time::timeout;
use towpath_conf::Tracing;

/// Why there is no way to the collector.
#[derive(Debug, Error)]
pub(crate) enum ExportError {
    #[error("the certificates that this system trusts cannot be read: {0}")]
    Roots(#[from] Box<pingora::Error>),
    #[error("TLS to the collector: {0}")]
    Tls(#[from] rustls::Error),
    #[error("traces: {0}")]
    Exporter(#[from] ExporterBuildError),
}

/// The collector.
#[derive(Debug)]
pub(super) struct Collector {
    exporter: SpanExporter,
    fault: Fault,
    patience: Duration,
    pub(super) endpoint: String,
}

/// What went wrong last, which the exporter does not tell.
type Fault = Arc<Mutex<Option<String>>>;

impl Collector {
    /// The one that the configuration names. Nothing is connected to yet.
    pub(super) fn new(conf: &Tracing) -> Result<Self, ExportError> {
        let fault = Fault::default();
        let client = Client {
            inner: client(conf)?,
            headers: headers(conf),
            fault: fault.clone(),
        };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(&conf.endpoint)
            .with_timeout(conf.timeout.get());
        let mut exporter = exporter.build()?;
        exporter.set_resource(&resource(conf));
        Ok(Self {
            exporter,
            fault,
            patience: conf.timeout.get(),
            endpoint: conf.endpoint.clone(),
        })
    }

    /// Sends spans, and tries again for a while. The library's own deadline is for each try.
    pub(super) async fn export(&self, spans: Vec<SpanData>) -> Result<(), String> {
        match timeout(self.patience, self.exporter.export(spans)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(lock(&self.fault).take().unwrap_or(error.to_string())),
            Err(_) => Err("no answer in time".to_owned()),
        }
    }
}

/// Who we are.
fn resource(conf: &Tracing) -> Resource {
    let own = [
        KeyValue::new("service.name", conf.service_name.clone()),
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
    ];
    let more = conf.resource.iter();
    let more = more.map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
    Resource::builder_empty()
        .with_attributes(own.into_iter().chain(more))
        .build()
}

/// They were checked to be fields.
fn headers(conf: &Tracing) -> HeaderMap {
    let fields = conf.headers.iter().filter_map(|(name, value)| {
        let mut value = HeaderValue::from_str(value).ok()?;
        value.set_sensitive(true);
        Some((HeaderName::try_from(name).ok()?, value))
    });
    fields.collect()
}

fn client(conf: &Tracing) -> Result<Box<dyn HttpClient>, ExportError> {
    let mut roots = RootCertStore::empty();
    if conf
        .endpoint
        .get(..5)
        .is_some_and(|it| it.eq_ignore_ascii_case("https"))
    {
        load_platform_certs_incl_env_into_store(&mut roots)?;
    }
    let tls = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .build();
    Ok(Box::new(HyperClient::new(
        connector,
        conf.timeout.get(),
        None,
    )))
}

/// The library's client, with the operator's fields; it says what went wrong.
struct Client {
    inner: Box<dyn HttpClient>,
    headers: HeaderMap,
    fault: Fault,
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        request.headers_mut().extend(self.headers.clone());
        let sent = self.inner.send_bytes(request).await;
        *lock(&self.fault) = sent.as_ref().err().map(|error| reason(error.as_ref()));
        sent
    }
}

/// An error with what caused it: hyper says what it did, and the causes say why.
fn reason(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let words: Vec<_> = causes.map(ToString::to_string).collect();
    words.join(": ")
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

/// No code here can panic while it holds the lock.
fn lock(fault: &Fault) -> MutexGuard<'_, Option<String>> {
    fault.lock().unwrap_or_else(PoisonError::into_inner)
}
