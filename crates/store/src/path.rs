//! A key as one segment of a URL's path, for the CacheKit REST API (`spec/cachekit.md`, section 6). Pure.

use crate::capabilities::{KeyAlphabet, KeyFault, KeyRules};
use std::fmt::Write;

/// Keys that no segment can stand for: they would be another address of the API, or none.
const RESERVED: [&str; 5] = [".", "..", "health", "ttl", "lock"];

/// Which keys have a segment, whatever a server thinks of them.
pub(crate) const ENCODABLE: KeyRules =
    KeyRules { empty: false, bytes_max: usize::MAX, alphabet: KeyAlphabet::Utf8, reserved: &RESERVED };

/// The segment for a key: every byte outside `A-Z a-z 0-9 - . _ ~` as `%` and two upper-case hexadecimal digits.
///
/// # Errors
/// A key that is empty, not UTF-8, or one of `.`, `..`, `health`, `ttl` and `lock`.
///
/// ```
/// use larder_store::{KeyFault, path_segment};
///
/// assert_eq!(path_segment(b"ns:users:a/b").as_deref(), Ok("ns%3Ausers%3Aa%2Fb"));
/// assert_eq!(path_segment(b"health"), Err(KeyFault::Reserved("health")));
/// ```
pub fn path_segment(key: &[u8]) -> Result<String, KeyFault> {
    ENCODABLE.check(key)?;
    let mut segment = String::with_capacity(key.len() + 16);
    for &byte in key {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => segment.push(byte.into()),
            // Writing to a string cannot fail.
            _ => _ = write!(segment, "%{byte:02X}"),
        }
    }
    Ok(segment)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The decoding that a server does: split on raw slashes before, escapes once, nothing else.
    fn decode(segment: &str) -> Vec<u8> {
        let mut bytes = segment.bytes();
        let mut out = Vec::new();
        while let Some(byte) = bytes.next() {
            if byte == b'%' {
                let pair = [bytes.next().unwrap(), bytes.next().unwrap()];
                out.push(u8::from_str_radix(std::str::from_utf8(&pair).unwrap(), 16).unwrap());
            } else {
                out.push(byte);
            }
        }
        out
    }

    proptest! {
        #[test]
        fn a_server_that_decodes_once_gets_the_key_back(key in "\\PC{1,40}|[ -~]{1,40}|[\\x00-\\x20]{1,5}") {
            if let Ok(segment) = path_segment(key.as_bytes()) {
                prop_assert!(segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte)));
                prop_assert_eq!(decode(&segment), key.as_bytes());
            }
        }
    }

    #[test]
    fn keys_that_would_be_another_address_are_refused() {
        for word in RESERVED {
            assert_eq!(path_segment(word.as_bytes()), Err(KeyFault::Reserved(word)));
        }
        assert_eq!(path_segment(b""), Err(KeyFault::Empty));
        assert_eq!(path_segment(b"ab\xff"), Err(KeyFault::NotUtf8 { at: 2 }));
        assert_eq!(path_segment(b"Health").as_deref(), Ok("Health"));
        assert_eq!(path_segment(b"...").as_deref(), Ok("..."));
    }
}
