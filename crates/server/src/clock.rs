//! Where the server's time comes from. Everything that depends on the passing of time – expiry, deadlines, uptime – asks a
//! [`Clock`], so that a test can own it.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use larder_engine::Millis;

/// A clock that never goes back.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since this clock's origin.
    fn now(&self) -> Millis;

    /// Time since this clock's origin, as finely as it is known.
    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.now().0)
    }
}

/// The monotonic clock of the machine, counted from the moment the value was made.
#[derive(Debug)]
pub struct SystemClock {
    origin: Instant,
}

impl SystemClock {
    /// A clock that starts at 0 now.
    pub fn new() -> SystemClock {
        SystemClock { origin: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> SystemClock {
        SystemClock::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Millis {
        Millis(millis(self.origin.elapsed()))
    }

    fn elapsed(&self) -> Duration {
        self.origin.elapsed()
    }
}

/// A clock that moves only when it is told to.
#[derive(Debug, Default)]
pub struct ManualClock {
    now_ms: AtomicU64,
}

impl ManualClock {
    /// A clock that stands at 0.
    pub fn new() -> ManualClock {
        ManualClock::default()
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.now_ms.fetch_add(millis(by), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Millis {
        Millis(self.now_ms.load(Ordering::SeqCst))
    }
}

/// A duration in whole milliseconds; the 584 million years that do not fit are cut.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
