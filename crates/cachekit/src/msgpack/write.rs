//! The bytes of MessagePack, always in the shortest form; a non-negative integer always in the unsigned family.

use thiserror::Error;

use crate::value::Integer;

/// A string, byte string, list or map with more than 2^32−1 bytes or elements.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("a length of {length} does not fit MessagePack's 32 bits")]
pub struct TooLong {
    /// Bytes or elements.
    pub length: usize,
}

/// A growing document.
pub(crate) struct Writer {
    out: Vec<u8>,
}

impl Writer {
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self { out: Vec::with_capacity(bytes) }
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.out
    }

    pub(crate) fn nil(&mut self) {
        self.out.push(0xc0);
    }

    pub(crate) fn boolean(&mut self, value: bool) {
        self.out.push(if value { 0xc3 } else { 0xc2 });
    }

    pub(crate) fn integer(&mut self, number: Integer) {
        let number = number.get();
        match u64::try_from(number) {
            Ok(number) => self.unsigned(number),
            // In range by construction: an Integer is at least −2^63.
            Err(_) => self.negative(i64::try_from(number).unwrap_or(i64::MIN)),
        }
    }

    pub(crate) fn unsigned(&mut self, number: u64) {
        if let Ok(byte) = u8::try_from(number) {
            if byte >= 0x80 {
                self.out.push(0xcc);
            }
            self.out.push(byte);
        } else if let Ok(number) = u16::try_from(number) {
            self.marked(0xcd, &number.to_be_bytes());
        } else if let Ok(number) = u32::try_from(number) {
            self.marked(0xce, &number.to_be_bytes());
        } else {
            self.marked(0xcf, &number.to_be_bytes());
        }
    }

    fn negative(&mut self, number: i64) {
        if let Ok(byte) = i8::try_from(number) {
            if byte < -32 {
                self.out.push(0xd0);
            }
            self.out.extend(byte.to_be_bytes());
        } else if let Ok(number) = i16::try_from(number) {
            self.marked(0xd1, &number.to_be_bytes());
        } else if let Ok(number) = i32::try_from(number) {
            self.marked(0xd2, &number.to_be_bytes());
        } else {
            self.marked(0xd3, &number.to_be_bytes());
        }
    }

    pub(crate) fn float(&mut self, number: f64) {
        self.marked(0xcb, &number.to_be_bytes());
    }

    pub(crate) fn text(&mut self, text: &str) -> Result<(), TooLong> {
        match u8::try_from(text.len()) {
            Ok(length @ 0..=31) => self.out.push(0xa0 | length),
            Ok(length) => self.marked(0xd9, &[length]),
            Err(_) => self.long(0xda, 0xdb, text.len())?,
        }
        self.out.extend_from_slice(text.as_bytes());
        Ok(())
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        self.bytes_header(bytes.len())?;
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    /// What stands before so many bytes.
    pub(crate) fn bytes_header(&mut self, length: usize) -> Result<(), TooLong> {
        match u8::try_from(length) {
            Ok(length) => self.marked(0xc4, &[length]),
            Err(_) => self.long(0xc5, 0xc6, length)?,
        }
        Ok(())
    }

    pub(crate) fn list(&mut self, items: usize) -> Result<(), TooLong> {
        match u8::try_from(items) {
            Ok(items @ 0..=15) => self.out.push(0x90 | items),
            _ => self.long(0xdc, 0xdd, items)?,
        }
        Ok(())
    }

    pub(crate) fn map(&mut self, pairs: usize) -> Result<(), TooLong> {
        match u8::try_from(pairs) {
            Ok(pairs @ 0..=15) => self.out.push(0x80 | pairs),
            _ => self.long(0xde, 0xdf, pairs)?,
        }
        Ok(())
    }

    /// A document that was written before, as it is.
    pub(crate) fn document(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    fn marked(&mut self, marker: u8, bytes: &[u8]) {
        self.out.push(marker);
        self.out.extend_from_slice(bytes);
    }

    fn long(&mut self, marker16: u8, marker32: u8, length: usize) -> Result<(), TooLong> {
        if let Ok(length) = u16::try_from(length) {
            self.marked(marker16, &length.to_be_bytes());
        } else {
            self.marked(marker32, &u32::try_from(length).map_err(|_| TooLong { length })?.to_be_bytes());
        }
        Ok(())
    }
}
