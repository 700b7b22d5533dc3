//! What the engine refuses, and why.

use crate::PolicyName;

/// A request that the cache cannot fulfil. Nothing has changed when one is returned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The key is longer than the engine stores.
    #[error("the key has {len} bytes; at most {max} can be stored")]
    KeyTooLong {
        /// Length of the key in bytes.
        len: usize,
        /// The limit in bytes.
        max: usize,
    },
    /// The entry would not fit if it had the whole cache to itself.
    #[error("the entry needs {charge} bytes with its overhead; the whole cache has {capacity}")]
    ValueTooLarge {
        /// What the entry would be charged, in the unit of the capacity.
        charge: u64,
        /// The capacity it was held against.
        capacity: u64,
    },
    /// The token of a lease is longer than the engine stores.
    #[error("the token has {len} bytes; at most {max} can be stored")]
    TokenTooLong {
        /// Length of the token in bytes.
        len: usize,
        /// The limit in bytes.
        max: usize,
    },
    /// Where the key belongs, as many leases are held as there may be.
    #[error("{max} leases are held where this key belongs, which is as many as there may be")]
    TooManyLeases {
        /// The limit, for one shard.
        max: usize,
    },
    /// A capacity of zero was asked for.
    #[error("a cache needs a capacity above zero")]
    ZeroCapacity,
    /// The policy is not among the configured ones.
    #[error("the policy {0} is not among the configured ones")]
    UnconfiguredPolicy(PolicyName),
    /// The list of configured policies is empty.
    #[error("at least one policy must be configured")]
    NoPolicies,
    /// A policy stands twice in the list.
    #[error("the policy {0} is configured twice")]
    DuplicatePolicy(PolicyName),
    /// The number of shards is outside its range.
    #[error("{0} shards were asked for; a power of two from 1 to {max} is possible", max = crate::limits::SHARDS_MAX)]
    Shards(usize),
}
