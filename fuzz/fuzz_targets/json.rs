//! The JSON validator against another reader of JSON, which ignores the value: that has no limit on depth or numbers,
//! and does not look at UTF-8, which is judged apart.
#![no_main]

use larder_wire::seriput::json::{JsonFault, check};
use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;

fuzz_target!(|text: &[u8]| {
    let is_json =
        std::str::from_utf8(text).is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok());
    match check(text) {
        Ok(()) => assert!(is_json),
        Err(error) => {
            assert!(error.offset <= text.len());
            assert!(!is_json || error.what == JsonFault::TooDeep, "{error}");
        }
    }
});
