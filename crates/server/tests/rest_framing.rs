//! What HTTP/1.1 asks of a request besides its form, and what the REST API says when a request does not have it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use support::TestServer;

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
