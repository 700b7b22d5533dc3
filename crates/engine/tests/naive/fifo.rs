//! FIFO: the victim is the oldest insertion, hits change nothing.

use std::collections::BTreeSet;

use super::Model;
use super::queue::Queue;

pub(crate) struct Fifo {
    capacity: u64,
    queue: Queue,
}

impl Fifo {
    pub(crate) fn new(capacity: u64) -> Fifo {
        Fifo { capacity, queue: Queue::default() }
    }

    fn make_room(&mut self, weight: u64) {
        while self.queue.weight() + weight > self.capacity {
            self.queue.pop_oldest();
        }
    }
}

impl Model for Fifo {
    fn touch(&mut self, key: u64) -> bool {
        self.queue.contains(key)
    }

    fn fill(&mut self, key: u64, weight: u64) {
        self.make_room(weight);
        self.queue.push(key, weight);
    }

    fn remove(&mut self, key: u64) {
        self.queue.remove(key);
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
