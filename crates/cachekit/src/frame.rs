//! The private frame of the Python SDK's automatic mode: `CK`, version 3, a JSON header, a payload. Other SDKs
//! recognise it and refuse it; Larder parses it so that a person can see what is in a cache, and so that the rules of
//! a reader of such frames can be checked. The header is not authenticated: nothing that it claims lowers what a
//! reader was configured to demand.

use serde_json::{Map, Value as Json};
use thiserror::Error;

use crate::crypto::{Aad, OpenError, TenantKeyring};

/// The first two bytes.
pub const MAGIC: [u8; 2] = *b"CK";
/// The only version.
pub const VERSION: u8 = 3;
const PREFIX_BYTES: usize = 7;

/// Why bytes are not such a frame, or not one that a reader may believe.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FrameError {
    /// Does not begin with `CK`.
    #[error("does not begin with \"CK\"")]
    Magic,
    /// Shorter than its fixed first part.
    #[error("{found} bytes; magic, version and header length alone need {PREFIX_BYTES}")]
    PrefixLength {
        /// Bytes found.
        found: usize,
    },
    /// Another version.
    #[error("frame version {found}; only version {VERSION} is known")]
    Version {
        /// The third byte.
        found: u8,
    },
    /// The header would end behind the frame.
    #[error("the header claims {declared} bytes where {found} remain")]
    HeaderLength {
        /// Bytes declared.
        declared: u32,
        /// Bytes there.
        found: usize,
    },
    /// The header is not a JSON object.
    #[error("the header is not a JSON object: {message}")]
    Header {
        /// What is wrong with it.
        message: String,
    },
    /// The header names no serializer, or another one than the reader's.
    #[error("the header names the serializer {found:?}, the reader is configured for {expected:?}")]
    SerializerName {
        /// From the header; `None` if it names none.
        found: Option<String>,
        /// The reader's.
        expected: String,
    },
    /// A reader configured for encryption met an entry that claims to be plain.
    #[error("the header does not claim encryption, the reader demands it")]
    NotEncrypted,
    /// It does not decrypt.
    #[error(transparent)]
    Open(#[from] OpenError),
}

/// A parsed frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame<'a> {
    /// The header: `s` the serializer, `m` what it did, `v` a version of no use.
    pub header: Map<String, Json>,
    /// What follows the header.
    pub payload: &'a [u8],
}

/// What a reader of frames is configured for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameReader<'a> {
    /// The canonical name of its serializer, such as `default`.
    pub serializer: &'a str,
}

impl<'a> Frame<'a> {
    /// Takes a frame apart.
    ///
    /// # Errors
    ///
    /// [`FrameError`], up to [`Header`](FrameError::Header).
    pub fn parse(input: &'a [u8]) -> Result<Self, FrameError> {
        let Some((prefix, rest)) = input.split_first_chunk::<PREFIX_BYTES>() else {
            let begins = MAGIC.starts_with(input) || input.starts_with(&MAGIC);
            return Err(if begins {
                FrameError::PrefixLength { found: input.len() }
            } else {
                FrameError::Magic
            });
        };
        let [c, k, version, length @ ..] = *prefix;
        if [c, k] != MAGIC {
            return Err(FrameError::Magic);
        }
        if version != VERSION {
            return Err(FrameError::Version { found: version });
        }
        let declared = u32::from_be_bytes(length);
        let header_length = usize::try_from(declared).unwrap_or(usize::MAX);
        let (header, payload) = rest
            .split_at_checked(header_length)
            .ok_or(FrameError::HeaderLength { declared, found: rest.len() })?;
        let header = serde_json::from_slice(header)
            .map_err(|error| FrameError::Header { message: error.to_string() })?;
        Ok(Self { header, payload })
    }

    /// The serializer that the header names, if it names one.
    #[must_use]
    pub fn serializer(&self) -> Option<&str> {
        self.header.get("s").and_then(Json::as_str).filter(|name| !name.is_empty())
    }

    /// An entry of the header's `m`.
    #[must_use]
    pub fn metadata(&self, name: &str) -> Option<&Json> {
        self.header.get("m")?.get(name)
    }

    /// Whether the header claims that the payload is encrypted.
    #[must_use]
    pub fn claims_encryption(&self) -> bool {
        self.metadata("encrypted") == Some(&Json::Bool(true))
    }

    /// The AAD that a write with this header used, for a tenant and key that the reader knows from elsewhere.
    #[must_use]
    pub fn aad<'b>(&'b self, tenant: &'b str, cache_key: &'b str) -> Aad<'b> {
        let text = |name| self.metadata(name).and_then(Json::as_str);
        Aad {
            tenant,
            cache_key,
            format: text("format").unwrap_or("msgpack"),
            compressed: self.metadata("compressed") == Some(&Json::Bool(true)),
            original_type: text("original_type"),
        }
    }
}

impl FrameReader<'_> {
    /// Whether the frame was written by this reader's serializer; a frame without a name is nobody's.
    ///
    /// # Errors
    ///
    /// [`FrameError::SerializerName`].
    pub fn check_serializer(&self, frame: &Frame<'_>) -> Result<(), FrameError> {
        if frame.serializer() == Some(self.serializer) {
            return Ok(());
        }
        let found = frame.header.get("s").and_then(Json::as_str).map(str::to_owned);
        Err(FrameError::SerializerName { found, expected: self.serializer.to_owned() })
    }

    /// Decrypts the payload as a reader that demands encryption: for its own tenant, under its own AAD.
    ///
    /// # Errors
    ///
    /// [`FrameError`] if the name or the claim do not fit, or if it does not decrypt.
    pub fn open(
        &self,
        frame: &Frame<'_>,
        keyring: &TenantKeyring,
        aad: &Aad<'_>,
    ) -> Result<Vec<u8>, FrameError> {
        self.check_serializer(frame)?;
        if !frame.claims_encryption() {
            return Err(FrameError::NotEncrypted);
        }
        Ok(keyring.open(aad, frame.payload)?)
    }
}
