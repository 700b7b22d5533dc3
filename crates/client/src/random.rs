//! Randomness as an argument: a number from 0 to 1, drawn where jitter is wanted. A test brings its own.

use std::fmt;
use std::sync::Arc;

/// A source of numbers from 0 to 1. What a source of one's own draws beyond counts as the nearer end, and what is no number as
/// the middle.
///
/// ```
/// use larder_client::Random;
///
/// assert!((0.0..1.0).contains(&Random::default().draw()));
/// assert_eq!(Random::from(|| 0.5).draw(), 0.5);
/// assert_eq!((Random::from(|| 7.0).draw(), Random::from(|| f64::NAN).draw()), (1.0, 0.5));
/// ```
#[derive(Clone)]
pub struct Random(Option<Arc<dyn Fn() -> f64 + Send + Sync>>);

impl Random {
    /// A number from 0 to 1.
    ///
    /// ```
    /// assert_eq!(larder_client::Random::from(|| 0.25).draw(), 0.25);
    /// ```
    #[must_use]
    pub fn draw(&self) -> f64 {
        match &self.0 {
            Some(source) => {
                Some(source()).filter(|drawn| !drawn.is_nan()).map_or(0.5, |drawn| drawn.clamp(0.0, 1.0))
            }
            None => rand::random(),
        }
    }
}

impl Default for Random {
    /// The generator of the thread.
    fn default() -> Self {
        Self(None)
    }
}

impl<F: Fn() -> f64 + Send + Sync + 'static> From<F> for Random {
    fn from(source: F) -> Self {
        Self(Some(Arc::new(source)))
    }
}

impl fmt::Debug for Random {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Random(..)")
    }
}
