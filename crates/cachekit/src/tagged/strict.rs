//! JSON in which a name that appears twice in one object is an error. The usual parsers keep one of the two values and
//! forget the other, so that what a person wrote and what is hashed would differ.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value as Json};

use super::TaggedError;

/// The JSON of a text; numbers beyond 64 bits become floats, as in every JSON.
///
/// # Errors
///
/// [`TaggedError::Json`] and [`TaggedError::Twice`].
pub fn json(text: &str) -> Result<Json, TaggedError> {
    let twice = Cell::new(None);
    let mut parser = serde_json::Deserializer::from_str(text);
    let parsed =
        Strict { twice: &twice }.deserialize(&mut parser).and_then(|json| parser.end().map(|()| json));
    parsed.map_err(|error| match twice.take() {
        Some(name) => TaggedError::Twice { name, line: error.line(), column: error.column() },
        None => TaggedError::Json { message: error.to_string() },
    })
}

#[derive(Clone, Copy)]
struct Strict<'a> {
    twice: &'a Cell<Option<String>>,
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Json, E> {
        Ok(Json::from(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Json, E> {
        Ok(Json::from(number))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Json, E> {
        Ok(Number::from_f64(number).map_or(Json::Null, Json::Number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Json, E> {
        Ok(Json::from(text))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Json, E> {
        Ok(Json::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(self)? {
            items.push(item);
        }
        Ok(Json::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut object = Map::new();
        while let Some(name) = access.next_key::<String>()? {
            if object.contains_key(&name) {
                self.twice.set(Some(name));
                return Err(A::Error::custom("a name appears twice"));
            }
            let item = access.next_value_seed(self)?;
            object.insert(name, item);
        }
        Ok(Json::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_appears_twice_is_an_error_with_its_place() {
        assert_eq!(
            json("{\"a\": 1,\n \"b\": [{\"x\": 1, \"x\": 1}]}"),
            Err(TaggedError::Twice { name: "x".into(), line: 2, column: 19 })
        );
        assert_eq!(
            json(r#"{"a": 1, "\u0061": 2}"#).unwrap_err().to_string(),
            r#"the name "a" appears twice in one object, again at line 1 column 17"#
        );
        assert!(json(r#"[{"a": 1}, {"a": 2, "b": {"a": 3}}]"#).is_ok());
    }

    #[test]
    fn everything_else_is_as_the_usual_parser_has_it() {
        for text in [
            "null",
            "[true, false, -1, 18446744073709551615, 18446744073709551616, 1.5, 1e300, -0.0]",
            "{}",
            r#"{"b": {"c": ["\u00e9", "\ud800\udc00"]}, "a": []}"#,
            "-4.6982583821046746e-299",
            " 1 ",
        ] {
            assert_eq!(json(text).ok(), serde_json::from_str(text).ok(), "{text}");
        }
        for text in ["", "1 2", "[1,]", "nul", r#""\ud800""#, "1e400", "{1: 2}"] {
            assert!(matches!(json(text), Err(TaggedError::Json { .. })), "{text}");
        }
        assert!(json(&"[".repeat(100_000)).is_err(), "and as deep");
    }
}
