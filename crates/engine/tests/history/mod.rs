//! What every policy may know about the entries that are resident: when each came in, when it was last used and how often.
//! From that alone follows which entry FIFO, LRU, MRU and LFU evict next, whatever policies were in force before.

use std::collections::{BTreeMap, BTreeSet};

/// The past of one resident entry.
#[derive(Clone, Copy, Debug)]
struct Past {
    inserted: u64,
    used: u64,
    uses: u64,
}

/// The pasts of all resident entries.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    entries: BTreeMap<u64, Past>,
    time: u64,
}

impl History {
    /// Notes that a new entry came in.
    pub(crate) fn insert(&mut self, key: u64) {
        self.time += 1;
        self.entries.insert(key, Past { inserted: self.time, used: self.time, uses: 1 });
    }

    /// Notes that an entry was read or overwritten.
    pub(crate) fn use_entry(&mut self, key: u64) {
        self.time += 1;
        if let Some(past) = self.entries.get_mut(&key) {
            past.used = self.time;
            past.uses += 1;
        }
    }

    pub(crate) fn remove(&mut self, key: u64) {
        self.entries.remove(&key);
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }

    pub(crate) fn contains(&self, key: u64) -> bool {
        self.entries.contains_key(&key)
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn resident(&self) -> BTreeSet<u64> {
        self.entries.keys().copied().collect()
    }

    /// The `count` entries that the policy called `name` evicts next; `None` for policies that go by more than the past.
    pub(crate) fn victims(&self, name: &str, count: usize) -> Option<BTreeSet<u64>> {
        let worth: fn(&Past) -> (u64, u64) = match name {
            "fifo" => |past| (0, past.inserted),
            "lru" => |past| (0, past.used),
            "mru" => |past| (0, u64::MAX - past.used),
            "lfu" => |past| (past.uses, past.used),
            _ => return None,
        };
        let mut order: Vec<((u64, u64), u64)> =
            self.entries.iter().map(|(key, past)| (worth(past), *key)).collect();
        order.sort_unstable();
        Some(order.into_iter().take(count).map(|(_, key)| key).collect())
    }
}
