//! AES-256-GCM over one entry: nonce, ciphertext and tag in a row.

use aws_lc_rs::aead::{self, AES_256_GCM, LessSafeKey, Nonce, UnboundKey};
use thiserror::Error;
use zeroize::Zeroize;

use super::aad::{Aad, AadError};
use super::derive::{DerivedKey, Fingerprint};

/// Bytes of a nonce.
pub const NONCE_BYTES: usize = 12;
/// Bytes of an authentication tag.
pub const TAG_BYTES: usize = 16;
/// Bytes of the encryption of nothing; no entry is shorter.
pub const SEALED_BYTES_MIN: usize = NONCE_BYTES + TAG_BYTES;

/// An entry does not decrypt. There is one such error for every cause, so that it teaches an attacker nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the entry does not decrypt: another key, tenant, cache key or format, or altered bytes")]
pub struct OpenError;

/// An entry cannot be encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SealError {
    /// The additional data cannot be written.
    #[error(transparent)]
    Aad(#[from] AadError),
    /// The cipher takes at most 64 GiB less 32 bytes.
    #[error("{bytes} bytes are too many for one entry of AES-256-GCM")]
    TooLarge {
        /// Bytes of the plaintext.
        bytes: usize,
    },
}

/// One tenant's key for values, ready to use.
pub(super) struct TenantCipher {
    key: LessSafeKey,
    fingerprint: Fingerprint,
}

impl TenantCipher {
    pub(super) fn new(key: &DerivedKey) -> Option<Self> {
        let unbound = UnboundKey::new(&AES_256_GCM, key.expose()).ok()?;
        Some(Self { key: LessSafeKey::new(unbound), fingerprint: key.fingerprint() })
    }

    pub(super) const fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Encrypts into `entry`, which has exactly the room: the plaintext and [`SEALED_BYTES_MIN`].
    pub(super) fn seal(
        &self,
        aad: &Aad<'_>,
        plaintext: &[u8],
        nonce: [u8; NONCE_BYTES],
        entry: &mut [u8],
    ) -> Result<(), SealError> {
        let aad = aead::Aad::from(aad.to_bytes()?);
        let too_large = || SealError::TooLarge { bytes: plaintext.len() };
        // Encrypting from one buffer into the other is faster than a copy and encrypting in place.
        let (start, rest) = entry.split_first_chunk_mut::<NONCE_BYTES>().ok_or_else(too_large)?;
        let (body, tag) = rest.split_last_chunk_mut::<TAG_BYTES>().ok_or_else(too_large)?;
        *start = nonce;
        let nonce = Nonce::assume_unique_for_key(nonce);
        let sealed = self.key.seal_out_of_place_scatter(nonce, aad, plaintext, body, &[], tag);
        sealed.map_err(|_| too_large())
    }

    /// Decrypts into `plaintext`, which has exactly the room; on failure nothing is left in it.
    pub(super) fn open(&self, aad: &[u8], entry: &[u8], plaintext: &mut [u8]) -> Result<(), OpenError> {
        let (nonce, rest) = entry.split_first_chunk::<NONCE_BYTES>().ok_or(OpenError)?;
        let (body, tag) = rest.split_last_chunk::<TAG_BYTES>().ok_or(OpenError)?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        self.key.open_separate_gather(nonce, aead::Aad::from(aad), body, tag, plaintext).map_err(|_| {
            plaintext.zeroize();
            OpenError
        })
    }
}
