//! What the fuzz targets for codecs share: the judgement that holds for any input, and walking through a stream.
//!
//! Run one from the root of the repository; cargo-fuzz wants the compiler's unstable options, which a stable one has
//! behind a variable:
//!
//! ```text
//! RUSTC_BOOTSTRAP=1 cargo fuzz run paper_request -- -runs=10000
//! ```
//!
//! `corpus/<target>/seed-*` are made by `seed.py` from the vectors in `conformance/`; what a run adds beside them is
//! not kept.

use larder_wire::Decoded;

/// Decodes one message after the other with `decode`. `message` gets each with the bytes that it took, and says how many
/// follow that are to be discarded.
pub fn walk<'b, T, V>(
    input: &'b [u8],
    frame_bytes_max: u64,
    mut decode: impl FnMut(&'b [u8]) -> Result<Decoded<T>, V>,
    mut message: impl FnMut(T, &'b [u8]) -> u64,
) {
    let mut rest = input;
    loop {
        match decode(rest) {
            Err(_) => return,
            Ok(Decoded::Need(bytes)) => {
                assert!(bytes > rest.len(), "{bytes} bytes needed, {} there", rest.len());
                assert!(bytes as u64 <= frame_bytes_max, "{bytes} bytes needed");
                return;
            }
            Ok(Decoded::Frame { value, used }) => {
                assert!((1..=rest.len()).contains(&used), "{used} bytes used, {} there", rest.len());
                let discard = message(value, &rest[..used]);
                let past = (used as u64).saturating_add(discard).min(rest.len() as u64);
                rest = &rest[past as usize..];
            }
        }
    }
}
