//! Handing the entries of a shard from one policy to the next, in bounded steps.
//!
//! The new policy is in force at once. The entries that it finds wait: they are collected, sorted by what their cells say of
//! their past (a radix sort, so that every step is bounded), and given to it from young to old, each at its old end; what comes
//! in or is used meanwhile stands at its young end, where it belongs. If room is needed before that is done, the first in
//! the sorted order goes, or, before there is one, the best of a few waiting entries.

use super::{InForce, Order, Policy};
use crate::store::Store;

const SLOT_BITS: u32 = 24;
const PASS_BITS: u32 = 10;
const PASSES: usize = 4;
const BUCKETS: usize = 1 << PASS_BITS;

/// Slots that are looked at for a victim as long as there is no order.
const SAMPLE: usize = 32;

enum Phase {
    Collect { next: u32 },
    Sort { pass: usize, next: usize },
    Link,
}

pub(crate) struct Reseed {
    order: Order,
    phase: Phase,
    /// The shard's tick when it began: ages are counted from here.
    tick: u32,
    /// Slots from here on came later.
    high: u32,
    /// `frequency << 56 | recency << 24 | slot`, least worthy first once sorted.
    items: Vec<u64>,
    sorted: Vec<u64>,
    /// Items before this one have gone as victims.
    first: usize,
    /// For each pass how many items fall into each bucket, then where the next of them goes.
    counts: Vec<u32>,
    /// A number that walks over all of its range in large strides.
    sample: u32,
    waiting: u32,
    /// Entries that were last used longer ago than so many ticks are not handed over: they go first, whatever the policy.
    stale_after: Option<u32>,
    /// Items before this one are stale.
    stale: usize,
}

impl Reseed {
    /// `tick` is the shard's now; every live entry waits. What was last used more than `stale_after` ticks ago goes first, where
    /// the order is that of use.
    pub(crate) fn new(store: &Store, order: Order, tick: u32, stale_after: Option<u32>) -> Reseed {
        Reseed {
            order,
            phase: Phase::Collect { next: 0 },
            tick,
            high: store.slots.high(),
            items: Vec::new(),
            sorted: Vec::new(),
            first: 0,
            counts: vec![0; PASSES * BUCKETS],
            sample: 0,
            waiting: store.slots.live(),
            stale_after: stale_after.filter(|_| order == Order::Used),
            stale: 0,
        }
    }

    /// An entry waits no longer: it has left, or the policy has taken it in.
    pub(crate) fn leave(&mut self) {
        self.waiting -= 1;
    }

    /// Whether no entry waits any more, not even to be evicted.
    pub(crate) fn is_over(&self) -> bool {
        self.waiting == 0
    }

    /// Hands the stale entries over too.
    pub(crate) fn forgive_stale(&mut self) {
        (self.stale_after, self.stale) = (None, 0);
    }

    /// Goes through `budget` slots or items; true when every entry that should be handed over has been.
    pub(crate) fn step(
        &mut self,
        store: &mut Store,
        policy: &mut InForce,
        epoch: u32,
        mut budget: usize,
    ) -> bool {
        while budget > 0 && !self.is_linked() {
            budget = match self.phase {
                Phase::Collect { next } => self.collect(store, epoch, next, budget),
                Phase::Sort { pass, next } => self.sort(pass, next, budget),
                Phase::Link => self.link(store, policy, epoch, budget),
            };
        }
        self.is_linked()
    }

    fn is_linked(&self) -> bool {
        let all = matches!(self.phase, Phase::Link) && self.items.len() <= self.first.max(self.stale);
        self.waiting == 0 || all
    }

    fn collect(&mut self, store: &Store, epoch: u32, next: u32, budget: usize) -> usize {
        let end = self.high.min(next.saturating_add(budget as u32));
        for id in next..end {
            if waits(store, id, epoch) {
                let item = self.item(store, id);
                self.items.push(item);
                for pass in 0..PASSES {
                    self.counts[pass * BUCKETS + digit(item, pass)] += 1;
                }
            }
        }
        self.phase = if end < self.high { Phase::Collect { next: end } } else { self.begin_pass(0) };
        budget - (end - next) as usize
    }

    /// What an entry is worth, its slot in the low bits.
    fn item(&self, store: &Store, id: u32) -> u64 {
        let history = store.history(id);
        let (frequency, at) = match self.order {
            Order::Inserted => (0, history.inserted),
            Order::Used => (0, history.used),
            Order::Frequency => (history.frequency.min(0xff), history.used),
        };
        let age = self.tick.wrapping_sub(at);
        u64::from(frequency) << 56 | u64::from(u32::MAX - age) << SLOT_BITS | u64::from(id)
    }

    fn begin_pass(&mut self, pass: usize) -> Phase {
        if pass == PASSES {
            self.sorted = Vec::new();
            if let Some(ticks) = self.stale_after {
                let recency = |item: &u64| (item >> SLOT_BITS) as u32;
                self.stale = self.items.partition_point(|item| u32::MAX - recency(item) > ticks);
            }
            return Phase::Link;
        }
        let mut start = 0;
        for count in &mut self.counts[pass * BUCKETS..][..BUCKETS] {
            start += std::mem::replace(count, start);
        }
        self.sorted.resize(self.items.len(), 0);
        Phase::Sort { pass, next: 0 }
    }

    fn sort(&mut self, pass: usize, next: usize, budget: usize) -> usize {
        let end = self.items.len().min(next.saturating_add(budget));
        for &item in &self.items[next..end] {
            let place = &mut self.counts[pass * BUCKETS + digit(item, pass)];
            self.sorted[*place as usize] = item;
            *place += 1;
        }
        self.phase = if end < self.items.len() {
            Phase::Sort { pass, next: end }
        } else {
            std::mem::swap(&mut self.items, &mut self.sorted);
            self.begin_pass(pass + 1)
        };
        budget - (end - next)
    }

    fn link(&mut self, store: &mut Store, policy: &mut InForce, epoch: u32, mut budget: usize) -> usize {
        while budget > 0 && self.items.len() > self.first.max(self.stale) {
            budget -= 1;
            let id = slot(self.items.pop());
            if waits(store, id, epoch) {
                policy.seed(store, id);
                store.slots.set_epoch(id, epoch);
                self.waiting -= 1;
            }
        }
        budget
    }

    /// A waiting entry that goes, if one should go before any that the policy has taken in. It waits no longer.
    pub(crate) fn evict(&mut self, store: &Store, policy: &InForce, epoch: u32) -> Option<u32> {
        if self.waiting == 0 {
            return None;
        }
        let id = match self.phase {
            Phase::Link if policy.young_go_first() && self.first >= self.stale => None,
            Phase::Link => self.first_waiting(store, epoch),
            _ => self.best_of_sample(store, policy, epoch),
        }?;
        self.waiting -= 1;
        Some(id)
    }

    /// Any waiting entry, for a policy that has none to give. It waits no longer.
    pub(crate) fn evict_any(&mut self, store: &Store, epoch: u32) -> Option<u32> {
        if self.waiting == 0 {
            return None;
        }
        let id = match self.phase {
            Phase::Link => self.last_waiting(store, epoch),
            _ => (0..self.high).find(|&id| waits(store, id, epoch)),
        }?;
        self.waiting -= 1;
        Some(id)
    }

    fn last_waiting(&mut self, store: &Store, epoch: u32) -> Option<u32> {
        while self.items.len() > self.first {
            let id = slot(self.items.pop());
            if waits(store, id, epoch) {
                return Some(id);
            }
        }
        None
    }

    fn first_waiting(&mut self, store: &Store, epoch: u32) -> Option<u32> {
        while self.first < self.items.len() {
            let id = slot(self.items.get(self.first).copied());
            self.first += 1;
            if waits(store, id, epoch) {
                return Some(id);
            }
        }
        None
    }

    /// Slots stand in the order of insertion, so the sample is scattered over them.
    fn best_of_sample(&mut self, store: &Store, policy: &InForce, epoch: u32) -> Option<u32> {
        let sign = if policy.young_go_first() { u64::MAX } else { 0 };
        let sample: [u32; SAMPLE] = std::array::from_fn(|_| self.next_sample());
        let waiting = sample.into_iter().filter(|&id| waits(store, id, epoch));
        waiting.min_by_key(|&id| self.item(store, id) ^ sign)
    }

    fn next_sample(&mut self) -> u32 {
        self.sample = self.sample.wrapping_add(0x9e37_79b1);
        ((u64::from(self.sample) * u64::from(self.high)) >> u32::BITS) as u32
    }
}

/// Whether the entry in a slot was not yet handed to the policy of this epoch.
pub(crate) fn waits(store: &Store, id: u32, epoch: u32) -> bool {
    store.slots.is_live(id) && store.slots.epoch(id) != epoch
}

fn digit(item: u64, pass: usize) -> usize {
    (item >> (SLOT_BITS + pass as u32 * PASS_BITS)) as usize % BUCKETS
}

fn slot(item: Option<u64>) -> u32 {
    item.map_or(0, |item| item as u32 & 0x00ff_ffff)
}
