//! A queue of keys with weights, the one part that every model but LFU is made of. Order is a sequence number per key in
//! an ordered map: slow, but there are no links to get wrong.

use std::collections::{BTreeMap, HashMap};

/// Keys from old to young, each with its weight.
#[derive(Default)]
pub(crate) struct Queue {
    order: BTreeMap<u64, u64>,
    places: HashMap<u64, Place>,
    next: u64,
    weight: u64,
}

#[derive(Clone, Copy)]
struct Place {
    sequence: u64,
    weight: u64,
}

impl Queue {
    /// Puts `key`, which must not be here, at the young end.
    pub(crate) fn push(&mut self, key: u64, weight: u64) {
        let place = Place { sequence: self.next, weight };
        assert!(self.places.insert(key, place).is_none(), "key {key} is already in the queue");
        self.order.insert(self.next, key);
        self.next += 1;
        self.weight += weight;
    }

    /// Takes `key` out and returns its weight.
    pub(crate) fn remove(&mut self, key: u64) -> Option<u64> {
        let place = self.places.remove(&key)?;
        self.order.remove(&place.sequence);
        self.weight -= place.weight;
        Some(place.weight)
    }

    /// Moves `key` to the young end; false if it is not here.
    pub(crate) fn renew(&mut self, key: u64) -> bool {
        let found = self.remove(key);
        if let Some(weight) = found {
            self.push(key, weight);
        }
        found.is_some()
    }

    /// Takes the key at the old end out, with its weight.
    pub(crate) fn pop_oldest(&mut self) -> Option<(u64, u64)> {
        let key = self.oldest()?;
        self.remove(key).map(|weight| (key, weight))
    }

    pub(crate) fn oldest(&self) -> Option<u64> {
        self.order.values().next().copied()
    }

    pub(crate) fn youngest(&self) -> Option<u64> {
        self.order.values().next_back().copied()
    }

    /// The first key at or after the place `sequence`, with its own place.
    pub(crate) fn at_or_after(&self, sequence: u64) -> Option<(u64, u64)> {
        self.order.range(sequence..).next().map(|(&place, &key)| (place, key))
    }

    pub(crate) fn contains(&self, key: u64) -> bool {
        self.places.contains_key(&key)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The sum of the weights.
    pub(crate) fn weight(&self) -> u64 {
        self.weight
    }

    /// The keys from old to young.
    pub(crate) fn keys(&self) -> impl Iterator<Item = u64> {
        self.order.values().copied()
    }
}
