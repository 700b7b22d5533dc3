//! What several test files share: the project's own vector files, and values at random.

#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used)]

use std::path::Path;

use larder_cachekit::{DateTime, Integer, Uuid, Value};
use proptest::prelude::*;
use serde_json::Value as Json;

pub fn vectors(file: &str, group: &str) -> Vec<Json> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance/cachekit").join(file);
    let document: Json = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let rows = document.pointer(group).and_then(Json::as_array).unwrap().clone();
    assert!(!rows.is_empty(), "{file} {group}");
    rows
}

pub fn text<'a>(row: &'a Json, field: &str) -> &'a str {
    row[field].as_str().unwrap_or_else(|| panic!("{field} of {row}"))
}

pub fn bytes(row: &Json, field: &str) -> Vec<u8> {
    hex::decode(text(row, field)).unwrap()
}

pub fn integer() -> impl Strategy<Value = Integer> {
    let edges =
        [0, 31, 32, 127, 128, 255, 256, 65_535, 65_536, 1 << 32, i128::from(i64::MAX), i128::from(u64::MAX)];
    let near = (prop::sample::select(edges.to_vec()), -1_i128..=1, any::<bool>())
        .prop_map(|(edge, step, negative)| if negative { -(edge + step) } else { edge + step })
        .prop_filter_map("in range", |number| Integer::try_from(number).ok());
    prop_oneof![near, any::<i64>().prop_map(Integer::from), any::<u64>().prop_map(Integer::from)]
}

pub fn datetime() -> impl Strategy<Value = DateTime> {
    (-62_135_596_800_000_000_i64..253_402_300_800_000_000)
        .prop_map(|micros| DateTime::from_unix_micros(micros).unwrap())
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Nil),
        any::<bool>().prop_map(Value::Bool),
        integer().prop_map(Value::Int),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(Value::Float),
        ".{0,40}".prop_map(Value::Text),
        prop::collection::vec(any::<u8>(), 0..300).prop_map(Value::Bytes),
        datetime().prop_map(Value::DateTime),
    ]
}

/// Whatever can be stored.
pub fn stored_value() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(4, 64, 20, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..20).prop_map(Value::List),
            prop::collection::btree_map(".{0,8}", inner, 0..20).prop_map(Value::Map),
        ]
    })
}

/// Whatever can be an argument of an interop key.
pub fn argument() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![leaf(), any::<[u8; 16]>().prop_map(|bytes| Value::Uuid(Uuid::from_bytes(bytes)))];
    leaf.prop_recursive(3, 48, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::List),
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::Set),
            prop::collection::btree_map(".{0,8}", inner, 0..8).prop_map(Value::Map),
        ]
    })
}
