//! A listener's side of TLS, as its configuration says it.

use std::sync::Arc;

use pingora::listeners::tls::Acceptor;
use pingora::protocols::l4::stream::Stream as TcpStream;
use pingora::protocols::tls::TlsStream;
use rustls::ServerConfig;
use rustls::crypto::ring::{Ticketer, default_provider};
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::version::{TLS12, TLS13};
use thiserror::Error;
use towpath_conf::{Listener, ListenerTls, TlsVersion};

use super::files::{self, FileError};
use super::names::Certificates;

/// Why a listener cannot speak TLS.
#[derive(Debug, Error)]
pub(crate) enum TlsError {
    #[error(transparent)]
    File(#[from] FileError),
    /// rustls makes nothing of the certificate authorities.
    #[error("certificates of clients cannot be verified: {0}")]
    Clients(#[from] VerifierBuilderError),
    /// rustls wants it otherwise, or has no randomness.
    #[error(transparent)]
    Rustls(#[from] rustls::Error),
}

/// Speaks TLS with clients.
pub(crate) struct TlsServer(Acceptor);

impl TlsServer {
    /// What `listener` says of `tls`, its files read.
    pub(crate) fn new(listener: &Listener, tls: &ListenerTls) -> Result<Self, TlsError> {
        let config = server_config(tls, listener.http2.enabled)?;
        Ok(Self(Acceptor::from_server_config(Arc::new(config))))
    }

    /// Takes a client through the handshake.
    ///
    /// # Errors
    /// The client speaks no TLS, or none that we do, or could not prove who it is.
    pub(crate) async fn accept(&self, client: TcpStream) -> pingora::Result<TlsStream<TcpStream>> {
        self.0.tls_handshake(client).await
    }
}

impl std::fmt::Debug for TlsServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsServer").finish_non_exhaustive()
    }
}

/// rustls knows no weak suites, does not renegotiate, and takes no early data unless told to, which could be replayed.
fn server_config(tls: &ListenerTls, http2: bool) -> Result<ServerConfig, TlsError> {
    let versions: &[_] = match tls.minimum_version {
        TlsVersion::Tls12 => &[&TLS13, &TLS12],
        TlsVersion::Tls13 => &[&TLS13],
    };
    let provider = Arc::new(default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone());
    let builder = builder.with_protocol_versions(versions)?;
    let builder = match &tls.client_certificates {
        Some(clients) => {
            let roots = files::roots(&clients.ca)?;
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
            let verifier = match clients.required {
                true => verifier,
                false => verifier.allow_unauthenticated(),
            };
            builder.with_client_cert_verifier(verifier.build()?)
        }
        None => builder.with_no_client_auth(),
    };
    let default = files::certified_key(&tls.certificate, &tls.key)?;
    let more = tls
        .more
        .iter()
        .map(|pair| files::certified_key(&pair.certificate, &pair.key))
        .collect::<Result<_, _>>()?;
    let mut config = builder.with_cert_resolver(Arc::new(Certificates::new(default, more)));
    // What a client resumes was verified here once: each listener has tickets of its own.
    config.ticketer = Ticketer::new()?;
    config.alpn_protocols = match http2 {
        true => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        false => vec![b"http/1.1".to_vec()],
    };
    Ok(config)
}
