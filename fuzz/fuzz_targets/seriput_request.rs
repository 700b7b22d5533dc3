//! Seriput requests, as a server reads them: what decodes can be written and is then read as the same, and what is
//! invalid can be answered.
#![no_main]

use larder_wire::Decoded;
use larder_wire::seriput::{Limits, Request, Response, ResponseLimits, decode, decode_response, response};
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits { key_bytes_max: 64, value_bytes_max: 256 };

fuzz_target!(|input: &[u8]| {
    larder_fuzz::walk(
        input,
        LIMITS.frame_bytes_max(),
        |rest| decode(rest, &LIMITS),
        |request, _| {
            match request {
                Request::Invalid { reason, .. } => {
                    let mut out = Vec::new();
                    response::invalid(&mut out, &reason);
                    let Ok(Decoded::Frame { value: Response::InvalidRequest { body }, .. }) =
                        decode_response(&out, &ResponseLimits::default())
                    else {
                        panic!("{reason:?} is not answered");
                    };
                    assert!(serde_json::from_slice::<serde_json::Value>(body).is_ok());
                }
                Request::Get { key, .. } => same(Request::Get { key, discard: 0 }),
                Request::Delete { key, .. } => same(Request::Delete { key, discard: 0 }),
                put @ Request::Put { .. } => same(put),
            }
            request.discard()
        },
    );
});

fn same(request: Request<'_>) {
    let mut out = Vec::new();
    request.encode(&mut out).unwrap();
    assert_eq!(decode(&out, &LIMITS), Ok(Decoded::Frame { value: request, used: out.len() }));
}
