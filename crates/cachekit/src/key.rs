//! Keys. [`auto`] computes what the Python SDK makes of a function and its arguments; [`interop`] computes the keys
//! that every language agrees on. Both hash a canonical MessagePack document of the arguments with Blake2b-256; what
//! is canonical differs by [`Profile`].

pub mod auto;
mod canonical;
pub mod interop;

use blake2::{Blake2b256, Digest};
use thiserror::Error;

use crate::msgpack::TooLong;
use crate::value::{Path, Step};

/// The rules by which arguments become bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// The Python SDK's automatic keys.
    Auto,
    /// Interop keys as all shipped SDKs compute them: one flat array of arguments.
    V1,
    /// Interop keys as the first draft had them: `[positional, keyword arguments]`, every float and datetime a
    /// float64. No SDK computes these.
    Draft,
}

impl Profile {
    const fn name(self) -> &'static str {
        match self {
            Self::Auto => "automatic",
            Self::V1 => "interop/v1",
            Self::Draft => "interop draft",
        }
    }
}

/// One of the two names in an interop key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Segment {
    /// The first.
    Namespace,
    /// The second.
    Operation,
}

impl std::fmt::Display for Segment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Namespace => "namespace",
            Self::Operation => "operation",
        })
    }
}

/// Why there is no key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeyError {
    /// NaN or an infinity.
    #[error("{at}: {found} cannot be part of an {profile} key; numbers must be finite", profile = profile.name())]
    NotFinite {
        /// Where.
        at: Path,
        /// `NaN`, `inf` or `-inf`.
        found: String,
        /// The rules.
        profile: Profile,
    },
    /// A datetime without an offset names no instant.
    #[error("{at}: the datetime {found} has no offset from UTC; add one, such as +00:00")]
    NaiveDateTime {
        /// Where.
        at: Path,
        /// The datetime.
        found: String,
    },
    /// A kind of value that has no place in such a key.
    #[error("{at}: a {kind} cannot be part of an {profile} key", profile = profile.name())]
    Kind {
        /// Where.
        at: Path,
        /// The kind.
        kind: &'static str,
        /// The rules.
        profile: Profile,
    },
    /// Nested deeper than the limit.
    #[error("{at}: nested deeper than {depth_max} levels")]
    TooDeep {
        /// Where it got too deep.
        at: Path,
        /// The limit.
        depth_max: usize,
    },
    /// A length of more than 32 bits.
    #[error("{at}: {source}")]
    TooLong {
        /// Where.
        at: Path,
        /// The length.
        source: TooLong,
    },
    /// A namespace or operation that the grammar does not allow.
    #[error("the {segment} {found:?} {problem}")]
    Segment {
        /// Which of the two.
        segment: Segment,
        /// The text.
        found: String,
        /// What is wrong, and what would be right.
        problem: SegmentProblem,
    },
    /// A serializer without a name.
    #[error("the serializer's name is empty; give one, such as \"default\"")]
    SerializerName,
}

/// What the grammar of segments does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SegmentProblem {
    /// Nothing there.
    #[error("is empty; 1 to 64 characters are needed")]
    Empty,
    /// Too many characters.
    #[error("has {found} characters; at most 64 are allowed")]
    TooLong {
        /// Characters found.
        found: usize,
    },
    /// A character that does not belong where it is.
    #[error(
        "has {found:?} as character {position}; only a-z, 0-9 and, after the first, `.`, `_` and `-` are allowed"
    )]
    Character {
        /// The character.
        found: char,
        /// Counted from 1.
        position: usize,
    },
    /// A character that would make a key of the draft unreadable or ambiguous.
    #[error("has {found:?} as character {position}; whitespace, control characters and `:` are not allowed")]
    Ambiguous {
        /// The character.
        found: char,
        /// Counted from 1.
        position: usize,
    },
    /// Two dots in a row.
    #[error("contains \"..\"")]
    Dots,
    /// A name that servers keep for themselves.
    #[error("is reserved")]
    Reserved,
}

impl KeyError {
    fn inside(self, step: Step) -> Self {
        match self {
            Self::NotFinite { at, found, profile } => Self::NotFinite { at: at.inside(step), found, profile },
            Self::NaiveDateTime { at, found } => Self::NaiveDateTime { at: at.inside(step), found },
            Self::Kind { at, kind, profile } => Self::Kind { at: at.inside(step), kind, profile },
            Self::TooDeep { at, depth_max } => Self::TooDeep { at: at.inside(step), depth_max },
            Self::TooLong { at, source } => Self::TooLong { at: at.inside(step), source },
            other @ (Self::Segment { .. } | Self::SerializerName) => other,
        }
    }
}

impl From<TooLong> for KeyError {
    fn from(source: TooLong) -> Self {
        Self::TooLong { at: Path::root(), source }
    }
}

/// Blake2b with a 32-byte digest, unkeyed, as hexadecimal text.
fn hash(bytes: &[u8]) -> String {
    hex::encode(Blake2b256::digest(bytes))
}
