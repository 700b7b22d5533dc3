//! Everything that surrounds a payload – envelopes, the draft container, Python frames – as bytes from a stranger and
//! as payloads of our own: no panic, nothing above the limits, and what is stored comes back.
#![no_main]

use larder_cachekit::envelope::Envelope;
use larder_cachekit::{Limits, container, envelope, frame};
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits =
    Limits { payload_bytes_max: 1 << 20, compressed_bytes_max: 1 << 20, ..Limits::PROTOCOL };

fuzz_target!(|input: &[u8]| {
    if let Ok(parsed) = Envelope::parse(input, &LIMITS) {
        let canonical = parsed.to_bytes().expect("its parts came from an input");
        assert_eq!(Envelope::parse(&canonical, &LIMITS), Ok(parsed));
        if let Ok(found) = envelope::retrieve_within(input, &LIMITS) {
            assert!(found.payload.len() <= 1 << 20);
            assert_eq!(envelope::retrieve_within(&canonical, &LIMITS), Ok(found));
        }
    }
    if let Ok(document) = container::retrieve_within(input, &LIMITS) {
        assert!(document.len() <= 1 << 20);
    }
    let _ = frame::Frame::parse(input);

    let stored = envelope::store(input, "msgpack").expect("within the limits");
    assert_eq!(envelope::retrieve(&stored).map(|found| found.payload).as_deref(), Ok(input));
    let stored = container::store(input).expect("within the limits");
    assert_eq!(container::retrieve(&stored).as_deref(), Ok(input));
});
