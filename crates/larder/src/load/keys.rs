//! Which keys a benchmark asks for: all alike, or few often and many seldom.

use rand::RngExt;
use rand::rngs::SmallRng;
use rand_distr::{Distribution, Zipf};

/// How often each key is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum KeyDist {
    /// Each as often as any other.
    Uniform,
    /// The n-th most popular 1/n^skew as often as the first.
    Zipf,
}

/// Draws the numbers of keys.
#[derive(Clone, Debug)]
pub(crate) enum KeyPicker {
    /// From 0 up to this, not included.
    Uniform(u64),
    /// From 1.
    Zipf(Zipf<f64>),
}

impl KeyPicker {
    /// For `keys` keys, at least 1.
    ///
    /// # Errors
    ///
    /// What is wrong with the skew: it must be 0 or more.
    pub(crate) fn new(dist: KeyDist, keys: u64, skew: f64) -> Result<Self, String> {
        match dist {
            KeyDist::Uniform => Ok(Self::Uniform(keys)),
            KeyDist::Zipf => Zipf::new(keys as f64, skew).map(Self::Zipf).map_err(|error| error.to_string()),
        }
    }

    /// A number from 0 up to the number of keys, not included.
    pub(crate) fn pick(&self, random: &mut SmallRng) -> u64 {
        match self {
            Self::Uniform(keys) => random.random_range(0..*keys),
            Self::Zipf(zipf) => zipf.sample(random) as u64 - 1,
        }
    }
}

/// The key with a number, always [`KEY_BYTES`] long: they stand out among others' keys.
pub(crate) fn key_text(number: u64) -> String {
    format!("bench:{number:010}")
}

/// The length of a key up to number 9,999,999,999.
pub(crate) const KEY_BYTES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn counts(dist: KeyDist) -> Vec<u32> {
        let picker = KeyPicker::new(dist, 10, 0.99).unwrap();
        let mut random = SmallRng::seed_from_u64(1);
        let mut counts = vec![0; 10];
        for _ in 0..10_000 {
            counts[picker.pick(&mut random) as usize] += 1;
        }
        counts
    }

    #[test]
    fn uniform_keys_come_alike() {
        assert!(counts(KeyDist::Uniform).iter().all(|&count| (850..1150).contains(&count)));
    }

    #[test]
    fn zipf_keys_come_by_rank() {
        let counts = counts(KeyDist::Zipf);
        // H(10, 0.99) = 2.95: the first key has about 34 % of the requests, the last 3.5 %.
        assert!((3200..3600).contains(&counts[0]), "{counts:?}");
        assert!((280..420).contains(&counts[9]), "{counts:?}");
    }

    #[test]
    fn a_negative_skew_is_refused() {
        assert!(KeyPicker::new(KeyDist::Zipf, 10, -1.0).is_err());
    }

    #[test]
    fn keys_have_one_length() {
        assert_eq!(key_text(0).len(), KEY_BYTES);
        assert_eq!(key_text(9_999_999_999).len(), KEY_BYTES);
    }
}
