//! The published vectors for path encoding, freshness headers and cache files. They are read where they lie beside the checkout.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use larder_store::{FileReading, file_header, file_name, fresh_for_s, is_stale, path_segment, read_file};
use serde_json::Value as Json;
use std::path::Path;

/// The rows of a group of a file; none, with a word to the reader, where the file is not.
fn rows(file: &str, group: &str) -> Vec<Json> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors").join(file);
    let Ok(text) = std::fs::read(&path) else {
        println!("skipped: no vectors at ../shared/vectors/{file}");
        return Vec::new();
    };
    let document: Json = serde_json::from_slice(&text).unwrap();
    let rows = document[group].as_array().unwrap().clone();
    assert!(!rows.is_empty(), "{file} has rows in {group}");
    rows
}

#[test]
fn path_encoding_is_as_published() {
    for row in rows("path-encoding.json", "vectors") {
        let encoded = path_segment(row["key"].as_str().unwrap().as_bytes());
        if row["reject"] == Json::Bool(true) {
            assert!(encoded.is_err(), "{row}");
        } else {
            assert_eq!(encoded.as_deref().ok(), row["encoded"].as_str(), "{row}");
        }
    }
}

/// The values of a header in a row: each character stands for one byte.
fn header(row: &Json) -> Option<Vec<u8>> {
    row["value"].as_str().map(|value| value.chars().map(|char| u8::try_from(char).unwrap()).collect())
}

#[test]
fn freshness_headers_are_read_as_published() {
    for row in rows("freshness-headers.json", "freshness_vectors") {
        assert_eq!(is_stale(header(&row).as_deref()), row["stale"].as_bool().unwrap(), "{row}");
    }
    for row in rows("freshness-headers.json", "fresh_for_vectors") {
        let expected = row["fresh_for"].as_u64();
        assert_eq!(fresh_for_s(header(&row).as_deref()).map(u64::from), expected, "{row}");
    }
}

#[test]
fn cache_files_are_as_published() {
    for row in rows("file-backend.json", "vectors") {
        let text = |name: &str| row[name].as_str().unwrap().to_owned();
        let bytes = |name: &str| hex::decode(text(name)).unwrap();
        assert_eq!(file_name(text("key_utf8").as_bytes()), text("filename"), "{row}");
        let expiry_s = row["expiry_unix_seconds"].as_u64().unwrap();
        let (file, payload) = (bytes("file_hex"), bytes("payload_hex"));
        if row["flags"] == 0 && row["reserved"].as_u64().unwrap_or(0) == 0 {
            assert_eq!(file_header(expiry_s).to_vec(), bytes("header_hex"), "{row}");
        }
        let expected = match text("reader_action").as_str() {
            "return_payload" => FileReading::Value { value: &payload, expiry_s },
            "miss_expired" => FileReading::Expired,
            "miss_preserve" => FileReading::Foreign,
            "miss_delete" | "miss" => FileReading::Damaged,
            other => panic!("unknown action {other}"),
        };
        let now_s = row["reader_now_unix_seconds"].as_u64().unwrap_or(0);
        assert_eq!(read_file(&file, now_s), expected, "{row}");
    }
}
