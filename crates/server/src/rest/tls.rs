//! The certificate of the REST listener and its key, read at the start and again when the operator says so. A file that cannot be used
//! changes nothing: the certificate that is in force stays.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::RwLock;
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use thiserror::Error;
use tokio_rustls::TlsAcceptor;

/// Why a certificate cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}: {reason}", file.display())]
pub struct TlsError {
    file: PathBuf,
    reason: String,
}

pub(crate) struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    acceptor: RwLock<TlsAcceptor>,
}

impl Tls {
    pub(crate) fn open(certificate: &Path, key: &Path) -> Result<Tls, TlsError> {
        let acceptor = RwLock::new(read(certificate, key)?);
        Ok(Tls { certificate: certificate.to_owned(), key: key.to_owned(), acceptor })
    }

    /// Reads both files again; connections that come from here on see what they hold.
    pub(crate) fn reload(&self) -> Result<(), TlsError> {
        let acceptor = read(&self.certificate, &self.key)?;
        *self.acceptor.write() = acceptor;
        Ok(())
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.read().clone()
    }
}

fn read(certificate: &Path, key: &Path) -> Result<TlsAcceptor, TlsError> {
    let fail = |file: &Path, reason: String| TlsError { file: file.to_owned(), reason };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| fail(certificate, error.to_string()))?;
    if chain.is_empty() {
        return Err(fail(certificate, "there is no certificate in it (PEM)".to_owned()));
    }
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| fail(key, error.to_string()))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|config| config.with_no_client_auth().with_single_cert(chain, secret))
        .map_err(|error| {
            fail(key, format!("not for the certificate in {}: {error}", certificate.display()))
        })?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
