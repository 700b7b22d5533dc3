//! Seriput responses, as a client reads them: what can be written from its parts is written as it was.
#![no_main]

use larder_wire::seriput::{Response, ResponseLimits, decode_response, response};
use libfuzzer_sys::fuzz_target;

const LIMITS: ResponseLimits = ResponseLimits { value_bytes_max: 256 };

fuzz_target!(|input: &[u8]| {
    larder_fuzz::walk(
        input,
        6 + 256,
        |rest| decode_response(rest, &LIMITS),
        |read, bytes| {
            let mut out = Vec::new();
            match read {
                Response::Value { value_type, value } => {
                    response::value(&mut out, value_type, value);
                    assert_eq!(out, bytes);
                }
                Response::InvalidRequest { body } | Response::InternalError { body } => {
                    assert!(body.is_empty() || bytes.ends_with(body));
                }
                Response::Ok | Response::NotFound => {}
            }
            0
        },
    );
});
