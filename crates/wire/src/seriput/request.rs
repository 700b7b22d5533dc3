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

/// How long the request is that `input` begins with, in bytes, whatever else is wrong with it; nothing while its lengths
/// have not arrived, or if they cannot be.
pub fn frame_bytes(input: &[u8]) -> Option<u64> {
    let (key_len, value_len) = lengths(input)?;
    Some(11_u64.saturating_add(key_len.into()).saturating_add(value_len.into()))
}

/// The lengths of key and value of the request that `input` begins with, in bytes; nothing while they have not arrived, or
/// if they cannot be.
pub fn lengths(input: &[u8]) -> Option<(u32, u32)> {
    let [_, _, _, k0, k1, k2, k3, v0, v1, v2, v3] = *input.first_chunk()?;
    let key_len = length(Part::Key, [k0, k1, k2, k3]).ok()?;
    let value_len = length(Part::Value, [v0, v1, v2, v3]).ok()?;
    Some((key_len, value_len))
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

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { key_bytes_max: 4, value_bytes_max: 8 };

    fn head(types: [u8; 3], key_len: i32, value_len: i32) -> Vec<u8> {
        [&types[..], &key_len.to_be_bytes(), &value_len.to_be_bytes()].concat()
    }

    fn frame<'b>(value: Request<'b>, used: usize) -> Result<Decoded<Request<'b>>, Violation> {
        Ok(Decoded::Frame { value, used })
    }

    fn invalid(reason: Invalid, discard: u64) -> Result<Decoded<Request<'static>>, Violation> {
        frame(Request::Invalid { reason, discard }, 11)
    }

    #[test]
    fn a_put_asks_for_its_head_its_key_and_its_value() {
        let whole = [&head([2, 1, 1], 3, 4)[..], b"keynull"].concat();
        for (len, need) in [(0, 11), (10, 11), (11, 14), (13, 14), (14, 18), (17, 18)] {
            assert_eq!(decode(&whole[..len], &LIMITS), Ok(Decoded::Need(need)), "{len} bytes");
        }
        let put = Request::Put { key: "key", value_type: ValueType::Json, value: b"null" };
        assert_eq!(decode(&whole, &LIMITS), frame(put, 18));
    }

    #[test]
    fn a_get_ends_with_its_key_and_leaves_value_bytes_to_be_discarded() {
        let input = [&head([1, 1, 0x7f], 3, i32::MAX)[..], b"key"].concat();
        let get = Request::Get { key: "key", discard: i32::MAX as u64 };
        assert_eq!(decode(&input, &LIMITS), frame(get, 14));
        assert_eq!(get.discard(), i32::MAX as u64);
    }

    #[test]
    fn what_is_unknown_is_refused_from_the_head_and_read_past() {
        let decode = |types| decode(&head(types, 3, 4), &LIMITS).map(|frame| format!("{frame:?}"));
        let shown = |reason| invalid(reason, 7).map(|frame| format!("{frame:?}"));
        assert_eq!(decode([9, 1, 1]), shown(Invalid::UnknownOp { byte: 9 }));
        assert_eq!(decode([1, 9, 1]), shown(Invalid::UnknownKeyType { byte: 9 }));
        assert_eq!(decode([2, 1, 9]), shown(Invalid::UnknownValueType { byte: 9 }));
        assert_eq!(decode([9, 9, 9]), shown(Invalid::UnknownOp { byte: 9 }));
    }

    #[test]
    fn a_length_at_its_limit_is_taken_and_a_longer_one_refused_from_the_head() {
        assert_eq!(decode(&head([2, 1, 1], 4, 8), &LIMITS), Ok(Decoded::Need(15)));
        for (key_len, discard) in [(5, 13), (i32::MAX, i32::MAX as u64 + 8)] {
            let reason = Invalid::KeyTooLong { len: key_len as u32, max: 4 };
            assert_eq!(decode(&head([2, 1, 1], key_len, 8), &LIMITS), invalid(reason, discard));
        }
        for (value_len, discard) in [(9, 13), (i32::MAX, i32::MAX as u64 + 4)] {
            let reason = Invalid::ValueTooLong { len: value_len as u64, max: 8 };
            assert_eq!(decode(&head([2, 1, 1], 4, value_len), &LIMITS), invalid(reason, discard));
        }
    }

    #[test]
    fn the_longest_lengths_are_added_in_64_bits() {
        let reason = Invalid::KeyTooLong { len: i32::MAX as u32, max: 4 };
        let input = head([2, 1, 1], i32::MAX, i32::MAX);
        assert_eq!(decode(&input, &LIMITS), invalid(reason, 2 * i32::MAX as u64));
    }

    #[test]
    fn a_negative_length_is_a_violation_whatever_the_rest_says() {
        for types in [[1, 1, 1], [9, 9, 9]] {
            for len in [-1, i32::MIN] {
                let of = |part| Err(Violation::NegativeLength { part, len });
                assert_eq!(decode(&head(types, len, 0), &LIMITS), of(Part::Key));
                assert_eq!(decode(&head(types, 0, len), &LIMITS), of(Part::Value));
            }
        }
        // The two that cancel each other out.
        let violation = Violation::NegativeLength { part: Part::Value, len: -11 };
        assert_eq!(decode(&head([1, 1, 1], 0, -11), &LIMITS), Err(violation));
    }

    #[test]
    fn the_length_of_a_request_is_known_from_its_head_whatever_the_rest_says() {
        let whole = head([9, 9, 9], i32::MAX, i32::MAX);
        assert_eq!(frame_bytes(&whole), Some(11 + 2 * i32::MAX as u64));
        assert_eq!(frame_bytes(&whole[..10]), None);
        assert_eq!(frame_bytes(&head([1, 1, 1], 0, -1)), None);
    }

    #[test]
    fn a_key_that_is_not_utf8_is_refused_without_waiting_for_the_value() {
        let input = [&head([2, 1, 1], 2, 8)[..], b"a\xff"].concat();
        let reason = Invalid::KeyNotUtf8 { offset: 1 };
        assert_eq!(decode(&input, &LIMITS), frame(Request::Invalid { reason, discard: 8 }, 13));
    }

    #[test]
    fn a_request_that_is_invalid_has_no_bytes_to_encode() {
        let mut out = b"before".to_vec();
        let reason = Invalid::UnknownOp { byte: 9 };
        let request = Request::Invalid { reason, discard: 0 };
        assert_eq!(request.encode(&mut out), Err(Unencodable::Invalid(reason)));
        assert_eq!(out, b"before");
    }

    #[test]
    fn a_length_of_31_bits_can_be_said_and_no_longer_one() {
        assert_eq!(say(Part::Value, i32::MAX as usize), Ok([0x7f, 0xff, 0xff, 0xff]));
        let len = 1 << 31;
        assert_eq!(say(Part::Value, len as usize), Err(TooLong { part: Part::Value, len }));
    }

    #[test]
    fn discard_is_what_was_sent_and_is_not_sent_on() {
        let mut out = Vec::new();
        Request::Get { key: "k", discard: 9 }.encode(&mut out).unwrap();
        assert_eq!(decode(&out, &LIMITS), frame(Request::Get { key: "k", discard: 0 }, 12));
    }
}
