//! Stale-while-revalidate: when a local copy is old enough to be fetched anew although it may still be served, and who
//! does it. One caller per key claims the refresh; after one that failed the key has a pause. Time and randomness are
//! arguments.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::limits::{CENTURY, REFRESH_PAUSES_MAX};

/// When local copies are refreshed. The defaults are those of the CacheKit SDK for Python.
///
/// ```
/// use larder_client::RefreshOptions;
///
/// let exact = RefreshOptions { jitter: 0.0, ..RefreshOptions::default() };
/// assert_eq!(exact.after, 0.5);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RefreshOptions {
    /// The share of its life after which a copy is refreshed: 0 to 1.
    pub after: f64,
    /// By what share of that moment it is spread, either way: 0 to 1.
    pub jitter: f64,
    /// How long a key is left alone after a refresh that failed.
    pub pause: Duration,
}

impl Default for RefreshOptions {
    fn default() -> Self {
        Self { after: 0.5, jitter: 0.1, pause: Duration::from_secs(10) }
    }
}

impl RefreshOptions {
    /// The age at which a copy of this life is refreshed. `random` is a number from 0 to 1.
    ///
    /// ```
    /// use larder_client::RefreshOptions;
    /// use std::time::Duration;
    ///
    /// let refresh = RefreshOptions::default();
    /// let life = Duration::from_secs(100);
    /// assert_eq!(refresh.age(life, 0.0), Duration::from_secs(45));
    /// assert_eq!(refresh.age(life, 0.5), Duration::from_secs(50));
    /// assert_eq!(refresh.age(life, 1.0), Duration::from_secs(55));
    /// ```
    #[must_use]
    pub fn age(&self, life: Duration, random: f64) -> Duration {
        let spread = 1.0 + self.jitter.clamp(0.0, 1.0) * (2.0 * random.clamp(0.0, 1.0) - 1.0);
        life.mul_f64((self.after.clamp(0.0, 1.0) * spread).min(1.0))
    }
}

/// Refreshes under way and keys that have a pause.
#[derive(Debug, Default)]
pub(crate) struct Refreshes {
    by_key: Mutex<HashMap<Arc<str>, State>>,
}

#[derive(Debug, Clone, Copy)]
enum State {
    UnderWay,
    PausedUntil(Instant),
}

impl Refreshes {
    /// The right to refresh a key, unless somebody has it or the key has a pause.
    pub(crate) fn claim(self: &Arc<Self>, key: &str, pause: Duration, now: Instant) -> Option<Claim> {
        let mut by_key = self.by_key.lock();
        match by_key.get(key) {
            Some(State::UnderWay) => return None,
            Some(&State::PausedUntil(end)) if now < end => return None,
            Some(State::PausedUntil(_)) => {}
            None if by_key.len() >= REFRESH_PAUSES_MAX => {
                by_key.retain(|_, state| match state {
                    State::UnderWay => true,
                    State::PausedUntil(end) => now < *end,
                });
                if by_key.len() >= REFRESH_PAUSES_MAX {
                    return None;
                }
            }
            None => {}
        }
        let (key, pause): (Arc<str>, _) = (key.into(), pause.min(CENTURY));
        by_key.insert(Arc::clone(&key), State::UnderWay);
        Some(Claim { refreshes: Arc::clone(self), key, pause, is_done: false })
    }
}

/// The right to refresh one key. Dropped before it is [`done`](Claim::done), it counts as a refresh that failed.
#[derive(Debug)]
pub(crate) struct Claim {
    refreshes: Arc<Refreshes>,
    key: Arc<str>,
    pause: Duration,
    is_done: bool,
}

impl Claim {
    /// The refresh succeeded.
    pub(crate) fn done(mut self) {
        self.is_done = true;
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut by_key = self.refreshes.by_key.lock();
        if self.is_done {
            by_key.remove(&self.key);
        } else {
            by_key.insert(Arc::clone(&self.key), State::PausedUntil(Instant::now() + self.pause));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    const PAUSE: Duration = Duration::from_secs(10);

    #[test]
    fn a_copy_is_never_refreshed_after_the_end_of_its_life() {
        let late = RefreshOptions { after: 1.0, jitter: 1.0, ..RefreshOptions::default() };
        assert_eq!(late.age(PAUSE, 1.0), PAUSE);
        assert_eq!(late.age(PAUSE, f64::NAN.max(0.0)), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn one_caller_at_a_time_refreshes_a_key() {
        let refreshes = Arc::new(Refreshes::default());
        let claim = refreshes.claim("k", PAUSE, Instant::now()).unwrap();
        assert!(refreshes.claim("k", PAUSE, Instant::now()).is_none());
        assert!(refreshes.claim("other", PAUSE, Instant::now()).is_some());
        claim.done();
        assert!(refreshes.claim("k", PAUSE, Instant::now()).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_refresh_that_fails_gives_the_key_a_pause() {
        let refreshes = Arc::new(Refreshes::default());
        drop(refreshes.claim("k", PAUSE, Instant::now()).unwrap());
        advance(PAUSE - Duration::from_millis(1)).await;
        assert!(refreshes.claim("k", PAUSE, Instant::now()).is_none());
        advance(Duration::from_millis(1)).await;
        assert!(refreshes.claim("k", PAUSE, Instant::now()).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn keys_that_have_a_pause_are_bounded() {
        let refreshes = Arc::new(Refreshes::default());
        for key in 0..REFRESH_PAUSES_MAX {
            drop(refreshes.claim(&key.to_string(), PAUSE, Instant::now()).unwrap());
        }
        assert!(refreshes.claim("one more", PAUSE, Instant::now()).is_none());
        advance(PAUSE).await;
        assert!(refreshes.claim("one more", PAUSE, Instant::now()).is_some());
        assert_eq!(refreshes.by_key.lock().len(), 1, "what has expired is forgotten");
    }
}
