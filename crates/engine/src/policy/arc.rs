//! ARC: two LRU lists, of entries used once (T1) and more often (T2), each with ghosts (B1, B2), and a target for T1 that ghost
//! hits move. Megiddo & Modha, "ARC: A Self-Tuning, Low Overhead Replacement Cache", FAST 2003. Weights stand where the paper
//! counts pages; a step of the target is multiplied by the newcomer's weight.

use super::queue::Queue;
use super::{Arrival, Order, Origin, Policy, Residents};
use crate::ghost::Ghost;
use crate::hash::fingerprint;

const T1: u32 = 0;
const T2: u32 = 1;

pub(crate) struct Arc {
    capacity: u64,
    /// What T1 should weigh; the paper's p.
    target: f64,
    t1: Queue,
    t2: Queue,
    b1: Ghost,
    b2: Ghost,
}

impl Arc {
    pub(crate) fn new(capacity: u64) -> Arc {
        let (t1, t2, b1, b2) = (Queue::default(), Queue::default(), Ghost::default(), Ghost::default());
        Arc { capacity, target: 0.0, t1, t2, b1, b2 }
    }

    fn queue_of(&mut self, store: &impl Residents, id: u32) -> &mut Queue {
        if store.slots().queue(id) == T1 { &mut self.t1 } else { &mut self.t2 }
    }

    /// Moves the target towards the list whose ghost came back.
    fn adapt(&mut self, origin: Origin, weight: u64) {
        let (b1, b2) = (self.b1.weight() as f64, self.b2.weight() as f64);
        let capacity = self.capacity as f64;
        match origin {
            Origin::New => {}
            Origin::Ghost => self.target = (self.target + (b2 / b1).max(1.0) * weight as f64).min(capacity),
            Origin::SecondGhost => self.target = (self.target - (b1 / b2).max(1.0) * weight as f64).max(0.0),
        }
    }

    /// Keeps T1 and B1 together within the capacity, and all four lists within twice of it.
    fn trim(&mut self, weight: u64) {
        // A T1 that fills the cache alone gives way before the newcomer joins it.
        let first = (self.t1.weight() + weight).min(self.capacity);
        self.b1.trim(self.capacity - first);
        let others = first + self.t2.weight() + self.b1.weight();
        self.b2.trim(self.capacity.saturating_mul(2).saturating_sub(others));
    }

    /// The paper's REPLACE.
    fn replace(&mut self, store: &mut impl Residents, arrival: Arrival) -> Option<u32> {
        let first = self.t1.weight() as f64;
        let over = first > self.target || (arrival.origin == Origin::SecondGhost && first == self.target);
        if !self.t1.is_empty() && (over || self.t2.is_empty()) {
            let id = self.t1.pop(store)?;
            self.b1.push(fingerprint(store.hash_of(id)), store.weight_of(id));
            Some(id)
        } else {
            let id = self.t2.pop(store)?;
            self.b2.push(fingerprint(store.hash_of(id)), store.weight_of(id));
            Some(id)
        }
    }
}

impl Policy for Arc {
    #[inline]
    fn hit(&mut self, store: &mut impl Residents, id: u32) {
        if store.slots().queue(id) == T2 {
            self.t2.move_to_young(store, id);
        } else {
            self.t1.remove(store, id);
            self.t2.push(store, id, T2);
        }
    }

    fn miss(&mut self, fingerprint: u32, weight: u64) -> Origin {
        let origin = if self.b1.contains(fingerprint) {
            Origin::Ghost
        } else if self.b2.contains(fingerprint) {
            Origin::SecondGhost
        } else {
            Origin::New
        };
        self.adapt(origin, weight);
        match origin {
            Origin::New => self.trim(weight),
            Origin::Ghost => _ = self.b1.take(fingerprint),
            Origin::SecondGhost => _ = self.b2.take(fingerprint),
        }
        origin
    }

    fn evict(&mut self, store: &mut impl Residents, arrival: Arrival) -> Option<u32> {
        let first_is_all = self.t1.weight() + arrival.weight > self.capacity;
        if arrival.origin == Origin::New && first_is_all && !self.t1.is_empty() {
            // T1 alone fills the cache: nothing is to be learned from its ghost.
            self.t1.pop(store)
        } else {
            self.replace(store, arrival)
        }
    }

    fn next_victim(&self) -> Option<u32> {
        self.t1.oldest().or_else(|| self.t2.oldest())
    }

    fn admit(&mut self, store: &mut impl Residents, id: u32, origin: Origin) {
        match origin {
            Origin::New => self.t1.push(store, id, T1),
            Origin::Ghost | Origin::SecondGhost => self.t2.push(store, id, T2),
        }
    }

    fn remove(&mut self, store: &mut impl Residents, id: u32) {
        self.queue_of(store, id).remove(store, id);
    }

    fn reweigh(&mut self, store: &impl Residents, id: u32, before: u64) {
        self.queue_of(store, id).reweigh(store, id, before);
    }

    fn set_capacity(&mut self, capacity: u64) {
        self.capacity = capacity;
        self.target = self.target.min(capacity as f64);
    }

    fn order(&self) -> Order {
        Order::Used
    }

    fn seed(&mut self, store: &mut impl Residents, id: u32) {
        if store.frequency(id) == 1 {
            self.t1.push_old(store, id, T1);
        } else {
            self.t2.push_old(store, id, T2);
        }
    }

    fn hit_waiting(&mut self, store: &mut impl Residents, id: u32) -> bool {
        self.t2.push(store, id, T2);
        true
    }
}
