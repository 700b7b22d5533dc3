//! Many requests at once: connections that send batches and read the answers in order, keys to ask for, and how long it
//! took. The replay over the wire and the benchmark stand on this.

mod bench;
mod connection;
mod keys;
mod latency;
mod threads;

pub(crate) use bench::{Bench, BenchOutcome, End};
pub(crate) use connection::{Connection, Opened};
pub(crate) use keys::{KeyDist, KeyPicker};
pub(crate) use latency::{Latency, LatencySummary};
pub(crate) use threads::{Stop, on_threads};
