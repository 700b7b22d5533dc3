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
        ("file-backend.json", 12),
        ("freshness-headers.json", 31),
        ("interop-mode.json", 48),
        ("path-encoding.json", 31),
        ("python-frame.json", 31),
        ("wire-format.json", 12),
    ];
    for (file, count) in passed {
        let (code, report) = conform(&vectors.join(file));
        assert_eq!(code, Some(0), "{report}");
        assert!(report.ends_with(&format!("\n{count} passed, 0 failed, 0 skipped\n")), "{report}");
    }
    for file in json_files(&vectors) {
        let (_, report) = conform(&file);
        assert!(report.contains(" 0 failed, "), "{report}");
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
    let twice = directory.path().join("twice.json");
    std::fs::write(&twice, "{\"vectors\": [],\n \"vectors\": []}").unwrap();
    for (file, problem) in [
        (file.to_str().unwrap(), "not JSON"),
        ("/no/such/file.json", "No such file"),
        (twice.to_str().unwrap(), r#"the name "vectors" appears twice in one object, again at line 2"#),
    ] {
        let output = larder(&["conform", file]);
        assert_eq!(output.status.code(), Some(2));
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains(file) && text.contains(problem), "{text}");
    }
    assert_eq!(larder(&["conform"]).status.code(), Some(2));
}

#[test]
fn an_unreadable_file_does_not_hide_the_others() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let file = directory.path().join(name);
        std::fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let good = write("good.json", r#"{"v": [{"value": 2, "canonical_msgpack_hex": "02"}]}"#);
    let bad = write("bad.json", r#"{"v": [{"value": 2, "canonical_msgpack_hex": "03"}]}"#);
    for (files, code, total) in [
        ([&good, "/no/such/file", &good], 2, "2 passed, 0 failed, 0 skipped\n"),
        ([&good, "/no/such/file", &bad], 1, "1 passed, 1 failed, 0 skipped\n"),
    ] {
        let output = larder(&[&["conform"], &files[..]].concat());
        assert_eq!(output.status.code(), Some(code));
        assert!(String::from_utf8(output.stdout).unwrap().ends_with(total));
    }
}

#[test]
fn a_run_that_checks_nothing_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("odd.json");
    for (text, code, total) in [
        (
            r#"{"odd": [{"a": 1}]}"#,
            1,
            "nothing was checked, so this is no success\n0 passed, 0 failed, 1 skipped\n",
        ),
        ("{}", 1, "nothing was checked, so this is no success\n0 passed, 0 failed, 0 skipped\n"),
        (
            r#"{"odd": [{}], "v": [{"value": 2, "canonical_msgpack_hex": "02"}]}"#,
            0,
            "\n1 passed, 0 failed, 1 skipped\n",
        ),
    ] {
        std::fs::write(&file, text).unwrap();
        let (found, report) = conform(&file);
        assert_eq!(found, Some(code), "{report}");
        assert!(report.ends_with(total), "{report}");
    }
}

#[test]
fn a_construction_is_bounded_in_total() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("large.json");
    let segments = [r#"{"hex": "00", "count": 0}, {"hex": "00", "count": 1073741824}"#; 2].join(",");
    let row = format!(r#"{{"reject": [{{"input_construction": [{{"hex":"00","count":1}},{segments}]}}]}}"#);
    std::fs::write(&file, row).unwrap();
    let (code, report) = conform(&file);
    assert_eq!(code, Some(1));
    assert!(report.contains("at most 1 GiB in total"), "{report}");
}
