//! schemathesis against the running server: whatever it makes of the description of the API, the server does as described.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use support::{larder, outcome, parts};

/// Requests of each kind for each operation.
const EXAMPLES: &str = "20";

#[test]
fn a_server_without_keys_does_what_the_description_says() {
    check(&[], &[]);
}

#[test]
fn a_server_with_keys_does_what_the_description_says() {
    check(
        &["--api-key", "ck_live_0123456789abcdef=shop"],
        &["--header", "Authorization: Bearer ck_live_0123456789abcdef"],
    );
}

#[test]
fn who_shows_no_key_is_refused_as_the_description_says() {
    // Refused rightly or wrongly: whatever is asked, the answer is one of those described.
    check(
        &["--api-key", "ck_live_0123456789abcdef=shop", "--auth-delay", "off"],
        &[
            "--checks",
            "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance",
        ],
    );
}

/// Starts a server with `flags` and has schemathesis ask it with `options`.
fn check(flags: &[&str], options: &[&str]) {
    let Some(mut schemathesis) = parts::python_module("schemathesis.cli") else { return };
    let mut child = larder(["serve", "--paper", "off", "--seriput", "off", "--rest", "127.0.0.1:0"])
        .args(flags)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("rest listening on ").unwrap();
    let folder = tempfile::TempDir::new().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let ran = schemathesis
        .arg("run")
        .arg(root.join("../../docs/openapi.json"))
        .args(["--url", &format!("http://{address}"), "--phases", "examples,coverage,fuzzing"])
        .args([
            "--max-examples",
            EXAMPLES,
            "--seed",
            "1",
            "--no-color",
            "--warnings",
            "off",
            "--continue-on-failure",
        ])
        .args(options)
        .current_dir(&folder)
        .env("SCHEMATHESIS_HOOKS", "openapi_hooks")
        .env("PYTHONPATH", root.join("tests/python"))
        .output()
        .unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let (status, stdout, stderr) = outcome(&ran);
    assert_eq!(status, 0, "{stdout}{stderr}");
    assert!(stdout.contains("Tested: "), "{stdout}");
}
