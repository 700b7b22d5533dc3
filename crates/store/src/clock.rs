//! The time of day as an argument, for stores that decide themselves when an entry has expired.

use std::time::{SystemTime, UNIX_EPOCH};

/// Says what time it is. Any function that returns milliseconds since 1970 is a clock, so that a test owns the time:
///
/// ```
/// use larder_store::Clock;
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
///
/// let time = Arc::new(AtomicU64::new(1_000));
/// let clock = { let time = time.clone(); move || time.load(Relaxed) };
/// time.fetch_add(500, Relaxed);
/// assert_eq!(clock.unix_ms(), 1_500);
/// ```
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970.
    fn unix_ms(&self) -> u64;
}

impl<F: Fn() -> u64 + Send + Sync> Clock for F {
    fn unix_ms(&self) -> u64 {
        self()
    }
}

/// The clock of the machine.
///
/// ```
/// use larder_store::{Clock, SystemClock};
///
/// assert!(SystemClock.unix_ms() > 1_700_000_000_000);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn unix_ms(&self) -> u64 {
        // A machine that believes to be before 1970 sees entries that never expire, rather than a panic.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}
