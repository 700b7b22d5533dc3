//! Where cache entries can live: one trait, [`Store`], and a file for each place.
//!
//! A store maps a key to bytes and an expiry. It knows nothing of what the bytes mean. Layers (a near cache, retries, a circuit
//! breaker) implement the same trait around another store, so they stack in any order.
//!
//! Each place is behind a feature of its own; all are additive, and all on by default.
//!
//! | feature | place | file |
//! | --- | --- | --- |
//! | `engine` | this process | `engine.rs` |
//! | `file` | files in the CacheKit layout | `file.rs` |
//! | `memcached` | memcached | `memcached.rs` |
//! | `paper` | a PaperCache server | `paper.rs` |
//! | `redis` | Redis or Valkey, one server or a cluster | `redis.rs` |
//! | `rest` | the CacheKit REST API | `rest.rs` |
//! | `seriput` | a Seriput server | `seriput.rs` |
//!
//! ```
//! use larder_store::{EngineStore, Expiry, Found, Store, SystemClock};
//! use std::time::Duration;
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let store = EngineStore::with_bytes(64 << 20, SystemClock)?;
//! store.set(b"greeting", "hello".into(), Expiry::after(Duration::from_secs(60))).await?;
//! let found = store.get(b"greeting").await?;
//! assert_eq!(found.map(|found| found.bytes), Some("hello".into()));
//! assert!(store.delete(b"greeting").await?);
//! # Ok::<(), larder_store::Error>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod capabilities;
mod clock;
#[cfg(feature = "engine")]
mod engine;
mod entry;
mod error;
#[cfg(feature = "file")]
mod file;
mod file_format;
mod freshness;
#[cfg(any(
    feature = "memcached",
    feature = "paper",
    feature = "redis",
    feature = "rest",
    feature = "seriput"
))]
mod gate;
mod host;
mod limits;
#[cfg(feature = "memcached")]
mod memcached;
#[cfg(feature = "paper")]
mod paper;
mod path;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "rest")]
mod rest;
#[cfg(feature = "seriput")]
mod seriput;
mod store;
#[cfg(any(feature = "memcached", feature = "paper", feature = "seriput"))]
mod tcp;
#[cfg(any(feature = "redis", feature = "rest"))]
mod trust;

pub use capabilities::{Capabilities, KeyAlphabet, KeyFault, KeyRules};
pub use clock::{Clock, SystemClock};
#[cfg(feature = "engine")]
pub use engine::EngineStore;
pub use entry::{Expiry, Found, Freshness, Health, LockToken, Remaining};
pub use error::{Class, Error, Fault, Operation};
#[cfg(feature = "file")]
pub use file::FileStore;
pub use file_format::{
    FILE_EXPIRY_OFFSET, FILE_HEADER_BYTES, FileReading, file_header, file_name, read_file,
};
pub use freshness::{fresh_for_s, is_stale, read_freshness};
pub use host::Hosts;
pub use limits::Limits;
#[cfg(feature = "memcached")]
pub use memcached::MemcachedStore;
#[cfg(feature = "paper")]
pub use paper::PaperStore;
pub use path::path_segment;
#[cfg(feature = "redis")]
pub use redis::{RedisOptions, RedisStore};
#[cfg(feature = "rest")]
pub use rest::{NearCache, RestOptions, RestStore};
#[cfg(feature = "seriput")]
pub use seriput::SeriputStore;
pub use store::{Pending, Store};
