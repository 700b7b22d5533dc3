//! How a command ends when it does not end well: what is said on standard error, in one line, and the exit status that
//! tells a script what kind of failure it was.

use crate::client::ClientError;
use crate::replay::CapacityError;
use crate::trace::TraceError;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

/// Why a command did not succeed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The server answered, and the answer is no.
    #[error("{0}")]
    Negative(String),
    /// The arguments make no sense together.
    #[error("{0}")]
    Usage(String),
    /// A trace could not be read.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// The capacity asked for is none.
    #[error(transparent)]
    Capacity(#[from] CapacityError),
    /// A file could not be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        /// "read" or "write".
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The server could not be talked to, or refused.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The administration of a server could not be asked.
    #[error("cannot ask the administration of the server at {address}: {reason}")]
    Admin {
        /// Where it was looked for.
        address: String,
        /// What went wrong.
        reason: String,
    },
    /// A thread cannot wait for sockets.
    #[error("cannot start an event loop: {0}")]
    EventLoop(io::Error),
    /// A signal has ended it, by its number.
    #[error("interrupted")]
    Interrupted(i32),
    /// Standard output could not be written.
    #[error("cannot write to standard output: {0}")]
    Output(#[from] io::Error),
}

impl Failure {
    /// 1 for a negative answer, 2 for what the caller can put right, 3 for the server or the way to it, 128 and the number of
    /// a signal. Whoever closes our output early has seen enough: 0.
    pub(crate) fn status(&self) -> u8 {
        match self {
            Self::Negative(_) => 1,
            Self::Usage(_) | Self::Trace(_) | Self::Capacity(_) | Self::File { .. } => 2,
            Self::Client(error) if error.is_refusal() => 1,
            Self::Client(error) if error.is_usage() => 2,
            Self::Client(_) | Self::Admin { .. } | Self::EventLoop(_) => 3,
            // As a shell says it of a process that a signal has ended: 130 for Ctrl-C.
            Self::Interrupted(signal) => u8::try_from(128 + signal).unwrap_or(u8::MAX),
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
            Self::Output(_) => 3,
        }
    }

    /// Prints the line, unless nobody is to be told, and gives the status.
    pub(crate) fn report(&self) -> ExitCode {
        let status = self.status();
        if status != 0 {
            eprintln!("larder: {self}");
        }
        ExitCode::from(status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_has_seen_enough_is_no_failure() {
        let failure = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(failure.status(), 0);
        assert_eq!(Failure::from(io::Error::from(io::ErrorKind::StorageFull)).status(), 3);
    }
}
