//! A brake for messages that clients can cause at will: one per period passes, and says how many did not.

use std::sync::atomic::{AtomicU64, Ordering};

use larder_engine::Millis;

use crate::limits::LOG_PERIOD_MS;

/// The brake for one kind of message.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    /// When the next one may pass.
    next_ms: AtomicU64,
    suppressed: AtomicU64,
}

impl Throttle {
    /// Whether a message may pass now, and if so how many have been suppressed since the last one.
    pub(crate) fn pass(&self, now: Millis) -> Option<u64> {
        let next = self.next_ms.load(Ordering::Relaxed);
        let may_pass = next <= now.0
            && self
                .next_ms
                .compare_exchange(next, now.0 + LOG_PERIOD_MS, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if may_pass {
            Some(self.suppressed.swap(0, Ordering::Relaxed))
        } else {
            self.suppressed.fetch_add(1, Ordering::Relaxed);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_message_per_period_passes_and_counts_the_others() {
        let throttle = Throttle::default();
        assert_eq!(throttle.pass(Millis(0)), Some(0));
        assert_eq!(throttle.pass(Millis(0)), None);
        assert_eq!(throttle.pass(Millis(LOG_PERIOD_MS - 1)), None);
        assert_eq!(throttle.pass(Millis(LOG_PERIOD_MS)), Some(2));
        assert_eq!(throttle.pass(Millis(LOG_PERIOD_MS)), None);
    }
}
