//! The SDK, `larder-client`, against Larder itself: the real binary behind TLS with API keys, beside the CacheKit SDK for Python, in
//! a stampede of processes, and behind a proxy that does to connections what networks do.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../../client/tests/real/entries.rs"]
#[allow(dead_code, reason = "what needs the list of all keys is asked of Redis alone")]
mod entries;
#[path = "../../../client/tests/real/gathering.rs"]
mod gathering;
#[path = "../../../store/tests/contract/program.rs"]
#[allow(dead_code, reason = "what else it starts is not needed here")]
mod program;
#[path = "../../../client/tests/real/proxy.rs"]
mod proxy;
#[path = "../support/mod.rs"]
mod support;

mod faults;
mod python;
mod server;
mod stampede;
