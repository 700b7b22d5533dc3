//! The bounded decoder: what decodes also checks, what is written again reads as the same, and writing it once more
//! changes nothing. A `serde` type never sees what the check refuses.
#![no_main]

use larder_cachekit::{Limits, msgpack};
use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;

fuzz_target!(|input: &[u8]| {
    let checked = msgpack::check(input, &Limits::PROTOCOL);
    let decoded = msgpack::decode(input);
    let typed = msgpack::from_slice::<IgnoredAny>(input);
    if let Err(error) = &checked {
        assert!(decoded.is_err());
        assert_eq!(typed.as_ref().err(), Some(error));
    }
    let Ok(value) = decoded else { return };
    assert_eq!(checked, Ok(()));
    // NaN decodes but is not written.
    let Ok(document) = msgpack::encode(&value) else { return };
    assert_eq!(msgpack::decode(&document).as_ref(), Ok(&value));
});
