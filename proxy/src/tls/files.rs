//! PEM files: certificates and keys. Every way in which one can be wrong has a name, and the file stands in it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use thiserror::Error;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::secrets::warn_of_readers;

/// A file that is no use.
#[derive(Debug, Error)]
#[error("`{}`: {fault}", path.display())]
pub(crate) struct FileError {
    path: PathBuf,
    fault: FileFault,
}

/// What is wrong with it.
#[derive(Debug, Error)]
enum FileFault {
    #[error("cannot be read: {0}")]
    Unreadable(io::Error),
    #[error("is not valid PEM")]
    NoPem,
    #[error("has no certificate in it")]
    NoCertificate,
    #[error("has a certificate in it that is not valid X.509")]
    BadCertificate,
    #[error("has no private key in it")]
    NoKey,
    #[error("has a private key of a kind that is not supported (RSA, ECDSA and Ed25519 are)")]
    UnknownKey,
    #[error("is the key of another certificate than that in `{}`", .0.display())]
    OtherKey(PathBuf),
}

impl FileError {
    fn new(path: &Path, fault: FileFault) -> Self {
        let path = path.to_owned();
        Self { path, fault }
    }

    fn pem(path: &Path, error: pem::Error, nothing: FileFault) -> Self {
        let fault = match error {
            pem::Error::Io(error) => FileFault::Unreadable(error),
            pem::Error::NoItemsFound => nothing,
            _ => FileFault::NoPem,
        };
        Self::new(path, fault)
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// All certificates in a file, of which there is at least one.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, FileError> {
    let fail = |error| FileError::pem(path, error, FileFault::NoCertificate);
    let all = CertificateDer::pem_file_iter(path).map_err(fail)?;
    let all = all.collect::<Result<Vec<_>, _>>().map_err(fail)?;
    if all.is_empty() {
        return Err(FileError::new(path, FileFault::NoCertificate));
    }
    match all.iter().all(|der| X509Certificate::from_der(der).is_ok()) {
        true => Ok(all),
        false => Err(FileError::new(path, FileFault::BadCertificate)),
    }
}

/// A certificate with those that sign it, and its key, as they are.
pub(crate) fn key_pair(
    certificate: &Path,
    key: &Path,
) -> Result<(Vec<Vec<u8>>, Vec<u8>), FileError> {
    let pair = certified_key(certificate, key)?;
    let chain = pair.cert.iter().map(|der| der.to_vec());
    Ok((chain.collect(), private_key(key)?.secret_der().to_vec()))
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, FileError> {
    PrivateKeyDer::from_pem_file(path)
        .map_err(|error| FileError::pem(path, error, FileFault::NoKey))
}

/// A certificate with those that sign it, and its key.
pub(crate) fn certified_key(certificate: &Path, key: &Path) -> Result<CertifiedKey, FileError> {
    let chain = certificates(certificate)?;
    warn_of_readers(key);
    let secret = private_key(key)?;
    let signing = default_provider()
        .key_provider
        .load_private_key(secret)
        .map_err(|_| FileError::new(key, FileFault::UnknownKey))?;
    let pair = CertifiedKey::new(chain, signing);
    match pair.keys_match() {
        Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch)) => {
            let fault = FileFault::OtherKey(certificate.to_owned());
            Err(FileError::new(key, fault))
        }
        Err(rustls::Error::InvalidCertificate(_)) => {
            Err(FileError::new(certificate, FileFault::BadCertificate))
        }
        // A key that does not know its public half cannot be compared.
        Ok(()) | Err(_) => Ok(pair),
    }
}

/// Those who may sign others' certificates.
pub(crate) fn roots(path: &Path) -> Result<Arc<RootCertStore>, FileError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots
            .add(certificate)
            .map_err(|_| FileError::new(path, FileFault::BadCertificate))?;
    }
    Ok(Arc::new(roots))
}
