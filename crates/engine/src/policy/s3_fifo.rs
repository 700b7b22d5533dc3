//! S3-FIFO: a small queue for newcomers, a main queue for what was used while it waited there, and ghosts of what was not.
//! Yang, Zhang, Qiu, Yue & Rashmi, "FIFO Queues Are All You Need for Cache Eviction", SOSP 2023. As in the authors' simulator,
//! newcomers go to the main queue once the small one has its share, as long as nothing was ever evicted.

use super::name::Fraction;
use super::queue::Queue;
use super::{Arrival, Order, Origin, Policy, Residents};
use crate::ghost::Ghost;
use crate::hash::fingerprint;
use crate::limits::SCAN_ENTRIES_MAX;

const SMALL: u32 = 0;
const MAIN: u32 = 1;

/// Uses in the small queue from which an entry moves to the main one.
const PROMOTE_REFS: u32 = 2;
const REFS_MAX: u32 = 3;

/// Share of the cache that the ghosts would fill.
const GHOST_SHARE: f64 = 0.9;

pub(crate) struct S3Fifo {
    ratio: Fraction,
    /// What the small queue should weigh.
    small_share: u64,
    ghost_share: u64,
    small: Queue,
    main: Queue,
    ghost: Ghost,
    has_evicted: bool,
}

impl S3Fifo {
    pub(crate) fn new(ratio: Fraction, capacity: u64) -> S3Fifo {
        let mut policy = S3Fifo {
            ratio,
            small_share: 0,
            ghost_share: 0,
            small: Queue::default(),
            main: Queue::default(),
            ghost: Ghost::default(),
            has_evicted: false,
        };
        policy.set_capacity(capacity);
        policy
    }

    fn small_has_its_share(&self) -> bool {
        self.small.weight() >= self.small_share
    }

    fn queue_of(&mut self, store: &impl Residents, id: u32) -> &mut Queue {
        if store.slots().queue(id) == SMALL { &mut self.small } else { &mut self.main }
    }

    /// Empties the small queue into the main one until an entry has not earned its move.
    fn evict_from_small(&mut self, store: &mut impl Residents) -> Option<u32> {
        for scanned in 0..=SCAN_ENTRIES_MAX {
            let id = self.small.pop(store)?;
            if store.slots().refs(id) < PROMOTE_REFS || scanned == SCAN_ENTRIES_MAX {
                self.ghost.push(fingerprint(store.hash_of(id)), store.weight_of(id));
                self.ghost.trim(self.ghost_share);
                return Some(id);
            }
            store.slots_mut().set_refs(id, 0);
            self.main.push(store, id, MAIN);
        }
        None
    }

    fn evict_from_main(&mut self, store: &mut impl Residents) -> Option<u32> {
        for _ in 0..SCAN_ENTRIES_MAX {
            let id = self.main.oldest()?;
            match store.slots().refs(id) {
                0 => break,
                refs => {
                    store.slots_mut().set_refs(id, refs - 1);
                    self.main.recycle(store);
                }
            }
        }
        self.main.pop(store)
    }
}

impl Policy for S3Fifo {
    #[inline]
    fn hit(&mut self, store: &mut impl Residents, id: u32) {
        let refs = store.slots().refs(id);
        if refs < REFS_MAX {
            store.slots_mut().set_refs(id, refs + 1);
        }
    }

    fn miss(&mut self, fingerprint: u32, _weight: u64) -> Origin {
        if self.ghost.take(fingerprint) { Origin::Ghost } else { Origin::New }
    }

    fn evict(&mut self, store: &mut impl Residents, _arrival: Arrival) -> Option<u32> {
        self.has_evicted = true;
        let from_small = self.main.is_empty() || (self.small_has_its_share() && !self.small.is_empty());
        if from_small { self.evict_from_small(store) } else { None }.or_else(|| self.evict_from_main(store))
    }

    fn next_victim(&self) -> Option<u32> {
        self.small.oldest()
    }

    fn admit(&mut self, store: &mut impl Residents, id: u32, origin: Origin) {
        if origin != Origin::New || (!self.has_evicted && self.small_has_its_share()) {
            self.main.push(store, id, MAIN);
        } else {
            self.small.push(store, id, SMALL);
        }
    }

    fn remove(&mut self, store: &mut impl Residents, id: u32) {
        self.queue_of(store, id).remove(store, id);
    }

    fn reweigh(&mut self, store: &impl Residents, id: u32, before: u64) {
        self.queue_of(store, id).reweigh(store, id, before);
    }

    fn set_capacity(&mut self, capacity: u64) {
        self.small_share = ((self.ratio.get() * capacity as f64) as u64).max(1);
        self.ghost_share = (GHOST_SHARE * capacity as f64) as u64;
    }

    fn order(&self) -> Order {
        Order::Inserted
    }

    /// The youngest fill the small queue as far as its share goes.
    fn seed(&mut self, store: &mut impl Residents, id: u32) {
        let refs = u32::from(store.frequency(id) - 1).min(REFS_MAX);
        store.slots_mut().set_refs(id, refs);
        if self.small_has_its_share() {
            self.main.push_old(store, id, MAIN);
        } else {
            self.small.push_old(store, id, SMALL);
        }
    }

    fn hit_waiting(&mut self, _store: &mut impl Residents, _id: u32) -> bool {
        false
    }
}
