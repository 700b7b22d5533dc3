//! The closed model of what a CacheKit argument or value can be. Maps have string keys and are always sorted by
//! code point, integers cannot leave the 65 bits that MessagePack has: what the protocol forbids mostly cannot be
//! built, and the rest is a typed error where it is encoded.

mod path;
pub(crate) mod serialize;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

pub use path::{Path, Step};
use thiserror::Error;
use uuid::Uuid;

use crate::temporal::{Date, DateTime, Time};

/// A value of the protocol's model.
///
/// ```
/// use larder_cachekit::Value;
///
/// let user = Value::map([("name", Value::from("alice")), ("age", Value::from(30))]);
/// assert_eq!(larder_cachekit::msgpack::encode(&user)?[..6], *b"\x82\xa3age\x1e");
/// # Ok::<(), larder_cachekit::msgpack::EncodeError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nil, None, null.
    Nil,
    /// A truth value.
    Bool(bool),
    /// An integer from −2^63 to 2^64−1.
    Int(Integer),
    /// A 64-bit float.
    Float(f64),
    /// Text; UTF-8, never normalised.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A list; tuples are lists.
    List(Vec<Self>),
    /// A map with string keys, sorted by code point.
    Map(BTreeMap<String, Self>),
    /// A set: an argument only, sorted and freed of duplicates when it is encoded.
    Set(Vec<Self>),
    /// A date with a time, with or without an offset from UTC.
    DateTime(DateTime),
    /// A date: a value only.
    Date(Date),
    /// A time of day: a value only.
    Time(Time),
    /// A UUID: an argument only, as lower-case hyphenated text.
    Uuid(Uuid),
}

impl Value {
    /// A list of what the iterator gives.
    pub fn list(items: impl IntoIterator<Item = impl Into<Self>>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }

    /// A map of what the iterator gives; the last of equal keys stays.
    pub fn map<K: Into<String>, V: Into<Self>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        Self::Map(pairs.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }

    /// What kind of value this is, in the words of the protocol documents.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Nil => "nil",
            Self::Bool(_) => "boolean",
            Self::Int(_) => "integer",
            Self::Float(_) => "float",
            Self::Text(_) => "string",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "list",
            Self::Map(_) => "map",
            Self::Set(_) => "set",
            Self::DateTime(_) => "datetime",
            Self::Date(_) => "date",
            Self::Time(_) => "time",
            Self::Uuid(_) => "UUID",
        }
    }
}

/// An integer from −2^63 to 2^64−1: all that MessagePack can write.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Integer(i128);

impl Integer {
    /// −2^63.
    pub const MIN: Self = Self(i64::MIN as i128);
    /// 2^64−1.
    pub const MAX: Self = Self(u64::MAX as i128);

    /// The number.
    #[must_use]
    pub const fn get(self) -> i128 {
        self.0
    }
}

impl fmt::Debug for Integer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Integer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An integer outside −2^63 to 2^64−1, or text that is not an integer at all.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text} is not an integer from -9223372036854775808 to 18446744073709551615")]
pub struct IntegerOutOfRange {
    /// The integer as it was given.
    pub text: String,
}

impl TryFrom<i128> for Integer {
    type Error = IntegerOutOfRange;

    fn try_from(number: i128) -> Result<Self, IntegerOutOfRange> {
        if !(Self::MIN.0..=Self::MAX.0).contains(&number) {
            return Err(IntegerOutOfRange { text: number.to_string() });
        }
        Ok(Self(number))
    }
}

impl FromStr for Integer {
    type Err = IntegerOutOfRange;

    fn from_str(text: &str) -> Result<Self, IntegerOutOfRange> {
        let out_of_range = || IntegerOutOfRange { text: text.to_owned() };
        Self::try_from(text.parse::<i128>().map_err(|_| out_of_range())?)
    }
}

macro_rules! from_integers {
    ($($kind:ty),*) => {$(
        impl From<$kind> for Integer {
            fn from(number: $kind) -> Self {
                Self(i128::from(number))
            }
        }

        impl From<$kind> for Value {
            fn from(number: $kind) -> Self {
                Self::Int(Integer::from(number))
            }
        }
    )*};
}

from_integers!(i8, i16, i32, i64, u8, u16, u32, u64);

macro_rules! from_variants {
    ($($kind:ty => $variant:ident),*) => {$(
        impl From<$kind> for Value {
            fn from(value: $kind) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}

from_variants!(
    bool => Bool, f64 => Float, &str => Text, String => Text, &[u8] => Bytes, DateTime => DateTime, Date => Date,
    Time => Time, Uuid => Uuid, Integer => Int, Vec<Value> => List, BTreeMap<String, Value> => Map
);

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Nil, Into::into)
    }
}

/// Marks a collection as a set for [`to_value`](crate::to_value): `serde` cannot tell a set from a list, and a list keeps its order.
///
/// ```
/// use std::collections::HashSet;
/// use larder_cachekit::{Set, Value, key::interop, to_value};
///
/// let ids = to_value(&Set(HashSet::from([3, 1, 2])))?;
/// let same = Value::Set(vec![1.into(), 2.into(), 3.into()]);
/// assert_eq!(interop::key("t", "op", &[ids])?, interop::key("t", "op", &[same])?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Set<T>(pub T);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_hold_exactly_the_range_of_messagepack() {
        assert_eq!("-9223372036854775808".parse(), Ok(Integer::MIN));
        assert_eq!("18446744073709551615".parse(), Ok(Integer::MAX));
        for text in ["18446744073709551616", "-9223372036854775809", "1.0", "", "1e3", " 1"] {
            assert_eq!(text.parse::<Integer>(), Err(IntegerOutOfRange { text: text.into() }));
        }
        assert_eq!(Integer::try_from(1_i128 << 64).unwrap_err().text, "18446744073709551616");
    }

    #[test]
    fn maps_sort_by_code_point_not_by_utf16() {
        let map = Value::map([("\u{10000}", 1), ("\u{ff61}", 2)]);
        let Value::Map(map) = map else { panic!("a map") };
        assert_eq!(map.keys().collect::<Vec<_>>(), ["\u{ff61}", "\u{10000}"]);
    }
}
