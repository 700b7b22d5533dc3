//! The deadlines of a shard's entries in a hierarchical timer wheel (Varghese & Lauck, SOSP 1987): six levels of 64
//! buckets, a tick of 64 ms, links by number. It only decides when memory comes back; whether an entry is expired is
//! decided exactly, by its deadline, whenever it is read.

use crate::time::Millis;

const TICK_BITS: u32 = 6;
const LEVEL_BITS: u32 = 6;
const BUCKETS: usize = 1 << LEVEL_BITS;
/// Six levels span 2^42 ms, some 139 years; what lies beyond waits in the last level's farthest bucket.
const LEVELS: usize = 6;
const NIL: u32 = u32::MAX;

#[derive(Clone, Copy)]
struct Node {
    deadline: Millis,
    slot: u32,
    prev: u32,
    next: u32,
    bucket: u16,
}

/// What an entry with an expiry costs here, in bytes.
pub(crate) const NODE_BYTES: usize = size_of::<Node>();

pub(crate) struct Wheel {
    nodes: Vec<Node>,
    free: u32,
    len: usize,
    /// First node of each bucket, level by level.
    heads: Box<[u32]>,
    /// One bit for each bucket of a level that is not empty.
    occupied: [u64; LEVELS],
    /// The first tick that has not been gone through.
    cursor: u64,
}

impl Default for Wheel {
    fn default() -> Wheel {
        Wheel {
            nodes: Vec::new(),
            free: NIL,
            len: 0,
            heads: Box::default(),
            occupied: [0; LEVELS],
            cursor: 0,
        }
    }
}

fn tick(at: Millis) -> u64 {
    at.0 >> TICK_BITS
}

impl Wheel {
    /// Files a deadline for a slot; the number of its node.
    pub(crate) fn insert(&mut self, deadline: Millis, slot: u32) -> u32 {
        if self.heads.is_empty() {
            self.heads = vec![NIL; LEVELS * BUCKETS].into_boxed_slice();
        }
        let node = Node { deadline, slot, prev: NIL, next: NIL, bucket: 0 };
        let number = if self.free == NIL {
            if self.nodes.len() == self.nodes.capacity() {
                // Eighths, not doublings: the memory is charged to the entries.
                self.nodes.reserve_exact(self.nodes.len() / 8 + 16);
            }
            self.nodes.push(node);
            (self.nodes.len() - 1) as u32
        } else {
            let number = self.free;
            self.free = self.nodes[number as usize].next;
            self.nodes[number as usize] = node;
            number
        };
        self.len += 1;
        self.link(number);
        number
    }

    /// Takes a node out.
    pub(crate) fn remove(&mut self, number: u32) {
        self.unlink(number);
        self.release(number);
    }

    pub(crate) fn deadline(&self, number: u32) -> Millis {
        self.nodes[number as usize].deadline
    }

    /// Takes out one node whose deadline is at or before `now` and gives its slot. At most `budget` nodes and empty ticks are
    /// looked at, each of which lowers it by one; `None` with budget left says that nothing is due (to the tick).
    pub(crate) fn due(&mut self, now: Millis, budget: &mut usize) -> Option<u32> {
        if self.len == 0 {
            self.cursor = self.cursor.max(tick(now));
            return None;
        }
        while *budget > 0 && self.cursor < tick(now) {
            *budget -= 1;
            let Some(number) = self.first_of_tick() else {
                self.next_tick(tick(now));
                continue;
            };
            let Node { deadline, slot, .. } = self.nodes[number as usize];
            self.unlink(number);
            if deadline <= now {
                self.release(number);
                return Some(slot);
            }
            self.link(number);
        }
        None
    }

    /// A node in a bucket that the tick at the cursor empties.
    fn first_of_tick(&self) -> Option<u32> {
        (0..LEVELS)
            .take_while(|&level| level == 0 || self.cursor.trailing_zeros() >= level as u32 * LEVEL_BITS)
            .map(|level| self.heads[level * BUCKETS + self.place(level)])
            .find(|&head| head != NIL)
    }

    /// Moves on to the next tick that can have something, `end` at the latest.
    fn next_tick(&mut self, end: u64) {
        self.cursor += 1;
        for level in 0..LEVELS as u32 - 1 {
            let aligned = self.cursor.trailing_zeros() >= (level + 1) * LEVEL_BITS;
            if aligned || self.occupied[level as usize] != 0 {
                return;
            }
            // Nothing on this level: on to where the level above is looked at.
            let span = 1 << ((level + 1) * LEVEL_BITS);
            self.cursor = self.cursor.next_multiple_of(span).min(end);
        }
    }

    fn place(&self, level: usize) -> usize {
        (self.cursor >> (level as u32 * LEVEL_BITS)) as usize % BUCKETS
    }

    fn link(&mut self, number: u32) {
        let due = tick(self.nodes[number as usize].deadline).max(self.cursor);
        let distance = due - self.cursor;
        let level = (0..LEVELS).find(|&level| distance >> ((level as u32 + 1) * LEVEL_BITS) == 0);
        let bucket = match level {
            Some(level) => level * BUCKETS + (due >> (level as u32 * LEVEL_BITS)) as usize % BUCKETS,
            None => (LEVELS - 1) * BUCKETS + (self.place(LEVELS - 1) + BUCKETS - 1) % BUCKETS,
        };
        let head = self.heads[bucket];
        if head != NIL {
            self.nodes[head as usize].prev = number;
        }
        let node = &mut self.nodes[number as usize];
        (node.prev, node.next, node.bucket) = (NIL, head, bucket as u16);
        self.heads[bucket] = number;
        self.occupied[bucket / BUCKETS] |= 1 << (bucket % BUCKETS);
    }

    fn unlink(&mut self, number: u32) {
        let Node { prev, next, bucket, .. } = self.nodes[number as usize];
        if prev == NIL {
            let bucket = bucket as usize;
            self.heads[bucket] = next;
            if next == NIL {
                self.occupied[bucket / BUCKETS] &= !(1 << (bucket % BUCKETS));
            }
        } else {
            self.nodes[prev as usize].next = next;
        }
        if next != NIL {
            self.nodes[next as usize].prev = prev;
        }
    }

    fn release(&mut self, number: u32) {
        self.nodes[number as usize].next = self.free;
        self.free = number;
        self.len -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn drain(wheel: &mut Wheel, now: u64) -> Vec<u32> {
        let mut budget = usize::MAX;
        std::iter::from_fn(|| wheel.due(Millis(now), &mut budget)).collect()
    }

    #[test]
    fn nothing_is_due_before_its_time_and_all_within_a_tick_after() {
        let mut wheel = Wheel::default();
        for (slot, deadline) in
            [10, 1_000, 5_000, 300_000, 20_000_000, 2_000_000_000, 1 << 41].into_iter().enumerate()
        {
            wheel.insert(Millis(deadline), slot as u32);
            assert_eq!(drain(&mut wheel, deadline - 1), [], "{deadline}");
            assert_eq!(drain(&mut wheel, deadline + 64), [slot as u32], "{deadline}");
        }
    }

    #[test]
    fn a_deadline_beyond_the_last_level_is_kept_until_then() {
        let mut wheel = Wheel::default();
        wheel.insert(Millis(u64::MAX - 1), 1);
        assert_eq!(drain(&mut wheel, 1 << 45), []);
        assert_eq!(drain(&mut wheel, u64::MAX), [1]);
    }

    #[test]
    fn a_small_budget_gets_there_in_steps() {
        let mut wheel = Wheel::default();
        for slot in 0..100 {
            wheel.insert(Millis(500 + u64::from(slot)), slot);
        }
        let mut due = Vec::new();
        for _ in 0..200 {
            let mut budget = 3;
            while let Some(slot) = wheel.due(Millis(10_000), &mut budget) {
                due.push(slot);
            }
        }
        due.sort_unstable();
        assert_eq!(due, (0..100).collect::<Vec<_>>());
    }

    proptest! {
        #[test]
        fn a_wheel_agrees_with_a_sorted_map(steps in prop::collection::vec((0..3u8, 0u64..40, any::<u64>()), 1..300)) {
            let (mut wheel, mut model, mut now) = (Wheel::default(), BTreeMap::<u32, (u64, u32)>::new(), 0u64);
            for (slot, (step, scale, random)) in steps.into_iter().enumerate() {
                let amount = random & ((1 << scale) - 1);
                match step {
                    0 => {
                        let deadline = now + 1 + amount;
                        let node = wheel.insert(Millis(deadline), slot as u32);
                        model.insert(slot as u32, (deadline, node));
                    }
                    1 => if let Some((_, (_, node))) = model.pop_first() {
                        wheel.remove(node);
                    },
                    _ => {
                        now += amount;
                        let due = drain(&mut wheel, now);
                        for slot in due {
                            let (deadline, _) = model.remove(&slot).expect("due once");
                            prop_assert!(deadline <= now);
                        }
                        prop_assert!(model.values().all(|&(deadline, _)| deadline + 64 > now));
                    }
                }
                prop_assert_eq!(wheel.len, model.len());
            }
        }
    }
}
