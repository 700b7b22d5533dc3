//! `conformance/seriput.json`: every vector decodes to its fields, and its fields encode to it where it is not one-way.

use crate::vectors::{self, Hex};
use larder_wire::Decoded;
use larder_wire::seriput::{
    self, Invalid, Op, Part, Request, Response, ResponseLimits, ResponseViolation, ValueType, Violation,
    response,
};
use serde::Deserialize;

#[derive(Deserialize)]
pub struct Vectors {
    limits: Limits,
    pub requests: Vec<RequestVector>,
    pub discarded: Vec<RequestVector>,
    pub invalid: Vec<InvalidVector>,
    pub request_violations: Vec<ViolationVector>,
    pub responses: Vec<ResponseVector>,
    response_violations: Vec<ResponseViolationVector>,
}

#[derive(Deserialize)]
struct Limits {
    key_bytes_max: u32,
    value_bytes_max: u32,
}

#[derive(Deserialize)]
pub struct RequestVector {
    name: String,
    pub hex: Hex,
    request: Fields,
    #[serde(default)]
    pub discard: u64,
    #[serde(default)]
    one_way: bool,
}

#[derive(Deserialize)]
struct Fields {
    op: String,
    key: String,
    value_type: Option<String>,
    value: Option<Hex>,
}

#[derive(Deserialize)]
pub struct InvalidVector {
    name: String,
    pub hex: Hex,
    invalid: Reason,
    pub discard: u64,
}

#[derive(Deserialize)]
#[serde(tag = "kind")]
enum Reason {
    #[serde(rename = "unknown op")]
    UnknownOp { byte: u8 },
    #[serde(rename = "unknown key type")]
    UnknownKeyType { byte: u8 },
    #[serde(rename = "unknown value type")]
    UnknownValueType { byte: u8 },
    #[serde(rename = "key too long")]
    KeyTooLong { len: u32, max: u32 },
    #[serde(rename = "value too long")]
    ValueTooLong { len: u64, max: u64 },
    #[serde(rename = "key not UTF-8")]
    KeyNotUtf8 { offset: usize },
}

#[derive(Deserialize)]
pub struct ViolationVector {
    name: String,
    pub hex: Hex,
    violation: NegativeLength,
}

#[derive(Deserialize)]
struct NegativeLength {
    part: String,
    len: i32,
}

#[derive(Deserialize)]
pub struct ResponseVector {
    name: String,
    pub hex: Hex,
    response: ResponseFields,
    #[serde(default)]
    one_way: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum ResponseFields {
    Ok,
    Value(Hex),
    NotFound,
    InvalidRequest(Hex),
    InternalError(Hex),
}

#[derive(Deserialize)]
struct ResponseViolationVector {
    name: String,
    hex: Hex,
    violation: ResponseReason,
}

#[derive(Deserialize)]
#[serde(tag = "kind")]
enum ResponseReason {
    #[serde(rename = "unknown status")]
    UnknownStatus { byte: u8 },
    #[serde(rename = "unknown value type")]
    UnknownValueType { byte: u8 },
    #[serde(rename = "negative length")]
    NegativeLength { len: i32 },
    #[serde(rename = "too long")]
    TooLong { len: u32, max: u32 },
}

pub fn read() -> Vectors {
    vectors::read(include_str!("../../../../conformance/seriput.json"))
}

impl Vectors {
    fn limits(&self) -> seriput::Limits {
        let Limits { key_bytes_max, value_bytes_max } = self.limits;
        seriput::Limits { key_bytes_max, value_bytes_max }
    }

    pub fn response_limits(&self) -> ResponseLimits {
        ResponseLimits { value_bytes_max: self.limits.value_bytes_max }
    }
}

impl RequestVector {
    pub fn request(&self) -> Request<'_> {
        let Fields { op, key, value_type, value } = &self.request;
        match Op::ALL.into_iter().find(|known| known.name() == op).unwrap() {
            Op::Get => Request::Get { key, discard: self.discard },
            Op::Put => {
                let name = value_type.as_ref().unwrap();
                let value_type = ValueType::ALL.into_iter().find(|known| known.name() == name).unwrap();
                Request::Put { key, value_type, value: &value.as_ref().unwrap().0 }
            }
            Op::Delete => Request::Delete { key, discard: self.discard },
        }
    }
}

impl InvalidVector {
    pub fn request(&self) -> Request<'static> {
        let reason = match self.invalid {
            Reason::UnknownOp { byte } => Invalid::UnknownOp { byte },
            Reason::UnknownKeyType { byte } => Invalid::UnknownKeyType { byte },
            Reason::UnknownValueType { byte } => Invalid::UnknownValueType { byte },
            Reason::KeyTooLong { len, max } => Invalid::KeyTooLong { len, max },
            Reason::ValueTooLong { len, max } => Invalid::ValueTooLong { len, max },
            Reason::KeyNotUtf8 { offset } => Invalid::KeyNotUtf8 { offset },
        };
        Request::Invalid { reason, discard: self.discard }
    }
}

impl ViolationVector {
    pub fn violation(&self) -> Violation {
        let part = match &self.violation.part[..] {
            "key" => Part::Key,
            "value" => Part::Value,
            part => panic!("no such part: {part}"),
        };
        Violation::NegativeLength { part, len: self.violation.len }
    }
}

impl ResponseVector {
    pub fn response(&self) -> Response<'_> {
        match &self.response {
            ResponseFields::Ok => Response::Ok,
            ResponseFields::Value(value) => Response::Value { value_type: ValueType::Json, value: &value.0 },
            ResponseFields::NotFound => Response::NotFound,
            ResponseFields::InvalidRequest(body) => Response::InvalidRequest { body: &body.0 },
            ResponseFields::InternalError(body) => Response::InternalError { body: &body.0 },
        }
    }
}

#[test]
fn requests_decode_to_their_fields_and_back() {
    let vectors = read();
    for vector in &vectors.requests {
        let (name, hex) = (&vector.name, &vector.hex.0);
        let decoded = seriput::decode(hex, &vectors.limits());
        assert_eq!(decoded, Ok(Decoded::Frame { value: vector.request(), used: hex.len() }), "{name}");
        if !vector.one_way {
            let mut out = Vec::new();
            vector.request().encode(&mut out).unwrap();
            assert_eq!(out, *hex, "{name}");
        }
    }
}

#[test]
fn value_bytes_of_a_get_or_delete_are_left_to_be_read_past() {
    let vectors = read();
    for vector in &vectors.discarded {
        let decoded = seriput::decode(&vector.hex.0, &vectors.limits());
        let expected = Decoded::Frame { value: vector.request(), used: vector.hex.0.len() };
        assert_eq!(decoded, Ok(expected), "{}", vector.name);
    }
}

#[test]
fn well_framed_requests_that_are_wrong_say_why_and_where_they_end() {
    let vectors = read();
    for vector in &vectors.invalid {
        let decoded = seriput::decode(&vector.hex.0, &vectors.limits());
        let expected = Decoded::Frame { value: vector.request(), used: vector.hex.0.len() };
        assert_eq!(decoded, Ok(expected), "{}", vector.name);
    }
}

#[test]
fn lengths_that_cannot_be_are_violations() {
    let vectors = read();
    for vector in &vectors.request_violations {
        let decoded = seriput::decode(&vector.hex.0, &vectors.limits());
        assert_eq!(decoded, Err(vector.violation()), "{}", vector.name);
    }
}

#[test]
fn responses_decode_to_their_fields_and_back() {
    let vectors = read();
    for vector in &vectors.responses {
        let (name, hex) = (&vector.name, &vector.hex.0);
        let decoded = seriput::decode_response(hex, &vectors.response_limits());
        assert_eq!(decoded, Ok(Decoded::Frame { value: vector.response(), used: hex.len() }), "{name}");
        if !vector.one_way {
            let mut out = Vec::new();
            match vector.response() {
                Response::Ok => response::ok(&mut out),
                Response::Value { value_type, value } => response::value(&mut out, value_type, value),
                Response::NotFound => response::not_found(&mut out),
                other => panic!("{other:?} is written from a reason"),
            }
            assert_eq!(out, *hex, "{name}");
        }
    }
}

#[test]
fn bytes_that_are_no_response_are_violations() {
    let vectors = read();
    for vector in &vectors.response_violations {
        let violation = match vector.violation {
            ResponseReason::UnknownStatus { byte } => ResponseViolation::UnknownStatus { byte },
            ResponseReason::UnknownValueType { byte } => ResponseViolation::UnknownValueType { byte },
            ResponseReason::NegativeLength { len } => ResponseViolation::NegativeLength { len },
            ResponseReason::TooLong { len, max } => ResponseViolation::TooLong { len, max },
        };
        let decoded = seriput::decode_response(&vector.hex.0, &vectors.response_limits());
        assert_eq!(decoded, Err(violation), "{}", vector.name);
    }
}
