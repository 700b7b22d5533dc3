//! How a cache is made.

use crate::error::Error;
use crate::limits::SHARDS_MAX;
use crate::policy::name::{PolicyChoice, PolicyName};
use crate::store::Unit;

/// How much a cache holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capacity {
    /// So many bytes: keys, values and the overhead of each entry together.
    Bytes(u64),
    /// So many entries, whatever their sizes.
    Entries(u64),
}

impl Capacity {
    /// The number, in its unit.
    #[must_use]
    pub fn amount(self) -> u64 {
        match self {
            Capacity::Bytes(amount) | Capacity::Entries(amount) => amount,
        }
    }

    pub(crate) fn unit(self) -> Unit {
        match self {
            Capacity::Bytes(_) => Unit::Bytes,
            Capacity::Entries(_) => Unit::Entries,
        }
    }

    pub(crate) fn with_amount(self, amount: u64) -> Capacity {
        match self {
            Capacity::Bytes(_) => Capacity::Bytes(amount),
            Capacity::Entries(_) => Capacity::Entries(amount),
        }
    }
}

/// What a cache is made of.
#[derive(Clone, Debug)]
pub struct Options {
    /// How much it holds.
    pub capacity: Capacity,
    /// The policies that can be put in force, at least one, none twice.
    pub policies: Vec<PolicyName>,
    /// The one to begin with; it must be among `policies`. `Auto` begins with `lru` if that is there, else with the first.
    pub policy: PolicyChoice,
    /// Number of shards, a power of two up to 1,024. `None`: one for a cache under 64 MiB or 16,384 entries, so that the order
    /// of eviction is exact where a person can see it; above, one for each 32 MiB or 4,096 entries, from 8 up to 256 of them.
    pub shards: Option<usize>,
    /// Seed of the hash function. Random in a server, so that nobody can choose keys that collide; fixed in a test.
    pub seed: u64,
}

impl Options {
    /// A cache of so many bytes with all nine policies, `lru` in force.
    #[must_use]
    pub fn bytes(max: u64) -> Options {
        Options::of(Capacity::Bytes(max))
    }

    /// A cache of so many entries with all nine policies, `lru` in force.
    #[must_use]
    pub fn entries(max: u64) -> Options {
        Options::of(Capacity::Entries(max))
    }

    fn of(capacity: Capacity) -> Options {
        let policies = PolicyName::all_default().to_vec();
        Options { capacity, policies, policy: PolicyChoice::Fixed(PolicyName::Lru), shards: None, seed: 0 }
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.capacity.amount() == 0 {
            return Err(Error::ZeroCapacity);
        }
        if self.policies.is_empty() {
            return Err(Error::NoPolicies);
        }
        for (at, policy) in self.policies.iter().enumerate() {
            if self.policies[..at].contains(policy) {
                return Err(Error::DuplicatePolicy(*policy));
            }
        }
        match self.policy {
            PolicyChoice::Fixed(policy) if !self.policies.contains(&policy) => {
                Err(Error::UnconfiguredPolicy(policy))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn shard_count(&self) -> Result<usize, Error> {
        match self.shards {
            Some(shards) if shards.is_power_of_two() && shards <= SHARDS_MAX => Ok(shards),
            Some(shards) => Err(Error::Shards(shards)),
            None => {
                let (amount, one_below, each) = match self.capacity {
                    Capacity::Bytes(bytes) => (bytes, 64 << 20, 32 << 20),
                    Capacity::Entries(entries) => (entries, 16_384, 4_096),
                };
                let many = (amount / each).clamp(8, 256).next_power_of_two() as usize;
                Ok(if amount < one_below { 1 } else { many })
            }
        }
    }

    pub(crate) fn first_policy(&self) -> PolicyName {
        match self.policy {
            PolicyChoice::Fixed(policy) => policy,
            PolicyChoice::Auto if self.policies.contains(&PolicyName::Lru) => PolicyName::Lru,
            PolicyChoice::Auto => self.policies[0],
        }
    }
}
