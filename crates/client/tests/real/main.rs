//! The SDK beside real programs: Redis, the CacheKit SDK for Python, other processes, and a proxy that does to the connection
//! what networks do.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../../store/tests/contract/program.rs"]
#[allow(dead_code, reason = "memcached is not needed here")]
mod program;

mod entries;
mod examples;
mod faults;
mod gathering;
mod proxy;
mod python;
mod stampede;

use std::io::{Read, Write};
use std::net::TcpStream;

use larder_client::store::{Limits, RedisStore};

fn url(port: u16) -> String {
    format!("redis://127.0.0.1:{port}/0")
}

fn redis_store(port: u16) -> RedisStore {
    RedisStore::new(&url(port), Limits::default()).unwrap()
}

/// What Redis answers to a command that is written as one line.
fn ask(port: u16, command: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
