//! One key to encrypt with, and up to three that only decrypt what was written before a rotation. An entry that
//! names its key by fingerprint is tried with that key alone, every other entry with each key in order.

use std::fmt;

use thiserror::Error;

use super::aad::Aad;
use super::cipher::{NONCE_BYTES, OpenError, SEALED_BYTES_MIN, SealError, TenantCipher};
use super::derive::{DerivedKey, Domain, Fingerprint, TenantError};
use super::master::{MasterKey, MasterKeyError};

/// Keys that only decrypt.
pub const PREVIOUS_KEYS_MAX: usize = 3;

/// The master keys of a client.
#[derive(Debug, Clone)]
pub struct Keyring {
    current: MasterKey,
    previous: Vec<MasterKey>,
}

/// Why keys do not make a keyring. No key is ever in the message.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeyringError {
    /// The current key is not one.
    #[error("the current master key: {0}")]
    Current(#[source] MasterKeyError),
    /// One of the previous keys is not one.
    #[error("previous master key {position}: {source}")]
    Previous {
        /// Counted from 1.
        position: usize,
        /// What is wrong with it.
        source: MasterKeyError,
    },
    /// More keys than a keyring holds.
    #[error("{found} previous master keys; at most {PREVIOUS_KEYS_MAX} are allowed")]
    TooMany {
        /// Keys found.
        found: usize,
    },
    /// The current key is among the previous ones.
    #[error("previous master key {position} is the current key again")]
    CurrentAgain {
        /// Counted from 1.
        position: usize,
    },
}

impl Keyring {
    /// A keyring of these keys.
    ///
    /// # Errors
    ///
    /// [`KeyringError::TooMany`] and [`KeyringError::CurrentAgain`].
    pub fn new(current: MasterKey, previous: Vec<MasterKey>) -> Result<Self, KeyringError> {
        if previous.len() > PREVIOUS_KEYS_MAX {
            return Err(KeyringError::TooMany { found: previous.len() });
        }
        if let Some(index) = previous.iter().position(|key| key.same_as(&current)) {
            return Err(KeyringError::CurrentAgain { position: index.saturating_add(1) });
        }
        Ok(Self { current, previous })
    }

    /// A keyring as `CACHEKIT_MASTER_KEY` and `CACHEKIT_PREVIOUS_MASTER_KEYS` hold it: hexadecimal, the previous ones
    /// separated by commas and spaces, an empty text for none.
    ///
    /// # Errors
    ///
    /// [`KeyringError`].
    pub fn from_hex(current: &str, previous: &str) -> Result<Self, KeyringError> {
        let current = MasterKey::from_hex(current).map_err(KeyringError::Current)?;
        if previous.trim().is_empty() {
            return Self::new(current, Vec::new());
        }
        let texts: Vec<_> = previous.split(',').collect();
        if texts.len() > PREVIOUS_KEYS_MAX {
            return Err(KeyringError::TooMany { found: texts.len() });
        }
        let keys = texts.into_iter().enumerate().map(|(index, text)| {
            MasterKey::from_hex(text.trim_matches(' '))
                .map_err(|source| KeyringError::Previous { position: index.saturating_add(1), source })
        });
        Self::new(current, keys.collect::<Result<_, _>>()?)
    }

    /// The keys of one tenant.
    ///
    /// # Errors
    ///
    /// [`TenantError`].
    pub fn for_tenant(&self, tenant: &str) -> Result<TenantKeyring, TenantError> {
        let cipher = |master| {
            let key = DerivedKey::new(master, Domain::Encryption, tenant)?;
            // 32 bytes are always a key of AES-256.
            TenantCipher::new(&key).ok_or(TenantError { bytes: tenant.len() })
        };
        let previous = self.previous.iter().map(cipher).collect::<Result<_, _>>()?;
        Ok(TenantKeyring { current: cipher(&self.current)?, previous })
    }
}

/// One tenant's keys for values, ready to use.
pub struct TenantKeyring {
    current: TenantCipher,
    previous: Vec<TenantCipher>,
}

impl TenantKeyring {
    /// The fingerprints, the current key's first.
    pub fn fingerprints(&self) -> impl Iterator<Item = Fingerprint> {
        self.ciphers().map(TenantCipher::fingerprint)
    }

    /// Encrypts with the current key: nonce, ciphertext, tag. A nonce must never come back under the same key; take
    /// it from [`Nonces`](super::Nonces).
    ///
    /// # Errors
    ///
    /// [`SealError`].
    pub fn seal(
        &self,
        aad: &Aad<'_>,
        plaintext: &[u8],
        nonce: [u8; NONCE_BYTES],
    ) -> Result<Vec<u8>, SealError> {
        let mut entry = vec![0; plaintext.len().saturating_add(SEALED_BYTES_MIN)];
        self.current.seal(aad, plaintext, nonce, &mut entry)?;
        Ok(entry)
    }

    /// [`seal`](Self::seal) into a buffer that is used again and again, whose content is replaced: for large values, a
    /// new buffer costs a tenth of the encryption.
    ///
    /// # Errors
    ///
    /// As [`seal`](Self::seal); then the buffer is empty.
    pub fn seal_into(
        &self,
        aad: &Aad<'_>,
        plaintext: &[u8],
        nonce: [u8; NONCE_BYTES],
        entry: &mut Vec<u8>,
    ) -> Result<(), SealError> {
        entry.resize(plaintext.len().saturating_add(SEALED_BYTES_MIN), 0);
        self.current.seal(aad, plaintext, nonce, entry).inspect_err(|_| entry.clear())
    }

    /// Decrypts with whichever key fits, the current one first.
    ///
    /// # Errors
    ///
    /// [`OpenError`], the same for every cause.
    pub fn open(&self, aad: &Aad<'_>, entry: &[u8]) -> Result<Vec<u8>, OpenError> {
        let mut plaintext = Vec::new();
        open_with(self.ciphers(), aad, entry, &mut plaintext)?;
        Ok(plaintext)
    }

    /// [`open`](Self::open) into a buffer that is used again and again, whose content is replaced. It holds a
    /// plaintext afterwards: whoever keeps it decides when to wipe it.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open); then the buffer is empty, and what it held before is overwritten as far as the
    /// plaintext would have gone.
    pub fn open_into(&self, aad: &Aad<'_>, entry: &[u8], plaintext: &mut Vec<u8>) -> Result<(), OpenError> {
        open_with(self.ciphers(), aad, entry, plaintext).inspect_err(|_| plaintext.clear())
    }

    /// Decrypts with the key of this fingerprint and no other.
    ///
    /// # Errors
    ///
    /// [`OpenError`], also if no key has it.
    pub fn open_identified(
        &self,
        fingerprint: &Fingerprint,
        aad: &Aad<'_>,
        entry: &[u8],
    ) -> Result<Vec<u8>, OpenError> {
        let mut plaintext = Vec::new();
        let named = self.ciphers().filter(|cipher| cipher.fingerprint() == *fingerprint);
        open_with(named, aad, entry, &mut plaintext)?;
        Ok(plaintext)
    }

    fn ciphers(&self) -> impl Iterator<Item = &TenantCipher> {
        std::iter::once(&self.current).chain(&self.previous)
    }
}

fn open_with<'a>(
    ciphers: impl Iterator<Item = &'a TenantCipher>,
    aad: &Aad<'_>,
    entry: &[u8],
    plaintext: &mut Vec<u8>,
) -> Result<(), OpenError> {
    let aad = aad.to_bytes().map_err(|_| OpenError)?;
    let bytes = entry.len().checked_sub(SEALED_BYTES_MIN).ok_or(OpenError)?;
    if plaintext.is_empty() {
        // Zeroed by the allocator, which is cheaper than growing.
        *plaintext = vec![0; bytes];
    }
    plaintext.resize(bytes, 0);
    for cipher in ciphers {
        if cipher.open(&aad, entry, plaintext).is_ok() {
            return Ok(());
        }
    }
    Err(OpenError)
}

impl fmt::Debug for TenantKeyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.fingerprints()).finish()
    }
}
