//! What happened, counted under each shard's lock and so exactly.

use std::ops::{AddAssign, Sub};

/// Numbers of operations and removals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Gets that found an entry.
    pub hits: u64,
    /// Gets that did not.
    pub misses: u64,
    /// Values stored, those that replaced another included.
    pub sets: u64,
    /// Sets that were refused because the entry can never fit.
    pub refused: u64,
    /// Values that gave way to another under the same key.
    pub replaced: u64,
    /// Entries that were deleted by name.
    pub deleted: u64,
    /// Entries that went because room was needed.
    pub evicted: u64,
    /// Entries that went because their time was over.
    pub expired: u64,
    /// Entries that went in a wipe.
    pub wiped: u64,
}

impl Counters {
    /// Gets, hits and misses together.
    #[must_use]
    pub fn gets(&self) -> u64 {
        self.hits + self.misses
    }

    fn zip(self, other: Counters, f: impl Fn(u64, u64) -> u64) -> Counters {
        Counters {
            hits: f(self.hits, other.hits),
            misses: f(self.misses, other.misses),
            sets: f(self.sets, other.sets),
            refused: f(self.refused, other.refused),
            replaced: f(self.replaced, other.replaced),
            deleted: f(self.deleted, other.deleted),
            evicted: f(self.evicted, other.evicted),
            expired: f(self.expired, other.expired),
            wiped: f(self.wiped, other.wiped),
        }
    }
}

impl AddAssign for Counters {
    fn add_assign(&mut self, other: Counters) {
        *self = self.zip(other, |a, b| a + b);
    }
}

impl Sub for Counters {
    type Output = Counters;

    fn sub(self, other: Counters) -> Counters {
        self.zip(other, |a, b| a - b)
    }
}
