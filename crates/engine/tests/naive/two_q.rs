//! 2Q, the full version: newcomers pass through a FIFO queue, A1in; what leaves it is remembered by key in a second FIFO,
//! A1out; what comes back while it is remembered goes to an LRU queue, Am (Johnson & Shasha, VLDB 1994). A1in and Am share
//! the cache.

use std::collections::BTreeSet;

use super::Model;
use super::queue::Queue;

pub(crate) struct TwoQ {
    capacity: u64,
    k_in: f64,
    k_out: f64,
    a1_in: Queue,
    a1_out: Queue,
    am: Queue,
}

impl TwoQ {
    pub(crate) fn new(capacity: u64, k_in: f64, k_out: f64) -> TwoQ {
        TwoQ {
            capacity,
            k_in,
            k_out,
            a1_in: Queue::default(),
            a1_out: Queue::default(),
            am: Queue::default(),
        }
    }

    fn make_room(&mut self, weight: u64) {
        while self.a1_in.weight() + self.am.weight() + weight > self.capacity {
            let share = (self.k_in * self.capacity as f64).floor().max(1.0);
            if self.a1_in.weight() as f64 > share || self.am.is_empty() {
                let Some((key, key_weight)) = self.a1_in.pop_oldest() else { return };
                self.a1_out.push(key, key_weight);
                self.trim_ghosts();
            } else {
                self.am.pop_oldest();
            }
        }
    }

    fn trim_ghosts(&mut self) {
        while self.a1_out.weight() as f64 > self.k_out * self.capacity as f64 {
            self.a1_out.pop_oldest();
        }
    }
}

impl Model for TwoQ {
    fn touch(&mut self, key: u64) -> bool {
        self.am.renew(key) || self.a1_in.contains(key)
    }

    fn fill(&mut self, key: u64, weight: u64) {
        let is_ghost = self.a1_out.remove(key).is_some();
        self.make_room(weight);
        if is_ghost { &mut self.am } else { &mut self.a1_in }.push(key, weight);
    }

    fn remove(&mut self, key: u64) {
        self.a1_in.remove(key);
        self.am.remove(key);
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
        self.a1_in.keys().chain(self.am.keys()).collect()
    }
}
