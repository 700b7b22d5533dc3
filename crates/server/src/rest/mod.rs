//! The CacheKit REST API on the same entries: raw bytes under `/v1/cache/{key}`, with freshness, locks and times to live. Section 6 of
//! the spec of CacheKit is followed, and where it and the published SDKs differ, what the SDKs need.
//!
//! A request goes from [`serve`] (a connection) to [`service`] (authentication, routing, body) to the file of its route, and its
//! answer comes back the same way. [`table`] is the list of routes: requests are routed by it, `405` gets its `Allow` from it, and
//! the description of the API is made of it.

pub(crate) mod access;
mod answer;
mod body;
mod delete;
mod framing;
#[doc(hidden)]
pub mod fuzz;
mod get;
mod header;
mod health;
mod json;
mod line;
mod lock;
pub(crate) mod openapi;
mod parting;
mod path;
mod put;
mod refusal;
#[allow(dead_code, reason = "the description of the API is made of what nothing here reads")]
pub(crate) mod route;
mod serve;
mod service;
mod stream;
#[allow(dead_code, reason = "as above")]
pub(crate) mod table;
pub(crate) mod tls;
mod ttl;

pub(crate) use parting::turned_away;
pub(crate) use serve::serve;

/// The longest key in bytes, once its escapes are read.
pub(crate) const KEY_BYTES_MAX: usize = 400;

/// The longest time to live in seconds, a stale window included.
pub(crate) const TTL_S_MAX: u64 = 2_592_000;

/// The longest time that a lock can be asked for, in milliseconds: a day.
pub(crate) const LOCK_MS_MAX: u64 = 86_400_000;

/// The longest JSON body that is read, in bytes.
pub(crate) const JSON_BYTES_MAX: u64 = 4_096;

/// The longest head of a request in bytes.
pub(crate) const HEAD_BYTES_MAX: usize = 64 << 10;

/// Requests of one HTTP/2 connection that are served at the same time.
pub(crate) const STREAMS_MAX: u32 = 64;

/// Bytes of answers that wait to be written together; a larger answer is written by itself, from the cache's own memory.
pub(crate) const TOGETHER_BYTES_MAX: usize = 16 << 10;

/// Values above so many bytes count as bytes in flight while they are sent.
pub(crate) const UNLEASED_BYTES_MAX: usize = 4 << 10;

/// A body has to arrive at this rate, in bytes a second, once the time for a stall is over.
pub(crate) const BODY_BYTES_PER_S_MIN: u64 = 16 << 10;
