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
    let Ok(len) = u32::try_from(value.len()) else { return error(out, Error::Internal) };
    out.reserve(value.len().saturating_add(5));
    bytes_header(out, len);
    out.extend_from_slice(value);
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
