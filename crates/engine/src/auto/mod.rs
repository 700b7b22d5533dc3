//! `auto`: estimates what each configured policy would miss, and picks the best.
//!
//! One key in so many is sampled, by its hash ([`rate`]), so that all requests for it are seen and a cache scaled down by as
//! much behaves like the whole (Waldspurger, Park, Garthwaite & Ahmad, "Efficient MRC Construction with SHARDS", FAST 2015).
//! Sampled requests run through shadow caches ([`shadow`]): two for each policy ([`contest`]), and some that follow the
//! policy in force at several sizes ([`curve`]). After every turnover of the cache the [`judge`] decides, and what was decided is
//! kept with its numbers ([`report`]). Requests for other keys cost one comparison. Nothing here is random, nor asks a clock: the
//! same requests lead to the same decisions.

mod contest;
mod curve;
mod judge;
mod rate;
pub(crate) mod report;
mod shadow;
mod watch;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use parking_lot::Mutex;

use report::History;
pub(crate) use watch::{Totals, Watch, Watched};

use crate::hash::Key;

/// Read by every operation, so on cache lines that nothing else writes to.
#[derive(Default)]
#[repr(align(128))]
struct Threshold(AtomicU64);

/// The watch over a cache, if there is one.
#[derive(Default)]
pub(crate) struct Auto {
    threshold: Threshold,
    watch: Mutex<Option<Box<Watch>>>,
    /// What was decided until the last watch ended: the next one goes on with it.
    pub(crate) past: Mutex<History>,
}

impl Auto {
    /// Whether requests for this key are to be reported.
    #[inline]
    pub(crate) fn samples(&self, key: Key<'_>) -> bool {
        // The multiplication brings all bits of the hash to the top, so that what is sampled depends on no part of it that
        // chooses shards or table lines.
        key.hash().wrapping_mul(0x9e37_79b9_7f4a_7c15) < self.threshold.0.load(Relaxed)
    }

    /// Does something with the watch, if there is one. No shard may be locked by the caller.
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut Watch) -> R) -> Option<R> {
        let mut watch = self.watch.lock();
        let done = work(watch.as_deref_mut()?);
        self.show_threshold(watch.as_deref());
        Some(done)
    }

    /// Begins, goes on or ends watching.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Option<Box<Watch>>)) {
        let mut watch = self.watch.lock();
        change(&mut watch);
        self.show_threshold(watch.as_deref());
    }

    fn show_threshold(&self, watch: Option<&Watch>) {
        let threshold = watch.map_or(0, Watch::threshold);
        // A store, even of the same number, would take the line away from all other processors.
        if self.threshold.0.load(Relaxed) != threshold {
            self.threshold.0.store(threshold, Relaxed);
        }
    }
}
