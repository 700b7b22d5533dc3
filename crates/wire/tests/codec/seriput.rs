//! Seriput messages for the properties of `stream.rs`: requests as a server reads them, responses as a client does.

use crate::seriput_vectors;
use crate::stream::{Message, Protocol, Script, Seen, properties};
use larder_wire::Decoded;
use larder_wire::seriput::{
    self, Internal, Invalid, Limits, Op, Request, Response, ResponseLimits, ValueType, Violation, response,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

struct Requests {
    limits: Limits,
}

/// Small enough for anything to cross them.
const REQUESTS: Requests = Requests { limits: Limits { key_bytes_max: 24, value_bytes_max: 48 } };

impl Protocol for Requests {
    type Context = ();

    fn decode(&self, (): &(), input: &[u8]) -> Result<Decoded<Seen>, String> {
        match seriput::decode(input, &self.limits) {
            Ok(Decoded::Need(bytes)) => Ok(Decoded::Need(bytes)),
            Ok(Decoded::Frame { value, used }) => {
                let value = Seen { text: format!("{value:?}"), discard: value.discard() };
                Ok(Decoded::Frame { value, used })
            }
            Err(violation) => Err(format!("{violation:?}")),
        }
    }

    fn frame_bytes_max(&self) -> usize {
        self.limits.frame_bytes_max() as usize
    }

    fn scripts(&self) -> Vec<Script<()>> {
        let vectors = seriput_vectors::read();
        let mut messages = Vec::new();
        // Those within the limits here.
        for vector in vectors.requests.iter().filter(|vector| vector.hex.0.len() <= 60) {
            messages.push(message(vector.hex.0.clone(), &vector.request()));
        }
        for vector in vectors.discarded.iter().filter(|vector| vector.discard < 100) {
            messages.push(message(followed(&vector.hex.0, vector.discard), &vector.request()));
        }
        for vector in vectors.invalid.iter().filter(|vector| vector.discard < 100) {
            messages.push(message(followed(&vector.hex.0, vector.discard), &vector.request()));
        }
        messages.extend([too_long(Op::Get, 25, 3), too_long(Op::Put, 25, 49), too_long(Op::Put, 24, 49)]);
        let ends = vectors.request_violations.iter().map(|vector| Script {
            messages: messages[..2].to_vec(),
            violation: Some(Message {
                context: (),
                bytes: vector.hex.0.clone(),
                text: format!("{:?}", vector.violation()),
            }),
        });
        let mut scripts: Vec<_> = ends.collect();
        scripts.extend(
            messages.chunks(12).map(|messages| Script { messages: messages.to_vec(), violation: None }),
        );
        scripts
    }

    fn messages(&self) -> BoxedStrategy<Message<()>> {
        let encoded =
            (select(&Op::ALL[..]), "\\PC{0,6}", vec(any::<u8>(), 0..=48)).prop_map(|(op, key, value)| {
                let key = &key[..];
                let request = match op {
                    Op::Get => Request::Get { key, discard: 0 },
                    Op::Put => Request::Put { key, value_type: ValueType::Json, value: &value },
                    Op::Delete => Request::Delete { key, discard: 0 },
                };
                let mut bytes = Vec::new();
                request.encode(&mut bytes).unwrap();
                message(bytes, &request)
            });
        let discarded = (select(&[Op::Get, Op::Delete][..]), any::<u8>(), "[a-z]{0,24}", 1..100_u32)
            .prop_map(|(op, value_type, key, value_len)| {
                let head = head([op.byte(), 1, value_type], key.len() as u32, value_len);
                let (key, discard) = (&key[..], value_len.into());
                let request = match op {
                    Op::Get => Request::Get { key, discard },
                    _ => Request::Delete { key, discard },
                };
                message(followed(&[&head, key.as_bytes()].concat(), discard), &request)
            });
        let too_long = (select(&Op::ALL[..]), 25..90_u32, 0..90_u32)
            .prop_map(|(op, key_len, value_len)| too_long(op, key_len, value_len));
        prop_oneof![6 => encoded, 2 => discarded, 1 => too_long].boxed()
    }

    fn contexts(&self) -> BoxedStrategy<()> {
        Just(()).boxed()
    }
}

fn message(bytes: Vec<u8>, request: &Request<'_>) -> Message<()> {
    Message { context: (), bytes, text: format!("{request:?}") }
}

fn head(types: [u8; 3], key_len: u32, value_len: u32) -> Vec<u8> {
    [&types[..], &key_len.to_be_bytes(), &value_len.to_be_bytes()].concat()
}

fn followed(bytes: &[u8], discard: u64) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes.extend((0..discard).map(|at| at as u8));
    bytes
}

/// A request with a key above the limit of `REQUESTS` or, the key being at it, a value above its.
fn too_long(op: Op, key_len: u32, value_len: u32) -> Message<()> {
    let Limits { key_bytes_max, value_bytes_max } = REQUESTS.limits;
    let reason = if key_len > key_bytes_max {
        Invalid::KeyTooLong { len: key_len, max: key_bytes_max }
    } else {
        Invalid::ValueTooLong { len: value_len.into(), max: value_bytes_max.into() }
    };
    let discard = u64::from(key_len) + u64::from(value_len);
    let bytes = followed(&head([op.byte(), 1, 1], key_len, value_len), discard);
    message(bytes, &Request::Invalid { reason, discard })
}

struct Responses {
    limits: ResponseLimits,
}

const RESPONSES: Responses = Responses { limits: ResponseLimits { value_bytes_max: 300 } };

impl Protocol for Responses {
    type Context = ();

    fn decode(&self, (): &(), input: &[u8]) -> Result<Decoded<Seen>, String> {
        match seriput::decode_response(input, &self.limits) {
            Ok(Decoded::Need(bytes)) => Ok(Decoded::Need(bytes)),
            Ok(Decoded::Frame { value, used }) => {
                Ok(Decoded::Frame { value: Seen { text: format!("{value:?}"), discard: 0 }, used })
            }
            Err(violation) => Err(format!("{violation:?}")),
        }
    }

    fn frame_bytes_max(&self) -> usize {
        6 + self.limits.value_bytes_max as usize
    }

    fn scripts(&self) -> Vec<Script<()>> {
        let vectors = seriput_vectors::read();
        let messages =
            vectors.responses.iter().map(|vector| response_of(vector.hex.0.clone(), &vector.response()));
        vec![Script { messages: messages.collect(), violation: None }]
    }

    fn messages(&self) -> BoxedStrategy<Message<()>> {
        let value = vec(any::<u8>(), 0..=300).prop_map(|value| {
            let mut bytes = Vec::new();
            response::value(&mut bytes, ValueType::Json, &value);
            response_of(bytes, &Response::Value { value_type: ValueType::Json, value: &value })
        });
        let plain =
            select(
                &[
                    (response::ok as fn(&mut Vec<u8>), Response::Ok),
                    (response::not_found, Response::NotFound),
                ][..],
            )
            .prop_map(|(write, response)| {
                let mut bytes = Vec::new();
                write(&mut bytes);
                response_of(bytes, &response)
            });
        let invalid = invalid().prop_map(|reason| {
            let mut bytes = Vec::new();
            response::invalid(&mut bytes, &reason);
            let body = body(reason.code(), &reason.to_string());
            response_of(bytes, &Response::InvalidRequest { body: &body })
        });
        let violation = (any::<bool>(), i32::MIN..0).prop_map(|(of_key, len)| {
            let part = if of_key { seriput::Part::Key } else { seriput::Part::Value };
            let violation = Violation::NegativeLength { part, len };
            let mut bytes = Vec::new();
            response::violation(&mut bytes, &violation);
            let body = body(violation.code(), &violation.to_string());
            response_of(bytes, &Response::InvalidRequest { body: &body })
        });
        let internal = "[ -~é]{0,40}".prop_map(|message| {
            let mut bytes = Vec::new();
            response::internal(&mut bytes, &Internal::Failed(&message));
            let body = body(100, &message);
            response_of(bytes, &Response::InternalError { body: &body })
        });
        prop_oneof![value, plain, invalid, violation, internal].boxed()
    }

    fn contexts(&self) -> BoxedStrategy<()> {
        Just(()).boxed()
    }
}

fn response_of(bytes: Vec<u8>, response: &Response<'_>) -> Message<()> {
    Message { context: (), bytes, text: format!("{response:?}") }
}

fn invalid() -> impl Strategy<Value = Invalid> {
    prop_oneof![
        any::<u8>().prop_map(|byte| Invalid::UnknownOp { byte }),
        any::<u8>().prop_map(|byte| Invalid::UnknownKeyType { byte }),
        any::<u8>().prop_map(|byte| Invalid::UnknownValueType { byte }),
        any::<(u32, u32)>().prop_map(|(len, max)| Invalid::KeyTooLong { len, max }),
        any::<(u64, u64)>().prop_map(|(len, max)| Invalid::ValueTooLong { len, max }),
        any::<usize>().prop_map(|offset| Invalid::KeyNotUtf8 { offset }),
    ]
}

/// The body of an error, as another writer of JSON has it.
fn body(code: i32, message: &str) -> Vec<u8> {
    serde_json::json!({"errorCode": code, "errorMessage": message}).to_string().into_bytes()
}

properties!(requests, REQUESTS);
properties!(responses, RESPONSES);
