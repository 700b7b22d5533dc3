//! The layout of a CacheKit cache file (`spec/cachekit.md`, section 7): its name, a header of 14 bytes, the value. Pure.
//!
//! `43 4B` (`CK`), version 1, a reserved byte 0, flags as `u16` 0, expiry in Unix seconds as `u64` (0 = never), all big-endian.

use blake2::{Blake2b, Digest, digest::consts::U16};

/// Length of the header in bytes.
///
/// ```
/// use larder_store::{FILE_HEADER_BYTES, file_header};
///
/// assert_eq!(file_header(0).len(), FILE_HEADER_BYTES);
/// ```
pub const FILE_HEADER_BYTES: usize = 14;

/// Length of a file's name in characters.
#[cfg(feature = "file")]
pub(crate) const FILE_NAME_CHARS: usize = 32;

/// Where in the file the expiry is: eight bytes.
///
/// ```
/// use larder_store::{FILE_EXPIRY_OFFSET, file_header};
///
/// assert_eq!(file_header(7)[FILE_EXPIRY_OFFSET as usize..], 7_u64.to_be_bytes());
/// ```
pub const FILE_EXPIRY_OFFSET: u64 = 6;

const MAGIC: [u8; 2] = *b"CK";
const VERSION: u8 = 1;

/// The name of the file of a key: Blake2b with a digest of 16 bytes, in lower-case hexadecimal.
///
/// ```
/// assert_eq!(larder_store::file_name(b"greeting").len(), 32);
/// ```
#[must_use]
pub fn file_name(key: &[u8]) -> String {
    hex::encode(Blake2b::<U16>::digest(key))
}

/// The header of an entry that expires at `expiry_s`, in Unix seconds; 0 for never.
///
/// ```
/// use larder_store::{FileReading, file_header, read_file};
///
/// let mut file = file_header(1_000).to_vec();
/// file.extend_from_slice(b"value");
/// assert_eq!(read_file(&file, 999), FileReading::Value { value: b"value", expiry_s: 1_000 });
/// assert_eq!(read_file(&file, 1_000), FileReading::Expired);
/// ```
#[must_use]
pub fn file_header(expiry_s: u64) -> [u8; FILE_HEADER_BYTES] {
    let ([c, k], [a, b, d, e, f, g, h, i]) = (MAGIC, expiry_s.to_be_bytes());
    [c, k, VERSION, 0, 0, 0, a, b, d, e, f, g, h, i]
}

/// What a file is to a reader.
///
/// ```
/// use larder_store::{FileReading, read_file};
///
/// assert_eq!(read_file(b"not a cache file", 0), FileReading::Damaged);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileReading<'f> {
    /// An entry.
    Value {
        /// Its value.
        value: &'f [u8],
        /// When it expires, in Unix seconds; 0 for never.
        expiry_s: u64,
    },
    /// An entry whose time is over: the file may go.
    Expired,
    /// Written by a later version of the format: a miss, and the file stays.
    Foreign,
    /// No entry, or not a whole header: a miss, and the file may go.
    Damaged,
}

/// Reads a whole file, or its first bytes (of which at least the header).
///
/// ```
/// use larder_store::{FileReading, read_file};
///
/// assert_eq!(read_file(b"CK\x01\0\0", 0), FileReading::Damaged);
/// assert_eq!(read_file(b"CK\x01\0\0\x01\0\0\0\0\0\0\0\0v", 0), FileReading::Foreign);
/// ```
#[must_use]
pub fn read_file(file: &[u8], now_s: u64) -> FileReading<'_> {
    let Some((&[c, k, version, reserved, flags_high, flags_low, ref expiry @ ..], value)) =
        file.split_first_chunk::<FILE_HEADER_BYTES>()
    else {
        return FileReading::Damaged;
    };
    let expiry_s = u64::from_be_bytes(*expiry);
    match ([c, k], [version, reserved, flags_high, flags_low]) {
        (MAGIC, [VERSION, 0, 0, 0]) if expiry_s != 0 && expiry_s <= now_s => FileReading::Expired,
        (MAGIC, [VERSION, 0, 0, 0]) => FileReading::Value { value, expiry_s },
        (MAGIC, _) => FileReading::Foreign,
        _ => FileReading::Damaged,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(expiry_s: u64, now_s: u64, value: Vec<u8>) {
            let file = [&file_header(expiry_s)[..], &value].concat();
            let expected = if expiry_s != 0 && now_s >= expiry_s {
                FileReading::Expired
            } else {
                FileReading::Value { value: &value, expiry_s }
            };
            prop_assert_eq!(read_file(&file, now_s), expected);
            prop_assert_eq!(&file[FILE_EXPIRY_OFFSET as usize..FILE_HEADER_BYTES], expiry_s.to_be_bytes());
            prop_assert_eq!(read_file(&file[..FILE_HEADER_BYTES - 1], now_s), FileReading::Damaged);
        }

        #[test]
        fn no_file_is_too_strange(file: Vec<u8>, now_s: u64) {
            let _ = read_file(&file, now_s);
        }

        #[test]
        fn what_a_later_version_wrote_stays_whatever_its_expiry(at in 2_usize..6, byte: u8, expiry_s: u64) {
            let mut file = file_header(expiry_s);
            prop_assume!(file[at] != byte);
            file[at] = byte;
            prop_assert_eq!(read_file(&file, u64::MAX), FileReading::Foreign);
        }
    }
}
