//! How many keys are sampled: as few as tell the policies apart, since every sampled request costs some thirty steps in shadows.

/// Entries that the shadow of the cache should have at least, as near as powers of two come; a cache with less is sampled whole.
const ENTRIES_MIN: f64 = 256.0;
/// At most, as near, however large the cache.
const ENTRIES_MAX: f64 = 4096.0;
/// In between, one in so many entries of the cache at most.
const ENTRIES_SHARE: f64 = 2048.0;

/// One in `2^bits` keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rate {
    bits: u32,
}

impl Rate {
    /// For a cache that has room for so many entries.
    pub(super) fn of(entries: f64) -> Rate {
        let wanted = (entries / ENTRIES_SHARE).clamp(ENTRIES_MIN, ENTRIES_MAX);
        Rate { bits: (entries / wanted).max(1.0).log2().round() as u32 }
    }

    pub(super) fn one_in(self) -> u64 {
        1 << self.bits
    }

    /// Below it are the mixed hashes of sampled keys.
    pub(super) fn threshold(self) -> u64 {
        u64::MAX >> self.bits
    }

    /// The sample's share of a capacity.
    pub(super) fn scale(self, capacity: u64) -> u64 {
        (capacity >> self.bits).max(1)
    }

    /// Whether this rate has become so wrong that beginning anew with the other is worth it.
    pub(super) fn is_far_from(self, other: Rate) -> bool {
        self.bits.abs_diff(other.bits) >= 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_is_large_enough_and_not_larger() {
        for (entries, one_in) in
            [(0.5, 1), (70.0, 1), (362.0, 1), (363.0, 2), (5_000.0, 16), (100_000.0, 512)]
        {
            assert_eq!(Rate::of(entries).one_in(), one_in, "{entries}");
        }
        for entries in [1e6, 1e7, 1e8, 1e10] {
            let sampled = entries / Rate::of(entries).one_in() as f64;
            assert!((181.0..=5_793.0).contains(&sampled), "{sampled} of {entries}");
        }
    }

    #[test]
    fn a_rate_of_all_samples_every_hash_and_one_of_half_half_of_them() {
        assert_eq!(Rate::of(1.0).threshold(), u64::MAX);
        assert_eq!(Rate::of(600.0).threshold(), u64::MAX / 2);
    }
}
