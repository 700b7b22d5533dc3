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
    match say(Part::Value, value.len()) {
        Ok(len) => {
            out.reserve(value.len().saturating_add(6));
            head(out, value_type, len);
            out.extend_from_slice(value);
        }
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
    head(out, value_type, say(Part::Value, len)?);
    Ok(())
}

#[inline]
fn head(out: &mut Vec<u8>, value_type: ValueType, [a, b, c, d]: [u8; 4]) {
    out.extend_from_slice(&[Status::Ok.byte(), value_type.byte(), a, b, c, d]);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seriput::json::{JsonError, JsonFault};

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut out = b"-".to_vec();
        write(&mut out);
        assert_eq!(out.remove(0), b'-', "an encoder appends");
        out
    }

    /// The status, the code and the message of an error.
    fn read(response: &[u8]) -> (u8, i64, String) {
        let Ok(Decoded::Frame { value, used }) = decode_response(response, &ResponseLimits::default()) else {
            panic!("no response: {response:?}");
        };
        assert_eq!(used, response.len());
        let (Response::InvalidRequest { body } | Response::InternalError { body }) = value else {
            panic!("no error: {value:?}");
        };
        let body: serde_json::Value = serde_json::from_slice(body).unwrap();
        assert_eq!(body.as_object().unwrap().len(), 2);
        let message = body["errorMessage"].as_str().unwrap();
        (response[0], body["errorCode"].as_i64().unwrap(), message.to_owned())
    }

    #[test]
    fn success_and_absence_have_no_type_and_no_body() {
        assert_eq!(written(ok), [0, 0, 0, 0, 0, 0]);
        assert_eq!(written(not_found), [2, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn a_value_is_framed_by_type_and_length() {
        assert_eq!(written(|out| value(out, ValueType::Json, b"null")), b"\0\x01\0\0\0\x04null");
        let header = written(|out| value_header(out, ValueType::Json, 0x0102_0304).unwrap());
        assert_eq!(header, b"\0\x01\x01\x02\x03\x04");
    }

    #[test]
    fn a_value_whose_length_cannot_be_said_has_no_header() {
        let len = 1_u64 << 31;
        let mut out = Vec::new();
        let refused = value_header(&mut out, ValueType::Json, len as usize);
        assert_eq!(refused, Err(TooLong { part: Part::Value, len }));
        assert!(out.is_empty());
    }

    #[test]
    fn an_invalid_request_is_told_what_was_wrong_and_where() {
        let reason = Invalid::KeyNotUtf8 { offset: 3 };
        let (status, code, message) = read(&written(|out| invalid(out, &reason)));
        assert_eq!((status, code, &message[..]), (1, 7, "the key is not UTF-8 at byte 3"));
    }

    #[test]
    fn every_reason_has_a_code_of_its_own_and_its_status() {
        let json = JsonError { offset: 0, what: JsonFault::ValueExpected };
        let too_long = TooLong { part: Part::Value, len: 1 << 31 };
        let invalids = [
            Invalid::UnknownOp { byte: 0 },
            Invalid::UnknownKeyType { byte: 0 },
            Invalid::UnknownValueType { byte: 0 },
            Invalid::KeyTooLong { len: 2, max: 1 },
            Invalid::ValueTooLong { len: 2, max: 1 },
            Invalid::KeyNotUtf8 { offset: 0 },
            Invalid::NotJson(json),
        ];
        for (code, reason) in (2..).zip(invalids) {
            let response = written(|out| invalid(out, &reason));
            assert_eq!(read(&response), (1, code, reason.to_string()));
        }
        let internals =
            [Internal::Failed("the disk is on fire"), Internal::NotJson(json), Internal::TooLong(too_long)];
        for (code, reason) in (100..).zip(internals) {
            let response = written(|out| internal(out, &reason));
            assert_eq!(read(&response), (3, code, reason.to_string()));
        }
        let negative = Violation::NegativeLength { part: Part::Key, len: -1 };
        let response = written(|out| violation(out, &negative));
        assert_eq!(read(&response), (1, 1, negative.to_string()));
    }

    #[test]
    fn any_message_is_escaped() {
        let all: String = ('\0'..'\u{250}').collect();
        let response = written(|out| internal(out, &Internal::Failed(&all)));
        assert_eq!(read(&response).2, all[..all.floor_char_boundary(1024)]);
    }

    #[test]
    fn an_error_fits_what_the_java_client_can_receive() {
        for char in ['\0', '"', 'a', '🔑'] {
            let long = char.to_string().repeat(10_000);
            let response = written(|out| internal(out, &Internal::Failed(&long)));
            assert!(response.len() < 8192, "{} bytes", response.len());
            assert_eq!(read(&response).2, long[..1024]);
        }
    }

    #[test]
    fn a_message_that_is_cut_takes_nothing_after_the_cut() {
        let mut text = JsonString { text: String::new(), room: 2 };
        write!(text, "aé").unwrap();
        write!(text, "b").unwrap();
        assert_eq!(text.text, "a");
    }

    #[test]
    fn a_body_above_the_limit_is_refused_from_its_length() {
        let limits = ResponseLimits { value_bytes_max: 4 };
        let of = |len: i32| [&[0, 1][..], &len.to_be_bytes()].concat();
        assert_eq!(decode_response(&of(4), &limits), Ok(Decoded::Need(10)));
        for len in [5, i32::MAX] {
            let violation = ResponseViolation::TooLong { len: len as u32, max: 4 };
            assert_eq!(decode_response(&of(len), &limits), Err(violation));
        }
    }
}
