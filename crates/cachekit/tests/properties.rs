//! Laws that hold for whatever a caller or a network may bring.

#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use larder_cachekit::crypto::{Aad, Keyring, MasterKey, TenantKeyring};
use larder_cachekit::key::interop;
use larder_cachekit::{Limits, Value, container, envelope, msgpack, tagged, to_value};
use proptest::prelude::*;
use support::{argument, stored_value};

fn keyring(byte: u8) -> TenantKeyring {
    let master = MasterKey::from_bytes(&[byte; 32]).unwrap();
    Keyring::new(master, vec![]).unwrap().for_tenant("default").unwrap()
}

/// The same arguments with every set in another order and its first element twice.
fn shuffled(value: &Value) -> Value {
    match value {
        Value::List(items) => Value::List(items.iter().map(shuffled).collect()),
        Value::Map(map) => Value::Map(map.iter().map(|(key, item)| (key.clone(), shuffled(item))).collect()),
        Value::Set(items) => Value::Set(items.iter().rev().chain(items.first()).map(shuffled).collect()),
        other => other.clone(),
    }
}

/// The same value after a language that has only one kind of number has had it.
fn numbers_merged(value: &Value) -> Value {
    match value {
        Value::List(items) => Value::List(items.iter().map(numbers_merged).collect()),
        Value::Map(map) => {
            Value::Map(map.iter().map(|(key, item)| (key.clone(), numbers_merged(item))).collect())
        }
        Value::Int(number) if number.get().unsigned_abs() < 1 << 53 => Value::Float(number.get() as f64),
        other => other.clone(),
    }
}

proptest! {
    #[test]
    fn a_stored_value_comes_back(value in stored_value()) {
        let document = msgpack::encode(&value).unwrap();
        prop_assert_eq!(msgpack::decode(&document), Ok(value));
    }

    #[test]
    fn the_canonical_form_is_a_fixed_point(input in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(value) = msgpack::decode(&input)
            && let Ok(document) = msgpack::encode(&value)
        {
            prop_assert!(document.len() <= input.len() + 64 || matches!(value, Value::DateTime(_)));
            let again = msgpack::decode(&document).unwrap();
            prop_assert_eq!(msgpack::encode(&again).unwrap(), document);
        }
    }

    #[test]
    fn a_value_that_decodes_is_a_document_that_checks(input in prop::collection::vec(any::<u8>(), 0..64)) {
        if msgpack::decode(&input).is_ok() {
            prop_assert_eq!(msgpack::check(&input, &Limits::PROTOCOL), Ok(()));
        }
    }

    #[test]
    fn order_and_repetition_in_sets_never_matter(args in prop::collection::vec(argument(), 0..4)) {
        let other: Vec<_> = args.iter().map(shuffled).collect();
        prop_assert_eq!(interop::key("t", "op", &args), interop::key("t", "op", &other));
    }

    #[test]
    fn integral_floats_and_integers_make_one_key(args in prop::collection::vec(argument(), 0..4)) {
        let other: Vec<_> = args.iter().map(numbers_merged).collect();
        prop_assert_eq!(interop::canonical_args(&args), interop::canonical_args(&other));
    }

    #[test]
    fn canonical_arguments_are_a_fixed_point(args in prop::collection::vec(argument(), 0..4)) {
        let canonical = interop::canonical_args(&args).unwrap();
        let Ok(Value::List(decoded)) = msgpack::decode(&canonical) else { panic!("not a list") };
        prop_assert_eq!(interop::canonical_args(&decoded).unwrap(), canonical);
    }

    #[test]
    fn tagged_json_says_all_that_a_value_is(value in argument()) {
        let text = tagged::to_json(&value).to_string();
        prop_assert_eq!(tagged::parse(&text), Ok(value));
    }

    #[test]
    fn a_value_survives_serde(value in stored_value()) {
        prop_assert_eq!(to_value(&value), Ok(value));
    }

    #[test]
    fn a_payload_survives_its_envelope_and_its_container(
        unit in prop::collection::vec(any::<u8>(), 0..200), count in 0_usize..40, format in ".{0,10}"
    ) {
        let payload = unit.repeat(count);
        let found = envelope::retrieve(&envelope::store(&payload, &format).unwrap()).unwrap();
        prop_assert_eq!((&found.payload, &found.format), (&payload, &format));
        prop_assert_eq!(container::retrieve(&container::store(&payload).unwrap()).unwrap(), payload);
    }

    #[test]
    fn bytes_of_a_stranger_never_panic(input in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = envelope::retrieve(&input);
        let _ = container::retrieve(&input);
        let _ = larder_cachekit::frame::Frame::parse(&input);
        let _ = larder_cachekit::crypto::RotationHeader::split(&input);
        let _ = Aad::parse(&input);
        prop_assert!(keyring(1).open(&Aad::interop("default", "k"), &input).is_err());
    }

    #[test]
    fn an_entry_opens_in_its_own_context_alone(
        plaintext in prop::collection::vec(any::<u8>(), 0..200), nonce: [u8; 12], key in ".{0,20}"
    ) {
        let aad = Aad::interop("default", &key);
        let entry = keyring(1).seal(&aad, &plaintext, nonce).unwrap();
        prop_assert_eq!(entry.len(), plaintext.len() + 28);
        prop_assert_eq!(keyring(1).open(&aad, &entry), Ok(plaintext));
        for other in [
            Aad { tenant: "other", ..aad },
            Aad { cache_key: "another key", ..aad },
            Aad { format: "orjson", ..aad },
            Aad { compressed: true, ..aad },
            Aad { original_type: Some("msgpack"), ..aad },
        ] {
            prop_assert!(keyring(1).open(&other, &entry).is_err());
        }
        prop_assert!(keyring(2).open(&aad, &entry).is_err());
    }
}
