//! How long to wait before the next try: a pause that doubles, has an upper end, and is spread by a random factor so
//! that clients that failed together do not come back together. A pure function: randomness is an argument.

use std::time::Duration;

use crate::limits::CENTURY;

/// A schedule of tries.
///
/// ```
/// use larder_client::layer::Backoff;
/// use std::time::Duration;
///
/// let backoff = Backoff::default(); // three tries, 100 ms doubling up to 5 s, × 0.5 to 1.5
/// assert_eq!(backoff.pause(1, 0.5), Some(Duration::from_millis(100)));
/// assert_eq!(backoff.pause(2, 0.5), Some(Duration::from_millis(200)));
/// assert_eq!(backoff.pause(3, 0.5), None, "the third try was the last");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// Tries in all, the first included.
    pub tries_max: u32,
    /// The pause after the first failure, before jitter.
    pub first: Duration,
    /// No pause is longer, jitter included.
    pub pause_max: Duration,
}

impl Default for Backoff {
    /// What the CacheKit SDK for Rust does: 3 tries, 100 ms, 5 s.
    fn default() -> Self {
        Self { tries_max: 3, first: Duration::from_millis(100), pause_max: Duration::from_secs(5) }
    }
}

impl Backoff {
    /// The pause after so many failures, or `None` if there is no further try. `random` is a number from 0 to 1; it
    /// becomes a factor from 0.5 to 1.5.
    ///
    /// ```
    /// use larder_client::layer::Backoff;
    /// use std::time::Duration;
    ///
    /// let backoff = Backoff { tries_max: 10, ..Backoff::default() };
    /// assert_eq!(backoff.pause(1, 1.0), Some(Duration::from_millis(150)));
    /// assert_eq!(backoff.pause(9, 0.5), Some(Duration::from_secs(5)), "no pause is longer");
    /// ```
    #[must_use]
    pub fn pause(&self, failures: u32, random: f64) -> Option<Duration> {
        if failures == 0 || failures >= self.tries_max {
            return None;
        }
        let doubled = self.first.saturating_mul(1_u32.checked_shl(failures - 1).unwrap_or(u32::MAX));
        let factor = 0.5 + if random.is_nan() { 0.5 } else { random.clamp(0.0, 1.0) };
        let longest = self.pause_max.min(CENTURY);
        Some(doubled.min(longest).mul_f64(factor).min(longest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let backoff = Backoff { tries_max: 100, ..Backoff::default() };
        let pauses: Vec<_> =
            (1..=8).map(|failures| backoff.pause(failures, 0.5).unwrap().as_millis()).collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(backoff.pause(90, 1.0), Some(Duration::from_secs(5)), "far beyond 32 doublings");
    }

    #[test]
    fn jitter_spreads_a_pause_from_half_to_one_and_a_half() {
        let backoff = Backoff::default();
        assert_eq!(backoff.pause(1, 0.0), Some(Duration::from_millis(50)));
        assert_eq!(backoff.pause(1, 1.0), Some(Duration::from_millis(150)));
        assert_eq!(backoff.pause(1, f64::INFINITY), Some(Duration::from_millis(150)));
        assert_eq!(backoff.pause(1, f64::NAN), Some(Duration::from_millis(100)));
        let endless = Backoff { tries_max: 9, first: Duration::MAX, pause_max: Duration::MAX };
        assert_eq!(endless.pause(8, 1.0), Some(CENTURY));
    }

    #[test]
    fn the_last_try_is_followed_by_no_pause() {
        let once = Backoff { tries_max: 1, ..Backoff::default() };
        assert_eq!(once.pause(1, 0.5), None);
        assert_eq!(Backoff { tries_max: 0, ..once }.pause(1, 0.5), None);
    }
}
