//! Nonces that never repeat under one key: a number of the encryptor and a counter that ends instead of wrapping.

use std::sync::atomic::{AtomicU64, Ordering};

use thiserror::Error;

use super::cipher::NONCE_BYTES;

const NONCES_PER_INSTANCE: u64 = 1 << 32;

/// The nonces of one encryptor: 8 bytes of its instance id, then a 4-byte counter from 0.
#[derive(Debug)]
pub struct Nonces {
    instance_id: u64,
    used: AtomicU64,
}

/// All 2^32 nonces of an encryptor are used; it needs a new instance id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "this encryptor has used all its 4294967296 nonces; a new one with its own instance id must take over"
)]
pub struct NonceExhausted;

impl Nonces {
    /// The nonces of the encryptor with this id, which must be its own for as long as the key lives: take it from
    /// [`InstanceIds`].
    #[must_use]
    pub const fn new(instance_id: u64) -> Self {
        Self::resume(instance_id, 0)
    }

    /// The nonces of an encryptor that has used so many already.
    #[must_use]
    pub const fn resume(instance_id: u64, used: u64) -> Self {
        Self { instance_id, used: AtomicU64::new(used) }
    }

    /// The next nonce; never the same twice, from any thread.
    ///
    /// # Errors
    ///
    /// [`NonceExhausted`] after 2^32 of them, and from then on.
    pub fn next(&self) -> Result<[u8; NONCE_BYTES], NonceExhausted> {
        let counter = self
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                (used < NONCES_PER_INSTANCE).then(|| used.saturating_add(1))
            })
            .map_err(|_| NonceExhausted)?;
        let counter = u32::try_from(counter).map_err(|_| NonceExhausted)?;
        let mut nonce = [0; NONCE_BYTES];
        let (instance, count) = nonce.split_at_mut(8);
        instance.copy_from_slice(&self.instance_id.to_be_bytes());
        count.copy_from_slice(&counter.to_be_bytes());
        Ok(nonce)
    }
}

/// The instance ids of one process: consecutive numbers from a random start that the caller gives once.
#[derive(Debug)]
pub struct InstanceIds(AtomicU64);

impl InstanceIds {
    /// Ids from `start` on; the start must be random.
    #[must_use]
    pub const fn from_random(start: u64) -> Self {
        Self(AtomicU64::new(start))
    }

    /// The next id.
    pub fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_the_instance_and_a_counter() {
        let ids = InstanceIds::from_random(u64::MAX);
        let nonces = Nonces::new(ids.next());
        assert_eq!(nonces.next().unwrap(), *b"\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0");
        assert_eq!(nonces.next().unwrap(), *b"\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\x01");
        assert_eq!(ids.next(), 0, "ids go on past the end of their range");
    }

    #[test]
    fn the_counter_ends_instead_of_wrapping() {
        let nonces = Nonces::resume(1, NONCES_PER_INSTANCE - 1);
        assert_eq!(nonces.next().unwrap()[8..], [0xff; 4]);
        for _ in 0..3 {
            assert_eq!(nonces.next(), Err(NonceExhausted));
        }
    }
}
