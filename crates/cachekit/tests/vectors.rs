//! The project's own vectors, made with independent libraries, straight against the functions. The command
//! `larder conform` runs the same files, and the published ones, more thoroughly.

#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;

use larder_cachekit::crypto::{Aad, DerivedKey, Domain, Keyring, MasterKey};
use larder_cachekit::key::{auto::Function, interop};
use larder_cachekit::msgpack::DecodeError;
use larder_cachekit::{Limits, Value, container, envelope, msgpack, tagged};
use serde_json::Value as Json;
use support::{bytes, text, vectors};

fn args(row: &Json) -> Vec<Value> {
    row["args"].as_array().unwrap().iter().map(|json| tagged::from_json(json).unwrap()).collect()
}

fn kwargs(row: &Json) -> BTreeMap<String, Value> {
    let Value::Map(map) = tagged::from_json(&row["kwargs"]).unwrap() else { panic!("{row}") };
    map
}

#[test]
fn automatic_keys_are_those_of_an_independent_implementation() {
    for row in vectors("auto-keys.json", "/vectors") {
        let function = Function {
            namespace: row["namespace"].as_str(),
            module: text(&row, "function_module"),
            qualname: text(&row, "function_qualname"),
            integrity: row["integrity_checking"].as_bool().unwrap(),
            serializer: text(&row, "serializer_type"),
        };
        assert_eq!(function.key(&args(&row), &kwargs(&row)).unwrap(), text(&row, "expected_key"), "{row}");
    }
}

#[test]
fn interop_keys_of_both_profiles_are_those_of_an_independent_implementation() {
    for row in vectors("interop.json", "/key_vectors") {
        let canonical = interop::canonical_args(&args(&row)).unwrap();
        assert_eq!(hex::encode(canonical), text(&row, "canonical_args_hex"), "{row}");
        let key = interop::key(text(&row, "namespace"), text(&row, "operation"), &args(&row));
        assert_eq!(key.unwrap(), text(&row, "expected_key"), "{row}");
    }
    for row in vectors("interop.json", "/draft_key_vectors") {
        let (namespace, operation) = (text(&row, "namespace"), text(&row, "operation"));
        let key = interop::draft_key(namespace, operation, &args(&row), &kwargs(&row));
        assert_eq!(key.unwrap(), text(&row, "expected_key"), "{row}");
    }
}

#[test]
fn the_key_of_the_draft_for_one_integer_is_the_automatic_hash() {
    let key = interop::draft_key("users", "get_user", &[Value::from(42)], &BTreeMap::new()).unwrap();
    assert_eq!(key, "users:get_user:3870b2ea5735ae639ded9450ef117768db676f037bec636503796c5b81095153");
}

#[test]
fn stored_values_have_the_bytes_of_an_independent_implementation() {
    for row in vectors("interop.json", "/value_vectors") {
        let value = tagged::from_json(&row["value"]).unwrap();
        assert_eq!(
            hex::encode(msgpack::encode(&value).unwrap()),
            text(&row, "canonical_msgpack_hex"),
            "{row}"
        );
        assert!(msgpack::decode(&bytes(&row, "canonical_msgpack_hex")).is_ok(), "{row}");
    }
}

#[test]
fn envelopes_and_containers_of_an_independent_implementation_are_read() {
    for row in vectors("envelopes.json", "/vectors") {
        if row.get("envelope_hex").is_none() {
            continue; // too long to be written out; the command builds it
        }
        let found = envelope::retrieve(&bytes(&row, "envelope_hex")).unwrap();
        assert_eq!(found.format, text(&row, "format"));
        assert_eq!(hex::encode(envelope::checksum(&found.payload)), text(&row, "checksum_hex"), "{row}");
        if row.get("input_hex").is_some() {
            assert_eq!(found.payload, bytes(&row, "input_hex"), "{row}");
        }
    }
    for row in vectors("envelopes.json", "/reject_vectors") {
        assert!(envelope::retrieve(&bytes(&row, "envelope_hex")).is_err(), "{row}");
    }
    for row in vectors("interop-v2.json", "/container_vectors") {
        let found = container::retrieve(&bytes(&row, "container_hex")).unwrap();
        assert_eq!(found.len() as u64, row["original_size"].as_u64().unwrap());
    }
    for row in vectors("interop-v2.json", "/reject_vectors") {
        assert!(container::retrieve(&bytes(&row, "container_hex")).is_err(), "{row}");
    }
}

#[test]
fn bounds_hold_for_values_and_for_serde_types_alike() {
    for row in vectors("decode-bounds.json", "/reject_vectors") {
        let input = bytes(&row, "input_hex");
        let error = msgpack::check(&input, &Limits::PROTOCOL).unwrap_err();
        assert_eq!(
            msgpack::from_slice::<serde::de::IgnoredAny>(&input).unwrap_err(),
            error,
            "{}",
            row["name"]
        );
        assert!(msgpack::decode(&input).is_err(), "{}", row["name"]);
        let kind = match error {
            DecodeError::TooDeep { .. } => "depth",
            DecodeError::Overclaim { .. } => "overclaim",
            DecodeError::Truncated { .. } => "incomplete",
            _ => continue,
        };
        assert!(row["reject_reasons"].as_array().unwrap().contains(&Json::from(kind)), "{row}");
    }
    for row in vectors("decode-bounds.json", "/accept_vectors") {
        assert_eq!(msgpack::check(&bytes(&row, "input_hex"), &Limits::PROTOCOL), Ok(()), "{row}");
    }
}

fn aad<'a>(row: &'a Json) -> Aad<'a> {
    Aad {
        tenant: text(row, "tenant_id"),
        cache_key: text(row, "cache_key"),
        format: text(row, "format"),
        compressed: row["compressed"].as_bool().unwrap(),
        original_type: row.get("original_type").map(|json| json.as_str().unwrap()),
    }
}

#[test]
fn ciphertexts_are_those_of_an_independent_implementation() {
    for row in vectors("encryption.json", "/vectors") {
        let master = MasterKey::from_hex(text(&row, "master_key_hex")).unwrap();
        let keyring = Keyring::new(master, vec![]).unwrap().for_tenant(text(&row, "tenant_id")).unwrap();
        assert_eq!(hex::encode(aad(&row).to_bytes().unwrap()), text(&row, "aad_hex"));
        let (entry, plaintext) = (bytes(&row, "ciphertext_hex"), bytes(&row, "plaintext_hex"));
        let nonce = bytes(&row, "nonce_hex").try_into().unwrap();
        assert_eq!(keyring.seal(&aad(&row), &plaintext, nonce).unwrap(), entry, "{row}");
        assert_eq!(keyring.open(&aad(&row), &entry).unwrap(), plaintext, "{row}");
        assert_eq!(
            keyring.fingerprints().next().unwrap().to_string(),
            text(&row, "derived_key_fingerprint_hex")
        );
    }
}

#[test]
fn all_three_domains_derive_as_an_independent_implementation() {
    let mut seen = [false; 3];
    for row in vectors("encryption.json", "/derived_keys") {
        let master = MasterKey::from_hex(text(&row, "master_key_hex")).unwrap();
        let index = Domain::ALL.iter().position(|domain| domain.name() == text(&row, "domain")).unwrap();
        let key = DerivedKey::new(&master, Domain::ALL[index], text(&row, "tenant_id")).unwrap();
        assert_eq!(hex::encode(key.expose()), text(&row, "derived_key_hex"));
        assert_eq!(key.fingerprint().to_string(), text(&row, "derived_key_fingerprint_hex"));
        seen[index] = true;
    }
    assert_eq!(seen, [true; 3]);
}
