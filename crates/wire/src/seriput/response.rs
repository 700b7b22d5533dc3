//! Responses, both ways: six bytes (status, value type, length), then the body. The server's functions append one
//! whole response each.

use super::registry::Status;
use super::request::say;
use super::{Internal, Invalid, Part, ResponseLimits, ResponseViolation, TooLong, ValueType, Violation};
use crate::Decoded;
use crate::decode::{Cursor, Stop};
use std::fmt::{self, Display, Write};

/// The value type of a response that has no body.
const NO_VALUE: u8 = 0x00;

/// The message of an error is cut here, so that even with every byte escaped the response is shorter than the 8 KiB
/// that the protocol's Java client can receive by default.
const MESSAGE_BYTES_MAX: usize = 1024;

/// Appends the response to a PUT or DELETE that went well.
#[inline]
pub fn ok(out: &mut Vec<u8>) {
    out.extend_from_slice(&[Status::Ok.byte(), NO_VALUE, 0, 0, 0, 0]);
}

/// Appends the response to a GET or DELETE of a key that is not there.
#[inline]
pub fn not_found(out: &mut Vec<u8>) {
    out.extend_from_slice(&[Status::NotFound.byte(), NO_VALUE, 0, 0, 0, 0]);
}

/// Appends the response to a GET that found a value. One that is longer than the protocol can say is answered with
/// [`Internal::TooLong`].
#[inline]
pub fn value(out: &mut Vec<u8>, value_type: ValueType, value: &[u8]) {
    out.reserve(value.len().saturating_add(6));
    match value_header(out, value_type, value.len()) {
        Ok(()) => out.extend_from_slice(value),
        Err(error) => internal(out, &Internal::TooLong(error)),
    }
}

/// Appends what stands before the `len` bytes of a value in the response to a GET, for a value that is sent without
/// copying.
///
/// # Errors
///
/// [`TooLong`] if the protocol cannot say that length. `out` is then as it was.
#[inline]
pub fn value_header(out: &mut Vec<u8>, value_type: ValueType, len: usize) -> Result<(), TooLong> {
    let [a, b, c, d] = say(Part::Value, len)?;
    out.extend_from_slice(&[Status::Ok.byte(), value_type.byte(), a, b, c, d]);
    Ok(())
}

/// Appends INVALID_REQUEST with the reason.
pub fn invalid(out: &mut Vec<u8>, reason: &Invalid) {
    failure(out, Status::InvalidRequest, reason.code(), reason);
}

/// Appends INVALID_REQUEST for a request whose end is unknown. The server then closes.
pub fn violation(out: &mut Vec<u8>, violation: &Violation) {
    failure(out, Status::InvalidRequest, violation.code(), violation);
}

/// Appends INTERNAL_ERROR with the reason.
pub fn internal(out: &mut Vec<u8>, reason: &Internal<'_>) {
    failure(out, Status::InternalError, reason.code(), reason);
}

fn failure(out: &mut Vec<u8>, status: Status, code: i32, message: &dyn Display) {
    let mut text = JsonString { text: String::new(), room: MESSAGE_BYTES_MAX };
    // Neither can fail: a full string takes no more and says so to nobody.
    let _ = write!(text, "{message}");
    let body = format!("{{\"errorCode\":{code},\"errorMessage\":\"{}\"}}", text.text);
    // Far below 2^31: see `MESSAGE_BYTES_MAX`.
    let len = body.len() as u32;
    out.reserve(body.len().saturating_add(6));
    out.extend_from_slice(&[status.byte(), ValueType::Json.byte()]);
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(body.as_bytes());
}

/// Text between the quotes of a JSON string, with room for so many bytes more (before escaping).
struct JsonString {
    text: String,
    room: usize,
}

impl Write for JsonString {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for char in text.chars() {
            let Some(room) = self.room.checked_sub(char.len_utf8()) else {
                self.room = 0;
                break;
            };
            self.room = room;
            match char {
                '"' => self.text.push_str("\\\""),
                '\\' => self.text.push_str("\\\\"),
                '\0'..='\x1f' => write!(self.text, "\\u{:04x}", u32::from(char))?,
                char => self.text.push(char),
            }
        }
        Ok(())
    }
}

/// The response to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Response<'b> {
    /// It went well: PUT, DELETE. A body without a type is read past.
    Ok,
    /// GET found a value.
    Value {
        /// How the value is written.
        value_type: ValueType,
        /// Its bytes.
        value: &'b [u8],
    },
    /// There is no such key: GET, DELETE. A body is read past.
    NotFound,
    /// The server says that the request was wrong.
    InvalidRequest {
        /// A JSON object with `errorCode` and `errorMessage`, each of which may be missing or null; or nothing.
        body: &'b [u8],
    },
    /// The server says that it failed.
    InternalError {
        /// A JSON object with `errorCode` and `errorMessage`, each of which may be missing or null; or nothing.
        body: &'b [u8],
    },
}

/// Decodes the response that `input` begins with.
///
/// # Errors
///
/// A [`ResponseViolation`] if the bytes are no response, or one above the limits.
#[inline]
pub fn decode_response<'b>(
    input: &'b [u8],
    limits: &ResponseLimits,
) -> Result<Decoded<Response<'b>>, ResponseViolation> {
    let mut cursor = Cursor::new(input);
    let outcome = response(&mut cursor, limits);
    cursor.finish(outcome)
}

#[inline]
fn response<'b>(
    cursor: &mut Cursor<'b>,
    limits: &ResponseLimits,
) -> Result<Response<'b>, Stop<ResponseViolation>> {
    let [status, value_type, len @ ..] = cursor.array::<6>()?;
    let (status, value_type, len) = understand(status, value_type, len, limits).map_err(Stop::Violation)?;
    let body = cursor.bytes(len)?;
    // Bytes without a type mean nothing.
    let typed = if value_type.is_some() { body } else { &[] };
    Ok(match (status, value_type) {
        (Status::Ok, None) => Response::Ok,
        (Status::Ok, Some(value_type)) => Response::Value { value_type, value: body },
        (Status::NotFound, _) => Response::NotFound,
        (Status::InvalidRequest, _) => Response::InvalidRequest { body: typed },
        (Status::InternalError, _) => Response::InternalError { body: typed },
    })
}

/// Judges all that the first six bytes say.
#[inline]
fn understand(
    status: u8,
    value_type: u8,
    len: [u8; 4],
    limits: &ResponseLimits,
) -> Result<(Status, Option<ValueType>, u32), ResponseViolation> {
    let status = Status::from_byte(status).ok_or(ResponseViolation::UnknownStatus { byte: status })?;
    let value_type = match value_type {
        NO_VALUE => None,
        byte => Some(ValueType::from_byte(byte).ok_or(ResponseViolation::UnknownValueType { byte })?),
    };
    let len = i32::from_be_bytes(len);
    let len = u32::try_from(len).map_err(|_| ResponseViolation::NegativeLength { len })?;
    let max = limits.value_bytes_max;
    if len > max {
        return Err(ResponseViolation::TooLong { len, max });
    }
    Ok((status, value_type, len))
}
