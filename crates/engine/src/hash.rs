//! Keys and their hashes. A key is hashed once, where it enters; the shard, the table line, the tag and the ghost's
//! fingerprint are all cut from those 64 bits.

use std::hash::{BuildHasher, Hasher};

/// A key together with its hash under one cache's seed. Use it only with the cache that made it.
#[derive(Clone, Copy, Debug)]
pub struct Key<'k> {
    bytes: &'k [u8],
    hash: u64,
}

impl<'k> Key<'k> {
    /// The key's bytes; there may be none.
    #[must_use]
    pub fn bytes(&self) -> &'k [u8] {
        self.bytes
    }

    /// What a cache needs to find where the entry would be, without the key's bytes.
    #[must_use]
    pub fn to_hash(&self) -> KeyHash {
        KeyHash(self.hash)
    }

    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }
}

/// The hash of a key under one cache's seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyHash(pub(crate) u64);

/// The seeded hash function of one cache.
#[derive(Clone, Debug)]
pub(crate) struct KeyHasher(foldhash::quality::FixedState);

impl KeyHasher {
    pub(crate) fn new(seed: u64) -> KeyHasher {
        KeyHasher(foldhash::quality::FixedState::with_seed(seed))
    }

    #[inline]
    pub(crate) fn hash(&self, bytes: &[u8]) -> u64 {
        let mut hasher = self.0.build_hasher();
        hasher.write(bytes);
        hasher.finish()
    }

    #[inline]
    pub(crate) fn key<'k>(&self, bytes: &'k [u8]) -> Key<'k> {
        Key { bytes, hash: self.hash(bytes) }
    }
}

/// The part of a hash that a ghost remembers. It shares no bits with those that choose the shard.
pub(crate) fn fingerprint(hash: u64) -> u32 {
    (hash >> 8) as u32
}
