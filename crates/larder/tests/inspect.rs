//! `larder inspect` says what an entry is, layer by layer, and ends with 1 when something is wrong with it.

#![allow(missing_docs, clippy::unwrap_used)]

use std::io::Write;
use std::process::{Command, Stdio};

use larder_cachekit::crypto::{Aad, Keyring, MasterKey};
use larder_cachekit::{Value, container, envelope, msgpack};

const MASTER: &str = "6161616161616161616161616161616161616161616161616161616161616161";

fn inspect(entry: &[u8], args: &[&str]) -> (Option<i32>, String) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(entry).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_larder"));
    command.arg("inspect").arg(file.path()).args(args).env_remove("CACHEKIT_MASTER_KEY");
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    (output.status.code(), text)
}

#[track_caller]
fn says(entry: &[u8], args: &[&str], code: i32, wanted: &[&str]) {
    let (found, text) = inspect(entry, args);
    assert_eq!(found, Some(code), "{text}");
    for wanted in wanted {
        assert!(text.contains(wanted), "no {wanted:?} in\n{text}");
    }
}

fn document() -> Vec<u8> {
    msgpack::encode(&Value::map([("name", Value::from("alice")), ("tags", Value::list(vec![1; 500]))]))
        .unwrap()
}

fn sealed(aad: &Aad<'_>, plaintext: &[u8]) -> Vec<u8> {
    let keyring = Keyring::new(MasterKey::from_hex(MASTER).unwrap(), vec![]).unwrap();
    keyring.for_tenant(aad.tenant).unwrap().seal(aad, plaintext, [9; 12]).unwrap()
}

#[test]
fn containers_show_their_sizes_checksum_and_content() {
    let stored = envelope::store(&document(), "msgpack").unwrap();
    let ratio = format!("{} bytes stored in", document().len());
    says(
        &stored,
        &[],
        0,
        &["ByteStorage envelope", &ratio, " to 1", "checksum    ok, ", r#""name": "alice""#],
    );
    says(&document(), &[], 0, &["plain MessagePack document", r#""name": "alice""#]);
    let contained = container::store(&document()).unwrap();
    says(&contained, &[], 0, &["interop/v2 container (draft)", "1, LZ4", r#""name": "alice""#]);
    let (code, text) = inspect(&stored, &["--brief"]);
    assert!(code == Some(0) && !text.contains("alice"), "{text}");
}

#[test]
fn a_wrong_checksum_or_a_damaged_block_ends_with_1() {
    let parsed = envelope::store(&document(), "msgpack").unwrap();
    let parsed = envelope::Envelope::parse(&parsed, &larder_cachekit::Limits::PROTOCOL).unwrap();
    let other = envelope::Envelope { checksum: [0; 8], ..parsed.clone() }.to_bytes().unwrap();
    says(&other, &[], 1, &["checksum    BAD", "the envelope says 0000000000000000"]);
    let longer = envelope::Envelope { original_size: parsed.original_size + 1, ..parsed }.to_bytes().unwrap();
    says(&longer, &[], 1, &["payload     BAD"]);
}

#[test]
fn a_ciphertext_opens_with_its_key_and_context_and_no_other() {
    let key = "users:get_user:6159";
    let entry = sealed(&Aad::interop("default", key), &document());
    says(
        &entry,
        &[],
        1,
        &["MessagePack no: ", "envelope    no: ", "unknown: damaged, or perhaps a ciphertext"],
    );
    let opened = ["decrypts    yes", "nonce       090909090909090909090909", r#""name": "alice""#];
    says(&entry, &["--master-key", MASTER, "--key", key], 0, &opened);
    says(&entry, &["--master-key", MASTER, "--key", "another"], 1, &["decrypts    NO", "check --key"]);
    says(&entry, &["--master-key", MASTER, "--key", key, "--tenant", "other"], 1, &["decrypts    NO"]);
    says(&entry, &["--master-key", MASTER, "--key", key, "--writer", "v2"], 1, &["decrypts    NO"]);
    let python = Aad::python_default("t1", key);
    let stored = sealed(&python, &envelope::store(&document(), "msgpack").unwrap());
    let args = ["--master-key", MASTER, "--key", key, "--tenant", "t1", "--writer", "python"];
    says(&stored, &args, 0, &["decrypts    yes", "checksum    ok", r#""name": "alice""#]);
}

#[test]
fn a_python_frame_is_taken_apart_and_decrypted_under_its_own_context() {
    let key = "func:m.f:args:0:1s";
    let frame = |header: &str, payload: &[u8]| {
        let length = u32::try_from(header.len()).unwrap().to_be_bytes();
        [b"CK\x03", &length[..], header.as_bytes(), payload].concat()
    };
    let plain = frame(
        r#"{"s":"default","m":{"compressed":true},"v":"2.0"}"#,
        &envelope::store(b"\x2a", "x").unwrap(),
    );
    says(&plain, &[], 0, &["Python SDK", r#""s":"default""#, "ByteStorage envelope", "42"]);
    let header = r#"{"s":"default","m":{"format":"msgpack","compressed":false,"encrypted":true},"v":"2.0"}"#;
    let entry = frame(header, &sealed(&Aad::interop("default", key), b"\x2a"));
    says(&entry, &[], 0, &["ciphertext, the header says", "nonce       0909"]);
    says(&entry, &["--master-key", MASTER, "--key", key], 0, &["decrypts    yes, to 1 bytes"]);
    says(b"CK\x04\0\0\0\0", &[], 1, &["frame       BAD", "frame version 4"]);
    let file = [b"CK\x01\0\0\0", &7_u64.to_be_bytes()[..], b"\x2a"].concat();
    says(&file, &[], 0, &["file of a file backend", "7 seconds after 1970", "42"]);
}

#[test]
fn an_entry_may_come_from_standard_input_and_the_key_from_the_environment() {
    let entry = sealed(&Aad::interop("default", "k"), b"\x2a");
    let mut command = Command::new(env!("CARGO_BIN_EXE_larder"));
    command.args(["inspect", "-", "--key", "k"]).env("CACHEKIT_MASTER_KEY", MASTER);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&entry).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains("decrypts    yes, to 1 bytes"));
}

#[test]
fn what_is_nothing_known_ends_with_1_and_bad_use_with_2() {
    says(b"", &[], 1, &["the entry is empty"]);
    says(b"\xc1\x02\x93", &[], 1, &["container   BAD"]);
    says(b"\x93\x01", &[], 1, &["the input can hold 1", "unknown; a ciphertext has at least 28 bytes"]);
    says(br#"{"data": "e30="}"#, &[], 0, &["JSON text"]);
    says(b"\x2a", &["--master-key", "61"], 2, &["32 to 1024 bytes; this one has 1"]);
    says(b"\x2a", &["--tenant", "", "--master-key", MASTER], 2, &["a tenant has 1 to 1024 bytes"]);
    let output =
        Command::new(env!("CARGO_BIN_EXE_larder")).args(["inspect", "/no/such/entry"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("/no/such/entry: No such file"));
}

#[test]
fn layers_in_layers_without_end_are_refused() {
    let frames = [b"CK\x03\0\0\0\x02{}".repeat(30_000), vec![1]].concat();
    says(&frames, &[], 1, &["nested      more than 8 layers; the 269"]);
    let files = [b"CK\x01\0\0\0\0\0\0\0\0\0\0\0".repeat(100_000), vec![1]].concat();
    says(&files, &["--brief"], 1, &["nested      more than 8 layers"]);
    let sealed = sealed(&Aad::interop("default", "k"), &frames);
    says(
        &sealed,
        &["--master-key", MASTER, "--key", "k"],
        1,
        &["decrypts    yes", "nested      more than 8"],
    );
    let header = format!("{{\"s\":[{}0]}}", "0,".repeat(100_000));
    let long =
        [b"CK\x03", &u32::try_from(header.len()).unwrap().to_be_bytes()[..], header.as_bytes()].concat();
    says(&long, &[], 1, &["frame       BAD: a header of 200009 bytes"]);
}

#[test]
fn a_small_entry_of_millions_of_values_shows_the_first_ones() {
    let nils = [&[0xdd, 1, 0, 0, 0][..], &vec![0xc0; 1 << 24]].concat();
    let entry = envelope::store(&nils, "msgpack").unwrap();
    let (code, text) = inspect(&entry, &[]);
    assert_eq!(code, Some(0));
    assert!(text.contains("checksum    ok") && text.contains("… cut: about") && text.len() < 200_000);
}

#[test]
fn a_damaged_entry_is_not_taken_for_a_sound_ciphertext() {
    let stored = envelope::store(&document(), "msgpack").unwrap();
    let unknown = "unknown: damaged, or perhaps a ciphertext";
    says(&stored[..stored.len() - 1], &[], 1, &["MessagePack no: ", "envelope    no: ", unknown]);
    says(&[&stored[..], &[0]].concat(), &[], 1, &["1 bytes follow the document", unknown]);
    says(b"an English text of some length, by accident", &[], 1, &[unknown]);
    let five = [&[0x95][..], &stored[1..], &[0]].concat();
    says(
        &five,
        &[],
        0,
        &["plain MessagePack document", "envelope    not an envelope: an array of 5 elements"],
    );
}

#[test]
fn keys_open_what_looks_like_something_else_and_doubt_what_is_plain() {
    let keys = ["--master-key", MASTER, "--key", "k"];
    let keyring = Keyring::new(MasterKey::from_hex(MASTER).unwrap(), vec![]).unwrap();
    let keyring = keyring.for_tenant("default").unwrap();
    for nonce in [*b"CKm\0\0\0\0\0\0\0\0\0", *b"CK\x01\0\0\0\0\0\0\0\0\0", *b"\xc1\x02\0\0\0\0\0\0\0\0\0\0"] {
        let entry = keyring.seal(&Aad::interop("default", "k"), b"\x2a", nonce).unwrap();
        says(&entry, &keys, 0, &["decrypts    yes", "42"]);
        let file = [b"CK\x01\0\0\0", &7_u64.to_be_bytes()[..], &entry].concat();
        says(&file, &keys, 0, &["file of a file backend", "decrypts    yes", "42"]);
        let (code, text) = inspect(&entry, &[]);
        assert_eq!(code, Some(1), "{text}");
    }
    let stored = envelope::store(&document(), "msgpack").unwrap();
    says(&stored, &keys, 1, &["no ciphertext, and a reader with these keys refuses", "checksum    ok"]);
    let header = br#"{"s":"default","m":{"encrypted":false},"v":"2.0"}"#;
    let plain = [b"CK\x03\0\0\0", &[u8::try_from(header.len()).unwrap()][..], header, b"\x2a"].concat();
    says(&plain, &keys, 1, &["42", "decrypts    NO: the header says plain"]);
    says(&plain, &[], 0, &["42"]);
}

#[test]
fn a_v2_container_of_no_document_is_damaged() {
    let garbage = [&b"\xc1\x02\x93\x00\x28\xc4\x28"[..], &[0xc1; 40]].concat();
    says(&garbage, &[], 1, &["payload     BAD: not a MessagePack document"]);
}
