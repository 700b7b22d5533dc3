//! What can go wrong between here and a server. Each message is one line that names the server, says what was being done,
//! and what to try.

use crate::server_url::ServerUrl;
use larder_wire::paper;
use std::io;
use std::time::Duration;

/// Why talking to a server failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// The name has no address.
    #[error("{server}: cannot find the address of the host: {source}")]
    Resolve {
        /// Who was to be reached.
        server: ServerUrl,
        /// What the system said.
        source: io::Error,
    },
    /// Nobody answers there.
    #[error("{server}: cannot connect: {source}; is a server running there? `larder serve` starts one")]
    Connect {
        /// Who was to be reached.
        server: ServerUrl,
        /// What the system said.
        source: io::Error,
    },
    /// Silence.
    #[error("{server}: {doing}: no answer within {} s; --timeout allows more", after.as_secs_f64())]
    TimedOut {
        /// Who was asked.
        server: ServerUrl,
        /// Which command.
        doing: &'static str,
        /// The limit.
        after: Duration,
    },
    /// The connection ended in the middle.
    #[error("{server}: {doing}: the server closed the connection before it had answered")]
    Closed {
        /// Who was asked.
        server: ServerUrl,
        /// Which command.
        doing: &'static str,
    },
    /// The connection broke.
    #[error("{server}: {doing}: {source}")]
    Io {
        /// Who was asked.
        server: ServerUrl,
        /// Which command.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The bytes that came are not an answer.
    #[error(
        "{server}: {doing}: not an answer of this protocol: {reason}; is something else listening there?"
    )]
    NotTheProtocol {
        /// Who was asked.
        server: ServerUrl,
        /// Which command.
        doing: &'static str,
        /// Which byte, and what it should have been.
        reason: String,
    },
    /// What is to be sent cannot be said in this protocol.
    #[error("{doing}: {reason}")]
    Unsendable {
        /// Which command.
        doing: &'static str,
        /// What is too long.
        reason: String,
    },
    /// The server says no.
    #[error("{server}: {doing}: {error}{}", advice(*error))]
    Refused {
        /// Who was asked.
        server: ServerUrl,
        /// Which command.
        doing: &'static str,
        /// Why.
        error: paper::Error,
    },
    /// The server says no, in its own words.
    #[error("{server}: {doing}: {reason}")]
    SaidNo {
        /// Who was asked.
        server: ServerUrl,
        /// Which command.
        doing: &'static str,
        /// Why.
        reason: String,
    },
    /// The server says that it failed, in its own words.
    #[error("{server}: {doing}: the server failed: {reason}")]
    Failed {
        /// Who was asked.
        server: ServerUrl,
        /// Which command.
        doing: &'static str,
        /// Why.
        reason: String,
    },
    /// The protocol has no such command.
    #[error(
        "{server}: the protocol has no {doing}: it can get, set and del, without a time to live; use paper://"
    )]
    NotInProtocol {
        /// Who would have been asked.
        server: ServerUrl,
        /// Which command.
        doing: &'static str,
    },
    /// A load was refused.
    #[error("{server}: {doing}: {reason}")]
    LoadRefused {
        /// Who was asked.
        server: ServerUrl,
        /// Which command.
        doing: &'static str,
        /// Why.
        reason: String,
    },
    /// A value came back with another length than was stored.
    #[error(
        "{server}: GET: a value of {found} bytes where {expected} were stored; does somebody else write there?"
    )]
    WrongLength {
        /// Who was asked.
        server: ServerUrl,
        /// Bytes that came.
        found: usize,
        /// Bytes that were stored.
        expected: usize,
    },
}

impl ClientError {
    /// Whether a server in good health said no, so that asking again changes nothing.
    pub(crate) fn is_refusal(&self) -> bool {
        use paper::Error::{Internal, InternalCache, MaxConnections};
        match self {
            Self::Refused { error, .. } => !matches!(error, Internal | InternalCache | MaxConnections),
            Self::SaidNo { .. } => true,
            _ => false,
        }
    }

    /// Whether nothing was sent, since what was asked for cannot be said.
    pub(crate) fn is_usage(&self) -> bool {
        matches!(self, Self::NotInProtocol { .. } | Self::Unsendable { .. })
    }

    /// The right variant for what the system said while `doing`.
    pub(crate) fn from_io(
        server: &ServerUrl,
        doing: &'static str,
        after: Duration,
        source: io::Error,
    ) -> Self {
        let server = server.clone();
        match source.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Self::TimedOut { server, doing, after },
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe => Self::Closed { server, doing },
            _ => Self::Io { server, doing, source },
        }
    }
}

/// What to try when a server says no.
fn advice(error: paper::Error) -> &'static str {
    match error {
        paper::Error::Unauthorized => "; give the server's token with --token or LARDER_TOKEN",
        paper::Error::UnconfiguredPolicy => "; `larder policy` lists those that are",
        paper::Error::InvalidPolicy => {
            "; policies are lfu, fifo, clock, sieve, lru, mru, 2q-<in>-<out>, arc, s3-fifo-<ratio> and auto"
        }
        paper::Error::ExceedingValueSize => "; `larder status` shows its size, `larder resize` changes it",
        paper::Error::MaxConnections => "; try again later, or raise the server's limit",
        _ => "",
    }
}
