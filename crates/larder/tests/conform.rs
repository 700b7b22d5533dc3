//! `larder conform` over the project's vectors and, where they are at hand, the published ones.

#![allow(missing_docs, clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn larder(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_larder")).args(args).output().unwrap()
}

fn json_files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|ext| ext == "json")).collect();
    files.sort();
    files
}

fn conform(file: &Path) -> (Option<i32>, String) {
    let output = larder(&["conform", file.to_str().unwrap()]);
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn every_vector_of_our_own_passes_and_none_is_skipped() {
    for file in json_files(&repository().join("conformance/cachekit")) {
        let (code, report) = conform(&file);
        assert_eq!(code, Some(0), "{report}");
        assert!(report.trim_end().ends_with(" passed, 0 failed, 0 skipped"), "{report}");
        assert!(!report.contains("\n0 passed"), "{report}");
    }
}

#[test]
fn every_published_vector_of_a_known_kind_passes() {
    let shared =
        std::env::var_os("LARDER_SHARED").map_or_else(|| repository().join("../shared"), PathBuf::from);
    let vectors = shared.join("vectors");
    if !vectors.is_dir() {
        eprintln!("skipped: no published vectors at {}", vectors.display());
        return;
    }
    let passed = [
        ("cache-keys.json", 10),
        ("interop-mode.json", 48),
        ("python-frame.json", 31),
        ("wire-format.json", 12),
    ];
    for (file, count) in passed {
        let (code, report) = conform(&vectors.join(file));
        assert_eq!(code, Some(0), "{report}");
        assert!(report.ends_with(&format!("\n{count} passed, 0 failed, 0 skipped\n")), "{report}");
    }
    for file in json_files(&vectors) {
        let (code, report) = conform(&file);
        assert_eq!(code, Some(0), "{report}");
    }
}

#[test]
fn a_failure_shows_both_sides_and_ends_with_1() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("bad.json");
    let document =
        r#"{"value_vectors": [{"name": "two", "value": 2, "canonical_msgpack_hex": "03"}], "odd": [{}]}"#;
    std::fs::write(&file, document).unwrap();
    let (code, report) = conform(&file);
    assert_eq!(code, Some(1));
    for line in [
        "  FAIL  interop value two\n",
        "expected: document 03\n",
        "found:    02\n",
        "  skip  group odd: 1 vectors",
    ] {
        assert!(report.contains(line), "{report}");
    }
    assert!(report.ends_with("\n0 passed, 1 failed, 1 skipped\n"), "{report}");
}

#[test]
fn a_file_that_cannot_be_read_ends_with_2() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("text.json");
    std::fs::write(&file, "not json").unwrap();
    for (file, problem) in [(file.to_str().unwrap(), "not JSON"), ("/no/such/file.json", "No such file")] {
        let output = larder(&["conform", file]);
        assert_eq!(output.status.code(), Some(2));
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains(file) && text.contains(problem), "{text}");
    }
    assert_eq!(larder(&["conform"]).status.code(), Some(2));
}
