//! Whether a connection failed because the server's certificate is not trusted: a mistake in somebody's settings, which no
//! repetition mends.

use rustls::Error as TlsError;
use std::error::Error;
use std::io;
use std::sync::Arc;

/// Whether this error, or what it comes from, is a certificate that is not trusted.
pub(crate) fn is_untrusted(error: &(dyn Error + 'static)) -> bool {
    std::iter::successors(Some(error), |&error| cause(error))
        .any(|error| matches!(error.downcast_ref(), Some(TlsError::InvalidCertificate(_))))
}

/// What an error comes from. What an I/O error or an `Arc` wraps is not among its sources.
fn cause<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    if let Some(wrapped) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        return Some(wrapped);
    }
    match error.downcast_ref::<Arc<dyn Error + Send + Sync>>() {
        Some(wrapped) => Some(&**wrapped),
        None => error.source(),
    }
}
