//! CacheKit data formats as pure functions: keys that every language computes alike, MessagePack with bounds, the
//! ByteStorage envelope, and encryption whose keys never leave the client. No clock, no socket, no randomness: what
//! they would give is an argument.
//!
//! | what | where |
//! | --- | --- |
//! | a value of the protocol's model, from `serde` or by hand | [`Value`], [`to_value`] |
//! | keys: Python's automatic ones, interop `v1` and `draft` | [`key`] |
//! | documents: canonical writer, bounded reader | [`msgpack`] |
//! | LZ4 and a checksum around a payload | [`envelope`] |
//! | the draft interop/v2 container | [`container`] |
//! | the private frame of the Python SDK: recognise and refuse | [`frame`] |
//! | AES-256-GCM, key derivation, AAD, keyrings | [`crypto`] |
//!
//! ```
//! use larder_cachekit::{Value, key::interop};
//!
//! let key = interop::key("users", "get_user", &[Value::from(42)])?;
//! assert!(key.starts_with("users:get_user:61598716"));
//! # Ok::<(), larder_cachekit::key::KeyError>(())
//! ```
//!
//! Source of the formats: the CacheKit protocol documents, with the shipped SDKs as the last word where they differ.

#![forbid(unsafe_code)]
#![deny(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used
    )
)]

pub mod container;
pub mod crypto;
pub mod envelope;
pub mod frame;
pub mod key;
mod limits;
mod lz4;
pub mod msgpack;
pub mod tagged;
mod temporal;
mod value;

pub use limits::{DEPTH_MAX, LimitError, Limits};
pub use temporal::{Date, DateTime, TemporalError, Time};
pub use uuid::Uuid;
pub use value::{
    Integer, IntegerOutOfRange, Path, Set, Step, Value,
    serialize::{ConvertError, to_value},
};
