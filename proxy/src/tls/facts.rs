//! What a TLS handshake has told of a client.

use std::fmt::Write as _;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pingora::protocols::tls::TlsRef;
use sha2::{Digest, Sha256};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// What is known of a connection with TLS.
#[derive(Clone, Debug, Default)]
pub(crate) struct TlsFacts {
    /// The server that the client asked for (SNI), in lower case.
    pub(crate) server_name: Option<Box<str>>,
    /// Who it is, verified.
    pub(crate) client: Option<Arc<ClientCertificate>>,
}

/// A verified client certificate, in the words of the fields that tell backends of it.
#[derive(Debug)]
pub(crate) struct ClientCertificate {
    /// For `X-Forwarded-Client-Cert`: its hash, subject and names.
    pub(crate) forwarded: String,
    /// For `Client-Cert`: the whole of it (RFC 9440 §2.1).
    pub(crate) whole: String,
}

impl TlsFacts {
    /// What the handshake agreed on.
    pub(crate) fn of(tls: &TlsRef) -> Self {
        let certificate = tls.peer_certificate_der();
        let server_name = tls.server_name();
        Self {
            server_name: server_name.map(|name| name.to_ascii_lowercase().into()),
            client: certificate.and_then(ClientCertificate::parse).map(Arc::new),
        }
    }

    /// Whether `host`, as a request names it, is the server that the client asked for.
    pub(crate) fn is_for(&self, host: &str) -> bool {
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
            _ => host,
        };
        self.server_name
            .as_deref()
            .is_some_and(|server| server.eq_ignore_ascii_case(name))
    }
}

impl ClientCertificate {
    /// It was verified, so it can be read; the subject and names in it are the client's choice all the same.
    fn parse(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let mut forwarded = String::from("Hash=");
        for byte in Sha256::digest(der) {
            let _ = write!(forwarded, "{byte:02x}");
        }
        let _ = write!(
            forwarded,
            ";Subject=\"{}\"",
            quotable(&certificate.subject().to_string())
        );
        let names = certificate.subject_alternative_name().ok().flatten();
        for name in names.iter().flat_map(|names| &names.value.general_names) {
            let _ = match name {
                GeneralName::URI(uri) => write!(forwarded, ";URI={}", bare(uri)),
                GeneralName::DNSName(name) => write!(forwarded, ";DNS={}", bare(name)),
                _ => Ok(()),
            };
        }
        Some(Self {
            forwarded,
            whole: format!(":{}:", STANDARD.encode(der)),
        })
    }
}

/// Within quotes.
fn quotable(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '"' | '\\' => safe.extend(['\\', char]),
            ' '..='~' => safe.push(char),
            _ => safe.push('?'),
        }
    }
    safe
}

/// Without quotes: what would end the value is left out.
fn bare(text: &str) -> String {
    text.chars()
        .filter(|c| c.is_ascii_graphic() && !matches!(c, ';' | ',' | '=' | '"' | '\\'))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::tls::testing;

    #[test]
    fn a_request_is_for_the_server_that_was_named_whatever_its_port() {
        let facts = TlsFacts {
            server_name: Some("chat.example.com".into()),
            client: None,
        };
        for host in ["chat.example.com", "Chat.Example.com:8443"] {
            assert!(facts.is_for(host), "{host}");
        }
        for host in ["example.com", "chat.example.com.", "chat.example.com:x", ""] {
            assert!(!facts.is_for(host), "{host}");
        }
        assert!(!TlsFacts::default().is_for(""));
    }

    #[test]
    fn what_a_certificate_says_cannot_reach_beyond_its_place() {
        let der = testing::client("Ada \"x\";URI=forged\u{e9}", "a.test;Hash=0");
        let certificate = ClientCertificate::parse(&der).unwrap();
        let (hash, rest) = certificate.forwarded.split_once(';').unwrap();
        assert_eq!(hash.len(), "Hash=".len() + 64);
        assert_eq!(
            rest,
            r#"Subject="CN=Ada \"x\";URI=forged?";DNS=a.testHash0"#
        );
        assert!(certificate.whole.starts_with(":MII") && certificate.whole.ends_with(':'));
    }
}
