//! What a policy remembers of entries that it has evicted: fingerprints of their hashes in the order of eviction, with
//! their weights. 2Q, ARC and S3-FIFO look here when a key comes back.

use crate::limits::{GHOSTS_TRIM_MAX, SHARD_ENTRIES_MAX};
use crate::table::Table;

const NIL: u32 = u32::MAX;

#[derive(Clone, Copy)]
struct Node {
    fingerprint: u32,
    weight: u32,
    prev: u32,
    next: u32,
}

/// A queue of ghosts. Weights above 2^32 - 1 count as that.
pub(crate) struct Ghost {
    nodes: Vec<Node>,
    free: u32,
    oldest: u32,
    youngest: u32,
    index: Table,
    weight: u64,
}

impl Default for Ghost {
    fn default() -> Ghost {
        Ghost { nodes: Vec::new(), free: NIL, oldest: NIL, youngest: NIL, index: Table::default(), weight: 0 }
    }
}

/// The table wants well-spread bits; a fingerprint is 32 of them.
fn spread(fingerprint: u32) -> u64 {
    u64::from(fingerprint) << 16 | u64::from(fingerprint & 0xff)
}

impl Ghost {
    /// Sum of the weights.
    pub(crate) fn weight(&self) -> u64 {
        self.weight
    }

    /// Remembers an evicted entry as the youngest.
    pub(crate) fn push(&mut self, fingerprint: u32, weight: u64) {
        if self.free == NIL && self.nodes.len() == SHARD_ENTRIES_MAX as usize {
            self.pop();
        }
        let weight = u32::try_from(weight).unwrap_or(u32::MAX);
        let node = Node { fingerprint, weight, prev: self.youngest, next: NIL };
        let number = if self.free == NIL {
            self.nodes.push(node);
            (self.nodes.len() - 1) as u32
        } else {
            let number = self.free;
            self.free = self.nodes[number as usize].next;
            self.nodes[number as usize] = node;
            number
        };
        match self.youngest {
            NIL => self.oldest = number,
            youngest => self.nodes[youngest as usize].next = number,
        }
        self.youngest = number;
        self.weight += u64::from(weight);
        let nodes = &self.nodes;
        self.index.insert(spread(fingerprint), number, |n| spread(nodes[n as usize].fingerprint));
    }

    pub(crate) fn contains(&self, fingerprint: u32) -> bool {
        self.find(fingerprint).is_some()
    }

    /// Forgets a ghost, if it is here.
    pub(crate) fn take(&mut self, fingerprint: u32) -> bool {
        let found = self.find(fingerprint);
        if let Some(number) = found {
            self.remove(number);
        }
        found.is_some()
    }

    /// Forgets the oldest ghosts while their weight is above `weight`, so many at most that a call stays short; after a
    /// cache has shrunk it takes a few calls to get there.
    pub(crate) fn trim(&mut self, weight: u64) {
        for _ in 0..GHOSTS_TRIM_MAX {
            if self.weight <= weight || !self.pop() {
                return;
            }
        }
    }

    /// Forgets the oldest ghost; false if there is none.
    pub(crate) fn pop(&mut self) -> bool {
        let some = self.oldest != NIL;
        if some {
            self.remove(self.oldest);
        }
        some
    }

    fn find(&self, fingerprint: u32) -> Option<u32> {
        self.index.find(spread(fingerprint), |n| self.nodes[n as usize].fingerprint == fingerprint)
    }

    fn remove(&mut self, number: u32) {
        let Node { fingerprint, weight, prev, next } = self.nodes[number as usize];
        let nodes = &self.nodes;
        self.index.remove(spread(fingerprint), number, |n| spread(nodes[n as usize].fingerprint));
        match prev {
            NIL => self.oldest = next,
            prev => self.nodes[prev as usize].next = next,
        }
        match next {
            NIL => self.youngest = prev,
            next => self.nodes[next as usize].prev = prev,
        }
        self.nodes[number as usize].next = self.free;
        self.free = number;
        self.weight -= u64::from(weight);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    proptest! {
        #[test]
        fn ghosts_agree_with_a_deque(steps in prop::collection::vec((0..4u8, 0..30u32, 1..5u64), 0..400)) {
            let (mut ghost, mut model) = (Ghost::default(), VecDeque::<(u32, u64)>::new());
            for (step, fingerprint, weight) in steps {
                let at = model.iter().position(|&(f, _)| f == fingerprint);
                match step {
                    0 | 1 if at.is_none() => { ghost.push(fingerprint, weight); model.push_back((fingerprint, weight)) }
                    2 => {
                        prop_assert_eq!(ghost.take(fingerprint), at.is_some());
                        if let Some(at) = at { model.remove(at); }
                    }
                    3 => {
                        ghost.trim(u64::from(fingerprint));
                        while model.iter().map(|&(_, w)| w).sum::<u64>() > u64::from(fingerprint) { model.pop_front(); }
                    }
                    _ => {}
                }
                prop_assert_eq!(ghost.weight(), model.iter().map(|&(_, w)| w).sum::<u64>());
                for f in 0..30 {
                    prop_assert_eq!(ghost.contains(f), model.iter().any(|&(m, _)| m == f));
                }
            }
        }
    }
}
