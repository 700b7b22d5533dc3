//! Randomness as an argument: a number from 0 to 1, drawn where jitter is wanted. A test brings its own.

use std::fmt;
use std::sync::Arc;

/// A source of numbers from 0 to 1.
///
/// ```
/// use larder_client::Random;
///
/// assert!((0.0..1.0).contains(&Random::default().draw()));
/// assert_eq!(Random::from(|| 0.5).draw(), 0.5);
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
            Some(source) => source(),
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
