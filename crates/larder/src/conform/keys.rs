//! Keys and interop values: automatic keys of Python, interop keys in both profiles, stored values, and the arguments
//! that must be refused.

use std::collections::BTreeMap;

use larder_cachekit::Value;
use larder_cachekit::key::auto::Function;
use larder_cachekit::key::{KeyError, interop};
use larder_cachekit::msgpack::{self, EncodeError};
use larder_cachekit::tagged::{self, TaggedError};
use serde_json::{Map, Value as Json};

use super::row::malformed;
use super::{Checked, Group, Row, Verdict, surrogates};

pub(super) const GROUPS: &[Group] = &[
    Group {
        title: "automatic key",
        claims: |row| row.has_all(&["function_module", "function_qualname", "expected_key"]),
        check: auto_key,
    },
    Group {
        title: "automatic key refusal",
        claims: |row| row.has_all(&["function_module", "error"]),
        check: auto_key_refusal,
    },
    Group {
        title: "interop key",
        claims: |row| row.has_all(&["args", "operation", "expected_key"]),
        check: interop_key,
    },
    Group {
        title: "interop value",
        claims: |row| row.has_all(&["value", "canonical_msgpack_hex"]),
        check: value,
    },
    Group { title: "interop refusal", claims: |row| row.has_all(&["args", "error"]), check: interop_refusal },
    Group { title: "value refusal", claims: |row| row.has_all(&["value", "error"]), check: value_refusal },
];

fn auto_key(row: &Row<'_>) -> Checked {
    let serializer = match row.optional_text("serializer_class")? {
        Some(class) => format!("<custom>:{class}"),
        None => row.text("serializer_type")?.to_owned(),
    };
    let function = Function {
        namespace: namespace(row)?,
        module: row.text("function_module")?,
        qualname: row.text("function_qualname")?,
        integrity: row.boolean("integrity_checking")?,
        serializer: &serializer,
    };
    let key = function.key(&args(row)?, &kwargs(row)?);
    Verdict::equal("key", row.text("expected_key")?.to_owned(), shown(key))
}

fn auto_key_refusal(row: &Row<'_>) -> Checked {
    let (Json::String(_), name) = (row.need("serializer_type")?, row.get("function_qualname")) else {
        // The type of the name does not let it be anything but text.
        return Err(Verdict::skip("a serializer's name that is not text cannot be written in Rust"));
    };
    let expected = row.refusal(AUTO_KINDS)?;
    let given = ["args", "kwargs"].into_iter().filter_map(|field| row.get(field));
    if given.into_iter().any(surrogates::contained) {
        return Verdict::equal("refusal:", expected, "surrogate");
    }
    let serializer = row.text("serializer_type")?;
    let args = if row.has("args") { args(row)? } else { Vec::new() };
    let function = Function {
        namespace: namespace(row)?,
        module: row.text("function_module")?,
        qualname: name.and_then(Json::as_str).unwrap_or("f"),
        integrity: true,
        serializer,
    };
    match function.key(&args, &kwargs(row)?) {
        Err(error) => Verdict::equal("refusal:", expected, kind(&error)),
        Ok(key) => Err(Verdict::fail(format!("a refusal: {expected}"), key)),
    }
}

/// What the words of a vector mean; the first that occur decide.
const AUTO_KINDS: &[(&str, &str)] = &[
    ("serializer", "serializer name"),
    ("surrogate", "surrogate"),
    ("naive", "naive datetime"),
    ("set", "set"),
    ("depth", "depth"),
    ("deep", "depth"),
];

/// No namespace may be said as null.
fn namespace<'a>(row: &Row<'a>) -> Result<Option<&'a str>, Verdict> {
    if row.get("namespace").is_some_and(Json::is_null) { Ok(None) } else { row.optional_text("namespace") }
}

fn interop_key(row: &Row<'_>) -> Checked {
    let (namespace, operation) = (row.text("namespace")?, row.text("operation")?);
    let args = args(row)?;
    let (canonical, key) = match row.optional_text("profile")? {
        None | Some("v1") if row.get("kwargs").is_some_and(|kwargs| *kwargs != Json::Object(Map::new())) => {
            return Err(Verdict::skip("interop/v1 has no keyword arguments, so kwargs says nothing known"));
        }
        None | Some("v1") => (interop::canonical_args(&args), interop::key(namespace, operation, &args)),
        Some("draft") => {
            let kwargs = kwargs(row)?;
            let canonical = interop::canonical_draft_args(&args, &kwargs);
            (canonical, interop::draft_key(namespace, operation, &args, &kwargs))
        }
        Some(other) => return Err(Verdict::skip(format!("the profile {other} is not known"))),
    };
    if row.has("canonical_args_hex") {
        Verdict::equal("arguments", row.hex_text("canonical_args_hex")?, shown(canonical.map(hex::encode)))?;
    }
    let key = shown(key);
    if row.has("args_hash") {
        let hash = key.rsplit(':').next().unwrap_or_default();
        Verdict::equal("hash", row.text("args_hash")?, hash)?;
    }
    Verdict::equal("key", row.text("expected_key")?.to_owned(), key)
}

fn value(row: &Row<'_>) -> Checked {
    let value = parse("value", row.need("value")?)?;
    let expected = row.hex_text("canonical_msgpack_hex")?;
    let encoded = msgpack::encode(&value).map(hex::encode);
    Verdict::equal("document", expected.clone(), shown(encoded))?;
    let decoded = msgpack::decode(&row.hex("canonical_msgpack_hex")?);
    let again = decoded
        .map_err(|error| error.to_string())
        .and_then(|value| msgpack::encode(&value).map(hex::encode).map_err(|error| error.to_string()));
    Verdict::equal("document after decoding", expected, shown(again))
}

/// What kinds of refusal the words of a vector mean; the first that occur decide.
const KINDS: &[(&str, &str)] = &[
    ("surrogate", "surrogate"),
    ("nan", "not finite"),
    ("infinity", "not finite"),
    ("finite", "not finite"),
    ("naive", "naive datetime"),
    ("namespace", "segment"),
    ("operation", "segment"),
    ("segment", "segment"),
    ("integer", "integer range"),
    ("overflow", "integer range"),
    ("underflow", "integer range"),
    ("depth", "depth"),
    ("deep", "depth"),
    ("set", "set"),
    ("uuid", "UUID"),
];

fn interop_refusal(row: &Row<'_>) -> Checked {
    let found = match tagged_args(row)? {
        _ if surrogates::contained(row.need("args")?) => Err("surrogate".to_owned()),
        Err(TaggedError::Tag { tag, .. }) => {
            return Err(Verdict::skip(format!("the tag {tag} is not known")));
        }
        Err(TaggedError::Integer { .. } | TaggedError::Number { .. }) => Err("integer range".to_owned()),
        Err(TaggedError::Temporal { .. }) => Err("datetime text".to_owned()),
        Err(other) => return Err(malformed("args", "tagged JSON", &other.to_string())),
        Ok(args) => {
            let name = |field| row.optional_text(field).map(|name| name.unwrap_or("t"));
            interop::key(name("namespace")?, name("operation")?, &args)
                .map_err(|error| kind(&error).to_owned())
        }
    };
    match found {
        Err(found) => Verdict::equal("refusal:", row.refusal(KINDS)?.to_owned(), found),
        Ok(key) => Err(Verdict::fail(format!("a refusal: {}", row.need("error")?), key)),
    }
}

const fn kind(error: &KeyError) -> &'static str {
    match error {
        KeyError::NotFinite { .. } => "not finite",
        KeyError::NaiveDateTime { .. } => "naive datetime",
        KeyError::Kind { kind, .. } => kind,
        KeyError::TooDeep { .. } => "depth",
        KeyError::TooLong { .. } => "length",
        KeyError::Segment { .. } => "segment",
        KeyError::SerializerName => "serializer name",
    }
}

fn value_refusal(row: &Row<'_>) -> Checked {
    let json = row.need("value")?;
    let found = match tagged::from_json(json) {
        _ if surrogates::contained(json) => "surrogate",
        Err(TaggedError::Integer { .. } | TaggedError::Number { .. }) => "integer range",
        Err(TaggedError::Temporal { .. }) => "datetime text",
        Err(error) => return Err(unreadable("value", &error)),
        Ok(value) => match msgpack::encode(&value) {
            Err(EncodeError::NotAValue { kind, .. }) => kind,
            Err(EncodeError::NotFinite { .. }) => "not finite",
            Err(EncodeError::TooDeep { .. }) => "depth",
            Err(EncodeError::TooLong { .. } | EncodeError::Convert(_)) => "another",
            Ok(document) => {
                let expected = format!("a refusal: {}", row.need("error")?);
                return Err(Verdict::fail(expected, hex::encode(document)));
            }
        },
    };
    Verdict::equal("refusal:", row.refusal(KINDS)?, found)
}

fn args(row: &Row<'_>) -> Result<Vec<Value>, Verdict> {
    if surrogates::contained(row.need("args")?) {
        return Err(malformed("args", "well-formed text", "a lone surrogate"));
    }
    tagged_args(row)?.map_err(|error| unreadable("args", &error))
}

fn tagged_args(row: &Row<'_>) -> Result<Result<Vec<Value>, TaggedError>, Verdict> {
    Ok(row.array("args")?.iter().map(tagged::from_json).collect())
}

fn kwargs(row: &Row<'_>) -> Result<BTreeMap<String, Value>, Verdict> {
    match row.get("kwargs").map(|json| parse("kwargs", json)) {
        None => Ok(BTreeMap::new()),
        Some(Ok(Value::Map(map))) => Ok(map),
        Some(Ok(_)) => Err(malformed("kwargs", "an object", "something else")),
        Some(Err(verdict)) => Err(verdict),
    }
}

fn parse(field: &str, json: &Json) -> Result<Value, Verdict> {
    if surrogates::contained(json) {
        return Err(malformed(field, "well-formed text", "a lone surrogate"));
    }
    tagged::from_json(json).map_err(|error| unreadable(field, &error))
}

fn unreadable(field: &str, error: &TaggedError) -> Verdict {
    match error {
        TaggedError::Tag { tag, .. } => Verdict::skip(format!("the tag {tag} is not known")),
        other => malformed(field, "tagged JSON", &other.to_string()),
    }
}

fn shown<E: std::fmt::Display>(result: Result<String, E>) -> String {
    result.unwrap_or_else(|error| format!("error: {error}"))
}
