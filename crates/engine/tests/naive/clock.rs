//! CLOCK: a reference bit per entry, clear on insertion and set by a hit. The search for a victim starts at the oldest;
//! an entry with its bit set loses it and moves to the young end (Corbató 1968).

use std::collections::{BTreeSet, HashSet};

use super::Model;
use super::queue::Queue;

pub(crate) struct Clock {
    capacity: u64,
    queue: Queue,
    referenced: HashSet<u64>,
}

impl Clock {
    pub(crate) fn new(capacity: u64) -> Clock {
        Clock { capacity, queue: Queue::default(), referenced: HashSet::new() }
    }

    fn make_room(&mut self, weight: u64) {
        while self.queue.weight() + weight > self.capacity {
            let Some((key, key_weight)) = self.queue.pop_oldest() else { return };
            if self.referenced.remove(&key) {
                self.queue.push(key, key_weight);
            }
        }
    }
}

impl Model for Clock {
    fn touch(&mut self, key: u64) -> bool {
        let is_hit = self.queue.contains(key);
        if is_hit {
            self.referenced.insert(key);
        }
        is_hit
    }

    fn fill(&mut self, key: u64, weight: u64) {
        self.make_room(weight);
        self.queue.push(key, weight);
    }

    fn remove(&mut self, key: u64) {
        self.queue.remove(key);
        self.referenced.remove(&key);
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
