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
        match canonical(input) {
            Some(envelope) => Ok(envelope),
            None => Self::parse_any(input, limits),
        }
    }

    fn parse_any(input: &'a [u8], limits: &Limits) -> Result<Self, EnvelopeError> {
        let mut reader = Reader::new(input, limits);
        let mut fields = Fields::default();
        match next(&mut reader)? {
            Token::List(4) => {
                for name in FIELDS {
                    fields.read(name, &mut reader)?;
                }
            }
            Token::Map(pairs) => {
                for _ in 0..pairs {
                    let name = field_name(&next(&mut reader)?)?;
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

/// The one form that is written, which is nearly every envelope there is, without a token at a time. Whatever is not
/// exactly that form goes the long way, errors included.
fn canonical(input: &[u8]) -> Option<Envelope<'_>> {
    let (&[0x94, marker], rest) = input.split_first_chunk()? else { return None };
    let (length, rest) = match marker {
        0xc4 => {
            rest.split_first_chunk().map(|(length, rest)| (usize::from(u8::from_be_bytes(*length)), rest))?
        }
        0xc5 => {
            rest.split_first_chunk().map(|(length, rest)| (usize::from(u16::from_be_bytes(*length)), rest))?
        }
        0xc6 => {
            let (length, rest) = rest.split_first_chunk()?;
            (usize::try_from(u32::from_be_bytes(*length)).ok()?, rest)
        }
        _ => return None,
    };
    let (compressed, rest) = rest.split_at_checked(length)?;
    let mut rest = rest.strip_prefix(&[0x98])?;
    let mut checksum = [0; 8];
    for byte in &mut checksum {
        (*byte, rest) = match rest {
            [small @ 0..=0x7f, rest @ ..] | [0xcc, small, rest @ ..] => (*small, rest),
            _ => return None,
        };
    }
    let (original_size, rest) = match rest {
        [small @ 0..=0x7f, rest @ ..] | [0xcc, small, rest @ ..] => (u64::from(*small), rest),
        [0xcd, a, b, rest @ ..] => (u64::from(u16::from_be_bytes([*a, *b])), rest),
        [0xce, a, b, c, d, rest @ ..] => (u64::from(u32::from_be_bytes([*a, *b, *c, *d])), rest),
        _ => return None,
    };
    let (header, text) = rest.split_first()?;
    let is_whole = matches!(header, 0xa0..=0xbf) && usize::from(header & 0x1f) == text.len();
    let format = std::str::from_utf8(text).ok().filter(|_| is_whole)?;
    Some(Envelope { compressed: Cow::Borrowed(compressed), checksum, original_size, format })
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
                Token::Bytes(bytes) => {
                    let text = std::str::from_utf8(bytes);
                    let text = text.map_err(|_| shape("format is bytes that are not UTF-8"))?;
                    self.format.replace(text).is_some()
                }
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

/// The fields in the order of the array.
const FIELDS: [&str; 4] = ["compressed_data", "checksum", "original_size", "format"];

/// A map names its fields by text, by the same as bytes, or by their places in the array; the shared core reads all
/// three. An empty name stands for one that is not known.
fn field_name<'a>(token: &Token<'a>) -> Result<&'a str, EnvelopeError> {
    match token {
        Token::Text(name) => Ok(name),
        Token::Bytes(name) => Ok(std::str::from_utf8(name).unwrap_or_default()),
        Token::Int(place) if place.get() >= 0 => Ok(usize::try_from(place.get())
            .ok()
            .and_then(|place| FIELDS.get(place))
            .copied()
            .unwrap_or_default()),
        other => Err(shape(format!("a field is named by {}, not text", kind(other)))),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope;

    #[test]
    fn the_short_way_reads_what_the_long_way_reads() {
        let mut taken = 0_usize;
        for length in [0, 1, 100, 300, 70_000] {
            let payload: Vec<u8> =
                (0..length).map(|i: u32| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
            let stored = envelope::store(&payload, "msgpack").unwrap();
            assert!(canonical(&stored).is_some(), "{length}");
            let edges = (0..stored.len()).filter(|at| *at < 30 || at + 40 > stored.len());
            let flipped = edges.flat_map(|at| (0..8).map(move |bit| (at, bit))).map(|(at, bit)| {
                let mut flipped = stored.clone();
                flipped[at] ^= 1 << bit;
                flipped
            });
            let cut = stored.len().saturating_sub(40)..stored.len();
            let longer = [&stored[..], &[0]].concat();
            for input in flipped.chain(cut.map(|end| stored[..end].to_vec())).chain([longer, stored.clone()])
            {
                if let Some(short) = canonical(&input) {
                    assert_eq!(Envelope::parse_any(&input, &Limits::PROTOCOL), Ok(short));
                    taken += 1;
                }
            }
        }
        assert!(taken > 100, "{taken}");
    }
}
