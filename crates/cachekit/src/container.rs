//! The interop/v2 container. **A draft**: no SDK writes it yet, and its document may still change. Two bytes `C1 02`,
//! then the MessagePack array `[method, original_size, payload]`, where the payload is the document itself (method 0)
//! or one LZ4 block of it (method 1). Whether a namespace uses v1 or v2 is configured, never guessed from the bytes.
//!
//! ```
//! use larder_cachekit::container;
//!
//! let stored = container::store(&[0x2a; 500])?;
//! assert!(stored.len() < 50);
//! assert_eq!(container::retrieve(&stored)?, [0x2a; 500]);
//! # Ok::<(), container::ContainerError>(())
//! ```

use thiserror::Error;

use crate::limits::{LimitError, Limits};
use crate::lz4::{self, BlockError};
use crate::msgpack::{DecodeError, Reader, Token, TooLong, Writer};

/// The first two bytes: a byte that MessagePack never uses, and the version.
pub const MAGIC: [u8; 2] = [0xc1, 0x02];

/// How the payload is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// As it is.
    Stored,
    /// One LZ4 block.
    Lz4,
}

/// Why bytes are not a container of the draft.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ContainerError {
    /// Does not begin with `C1`.
    #[error("does not begin with the byte c1: possibly an interop/v1 value")]
    Magic,
    /// Begins with `C1` but another version follows.
    #[error("container version {found}; only version 2 is known")]
    Version {
        /// The second byte, if there is one.
        found: String,
    },
    /// The body is not one MessagePack document.
    #[error("after the two magic bytes: {0}")]
    Decode(#[from] DecodeError),
    /// The body is not `[method, original_size, payload]`.
    #[error("not a container body: {what}")]
    Shape {
        /// What does not fit.
        what: &'static str,
    },
    /// A number is written in MessagePack's signed family.
    #[error("{field} is written as a signed integer (marker {marker:#04x}); only unsigned forms are allowed")]
    Signed {
        /// `method` or `original_size`.
        field: &'static str,
        /// The first byte of the number.
        marker: u8,
    },
    /// A method that the draft does not have.
    #[error("compression method {method}; only 0 (stored) and 1 (LZ4) are known")]
    Method {
        /// The number.
        method: u64,
    },
    /// A stored payload has not the declared size.
    #[error("{found} bytes are stored where {declared} are declared")]
    Size {
        /// Bytes declared.
        declared: u64,
        /// Bytes found.
        found: u64,
    },
    /// A compressed payload of no bytes.
    #[error("the compressed payload is empty")]
    NothingCompressed,
    /// A size over a limit.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// The block does not hold what is declared.
    #[error(transparent)]
    Block(#[from] BlockError),
    /// A payload too long to write.
    #[error(transparent)]
    TooLong(#[from] TooLong),
}

/// A container's fields, nothing decompressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Container<'a> {
    /// How the payload is stored.
    pub method: Method,
    /// Bytes of the document, as declared.
    pub original_size: u64,
    /// The document or its LZ4 block.
    pub payload: &'a [u8],
}

/// The container of a document: compressed where that makes it smaller.
///
/// # Errors
///
/// [`ContainerError::Limit`] for a document over 512 MiB.
pub fn store(document: &[u8]) -> Result<Vec<u8>, ContainerError> {
    let block = lz4::compress(document);
    if block.len() < document.len() {
        store_with(Method::Lz4, document, &block)
    } else {
        store_with(Method::Stored, document, document)
    }
}

/// The container of a document, never compressed.
///
/// # Errors
///
/// As [`store`].
pub fn store_uncompressed(document: &[u8]) -> Result<Vec<u8>, ContainerError> {
    store_with(Method::Stored, document, document)
}

fn store_with(method: Method, document: &[u8], payload: &[u8]) -> Result<Vec<u8>, ContainerError> {
    let original_size = document.len() as u64;
    check_sizes(method, original_size, payload.len() as u64, &Limits::PROTOCOL)?;
    let mut writer = Writer::with_capacity(payload.len().saturating_add(18));
    writer.document(&MAGIC);
    writer.list(3)?;
    writer.unsigned(match method {
        Method::Stored => 0,
        Method::Lz4 => 1,
    });
    writer.unsigned(original_size);
    writer.bytes(payload)?;
    Ok(writer.into_bytes())
}

/// The document in a container.
///
/// # Errors
///
/// [`ContainerError`]; for a cache, a miss.
pub fn retrieve(container: &[u8]) -> Result<Vec<u8>, ContainerError> {
    retrieve_within(container, &Limits::PROTOCOL)
}

/// [`retrieve`] with limits of one's own.
///
/// # Errors
///
/// As [`retrieve`].
pub fn retrieve_within(container: &[u8], limits: &Limits) -> Result<Vec<u8>, ContainerError> {
    let Container { method, original_size, payload } = Container::parse(container, limits)?;
    check_sizes(method, original_size, payload.len() as u64, limits)?;
    match method {
        Method::Stored => Ok(payload.to_vec()),
        Method::Lz4 => {
            let declared = usize::try_from(original_size)
                .map_err(|_| LimitError::Payload { bytes: original_size, bytes_max: usize::MAX as u64 })?;
            Ok(lz4::decompress(payload, declared)?)
        }
    }
}

fn check_sizes(method: Method, original: u64, payload: u64, limits: &Limits) -> Result<(), ContainerError> {
    match method {
        Method::Stored if original != payload => {
            Err(ContainerError::Size { declared: original, found: payload })
        }
        Method::Stored if original > limits.payload_bytes_max => {
            Err(LimitError::Payload { bytes: original, bytes_max: limits.payload_bytes_max }.into())
        }
        Method::Stored => Ok(()),
        Method::Lz4 if payload == 0 => Err(ContainerError::NothingCompressed),
        Method::Lz4 => Ok(limits.check_sizes(payload, original)?),
    }
}

impl<'a> Container<'a> {
    /// Reads the fields.
    ///
    /// # Errors
    ///
    /// [`ContainerError`], except for sizes, which [`retrieve`] checks.
    pub fn parse(input: &'a [u8], limits: &Limits) -> Result<Self, ContainerError> {
        let body = match input {
            [0xc1, 0x02, body @ ..] => body,
            [0xc1, version, ..] => return Err(ContainerError::Version { found: version.to_string() }),
            [0xc1] => return Err(ContainerError::Version { found: "missing".into() }),
            _ => return Err(ContainerError::Magic),
        };
        let mut reader = Reader::new(body, limits);
        if reader.next_token()? != Some(Token::List(3)) {
            return Err(ContainerError::Shape { what: "not an array of 3" });
        }
        let method = match unsigned("method", body, &mut reader)? {
            0 => Method::Stored,
            1 => Method::Lz4,
            method => return Err(ContainerError::Method { method }),
        };
        let original_size = unsigned("original_size", body, &mut reader)?;
        let Some(Token::Bytes(payload)) = reader.next_token()? else {
            return Err(ContainerError::Shape { what: "the payload is not bytes (bin)" });
        };
        match reader.next_token()? {
            None => Ok(Self { method, original_size, payload }),
            Some(_) => Err(ContainerError::Shape { what: "more than three elements" }),
        }
    }
}

fn unsigned(field: &'static str, body: &[u8], reader: &mut Reader<'_>) -> Result<u64, ContainerError> {
    let marker = body.get(reader.position()).copied().unwrap_or_default();
    let Some(Token::Int(number)) = reader.next_token()? else {
        return Err(ContainerError::Shape { what: "the first two elements are not integers" });
    };
    match marker {
        0xd0..=0xd3 | 0xe0..=0xff => Err(ContainerError::Signed { field, marker }),
        // The unsigned family holds nothing negative.
        _ => u64::try_from(number.get()).map_err(|_| ContainerError::Signed { field, marker }),
    }
}
