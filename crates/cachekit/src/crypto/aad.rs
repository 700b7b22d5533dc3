//! What a ciphertext is bound to: additional authenticated data, version 3. A version byte and four or five texts,
//! each with its length in 32 bits in front.

use thiserror::Error;

const VERSION: u8 = 3;

/// The parts of the additional data. Reader and writer must agree on every one; nobody tries a second one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aad<'a> {
    /// The tenant; `default` when none was given.
    pub tenant: &'a str,
    /// The key as the backend knows it, with every prefix that the client puts in front.
    pub cache_key: &'a str,
    /// The serialization format.
    pub format: &'a str,
    /// Whether the plaintext is compressed, or a container that could be.
    pub compressed: bool,
    /// The Python SDK's fifth part.
    pub original_type: Option<&'a str>,
}

/// Why bytes are not additional data of version 3.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AadError {
    /// Another version, or no byte at all.
    #[error("additional data begins with {found}; only version 3 is known")]
    Version {
        /// The first byte, or `nothing`.
        found: String,
    },
    /// It ends inside a part.
    #[error("additional data ends inside its part {part}")]
    Truncated {
        /// Counted from 1.
        part: usize,
    },
    /// Fewer than four parts or more than five.
    #[error("additional data has {found} parts; 4 or 5 are right")]
    Parts {
        /// Parts found.
        found: usize,
    },
    /// A part is not UTF-8.
    #[error("part {part} of the additional data is not UTF-8")]
    NotUtf8 {
        /// Counted from 1.
        part: usize,
    },
    /// The fourth part is neither of its two texts.
    #[error("the fourth part of the additional data is {found:?}; only \"True\" and \"False\" are right")]
    Compressed {
        /// The text.
        found: String,
    },
    /// A part of 4 GiB or more.
    #[error("a part of the additional data has {bytes} bytes; 32 bits cannot count them")]
    TooLong {
        /// Bytes of the part.
        bytes: usize,
    },
}

impl<'a> Aad<'a> {
    /// For a plain MessagePack document: every SDK in interop/v1, and the Rust SDK always.
    #[must_use]
    pub const fn interop(tenant: &'a str, cache_key: &'a str) -> Self {
        Self { tenant, cache_key, format: "msgpack", compressed: false, original_type: None }
    }

    /// For the draft interop/v2 container, compressed or not; also for the TypeScript SDK's envelope.
    #[must_use]
    pub const fn interop_v2(tenant: &'a str, cache_key: &'a str) -> Self {
        Self { tenant, cache_key, format: "msgpack", compressed: true, original_type: None }
    }

    /// For the Python SDK's default serializer with integrity checking.
    #[must_use]
    pub const fn python_default(tenant: &'a str, cache_key: &'a str) -> Self {
        Self { tenant, cache_key, format: "msgpack", compressed: true, original_type: Some("msgpack") }
    }

    /// The bytes that are authenticated.
    ///
    /// # Errors
    ///
    /// [`AadError::TooLong`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, AadError> {
        let compressed = if self.compressed { "True" } else { "False" };
        let parts = [self.tenant, self.cache_key, self.format, compressed];
        let length = parts.iter().map(|part| part.len().saturating_add(4)).fold(1, usize::saturating_add);
        let mut bytes = Vec::with_capacity(length);
        bytes.push(VERSION);
        for part in parts.into_iter().chain(self.original_type) {
            let length = u32::try_from(part.len()).map_err(|_| AadError::TooLong { bytes: part.len() })?;
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        Ok(bytes)
    }

    /// The parts of additional data that someone else wrote.
    ///
    /// # Errors
    ///
    /// [`AadError`], except [`TooLong`](AadError::TooLong).
    pub fn parse(bytes: &'a [u8]) -> Result<Self, AadError> {
        let Some((&VERSION, mut rest)) = bytes.split_first() else {
            let found = bytes.first().map_or_else(|| "nothing".into(), u8::to_string);
            return Err(AadError::Version { found });
        };
        let mut parts = Vec::new();
        while !rest.is_empty() {
            let part = parts.len().saturating_add(1);
            let (text, after) = split_part(rest).ok_or(AadError::Truncated { part })?;
            if part > 5 {
                return Err(AadError::Parts { found: part });
            }
            parts.push(std::str::from_utf8(text).map_err(|_| AadError::NotUtf8 { part })?);
            rest = after;
        }
        let &[tenant, cache_key, format, compressed, ref fifth @ ..] = parts.as_slice() else {
            return Err(AadError::Parts { found: parts.len() });
        };
        let compressed = match compressed {
            "True" => true,
            "False" => false,
            other => return Err(AadError::Compressed { found: other.to_owned() }),
        };
        Ok(Self { tenant, cache_key, format, compressed, original_type: fifth.first().copied() })
    }
}

fn split_part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_come_back_from_their_bytes() {
        for aad in [Aad::interop("t", "k"), Aad::interop_v2("", "ключ"), Aad::python_default("t", "")] {
            assert_eq!(Aad::parse(&aad.to_bytes().unwrap()), Ok(aad));
        }
    }

    #[test]
    fn no_two_contexts_share_their_bytes() {
        let contexts = [
            Aad::interop("ab", "c"),
            Aad::interop("a", "bc"),
            Aad::interop_v2("ab", "c"),
            Aad::python_default("ab", "c"),
            Aad { original_type: Some(""), ..Aad::interop("ab", "c") },
        ];
        let mut bytes: Vec<_> = contexts.iter().map(|aad| aad.to_bytes().unwrap()).collect();
        bytes.sort();
        bytes.dedup();
        assert_eq!(bytes.len(), contexts.len());
    }

    #[test]
    fn malformed_data_is_refused_by_name() {
        let whole = Aad::python_default("t", "k").to_bytes().unwrap();
        assert_eq!(Aad::parse(&[]), Err(AadError::Version { found: "nothing".into() }));
        assert_eq!(Aad::parse(&[2, 0]), Err(AadError::Version { found: "2".into() }));
        for end in 1..whole.len() {
            let parsed = Aad::parse(&whole[..end]);
            let is_four_parts = end == whole.len() - 11;
            assert_eq!(parsed.is_ok(), is_four_parts, "{end}: {parsed:?}");
        }
        let mut six = whole;
        six.extend([0; 4]);
        assert_eq!(Aad::parse(&six), Err(AadError::Parts { found: 6 }));
        let lower = [&[3][..], &[0; 12], b"\0\0\0\x04true"].concat();
        assert_eq!(Aad::parse(&lower), Err(AadError::Compressed { found: "true".into() }));
        assert_eq!(Aad::parse(b"\x03\0\0\0\x01\xff"), Err(AadError::NotUtf8 { part: 1 }));
    }
}
