//! Where the plain part of a string ends, eight bytes at a time.

/// The bytes from the first one that ends a plain run of a string: a quote, a backslash, a control character.
#[inline]
pub(super) fn after_plain(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes;
    while let Some((chunk, tail)) = rest.split_first_chunk() {
        let found = special(u64::from_le_bytes(*chunk));
        if found != 0 {
            let at = (found.trailing_zeros() / 8) as usize;
            return rest.get(at..).unwrap_or_default();
        }
        rest = tail;
    }
    while let [byte, tail @ ..] = rest {
        if matches!(byte, b'"' | b'\\' | 0..=0x1f) {
            break;
        }
        rest = tail;
    }
    rest
}

/// Marks in each byte's highest bit the bytes that are special; exact up to the first of them, which is all that is
/// asked for (the subtraction borrows from higher bytes only where a lower one is marked).
#[inline]
fn special(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let below = |word: u64, limit: u8| word.wrapping_sub(ONES.wrapping_mul(limit.into())) & !word;
    let equals = |byte: u8| below(word ^ ONES.wrapping_mul(byte.into()), 1);
    (below(word, 0x20) | equals(b'"') | equals(b'\\')) & HIGHS
}
