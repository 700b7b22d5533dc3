//! SIEVE: the order of insertion never changes; a hit sets a visited bit; a hand goes from the old end to the young end,
//! clears the bits it finds set and stops at the first entry without, which goes. Zhang, Yang, Yue, Vigfusson & Rashmi, "SIEVE is
//! Simpler than LRU", NSDI 2024.

use super::{Arrival, Order, Origin, Policy, Residents};
use crate::limits::SCAN_ENTRIES_MAX;
use crate::list::List;
use crate::slots::NIL;

pub(crate) struct Sieve {
    queue: List,
    /// Where the next search starts; `NIL` is the old end.
    hand: u32,
}

impl Default for Sieve {
    fn default() -> Sieve {
        Sieve { queue: List::default(), hand: NIL }
    }
}

impl Sieve {
    fn hand_or_old_end(&mut self) -> Option<u32> {
        if self.hand == NIL {
            self.hand = self.queue.front()?;
        }
        Some(self.hand)
    }

    /// Takes an entry out; the hand, if it is there, goes on to the next younger one.
    fn unlink(&mut self, store: &mut impl Residents, id: u32) {
        if self.hand == id {
            self.hand = store.slots().next(id);
        }
        self.queue.remove(store.slots_mut(), id);
    }
}

impl Policy for Sieve {
    #[inline]
    fn hit(&mut self, store: &mut impl Residents, id: u32) {
        store.slots_mut().set_refs(id, 1);
    }

    fn evict(&mut self, store: &mut impl Residents, _arrival: Arrival) -> Option<u32> {
        for _ in 0..SCAN_ENTRIES_MAX {
            self.hand_or_old_end()?;
            if store.slots().refs(self.hand) == 0 {
                break;
            }
            store.slots_mut().set_refs(self.hand, 0);
            self.hand = store.slots().next(self.hand);
        }
        let id = self.hand_or_old_end()?;
        self.unlink(store, id);
        // At the young end the hand wraps now: what comes in next is not where it goes on.
        if self.hand == NIL {
            self.hand = self.queue.front().unwrap_or(NIL);
        }
        Some(id)
    }

    fn next_victim(&self) -> Option<u32> {
        (self.hand != NIL).then_some(self.hand)
    }

    fn admit(&mut self, store: &mut impl Residents, id: u32, _origin: Origin) {
        self.queue.push_back(store.slots_mut(), id);
    }

    fn remove(&mut self, store: &mut impl Residents, id: u32) {
        self.unlink(store, id);
    }

    fn order(&self) -> Order {
        Order::Inserted
    }

    fn seed(&mut self, store: &mut impl Residents, id: u32) {
        let was_used = store.frequency(id) > 1;
        store.slots_mut().set_refs(id, u32::from(was_used));
        self.queue.push_front(store.slots_mut(), id);
        // Until a search has moved it, the hand is at the old end.
        self.hand = NIL;
    }

    fn hit_waiting(&mut self, _store: &mut impl Residents, _id: u32) -> bool {
        false
    }
}
