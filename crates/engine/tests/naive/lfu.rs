//! LFU: a count per entry, 1 on insertion, forgotten on eviction, no ageing. The victim has the smallest count; among
//! equals it is the least recently used.

use std::collections::{BTreeSet, HashMap};

use super::Model;

pub(crate) struct Lfu {
    capacity: u64,
    /// (count, time of last use, key): the first one is the victim.
    order: BTreeSet<(u64, u64, u64)>,
    entries: HashMap<u64, Entry>,
    used: u64,
    time: u64,
}

#[derive(Clone, Copy)]
struct Entry {
    count: u64,
    last_use: u64,
    weight: u64,
}

impl Lfu {
    pub(crate) fn new(capacity: u64) -> Lfu {
        Lfu { capacity, order: BTreeSet::new(), entries: HashMap::new(), used: 0, time: 0 }
    }

    fn make_room(&mut self, weight: u64) {
        while self.used + weight > self.capacity {
            let Some(&(_, _, victim)) = self.order.first() else { return };
            self.remove(victim);
        }
    }

    fn put(&mut self, key: u64, count: u64, weight: u64) {
        self.time += 1;
        self.order.insert((count, self.time, key));
        self.entries.insert(key, Entry { count, last_use: self.time, weight });
        self.used += weight;
    }

    fn take(&mut self, key: u64) -> Option<Entry> {
        let entry = self.entries.remove(&key)?;
        self.order.remove(&(entry.count, entry.last_use, key));
        self.used -= entry.weight;
        Some(entry)
    }
}

impl Model for Lfu {
    fn touch(&mut self, key: u64) -> bool {
        let Some(entry) = self.take(key) else { return false };
        self.put(key, entry.count + 1, entry.weight);
        true
    }

    fn fill(&mut self, key: u64, weight: u64) {
        self.make_room(weight);
        self.put(key, 1, weight);
    }

    fn remove(&mut self, key: u64) {
        self.take(key);
    }

    fn resize(&mut self, capacity: u64) {
        self.capacity = capacity;
        self.make_room(0);
    }

    fn capacity(&self) -> u64 {
        self.capacity
    }

    fn resident(&self) -> BTreeSet<u64> {
        self.entries.keys().copied().collect()
    }
}
