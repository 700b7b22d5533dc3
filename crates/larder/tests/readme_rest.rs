//! What the README tells a person to type for the REST API, typed: its openssl, larder and curl lines as they stand, only that the
//! server's ports are chosen by the system.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::path::Path;
use support::readme::{command, commands, shell};
use support::served::Served;
use support::{larder, outcome, parts};
use tempfile::TempDir;

const SECTION: &str = "The CacheKit REST API";

/// Starts the server as a line says, on other ports.
fn serve(line: &str, port: &str, folder: &Path) -> Served {
    let arguments = line.strip_prefix("larder ").unwrap().replace(&format!(":{port}"), ":0");
    let mut server = larder(arguments.split_whitespace());
    server.current_dir(folder).args(["--paper", "off", "--seriput", "off"]);
    if !arguments.contains("--rest") {
        server.args(["--rest", "127.0.0.1:0"]);
    }
    Served::start(&mut server, 1)
}

/// Runs a line; what it prints.
fn run(line: &str, port: &str, server: &Served, folder: &Path) -> String {
    assert!(line.contains(&format!(":{port}/")), "{line}");
    let line = line.replace(&format!(":{port}/"), &format!(":{}/", server.address("rest").port()));
    let (status, stdout, stderr) = outcome(&shell(&line, folder).env("NO_PROXY", "*").output().unwrap());
    assert_eq!(status, 0, "{line}: {stdout}{stderr}");
    stdout
}

#[test]
fn the_first_lines_store_a_greeting_and_read_it() {
    if parts::program("curl").is_none() {
        return;
    }
    let folder = TempDir::new().unwrap();
    let [serving, _] = &commands(SECTION, "larder serve")[..] else { panic!("two servers") };
    let [put, get, ..] = &commands(SECTION, "curl ")[..] else { panic!("two requests") };
    let server = serve(serving, "8080", folder.path());
    assert_eq!(run(put, "8080", &server, folder.path()), r#"{"success":true}"#);
    let answer = run(get, "8080", &server, folder.path());
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("x-cachekit-freshness: fresh\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nhello"), "{answer}");
}

#[test]
fn the_lines_about_locks_take_one_and_release_it() {
    if parts::program("curl").is_none() {
        return;
    }
    let folder = TempDir::new().unwrap();
    let [serving, _] = &commands(SECTION, "larder serve")[..] else { panic!("two servers") };
    let [_, _, lock, unlock, _] = &commands(SECTION, "curl ")[..] else { panic!("five requests") };
    let server = serve(serving, "8080", folder.path());
    let released = |id: &str| run(&format!("LOCK_ID={id}; {unlock}"), "8080", &server, folder.path());
    let taken = run(lock, "8080", &server, folder.path());
    let id = taken.strip_prefix(r#"{"lock_id":""#).and_then(|rest| rest.strip_suffix("\"}"));
    let id = id.unwrap_or_else(|| panic!("{taken}"));
    assert_eq!(run(lock, "8080", &server, folder.path()), r#"{"lock_id":null}"#);
    assert!(released("0189aaaa-0000-4000-8000-000000000000").contains("lock_not_held"));
    assert!(released("").contains("missing_lock_id"), "the variable is not set");
    assert_eq!(released(id), r#"{"success":true}"#);
    assert!(released(id).contains("lock_not_held"));
    assert!(run(lock, "8080", &server, folder.path()).starts_with(r#"{"lock_id":""#));
}

#[test]
fn the_certificate_and_the_key_let_curl_in_and_nobody_without() {
    if parts::program("openssl").is_none() || parts::program("curl").is_none() {
        return;
    }
    let folder = TempDir::new().unwrap();
    let made = shell(&command(SECTION, "openssl "), folder.path()).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let [_, serving] = &commands(SECTION, "larder serve")[..] else { panic!("two servers") };
    let [.., ask] = &commands(SECTION, "curl ")[..] else { panic!("a request") };
    let server = serve(serving, "8443", folder.path());
    let answer = run(ask, "8443", &server, folder.path());
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["status"], "ok");
    let wrong = run(&ask.replace("0123456789abcdef", "another"), "8443", &server, folder.path());
    assert!(wrong.starts_with(r#"{"error":{"code":"unauthorized","#), "{wrong}");
    // Whoever does not know the certificate does not talk to the server.
    let ask = ask
        .replace("--cacert cert.pem", "")
        .replace(":8443/", &format!(":{}/", server.address("rest").port()));
    let (status, ..) = outcome(&shell(&ask, folder.path()).env("NO_PROXY", "*").output().unwrap());
    assert_eq!(status, 60, "curl's status for a certificate that it does not trust");
}
