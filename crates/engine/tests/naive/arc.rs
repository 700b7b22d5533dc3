//! ARC: T1 holds what was seen once lately, T2 what was seen twice, B1 and B2 remember by key what left them; hits on the
//! ghosts move p, the share that T1 aims at (Megiddo & Modha, FAST 2003). p is a real number, and moves by the entry's
//! weight times the ratio of the ghost queues.

use std::collections::BTreeSet;

use super::Model;
use super::queue::Queue;

pub(crate) struct Arc {
    capacity: u64,
    p: f64,
    t1: Queue,
    t2: Queue,
    b1: Queue,
    b2: Queue,
}

impl Arc {
    pub(crate) fn new(capacity: u64) -> Arc {
        let queue = Queue::default;
        Arc { capacity, p: 0.0, t1: queue(), t2: queue(), b1: queue(), b2: queue() }
    }

    fn fill_from_b1(&mut self, key: u64, weight: u64) {
        let step = (self.b2.weight() as f64 / self.b1.weight() as f64).max(1.0);
        self.p = (self.p + step * weight as f64).min(self.capacity as f64);
        self.b1.remove(key);
        self.replace(weight, false);
        self.t2.push(key, weight);
    }

    fn fill_from_b2(&mut self, key: u64, weight: u64) {
        let step = (self.b1.weight() as f64 / self.b2.weight() as f64).max(1.0);
        self.p = (self.p - step * weight as f64).max(0.0);
        self.b2.remove(key);
        self.replace(weight, true);
        self.t2.push(key, weight);
    }

    fn fill_new(&mut self, key: u64, weight: u64) {
        while self.t1.weight() + self.b1.weight() + weight > self.capacity {
            if self.b1.pop_oldest().is_none() {
                self.t1.pop_oldest();
            }
        }
        while self.all() + weight > 2 * self.capacity && self.b2.pop_oldest().is_some() {}
        self.replace(weight, false);
        self.t1.push(key, weight);
    }

    /// The paper's REPLACE, until `weight` fits.
    fn replace(&mut self, weight: u64, is_in_b2: bool) {
        while self.t1.weight() + self.t2.weight() + weight > self.capacity {
            let t1 = self.t1.weight() as f64;
            let is_over = t1 > self.p || (is_in_b2 && t1 == self.p);
            let from_t1 = !self.t1.is_empty() && (is_over || self.t2.is_empty());
            let (queue, ghosts) =
                if from_t1 { (&mut self.t1, &mut self.b1) } else { (&mut self.t2, &mut self.b2) };
            let Some((victim, victim_weight)) = queue.pop_oldest() else { return };
            ghosts.push(victim, victim_weight);
        }
    }

    fn all(&self) -> u64 {
        [&self.t1, &self.t2, &self.b1, &self.b2].into_iter().map(Queue::weight).sum()
    }
}

impl Model for Arc {
    fn touch(&mut self, key: u64) -> bool {
        if let Some(weight) = self.t1.remove(key) {
            self.t2.push(key, weight);
            return true;
        }
        self.t2.renew(key)
    }

    fn fill(&mut self, key: u64, weight: u64) {
        if self.b1.contains(key) {
            self.fill_from_b1(key, weight);
        } else if self.b2.contains(key) {
            self.fill_from_b2(key, weight);
        } else {
            self.fill_new(key, weight);
        }
    }

    fn remove(&mut self, key: u64) {
        self.t1.remove(key);
        self.t2.remove(key);
    }

    fn resize(&mut self, capacity: u64) {
        self.capacity = capacity;
        self.p = self.p.min(capacity as f64);
        self.replace(0, false);
        while self.t1.weight() + self.b1.weight() > capacity && self.b1.pop_oldest().is_some() {}
        while self.all() > 2 * capacity && self.b2.pop_oldest().is_some() {}
    }

    fn capacity(&self) -> u64 {
        self.capacity
    }

    fn resident(&self) -> BTreeSet<u64> {
        self.t1.keys().chain(self.t2.keys()).collect()
    }
}
