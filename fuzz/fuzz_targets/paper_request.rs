//! PaperCache requests, as a server reads them: what decodes encodes to the same bytes.
#![no_main]

use larder_wire::paper::{Limits, Request, decode, decode_rest};
use libfuzzer_sys::fuzz_target;
use std::cell::Cell;

const LIMITS: Limits = Limits { key_bytes_max: 64, value_bytes_max: 256, text_bytes_max: 32 };

fuzz_target!(|input: &[u8]| {
    let is_at_rest = Cell::new(false);
    larder_fuzz::walk(
        input,
        LIMITS.frame_bytes_max(),
        |bytes| if is_at_rest.take() { Ok(decode_rest(bytes)) } else { decode(bytes, &LIMITS) },
        |request, bytes| {
            let mut out = Vec::new();
            match request.encode(&mut out) {
                Ok(()) => assert_eq!(out, bytes),
                Err(_) => assert!(matches!(request, Request::Oversized { .. } | Request::Rest { .. })),
            }
            is_at_rest.set(request.has_rest());
            request.discard()
        },
    );
});
