//! 2Q, the full version: newcomers wait in a FIFO queue (A1in), what leaves it is remembered for a while (A1out), and what
//! comes back in that time goes to an LRU queue (Am). All share one pool. Johnson & Shasha, "2Q: A Low Overhead High Performance
//! Buffer Management Replacement Algorithm", VLDB 1994.

use super::name::Fraction;
use super::queue::Queue;
use super::{Arrival, Order, Origin, Policy, Residents};
use crate::ghost::Ghost;
use crate::hash::fingerprint;

const A1_IN: u32 = 0;
const AM: u32 = 1;

pub(crate) struct TwoQ {
    k_in: Fraction,
    k_out: Fraction,
    /// What A1in should weigh, and what the ghosts may.
    in_share: u64,
    out_share: u64,
    a1_in: Queue,
    am: Queue,
    a1_out: Ghost,
}

impl TwoQ {
    pub(crate) fn new(k_in: Fraction, k_out: Fraction, capacity: u64) -> TwoQ {
        let (a1_in, am, a1_out) = (Queue::default(), Queue::default(), Ghost::default());
        let mut policy = TwoQ { k_in, k_out, in_share: 0, out_share: 0, a1_in, am, a1_out };
        policy.set_capacity(capacity);
        policy
    }

    fn newcomers_exceed_their_share(&self) -> bool {
        self.a1_in.weight() > self.in_share
    }

    fn queue_of(&mut self, store: &impl Residents, id: u32) -> &mut Queue {
        if store.slots().queue(id) == A1_IN { &mut self.a1_in } else { &mut self.am }
    }
}

impl Policy for TwoQ {
    #[inline]
    fn hit(&mut self, store: &mut impl Residents, id: u32) {
        if store.slots().queue(id) == AM {
            self.am.move_to_young(store, id);
        }
    }

    fn miss(&mut self, fingerprint: u32, _weight: u64) -> Origin {
        if self.a1_out.take(fingerprint) { Origin::Ghost } else { Origin::New }
    }

    fn evict(&mut self, store: &mut impl Residents, _arrival: Arrival) -> Option<u32> {
        if self.newcomers_exceed_their_share() || self.am.is_empty() {
            let id = self.a1_in.pop(store)?;
            self.a1_out.push(fingerprint(store.hash_of(id)), store.weight_of(id));
            self.a1_out.trim(self.out_share);
            Some(id)
        } else {
            self.am.pop(store)
        }
    }

    fn next_victim(&self) -> Option<u32> {
        self.a1_in.oldest()
    }

    fn admit(&mut self, store: &mut impl Residents, id: u32, origin: Origin) {
        match origin {
            Origin::New => self.a1_in.push(store, id, A1_IN),
            Origin::Ghost | Origin::SecondGhost => self.am.push(store, id, AM),
        }
    }

    fn remove(&mut self, store: &mut impl Residents, id: u32) {
        self.queue_of(store, id).remove(store, id);
    }

    fn reweigh(&mut self, store: &impl Residents, id: u32, before: u64) {
        self.queue_of(store, id).reweigh(store, id, before);
    }

    fn set_capacity(&mut self, capacity: u64) {
        self.in_share = ((self.k_in.get() * capacity as f64) as u64).max(1);
        self.out_share = (self.k_out.get() * capacity as f64) as u64;
    }

    fn order(&self) -> Order {
        Order::Used
    }

    /// What was used once fills the newcomers' queue as far as its share goes; the rest has proven itself or is older.
    fn seed(&mut self, store: &mut impl Residents, id: u32) {
        if store.frequency(id) == 1 && !self.newcomers_exceed_their_share() {
            self.a1_in.push_old(store, id, A1_IN);
        } else {
            self.am.push_old(store, id, AM);
        }
    }

    fn hit_waiting(&mut self, store: &mut impl Residents, id: u32) -> bool {
        self.am.push(store, id, AM);
        true
    }
}
