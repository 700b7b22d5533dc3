//! The memory that all connections together may hold beyond their buffers at rest. A connection that has to grow a buffer
//! takes a [`Lease`] first; nobody waits for one.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// What there is to share out.
#[derive(Debug)]
pub(crate) struct Budget {
    max: u64,
    leased: AtomicU64,
}

/// One buffer's part, given back when dropped.
#[derive(Debug)]
pub(crate) struct Lease {
    budget: Arc<Budget>,
    bytes: u64,
}

/// The budget does not have as much left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exhausted;

impl Budget {
    pub(crate) fn new(max: u64) -> Arc<Budget> {
        Arc::new(Budget { max, leased: AtomicU64::new(0) })
    }

    pub(crate) fn lease(self: &Arc<Self>) -> Lease {
        Lease { budget: Arc::clone(self), bytes: 0 }
    }

    /// What is leased now, in bytes.
    pub(crate) fn leased(&self) -> u64 {
        self.leased.load(Ordering::Relaxed)
    }
}

impl Lease {
    /// Changes the lease to `bytes`. Less always works.
    pub(crate) fn resize(&mut self, bytes: u64) -> Result<(), Exhausted> {
        let leased = &self.budget.leased;
        if bytes > self.bytes {
            let more = bytes - self.bytes;
            let fits = |leased: u64| leased.checked_add(more).filter(|sum| *sum <= self.budget.max);
            leased.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).map_err(|_| Exhausted)?;
        } else {
            leased.fetch_sub(self.bytes - bytes, Ordering::Relaxed);
        }
        self.bytes = bytes;
        Ok(())
    }

    /// Gives everything back.
    pub(crate) fn release(&mut self) {
        self.budget.leased.fetch_sub(std::mem::take(&mut self.bytes), Ordering::Relaxed);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.release();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leases_together_never_exceed_the_budget_and_come_back() {
        let budget = Budget::new(100);
        let (mut a, mut b) = (budget.lease(), budget.lease());
        assert_eq!(a.resize(70), Ok(()));
        assert_eq!(b.resize(31), Err(Exhausted));
        assert_eq!(b.resize(30), Ok(()));
        assert_eq!(a.resize(71), Err(Exhausted));
        assert_eq!(budget.leased(), 100, "a refused change changes nothing");
        assert_eq!(a.resize(10), Ok(()));
        assert_eq!(b.resize(u64::MAX), Err(Exhausted), "no overflow");
        drop(a);
        b.release();
        assert_eq!(budget.leased(), 0);
    }
}
