//! Time as the engine sees it: a number that the caller brings. The engine never asks a clock.

use std::num::NonZeroU64;

/// A point on the caller's clock, in milliseconds since any fixed origin.
///
/// Calls may bring times that run slightly backwards (two threads that read the clock at once); an entry is
/// expired for a call exactly when its deadline is at or before the time of that call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(pub u64);

impl Millis {
    /// The moment `ttl` after this one; the end of time where the sum does not fit.
    #[must_use]
    pub fn after(self, ttl: Ttl) -> Millis {
        Millis(self.0.saturating_add(ttl.get()))
    }
}

/// A time to live in milliseconds, at least 1.
pub type Ttl = NonZeroU64;

/// How long an entry has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remaining {
    /// It has no expiry.
    Forever,
    /// It expires after this many milliseconds.
    For(Ttl),
}
