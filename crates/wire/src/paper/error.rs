//! What goes wrong: errors that the protocol has bytes for, and bytes that are not the protocol.

use super::{Command, Part};

/// An error as a reply carries it: `63 c`, or `63 0 d` for those of the cache itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Error {
    /// `1`: the server failed.
    #[error("an internal error occurred in the server")]
    Internal,
    /// `2`: too many clients are connected.
    #[error("the server has as many connections as it may have")]
    MaxConnections,
    /// `3`: AUTH is missing, or its token is wrong.
    #[error("not authorized")]
    Unauthorized,
    /// `0 0`: the cache failed.
    #[error("an internal error occurred in the cache")]
    InternalCache,
    /// `0 1`: there is no such key.
    #[error("the key was not found in the cache")]
    KeyNotFound,
    /// `0 2`: the value is empty.
    #[error("the value is empty")]
    ZeroValueSize,
    /// `0 3`: the value does not fit the cache.
    #[error("the value is larger than the cache may hold")]
    ExceedingValueSize,
    /// `0 4`: a cache must have a size.
    #[error("the size of a cache cannot be zero")]
    ZeroCacheSize,
    /// `0 5`: a policy that the server has not been configured with.
    #[error("the policy is not one that the cache is configured with")]
    UnconfiguredPolicy,
    /// `0 6`: not the name of a policy.
    #[error("there is no such policy")]
    InvalidPolicy,
}

impl Error {
    /// Every error, in the order of the published page.
    pub const ALL: [Self; 10] = [
        Self::Internal,
        Self::MaxConnections,
        Self::Unauthorized,
        Self::InternalCache,
        Self::KeyNotFound,
        Self::ZeroValueSize,
        Self::ExceedingValueSize,
        Self::ZeroCacheSize,
        Self::UnconfiguredPolicy,
        Self::InvalidPolicy,
    ];

    /// The byte after 63 and, for an error of the cache, the one after that.
    #[inline]
    pub(crate) fn codes(self) -> (u8, Option<u8>) {
        match self {
            Self::Internal => (1, None),
            Self::MaxConnections => (2, None),
            Self::Unauthorized => (3, None),
            Self::InternalCache => (0, Some(0)),
            Self::KeyNotFound => (0, Some(1)),
            Self::ZeroValueSize => (0, Some(2)),
            Self::ExceedingValueSize => (0, Some(3)),
            Self::ZeroCacheSize => (0, Some(4)),
            Self::UnconfiguredPolicy => (0, Some(5)),
            Self::InvalidPolicy => (0, Some(6)),
        }
    }

    /// The error with these codes, if the protocol has one.
    pub(crate) fn from_codes(codes: (u8, Option<u8>)) -> Option<Self> {
        Self::ALL.into_iter().find(|error| error.codes() == codes)
    }
}

/// Bytes that are no request of this protocol. The stream cannot be read further: answer [`Error::Internal`] and
/// close.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// The first byte of a request is none of the commands.
    #[error("the byte {byte:#04x} is no command: commands are 0x00 to 0x0d")]
    UnknownCommand {
        /// The byte found.
        byte: u8,
    },
}

/// A request that the protocol has no room for: a part that is longer than 32 bits can say, or one that decoding
/// has already found to be oversized.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the {part} has {len} bytes: more than a request can carry")]
pub struct TooLong {
    /// Which part.
    pub part: Part,
    /// Its length in bytes.
    pub len: u64,
}

/// Bytes that are no reply to the command that was sent. Nothing further on the connection can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReplyViolation {
    /// A reply begins with 33 or 63.
    #[error("a reply begins with {byte}: 33 or 63 expected")]
    UnknownStatus {
        /// The byte found.
        byte: u8,
    },
    /// An error code that the protocol does not have.
    #[error("unknown error code {byte}: 0 to 3 expected")]
    UnknownError {
        /// The byte found.
        byte: u8,
    },
    /// A code for an error of the cache that the protocol does not have.
    #[error("unknown error code 0 {byte}: 0 0 to 0 6 expected")]
    UnknownCacheError {
        /// The byte found.
        byte: u8,
    },
    /// Neither 33 nor 1, neither 63 nor 0.
    #[error("{byte} in the reply to {command} is no boolean: 33, 63, 1 or 0 expected")]
    NotBoolean {
        /// The command that was sent.
        command: Command,
        /// The byte found.
        byte: u8,
    },
    /// A value or name above its limit.
    #[error("the reply to {command} has a part of {len} bytes: at most {max} are allowed")]
    TooLong {
        /// The command that was sent.
        command: Command,
        /// The length claimed, in bytes.
        len: u32,
        /// The limit, in bytes.
        max: u32,
    },
    /// STATUS lists more policies than allowed.
    #[error("STATUS lists {count} policies: at most {max} are allowed")]
    TooManyPolicies {
        /// The number claimed.
        count: u32,
        /// The limit.
        max: u32,
    },
    /// The name of a policy in STATUS is not UTF-8.
    #[error("STATUS has the name of a policy that is not UTF-8")]
    NameNotUtf8,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_has_codes_of_its_own() {
        for error in Error::ALL {
            assert_eq!(Error::from_codes(error.codes()), Some(error));
        }
        assert_eq!(Error::from_codes((4, None)), None);
        assert_eq!(Error::from_codes((0, Some(7))), None);
        assert_eq!(Error::from_codes((1, Some(1))), None);
    }

    #[test]
    fn messages_say_what_was_found_and_what_would_be_right() {
        assert_eq!(
            Violation::UnknownCommand { byte: b'G' }.to_string(),
            "the byte 0x47 is no command: commands are 0x00 to 0x0d"
        );
        assert_eq!(
            ReplyViolation::NotBoolean { command: Command::Has, byte: 7 }.to_string(),
            "7 in the reply to HAS is no boolean: 33, 63, 1 or 0 expected"
        );
    }
}
