//! The ByteStorage envelope: an LZ4 block with the size and the xxHash3-64 of what it holds, as a MessagePack array
//! of four. One canonical form is written. Read are also the forms that shipped SDKs accept: a map with named
//! entries in any order (named by text, by bytes, or by their places), integers instead of bytes for either byte
//! field, and bytes instead of text for the format. A trailing byte, which the SDKs' core overlooks, is refused. Source: the wire format document, and
//! the behaviour of the SDKs' shared core where the two differ.
//!
//! ```
//! use larder_cachekit::envelope;
//!
//! let stored = envelope::store(b"hello, cachekit!", "msgpack")?;
//! assert_eq!(envelope::retrieve(&stored)?.payload, b"hello, cachekit!");
//! # Ok::<(), envelope::EnvelopeError>(())
//! ```

mod parse;

use thiserror::Error;
use xxhash_rust::xxh3::xxh3_64;

use crate::limits::{LimitError, Limits};
use crate::lz4;
pub use crate::lz4::BlockError;
use crate::msgpack::{DecodeError, TooLong, Writer};
pub use parse::Envelope;

/// The usual content of an envelope's `format` field.
pub const FORMAT_MSGPACK: &str = "msgpack";

/// Why there is no payload, or no envelope.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EnvelopeError {
    /// Not a MessagePack document.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// A document, but not an envelope.
    #[error("not an envelope: {what}")]
    Shape {
        /// What does not fit.
        what: String,
    },
    /// A size over a limit.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// A compressed payload of no bytes; even an empty payload compresses to one.
    #[error("the compressed payload is empty")]
    NothingCompressed,
    /// The block does not hold what is declared.
    #[error(transparent)]
    Block(#[from] BlockError),
    /// The payload is not the one that was stored.
    #[error("the checksum of the payload is {found}, the envelope says {expected}")]
    Checksum {
        /// Hex, from the envelope.
        expected: String,
        /// Hex, computed.
        found: String,
    },
    /// A format name too long to write.
    #[error(transparent)]
    TooLong(#[from] TooLong),
}

/// What an envelope held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retrieved {
    /// The payload, its checksum proven.
    pub payload: Vec<u8>,
    /// The format name; any text, nobody checks it.
    pub format: String,
}

/// xxHash3-64 of a payload with seed 0, big-endian: the checksum of envelopes and of the Python SDK's Arrow entries.
#[must_use]
pub fn checksum(payload: &[u8]) -> [u8; 8] {
    xxh3_64(payload).to_be_bytes()
}

/// The envelope of a payload, in canonical form.
///
/// # Errors
///
/// [`EnvelopeError::Limit`] for a payload over 512 MiB.
pub fn store(payload: &[u8], format: &str) -> Result<Vec<u8>, EnvelopeError> {
    store_within(payload, format, &Limits::PROTOCOL)
}

/// [`store`] with limits of one's own.
///
/// # Errors
///
/// As [`store`].
pub fn store_within(payload: &[u8], format: &str, limits: &Limits) -> Result<Vec<u8>, EnvelopeError> {
    let original_size = payload.len() as u64;
    if original_size > limits.payload_bytes_max {
        return Err(LimitError::Payload { bytes: original_size, bytes_max: limits.payload_bytes_max }.into());
    }
    lz4::compress(payload, |block| {
        limits.check_sizes(block.len() as u64, original_size)?;
        let checksum = checksum(payload);
        Ok(Envelope { compressed: block.into(), checksum, original_size, format }.to_bytes()?)
    })
}

/// An array of four and the longest header of bytes.
const HEADER_BYTES_MAX: usize = 1 + 5;
/// Eight integers of two bytes with their header, the size, and the format's header.
const TAIL_BYTES: usize = 17 + 9 + 5;

/// The payload of an envelope, its size and checksum proven.
///
/// # Errors
///
/// [`EnvelopeError`]; for a cache, a miss.
pub fn retrieve(envelope: &[u8]) -> Result<Retrieved, EnvelopeError> {
    retrieve_within(envelope, &Limits::PROTOCOL)
}

/// [`retrieve`] with limits of one's own.
///
/// # Errors
///
/// As [`retrieve`].
pub fn retrieve_within(envelope: &[u8], limits: &Limits) -> Result<Retrieved, EnvelopeError> {
    let envelope = Envelope::parse(envelope, limits)?;
    let payload = envelope.decompress(limits)?;
    envelope.verify(&payload)?;
    Ok(Retrieved { payload, format: envelope.format.to_owned() })
}

impl Envelope<'_> {
    /// The canonical form of these fields: an array, the block as bytes, the checksum as eight integers.
    ///
    /// # Errors
    ///
    /// [`TooLong`] for a block or a format of 4 GiB or more.
    pub fn to_bytes(&self) -> Result<Vec<u8>, TooLong> {
        let room = self.compressed.len().saturating_add(self.format.len());
        let mut writer = Writer::with_capacity(room.saturating_add(HEADER_BYTES_MAX + TAIL_BYTES));
        writer.list(4)?;
        writer.bytes(&self.compressed)?;
        writer.list(8)?;
        for byte in self.checksum {
            writer.unsigned(byte.into());
        }
        writer.unsigned(self.original_size);
        writer.text(self.format)?;
        Ok(writer.into_bytes())
    }

    /// The payload without a look at its checksum, which [`verify`](Self::verify) compares.
    ///
    /// # Errors
    ///
    /// [`EnvelopeError`] for sizes over a limit, checked before anything is allocated, and for a bad block.
    pub fn decompress(&self, limits: &Limits) -> Result<Vec<u8>, EnvelopeError> {
        if self.compressed.is_empty() {
            return Err(EnvelopeError::NothingCompressed);
        }
        limits.check_sizes(self.compressed.len() as u64, self.original_size)?;
        let declared = usize::try_from(self.original_size).map_err(|_| LimitError::Payload {
            bytes: self.original_size,
            bytes_max: limits.payload_bytes_max.min(usize::MAX as u64),
        })?;
        Ok(lz4::decompress(&self.compressed, declared)?)
    }

    /// Compares the checksum with that of the payload.
    ///
    /// # Errors
    ///
    /// [`EnvelopeError::Checksum`] if they differ.
    pub fn verify(&self, payload: &[u8]) -> Result<(), EnvelopeError> {
        let found = checksum(payload);
        if found == self.checksum {
            return Ok(());
        }
        Err(EnvelopeError::Checksum { expected: hex::encode(self.checksum), found: hex::encode(found) })
    }
}
