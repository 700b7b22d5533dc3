//! One contract suite over every store, against the real thing behind each, and what each does when that thing misbehaves.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(all(
    feature = "engine",
    feature = "file",
    feature = "memcached",
    feature = "paper",
    feature = "redis",
    feature = "rest",
    feature = "seriput"
))]

mod engine;
mod faults;
mod file;
mod memcached;
mod peer;
mod program;
mod redis;
mod redis_cluster;
mod redis_read;
mod rest;
mod suite;
