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

/// How long an entry lives: it is fresh for a time to live, and after that it may be stale for a while before it is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// How long it is fresh.
    pub ttl: Ttl,
    /// How long it is stale after that, in milliseconds; at most 2^32-1, some 49 days.
    pub stale_ms: u32,
}

impl From<Ttl> for Lifetime {
    /// Without a stale window.
    fn from(ttl: Ttl) -> Lifetime {
        Lifetime { ttl, stale_ms: 0 }
    }
}

/// When an entry that does not live for ever ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// From here on it is gone.
    pub evict_at: Millis,
    /// For so many milliseconds before that it is stale.
    pub stale_ms: u32,
}

impl Expiry {
    /// When an entry ends that comes in now.
    #[must_use]
    pub fn of(life: Lifetime, now: Millis) -> Expiry {
        let Millis(fresh_until) = now.after(life.ttl);
        Expiry { evict_at: Millis(fresh_until.saturating_add(life.stale_ms.into())), stale_ms: life.stale_ms }
    }

    /// From here on it is stale, or gone if it has no stale window.
    #[must_use]
    pub fn fresh_until(self) -> Millis {
        Millis(self.evict_at.0.saturating_sub(self.stale_ms.into()))
    }

    pub(crate) fn timing(expiry: Option<Expiry>) -> Timing {
        match expiry {
            None => Timing::Endless,
            Some(Expiry { stale_ms: 0, .. }) => Timing::Timed,
            Some(_) => Timing::TimedStale,
        }
    }
}

/// Which figures about its end an entry has to carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timing {
    Endless,
    Timed,
    TimedStale,
}

impl Timing {
    pub(crate) fn is_timed(self) -> bool {
        self != Timing::Endless
    }
}

/// How long an entry has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remaining {
    /// It has no expiry.
    Forever,
    /// It expires after this many milliseconds.
    For(Ttl),
}

/// What became of an entry that was to live longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewed {
    /// There is none.
    Missing,
    /// It is stale already; it stays as it is.
    Stale,
    /// It would live too long together with its stale window; it stays as it is.
    TooLong {
        /// The stale window in milliseconds.
        stale_ms: u32,
    },
    /// It lives longer, or shorter.
    Done,
}
