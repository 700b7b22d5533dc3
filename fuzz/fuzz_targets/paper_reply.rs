//! PaperCache handshakes and replies, as a client reads them. The first byte says what is awaited; what decodes can be
//! written, in as many bytes, and is then read as the same.
#![no_main]

use larder_wire::Decoded;
use larder_wire::paper::{Booleans, Command, Reply, ReplyLimits, decode_handshake, decode_reply, reply};
use libfuzzer_sys::fuzz_target;

const LIMITS: ReplyLimits = ReplyLimits { value_bytes_max: 256, text_bytes_max: 32, policies_max: 8 };

/// STATUS with as many policies, with as long names, as there may be.
const FRAME_BYTES_MAX: u64 = 1 + 4 + 8 * 8 + 8 + 4 + (8 + 1) * (4 + 32) + 1 + 8;

fuzz_target!(|input: &[u8]| {
    let Some((awaited, input)) = input.split_first() else { return };
    match Command::from_byte(*awaited) {
        None => larder_fuzz::walk(input, 3, decode_handshake, |_, _| 0),
        Some(command) => larder_fuzz::walk(
            input,
            FRAME_BYTES_MAX,
            |rest| decode_reply(rest, command, &LIMITS),
            |reply, bytes| {
                let written = written(&reply);
                assert_eq!(written.len(), bytes.len());
                let Ok(Decoded::Frame { value, used }) = decode_reply(&written, command, &LIMITS) else {
                    panic!("{reply:?} is not read back");
                };
                // Not the replies themselves: a miss ratio that is no number is unequal to itself.
                assert_eq!((self::written(&value), used), (written.clone(), written.len()));
                0
            },
        ),
    }
});

fn written(reply: &Reply<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    match reply {
        Reply::Ok => reply::ok(&mut out),
        Reply::Bytes(bytes) => reply::bytes(&mut out, bytes),
        Reply::Boolean(value) => reply::boolean(&mut out, *value, Booleans::Clients),
        Reply::Size(size) => reply::size(&mut out, *size),
        Reply::Status(status) => reply::status(&mut out, status, Booleans::Clients),
        Reply::Error(error) => reply::error(&mut out, *error),
    }
    out
}
