//! Input that means harm or is damaged: every cut and every flipped bit of small entries, bombs, and wrong keys. Each
//! is a typed error.

#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;

use larder_cachekit::crypto::{
    Aad, Keyring, KeyringError, MasterKey, MasterKeyError, OpenError, TenantKeyring,
};
use larder_cachekit::envelope::EnvelopeError;
use larder_cachekit::frame::{Frame, FrameReader};
use larder_cachekit::key::{KeyError, auto, interop};
use larder_cachekit::msgpack::{DecodeError, EncodeError};
use larder_cachekit::{LimitError, Limits, Value, container, envelope, msgpack};

const PAYLOAD: &[u8] = b"a payload, a payload, a payload, of no great length";

fn keyring(hex: &str, tenant: &str) -> TenantKeyring {
    Keyring::new(MasterKey::from_hex(hex).unwrap(), vec![]).unwrap().for_tenant(tenant).unwrap()
}

fn flipped(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..bytes.len() * 8).map(move |bit| {
        let mut flipped = bytes.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        flipped
    })
}

#[test]
fn a_cut_anywhere_is_an_error() {
    let document = msgpack::encode(&Value::map([("key", Value::list([1, 300, 70_000]))])).unwrap();
    let stored = envelope::store(PAYLOAD, "msgpack").unwrap();
    let contained = container::store(PAYLOAD).unwrap();
    for end in 0..document.len() {
        assert!(msgpack::decode(&document[..end]).is_err(), "{end}");
    }
    assert_eq!(msgpack::decode(&[]), Err(DecodeError::Empty));
    for end in 0..stored.len() {
        assert!(matches!(envelope::retrieve(&stored[..end]), Err(EnvelopeError::Decode(_))), "{end}");
    }
    for end in 0..contained.len() {
        assert!(container::retrieve(&contained[..end]).is_err(), "{end}");
    }
}

#[test]
fn an_envelope_with_any_bit_flipped_gives_no_other_payload() {
    let stored = envelope::store(PAYLOAD, "msgpack").unwrap();
    for (bit, flipped) in flipped(&stored).enumerate() {
        // A flip may hit the format, which is free text, or an offset into bytes that repeat anyway. Only encryption
        // protects the envelope itself; the checksum protects what it holds.
        if let Ok(found) = envelope::retrieve(&flipped) {
            assert_eq!(found.payload, PAYLOAD, "bit {bit}");
        }
    }
}

#[test]
fn a_ciphertext_with_any_bit_flipped_or_cut_does_not_open() {
    let keyring = keyring(&"61".repeat(32), "default");
    let aad = Aad::interop("default", "k");
    let entry = keyring.seal(&aad, PAYLOAD, [7; 12]).unwrap();
    assert_eq!(keyring.open(&aad, &entry).unwrap(), PAYLOAD);
    assert!(flipped(&entry).all(|flipped| keyring.open(&aad, &flipped) == Err(OpenError)));
    assert!((0..entry.len()).all(|end| keyring.open(&aad, &entry[..end]) == Err(OpenError)));
    let longer = [&entry[..], &[0]].concat();
    assert_eq!(keyring.open(&aad, &longer), Err(OpenError));
}

#[test]
fn a_buffer_that_is_used_again_holds_the_new_entry_alone() {
    let keyring = keyring(&"61".repeat(32), "default");
    let aad = Aad::interop("default", "k");
    let (mut entry, mut opened) = (vec![0xee; 500], vec![0xee; 500]);
    for (round, bytes) in [0, 300, 7, 300, 1000].into_iter().enumerate() {
        let plaintext = vec![round as u8; bytes];
        let nonce = [round as u8; 12];
        keyring.seal_into(&aad, &plaintext, nonce, &mut entry).unwrap();
        assert_eq!(entry, keyring.seal(&aad, &plaintext, nonce).unwrap());
        keyring.open_into(&aad, &entry, &mut opened).unwrap();
        assert_eq!(opened, plaintext);
    }
    assert_eq!(keyring.open_into(&Aad::interop("default", "other"), &entry, &mut opened), Err(OpenError));
    assert!(opened.is_empty());
    assert_eq!(keyring.open_into(&aad, &[0; 27], &mut opened), Err(OpenError));
}

#[test]
fn ciphertexts_of_two_keys_cannot_be_swapped() {
    let keyring = keyring(&"61".repeat(32), "default");
    let (mine, yours) = (Aad::interop("default", "k:mine"), Aad::interop("default", "k:yours"));
    let entries = [&mine, &yours].map(|aad| keyring.seal(aad, PAYLOAD, [7; 12]).unwrap());
    assert!(keyring.open(&mine, &entries[0]).is_ok() && keyring.open(&yours, &entries[1]).is_ok());
    assert_eq!(keyring.open(&mine, &entries[1]), Err(OpenError));
    assert_eq!(keyring.open(&yours, &entries[0]), Err(OpenError));
}

#[test]
fn another_key_or_tenant_does_not_open_and_looks_like_any_other_failure() {
    let aad = Aad::interop("default", "k");
    let entry = keyring(&"61".repeat(32), "default").seal(&aad, PAYLOAD, [7; 12]).unwrap();
    let failures = [
        keyring(&"62".repeat(32), "default").open(&aad, &entry),
        keyring(&"61".repeat(32), "other").open(&Aad::interop("other", "k"), &entry),
        keyring(&"61".repeat(32), "other").open(&aad, &entry),
        keyring(&"61".repeat(32), "default").open(&aad, &entry[..20]),
        keyring(&"61".repeat(32), "default").open(&aad, &[]),
    ];
    let texts: Vec<_> =
        failures.iter().map(|failure| format!("{0:?} {0}", failure.as_ref().unwrap_err())).collect();
    assert!(texts.iter().all(|text| *text == texts[0]), "{texts:?}");
}

#[test]
fn a_keyring_opens_what_older_keys_sealed_and_seals_with_the_current_one() {
    let keys = ["11", "22", "33", "44", "55"].map(|pair| pair.repeat(32));
    let aad = Aad::interop("default", "k");
    let ring = Keyring::from_hex(&keys[0], &keys[1..4].join(",")).unwrap().for_tenant("default").unwrap();
    for key in &keys[..4] {
        let entry = keyring(key, "default").seal(&aad, PAYLOAD, [1; 12]).unwrap();
        assert_eq!(ring.open(&aad, &entry).unwrap(), PAYLOAD);
        let named = keyring(key, "default").fingerprints().next().unwrap();
        assert_eq!(ring.open_identified(&named, &aad, &entry).unwrap(), PAYLOAD);
        let other = ring.fingerprints().find(|fingerprint| *fingerprint != named).unwrap();
        assert_eq!(ring.open_identified(&other, &aad, &entry), Err(OpenError), "no other key is tried");
    }
    let outside = keyring(&keys[4], "default").seal(&aad, PAYLOAD, [1; 12]).unwrap();
    assert_eq!(ring.open(&aad, &outside), Err(OpenError));
    let sealed = ring.seal(&aad, PAYLOAD, [2; 12]).unwrap();
    assert!(keyring(&keys[0], "default").open(&aad, &sealed).is_ok());
    assert_eq!(
        Keyring::from_hex(&keys[0], &keys[1..5].join(",")).unwrap_err(),
        KeyringError::TooMany { found: 4 }
    );
    let again = [&keys[1], &keys[0].to_uppercase()].map(String::as_str).join(",");
    assert_eq!(Keyring::from_hex(&keys[0], &again).unwrap_err(), KeyringError::CurrentAgain { position: 2 });
}

#[test]
fn key_material_is_in_no_debug_text_and_no_error() {
    let hex = "0badc0ffee0ddf00d0badc0ffee0ddf00d0badc0ffee0ddf00d0badc0ffee0dd";
    let master = MasterKey::from_hex(hex).unwrap();
    let ring = Keyring::new(master.clone(), vec![MasterKey::from_bytes(&[1; 32]).unwrap()]).unwrap();
    let derived = larder_cachekit::crypto::DerivedKey::new(
        &master,
        larder_cachekit::crypto::Domain::Encryption,
        "default",
    );
    let derived = derived.unwrap();
    let shown = format!("{master:?} {ring:?} {derived:?} {:?}", ring.for_tenant("default").unwrap());
    assert!(!shown.contains("badc0ffee") && !shown.contains("11, 173"), "{shown}");
    assert!(!shown.contains(&hex::encode(derived.expose())));
    let errors = [
        MasterKey::from_hex(&format!("{hex}0")).unwrap_err(),
        MasterKey::from_hex(&format!("{}x", &hex[1..])).unwrap_err(),
        MasterKey::from_hex(&hex[..62]).unwrap_err(),
        MasterKey::from_bytes(hex.as_bytes()).unwrap_err(),
    ];
    assert_eq!(
        errors,
        [
            MasterKeyError::OddLength { digits: 65 },
            MasterKeyError::NotHex { position: 64 },
            MasterKeyError::Length { bytes: 31 },
            MasterKeyError::RawLength { bytes: 64 },
        ]
    );
    assert!(errors.iter().all(|error| !format!("{error} {error:?}").contains("c0ffee")));
    assert!(MasterKey::from_hex(&"61".repeat(1025)).is_err(), "no key is a kilobyte long");
}

#[test]
fn bombs_name_the_limit_that_they_cross() {
    let claim = |compressed: &[u8], original_size| {
        envelope::Envelope { compressed: compressed.into(), checksum: [0; 8], original_size, format: "x" }
            .to_bytes()
            .unwrap()
    };
    let limit = |stored: &[u8]| match envelope::retrieve(stored) {
        Err(EnvelopeError::Limit(error)) => error,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        limit(&claim(&[0; 100], 100_001)),
        LimitError::Ratio { original: 100_001, compressed: 100, ratio_max: 1000 }
    );
    assert_eq!(
        limit(&claim(&[0; 100], u64::MAX)),
        LimitError::Payload { bytes: u64::MAX, bytes_max: 512 << 20 }
    );
    assert_eq!(envelope::retrieve(&claim(&[], 0)), Err(EnvelopeError::NothingCompressed));
    assert!(matches!(envelope::retrieve(&claim(&[0; 100], 100_000)), Err(EnvelopeError::Block(_))));
    let small = Limits { payload_bytes_max: 10, compressed_bytes_max: 15, ..Limits::PROTOCOL };
    assert!(matches!(
        envelope::store_within(PAYLOAD, "x", &small),
        Err(EnvelopeError::Limit(LimitError::Payload { .. }))
    ));
    let stored = envelope::store(PAYLOAD, "x").unwrap();
    assert!(matches!(
        envelope::retrieve_within(&stored, &small),
        Err(EnvelopeError::Limit(LimitError::Compressed { .. }))
    ));
    let flat = Limits { depth_max: 1, ..Limits::PROTOCOL };
    assert_eq!(
        msgpack::decode_within(b"\x91\x91\xc0", &flat),
        Err(DecodeError::TooDeep { at: 1, depth_max: 1 })
    );
    assert!(msgpack::decode_within(b"\x91\xc0", &flat).is_ok());
}

#[test]
fn documents_beyond_the_model_are_sound_but_no_values() {
    assert_eq!(msgpack::decode(b"\x81\x01\x02"), Err(DecodeError::NonStringKey { at: 1 }));
    assert_eq!(msgpack::decode(b"\x91\xd4\x05\x00"), Err(DecodeError::Extension { at: 1, kind: 5 }));
    assert_eq!(msgpack::decode(b"\xa2\xff\xfe"), Err(DecodeError::NotUtf8 { at: 0 }));
    assert_eq!(msgpack::decode(b"\x92\xc1\xc0"), Err(DecodeError::Reserved { at: 1 }));
    assert_eq!(msgpack::decode(b"\xc0\xc0\xc0"), Err(DecodeError::Trailing { at: 1, extra: 2 }));
    assert_eq!(msgpack::decode(b"CK\x03\x00\x00\x00\x00"), Err(DecodeError::PythonFrame));
    assert_eq!(msgpack::decode(b"\x82\xa1a\x01\xa1a\x02"), Ok(Value::map([("a", 2)])), "the last key counts");
    assert_eq!(msgpack::decode(b"\xca\x3f\xc0\x00\x00"), Ok(Value::Float(1.5)));
}

#[test]
fn a_sentinel_map_is_native_when_it_reads_as_one_and_a_map_when_not() {
    let sentinel = |name: &str, mark: Value, text: &str| {
        let map = Value::map([(name, mark), ("value", Value::from(text))]);
        msgpack::decode(&msgpack::encode(&map).unwrap()).unwrap()
    };
    let when = "2024-01-01T12:30:45.123456+00:00";
    assert_eq!(sentinel("__datetime__", true.into(), when), Value::DateTime(when.parse().unwrap()));
    assert_eq!(sentinel("__date__", true.into(), "2024-01-01").kind(), "date");
    assert_eq!(sentinel("__time__", true.into(), "01:02:03").kind(), "time");
    assert_eq!(sentinel("__datetime__", true.into(), "noon").kind(), "map");
    assert_eq!(sentinel("__datetime__", false.into(), when).kind(), "map");
    assert_eq!(sentinel("__datetimes__", true.into(), when).kind(), "map");
}

#[test]
fn user_types_read_dates_from_sentinel_maps() {
    #[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug)]
    struct Event {
        name: String,
        at: larder_cachekit::DateTime,
        day: larder_cachekit::Date,
        start: Option<larder_cachekit::Time>,
    }
    let event = Event {
        name: "launch".into(),
        at: "2024-01-01T12:30:45+02:00".parse().unwrap(),
        day: "2024-01-01".parse().unwrap(),
        start: Some("12:30:00".parse().unwrap()),
    };
    let document = msgpack::to_vec(&event).unwrap();
    assert!(document.windows(12).any(|window| window == b"__datetime__"));
    assert_eq!(msgpack::from_slice::<Event>(&document).unwrap(), event);
    assert!(matches!(msgpack::from_slice::<Event>(b"\x01"), Err(DecodeError::Type { .. })));
    assert!(matches!(msgpack::from_slice::<Event>(&document[1..]), Err(DecodeError::Trailing { .. })));
}

#[test]
fn arguments_are_as_deep_as_documents_and_no_deeper() {
    let nest = |depth: usize| (0..depth).fold(Value::Nil, |inner, _| Value::List(vec![inner]));
    let too_deep =
        |result: Result<Vec<u8>, KeyError>| matches!(result, Err(KeyError::TooDeep { depth_max: 100, .. }));
    // The array of arguments is a level, and with keyword arguments there is one more around it.
    let flat = |depth| interop::canonical_args(&[nest(depth)]);
    let draft = |depth| interop::canonical_draft_args(&[nest(depth)], &BTreeMap::new());
    let automatic = |depth| auto::canonical_args(&[nest(depth)], &BTreeMap::new());
    for (canonical, deepest) in [(flat(99), true), (draft(98), true), (automatic(98), true)] {
        assert_eq!(msgpack::check(&canonical.unwrap(), &Limits::PROTOCOL).is_ok(), deepest);
    }
    assert!(too_deep(flat(100)) && too_deep(draft(99)) && too_deep(automatic(99)));
    let named = |depth| interop::canonical_draft_args(&[], &BTreeMap::from([("k".to_owned(), nest(depth))]));
    assert!(named(98).is_ok() && too_deep(named(99)));
    let set = |depth: usize| {
        interop::canonical_args(&[(0..depth).fold(Value::Nil, |inner, _| Value::Set(vec![inner]))])
    };
    assert!(msgpack::check(&set(99).unwrap(), &Limits::PROTOCOL).is_ok() && too_deep(set(100)));
    // What can be encoded can be decoded, and the first that cannot be is refused on both sides.
    assert_eq!(msgpack::decode(&msgpack::encode(&nest(100)).unwrap()), Ok(nest(100)));
    assert!(matches!(msgpack::encode(&nest(101)), Err(EncodeError::TooDeep { .. })));
    let document = [vec![0x91; 101], vec![0xc0]].concat();
    assert_eq!(msgpack::decode(&document), Err(DecodeError::TooDeep { at: 100, depth_max: 100 }));
}

#[test]
fn no_setting_lets_a_document_nest_deeper_than_the_protocol_does() {
    let generous = Limits { depth_max: usize::MAX, ..Limits::PROTOCOL };
    let document = |depth: usize| [vec![0x91; depth], vec![0xc0]].concat();
    assert!(msgpack::decode_within(&document(1024), &generous).is_ok());
    assert_eq!(
        msgpack::decode_within(&document(1025), &generous),
        Err(DecodeError::TooDeep { at: 1024, depth_max: 1024 })
    );
    assert!(msgpack::from_slice_within::<serde::de::IgnoredAny>(&document(100_000), &generous).is_err());
}

#[test]
fn an_envelope_is_read_in_the_forms_that_the_shared_core_reads_and_no_others() {
    let stored = envelope::store(PAYLOAD, "msgpack").unwrap();
    let parsed = envelope::Envelope::parse(&stored, &Limits::PROTOCOL).unwrap();
    let block = [&[0xc4, parsed.compressed.len() as u8][..], &parsed.compressed].concat();
    let mut checksum = vec![0x98];
    parsed.checksum.iter().for_each(|byte| checksum.extend([0xcc, *byte]));
    let size = [PAYLOAD.len() as u8];
    let map = |names: [&[u8]; 4], format: &[u8]| {
        [&[0x84], names[0], &block, names[1], &checksum, names[2], &size, names[3], format].concat()
    };
    let text = b"\xa7msgpack";
    let places: [&[u8]; 4] = [b"\x00", b"\x01", b"\x02", b"\x03"];
    let bytes: [&[u8]; 4] =
        [b"\xc4\x0fcompressed_data", b"\xc4\x08checksum", b"\xc4\x0doriginal_size", b"\xc4\x06format"];
    for stored in [map(places, text), map(bytes, text), map(places, b"\xc4\x07msgpack")] {
        let found = envelope::retrieve(&stored).unwrap();
        assert_eq!((found.payload.as_slice(), found.format.as_str()), (PAYLOAD, "msgpack"));
    }
    let shape = |stored: &[u8]| match envelope::retrieve(stored) {
        Err(EnvelopeError::Shape { what }) => what,
        other => panic!("{other:?}"),
    };
    assert!(shape(&map(places, b"\xc4\x02\xff\xfe")).contains("UTF-8"));
    assert!(shape(&map([b"\x00", b"\x00", b"\x02", b"\x03"], text)).contains("compressed_data"));
    assert!(shape(&map([b"\xff", b"\x01", b"\x02", b"\x03"], text)).contains("an integer"));
    assert!(shape(&map([b"\xc0", b"\x01", b"\x02", b"\x03"], text)).contains("nil"));
    assert!(shape(&map([b"\x04", b"\x01", b"\x02", b"\x03"], text)).contains("compressed_data is missing"));
    let trailing = [map(places, text), vec![0]].concat();
    assert!(matches!(
        envelope::retrieve(&trailing),
        Err(EnvelopeError::Decode(DecodeError::Trailing { .. }))
    ));
}

#[test]
fn no_form_of_envelope_gives_another_payload_when_it_is_cut_or_a_bit_is_flipped() {
    let mut forms = 0;
    for row in support::vectors("envelope-steps.json", "/vectors") {
        let (stored, payload) = (support::bytes(&row, "envelope_hex"), support::bytes(&row, "input_hex"));
        for end in 0..stored.len() {
            assert!(envelope::retrieve(&stored[..end]).is_err(), "{} at {end}", row["name"]);
        }
        for (bit, flipped) in flipped(&stored).enumerate() {
            if let Ok(found) = envelope::retrieve(&flipped) {
                assert_eq!(found.payload, payload, "{} bit {bit}", row["name"]);
            }
        }
        forms += 1;
    }
    assert!(forms >= 9);
}

#[test]
fn an_encrypted_frame_that_is_cut_or_has_a_bit_flipped_gives_no_other_plaintext() {
    let keyring = keyring(&"61".repeat(32), "default");
    let aad = Aad::python_default("default", "k");
    let body = keyring.seal(&aad, PAYLOAD, [7; 12]).unwrap();
    let header = br#"{"s":"default","m":{"format":"msgpack","compressed":true,"original_type":"msgpack","encrypted":true},"v":"2.0"}"#;
    let length = u32::try_from(header.len()).unwrap().to_be_bytes();
    let stored = [&b"CK\x03"[..], &length, header, &body].concat();
    let reader = FrameReader { serializer: "default" };
    let read = |bytes: &[u8]| Frame::parse(bytes).and_then(|frame| reader.open(&frame, &keyring, &aad));
    assert_eq!(read(&stored).unwrap(), PAYLOAD);
    assert!((0..stored.len()).all(|end| read(&stored[..end]).is_err()));
    assert!(read(&[&stored[..], &[0]].concat()).is_err());
    // The header is not authenticated; all that a flip in it can do is to have the entry refused.
    assert!(
        flipped(&stored)
            .all(|flipped| read(&flipped).is_ok_and(|found| found == PAYLOAD) || read(&flipped).is_err())
    );
}

#[test]
fn a_container_that_is_cut_or_has_a_bit_flipped_never_holds_more_than_it_declares() {
    let document = msgpack::encode(&Value::from(String::from_utf8(PAYLOAD.repeat(4)).unwrap())).unwrap();
    let stored = container::store(&document).unwrap();
    assert_eq!(container::retrieve(&stored).unwrap(), document);
    assert!((0..stored.len()).all(|end| container::retrieve(&stored[..end]).is_err()));
    assert!(container::retrieve(&[&stored[..], &[0]].concat()).is_err());
    for flipped in flipped(&stored) {
        // Nothing but encryption protects what is inside a container.
        if let Ok(found) = container::retrieve(&flipped) {
            let parsed = container::Container::parse(&flipped, &Limits::PROTOCOL).unwrap();
            assert_eq!(found.len() as u64, parsed.original_size);
        }
    }
}
