//! The master key as people hand it over: hexadecimal text of at least 32 bytes, or exactly 32 raw bytes.

use std::fmt;

use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::Zeroizing;

/// The smallest master key, and the only size that every SDK takes.
const MASTER_KEY_BYTES: usize = 32;
/// No honest key is longer; a longer text is a mistake.
const MASTER_KEY_BYTES_MAX: usize = 1024;

/// A master key; zeroed on drop.
#[derive(Clone)]
pub struct MasterKey(Zeroizing<Vec<u8>>);

/// Why text or bytes are not a master key. The key itself is never in the message.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MasterKeyError {
    /// A character that is not a hexadecimal digit.
    #[error("a master key is hexadecimal text; character {position} is not a hexadecimal digit")]
    NotHex {
        /// Counted from 1.
        position: usize,
    },
    /// Half a byte is left over.
    #[error("a master key is hexadecimal text, two digits a byte; {digits} digits are an odd number")]
    OddLength {
        /// Digits found.
        digits: usize,
    },
    /// Too few bytes, or far too many.
    #[error(
        "a master key in hexadecimal has {MASTER_KEY_BYTES} to {MASTER_KEY_BYTES_MAX} bytes; this one has {bytes}"
    )]
    Length {
        /// Bytes found.
        bytes: usize,
    },
    /// Raw bytes that are not 32.
    #[error("a raw master key has exactly {MASTER_KEY_BYTES} bytes; this one has {bytes}")]
    RawLength {
        /// Bytes found.
        bytes: usize,
    },
}

impl MasterKey {
    /// A key from hexadecimal digits of either case, without spaces or a prefix: 32 bytes or more. Only exactly 32
    /// work in every SDK.
    ///
    /// # Errors
    ///
    /// [`MasterKeyError`], except [`RawLength`](MasterKeyError::RawLength).
    pub fn from_hex(text: &str) -> Result<Self, MasterKeyError> {
        if let Some(index) = text.chars().position(|c| !c.is_ascii_hexdigit()) {
            return Err(MasterKeyError::NotHex { position: index.saturating_add(1) });
        }
        if !text.len().is_multiple_of(2) {
            return Err(MasterKeyError::OddLength { digits: text.len() });
        }
        let bytes = text.len() / 2;
        if !(MASTER_KEY_BYTES..=MASTER_KEY_BYTES_MAX).contains(&bytes) {
            return Err(MasterKeyError::Length { bytes });
        }
        let mut key = Zeroizing::new(vec![0; bytes]);
        // Only digits, and an even number of them, arrive here.
        hex::decode_to_slice(text, &mut key).map_err(|_| MasterKeyError::OddLength { digits: text.len() })?;
        Ok(Self(key))
    }

    /// A key from exactly 32 bytes.
    ///
    /// # Errors
    ///
    /// [`MasterKeyError::RawLength`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, MasterKeyError> {
        if bytes.len() != MASTER_KEY_BYTES {
            return Err(MasterKeyError::RawLength { bytes: bytes.len() });
        }
        Ok(Self(Zeroizing::new(bytes.to_vec())))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Equality in a time that does not depend on where keys differ.
    pub(super) fn same_as(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}
