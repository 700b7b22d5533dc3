//! From bytes to the four fields of an envelope, in every form that the shared core of the SDKs reads.

use std::borrow::Cow;

use super::EnvelopeError;
use crate::limits::Limits;
use crate::msgpack::{DecodeError, Reader, Token};

/// The fields of an envelope, nothing decompressed and nothing proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// The LZ4 block; borrowed unless it was written as integers.
    pub compressed: Cow<'a, [u8]>,
    /// xxHash3-64 of the payload, big-endian.
    pub checksum: [u8; 8],
    /// Bytes of the payload, as declared.
    pub original_size: u64,
    /// The format name.
    pub format: &'a str,
}

/// The four fields as they come; a map may give them in any order.
#[derive(Default)]
struct Fields<'a> {
    compressed: Option<Cow<'a, [u8]>>,
    checksum: Option<[u8; 8]>,
    original_size: Option<u64>,
    format: Option<&'a str>,
}

impl<'a> Envelope<'a> {
    /// Reads the fields.
    ///
    /// # Errors
    ///
    /// [`EnvelopeError::Decode`] and [`EnvelopeError::Shape`].
    pub fn parse(input: &'a [u8], limits: &Limits) -> Result<Self, EnvelopeError> {
        let mut reader = Reader::new(input, limits);
        let mut fields = Fields::default();
        match next(&mut reader)? {
            Token::List(4) => {
                for name in ["compressed_data", "checksum", "original_size", "format"] {
                    fields.read(name, &mut reader)?;
                }
            }
            Token::Map(pairs) => {
                for _ in 0..pairs {
                    let Token::Text(name) = next(&mut reader)? else {
                        return Err(shape("a field name is not text"));
                    };
                    fields.read(name, &mut reader)?;
                }
            }
            Token::List(items) => return Err(shape(format!("an array of {items} elements, not 4"))),
            other => return Err(shape(format!("{}, not an array of 4 or a map", kind(&other)))),
        }
        if reader.next_token()?.is_some() {
            return Err(shape("more elements than fields"));
        }
        fields.complete()
    }
}

impl<'a> Fields<'a> {
    fn read(&mut self, name: &str, reader: &mut Reader<'a>) -> Result<(), EnvelopeError> {
        let twice = match name {
            "compressed_data" => self.compressed.replace(byte_field(name, reader)?).is_some(),
            "checksum" => {
                let bytes = byte_field(name, reader)?;
                let checksum = <[u8; 8]>::try_from(bytes.as_ref());
                let checksum =
                    checksum.map_err(|_| shape(format!("a checksum of {} bytes, not 8", bytes.len())))?;
                self.checksum.replace(checksum).is_some()
            }
            "original_size" => self.original_size.replace(unsigned(name, &next(reader)?)?).is_some(),
            "format" => match next(reader)? {
                Token::Text(text) => self.format.replace(text).is_some(),
                other => return Err(shape(format!("format is {}, not text", kind(&other)))),
            },
            // A later minor version may add entries to the map.
            _ => return skip(reader),
        };
        if twice { Err(shape(format!("{name} appears twice"))) } else { Ok(()) }
    }

    fn complete(self) -> Result<Envelope<'a>, EnvelopeError> {
        let missing = |name: &str| shape(format!("{name} is missing"));
        Ok(Envelope {
            compressed: self.compressed.ok_or_else(|| missing("compressed_data"))?,
            checksum: self.checksum.ok_or_else(|| missing("checksum"))?,
            original_size: self.original_size.ok_or_else(|| missing("original_size"))?,
            format: self.format.ok_or_else(|| missing("format"))?,
        })
    }
}

/// Bytes, or an array of integers from 0 to 255 as cores before 0.4 wrote them.
fn byte_field<'a>(name: &str, reader: &mut Reader<'a>) -> Result<Cow<'a, [u8]>, EnvelopeError> {
    match next(reader)? {
        Token::Bytes(bytes) => Ok(Cow::Borrowed(bytes)),
        Token::List(items) => {
            // The reader has compared the count with the input.
            let mut bytes = Vec::with_capacity(items as usize);
            for _ in 0..items {
                let number = unsigned(name, &next(reader)?)?;
                let byte =
                    u8::try_from(number).map_err(|_| shape(format!("{name} holds {number}, not a byte")))?;
                bytes.push(byte);
            }
            Ok(Cow::Owned(bytes))
        }
        other => Err(shape(format!("{name} is {}, not bytes", kind(&other)))),
    }
}

fn unsigned(name: &str, token: &Token<'_>) -> Result<u64, EnvelopeError> {
    match token {
        Token::Int(number) => u64::try_from(number.get())
            .map_err(|_| shape(format!("{name} holds the negative number {number}"))),
        other => Err(shape(format!("{name} holds {}, not an integer", kind(other)))),
    }
}

fn skip(reader: &mut Reader<'_>) -> Result<(), EnvelopeError> {
    let mut owed = 1_u64;
    while owed > 0 {
        let inside = match next(reader)? {
            Token::List(items) => u64::from(items),
            Token::Map(pairs) => u64::from(pairs).saturating_mul(2),
            _ => 0,
        };
        owed = owed.saturating_sub(1).saturating_add(inside);
    }
    Ok(())
}

fn next<'a>(reader: &mut Reader<'a>) -> Result<Token<'a>, EnvelopeError> {
    // None cannot come while fields are owed; if it did, it would be the end of the input.
    Ok(reader.next_token()?.ok_or(DecodeError::Truncated { at: reader.position() })?)
}

fn shape(what: impl Into<String>) -> EnvelopeError {
    EnvelopeError::Shape { what: what.into() }
}

const fn kind(token: &Token<'_>) -> &'static str {
    match token {
        Token::Nil => "nil",
        Token::Bool(_) => "a boolean",
        Token::Int(_) => "an integer",
        Token::Float(_) => "a float",
        Token::Text(_) => "text",
        Token::Bytes(_) => "bytes",
        Token::List(_) => "an array",
        Token::Map(_) => "a map",
        Token::Extension { .. } => "an extension",
    }
}
