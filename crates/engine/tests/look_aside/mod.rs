//! The engine as a look-aside client uses it: GET, and on a miss SET. Capacity in entries, policy fixed, time stands still.

#![allow(dead_code, reason = "every test program that includes this uses its own part of it")]

use larder_engine::{Cache, Kind, Millis, Options, PolicyChoice, PolicyName, Value};

/// The instant of every call.
const NOW: Millis = Millis(0);

/// A cache that is asked for numbers.
pub(crate) struct LookAside {
    pub(crate) cache: Cache,
}

impl LookAside {
    /// A cache for `capacity` entries under the policy called `policy`; `shards` as in the options. All nine default
    /// policies are configured too, to switch to.
    pub(crate) fn new(policy: &str, capacity: u64, shards: Option<usize>) -> LookAside {
        let policy: PolicyName = policy.parse().expect("a policy's name");
        let mut options = Options::entries(capacity);
        if !options.policies.contains(&policy) {
            options.policies.push(policy);
        }
        options.policy = PolicyChoice::Fixed(policy);
        options.shards = shards;
        options.seed = 1;
        LookAside { cache: Cache::new(options).expect("a cache") }
    }

    /// True for a hit.
    pub(crate) fn access(&self, key: u64) -> bool {
        let bytes = key.to_le_bytes();
        let key = self.cache.key(&bytes);
        let is_hit = self.cache.get(key, NOW, |_| ()).is_some();
        if !is_hit {
            let value = Value::from(&b"value"[..]);
            self.cache.set(key, value, Kind::Opaque, None, NOW).expect("it fits");
        }
        is_hit
    }

    /// Asks for the keys in turn and returns the share that missed.
    pub(crate) fn miss_ratio(&self, keys: &[u64]) -> f64 {
        let misses = keys.iter().filter(|key| !self.access(**key)).count();
        misses as f64 / keys.len() as f64
    }

    pub(crate) fn has(&self, key: u64) -> bool {
        self.cache.has(self.cache.key(&key.to_le_bytes()), NOW)
    }
}
