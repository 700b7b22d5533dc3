//! Replies, both ways: the server's functions append one whole reply each, the client's decode one, knowing the
//! command that it answers (a reply does not say). Also the byte that a server sends on accept, unasked.

use super::{Command, Error, NOT_OKAY, OKAY, ReplyLimits, ReplyViolation, Status, status};
use crate::Decoded;
use crate::decode::{Cursor, Stop};

/// How a server writes true and false in the replies to HAS and STATUS. Reading understands both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Booleans {
    /// 33 and 63, which every existing client compares with.
    #[default]
    Clients,
    /// 1 and 0, as the published page prints them.
    Published,
}

impl Booleans {
    #[inline]
    pub(super) fn byte(self, value: bool) -> u8 {
        match (self, value) {
            (Self::Clients, true) => OKAY,
            (Self::Clients, false) => NOT_OKAY,
            (Self::Published, true) => 1,
            (Self::Published, false) => 0,
        }
    }
}

/// Appends the reply that says no more than that it went well: to AUTH, SET, DEL, TTL, WIPE, RESIZE and POLICY.
#[inline]
pub fn ok(out: &mut Vec<u8>) {
    out.push(OKAY);
}

/// Appends an error, the same for every command.
#[inline]
pub fn error(out: &mut Vec<u8>, error: Error) {
    match error.codes() {
        (code, None) => out.extend_from_slice(&[NOT_OKAY, code]),
        (code, Some(of_cache)) => out.extend_from_slice(&[NOT_OKAY, code, of_cache]),
    }
}

/// Appends the reply to PING, VERSION, GET or PEEK. A value of 2^32 bytes or more, which the protocol cannot say, is
/// answered with [`Error::Internal`].
#[inline]
pub fn bytes(out: &mut Vec<u8>, value: &[u8]) {
    if begin_bytes(out, value.len()) {
        out.extend_from_slice(value);
    }
}

/// Makes room for a reply with a value of `len` bytes and begins it, or appends the error if there can be none.
#[inline]
fn begin_bytes(out: &mut Vec<u8>, len: usize) -> bool {
    let Ok(len_u32) = u32::try_from(len) else {
        error(out, Error::Internal);
        return false;
    };
    out.reserve(len.saturating_add(5));
    bytes_header(out, len_u32);
    true
}

/// Appends what stands before the `len` bytes of a value in the reply to PING, VERSION, GET or PEEK, for a value that
/// is sent without copying.
#[inline]
pub fn bytes_header(out: &mut Vec<u8>, len: u32) {
    let [a, b, c, d] = len.to_le_bytes();
    out.extend_from_slice(&[OKAY, a, b, c, d]);
}

/// Appends the reply to HAS.
#[inline]
pub fn boolean(out: &mut Vec<u8>, value: bool, booleans: Booleans) {
    out.extend_from_slice(&[OKAY, booleans.byte(value)]);
}

/// Appends the reply to SIZE, in bytes.
#[inline]
pub fn size(out: &mut Vec<u8>, size: u32) {
    bytes_header(out, size);
}

/// Appends the reply to STATUS.
pub fn status(out: &mut Vec<u8>, status: &Status<'_>, booleans: Booleans) {
    status::encode(out, status, booleans);
}

/// Appends the handshake for a client that will be served.
#[inline]
pub fn admitted(out: &mut Vec<u8>) {
    out.push(OKAY);
}

/// Appends the handshake for a client that will not, there being too many. The server then closes.
#[inline]
pub fn refused(out: &mut Vec<u8>) {
    error(out, Error::MaxConnections);
}

/// The reply to a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply<'b> {
    /// It went well: AUTH, SET, DEL, TTL, WIPE, RESIZE, POLICY.
    Ok,
    /// "pong", a version or a value: PING, VERSION, GET, PEEK.
    Bytes(&'b [u8]),
    /// HAS.
    Boolean(bool),
    /// SIZE, in bytes.
    Size(u32),
    /// STATUS.
    Status(Status<'b>),
    /// Any command.
    Error(Error),
}

/// What a server says on accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handshake {
    /// Requests will be answered.
    Admitted,
    /// The server closes, and says why.
    Refused(Error),
}

/// Decodes the reply to `command` that `input` begins with.
///
/// # Errors
///
/// A [`ReplyViolation`] if the bytes are no such reply, or one above the limits.
#[inline]
pub fn decode_reply<'b>(
    input: &'b [u8],
    command: Command,
    limits: &ReplyLimits,
) -> Result<Decoded<Reply<'b>>, ReplyViolation> {
    let mut cursor = Cursor::new(input);
    let outcome = reply(&mut cursor, command, limits);
    cursor.finish(outcome)
}

/// Decodes what a server sends on accept, before any request.
///
/// # Errors
///
/// A [`ReplyViolation`] if the bytes are something else.
pub fn decode_handshake(input: &[u8]) -> Result<Decoded<Handshake>, ReplyViolation> {
    let mut cursor = Cursor::new(input);
    let outcome =
        outcome_of(&mut cursor).map(|refusal| refusal.map_or(Handshake::Admitted, Handshake::Refused));
    cursor.finish(outcome)
}

#[inline]
fn reply<'b>(
    cursor: &mut Cursor<'b>,
    command: Command,
    limits: &ReplyLimits,
) -> Result<Reply<'b>, Stop<ReplyViolation>> {
    if let Some(error) = outcome_of(cursor)? {
        return Ok(Reply::Error(error));
    }
    match command {
        Command::Ping | Command::Version | Command::Get | Command::Peek => {
            let len = u32::from_le_bytes(cursor.array()?);
            let max = limits.value_bytes_max;
            if len > max {
                return Err(Stop::Violation(ReplyViolation::TooLong { command, len, max }));
            }
            Ok(Reply::Bytes(cursor.bytes(len)?))
        }
        Command::Auth
        | Command::Set
        | Command::Del
        | Command::Ttl
        | Command::Wipe
        | Command::Resize
        | Command::Policy => Ok(Reply::Ok),
        Command::Has => Ok(Reply::Boolean(boolean_of(command, cursor.byte()?)?)),
        Command::Size => Ok(Reply::Size(u32::from_le_bytes(cursor.array()?))),
        Command::Status => Ok(Reply::Status(status::decode(cursor, limits)?)),
    }
}

/// Reads the status byte and, if it is not OKAY, the error.
#[inline]
fn outcome_of(cursor: &mut Cursor<'_>) -> Result<Option<Error>, Stop<ReplyViolation>> {
    match cursor.byte()? {
        OKAY => Ok(None),
        NOT_OKAY => error_of(cursor).map(Some),
        byte => Err(Stop::Violation(ReplyViolation::UnknownStatus { byte })),
    }
}

fn error_of(cursor: &mut Cursor<'_>) -> Result<Error, Stop<ReplyViolation>> {
    let code = cursor.byte()?;
    let of_cache = if code == 0 { Some(cursor.byte()?) } else { None };
    Error::from_codes((code, of_cache)).ok_or(Stop::Violation(match of_cache {
        None => ReplyViolation::UnknownError { byte: code },
        Some(byte) => ReplyViolation::UnknownCacheError { byte },
    }))
}

/// Reads a boolean of either kind.
#[inline]
pub(super) fn boolean_of(command: Command, byte: u8) -> Result<bool, Stop<ReplyViolation>> {
    match byte {
        OKAY | 1 => Ok(true),
        NOT_OKAY | 0 => Ok(false),
        byte => Err(Stop::Violation(ReplyViolation::NotBoolean { command, byte })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: ReplyLimits = ReplyLimits { value_bytes_max: 8, text_bytes_max: 6, policies_max: 2 };

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut out = b"-".to_vec();
        write(&mut out);
        assert_eq!(out.remove(0), b'-', "an encoder appends");
        out
    }

    fn frame<'b>(value: Reply<'b>, used: usize) -> Result<Decoded<Reply<'b>>, ReplyViolation> {
        Ok(Decoded::Frame { value, used })
    }

    #[test]
    fn a_value_is_framed_by_its_length() {
        assert_eq!(written(|out| bytes(out, b"pong")), b"\x21\x04\0\0\0pong");
        assert_eq!(written(|out| bytes_header(out, 0x0102_0304)), b"\x21\x04\x03\x02\x01");
        let reply = b"\x21\x02\0\0\0hi";
        for (len, need) in [(0, 1), (1, 5), (4, 5), (5, 7), (6, 7)] {
            assert_eq!(decode_reply(&reply[..len], Command::Get, &LIMITS), Ok(Decoded::Need(need)));
        }
        assert_eq!(decode_reply(reply, Command::Get, &LIMITS), frame(Reply::Bytes(b"hi"), 7));
    }

    #[test]
    #[cfg(target_pointer_width = "64")]
    fn a_value_whose_length_cannot_be_said_is_an_internal_error() {
        let len: u64 = 1 << 32;
        assert_eq!(written(|out| assert!(!begin_bytes(out, len as usize))), [63, 1]);
    }

    #[test]
    fn a_value_above_the_limit_is_refused_from_its_length() {
        for command in [Command::Ping, Command::Version, Command::Get, Command::Peek] {
            let at = written(|out| bytes_header(out, 8));
            assert_eq!(decode_reply(&at, command, &LIMITS), Ok(Decoded::Need(13)));
            for len in [9, u32::MAX] {
                let above = written(|out| bytes_header(out, len));
                let violation = ReplyViolation::TooLong { command, len, max: 8 };
                assert_eq!(decode_reply(&above, command, &LIMITS), Err(violation));
            }
        }
    }

    #[test]
    fn booleans_are_written_in_either_mode_and_read_in_both() {
        assert_eq!(written(|out| boolean(out, true, Booleans::Clients)), [33, 33]);
        assert_eq!(written(|out| boolean(out, false, Booleans::Clients)), [33, 63]);
        assert_eq!(written(|out| boolean(out, true, Booleans::Published)), [33, 1]);
        assert_eq!(written(|out| boolean(out, false, Booleans::Published)), [33, 0]);
        for (byte, value) in [(33, true), (1, true), (63, false), (0, false)] {
            assert_eq!(decode_reply(&[33, byte], Command::Has, &LIMITS), frame(Reply::Boolean(value), 2));
        }
        assert_eq!(
            decode_reply(&[33, 2], Command::Has, &LIMITS),
            Err(ReplyViolation::NotBoolean { command: Command::Has, byte: 2 })
        );
    }

    #[test]
    fn clients_booleans_are_the_default() {
        assert_eq!(Booleans::default(), Booleans::Clients);
    }

    #[test]
    fn every_error_answers_every_command() {
        for of in Error::ALL {
            let reply = written(|out| error(out, of));
            for command in Command::ALL {
                assert_eq!(decode_reply(&reply, command, &LIMITS), frame(Reply::Error(of), reply.len()));
                for len in 1..reply.len() {
                    assert_eq!(
                        decode_reply(&reply[..len], command, &LIMITS),
                        Ok(Decoded::Need(len + 1)),
                        "{of}"
                    );
                }
            }
        }
    }

    #[test]
    fn errors_have_the_bytes_of_the_published_page() {
        assert_eq!(written(|out| error(out, Error::Unauthorized)), [63, 3]);
        assert_eq!(written(|out| error(out, Error::KeyNotFound)), [63, 0, 1]);
        assert_eq!(written(|out| error(out, Error::InvalidPolicy)), [63, 0, 6]);
    }

    #[test]
    fn bytes_that_are_no_reply_are_violations() {
        for (input, violation) in [
            (&b"H"[..], ReplyViolation::UnknownStatus { byte: b'H' }),
            (&[63, 4], ReplyViolation::UnknownError { byte: 4 }),
            (&[63, 0, 7], ReplyViolation::UnknownCacheError { byte: 7 }),
        ] {
            assert_eq!(decode_reply(input, Command::Set, &LIMITS), Err(violation));
        }
    }

    #[test]
    fn the_command_decides_what_a_reply_holds() {
        let input = [33, 33, 0, 0, 0];
        for command in [
            Command::Auth,
            Command::Set,
            Command::Del,
            Command::Ttl,
            Command::Wipe,
            Command::Resize,
            Command::Policy,
        ] {
            assert_eq!(decode_reply(&input, command, &LIMITS), frame(Reply::Ok, 1));
        }
        assert_eq!(decode_reply(&input, Command::Has, &LIMITS), frame(Reply::Boolean(true), 2));
        assert_eq!(decode_reply(&input, Command::Size, &LIMITS), frame(Reply::Size(33), 5));
    }

    #[test]
    fn a_size_has_32_bits() {
        assert_eq!(written(|out| size(out, u32::MAX)), [33, 255, 255, 255, 255]);
        assert_eq!(decode_reply(&[33, 1], Command::Size, &LIMITS), Ok(Decoded::Need(5)));
    }

    #[test]
    fn a_handshake_admits_or_says_why_not() {
        assert_eq!(written(admitted), [33]);
        assert_eq!(written(refused), [63, 2]);
        let frame = |value, used| Ok(Decoded::Frame { value, used });
        assert_eq!(decode_handshake(&[]), Ok(Decoded::Need(1)));
        assert_eq!(decode_handshake(&[33, 33]), frame(Handshake::Admitted, 1));
        assert_eq!(decode_handshake(&[63]), Ok(Decoded::Need(2)));
        assert_eq!(decode_handshake(&[63, 2]), frame(Handshake::Refused(Error::MaxConnections), 2));
        assert_eq!(decode_handshake(b"HTTP"), Err(ReplyViolation::UnknownStatus { byte: b'H' }));
    }
}
