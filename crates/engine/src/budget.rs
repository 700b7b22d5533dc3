//! The one budget of a cache, shared by its shards: what may be used and what is. Whoever stores takes first, so what is used
//! never exceeds the limit, at no moment.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use parking_lot::Mutex;

/// On cache lines of its own: it changes, and stands beside what every operation reads.
#[repr(align(128))]
pub(crate) struct Budget {
    used: AtomicU64,
    /// What may be used now. While a cache shrinks, this goes down with what is used until it is the target.
    limit: AtomicU64,
    /// The capacity that was asked for.
    target: AtomicU64,
    /// Held while the limit or the capacity change.
    changing: Mutex<()>,
}

impl Budget {
    pub(crate) fn new(capacity: u64) -> Budget {
        let (limit, target) = (AtomicU64::new(capacity), AtomicU64::new(capacity));
        Budget { used: AtomicU64::new(0), limit, target, changing: Mutex::new(()) }
    }

    pub(crate) fn used(&self) -> u64 {
        self.used.load(SeqCst)
    }

    /// The capacity that was asked for last.
    pub(crate) fn capacity(&self) -> u64 {
        self.target.load(SeqCst)
    }

    /// Takes `amount`, or nothing if that would exceed the limit.
    pub(crate) fn try_take(&self, amount: u64) -> bool {
        if !self.has(amount) {
            return false;
        }
        let fits = |used: u64| used.checked_add(amount).filter(|&sum| sum <= self.limit.load(SeqCst));
        let Ok(before) = self.used.fetch_update(SeqCst, SeqCst, fits) else { return false };
        // The limit may have been lowered in between.
        let taken = before + amount <= self.limit.load(SeqCst);
        if !taken {
            self.give(amount);
        }
        taken
    }

    /// Whether `amount` could be taken now.
    pub(crate) fn has(&self, amount: u64) -> bool {
        self.used().saturating_add(amount) <= self.limit.load(SeqCst)
    }

    /// Gives back what was taken.
    pub(crate) fn give(&self, amount: u64) {
        if amount > 0 {
            self.used.fetch_sub(amount, SeqCst);
        }
    }

    /// Asks for another capacity. A larger one is the limit at once; towards a smaller one [`shrink`](Budget::shrink) leads.
    pub(crate) fn set_capacity(&self, capacity: u64) {
        let changing = self.changing.lock();
        self.target.store(capacity, SeqCst);
        drop(changing);
        self.shrink();
    }

    /// Lowers the limit to what is used, or to the capacity when that is reached; true then.
    pub(crate) fn shrink(&self) -> bool {
        let _changing = self.changing.lock();
        let capacity = self.capacity();
        let limit = capacity.max(self.used());
        self.limit.store(limit, SeqCst);
        limit == capacity && self.used() <= limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_never_exceeds_the_limit() {
        let budget = Budget::new(100);
        assert!(budget.try_take(60));
        assert!(!budget.try_take(41));
        assert!(budget.try_take(40));
        assert!(!budget.try_take(1));
        assert!(!budget.try_take(u64::MAX));
        budget.give(100);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn a_smaller_capacity_is_reached_as_what_is_used_goes_down() {
        let budget = Budget::new(100);
        assert!(budget.try_take(80));
        budget.set_capacity(50);
        assert!(!budget.shrink());
        assert!(!budget.has(1), "nothing is added on the way down");
        budget.give(20);
        assert!(!budget.shrink());
        assert!(!budget.has(1));
        budget.give(20);
        assert!(budget.shrink());
        assert!(budget.has(10) && !budget.has(11));
        budget.set_capacity(200);
        assert!(budget.has(160));
    }
}
