//! What goes wrong, and the number that each carries in the body of its answer. The table of numbers is in the
//! documentation of [`seriput`](super).

use super::json::JsonError;
use std::fmt;

/// A part of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// The key.
    Key,
    /// The value.
    Value,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key => "key",
            Self::Value => "value",
        })
    }
}

/// Lengths that cannot be: where the next request begins is unknown. Answer with
/// [`response::violation`](super::response::violation) and close.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// A length is below zero.
    #[error("the length of the {part} is {len}: a length cannot be negative")]
    NegativeLength {
        /// Whose length.
        part: Part,
        /// The length claimed.
        len: i32,
    },
}

impl Violation {
    /// The number for the body of the answer.
    pub fn code(&self) -> i32 {
        match self {
            Self::NegativeLength { .. } => 1,
        }
    }
}

/// What is wrong with a request that is well framed: answered with INVALID_REQUEST, and the connection goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// The first byte is no operation.
    #[error("unknown operation {byte:#04x}: 0x01 (GET), 0x02 (PUT) or 0x03 (DELETE) expected")]
    UnknownOp {
        /// The byte found.
        byte: u8,
    },
    /// The second byte is no key type.
    #[error("unknown key type {byte:#04x}: 0x01 (UTF-8) expected")]
    UnknownKeyType {
        /// The byte found.
        byte: u8,
    },
    /// The third byte of a PUT is no value type.
    #[error("unknown value type {byte:#04x}: 0x01 (JSON) expected")]
    UnknownValueType {
        /// The byte found.
        byte: u8,
    },
    /// The key is above its limit.
    #[error("the key has {len} bytes: at most {max} are allowed")]
    KeyTooLong {
        /// Its length in bytes.
        len: u32,
        /// The limit, in bytes.
        max: u32,
    },
    /// The value is above its limit, or does not fit the cache.
    #[error("the value has {len} bytes: at most {max} are allowed")]
    ValueTooLong {
        /// Its length in bytes.
        len: u64,
        /// The limit, in bytes.
        max: u64,
    },
    /// The key is not UTF-8.
    #[error("the key is not UTF-8 at byte {offset}")]
    KeyNotUtf8 {
        /// The first byte of the key that is not, counted from 0.
        offset: usize,
    },
    /// The value is not what its type says. Found by [`ValueType::check`](super::ValueType::check), not while decoding.
    #[error("the value is not JSON: {0}")]
    NotJson(JsonError),
}

impl Invalid {
    /// The number for the body of the answer.
    pub fn code(&self) -> i32 {
        match self {
            Self::UnknownOp { .. } => 2,
            Self::UnknownKeyType { .. } => 3,
            Self::UnknownValueType { .. } => 4,
            Self::KeyTooLong { .. } => 5,
            Self::ValueTooLong { .. } => 6,
            Self::KeyNotUtf8 { .. } => 7,
            Self::NotJson(_) => 8,
        }
    }
}

/// What went wrong on the server's side: answered with INTERNAL_ERROR.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Internal<'m> {
    /// Anything else, in the server's words.
    #[error("{0}")]
    Failed(&'m str),
    /// The stored value was written by another protocol and is not JSON.
    #[error("the stored value is not JSON: {0}")]
    NotJson(JsonError),
    /// The stored value is longer than a response can say.
    #[error(transparent)]
    TooLong(TooLong),
}

impl Internal<'_> {
    /// The number for the body of the answer.
    pub fn code(&self) -> i32 {
        match self {
            Self::Failed(_) => 100,
            Self::NotJson(_) => 101,
            Self::TooLong(_) => 102,
        }
    }
}

/// A part longer than the 2^31 - 1 bytes that a length can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the {part} has {len} bytes: the protocol can say at most 2147483647")]
pub struct TooLong {
    /// Which part.
    pub part: Part,
    /// Its length in bytes.
    pub len: u64,
}

/// Why a request cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unencodable {
    /// A part is too long.
    #[error(transparent)]
    TooLong(#[from] TooLong),
    /// Decoding found it to be no request.
    #[error("not a request: {0}")]
    Invalid(Invalid),
}

/// Bytes that are no response. Nothing further on the connection can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ResponseViolation {
    /// The first byte is no status.
    #[error("unknown status {byte:#04x}: 0x00 to 0x03 expected")]
    UnknownStatus {
        /// The byte found.
        byte: u8,
    },
    /// The second byte is no value type.
    #[error("unknown value type {byte:#04x}: 0x00 (none) or 0x01 (JSON) expected")]
    UnknownValueType {
        /// The byte found.
        byte: u8,
    },
    /// The length is below zero.
    #[error("the length of the body is {len}: a length cannot be negative")]
    NegativeLength {
        /// The length claimed.
        len: i32,
    },
    /// The body is above its limit.
    #[error("the body has {len} bytes: at most {max} are allowed")]
    TooLong {
        /// The length claimed, in bytes.
        len: u32,
        /// The limit, in bytes.
        max: u32,
    },
}
