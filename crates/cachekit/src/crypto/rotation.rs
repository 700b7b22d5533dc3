//! The 32-byte rotation header of the first protocol document. **No SDK writes it**: real rotation is the keyring.
//! It is here, by name, for those who meet it or follow that document.

use thiserror::Error;

use super::derive::Fingerprint;

/// Bytes of the header.
pub const ROTATION_HEADER_BYTES: usize = 32;
const VERSION: u8 = 1;
const AES_256_GCM: u8 = 0;

/// What the header says of the ciphertext behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RotationHeader {
    /// The key.
    pub key_fingerprint: Fingerprint,
    /// A hash of the tenant; the document does not say which.
    pub tenant_hash: [u8; 8],
    /// The purpose, such as `ench`.
    pub domain: [u8; 4],
    /// Whether the key is the rotated one; the original one if not.
    pub rotated: bool,
}

/// Why bytes are not such a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RotationHeaderError {
    /// Too few bytes.
    #[error("{found} bytes; a rotation header has {ROTATION_HEADER_BYTES}")]
    Truncated {
        /// Bytes found.
        found: usize,
    },
    /// Another version.
    #[error("rotation header version {found}; only {VERSION} is known")]
    Version {
        /// The byte.
        found: u8,
    },
    /// Another cipher.
    #[error("cipher {found}; only {AES_256_GCM} (AES-256-GCM) is known")]
    Algorithm {
        /// The byte.
        found: u8,
    },
    /// Neither the original nor the rotated key.
    #[error("key version {found}; only 0 (original) and 1 (rotated) are known")]
    KeyVersion {
        /// The byte.
        found: u8,
    },
    /// The last byte is in use.
    #[error("the reserved byte is {found}; it must be 0")]
    Reserved {
        /// The byte.
        found: u8,
    },
}

impl RotationHeader {
    /// The header's bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; ROTATION_HEADER_BYTES] {
        let mut bytes = [0; ROTATION_HEADER_BYTES];
        let parts: [&[u8]; 5] = [
            &[VERSION, AES_256_GCM],
            &self.key_fingerprint.0,
            &self.tenant_hash,
            &self.domain,
            &[u8::from(self.rotated), 0],
        ];
        for (byte, part) in bytes.iter_mut().zip(parts.into_iter().flatten()) {
            *byte = *part;
        }
        bytes
    }

    /// The header at the start of `input`, and what follows it.
    ///
    /// # Errors
    ///
    /// [`RotationHeaderError`].
    pub fn split(input: &[u8]) -> Result<(Self, &[u8]), RotationHeaderError> {
        let truncated = RotationHeaderError::Truncated { found: input.len() };
        let (&[version, algorithm], rest) = input.split_first_chunk().ok_or(truncated)?;
        let (&fingerprint, rest) = rest.split_first_chunk().ok_or(truncated)?;
        let (&tenant_hash, rest) = rest.split_first_chunk().ok_or(truncated)?;
        let (&domain, rest) = rest.split_first_chunk().ok_or(truncated)?;
        let (&[key_version, reserved], rest) = rest.split_first_chunk().ok_or(truncated)?;
        match (version, algorithm, key_version, reserved) {
            (VERSION, AES_256_GCM, 0 | 1, 0) => {}
            (VERSION, AES_256_GCM, 0 | 1, found) => return Err(RotationHeaderError::Reserved { found }),
            (VERSION, AES_256_GCM, found, _) => return Err(RotationHeaderError::KeyVersion { found }),
            (VERSION, found, ..) => return Err(RotationHeaderError::Algorithm { found }),
            (found, ..) => return Err(RotationHeaderError::Version { found }),
        }
        let key_fingerprint = Fingerprint(fingerprint);
        Ok((Self { key_fingerprint, tenant_hash, domain, rotated: key_version == 1 }, rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: RotationHeader = RotationHeader {
        key_fingerprint: Fingerprint([0xaa; 16]),
        tenant_hash: [0xbb; 8],
        domain: *b"ench",
        rotated: true,
    };

    #[test]
    fn the_header_has_the_layout_of_the_document() {
        let expected = format!("0100{}{}656e63680100", "aa".repeat(16), "bb".repeat(8));
        assert_eq!(hex::encode(HEADER.to_bytes()), expected);
        let input = [&HEADER.to_bytes()[..], b"rest"].concat();
        assert_eq!(RotationHeader::split(&input), Ok((HEADER, &b"rest"[..])));
    }

    #[test]
    fn each_field_that_must_be_fixed_is_checked() {
        let with = |index: usize, byte: u8| {
            let mut bytes = HEADER.to_bytes();
            bytes[index] = byte;
            RotationHeader::split(&bytes).unwrap_err()
        };
        assert_eq!(with(0, 2), RotationHeaderError::Version { found: 2 });
        assert_eq!(with(1, 1), RotationHeaderError::Algorithm { found: 1 });
        assert_eq!(with(30, 2), RotationHeaderError::KeyVersion { found: 2 });
        assert_eq!(with(31, 1), RotationHeaderError::Reserved { found: 1 });
        for end in 0..ROTATION_HEADER_BYTES {
            let cut = RotationHeader::split(&HEADER.to_bytes()[..end]).unwrap_err();
            assert_eq!(cut, RotationHeaderError::Truncated { found: end });
        }
    }
}
