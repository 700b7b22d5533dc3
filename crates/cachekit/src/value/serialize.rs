//! From any `serde` type to a [`Value`]: structs become maps with their field names, variants become their name or a
//! map from it, and what the model does not have is a typed error, never a silent coercion.

use std::collections::BTreeMap;

use serde::ser::{self, Serialize};
use thiserror::Error;
use uuid::Uuid;

use super::{Integer, IntegerOutOfRange, Path, Set, Step, Value};
use crate::limits::Limits;
use crate::temporal::{DATE_NAME, DATE_TIME_NAME, TIME_NAME};

const SET_NAME: &str = "larder_cachekit::Set";

/// The value that `data` stands for.
///
/// # Errors
///
/// [`ConvertError`] where it holds something that the model does not have.
///
/// ```
/// use larder_cachekit::{Value, to_value};
///
/// #[derive(serde::Serialize)]
/// struct User { name: &'static str, tags: Vec<u8> }
///
/// let value = to_value(&User { name: "alice", tags: vec![1] })?;
/// assert_eq!(value, Value::map([("name", Value::from("alice")), ("tags", Value::list([1]))]));
/// # Ok::<(), larder_cachekit::ConvertError>(())
/// ```
pub fn to_value<T: Serialize + ?Sized>(data: &T) -> Result<Value, ConvertError> {
    data.serialize(ValueSerializer { depth: 0 })
}

/// What a `serde` type holds that the protocol's model does not have.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConvertError {
    /// An integer of more than 64 bits.
    #[error("{at}: {source}")]
    IntegerOutOfRange {
        /// Where.
        at: Path,
        /// The integer.
        source: IntegerOutOfRange,
    },
    /// A map key that is not a string.
    #[error("{at}: a map key is {found}; keys must be strings")]
    NonStringKey {
        /// Where the map is.
        at: Path,
        /// What the key is.
        found: &'static str,
    },
    /// Deeper nesting than any reader accepts.
    #[error("{at}: nested deeper than {depth_max} levels")]
    TooDeep {
        /// Where it got too deep.
        at: Path,
        /// The limit.
        depth_max: usize,
    },
    /// The type's own `Serialize` gave up.
    #[error("{message}")]
    Custom {
        /// What it said.
        message: String,
    },
}

impl ConvertError {
    fn inside(self, step: Step) -> Self {
        match self {
            Self::IntegerOutOfRange { at, source } => Self::IntegerOutOfRange { at: at.inside(step), source },
            Self::NonStringKey { at, found } => Self::NonStringKey { at: at.inside(step), found },
            Self::TooDeep { at, depth_max } => Self::TooDeep { at: at.inside(step), depth_max },
            Self::Custom { message } => Self::Custom { message },
        }
    }
}

impl ser::Error for ConvertError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self::Custom { message: message.to_string() }
    }
}

impl<T: Serialize> Serialize for Set<T> {
    fn serialize<S: ser::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(SET_NAME, &self.0)
    }
}

#[derive(Clone, Copy)]
struct ValueSerializer {
    depth: usize,
}

impl ValueSerializer {
    fn deeper(self) -> Result<Self, ConvertError> {
        let depth_max = Limits::PROTOCOL.depth_max;
        if self.depth >= depth_max {
            return Err(ConvertError::TooDeep { at: Path::root(), depth_max });
        }
        Ok(Self { depth: self.depth.saturating_add(1) })
    }

    fn list(self, variant: Option<&'static str>) -> Result<ListSerializer, ConvertError> {
        let inner = if variant.is_some() { self.deeper()? } else { self };
        Ok(ListSerializer { inner: inner.deeper()?, items: Vec::new(), variant })
    }

    fn map(self, variant: Option<&'static str>) -> Result<MapSerializer, ConvertError> {
        let inner = if variant.is_some() { self.deeper()? } else { self };
        Ok(MapSerializer { inner: inner.deeper()?, map: BTreeMap::new(), key: None, variant })
    }
}

macro_rules! serialize_from {
    ($($method:ident($kind:ty)),*) => {$(
        fn $method(self, value: $kind) -> Result<Value, ConvertError> {
            Ok(Value::from(value))
        }
    )*};
}

impl ser::Serializer for ValueSerializer {
    type Ok = Value;
    type Error = ConvertError;
    type SerializeSeq = ListSerializer;
    type SerializeTuple = ListSerializer;
    type SerializeTupleStruct = ListSerializer;
    type SerializeTupleVariant = ListSerializer;
    type SerializeMap = MapSerializer;
    type SerializeStruct = MapSerializer;
    type SerializeStructVariant = MapSerializer;

    serialize_from!(
        serialize_bool(bool),
        serialize_i8(i8),
        serialize_i16(i16),
        serialize_i32(i32),
        serialize_i64(i64),
        serialize_u8(u8),
        serialize_u16(u16),
        serialize_u32(u32),
        serialize_u64(u64),
        serialize_f64(f64),
        serialize_str(&str),
        serialize_bytes(&[u8])
    );

    fn serialize_i128(self, number: i128) -> Result<Value, ConvertError> {
        let integer = Integer::try_from(number);
        integer.map(Value::Int).map_err(|source| ConvertError::IntegerOutOfRange { at: Path::root(), source })
    }

    fn serialize_u128(self, number: u128) -> Result<Value, ConvertError> {
        let integer = number.to_string().parse::<Integer>();
        integer.map(Value::Int).map_err(|source| ConvertError::IntegerOutOfRange { at: Path::root(), source })
    }

    fn serialize_f32(self, number: f32) -> Result<Value, ConvertError> {
        Ok(Value::Float(f64::from(number)))
    }

    fn serialize_char(self, character: char) -> Result<Value, ConvertError> {
        Ok(Value::Text(character.into()))
    }

    fn serialize_none(self) -> Result<Value, ConvertError> {
        Ok(Value::Nil)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value, ConvertError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Value, ConvertError> {
        Ok(Value::Nil)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Value, ConvertError> {
        Ok(Value::Nil)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<Value, ConvertError> {
        Ok(Value::from(variant))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<Value, ConvertError> {
        let value = value.serialize(self)?;
        Ok(match (name, value) {
            (SET_NAME, Value::List(items)) => Value::Set(items),
            (DATE_TIME_NAME, Value::Text(text)) => Value::DateTime(parse(&text)?),
            (DATE_NAME, Value::Text(text)) => Value::Date(parse(&text)?),
            (TIME_NAME, Value::Text(text)) => Value::Time(parse(&text)?),
            (_, value) => value,
        })
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Value, ConvertError> {
        let value =
            value.serialize(self.deeper()?).map_err(|error| error.inside(Step::Key(variant.to_owned())))?;
        Ok(Value::map([(variant, value)]))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<ListSerializer, ConvertError> {
        self.list(None)
    }

    fn serialize_tuple(self, _: usize) -> Result<ListSerializer, ConvertError> {
        self.list(None)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<ListSerializer, ConvertError> {
        self.list(None)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<ListSerializer, ConvertError> {
        self.list(Some(variant))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<MapSerializer, ConvertError> {
        self.map(None)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<MapSerializer, ConvertError> {
        self.map(None)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<MapSerializer, ConvertError> {
        self.map(Some(variant))
    }
}

fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, ConvertError> {
    text.parse().map_err(|error: T::Err| ConvertError::Custom { message: error.to_string() })
}

fn named(variant: Option<&'static str>, value: Value) -> Value {
    match variant {
        Some(variant) => Value::map([(variant, value)]),
        None => value,
    }
}

struct ListSerializer {
    inner: ValueSerializer,
    items: Vec<Value>,
    variant: Option<&'static str>,
}

impl ListSerializer {
    fn push<T: Serialize + ?Sized>(&mut self, item: &T) -> Result<(), ConvertError> {
        let index = self.items.len();
        self.items.push(item.serialize(self.inner).map_err(|error| error.inside(Step::Index(index)))?);
        Ok(())
    }

    fn finish(self) -> Value {
        named(self.variant, Value::List(self.items))
    }
}

macro_rules! list_like {
    ($($kind:ident :: $method:ident),*) => {$(
        impl ser::$kind for ListSerializer {
            type Ok = Value;
            type Error = ConvertError;

            fn $method<T: Serialize + ?Sized>(&mut self, item: &T) -> Result<(), ConvertError> {
                self.push(item)
            }

            fn end(self) -> Result<Value, ConvertError> {
                Ok(self.finish())
            }
        }
    )*};
}

list_like!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);

struct MapSerializer {
    inner: ValueSerializer,
    map: BTreeMap<String, Value>,
    key: Option<String>,
    variant: Option<&'static str>,
}

impl MapSerializer {
    fn insert<T: Serialize + ?Sized>(&mut self, key: String, value: &T) -> Result<(), ConvertError> {
        let value = value.serialize(self.inner).map_err(|error| error.inside(Step::Key(key.clone())))?;
        self.map.insert(key, value);
        Ok(())
    }

    fn finish(self) -> Value {
        named(self.variant, Value::Map(self.map))
    }
}

impl ser::SerializeMap for MapSerializer {
    type Ok = Value;
    type Error = ConvertError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), ConvertError> {
        match key.serialize(self.inner)? {
            Value::Text(key) => self.key = Some(key),
            other => return Err(ConvertError::NonStringKey { at: Path::root(), found: other.kind() }),
        }
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ConvertError> {
        let key = self
            .key
            .take()
            .ok_or_else(|| ConvertError::Custom { message: "a map value without a key".into() })?;
        self.insert(key, value)
    }

    fn end(self) -> Result<Value, ConvertError> {
        Ok(self.finish())
    }
}

macro_rules! struct_like {
    ($($kind:ident),*) => {$(
        impl ser::$kind for MapSerializer {
            type Ok = Value;
            type Error = ConvertError;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), ConvertError> {
                self.insert(name.to_owned(), value)
            }

            fn end(self) -> Result<Value, ConvertError> {
                Ok(self.finish())
            }
        }
    )*};
}

struct_like!(SerializeStruct, SerializeStructVariant);

/// So that a struct may hold a value that it does not look into. Types without a `serde` form use this crate's names.
impl Serialize for Value {
    fn serialize<S: ser::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Nil => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(number) => match i64::try_from(number.get()) {
                Ok(number) => serializer.serialize_i64(number),
                Err(_) => serializer.serialize_u64(u64::try_from(number.get()).unwrap_or(u64::MAX)),
            },
            Self::Float(number) => serializer.serialize_f64(*number),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Bytes(bytes) => serializer.serialize_bytes(bytes),
            Self::List(items) => serializer.collect_seq(items),
            Self::Map(map) => serializer.collect_map(map),
            Self::Set(items) => serializer.serialize_newtype_struct(SET_NAME, items),
            Self::DateTime(datetime) => datetime.serialize(serializer),
            Self::Date(date) => date.serialize(serializer),
            Self::Time(time) => time.serialize(serializer),
            Self::Uuid(uuid) => serializer.serialize_str(uuid_text(uuid).as_str()),
        }
    }
}

fn uuid_text(uuid: &Uuid) -> String {
    uuid.hyphenated().to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashSet};

    use serde::Serialize;

    use super::*;
    use crate::temporal::DateTime;

    #[derive(Serialize)]
    enum Shape {
        Point,
        Circle(u8),
        Line(u8, u8),
        Box { width: f32 },
    }

    #[derive(Serialize)]
    struct Everything {
        unit: (),
        some: Option<char>,
        none: Option<u8>,
        shapes: Vec<Shape>,
        when: DateTime,
        ids: Set<HashSet<u16>>,
    }

    #[test]
    fn serde_types_become_values_of_the_model() {
        let when: DateTime = "2024-01-01T00:00:00+01:00".parse().unwrap();
        let shapes = vec![Shape::Point, Shape::Circle(1), Shape::Line(2, 3), Shape::Box { width: 0.5 }];
        let data =
            Everything { unit: (), some: Some('x'), none: None, shapes, when, ids: Set(HashSet::from([7])) };
        let expected = Value::map([
            ("unit", Value::Nil),
            ("some", Value::from("x")),
            ("none", Value::Nil),
            (
                "shapes",
                Value::list([
                    Value::from("Point"),
                    Value::map([("Circle", 1)]),
                    Value::map([("Line", Value::list([2, 3]))]),
                    Value::map([("Box", Value::map([("width", 0.5)]))]),
                ]),
            ),
            ("when", Value::DateTime(when)),
            ("ids", Value::Set(vec![Value::from(7)])),
        ]);
        assert_eq!(to_value(&data), Ok(expected.clone()));
        assert_eq!(to_value(&expected), Ok(expected), "a value converts into itself");
    }

    #[test]
    fn what_the_model_lacks_is_an_error_that_says_where() {
        let wide = BTreeMap::from([("a", vec![0_i128, 1 << 64])]);
        assert_eq!(
            to_value(&wide).unwrap_err().to_string(),
            "a[1]: 18446744073709551616 is not an integer from -9223372036854775808 to 18446744073709551615"
        );
        assert!(matches!(to_value(&u128::MAX), Err(ConvertError::IntegerOutOfRange { .. })));
        let keyed = vec![BTreeMap::from([(1_u8, 2_u8)])];
        assert_eq!(
            to_value(&keyed),
            Err(ConvertError::NonStringKey { at: Path::root().inside(Step::Index(0)), found: "integer" })
        );
    }

    #[test]
    fn nesting_stops_at_the_limit_of_readers() {
        #[derive(Serialize)]
        struct Nest(Vec<Nest>);
        let nest = |depth: usize| (1..depth).fold(Nest(vec![]), |inner, _| Nest(vec![inner]));
        assert!(to_value(&nest(100)).is_ok());
        assert!(matches!(to_value(&nest(101)), Err(ConvertError::TooDeep { depth_max: 100, .. })));
    }
}
