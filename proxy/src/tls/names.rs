//! Which certificate a client gets: by the names in them (RFC 9525 §6.3), and by what the client can verify.

use std::collections::HashMap;
use std::sync::Arc;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// The certificates of a listener.
#[derive(Debug)]
pub(super) struct Certificates {
    /// For clients that name no server, or an unknown one.
    default: Arc<CertifiedKey>,
    exact: HashMap<String, Vec<Arc<CertifiedKey>>>,
    /// By what follows the `*.`, which stands for one label.
    wildcards: HashMap<String, Vec<Arc<CertifiedKey>>>,
}

impl Certificates {
    /// The first of them is the default.
    pub(super) fn new(default: CertifiedKey, more: Vec<CertifiedKey>) -> Self {
        let default = Arc::new(default);
        let mut this = Self {
            default: default.clone(),
            exact: HashMap::new(),
            wildcards: HashMap::new(),
        };
        for pair in std::iter::once(default).chain(more.into_iter().map(Arc::new)) {
            for name in names(&pair) {
                let (map, name) = match name.strip_prefix("*.") {
                    Some(parent) => (&mut this.wildcards, parent),
                    None => (&mut this.exact, &*name),
                };
                map.entry(name.to_owned()).or_default().push(pair.clone());
            }
        }
        this
    }

    /// The first of those for `name` that `usable` takes; the first of all of them, if it takes none.
    fn choose(
        &self,
        name: Option<&str>,
        usable: impl Fn(&CertifiedKey) -> bool,
    ) -> Arc<CertifiedKey> {
        let by_name = name.map(str::to_ascii_lowercase).and_then(|name| {
            let wildcard = || self.wildcards.get(name.split_once('.')?.1);
            self.exact.get(&name).or_else(wildcard)
        });
        let named = by_name.map(Vec::as_slice).unwrap_or_default();
        let usable = named.iter().find(|pair| usable(pair));
        usable.or(named.first()).unwrap_or(&self.default).clone()
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let schemes = hello.signature_schemes();
        let usable = |pair: &CertifiedKey| pair.key.choose_scheme(schemes).is_some();
        Some(self.choose(hello.server_name(), usable))
    }
}

/// The DNS names in a certificate, in lower case.
fn names(pair: &CertifiedKey) -> Vec<String> {
    let Some(Ok((_, certificate))) = pair
        .end_entity_cert()
        .ok()
        .map(|der| X509Certificate::from_der(der))
    else {
        return Vec::new();
    };
    let Ok(Some(extension)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let dns = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        _ => None,
    };
    extension
        .value
        .general_names
        .iter()
        .filter_map(dns)
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::tls::testing::certified;

    /// The names of the certificate that a client gets which asks for `name`.
    fn gets(certificates: &Certificates, name: Option<&str>) -> Vec<String> {
        names(&certificates.choose(name, |_| true))
    }

    #[test]
    fn an_exact_name_comes_before_a_wildcard_and_both_before_the_default() {
        let more = vec![
            certified(&["*.example.com"]),
            certified(&["chat.example.com"]),
        ];
        let certificates = Certificates::new(certified(&["default.test"]), more);
        for (name, expected) in [
            (Some("chat.example.com"), "chat.example.com"),
            (Some("CHAT.example.com"), "chat.example.com"),
            (Some("app.example.com"), "*.example.com"),
            (Some("a.b.example.com"), "default.test"),
            (Some("example.com"), "default.test"),
            (Some("unknown.test"), "default.test"),
            (None, "default.test"),
        ] {
            assert_eq!(gets(&certificates, name), [expected], "{name:?}");
        }
    }

    #[test]
    fn of_several_for_a_name_the_first_that_the_client_can_verify_is_taken() {
        let more = vec![
            certified(&["a.test"]),
            certified(&["a.test", "second.test"]),
        ];
        let certificates = Certificates::new(certified(&["default.test"]), more);
        let is_second = |pair: &CertifiedKey| names(pair).len() == 2;
        let chosen = certificates.choose(Some("a.test"), is_second);
        assert!(is_second(&chosen));
        let none = certificates.choose(Some("a.test"), |_| false);
        assert_eq!(
            names(&none),
            ["a.test"],
            "the handshake then fails by itself"
        );
    }
}
