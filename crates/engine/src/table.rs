//! The index from hashes to slot numbers: open addressing over cache lines.
//!
//! A line is 64 bytes: fifteen entries of four bytes (an 8-bit tag of the hash and a 24-bit number) and a count of the
//! entries that found the line full and went on to the next. A lookup touches one line as a rule, follows on only where
//! that count says so, and needs no tombstones. Growing and shrinking move one old line per operation, so no operation
//! waits for a rehash. The hash of an entry is not kept: whoever owns the entries can compute it again.

use crate::processor::{prefetch, with_top_byte};

const LINE_ENTRIES: usize = 15;
const NUMBER: u32 = 0x00ff_ffff;

#[derive(Clone, Default)]
#[repr(C, align(64))]
struct Line {
    /// `tag << 24 | number + 1`; 0 is a free place.
    entries: [u32; LINE_ENTRIES],
    /// How many entries passed this line on their way to a later one.
    passed: u32,
}

impl Line {
    /// One bit for every entry with this tag.
    #[inline]
    fn with_tag(&self, tag: u8) -> u32 {
        let mut line = [0; LINE_ENTRIES + 1];
        line[..LINE_ENTRIES].copy_from_slice(&self.entries);
        with_top_byte(line, tag).into()
    }

    fn free_place(&self) -> Option<usize> {
        self.entries.iter().position(|&entry| entry == 0)
    }
}

/// Hashes to numbers below 2^24 - 1. Several numbers may share a hash.
#[derive(Default)]
pub(crate) struct Table {
    lines: Vec<Line>,
    /// Lines of the former size whose entries have not all moved yet; those before `moved` are empty.
    old: Vec<Line>,
    moved: usize,
    len: usize,
}

/// Never 0, so that no free place has a tag.
#[inline]
fn tag(hash: u64) -> u8 {
    (hash as u8).max(1)
}

fn entry(hash: u64, number: u32) -> u32 {
    u32::from(tag(hash)) << 24 | (number + 1)
}

#[inline]
fn home(hash: u64, lines: usize) -> usize {
    // The middle 32 bits, scaled to the number of lines.
    ((u64::from((hash >> 16) as u32) * lines as u64) >> 32) as usize
}

#[inline]
fn find_in(lines: &[Line], hash: u64, is_it: &mut impl FnMut(u32) -> bool) -> Option<u32> {
    let tag = tag(hash);
    let mut at = home(hash, lines.len());
    for _ in 0..lines.len() {
        let line = &lines[at];
        let mut found = line.with_tag(tag);
        while found != 0 {
            let number = (line.entries[found.trailing_zeros() as usize] & NUMBER) - 1;
            if is_it(number) {
                return Some(number);
            }
            found &= found - 1;
        }
        if line.passed == 0 {
            return None;
        }
        at = if at + 1 == lines.len() { 0 } else { at + 1 };
    }
    None
}

fn insert_in(lines: &mut [Line], hash: u64, number: u32) {
    let mut at = home(hash, lines.len());
    loop {
        let line = &mut lines[at];
        if let Some(place) = line.free_place() {
            line.entries[place] = entry(hash, number);
            return;
        }
        line.passed += 1;
        at = if at + 1 == lines.len() { 0 } else { at + 1 };
    }
}

fn remove_in(lines: &mut [Line], hash: u64, number: u32) -> bool {
    let entry = entry(hash, number);
    let start = home(hash, lines.len());
    let mut at = start;
    for distance in 0..lines.len() {
        let line = &mut lines[at];
        if let Some(place) = line.entries.iter().position(|&e| e == entry) {
            line.entries[place] = 0;
            for passed in 0..distance {
                let at = (start + passed) % lines.len();
                lines[at].passed -= 1;
            }
            return true;
        }
        if line.passed == 0 {
            return false;
        }
        at = if at + 1 == lines.len() { 0 } else { at + 1 };
    }
    false
}

impl Table {
    /// The first number with this hash for which `is_it` holds.
    #[inline]
    pub(crate) fn find(&self, hash: u64, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        match find_in(&self.lines, hash, &mut is_it) {
            None if !self.old.is_empty() => find_in(&self.old, hash, &mut is_it),
            found => found,
        }
    }

    /// Adds a number below 2^24 - 1 that is not in the table yet. `rehash` gives the hash of a number in the table.
    pub(crate) fn insert(&mut self, hash: u64, number: u32, rehash: impl Fn(u32) -> u64) {
        debug_assert!(number < NUMBER);
        self.step(&rehash);
        if self.len >= Self::room(self.lines.len()) {
            // Only a burst of removals and insertions can get here with lines still to move.
            while !self.old.is_empty() {
                self.step(&rehash);
            }
            self.resize(self.lines.len() + self.lines.len() / 2 + 1);
        }
        insert_in(&mut self.lines, hash, number);
        self.len += 1;
    }

    /// Takes a number out; false if it was not there under this hash.
    pub(crate) fn remove(&mut self, hash: u64, number: u32, rehash: impl Fn(u32) -> u64) -> bool {
        let removed = (!self.lines.is_empty() && remove_in(&mut self.lines, hash, number))
            || (!self.old.is_empty() && remove_in(&mut self.old, hash, number));
        if removed {
            self.len -= 1;
            self.step(&rehash);
            if self.old.is_empty() && self.lines.len() > 8 && self.len < Self::room(self.lines.len()) / 4 {
                self.resize(self.lines.len() / 2);
            }
        }
        removed
    }

    /// Brings the line where a lookup starts into the processor's cache.
    #[inline]
    pub(crate) fn prefetch(&self, hash: u64) {
        if !self.lines.is_empty() {
            prefetch(&self.lines[home(hash, self.lines.len())]);
        }
    }

    /// A number that a lookup of this hash would look at first, if there is one on its first line.
    #[inline]
    pub(crate) fn candidate(&self, hash: u64) -> Option<u32> {
        let line = self.lines.get(home(hash, self.lines.len()))?;
        let found = line.with_tag(tag(hash));
        (found != 0).then(|| (line.entries[found.trailing_zeros() as usize] & NUMBER) - 1)
    }

    /// Memory that the lines take, in bytes.
    #[cfg(test)]
    fn bytes(&self) -> usize {
        (self.lines.capacity() + self.old.capacity()) * size_of::<Line>()
    }

    /// How many entries so many lines hold before the table grows: 85 %.
    fn room(lines: usize) -> usize {
        lines * LINE_ENTRIES * 17 / 20
    }

    fn resize(&mut self, lines: usize) {
        let lines = vec![Line::default(); lines];
        self.old = std::mem::replace(&mut self.lines, lines);
        self.moved = 0;
    }

    /// Moves what one old line holds, if there is one.
    fn step(&mut self, rehash: &impl Fn(u32) -> u64) {
        if self.old.is_empty() {
            return;
        }
        for place in 0..LINE_ENTRIES {
            let entry = self.old[self.moved].entries[place];
            if entry != 0 {
                let number = (entry & NUMBER) - 1;
                let hash = rehash(number);
                let removed = remove_in(&mut self.old, hash, number);
                debug_assert!(removed, "an entry is found under its own hash");
                insert_in(&mut self.lines, hash, number);
            }
        }
        self.moved += 1;
        if self.moved == self.old.len() {
            self.old = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    #[test]
    fn an_empty_table_finds_nothing() {
        assert_eq!(Table::default().find(7, |_| true), None);
        assert_eq!(Table::default().candidate(7), None);
        assert!(!Table::default().remove(7, 1, |_| 0));
    }

    #[test]
    fn numbers_with_one_hash_are_told_apart_and_overflow_their_line() {
        let mut table = Table::default();
        for number in 0..100 {
            table.insert(0xabcd_ef01_2345, number, |_| 0xabcd_ef01_2345);
        }
        for number in 0..100 {
            assert_eq!(table.find(0xabcd_ef01_2345, |n| n == number), Some(number));
        }
        for number in (0..100).rev() {
            assert!(table.remove(0xabcd_ef01_2345, number, |_| 0xabcd_ef01_2345));
        }
        assert_eq!(table.find(0xabcd_ef01_2345, |_| true), None);
        assert!(table.lines.iter().chain(&table.old).all(|line| line.passed == 0));
    }

    #[test]
    fn a_table_shrinks_when_it_empties() {
        let hash = |n: u32| u64::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut table = Table::default();
        for number in 0..100_000 {
            table.insert(hash(number), number, hash);
        }
        let full = table.bytes();
        assert!(full < 100_000 * 13, "{full} bytes for 100,000 entries, with a move under way");
        for number in 0..100_000 {
            assert!(table.remove(hash(number), number, hash));
        }
        assert!(table.bytes() < full / 20);
    }

    proptest! {
        #[test]
        fn a_table_agrees_with_a_map(steps in prop::collection::vec((any::<bool>(), 0u32..300), 0..2_000), spread in 1u64..=64) {
            // A small spread makes many equal hashes.
            let hash = |n: u32| (u64::from(n) % spread).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let mut table = Table::default();
            let mut model = HashMap::new();
            for (insert, number) in steps {
                if insert {
                    if model.insert(number, ()).is_none() {
                        table.insert(hash(number), number, hash);
                    }
                } else {
                    prop_assert_eq!(table.remove(hash(number), number, hash), model.remove(&number).is_some());
                }
                prop_assert_eq!(table.len, model.len());
            }
            for number in 0..300 {
                prop_assert_eq!(table.find(hash(number), |n| n == number).is_some(), model.contains_key(&number));
            }
        }
    }
}
