//! Certificates for tests.
#![allow(clippy::unwrap_used)]

use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::CertifiedKey;

/// A certificate for these names, signed by itself.
pub(crate) fn certified(names: &[&str]) -> CertifiedKey {
    let names = names.iter().map(|name| (*name).to_owned());
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(names.collect::<Vec<_>>()).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let secret = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let signing = default_provider()
        .key_provider
        .load_private_key(secret)
        .unwrap();
    CertifiedKey::new(vec![certificate.der().clone()], signing)
}

/// A client's certificate, of this common name and this DNS name.
pub(crate) fn client(common_name: &str, dns: &str) -> Vec<u8> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    let dns = rcgen::SanType::DnsName(dns.try_into().unwrap());
    params.subject_alt_names.push(dns);
    let key = KeyPair::generate().unwrap();
    params.self_signed(&key).unwrap().der().to_vec()
}
