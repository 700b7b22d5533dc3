//! What a replay counts.

use super::Series;

/// The outcome of a trace for one policy.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// GETs that found their object.
    pub(crate) hits: u64,
    /// GETs that did not.
    pub(crate) misses: u64,
    /// SET records of the trace; the SETs that follow a miss are not among them.
    pub(crate) set_records: u64,
    /// Objects that the cache would not take, being larger than it may hold.
    pub(crate) refused: u64,
    /// The misses over the course of the trace.
    pub(crate) series: Series,
}

impl Tally {
    /// Counts the GET at `position` of the trace.
    pub(crate) fn count_get(&mut self, position: u64, missed: bool) {
        if missed {
            self.misses += 1;
        } else {
            self.hits += 1;
        }
        self.series.count(position, missed);
    }

    /// GETs in all.
    pub(crate) fn requests(&self) -> u64 {
        self.hits + self.misses
    }

    /// 0 to 1; 1 if nothing was asked, as in PaperCache's STATUS.
    pub(crate) fn miss_ratio(&self) -> f64 {
        if self.requests() == 0 { 1.0 } else { self.misses as f64 / self.requests() as f64 }
    }

    /// Takes over what another has counted of the same trace.
    pub(crate) fn merge(&mut self, other: Self) {
        self.hits += other.hits;
        self.misses += other.misses;
        self.set_records += other.set_records;
        self.refused += other.refused;
        self.series.merge(other.series);
    }
}
