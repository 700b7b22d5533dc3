//! Requests, both ways. A request is a command byte and its fields in the order of the published page; strings and
//! keys are a `u32` length and bytes, AUTH's token included.

use super::{Command, Limits, TooLong, Violation};
use crate::Decoded;
use crate::decode::{Cursor, Stop};
use std::fmt;

/// One request. What it carries is borrowed from the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request<'b> {
    /// Is the server there?
    Ping,
    /// Which version is it?
    Version,
    /// Authorize this connection.
    Auth {
        /// Any bytes; a server may insist on UTF-8.
        token: &'b [u8],
    },
    /// Read a value.
    Get {
        /// Any bytes, also none.
        key: &'b [u8],
    },
    /// Store a value.
    Set {
        /// Any bytes, also none.
        key: &'b [u8],
        /// Any bytes; an empty value is for the cache to refuse.
        value: &'b [u8],
        /// Seconds from now; 0 = never expires.
        ttl_s: u32,
    },
    /// Delete a key.
    Del {
        /// Any bytes, also none.
        key: &'b [u8],
    },
    /// Is a key there?
    Has {
        /// Any bytes, also none.
        key: &'b [u8],
    },
    /// Read a value without using it.
    Peek {
        /// Any bytes, also none.
        key: &'b [u8],
    },
    /// Set a key's time to live.
    Ttl {
        /// Any bytes, also none.
        key: &'b [u8],
        /// Seconds from now; 0 = never expires.
        ttl_s: u32,
    },
    /// How long is a value?
    Size {
        /// Any bytes, also none.
        key: &'b [u8],
    },
    /// Delete everything.
    Wipe,
    /// Set the size of the cache.
    Resize {
        /// In bytes; 0 is for the cache to refuse.
        size: u64,
    },
    /// Set the eviction policy.
    Policy {
        /// The name as it came; it should be UTF-8.
        name: &'b [u8],
    },
    /// Ask for sizes, counters and policies.
    Status,
    /// A well-framed request with a part above its limit, known from the lengths alone. It ends where that part
    /// begins, and `discard` bytes follow it in the stream that belong to it: read past them, then go on.
    Oversized {
        /// The command that it would have been.
        command: Command,
        /// The part that is too long.
        part: Part,
        /// The length claimed for that part, in bytes.
        len: u32,
        /// The limit, in bytes.
        max: u32,
        /// Bytes of this request that follow, 0 to 2^32 + 3. Behind the key of a SET there is more, whose length is not
        /// known yet: see [`has_rest`](Request::has_rest).
        discard: u64,
    },
    /// What follows the oversized key of a SET, by [`decode_rest`]: its value and its TTL, to be read past as well.
    Rest {
        /// Bytes of the request that follow, 4 to 2^32 + 3.
        discard: u64,
    },
}

/// A part of a request that has a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// A key.
    Key,
    /// The value of a SET.
    Value,
    /// The token of AUTH, the name in POLICY.
    Text,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key => "key",
            Self::Value => "value",
            Self::Text => "text",
        })
    }
}

/// Decodes the request that `input` begins with.
///
/// # Errors
///
/// A [`Violation`] if the bytes are no request, or one whose end cannot be known within the limits.
#[inline]
pub fn decode<'b>(input: &'b [u8], limits: &Limits) -> Result<Decoded<Request<'b>>, Violation> {
    let mut cursor = Cursor::new(input);
    let outcome = request(&mut cursor, limits);
    cursor.finish(outcome)
}

/// Decodes what is left of a SET whose oversized key has been read past, up to the length of its value: a
/// [`Request::Rest`]. It needs four bytes, whatever they are.
pub fn decode_rest(input: &[u8]) -> Decoded<Request<'_>> {
    match input.first_chunk() {
        Some(&len) => {
            // The TTL follows the value.
            let discard = u64::from(u32::from_le_bytes(len)).saturating_add(4);
            Decoded::Frame { value: Request::Rest { discard }, used: len.len() }
        }
        None => Decoded::Need(4),
    }
}

/// The lengths of the key and of the value of the SET that `input` begins with, as soon as they have arrived; nothing if
/// it is another command.
pub fn set_lengths(input: &[u8]) -> Option<(u32, u32)> {
    let mut cursor = Cursor::new(input);
    let is_set = cursor.byte().ok()? == Command::Set.byte();
    let key_len = u32::from_le_bytes(cursor.array().ok()?);
    let (_, value_len) = cursor.bytes_then(key_len).ok()?;
    is_set.then_some((key_len, u32::from_le_bytes(value_len)))
}

#[inline]
fn request<'b>(cursor: &mut Cursor<'b>, limits: &Limits) -> Result<Request<'b>, Stop<Violation>> {
    let byte = cursor.byte()?;
    let Some(command) = Command::from_byte(byte) else {
        return Err(Stop::Violation(Violation::UnknownCommand { byte }));
    };
    match command {
        Command::Ping => Ok(Request::Ping),
        Command::Version => Ok(Request::Version),
        Command::Auth => text(cursor, limits, command, |token| Request::Auth { token }),
        Command::Get => keyed(cursor, limits, command, |key| Request::Get { key }),
        Command::Set => set(cursor, limits),
        Command::Del => keyed(cursor, limits, command, |key| Request::Del { key }),
        Command::Has => keyed(cursor, limits, command, |key| Request::Has { key }),
        Command::Peek => keyed(cursor, limits, command, |key| Request::Peek { key }),
        Command::Ttl => ttl(cursor, limits),
        Command::Size => keyed(cursor, limits, command, |key| Request::Size { key }),
        Command::Wipe => Ok(Request::Wipe),
        Command::Resize => Ok(Request::Resize { size: u64::from_le_bytes(cursor.array()?) }),
        Command::Policy => text(cursor, limits, command, |name| Request::Policy { name }),
        Command::Status => Ok(Request::Status),
    }
}

/// A command that carries a key alone.
#[inline]
fn keyed<'b>(
    cursor: &mut Cursor<'b>,
    limits: &Limits,
    command: Command,
    request: impl FnOnce(&'b [u8]) -> Request<'b>,
) -> Result<Request<'b>, Stop<Violation>> {
    let len = u32::from_le_bytes(cursor.array()?);
    let max = limits.key_bytes_max;
    if len > max {
        return Ok(Request::Oversized { command, part: Part::Key, len, max, discard: len.into() });
    }
    Ok(request(cursor.bytes(len)?))
}

/// A command that carries a token or a name.
#[inline]
fn text<'b>(
    cursor: &mut Cursor<'b>,
    limits: &Limits,
    command: Command,
    request: impl FnOnce(&'b [u8]) -> Request<'b>,
) -> Result<Request<'b>, Stop<Violation>> {
    let len = u32::from_le_bytes(cursor.array()?);
    let max = limits.text_bytes_max;
    if len > max {
        return Ok(Request::Oversized { command, part: Part::Text, len, max, discard: len.into() });
    }
    Ok(request(cursor.bytes(len)?))
}

#[inline]
fn set<'b>(cursor: &mut Cursor<'b>, limits: &Limits) -> Result<Request<'b>, Stop<Violation>> {
    let len = u32::from_le_bytes(cursor.array()?);
    let max = limits.key_bytes_max;
    if len > max {
        // How long the value is stands behind the key.
        let command = Command::Set;
        return Ok(Request::Oversized { command, part: Part::Key, len, max, discard: len.into() });
    }
    let (key, len) = cursor.bytes_then(len)?;
    let len = u32::from_le_bytes(len);
    let max = limits.value_bytes_max;
    if len > max {
        // The TTL follows the value.
        let discard = u64::from(len).saturating_add(4);
        return Ok(Request::Oversized { command: Command::Set, part: Part::Value, len, max, discard });
    }
    let (value, ttl_s) = cursor.bytes_then(len)?;
    Ok(Request::Set { key, value, ttl_s: u32::from_le_bytes(ttl_s) })
}

#[inline]
fn ttl<'b>(cursor: &mut Cursor<'b>, limits: &Limits) -> Result<Request<'b>, Stop<Violation>> {
    let len = u32::from_le_bytes(cursor.array()?);
    let max = limits.key_bytes_max;
    if len > max {
        let discard = u64::from(len).saturating_add(4);
        return Ok(Request::Oversized { command: Command::Ttl, part: Part::Key, len, max, discard });
    }
    let (key, ttl_s) = cursor.bytes_then(len)?;
    Ok(Request::Ttl { key, ttl_s: u32::from_le_bytes(ttl_s) })
}

impl Request<'_> {
    /// The command that this is a request for.
    #[inline]
    pub fn command(&self) -> Command {
        match *self {
            Self::Ping => Command::Ping,
            Self::Version => Command::Version,
            Self::Auth { .. } => Command::Auth,
            Self::Get { .. } => Command::Get,
            Self::Set { .. } | Self::Rest { .. } => Command::Set,
            Self::Del { .. } => Command::Del,
            Self::Has { .. } => Command::Has,
            Self::Peek { .. } => Command::Peek,
            Self::Ttl { .. } => Command::Ttl,
            Self::Size { .. } => Command::Size,
            Self::Wipe => Command::Wipe,
            Self::Resize { .. } => Command::Resize,
            Self::Policy { .. } => Command::Policy,
            Self::Status => Command::Status,
            Self::Oversized { command, .. } => command,
        }
    }

    /// The bytes that follow this request in the stream and belong to it: 0 for all but
    /// [`Oversized`](Self::Oversized) and [`Rest`](Self::Rest).
    #[inline]
    pub fn discard(&self) -> u64 {
        match *self {
            Self::Oversized { discard, .. } | Self::Rest { discard } => discard,
            _ => 0,
        }
    }

    /// Whether behind the bytes to be discarded comes not the next request but more of this one, for [`decode_rest`]:
    /// the key of a SET stands before the length of its value.
    #[inline]
    pub fn has_rest(&self) -> bool {
        matches!(self, Self::Oversized { command: Command::Set, part: Part::Key, .. })
    }

    /// Appends this request to `out`.
    ///
    /// # Errors
    ///
    /// [`TooLong`] if a key, value or text is longer than 2^32 - 1 bytes, or if this is
    /// [`Oversized`](Self::Oversized) or its [`Rest`](Self::Rest), whose oversized part is not there. `out` is then as
    /// it was.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), TooLong> {
        let command = self.command();
        match *self {
            Self::Ping | Self::Version | Self::Wipe | Self::Status => out.push(command.byte()),
            Self::Auth { token: text } | Self::Policy { name: text } => {
                one(out, command, Part::Text, text, &[])?;
            }
            Self::Get { key }
            | Self::Del { key }
            | Self::Has { key }
            | Self::Peek { key }
            | Self::Size { key } => {
                one(out, command, Part::Key, key, &[])?;
            }
            Self::Ttl { key, ttl_s } => one(out, command, Part::Key, key, &ttl_s.to_le_bytes())?,
            Self::Set { key, value, ttl_s } => encode_set(out, key, value, ttl_s)?,
            Self::Resize { size } => {
                let [a, b, c, d, e, f, g, h] = size.to_le_bytes();
                out.extend_from_slice(&[command.byte(), a, b, c, d, e, f, g, h]);
            }
            Self::Oversized { part, len, .. } => return Err(TooLong { part, len: len.into() }),
            Self::Rest { discard } => return Err(TooLong { part: Part::Value, len: discard }),
        }
        Ok(())
    }
}

/// Appends a command with one length-prefixed part, and what follows it.
fn one(out: &mut Vec<u8>, command: Command, part: Part, bytes: &[u8], rest: &[u8]) -> Result<(), TooLong> {
    let len = length(part, bytes.len())?;
    out.reserve(bytes.len().saturating_add(9));
    out.push(command.byte());
    out.extend_from_slice(&len);
    out.extend_from_slice(bytes);
    out.extend_from_slice(rest);
    Ok(())
}

fn encode_set(out: &mut Vec<u8>, key: &[u8], value: &[u8], ttl_s: u32) -> Result<(), TooLong> {
    let key_len = length(Part::Key, key.len())?;
    let value_len = length(Part::Value, value.len())?;
    out.reserve(key.len().saturating_add(value.len()).saturating_add(13));
    out.push(Command::Set.byte());
    out.extend_from_slice(&key_len);
    out.extend_from_slice(key);
    out.extend_from_slice(&value_len);
    out.extend_from_slice(value);
    out.extend_from_slice(&ttl_s.to_le_bytes());
    Ok(())
}

/// A length as the wire has it.
fn length(part: Part, len: usize) -> Result<[u8; 4], TooLong> {
    match u32::try_from(len) {
        Ok(len) => Ok(len.to_le_bytes()),
        Err(_) => Err(TooLong { part, len: len as u64 }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { key_bytes_max: 4, value_bytes_max: 8, text_bytes_max: 6 };

    const KEYED: [Command; 5] = [Command::Get, Command::Del, Command::Has, Command::Peek, Command::Size];

    fn frame<'b>(value: Request<'b>, used: usize) -> Result<Decoded<Request<'b>>, Violation> {
        Ok(Decoded::Frame { value, used })
    }

    /// A command byte, a length, and bytes that may be fewer.
    fn claim(command: Command, len: u32, bytes: &[u8]) -> Vec<u8> {
        [&[command.byte()][..], &len.to_le_bytes(), bytes].concat()
    }

    #[test]
    fn commands_without_fields_are_one_byte() {
        assert_eq!(decode(&[0, 0xff], &LIMITS), frame(Request::Ping, 1));
        assert_eq!(decode(&[1], &LIMITS), frame(Request::Version, 1));
        assert_eq!(decode(&[10], &LIMITS), frame(Request::Wipe, 1));
        assert_eq!(decode(&[13], &LIMITS), frame(Request::Status, 1));
    }

    #[test]
    fn a_get_asks_for_its_length_then_for_its_key() {
        assert_eq!(decode(b"", &LIMITS), Ok(Decoded::Need(1)));
        assert_eq!(decode(b"\x03", &LIMITS), Ok(Decoded::Need(5)));
        assert_eq!(decode(b"\x03\x02\0\0", &LIMITS), Ok(Decoded::Need(5)));
        assert_eq!(decode(b"\x03\x02\0\0\0", &LIMITS), Ok(Decoded::Need(7)));
        assert_eq!(decode(b"\x03\x02\0\0\0k", &LIMITS), Ok(Decoded::Need(7)));
        assert_eq!(decode(b"\x03\x02\0\0\0k1", &LIMITS), frame(Request::Get { key: b"k1" }, 7));
    }

    #[test]
    fn a_set_asks_at_once_for_all_that_its_lengths_promise() {
        let whole = b"\x04\x01\0\0\0k\x03\0\0\0abc\x0a\0\0\0";
        for (len, need) in [(1, 5), (4, 5), (5, 10), (9, 10), (10, 17), (16, 17)] {
            assert_eq!(decode(&whole[..len], &LIMITS), Ok(Decoded::Need(need)), "{len} bytes");
        }
        assert_eq!(decode(whole, &LIMITS), frame(Request::Set { key: b"k", value: b"abc", ttl_s: 10 }, 17));
    }

    #[test]
    fn a_ttl_asks_for_its_key_and_its_seconds_together() {
        let whole = b"\x08\x01\0\0\0k\xff\xff\xff\xff";
        assert_eq!(decode(&whole[..5], &LIMITS), Ok(Decoded::Need(10)));
        assert_eq!(decode(whole, &LIMITS), frame(Request::Ttl { key: b"k", ttl_s: u32::MAX }, 10));
    }

    #[test]
    fn a_resize_carries_64_bits() {
        let whole = b"\x0b\x08\x07\x06\x05\x04\x03\x02\x01";
        assert_eq!(decode(&whole[..1], &LIMITS), Ok(Decoded::Need(9)));
        assert_eq!(decode(whole, &LIMITS), frame(Request::Resize { size: 0x0102_0304_0506_0708 }, 9));
    }

    #[test]
    fn empty_keys_values_and_texts_are_requests() {
        assert_eq!(decode(&claim(Command::Get, 0, b""), &LIMITS), frame(Request::Get { key: b"" }, 5));
        assert_eq!(decode(&claim(Command::Auth, 0, b""), &LIMITS), frame(Request::Auth { token: b"" }, 5));
        let nothing = Request::Set { key: b"", value: b"", ttl_s: 0 };
        assert_eq!(decode(b"\x04\0\0\0\0\0\0\0\0\0\0\0\0", &LIMITS), frame(nothing, 13));
    }

    #[test]
    fn a_policy_that_is_not_utf8_is_left_to_the_server() {
        let input = claim(Command::Policy, 2, b"\xff\xfe");
        assert_eq!(decode(&input, &LIMITS), frame(Request::Policy { name: b"\xff\xfe" }, 7));
    }

    #[test]
    fn a_key_as_long_as_its_limit_is_taken_and_a_longer_one_is_refused_from_its_length() {
        for command in KEYED {
            let input = claim(command, 4, b"four");
            assert!(matches!(decode(&input, &LIMITS), Ok(Decoded::Frame { used: 9, .. })), "{command}");
            for len in [5, u32::MAX] {
                let oversized =
                    Request::Oversized { command, part: Part::Key, len, max: 4, discard: len.into() };
                assert_eq!(decode(&claim(command, len, b""), &LIMITS), frame(oversized, 5));
            }
        }
    }

    #[test]
    fn the_seconds_of_an_oversized_ttl_are_discarded_with_its_key() {
        let discard = u64::from(u32::MAX) + 4;
        let oversized =
            Request::Oversized { command: Command::Ttl, part: Part::Key, len: u32::MAX, max: 4, discard };
        assert_eq!(decode(&claim(Command::Ttl, u32::MAX, b""), &LIMITS), frame(oversized, 5));
    }

    #[test]
    fn a_value_above_its_limit_is_refused_before_it_comes_in() {
        let set = |len: u32| [&b"\x04\x01\0\0\0k"[..], &len.to_le_bytes()].concat();
        assert_eq!(decode(&set(8), &LIMITS), Ok(Decoded::Need(22)));
        for len in [9, u32::MAX] {
            let discard = u64::from(len) + 4;
            let oversized =
                Request::Oversized { command: Command::Set, part: Part::Value, len, max: 8, discard };
            assert_eq!(decode(&set(len), &LIMITS), frame(oversized, 10));
            assert_eq!(oversized.discard(), discard);
        }
    }

    #[test]
    fn a_set_whose_key_is_above_its_limit_is_read_past_in_two_parts() {
        for len in [5, u32::MAX] {
            let input = claim(Command::Set, len, b"");
            let discard = u64::from(len);
            let oversized =
                Request::Oversized { command: Command::Set, part: Part::Key, len, max: 4, discard };
            assert_eq!(decode(&input, &LIMITS), frame(oversized, 5));
            assert!(oversized.has_rest());
        }
        for (rest, need) in [(&b""[..], 4), (b"\xff\xff\xff", 4)] {
            assert_eq!(decode_rest(rest), Decoded::Need(need));
        }
        for len in [0, 9, u32::MAX] {
            let discard = u64::from(len) + 4;
            let rest = Decoded::Frame { value: Request::Rest { discard }, used: 4 };
            assert_eq!(decode_rest(&[&len.to_le_bytes()[..], b"more"].concat()), rest);
        }
        assert!(!Request::Rest { discard: 4 }.has_rest());
    }

    #[test]
    fn the_lengths_of_a_set_are_known_before_its_value_is_there() {
        let head = b"\x04\x02\0\0\0k1\xff\xff\xff\xff";
        assert_eq!(set_lengths(head), Some((2, u32::MAX)));
        for len in 0..head.len() {
            assert_eq!(set_lengths(&head[..len]), None, "{len} bytes");
        }
        assert_eq!(set_lengths(b"\x03\x02\0\0\0k1\xff\xff\xff\xff"), None);
    }

    #[test]
    fn a_text_above_its_limit_is_refused_from_its_length() {
        for command in [Command::Auth, Command::Policy] {
            assert_eq!(decode(&claim(command, 6, b""), &LIMITS), Ok(Decoded::Need(11)));
            let oversized = Request::Oversized { command, part: Part::Text, len: 7, max: 6, discard: 7 };
            assert_eq!(decode(&claim(command, 7, b""), &LIMITS), frame(oversized, 5));
            assert_eq!(oversized.command(), command);
        }
    }

    #[test]
    fn http_is_a_violation_at_its_first_byte() {
        let input = b"GET / HTTP/1.1\r\n";
        assert_eq!(decode(input, &LIMITS), Err(Violation::UnknownCommand { byte: b'G' }));
        for byte in 14..=255 {
            assert_eq!(decode(&[byte], &LIMITS), Err(Violation::UnknownCommand { byte }));
        }
    }

    #[test]
    fn an_oversized_request_has_no_bytes_to_encode() {
        let mut out = b"before".to_vec();
        let oversized =
            Request::Oversized { command: Command::Get, part: Part::Key, len: 9, max: 4, discard: 9 };
        assert_eq!(oversized.encode(&mut out), Err(TooLong { part: Part::Key, len: 9 }));
        assert_eq!(out, b"before");
    }

    #[test]
    #[cfg(target_pointer_width = "64")]
    fn a_length_of_32_bits_can_be_said_and_no_longer_one() {
        assert_eq!(length(Part::Key, u32::MAX as usize), Ok([0xff; 4]));
        let len: u64 = 1 << 32;
        assert_eq!(length(Part::Value, len as usize), Err(TooLong { part: Part::Value, len }));
    }

    #[test]
    fn encoding_appends() {
        let mut out = vec![0];
        Request::Ttl { key: b"k", ttl_s: 1 }.encode(&mut out).unwrap();
        assert_eq!(out, b"\0\x08\x01\0\0\0k\x01\0\0\0");
    }

    #[test]
    fn a_request_asks_for_no_more_discarding_than_it_was_sent() {
        assert_eq!(Request::Ping.discard(), 0);
        assert_eq!(Request::Set { key: b"k", value: b"v", ttl_s: 0 }.discard(), 0);
    }
}
