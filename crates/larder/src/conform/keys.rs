//! Keys and interop values: automatic keys of Python, interop keys in both profiles, stored values, and the arguments
//! that must be refused.

use std::collections::BTreeMap;

use larder_cachekit::key::auto::{Function, serializer_code};
use larder_cachekit::key::{KeyError, interop};
use larder_cachekit::tagged::{self, TaggedError};
use larder_cachekit::{Value, msgpack};
use serde_json::Value as Json;

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
    let serializer = match row.get("serializer_class").and_then(Json::as_str) {
        Some(class) => format!("<custom>:{class}"),
        None => row.text("serializer_type")?.to_owned(),
    };
    let function = Function {
        namespace: row.get("namespace").and_then(Json::as_str),
        module: row.text("function_module")?,
        qualname: row.text("function_qualname")?,
        integrity: row.boolean("integrity_checking")?,
        serializer: &serializer,
    };
    let key = function.key(&args(row)?, &kwargs(row)?);
    Verdict::equal("key", row.text("expected_key")?.to_owned(), shown(key))
}

fn auto_key_refusal(row: &Row<'_>) -> Checked {
    let (Json::Null | Json::Number(_) | Json::Bool(_) | Json::Array(_) | Json::Object(_)) =
        row.need("serializer_type")?
    else {
        let identity = row.text("serializer_type")?;
        return match serializer_code(identity) {
            Err(KeyError::SerializerName) => Ok(Verdict::Pass),
            other => Err(Verdict::fail("a refusal of the serializer's name", shown(other))),
        };
    };
    // The type of the name does not let it be anything but text.
    Err(Verdict::skip("a serializer's name that is not text cannot be written in Rust"))
}

fn interop_key(row: &Row<'_>) -> Checked {
    let (namespace, operation) = (row.text("namespace")?, row.text("operation")?);
    let args = args(row)?;
    let (canonical, key) = match row.get("profile").and_then(Json::as_str) {
        None | Some("v1") => (interop::canonical_args(&args), interop::key(namespace, operation, &args)),
        Some("draft") => {
            let kwargs = kwargs(row)?;
            let canonical = interop::canonical_draft_args(&args, &kwargs);
            (canonical, interop::draft_key(namespace, operation, &args, &kwargs))
        }
        Some(other) => return Err(Verdict::skip(format!("the profile {other} is not known"))),
    };
    if row.has("canonical_args_hex") {
        Verdict::equal(
            "arguments",
            row.text("canonical_args_hex")?.to_owned(),
            shown(canonical.map(hex::encode)),
        )?;
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
    let expected = row.text("canonical_msgpack_hex")?;
    let encoded = msgpack::encode(&value).map(hex::encode);
    Verdict::equal("document", expected.to_owned(), shown(encoded))?;
    let decoded = msgpack::decode(&row.hex("canonical_msgpack_hex")?);
    let again = decoded
        .map_err(|error| error.to_string())
        .and_then(|value| msgpack::encode(&value).map(hex::encode).map_err(|error| error.to_string()));
    Verdict::equal("document after decoding", expected.to_owned(), shown(again))
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
];

fn interop_refusal(row: &Row<'_>) -> Checked {
    let found = match tagged_args(row)? {
        _ if surrogates::contained(row.need("args")?) => Err("surrogate".to_owned()),
        Err(TaggedError::Tag { tag, .. }) => {
            return Err(Verdict::skip(format!("the tag {tag} is not known")));
        }
        Err(TaggedError::Integer { .. } | TaggedError::Number { .. }) => Err("integer range".to_owned()),
        Err(TaggedError::Temporal { .. }) => Err("datetime text".to_owned()),
        Err(other) => Err(other.to_string()),
        Ok(args) => {
            let name = |field| row.get(field).and_then(Json::as_str).unwrap_or("t");
            interop::key(name("namespace"), name("operation"), &args).map_err(|error| kind(&error).to_owned())
        }
    };
    let reason = row.reason();
    let expected = KINDS.iter().find(|(word, _)| reason.contains(word)).map(|(_, kind)| *kind);
    match (expected, found) {
        (Some(expected), Err(found)) => Verdict::equal("refusal:", expected.to_owned(), found),
        (None, Err(_)) => Ok(Verdict::Pass),
        (_, Ok(key)) => Err(Verdict::fail(format!("a refusal: {}", row.text("error")?), key)),
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
    let value = parse("value", row.need("value")?)?;
    match msgpack::encode(&value) {
        _ if surrogates::contained(row.need("value")?) => Ok(Verdict::Pass),
        Err(_) => Ok(Verdict::Pass),
        Ok(document) => {
            Err(Verdict::fail(format!("a refusal: {}", row.text("error")?), hex::encode(document)))
        }
    }
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
