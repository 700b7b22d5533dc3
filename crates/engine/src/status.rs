//! What a cache tells of itself.

use crate::counters::Counters;
use crate::options::Capacity;
use crate::policy::name::PolicyName;

/// A snapshot. Shards are looked at one after the other, so operations that run meanwhile may be in it in part.
#[derive(Clone, Debug)]
pub struct Status {
    /// The capacity that was asked for last.
    pub capacity: Capacity,
    /// What is used of it, in the same unit; never more, except while the cache is shrinking to a smaller one.
    pub used: u64,
    /// Number of entries, those included that have expired and are not yet reclaimed.
    pub entries: u64,
    /// Counters since the start or the last wipe.
    pub since_wipe: Counters,
    /// Counters since the start.
    pub totals: Counters,
    /// The configured policies, in their order.
    pub policies: Vec<PolicyName>,
    /// The policy in force.
    pub policy: PolicyName,
    /// Whether the cache was asked to pick the policy itself.
    pub is_auto: bool,
    /// Number of shards.
    pub shards: usize,
}

impl Status {
    /// Share of gets since the last wipe that found nothing, 1.0 when there were none.
    #[must_use]
    pub fn miss_ratio(&self) -> f64 {
        match self.since_wipe.gets() {
            0 => 1.0,
            gets => self.since_wipe.misses as f64 / gets as f64,
        }
    }
}
