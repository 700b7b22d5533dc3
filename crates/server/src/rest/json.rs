//! JSON bodies of requests: objects, and nothing that might pass for one.

use serde::de::DeserializeOwned;
use serde_json::Number;

/// Reads a body as an object. (Left to itself, the reader would take an array for one, field by field.)
pub(crate) fn object<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    body.trim_ascii_start().starts_with(b"{").then(|| serde_json::from_slice(body).ok()).flatten()
}

/// The whole number that a number is, from 0 to 2^53. JSON does not tell 60 from 60.0, and some writers do not either.
pub(crate) fn whole(number: &Number) -> Option<u64> {
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    let is_whole = |float: &f64| float.fract() == 0.0 && (0.0..=EXACT_MAX).contains(float);
    number.as_u64().or_else(|| number.as_f64().filter(is_whole).map(|float| float as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_whole_however_it_is_written() {
        let read = |text: &str| whole(&serde_json::from_str(text).unwrap());
        for (text, value) in [("60", 60), ("60.0", 60), ("6e1", 60), ("0", 0), ("-0.0", 0)] {
            assert_eq!(read(text), Some(value), "{text}");
        }
        assert_eq!(read("18446744073709551615"), Some(u64::MAX));
        for text in ["1.5", "-1", "-1.0", "1e300", "0.1"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
