//! Requests, both ways: eleven bytes (operation, key type, value type, two lengths), then the key, then the value.

use super::{Invalid, KeyType, Limits, Op, Part, TooLong, Unencodable, ValueType, Violation};
use crate::Decoded;
use crate::decode::{Cursor, Stop};

/// One request. What it carries is borrowed from the input.
///
/// `discard` counts bytes that follow the request in the stream and belong to it: read past them, then go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request<'b> {
    /// Read a value.
    Get {
        /// May be empty.
        key: &'b str,
        /// The bytes of a value, which a GET may have and nobody looks at.
        discard: u64,
    },
    /// Store a value.
    Put {
        /// May be empty.
        key: &'b str,
        /// How the value is written.
        value_type: ValueType,
        /// Bytes that should be a value of that type: see [`ValueType::check`].
        value: &'b [u8],
    },
    /// Delete a key.
    Delete {
        /// May be empty.
        key: &'b str,
        /// The bytes of a value, which a DELETE may have and nobody looks at.
        discard: u64,
    },
    /// Well framed but wrong: answer with [`response::invalid`](super::response::invalid).
    Invalid {
        /// What is wrong.
        reason: Invalid,
        /// What remains of the request, up to 2^32 - 2 bytes.
        discard: u64,
    },
}

/// Decodes the request that `input` begins with.
///
/// # Errors
///
/// A [`Violation`] if its lengths cannot be.
#[inline]
pub fn decode<'b>(input: &'b [u8], limits: &Limits) -> Result<Decoded<Request<'b>>, Violation> {
    let mut cursor = Cursor::new(input);
    let outcome = request(&mut cursor, limits);
    cursor.finish(outcome)
}

#[inline]
fn request<'b>(cursor: &mut Cursor<'b>, limits: &Limits) -> Result<Request<'b>, Stop<Violation>> {
    let [op, key_type, value_type, k0, k1, k2, k3, v0, v1, v2, v3] = cursor.array()?;
    let key_len = length(Part::Key, [k0, k1, k2, k3])?;
    let value_len = length(Part::Value, [v0, v1, v2, v3])?;
    let (op, value_type) = match understand([op, key_type, value_type], key_len, value_len, limits) {
        Ok(understood) => understood,
        Err(reason) => {
            let discard = u64::from(key_len).saturating_add(value_len.into());
            return Ok(Request::Invalid { reason, discard });
        }
    };
    let key = match std::str::from_utf8(cursor.bytes(key_len)?) {
        Ok(key) => key,
        Err(error) => {
            let reason = Invalid::KeyNotUtf8 { offset: error.valid_up_to() };
            return Ok(Request::Invalid { reason, discard: value_len.into() });
        }
    };
    Ok(match op {
        Op::Get => Request::Get { key, discard: value_len.into() },
        Op::Put => Request::Put { key, value_type, value: cursor.bytes(value_len)? },
        Op::Delete => Request::Delete { key, discard: value_len.into() },
    })
}

#[inline]
fn length(part: Part, bytes: [u8; 4]) -> Result<u32, Stop<Violation>> {
    let len = i32::from_be_bytes(bytes);
    u32::try_from(len).map_err(|_| Stop::Violation(Violation::NegativeLength { part, len }))
}

/// Judges all that the first eleven bytes say. The value type matters in a PUT alone.
#[inline]
fn understand(
    [op, key_type, value_type]: [u8; 3],
    key_len: u32,
    value_len: u32,
    limits: &Limits,
) -> Result<(Op, ValueType), Invalid> {
    let op = Op::from_byte(op).ok_or(Invalid::UnknownOp { byte: op })?;
    KeyType::from_byte(key_type).ok_or(Invalid::UnknownKeyType { byte: key_type })?;
    let value_type = match op {
        Op::Put => {
            ValueType::from_put_byte(value_type).ok_or(Invalid::UnknownValueType { byte: value_type })?
        }
        Op::Get | Op::Delete => ValueType::Json,
    };
    if key_len > limits.key_bytes_max {
        return Err(Invalid::KeyTooLong { len: key_len, max: limits.key_bytes_max });
    }
    if op == Op::Put && value_len > limits.value_bytes_max {
        let (len, max) = (value_len.into(), limits.value_bytes_max.into());
        return Err(Invalid::ValueTooLong { len, max });
    }
    Ok((op, value_type))
}

impl Request<'_> {
    /// The bytes that follow this request in the stream and belong to it.
    #[inline]
    pub fn discard(&self) -> u64 {
        match *self {
            Self::Get { discard, .. } | Self::Delete { discard, .. } | Self::Invalid { discard, .. } => {
                discard
            }
            Self::Put { .. } => 0,
        }
    }

    /// Appends this request to `out`. A GET or DELETE is written without value bytes, whatever its `discard`, and with
    /// value type 0, as the document's examples have it.
    ///
    /// # Errors
    ///
    /// If a part is longer than 2^31 - 1 bytes, or this is [`Invalid`](Self::Invalid). `out` is then as it was.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Unencodable> {
        let (op, value_type, key, value) = match *self {
            Self::Get { key, .. } => (Op::Get, 0, key, &[][..]),
            Self::Put { key, value_type, value } => (Op::Put, value_type.byte(), key, value),
            Self::Delete { key, .. } => (Op::Delete, 0, key, &[][..]),
            Self::Invalid { reason, .. } => return Err(Unencodable::Invalid(reason)),
        };
        let key_len = say(Part::Key, key.len())?;
        let value_len = say(Part::Value, value.len())?;
        out.reserve(key.len().saturating_add(value.len()).saturating_add(11));
        out.extend_from_slice(&[op.byte(), KeyType::Utf8.byte(), value_type]);
        out.extend_from_slice(&key_len);
        out.extend_from_slice(&value_len);
        out.extend_from_slice(key.as_bytes());
        out.extend_from_slice(value);
        Ok(())
    }
}

/// A length as the wire has it.
#[inline]
pub(super) fn say(part: Part, len: usize) -> Result<[u8; 4], TooLong> {
    match i32::try_from(len) {
        Ok(len) => Ok(len.to_be_bytes()),
        Err(_) => Err(TooLong { part, len: len as u64 }),
    }
}
