//! What can go wrong between a caller and the place where entries live. An error says which place, what was being done and why
//! it failed, can be compared, and has a class that tells layers above what to do about it.

use crate::capabilities::KeyFault;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What to do about an error.
///
/// ```
/// use larder_store::{Class, Fault};
///
/// assert_eq!(Fault::Closed.class(), Class::Transient);
/// assert_eq!(Fault::Unauthorized("no such key".into()).class(), Class::Authentication);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// It may work in a moment: the place is away or failed.
    Transient,
    /// It will not work until something is changed: the call, the configuration, the place.
    Permanent,
    /// No answer in time; whether it was done is not known.
    Timeout,
    /// Whoever asks is not known there, or may not do that.
    Authentication,
    /// Too much is under way, here or there; nothing was done.
    Busy,
    /// A circuit breaker did not let it through; nothing was done.
    OpenCircuit,
}

impl Class {
    /// Whether the same call may succeed a little later with nothing changed.
    ///
    /// ```
    /// # use larder_store::Class;
    /// assert!(Class::Transient.is_temporary() && !Class::Authentication.is_temporary());
    /// ```
    #[must_use]
    pub const fn is_temporary(self) -> bool {
        !matches!(self, Self::Permanent | Self::Authentication)
    }
}

/// What a store was asked for.
///
/// ```
/// assert_eq!(larder_store::Operation::SetTtl.to_string(), "set_ttl");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Making the store itself.
    Open,
    /// [`Store::get`](crate::Store::get).
    Get,
    /// [`Store::set`](crate::Store::set).
    Set,
    /// [`Store::delete`](crate::Store::delete).
    Delete,
    /// [`Store::exists`](crate::Store::exists).
    Exists,
    /// [`Store::remaining`](crate::Store::remaining).
    Remaining,
    /// [`Store::set_ttl`](crate::Store::set_ttl).
    SetTtl,
    /// [`Store::lock`](crate::Store::lock).
    Lock,
    /// [`Store::unlock`](crate::Store::unlock).
    Unlock,
    /// [`Store::health`](crate::Store::health).
    Health,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "open",
            Self::Get => "get",
            Self::Set => "set",
            Self::Delete => "delete",
            Self::Exists => "exists",
            Self::Remaining => "remaining",
            Self::SetTtl => "set_ttl",
            Self::Lock => "lock",
            Self::Unlock => "unlock",
            Self::Health => "health",
        })
    }
}

/// The cause.
///
/// ```
/// use larder_store::Fault;
/// use std::time::Duration;
///
/// assert_eq!(Fault::TimedOut(Duration::from_millis(500)).to_string(), "no answer within 0.5 s");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The place takes no such key. Nothing was sent.
    #[error("{0}")]
    Key(#[from] KeyFault),
    /// The value is too long for the place.
    #[error("the value has {len} bytes; at most {max} are possible")]
    ValueTooLarge {
        /// Its length in bytes.
        len: u64,
        /// The limit in bytes.
        max: u64,
    },
    /// The place takes no such value: none at all, or not JSON.
    #[error("the value is refused: {0}")]
    Value(String),
    /// The time to live is outside what the place can say.
    #[error("the time to live is refused: {0}")]
    Expiry(String),
    /// The place cannot do this at all.
    #[error("not possible there: {0}")]
    Unsupported(&'static str),
    /// The address is no address, or one that is not to be talked to.
    #[error("{0}")]
    Address(String),
    /// Nobody answers there.
    #[error("cannot connect: {0}")]
    Connect(String),
    /// Whoever answers there cannot prove to be the one that was meant.
    #[error("its certificate is not trusted: {0}")]
    Untrusted(String),
    /// The connection ended before the answer.
    #[error("the connection was closed before the answer was whole")]
    Closed,
    /// The connection, or a disk, broke.
    #[error("{0}")]
    Io(String),
    /// Silence.
    #[error("no answer within {} s", .0.as_secs_f64())]
    TimedOut(Duration),
    /// What came is not an answer.
    #[error("not an answer of this protocol: {0}")]
    NotTheProtocol(String),
    /// The answer is longer than a limit here.
    #[error("the answer has {len} bytes or more; at most {max} are read")]
    AnswerTooLarge {
        /// Bytes that were announced, or had come.
        len: u64,
        /// The limit in bytes.
        max: u64,
    },
    /// The place says no.
    #[error("refused: {0}")]
    Refused(String),
    /// The place says that it failed.
    #[error("the store failed: {reason}")]
    Failed {
        /// In its words.
        reason: String,
        /// When it asks to be called again.
        retry_after: Option<Duration>,
    },
    /// The place does not know who asks, or does not allow it.
    #[error("not authorized: {0}")]
    Unauthorized(String),
    /// Too much is under way.
    #[error("busy: {0}")]
    Busy(String),
    /// A circuit breaker is open.
    #[error("the circuit is open after repeated failures")]
    OpenCircuit,
}

impl Fault {
    /// The class of errors with this cause.
    ///
    /// ```
    /// # use larder_store::{Class, Fault};
    /// assert_eq!(Fault::Closed.class(), Class::Transient);
    /// ```
    #[must_use]
    pub const fn class(&self) -> Class {
        match self {
            Self::Key(_)
            | Self::ValueTooLarge { .. }
            | Self::Value(_)
            | Self::Expiry(_)
            | Self::Unsupported(_)
            | Self::Address(_)
            | Self::Untrusted(_)
            | Self::NotTheProtocol(_)
            | Self::AnswerTooLarge { .. }
            | Self::Refused(_) => Class::Permanent,
            Self::Connect(_) | Self::Closed | Self::Io(_) | Self::Failed { .. } => Class::Transient,
            Self::TimedOut(_) => Class::Timeout,
            Self::Unauthorized(_) => Class::Authentication,
            Self::Busy(_) => Class::Busy,
            Self::OpenCircuit => Class::OpenCircuit,
        }
    }
}

/// What went wrong, where, and while doing what.
///
/// ```
/// use larder_store::{Class, Error, Fault, Operation};
///
/// let error = Error::new("redis://127.0.0.1:6379", Operation::Get, Fault::Connect("connection refused".into()));
/// assert_eq!(error.class(), Class::Transient);
/// assert_eq!(error.to_string(), "redis://127.0.0.1:6379: get: cannot connect: connection refused");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {operation}: {fault}")]
pub struct Error {
    place: Arc<str>,
    operation: Operation,
    #[source]
    fault: Fault,
}

impl Error {
    /// An error at `place`, the [name](crate::Store::name) of a store.
    ///
    /// ```
    /// # use larder_store::{Class, Error, Fault, Operation};
    /// # let error = Error::new("redis://127.0.0.1:6379", Operation::Get, Fault::Closed);
    /// assert_eq!(error.fault(), &Fault::Closed);
    /// ```
    #[must_use]
    pub fn new(place: impl Into<Arc<str>>, operation: Operation, fault: impl Into<Fault>) -> Self {
        Self { place: place.into(), operation, fault: fault.into() }
    }

    /// What to do about it.
    ///
    /// ```
    /// # use larder_store::{Class, Error, Fault, Operation};
    /// # let error = Error::new("redis://127.0.0.1:6379", Operation::Get, Fault::Closed);
    /// assert_eq!(error.class(), Class::Transient);
    /// ```
    #[must_use]
    pub const fn class(&self) -> Class {
        self.fault.class()
    }

    /// The store that it concerns, without credentials.
    ///
    /// ```
    /// # use larder_store::{Class, Error, Fault, Operation};
    /// # let error = Error::new("redis://127.0.0.1:6379", Operation::Get, Fault::Closed);
    /// assert_eq!(error.place(), "redis://127.0.0.1:6379");
    /// ```
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// What was being done.
    ///
    /// ```
    /// # use larder_store::{Class, Error, Fault, Operation};
    /// # let error = Error::new("redis://127.0.0.1:6379", Operation::Get, Fault::Closed);
    /// assert_eq!(error.operation(), Operation::Get);
    /// ```
    #[must_use]
    pub const fn operation(&self) -> Operation {
        self.operation
    }

    /// The cause.
    ///
    /// ```
    /// # use larder_store::{Class, Error, Fault, Operation};
    /// # let error = Error::new("redis://127.0.0.1:6379", Operation::Get, Fault::Closed);
    /// assert_eq!(error.fault(), &Fault::Closed);
    /// ```
    #[must_use]
    pub const fn fault(&self) -> &Fault {
        &self.fault
    }

    /// When the place asks to be called again, if it said so.
    ///
    /// ```
    /// # use larder_store::{Error, Fault, Operation};
    /// # use std::time::Duration;
    /// let soon = Some(Duration::from_secs(2));
    /// let fault = Fault::Failed { reason: "503".into(), retry_after: soon };
    /// assert_eq!(Error::new("https://example.org", Operation::Set, fault).retry_after(), soon);
    /// ```
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match &self.fault {
            Fault::Failed { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}
