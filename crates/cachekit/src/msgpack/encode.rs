//! Values to canonical documents: shortest forms, sorted string keys, floats as they are, dates and times as the
//! sentinel maps `{"__datetime__": true, "value": "…"}` that every SDK reads.

use serde::Serialize;
use thiserror::Error;

use super::write::{TooLong, Writer};
use crate::limits::Limits;
use crate::value::serialize::{ConvertError, to_value};
use crate::value::{Path, Step, Value};

/// What a document cannot hold.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EncodeError {
    /// A set or a UUID: arguments of a key can be these, stored values cannot.
    #[error("{at}: a {kind} has no form as a stored value; store a list or text")]
    NotAValue {
        /// Where.
        at: Path,
        /// `set` or `UUID`.
        kind: &'static str,
    },
    /// NaN or an infinity, which the SDKs refuse in stored values.
    #[error("{at}: {found} has no form as a stored value; numbers must be finite")]
    NotFinite {
        /// Where.
        at: Path,
        /// `NaN`, `inf` or `-inf`.
        found: String,
    },
    /// Deeper nesting than any reader accepts.
    #[error("{at}: nested deeper than {depth_max} levels")]
    TooDeep {
        /// Where it got too deep.
        at: Path,
        /// The limit.
        depth_max: usize,
    },
    /// A length of more than 32 bits.
    #[error("{at}: {source}")]
    TooLong {
        /// Where.
        at: Path,
        /// The length.
        source: TooLong,
    },
    /// The data is outside the protocol's model.
    #[error(transparent)]
    Convert(#[from] ConvertError),
}

impl EncodeError {
    fn inside(self, step: Step) -> Self {
        match self {
            Self::NotAValue { at, kind } => Self::NotAValue { at: at.inside(step), kind },
            Self::NotFinite { at, found } => Self::NotFinite { at: at.inside(step), found },
            Self::TooDeep { at, depth_max } => Self::TooDeep { at: at.inside(step), depth_max },
            Self::TooLong { at, source } => Self::TooLong { at: at.inside(step), source },
            Self::Convert(error) => Self::Convert(error),
        }
    }
}

impl From<TooLong> for EncodeError {
    fn from(source: TooLong) -> Self {
        Self::TooLong { at: Path::root(), source }
    }
}

/// The canonical document of a value.
///
/// # Errors
///
/// [`EncodeError`] for a set, a UUID, a number that is not finite, or nesting beyond [`Limits::PROTOCOL`].
pub fn encode(value: &Value) -> Result<Vec<u8>, EncodeError> {
    let mut writer = Writer::with_capacity(64);
    write_value(&mut writer, value, Limits::PROTOCOL.depth_max)?;
    Ok(writer.into_bytes())
}

/// The canonical document of a `serde` type.
///
/// # Errors
///
/// As [`encode`], and [`EncodeError::Convert`] for data outside the model.
pub fn to_vec<T: Serialize + ?Sized>(data: &T) -> Result<Vec<u8>, EncodeError> {
    encode(&to_value(data)?)
}

fn write_value(writer: &mut Writer, value: &Value, levels: usize) -> Result<(), EncodeError> {
    match value {
        Value::Nil => writer.nil(),
        Value::Bool(value) => writer.boolean(*value),
        Value::Int(number) => writer.integer(*number),
        Value::Float(number) if number.is_finite() => writer.float(*number),
        Value::Float(number) => {
            return Err(EncodeError::NotFinite { at: Path::root(), found: number.to_string() });
        }
        Value::Text(text) => writer.text(text)?,
        Value::Bytes(bytes) => writer.bytes(bytes)?,
        Value::List(items) => {
            let levels = deeper(levels)?;
            writer.list(items.len())?;
            for (index, item) in items.iter().enumerate() {
                write_value(writer, item, levels).map_err(|error| error.inside(Step::Index(index)))?;
            }
        }
        Value::Map(map) => {
            let levels = deeper(levels)?;
            writer.map(map.len())?;
            for (key, item) in map {
                let located = |error: EncodeError| error.inside(Step::Key(key.clone()));
                writer.text(key).map_err(|error| located(error.into()))?;
                write_value(writer, item, levels).map_err(located)?;
            }
        }
        Value::DateTime(datetime) => write_sentinel(writer, "__datetime__", &datetime.to_string(), levels)?,
        Value::Date(date) => write_sentinel(writer, "__date__", &date.to_string(), levels)?,
        Value::Time(time) => write_sentinel(writer, "__time__", &time.to_string(), levels)?,
        Value::Set(_) | Value::Uuid(_) => {
            return Err(EncodeError::NotAValue { at: Path::root(), kind: value.kind() });
        }
    }
    Ok(())
}

fn write_sentinel(writer: &mut Writer, name: &str, text: &str, levels: usize) -> Result<(), EncodeError> {
    deeper(levels)?;
    writer.map(2)?;
    writer.text(name)?;
    writer.boolean(true);
    writer.text("value")?;
    writer.text(text)?;
    Ok(())
}

fn deeper(levels: usize) -> Result<usize, EncodeError> {
    let depth_max = Limits::PROTOCOL.depth_max;
    levels.checked_sub(1).ok_or_else(|| EncodeError::TooDeep { at: Path::root(), depth_max })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_and_uuids_are_refused_as_values_with_their_place() {
        let value = Value::map([("ids", Value::list([Value::Nil, Value::Set(vec![])]))]);
        assert_eq!(
            encode(&value).unwrap_err().to_string(),
            "ids[1]: a set has no form as a stored value; store a list or text"
        );
        assert!(matches!(
            encode(&Value::Uuid(uuid::Uuid::nil())),
            Err(EncodeError::NotAValue { kind: "UUID", .. })
        ));
    }

    #[test]
    fn numbers_that_are_not_finite_are_refused() {
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let expected =
                EncodeError::NotFinite { at: Path::root().inside(Step::Index(0)), found: number.to_string() };
            assert_eq!(encode(&Value::list([number])), Err(expected));
        }
    }

    #[test]
    fn a_document_is_never_deeper_than_its_readers_go() {
        let nest = |depth: usize| (1..depth).fold(Value::List(vec![]), |inner, _| Value::List(vec![inner]));
        assert!(encode(&nest(100)).is_ok());
        assert!(matches!(encode(&nest(101)), Err(EncodeError::TooDeep { depth_max: 100, .. })));
        let when = Value::DateTime(crate::DateTime::from_unix_micros(0).unwrap());
        let below = (0..100).fold(when, |inner, _| Value::List(vec![inner]));
        assert!(matches!(encode(&below), Err(EncodeError::TooDeep { .. })), "a sentinel map is a level too");
    }
}
