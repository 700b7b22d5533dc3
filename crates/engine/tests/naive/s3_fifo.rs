//! S3-FIFO: newcomers enter a small FIFO queue; what was used at least twice there moves on to the main one, the rest
//! leaves a ghost behind, and what comes back while its ghost is there enters the main queue (Yang et al., SOSP 2023).

use std::collections::{BTreeSet, HashMap};

use super::Model;
use super::queue::Queue;

/// Hits that are counted at most.
const COUNT_MAX: u8 = 3;
/// Hits that take an entry from the small queue to the main one.
const COUNT_TO_MOVE: u8 = 2;
/// What the ghosts would weigh at most, as a share of the cache.
const GHOST_SHARE: f64 = 0.9;

pub(crate) struct S3Fifo {
    capacity: u64,
    ratio: f64,
    small: Queue,
    main: Queue,
    ghosts: Queue,
    counts: HashMap<u64, u8>,
    has_evicted: bool,
}

impl S3Fifo {
    pub(crate) fn new(capacity: u64, ratio: f64) -> S3Fifo {
        let queue = Queue::default;
        S3Fifo {
            capacity,
            ratio,
            small: queue(),
            main: queue(),
            ghosts: queue(),
            counts: HashMap::new(),
            has_evicted: false,
        }
    }

    fn make_room(&mut self, weight: u64) {
        while self.small.weight() + self.main.weight() + weight > self.capacity {
            self.has_evicted = true;
            if self.has_small_its_share() || self.main.is_empty() {
                self.evict_small();
            } else {
                self.evict_main();
            }
        }
    }

    fn has_small_its_share(&self) -> bool {
        self.small.weight() as f64 >= (self.ratio * self.capacity as f64).floor().max(1.0)
    }

    /// Evicts one entry. Entries that move on meanwhile do not end the search, even if the queue falls below its share.
    fn evict_small(&mut self) {
        while let Some((key, weight)) = self.small.pop_oldest() {
            let count = self.counts.insert(key, 0).unwrap_or(0);
            if count < COUNT_TO_MOVE {
                self.counts.remove(&key);
                self.leave_ghost(key, weight);
                return;
            }
            self.main.push(key, weight);
        }
    }

    /// Evicts one entry.
    fn evict_main(&mut self) {
        while let Some((key, weight)) = self.main.pop_oldest() {
            let Some(count) = self.counts.remove(&key).filter(|&count| count > 0) else { return };
            self.main.push(key, weight);
            self.counts.insert(key, count - 1);
        }
    }

    /// Remembers an evicted key, unless it alone weighs more than all ghosts together may.
    fn leave_ghost(&mut self, key: u64, weight: u64) {
        if weight as f64 <= GHOST_SHARE * self.capacity as f64 {
            self.ghosts.push(key, weight);
            self.trim_ghosts();
        }
    }

    fn trim_ghosts(&mut self) {
        while self.ghosts.weight() as f64 > GHOST_SHARE * self.capacity as f64 {
            self.ghosts.pop_oldest();
        }
    }
}

impl Model for S3Fifo {
    fn touch(&mut self, key: u64) -> bool {
        let count = self.counts.get_mut(&key);
        let is_hit = count.is_some();
        if let Some(count) = count {
            *count = (*count + 1).min(COUNT_MAX);
        }
        is_hit
    }

    fn fill(&mut self, key: u64, weight: u64) {
        let is_ghost = self.ghosts.remove(key).is_some();
        self.make_room(weight);
        // Before the first eviction the main queue takes what is above the small queue's share.
        let is_overflow = !self.has_evicted && self.has_small_its_share();
        if is_ghost || is_overflow { &mut self.main } else { &mut self.small }.push(key, weight);
        self.counts.insert(key, 0);
    }

    fn remove(&mut self, key: u64) {
        self.small.remove(key);
        self.main.remove(key);
        self.counts.remove(&key);
    }

    fn resize(&mut self, capacity: u64) {
        self.capacity = capacity;
        self.make_room(0);
        self.trim_ghosts();
    }

    fn capacity(&self) -> u64 {
        self.capacity
    }

    fn resident(&self) -> BTreeSet<u64> {
        self.counts.keys().copied().collect()
    }
}
