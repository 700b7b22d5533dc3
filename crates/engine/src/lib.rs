//! The cache in memory: shards, nine eviction policies that can be switched at run time, exact expiry, one byte budget.
//!
//! The engine has no network, no threads and no clock: time and randomness are arguments. Every operation is short and
//! bounded, so an engine can be called from an event loop.
//!
//! ```
//! use larder_engine::{Cache, Kind, Millis, Options, Ttl};
//!
//! let cache = Cache::new(Options::bytes(64 << 20))?;
//! let (key, now) = (cache.key(b"greeting"), Millis(0));
//! cache.set(key, b"hello".into(), Kind::Opaque, Ttl::new(5_000), now)?;
//! assert_eq!(cache.get(key, now, |entry| entry.value.to_vec()), Some(b"hello".to_vec()));
//! assert_eq!(cache.get(key, Millis(5_000), |entry| entry.value.to_vec()), None);
//! # Ok::<(), larder_engine::Error>(())
//! ```

mod auto;
mod budget;
mod cache;
mod cell;
mod counters;
mod entry;
mod error;
mod ghost;
mod hash;
mod job;
mod lease;
pub mod limits;
mod list;
mod options;
mod pages;
mod policy;
mod processor;
mod room;
mod shard;
mod slots;
mod status;
mod store;
mod storing;
mod table;
mod time;
mod wheel;

pub use auto::report::{AutoReport, Curve, CurvePoint, Decision, Estimate, Outcome};
pub use cache::Cache;
pub use counters::Counters;
pub use entry::{Entry, Kind, Value};
pub use error::Error;
pub use hash::{Key, KeyHash};
pub use job::{Job, Progress};
pub use options::{Capacity, Options};
pub use policy::name::{Fraction, PolicyChoice, PolicyName, PolicyNameError};
pub use status::Status;
pub use storing::Storing;
pub use time::{Expiry, Lifetime, Millis, Remaining, Renewed, Ttl};
