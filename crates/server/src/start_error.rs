//! Why a server could not start: whose fault it is, which setting it is about, and what to do.

use std::{io, net::SocketAddr};

use thiserror::Error;

use crate::rest::tls::TlsError;

/// Why a server could not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// A listener's address does not stand for anything that can be listened on.
    #[error(
        "{key}: found {address:?}, which cannot be resolved ({source}); allowed: HOST:PORT of this machine, or off"
    )]
    Resolve {
        /// The setting.
        key: &'static str,
        /// Its value.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// A listener would let anybody on other machines in.
    #[error(
        "{key}: {address} can be reached from other machines, and no token is configured; \
         set a token, listen on 127.0.0.1, or set allow_insecure to true (--allow-insecure)"
    )]
    Exposed {
        /// The setting.
        key: &'static str,
        /// The address.
        address: SocketAddr,
    },
    /// A listener of a protocol without authentication would let anybody on other machines in.
    #[error(
        "{key}: {address} can be reached from other machines, and the protocol has no authentication; \
         listen on 127.0.0.1, or set allow_insecure to true (--allow-insecure)"
    )]
    Unguarded {
        /// The setting.
        key: &'static str,
        /// The address.
        address: SocketAddr,
    },
    /// The REST listener would let anybody on other machines in.
    #[error(
        "{key}: {address} can be reached from other machines, and no API key is configured; \
         set an api_key, listen on 127.0.0.1, or set allow_insecure to true (--allow-insecure)"
    )]
    Keyless {
        /// The setting.
        key: &'static str,
        /// The address.
        address: SocketAddr,
    },
    /// A listener of a protocol without authentication would let everybody in who has no token.
    #[error(
        "{key}: {address} would let clients past the tokens, for which the protocol cannot ask; \
         turn it off, or set allow_insecure to true (--allow-insecure)"
    )]
    PastTokens {
        /// The setting.
        key: &'static str,
        /// The address.
        address: SocketAddr,
    },
    /// The system does not let a listener have its address.
    #[error("{key}: cannot listen on {address}: {source}; set {key} to another address, or to off")]
    Bind {
        /// The setting.
        key: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Two listeners have been given the same address.
    #[error("{key}: {address} is what {other} says too; each listener needs an address of its own, or off")]
    Clash {
        /// The setting.
        key: &'static str,
        /// The address.
        address: SocketAddr,
        /// The setting of the other one.
        other: &'static str,
    },
    /// The certificate cannot be used, or its key.
    #[error("rest.tls_cert, rest.tls_key: {0}")]
    Tls(#[from] TlsError),
    /// The engine does not accept the configuration.
    #[error("the cache cannot be made: {0}")]
    Cache(#[from] larder_engine::Error),
    /// The system does not let us have a thread or its event queue.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] io::Error),
    /// More than one of these.
    #[error("{}", lines(.0))]
    Several(Vec<StartError>),
}

fn lines(errors: &[StartError]) -> String {
    errors.iter().map(StartError::to_string).collect::<Vec<_>>().join("\n")
}

impl StartError {
    /// Whether the configuration has to be changed, rather than the machine.
    pub fn is_configuration(&self) -> bool {
        match self {
            StartError::Resolve { .. }
            | StartError::Exposed { .. }
            | StartError::Unguarded { .. }
            | StartError::Keyless { .. }
            | StartError::PastTokens { .. }
            | StartError::Clash { .. }
            | StartError::Tls(_)
            | StartError::Cache(_) => true,
            // An address that this machine does not have is a mistake; one that somebody else has is not.
            StartError::Bind { source, .. } => source.kind() == io::ErrorKind::AddrNotAvailable,
            StartError::Thread(_) => false,
            StartError::Several(errors) => errors.iter().any(StartError::is_configuration),
        }
    }

    /// The setting that it is about, if it is about one.
    pub fn key(&self) -> Option<&'static str> {
        match self {
            StartError::Resolve { key, .. }
            | StartError::Exposed { key, .. }
            | StartError::Unguarded { key, .. }
            | StartError::Keyless { key, .. }
            | StartError::PastTokens { key, .. }
            | StartError::Clash { key, .. }
            | StartError::Bind { key, .. } => Some(key),
            StartError::Tls(_) => Some("rest.tls_cert"),
            StartError::Cache(_) | StartError::Thread(_) | StartError::Several(_) => None,
        }
    }

    /// The settings that it is drawn from. Where the value of one is not known, it may not be true.
    pub fn rests_on(&self) -> impl Iterator<Item = &'static str> + use<> {
        let others: &'static [&'static str] = match self {
            StartError::Exposed { .. } | StartError::PastTokens { .. } => {
                &["tokens", "api_key", "allow_insecure"]
            }
            StartError::Unguarded { .. } => &["allow_insecure"],
            StartError::Keyless { .. } => &["api_key", "allow_insecure"],
            // Where tokens are set, some listeners are off.
            StartError::Clash { .. } => &["tokens"],
            StartError::Tls(_) => &["rest.tls_key"],
            StartError::Resolve { .. }
            | StartError::Bind { .. }
            | StartError::Cache(_)
            | StartError::Thread(_)
            | StartError::Several(_) => &[],
        };
        let other = if let StartError::Clash { other, .. } = self { Some(*other) } else { None };
        others.iter().copied().chain(self.key()).chain(other)
    }

    /// These together; at least one.
    pub(crate) fn of(mut errors: Vec<StartError>) -> StartError {
        if errors.len() == 1 { errors.remove(0) } else { StartError::Several(errors) }
    }

    /// Each single error.
    pub fn each(&self) -> &[StartError] {
        match self {
            StartError::Several(errors) => errors,
            single => std::slice::from_ref(single),
        }
    }
}
