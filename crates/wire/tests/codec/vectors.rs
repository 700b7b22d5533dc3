//! Reading the files in `conformance/`.

use serde::de::{Deserialize, Deserializer, Error};

/// Bytes that are hexadecimal in the file.
#[derive(Debug, Clone, PartialEq)]
pub struct Hex(pub Vec<u8>);

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let digits = text.as_bytes();
        assert!(digits.len().is_multiple_of(2), "{text}: an odd number of digits");
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16);
        digits.chunks(2).map(byte).collect::<Result<_, _>>().map(Self).map_err(D::Error::custom)
    }
}

/// Reads a file whose text is `json`.
pub fn read<T: for<'de> Deserialize<'de>>(json: &str) -> T {
    serde_json::from_str(json).unwrap()
}
