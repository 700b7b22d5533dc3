//! SIEVE: entries keep the order of insertion; a hit marks an entry as visited. A hand moves from the old end to the
//! young end, clears marks, takes the first entry without one and stays there; from the young end it goes back to the old
//! end (Zhang et al., NSDI 2024).

use std::collections::{BTreeSet, HashSet};

use super::Model;
use super::queue::Queue;

pub(crate) struct Sieve {
    capacity: u64,
    queue: Queue,
    visited: HashSet<u64>,
    /// The place in the queue where the next search starts.
    hand: u64,
}

impl Sieve {
    pub(crate) fn new(capacity: u64) -> Sieve {
        Sieve { capacity, queue: Queue::default(), visited: HashSet::new(), hand: 0 }
    }

    fn make_room(&mut self, weight: u64) {
        while self.queue.weight() + weight > self.capacity {
            let Some((place, key)) = self.queue.at_or_after(self.hand) else { return };
            self.hand = place + 1;
            if !self.visited.remove(&key) {
                self.queue.remove(key);
            }
            self.wrap();
        }
    }

    /// Past the young end the hand goes back at once, so that what is inserted before the next search is not its start.
    fn wrap(&mut self) {
        if self.queue.at_or_after(self.hand).is_none() {
            self.hand = 0;
        }
    }
}

impl Model for Sieve {
    fn touch(&mut self, key: u64) -> bool {
        let is_hit = self.queue.contains(key);
        if is_hit {
            self.visited.insert(key);
        }
        is_hit
    }

    fn fill(&mut self, key: u64, weight: u64) {
        self.make_room(weight);
        self.queue.push(key, weight);
    }

    fn remove(&mut self, key: u64) {
        self.queue.remove(key);
        self.visited.remove(&key);
        self.wrap();
    }

    fn resize(&mut self, capacity: u64) {
        self.capacity = capacity;
        self.make_room(0);
    }

    fn capacity(&self) -> u64 {
        self.capacity
    }

    fn resident(&self) -> BTreeSet<u64> {
        self.queue.keys().collect()
    }
}
