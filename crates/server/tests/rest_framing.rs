//! What HTTP/1.1 asks of a request besides its form, and what the REST API says when a request does not have it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::{io::Read, time::Duration};

use larder_server::config::{ApiKey, SETTINGS, Sources, resolve};
use support::{Client, TestServer, until};

#[test]
fn a_request_without_exactly_one_good_host_is_refused_and_is_the_last() {
    let server = TestServer::start_rest(|_| {});
    for (host, message) in [
        ("", "asks for a Host header"),
        ("host: x\r\nhost: x\r\n", "more than one Host"),
        ("host: x\r\nHOST: y\r\n", "more than one Host"),
        ("host: x y\r\n", "not a host"),
        ("host: x, y\r\n", "not a host"),
        ("host: http://x/\r\n", "not a host"),
        ("host: me@x\r\n", "not a host"),
        ("host: \u{e9}\r\n", "not a host"),
    ] {
        for request in ["GET /v1/cache/k", "OPTIONS /v1/cache/k", "GET /", "GET http://x/v1/cache/k"] {
            let mut raw = server.raw();
            let told = raw.ask_for(&format!("{request} HTTP/1.1\r\n{host}\r\n"));
            assert_eq!(told.line, "http/1.1 400 bad request", "{request} {host:?}");
            assert!(told.body.contains(r#""code":"invalid_host""#), "{}", told.body);
            assert!(told.body.contains(message) && told.is_last(), "{host:?}: {}", told.body);
            raw.expect_end();
        }
    }
    let mut raw = server.raw();
    for host in ["x", "x:8080", "[::1]:8080", "", "  x  ", "a_b.c-d~e%20"] {
        let told = raw.ask_for(&format!("GET /v1/cache/k HTTP/1.1\r\nhost: {host}\r\n\r\n"));
        assert_eq!(told.line, "http/1.1 404 not found", "{host:?}");
    }
}

#[test]
fn http_of_before_hosts_needs_none_and_has_no_two() {
    let server = TestServer::start_rest(|_| {});
    for (host, status) in [
        ("", "404 not found"),
        ("host: x\r\n", "404 not found"),
        ("host: x\r\nhost: y\r\n", "400 bad request"),
    ] {
        let mut raw = server.raw();
        let told = raw.ask_for(&format!("GET /v1/cache/k HTTP/1.0\r\n{host}\r\n"));
        assert_eq!(told.line, format!("http/1.0 {status}"), "{host:?}");
        raw.expect_end();
    }
}

#[test]
fn a_body_in_another_coding_than_chunks_is_refused_and_stores_nothing() {
    let server = TestServer::start_rest(|_| {});
    for coding in [
        "transfer-encoding: gzip, chunked\r\n",
        "transfer-encoding: gzip\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked, chunked\r\n",
        "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: x, y , ChunkeD\r\n",
        "transfer-encoding: identity, chunked\r\n",
    ] {
        for method in ["PUT", "GET"] {
            let mut raw = server.raw();
            let told = raw.ask_for(&format!(
                "{method} /v1/cache/k HTTP/1.1\r\nhost: x\r\n{coding}\r\n5\r\nhello\r\n0\r\n\r\n"
            ));
            assert_eq!(told.line, "http/1.1 501 not implemented", "{coding}");
            assert!(told.body.contains("unknown_coding") && told.is_last(), "{coding}: {}", told.body);
            raw.expect_end();
        }
    }
    assert_eq!(server.http().get("k").status, 404);
    for coding in ["CHUNKED", "chunked", " chunked\t", ", chunked"] {
        let mut raw = server.raw();
        let told = raw.ask_for(&format!(
            "PUT /v1/cache/k HTTP/1.1\r\nhost: x\r\ntransfer-encoding: {coding}\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
        ));
        assert_eq!(told.line, "http/1.1 200 ok", "{coding}");
        raw.is_usable();
    }
    assert_eq!(server.http().get("k").body, b"hello");
}

#[test]
fn a_refused_body_that_waits_to_be_asked_for_ends_the_connection_and_says_so() {
    let server = TestServer::start_rest(|config| {
        config.limits.value_bytes = 1_000;
        config.rest.keys = keys();
    });
    let right = "authorization: Bearer ck_live_0123456789abcdef\r\n";
    let api = "authorization: Bearer ck_api_0123456789abcdef\r\n";
    let expect = "expect: 100-continue\r\n";
    for (line, headers, status) in [
        ("PUT /v1/cache/k", "content-length: 5\r\n".to_owned(), "401 unauthorized"),
        ("PUT /v1/cache/k", "transfer-encoding: chunked\r\n".to_owned(), "401 unauthorized"),
        ("PUT /v1/cache/ns:a:k", format!("{api}content-length: 5\r\n"), "403 forbidden"),
        ("PUT /nothing", format!("{right}content-length: 5\r\n"), "404 not found"),
        ("PUT /v1/cache/a..b", format!("{right}content-length: 5\r\n"), "400 bad request"),
        ("PUT /v1/cache/k", format!("{right}x-ttl: 0\r\ncontent-length: 5\r\n"), "400 bad request"),
        ("PUT /v1/cache/k/lock", format!("{right}content-length: 5\r\n"), "405 method not allowed"),
        ("PUT /v1/cache/k", format!("{right}content-length: 1001\r\n"), "413 payload too large"),
        ("POST /v1/cache/k/lock", format!("{right}content-length: 5000\r\n"), "413 payload too large"),
        ("GET /v1/cache/k", format!("{right}content-length: 5\r\n"), "404 not found"),
    ] {
        let mut raw = server.raw();
        let told = raw.ask_for(&format!("{line} HTTP/1.1\r\nhost: x\r\n{headers}{expect}\r\n"));
        assert_eq!(told.line, format!("http/1.1 {status}"), "{line} {headers}");
        assert!(told.is_last(), "{line} {headers}: {}", told.head);
        raw.expect_end();
    }
    // What has no body does not wait, whatever it says.
    let mut raw = server.raw();
    for length in ["", "content-length: 0\r\n"] {
        let told = raw.ask_for(&format!("PUT /v1/cache/k HTTP/1.1\r\nhost: x\r\n{length}{expect}\r\n"));
        assert_eq!((told.line.as_str(), told.is_last()), ("http/1.1 401 unauthorized", false), "{length}");
    }
}

#[test]
fn a_refused_body_that_comes_unasked_is_read_past_or_ends_the_connection_and_says_so() {
    let server = TestServer::start_rest(|_| {});
    let ask = |headers: &str| format!("PUT /nothing HTTP/1.1\r\nhost: x\r\n{headers}\r\n");
    let mut raw = server.raw();
    for (headers, body) in [
        ("content-length: 100000\r\n", "x".repeat(100_000)),
        ("transfer-encoding: chunked\r\n", format!("186a0\r\n{}\r\n0\r\n\r\n", "x".repeat(100_000))),
    ] {
        let told = raw.ask_for(&(ask(headers) + &body));
        assert_eq!((told.line.as_str(), told.is_last()), ("http/1.1 404 not found", false), "{headers}");
        raw.is_usable();
    }
    for headers in ["content-length: 1048577\r\n", "transfer-encoding: chunked\r\n"] {
        let mut raw = server.raw();
        let told = raw.ask_for(&(ask(headers) + "zz\r\n"));
        assert_eq!((told.line.as_str(), told.is_last()), ("http/1.1 404 not found", true), "{headers}");
        raw.expect_end();
    }
}

fn keys() -> Vec<ApiKey> {
    let setting = SETTINGS.iter().find(|setting| setting.key == "api_key").unwrap();
    let keys = ["ck_live_0123456789abcdef=default", "ck_api_0123456789abcdef=a"].map(str::to_owned);
    let flags = vec![(setting, keys.to_vec())];
    resolve(&Sources { file: None, variable: &|_| None, flags }).unwrap().config.rest.keys
}

const SECOND: Duration = Duration::from_secs(1);

/// All that is told until the end, and how long that took on the server's clock.
fn rest_of(server: &TestServer, raw: &mut Client) -> (String, Duration) {
    let (mut told, mut passed, mut has_ended) = (Vec::new(), Duration::ZERO, false);
    raw.stream.set_nonblocking(true).unwrap();
    until("the connection ends", || {
        let mut buffer = [0; 4_096];
        match raw.stream.read(&mut buffer) {
            Ok(0) => has_ended = true,
            Ok(read) => told.extend_from_slice(&buffer[..read]),
            Err(_) => {
                server.clock.advance(SECOND / 10);
                passed += SECOND / 10;
            }
        }
        has_ended
    });
    (String::from_utf8(told).unwrap(), passed)
}

#[test]
fn whoever_has_not_sent_a_whole_head_in_time_is_told_so_and_whoever_has_sent_none_is_not() {
    for (with_keys, time) in [(false, 30 * SECOND), (true, 10 * SECOND)] {
        let server = TestServer::start_rest(|config| {
            config.rest.idle_time = Some(60 * SECOND);
            if with_keys {
                config.rest.keys = keys();
            }
        });
        let mut dropped = 0;
        for (sent, is_head) in [
            ("G", true),
            ("P", true),
            ("PRI", true),
            ("\r\n\r\nGET", true),
            ("GET /v1/cache/k HTTP/1.1", true),
            ("GET /v1/cache/k HTTP/1.1\r\nhost: x\r\n", true),
            ("GET /v1/cache/k HTTP/1.0\r\n", true),
            ("\r\n", false),
            ("", false),
        ] {
            for is_used in [false, true] {
                if is_used && (with_keys || sent.is_empty()) {
                    continue;
                }
                let mut raw = server.raw();
                if is_used {
                    raw.is_usable();
                }
                raw.send(sent.as_bytes());
                let (told, passed) = rest_of(&server, &mut raw);
                assert!(passed >= time, "{sent:?}: {passed:?}");
                if is_head {
                    assert!(told.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{sent:?}: {told}");
                    assert!(told.contains("request_too_slow"), "{sent:?}: {told}");
                    assert!(told.contains("\r\nconnection: close\r\n"), "{sent:?}: {told}");
                } else {
                    assert_eq!(told, "", "{sent:?}");
                }
                dropped += 1;
                until("it is counted once", || server.handle.events().dropped == dropped);
            }
        }
        until("all are gone", || {
            server.clock.advance(SECOND);
            server.handle.connections() == 0
        });
        assert_eq!(server.handle.events().dropped, dropped);
    }
}

#[test]
fn the_rest_of_a_late_head_is_answered_no_more() {
    let server = TestServer::start_rest(|_| {});
    let mut raw = server.raw();
    raw.is_usable();
    raw.send(b"GET /v1/cache/k HTTP/1.1\r\nhost");
    let (told, _) = rest_of(&server, &mut raw);
    assert!(told.starts_with("HTTP/1.1 408 "), "{told}");
    raw.stream.set_nonblocking(false).unwrap();
    raw.send(b": x\r\n\r\n");
    raw.expect_end();
}
