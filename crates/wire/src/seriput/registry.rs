//! The registered numbers: operations, key types, value types. The document promises that a number never changes its
//! meaning and that new serializers get new ones; a new one here is a variant and the arm of [`ValueType::serializer`]
//! that the compiler then asks for.

use super::json::{self, JsonError};
use std::fmt;

/// An operation; its number is the first byte of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Op {
    /// Read a value.
    Get = 0x01,
    /// Store a value.
    Put = 0x02,
    /// Delete a key.
    Delete = 0x03,
}

impl Op {
    /// Every operation, in the order of their bytes.
    pub const ALL: [Self; 3] = [Self::Get, Self::Put, Self::Delete];

    /// The operation with this byte, if there is one.
    #[inline]
    pub fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0x01 => Some(Self::Get),
            0x02 => Some(Self::Put),
            0x03 => Some(Self::Delete),
            _ => None,
        }
    }

    /// Its byte on the wire.
    #[inline]
    pub fn byte(self) -> u8 {
        self as u8
    }

    /// Its name as the document writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a request went; its number is the first byte of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Status {
    Ok = 0x00,
    InvalidRequest = 0x01,
    NotFound = 0x02,
    InternalError = 0x03,
}

impl Status {
    #[inline]
    pub(super) fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0x00 => Some(Self::Ok),
            0x01 => Some(Self::InvalidRequest),
            0x02 => Some(Self::NotFound),
            0x03 => Some(Self::InternalError),
            _ => None,
        }
    }

    #[inline]
    pub(super) fn byte(self) -> u8 {
        self as u8
    }
}

/// How a key is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum KeyType {
    /// A UTF-8 string. The only one so far.
    Utf8 = 0x01,
}

impl KeyType {
    /// The key type with this byte, if there is one.
    #[inline]
    pub fn from_byte(byte: u8) -> Option<Self> {
        (byte == Self::Utf8.byte()).then_some(Self::Utf8)
    }

    /// Its byte on the wire.
    #[inline]
    pub fn byte(self) -> u8 {
        self as u8
    }
}

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ValueType {
    /// One JSON text in UTF-8. The only one so far.
    Json,
}

/// What the registry says of a value type.
struct Serializer {
    /// The byte that is written.
    byte: u8,
    /// Other bytes that a PUT may have for it.
    also_put: &'static [u8],
    name: &'static str,
    check: fn(&[u8]) -> Result<(), JsonError>,
}

impl ValueType {
    /// Every value type.
    pub const ALL: [Self; 1] = [Self::Json];

    const fn serializer(self) -> &'static Serializer {
        match self {
            // 0x10 stands in the document's example of a PUT, and nowhere else.
            Self::Json => &Serializer { byte: 0x01, also_put: &[0x10], name: "JSON", check: json::check },
        }
    }

    /// The value type with this byte, if there is one.
    #[inline]
    pub fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|of| of.byte() == byte)
    }

    /// The value type that a PUT means by this byte, if there is one.
    #[inline]
    pub fn from_put_byte(byte: u8) -> Option<Self> {
        Self::from_byte(byte)
            .or_else(|| Self::ALL.into_iter().find(|of| of.serializer().also_put.contains(&byte)))
    }

    /// Its byte on the wire.
    #[inline]
    pub fn byte(self) -> u8 {
        self.serializer().byte
    }

    /// Its name as the document writes it.
    pub fn name(self) -> &'static str {
        self.serializer().name
    }

    /// Is this a value of this type?
    ///
    /// # Errors
    ///
    /// What is wrong with it, and at which byte.
    pub fn check(self, value: &[u8]) -> Result<(), JsonError> {
        (self.serializer().check)(value)
    }
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_registered_bytes_mean_something() {
        for byte in 0..=255 {
            assert_eq!(Op::from_byte(byte).map(Op::byte), (1..=3).contains(&byte).then_some(byte));
            assert_eq!(KeyType::from_byte(byte).is_some(), byte == 0x01);
            assert_eq!(Status::from_byte(byte).map(Status::byte), (0..=3).contains(&byte).then_some(byte));
            assert_eq!(ValueType::from_byte(byte).is_some(), byte == 0x01);
            assert_eq!(ValueType::from_put_byte(byte).is_some(), byte == 0x01 || byte == 0x10);
        }
    }

    #[test]
    fn json_is_written_as_one_and_in_a_put_also_read_as_sixteen() {
        assert_eq!(ValueType::Json.byte(), 0x01);
        assert_eq!(ValueType::from_put_byte(0x01), Some(ValueType::Json));
        assert_eq!(ValueType::from_put_byte(0x10), Some(ValueType::Json));
    }

    #[test]
    fn a_value_type_knows_its_values() {
        assert_eq!(ValueType::Json.check(b"{\"name\":\"Alice\",\"age\":30}"), Ok(()));
        assert_eq!(ValueType::Json.check(b"{]").unwrap_err().offset, 1);
    }
}
