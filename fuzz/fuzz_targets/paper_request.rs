//! PaperCache requests, as a server reads them: what decodes encodes to the same bytes.
#![no_main]

use larder_wire::paper::{Limits, Request, decode};
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits { key_bytes_max: 64, value_bytes_max: 256, text_bytes_max: 32 };

fuzz_target!(|input: &[u8]| {
    larder_fuzz::walk(
        input,
        LIMITS.frame_bytes_max(),
        |rest| decode(rest, &LIMITS),
        |request, bytes| {
            let mut out = Vec::new();
            match request.encode(&mut out) {
                Ok(()) => assert_eq!(out, bytes),
                Err(_) => assert!(matches!(request, Request::Oversized { .. })),
            }
            request.discard()
        },
    );
});
