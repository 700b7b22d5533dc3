//! The nine eviction policies a second time, written from their definitions alone to be obviously right: ordered maps and
//! counters, no links, no slots, nothing shared with the engine. `reference.rs` proves them against published miss ratios;
//! `model.rs` and `traces.rs` then judge the engine by them.

#![allow(dead_code, reason = "every test program that includes this uses its own part of it")]

use std::collections::BTreeSet;

mod arc;
mod clock;
mod fifo;
mod lfu;
mod lru;
mod mru;
mod queue;
mod s3_fifo;
mod sieve;
mod two_q;

/// The names of all nine policies, as the engine writes them and as the reference figures do.
pub(crate) const POLICIES: [(&str, &str); 9] = [
    ("lfu", "LFU"),
    ("fifo", "FIFO"),
    ("clock", "CLOCK"),
    ("sieve", "SIEVE"),
    ("lru", "LRU"),
    ("mru", "MRU"),
    ("2q-0.25-0.5", "2Q"),
    ("arc", "ARC"),
    ("s3-fifo-0.1", "S3-FIFO"),
];

/// A cache that knows keys and weights only. Weights are all 1 where the capacity counts entries.
pub(crate) trait Model {
    /// A read or an overwrite of `key`: true if it is resident.
    fn touch(&mut self, key: u64) -> bool;

    /// Makes room for `key`, which is not resident and weighs at most the capacity, and then inserts it.
    fn fill(&mut self, key: u64, weight: u64);

    /// Deletes `key` if it is resident: it leaves no ghost behind.
    fn remove(&mut self, key: u64);

    /// Sets the capacity and evicts what no longer fits.
    fn resize(&mut self, capacity: u64);

    /// The capacity in the unit of the weights.
    fn capacity(&self) -> u64;

    /// All resident keys.
    fn resident(&self) -> BTreeSet<u64>;

    /// A look-aside request: true for a hit; a miss is filled at once unless it can never fit.
    fn access(&mut self, key: u64, weight: u64) -> bool {
        let is_hit = self.touch(key);
        if !is_hit && weight <= self.capacity() {
            self.fill(key, weight);
        }
        is_hit
    }
}

/// The model of the policy called `name` in the engine's spelling.
pub(crate) fn model(name: &str, capacity: u64) -> Box<dyn Model> {
    let fraction = |text: &str| text.parse::<f64>().expect("a fraction");
    match name {
        "lfu" => Box::new(lfu::Lfu::new(capacity)),
        "fifo" => Box::new(fifo::Fifo::new(capacity)),
        "clock" => Box::new(clock::Clock::new(capacity)),
        "sieve" => Box::new(sieve::Sieve::new(capacity)),
        "lru" => Box::new(lru::Lru::new(capacity)),
        "mru" => Box::new(mru::Mru::new(capacity)),
        "arc" => Box::new(arc::Arc::new(capacity)),
        _ => {
            if let Some(ratio) = name.strip_prefix("s3-fifo-") {
                return Box::new(s3_fifo::S3Fifo::new(capacity, fraction(ratio)));
            }
            let shares = name.strip_prefix("2q-").and_then(|shares| shares.split_once('-'));
            let (k_in, k_out) = shares.expect("one of the nine names");
            Box::new(two_q::TwoQ::new(capacity, fraction(k_in), fraction(k_out)))
        }
    }
}
