//! Values as JSON that people and vector files write: plain JSON, and objects of one key for what JSON lacks –
//! `$set`, `$bytes` (hex), `$datetime`, `$date`, `$time`, `$uuid`, `$float` and `$int`. An object whose one key begins
//! with `$` but is no tag goes into `$object`.
//!
//! ```
//! use larder_cachekit::{Value, tagged};
//!
//! let value = tagged::from_json(&serde_json::json!({"ids": {"$set": [1, {"$bytes": "ff"}]}}))?;
//! assert_eq!(tagged::to_json(&value).to_string(), r#"{"ids":{"$set":[1,{"$bytes":"ff"}]}}"#);
//! # Ok::<(), tagged::TaggedError>(())
//! ```

mod strict;

use std::borrow::Cow;

use serde_json::{Map, Number, Value as Json};
use thiserror::Error;

use crate::temporal::TemporalError;
use crate::value::{Integer, IntegerOutOfRange, Path, Step, Value};
pub use strict::json;

/// −2^63: what the first integers below 64 bits turn into.
const FLOAT_MIN: f64 = -9_223_372_036_854_775_808.0;
/// 2^64.
const FLOAT_END: f64 = 18_446_744_073_709_551_616.0;

/// Why JSON is not a value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TaggedError {
    /// Not JSON at all; a lone surrogate in a string is not JSON either.
    #[error("not JSON: {message}")]
    Json {
        /// What the parser says, with line and column.
        message: String,
    },
    /// An object has two values under one name, and nobody can say which is meant.
    #[error("the name {name:?} appears twice in one object, again at line {line} column {column}")]
    Twice {
        /// The name.
        name: String,
        /// The line of its second place.
        line: usize,
        /// The column.
        column: usize,
    },
    /// A tag that is not known.
    #[error("{at}: the tag {tag:?} is not known")]
    Tag {
        /// Where.
        at: Path,
        /// The tag.
        tag: String,
    },
    /// A tag around something that it cannot hold.
    #[error("{at}: {tag} needs {wanted}")]
    Content {
        /// Where.
        at: Path,
        /// The tag.
        tag: &'static str,
        /// What it holds.
        wanted: &'static str,
    },
    /// An integer of more than 64 bits.
    #[error("{at}: {source}")]
    Integer {
        /// Where.
        at: Path,
        /// The integer.
        source: IntegerOutOfRange,
    },
    /// A JSON number so large that it may have been an integer before JSON lost digits.
    #[error(
        "{at}: the number {number} is beyond 64 bits; write {{\"$float\": \"{number}\"}} if it is a float"
    )]
    Number {
        /// Where.
        at: Path,
        /// The number.
        number: String,
    },
    /// A date or time that does not read as one.
    #[error("{at}: {source}")]
    Temporal {
        /// Where.
        at: Path,
        /// What is wrong.
        source: TemporalError,
    },
}

impl TaggedError {
    fn inside(self, step: Step) -> Self {
        match self {
            Self::Json { .. } | Self::Twice { .. } => self,
            Self::Tag { at, tag } => Self::Tag { at: at.inside(step), tag },
            Self::Content { at, tag, wanted } => Self::Content { at: at.inside(step), tag, wanted },
            Self::Integer { at, source } => Self::Integer { at: at.inside(step), source },
            Self::Number { at, number } => Self::Number { at: at.inside(step), number },
            Self::Temporal { at, source } => Self::Temporal { at: at.inside(step), source },
        }
    }
}

/// The value of tagged JSON as text.
///
/// # Errors
///
/// [`TaggedError`].
pub fn parse(text: &str) -> Result<Value, TaggedError> {
    from_json(&json(&without_minus_zero(text))?)
}

/// The text with ` 0` for every integer `-0`, which the parser would make a float. Columns stay as they are.
fn without_minus_zero(text: &str) -> Cow<'_, str> {
    if !text.contains("-0") {
        return Cow::Borrowed(text);
    }
    let mut bytes = text.as_bytes().to_vec();
    let (mut in_string, mut escaped) = (false, false);
    for at in 0..bytes.len() {
        match bytes.get(at..).unwrap_or_default() {
            _ if escaped => escaped = false,
            [b'\\', ..] if in_string => escaped = true,
            [b'"', ..] => in_string = !in_string,
            [b'-', b'0', rest @ ..] if !in_string => {
                let after_exponent = at.checked_sub(1).and_then(|before| bytes.get(before));
                let is_exponent = matches!(after_exponent, Some(b'e' | b'E'));
                if !is_exponent && !matches!(rest, [b'0'..=b'9' | b'.' | b'e' | b'E', ..]) {
                    bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = b' ');
                }
            }
            _ => {}
        }
    }
    String::from_utf8(bytes).map_or(Cow::Borrowed(text), Cow::Owned)
}

/// The value of tagged JSON that a parser has read; it is no deeper than the parser allows.
///
/// # Errors
///
/// [`TaggedError`].
pub fn from_json(json: &Json) -> Result<Value, TaggedError> {
    match json {
        Json::Null => Ok(Value::Nil),
        Json::Bool(value) => Ok(Value::Bool(*value)),
        Json::Number(number) => from_number(number),
        Json::String(text) => Ok(Value::from(text.as_str())),
        Json::Array(items) => Ok(Value::List(from_items(items)?)),
        Json::Object(object) => match object.iter().next() {
            Some((tag, content)) if object.len() == 1 && tag.starts_with('$') => from_tag(tag, content),
            _ => from_object(object),
        },
    }
}

fn from_items(items: &[Json]) -> Result<Vec<Value>, TaggedError> {
    let items = items.iter().enumerate();
    items.map(|(index, item)| from_json(item).map_err(|error| error.inside(Step::Index(index)))).collect()
}

fn from_object(object: &Map<String, Json>) -> Result<Value, TaggedError> {
    let pairs = object.iter().map(|(key, item)| {
        let value = from_json(item).map_err(|error| error.inside(Step::Key(key.clone())))?;
        Ok((key.clone(), value))
    });
    Ok(Value::Map(pairs.collect::<Result<_, _>>()?))
}

/// The parser turns integers beyond 64 bits into floats, so a float beyond them is not to be trusted.
fn from_number(number: &Number) -> Result<Value, TaggedError> {
    if let Some(integer) = number.as_i64() {
        return Ok(Value::from(integer));
    }
    if let Some(integer) = number.as_u64() {
        return Ok(Value::from(integer));
    }
    match number.as_f64() {
        Some(float) if FLOAT_MIN < float && float < FLOAT_END => Ok(Value::Float(float)),
        _ => Err(TaggedError::Number { at: Path::root(), number: number.to_string() }),
    }
}

fn from_tag(tag: &str, content: &Json) -> Result<Value, TaggedError> {
    let text =
        |tag, wanted| content.as_str().ok_or_else(|| TaggedError::Content { at: Path::root(), tag, wanted });
    let temporal = |source| TaggedError::Temporal { at: Path::root(), source };
    match tag {
        "$set" => match content {
            Json::Array(items) => Ok(Value::Set(from_items(items)?)),
            _ => Err(TaggedError::Content { at: Path::root(), tag: "$set", wanted: "an array" }),
        },
        "$object" => match content {
            Json::Object(object) => from_object(object),
            _ => Err(TaggedError::Content { at: Path::root(), tag: "$object", wanted: "an object" }),
        },
        "$bytes" => {
            let wanted = "an even number of hexadecimal digits";
            let bytes = hex::decode(text("$bytes", wanted)?);
            bytes.map(Value::Bytes).map_err(|_| TaggedError::Content {
                at: Path::root(),
                tag: "$bytes",
                wanted,
            })
        }
        "$datetime" => Ok(Value::DateTime(text("$datetime", "ISO 8601 text")?.parse().map_err(temporal)?)),
        "$date" => Ok(Value::Date(text("$date", "ISO 8601 text")?.parse().map_err(temporal)?)),
        "$time" => Ok(Value::Time(text("$time", "ISO 8601 text")?.parse().map_err(temporal)?)),
        "$uuid" => {
            let wanted = "a UUID as text";
            let uuid = text("$uuid", wanted)?.parse();
            uuid.map(Value::Uuid).map_err(|_| TaggedError::Content { at: Path::root(), tag: "$uuid", wanted })
        }
        "$float" => {
            let wanted = "a decimal number as text";
            let float = text("$float", wanted)?.parse();
            float.map(Value::Float).map_err(|_| TaggedError::Content {
                at: Path::root(),
                tag: "$float",
                wanted,
            })
        }
        "$int" => {
            let integer = text("$int", "a decimal integer as text")?.parse();
            integer.map(Value::Int).map_err(|source| TaggedError::Integer { at: Path::root(), source })
        }
        _ => Err(TaggedError::Tag { at: Path::root(), tag: tag.to_owned() }),
    }
}

/// The tagged JSON of a value: what JSON can hold as it is, the rest tagged. Floats are tagged where JSON would lose
/// that they are floats.
#[must_use]
pub fn to_json(value: &Value) -> Json {
    match value {
        Value::Nil => Json::Null,
        Value::Bool(value) => serde_json::json!(value),
        Value::Int(number) => integer_to_json(*number),
        Value::Float(number) if number.is_finite() && number.fract() != 0.0 => serde_json::json!(number),
        Value::Float(number) => serde_json::json!({"$float": format!("{number:?}")}),
        Value::Text(text) => serde_json::json!(text),
        Value::Bytes(bytes) => serde_json::json!({"$bytes": hex::encode(bytes)}),
        Value::List(items) => items.iter().map(to_json).collect(),
        Value::Map(map) => {
            let object = Json::Object(map.iter().map(|(key, item)| (key.clone(), to_json(item))).collect());
            let reads_as_tag = map.len() == 1 && map.keys().any(|key| key.starts_with('$'));
            if reads_as_tag { serde_json::json!({"$object": object}) } else { object }
        }
        Value::Set(items) => serde_json::json!({"$set": items.iter().map(to_json).collect::<Vec<_>>()}),
        Value::DateTime(datetime) => serde_json::json!({"$datetime": datetime.to_string()}),
        Value::Date(date) => serde_json::json!({"$date": date.to_string()}),
        Value::Time(time) => serde_json::json!({"$time": time.to_string()}),
        Value::Uuid(uuid) => serde_json::json!({"$uuid": uuid.hyphenated().to_string()}),
    }
}

fn integer_to_json(number: Integer) -> Json {
    match i64::try_from(number.get()) {
        Ok(number) => serde_json::json!(number),
        Err(_) => serde_json::json!(u64::try_from(number.get()).unwrap_or(u64::MAX)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tag_comes_back() {
        for text in [
            r#"[null,true,-1,18446744073709551615,1.5,"x",{"$float":"2.0"},{"$float":"NaN"},{"$float":"-inf"}]"#,
            r#"{"a":{"$bytes":"00ff"},"b":{"$set":[1,"x"]},"c":{"$uuid":"550e8400-e29b-41d4-a716-446655440000"}}"#,
            r#"[{"$datetime":"2024-01-01T00:00:00+00:00"},{"$date":"2024-01-01"},{"$time":"01:02:03"}]"#,
            r#"{"$set":[],"other":1}"#,
            r#"{"$object":{"$set":[]}}"#,
        ] {
            assert_eq!(to_json(&parse(text).unwrap()).to_string(), text);
        }
    }

    #[test]
    fn what_is_no_value_is_refused_with_its_place() {
        let refused = |text| parse(text).unwrap_err().to_string();
        assert_eq!(refused(r#"[{"$sett":[]}]"#), r#"[0]: the tag "$sett" is not known"#);
        assert_eq!(refused(r#"{"$set":1}"#), "the outermost value: $set needs an array");
        assert_eq!(
            refused(r#"{"$bytes":"f"}"#),
            "the outermost value: $bytes needs an even number of hexadecimal digits"
        );
        assert!(
            refused(r#"{"a":{"$int":"18446744073709551616"}}"#).starts_with("a: 18446744073709551616 is not")
        );
        assert!(refused("18446744073709551616").contains("beyond 64 bits"));
        assert!(refused("-9223372036854775809").contains("beyond 64 bits"));
        assert!(refused(r#"{"$datetime":"noon"}"#).contains("is not a datetime in ISO 8601"));
        assert!(refused(r#"{"$uuid":"x"}"#).contains("$uuid needs a UUID"));
    }

    #[test]
    fn floats_in_json_keep_their_last_bit() {
        assert_eq!(parse("-4.6982583821046746e-299"), Ok(Value::Float(-4.698_258_382_104_674_6e-299)));
        assert_eq!(parse("-4.6982583821046746e-299"), parse(r#"{"$float":"-4.6982583821046746e-299"}"#));
    }

    #[test]
    fn minus_zero_without_a_point_is_an_integer() {
        let zero = || Value::from(0);
        let negative = || Value::Float(-0.0);
        assert_eq!(parse("-0"), Ok(zero()));
        assert_eq!(
            parse(r#"["-0\"-0", -0, {"a":-0}, -0.0, -0e1, 1e-0]"#).map(|value| format!("{value:?}")),
            Ok(format!(
                "{:?}",
                Value::List(vec![
                    Value::from("-0\"-0"),
                    zero(),
                    Value::map([("a", zero())]),
                    negative(),
                    negative(),
                    Value::Float(1.0)
                ])
            ))
        );
        assert!(parse("-01").is_err() && parse("--0").is_err() && parse("1-0").is_err());
    }

    #[test]
    fn a_lone_surrogate_is_refused() {
        for text in [r#"{"a": "\ud800"}"#, r#"["\udc00x"]"#, r#"{"\ud800": 1}"#, r#""\ud800\ud800""#] {
            assert!(matches!(parse(text), Err(TaggedError::Json { .. })), "{text}");
        }
        assert_eq!(parse(r#""\ud800\udc00""#), Ok(Value::from("\u{10000}")));
    }
}
