//! The SDK beside real programs: Redis, the CacheKit SDK for Python, other processes, and a proxy that does to the connection
//! what networks do.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../../store/tests/contract/program.rs"]
#[allow(dead_code, reason = "memcached is not needed here")]
mod program;

mod examples;
mod faults;
mod proxy;
mod python;
mod stampede;

use larder_client::store::{Limits, RedisStore};

fn url(port: u16) -> String {
    format!("redis://127.0.0.1:{port}/0")
}

fn redis_store(port: u16) -> RedisStore {
    RedisStore::new(&url(port), Limits::default()).unwrap()
}
