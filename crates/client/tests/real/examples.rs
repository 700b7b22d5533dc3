//! The examples run, and say what they promise.

use std::path::PathBuf;
use std::process::Command;

use crate::program::{is_there, redis};
use crate::url;

/// What an example of this crate prints; it is built with the tests.
fn run(name: &str, variables: &[(&str, String)]) -> String {
    let test = std::env::current_exe().unwrap();
    let built: PathBuf = test.ancestors().nth(2).unwrap().join("examples").join(name);
    let mut command = Command::new(&built);
    command.env_remove("REDIS_URL").envs(variables.iter().map(|(name, value)| (name, value)));
    let ran = command.output().unwrap_or_else(|error| panic!("{}: {error}", built.display()));
    let said = String::from_utf8(ran.stdout).unwrap();
    assert!(ran.status.success(), "{said}{}", String::from_utf8_lossy(&ran.stderr));
    said
}

fn count(text: &str, part: &str) -> usize {
    text.matches(part).count()
}

#[test]
fn quick_start_computes_once() {
    let said = run("quick_start", &[]);
    assert!(said.contains("Some(\"hello\")"), "{said}");
    assert_eq!(count(&said, "asking the database for user 42"), 1, "{said}");
    assert_eq!(count(&said, "User { id: 42, name: \"user number 42\" }"), 2, "{said}");
}

#[test]
fn encrypted_shows_that_only_the_keys_read() {
    let said = run("encrypted", &[]);
    assert!(said.contains("after a rotation: Some(100000)"), "{said}");
    assert!(said.contains("with another key: the entry does not decrypt"), "{said}");
}

#[test]
fn stampede_computes_once() {
    let said = run("stampede", &[]);
    assert!(said.contains("1000 callers, 1 computation: all got 1"), "{said}");
    assert!(said.contains("the second got 7"), "{said}");
}

#[test]
fn axum_service_serves_and_ends() {
    let said = run("axum_service", &[]);
    assert_eq!(count(&said, "the database is asked for product 7\n"), 1, "{said}");
    assert_eq!(count(&said, "/products/7: HTTP/1.1 200 OK {\"id\":7,\"name\":\"product 7\"}"), 2, "{said}");
    assert_eq!(count(&said, "/products/101: HTTP/1.1 404"), 1, "{said}");
}

#[test]
fn the_examples_with_redis_skip_without_it() {
    let nowhere = [("REDIS_URL", "redis://127.0.0.1:1".to_owned())];
    for name in ["tiered_redis", "shared_with_python"] {
        assert!(run(name, &nowhere).starts_with("skipped: "), "{name}");
    }
}

#[test]
fn tiered_redis_reads_from_its_copy() {
    if !is_there("redis-server") {
        return;
    }
    let (_server, port) = redis(&[]);
    let said = run("tiered_redis", &[("REDIS_URL", url(port))]);
    assert!(said.contains("another process reads Some([1.08, 0.93])"), "{said}");
    assert!(said.contains("from Redis: 1, from the copy: 1000"), "{said}");
}

#[test]
fn shared_with_python_is_shared() {
    let Some(python) = crate::entries::python() else { return };
    if !is_there("redis-server") {
        return;
    }
    let (_server, port) = redis(&[]);
    let said = run("shared_with_python", &[("REDIS_URL", url(port)), ("PYTHON", python)]);
    assert!(said.contains("Python reads {'id': 1, 'name': 'computed by Rust'}"), "{said}");
    assert!(said.contains("Rust reads User { id: 2, name: \"computed by Python\" }"), "{said}");
}
