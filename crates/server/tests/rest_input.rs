//! What should not be sent to the REST API, byte by byte: it hurts nobody but its sender, and the connection goes on or ends as
//! HTTP says.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::{
    io::{Read, Write},
    net::Shutdown,
    time::Duration,
};

use support::{Client, TestServer, http::Http, until};

const SECOND: Duration = Duration::from_secs(1);

fn put(key: &str, headers: &str, body: &str) -> String {
    format!("PUT /v1/cache/{key} HTTP/1.1\r\nhost: x\r\n{headers}\r\n{body}")
}

#[test]
fn what_is_no_http_is_answered_in_our_form_and_ends_the_connection() {
    let server = TestServer::start_rest(|_| {});
    let long_path = format!("GET /v1/cache/{} HTTP/1.1\r\n\r\n", "k".repeat(100_000));
    let long_after_blank = format!("\r\n{long_path}");
    let long_method = "K".repeat(100_000);
    let long_headers = format!("GET / HTTP/1.1\r\nx: {}", "y".repeat(100_000));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(200));
    for (sent, line) in [
        ("nonsense\r\n\r\n", "http/1.1 400 bad request"),
        ("GET /v1/cache/k HTTP/1.1\r\nno colon\r\n\r\n", "http/1.1 400 bad request"),
        ("GET /v1/cache/k HTTP/9.9\r\n\r\n", "http/1.1 400 bad request"),
        ("GET /v1/cache/k k HTTP/1.1\r\n\r\n", "http/1.1 400 bad request"),
        (
            "PUT /v1/cache/k HTTP/1.1\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!",
            "http/1.1 400 bad request",
        ),
        ("PUT /v1/cache/k HTTP/1.1\r\ncontent-length: -1\r\n\r\n", "http/1.1 400 bad request"),
        ("PUT /v1/cache/k HTTP/1.1\r\ntransfer-encoding: gzip\r\n\r\n", "http/1.1 400 bad request"),
        (&many, "http/1.1 431 request header fields too large"),
        (&long_headers, "http/1.1 431 request header fields too large"),
        (&long_method, "http/1.1 431 request header fields too large"),
        (&long_path, "http/1.1 414 uri too long"),
        (&long_after_blank, "http/1.1 414 uri too long"),
    ] {
        let mut raw = server.raw();
        raw.is_usable();
        let told = raw.ask_for(sent);
        let start = &sent[..sent.len().min(60)];
        assert_eq!(told.line, line, "{start}");
        assert!(told.body.starts_with(r#"{"error":{"code":"malformed_request","#), "{start}: {}", told.body);
        assert!(told.head.contains("connection: close"), "{start}: {}", told.head);
        raw.expect_end();
    }
    until("all are gone and counted", || {
        server.handle.connections() == 0 && server.handle.events().violations == 12
    });
    server.raw().is_usable();
}

#[test]
fn a_pipelined_batch_is_answered_in_order() {
    let server = TestServer::start_rest(|_| {});
    let mut raw = server.raw();
    let mut batch = String::new();
    for number in 0..200 {
        batch += &put(&format!("k{number}"), "content-length: 3\r\n", &format!("{number:03}"));
        batch += &format!("GET /v1/cache/k{number} HTTP/1.1\r\nhost: x\r\n\r\n");
    }
    raw.send(batch.as_bytes());
    for number in 0..200 {
        assert_eq!(raw.told().body, r#"{"success":true}"#);
        assert_eq!(raw.told().body, format!("{number:03}"));
    }
}

#[test]
fn a_body_in_chunks_or_of_no_announced_length_is_stored() {
    let server = TestServer::start_rest(|_| {});
    let mut raw = server.raw();
    let told = raw.ask_for(&put(
        "k",
        "transfer-encoding: chunked\r\n",
        "5\r\nhello\r\n1;x=y\r\n!\r\n0\r\ntrailer: t\r\n\r\n",
    ));
    assert_eq!(told.line, "http/1.1 200 ok");
    assert_eq!(server.http().get("k").body, b"hello!");
    let told = raw.ask_for(&put("k", "", ""));
    assert_eq!(told.line, "http/1.1 200 ok");
    assert_eq!(server.http().get("k").body, b"", "neither length nor chunks is an empty value");
    raw.is_usable();
    let told = raw.ask_for(&put("k", "transfer-encoding: chunked\r\n", "zz\r\nhello"));
    assert_eq!(told.line, "http/1.1 400 bad request");
    assert!(told.body.contains("incomplete_body"), "{}", told.body);
    raw.expect_end();
    assert_eq!(server.http().get("k").body, b"");
}

#[test]
fn a_body_that_is_smaller_than_announced_stores_nothing() {
    let server = TestServer::start_rest(|_| {});
    server.http().put("k", &[], b"old");
    let mut raw = server.raw();
    raw.send(put("k", "content-length: 10\r\n", "only 6").as_bytes());
    raw.end_requests();
    let told = raw.told();
    assert_eq!(told.line, "http/1.1 400 bad request");
    assert!(told.body.contains("incomplete_body"), "{}", told.body);
    raw.expect_end();
    assert_eq!(server.http().get("k").body, b"old");
}

#[test]
fn what_is_behind_an_announced_body_is_taken_for_the_next_request() {
    let server = TestServer::start_rest(|_| {});
    let mut raw = server.raw();
    let told = raw.ask_for(&put("k", "content-length: 5\r\n", "hello and more\r\n\r\n"));
    assert_eq!(told.line, "http/1.1 200 ok");
    assert_eq!(raw.told().line, "http/1.1 400 bad request");
    raw.expect_end();
    assert_eq!(server.http().get("k").body, b"hello");
}

#[test]
fn a_value_that_is_announced_as_too_long_is_refused_and_read_past() {
    let server = TestServer::start_rest(|config| config.limits.value_bytes = 1_000);
    let mut raw = server.raw();
    let told = raw.ask_for(&put("k", "content-length: 1001\r\n", &"x".repeat(1_001)));
    assert_eq!(told.line, "http/1.1 413 payload too large");
    assert!(told.body.contains("value_too_large"), "{}", told.body);
    raw.is_usable();
    let told = raw.ask_for(&put("k", "content-length: 1000\r\n", &"x".repeat(1_000)));
    assert_eq!(told.line, "http/1.1 200 ok");
    // Who asks first is answered before a byte of it is sent.
    let told = raw.ask_for(&put("k", "content-length: 1001\r\nexpect: 100-continue\r\n", ""));
    assert_eq!(told.line, "http/1.1 413 payload too large");
    raw.expect_end();
    let chunk = format!("3e9\r\n{}\r\n", "x".repeat(1_001));
    let mut raw = server.raw();
    let told = raw.ask_for(&put("k", "transfer-encoding: chunked\r\n", &chunk));
    assert_eq!(told.line, "http/1.1 413 payload too large", "before its end");
    raw.expect_end();
    assert_eq!(server.http().get("k").body.len(), 1_000);
}

#[test]
fn a_value_that_cannot_fit_the_cache_is_refused() {
    let server = TestServer::start_rest(|config| config.max_size = 100_000);
    let mut http = server.http();
    assert_eq!(http.put("k", &[], &[0; 200_000]).error(), (413, "value_too_large".to_owned()));
    assert_eq!(http.put("k", &[], &[0; 99_999]).error(), (413, "value_too_large".to_owned()));
    assert_eq!(http.put("k", &[], &[0; 50_000]).status, 200);
}

#[test]
fn a_length_too_long_to_read_past_ends_the_connection_at_once() {
    let server = TestServer::start_rest(|config| {
        config.limits.value_bytes = 1_000;
        config.limits.discard_bytes = 10_000;
    });
    let mut raw = server.raw();
    let told = raw.ask_for(&put("k", "content-length: 10001\r\n", ""));
    assert_eq!(told.line, "http/1.1 413 payload too large");
    raw.expect_end();
}

#[test]
fn an_expected_continue_is_given_when_the_body_is_wanted() {
    let server = TestServer::start_rest(|_| {});
    let mut raw = server.raw();
    raw.send(put("k", "content-length: 5\r\nexpect: 100-continue\r\n", "").as_bytes());
    raw.expect(b"HTTP/1.1 100 Continue\r\n\r\n");
    raw.send(b"hello");
    assert_eq!(raw.told().line, "http/1.1 200 ok");
    assert_eq!(server.http().get("k").body, b"hello");
}

#[test]
fn a_head_that_does_not_end_ends_the_connection_in_time() {
    let server = TestServer::start_rest(|config| {
        config.limits.stall_time = Some(30 * SECOND);
        config.rest.idle_time = None;
    });
    let mut fresh = server.raw();
    let mut used = server.raw();
    used.is_usable();
    for raw in [&mut fresh, &mut used] {
        raw.send(b"GET /v1/cache/k HTTP/1.1\r\n");
    }
    let mut quiet = server.raw();
    quiet.is_usable();
    // A byte now and then buys no time.
    until("both are dropped", || {
        server.clock.advance(SECOND / 10);
        for raw in [&mut fresh, &mut used] {
            // It may be gone already.
            let _ = raw.stream.write(b"x");
        }
        server.handle.events().dropped == 2
    });
    quiet.is_usable();
}

#[test]
fn a_body_that_does_not_come_ends_the_request_in_time() {
    let server = TestServer::start_rest(|config| {
        config.limits.stall_time = Some(30 * SECOND);
        config.rest.idle_time = None;
    });
    let mut raw = server.raw();
    raw.send(put("k", "content-length: 100000\r\n", "first").as_bytes());
    until("it waits", || server.handle.connections() == 1);
    let mut rest = Vec::new();
    raw.stream.set_nonblocking(true).unwrap();
    until("it is refused", || {
        server.clock.advance(SECOND / 10);
        let mut buffer = [0; 4_096];
        if let Ok(read) = raw.stream.read(&mut buffer) {
            rest.extend_from_slice(&buffer[..read]);
        }
        rest.ends_with(b"}")
    });
    let told = String::from_utf8(rest).unwrap();
    assert!(told.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{told}");
    assert!(told.contains("body_too_slow") && told.contains("connection: close"), "{told}");
    assert_eq!(server.http().get("k").status, 404);
}

#[test]
fn a_client_that_does_not_read_is_not_read_from_and_dropped_in_time() {
    let server = TestServer::start_rest(|config| config.limits.stall_time = Some(30 * SECOND));
    server.http().put("large", &[], &vec![7; 4 << 20]);
    let mut raw = server.raw();
    raw.stream.set_nonblocking(true).unwrap();
    let request = b"GET /v1/cache/large HTTP/1.1\r\nhost: x\r\n\r\n".repeat(100);
    until("it is dropped", || {
        let _ = raw.stream.write(&request);
        server.clock.advance(SECOND / 10);
        assert!(server.handle.bytes_in_flight() <= 16 << 20, "{}", server.handle.bytes_in_flight());
        server.handle.events().dropped == 1
    });
    until("what it held is free", || server.handle.bytes_in_flight() == 0);
}

#[test]
fn bodies_that_together_are_too_much_are_told_to_come_again() {
    let server = TestServer::start_rest(|config| {
        config.limits.bytes_in_flight = 2 << 20;
        config.limits.value_bytes = 1 << 20;
        config.limits.key_bytes = 1_000;
    });
    let part = "x".repeat(700_000);
    let mut first: Vec<Client> = (0..2)
        .map(|_| {
            let mut raw = server.raw();
            raw.send(put("k", "content-length: 1000000\r\n", &part).as_bytes());
            raw
        })
        .collect();
    // Each has room for all that it has announced, once half of it is here.
    until("both are held", || server.handle.bytes_in_flight() == 2_000_000);
    let mut third = server.raw();
    third.send(put("k", "content-length: 1000000\r\n", &part).as_bytes());
    let told = third.told();
    assert_eq!(told.line, "http/1.1 503 service unavailable");
    assert!(told.head.contains("retry-after: 1"), "{}", told.head);
    for raw in &mut first {
        raw.send(&[b'x'; 300_000]);
        assert_eq!(raw.told().line, "http/1.1 200 ok");
        raw.is_usable();
    }
    until("nothing is held", || server.handle.bytes_in_flight() == 0);
}

#[test]
fn an_endless_body_never_has_more_room_than_a_value_may_have() {
    let server = TestServer::start_rest(|config| config.limits.value_bytes = 600_000);
    let mut raw = server.raw();
    let chunk = format!("186a0\r\n{}\r\n", "x".repeat(100_000));
    raw.send(put("k", "transfer-encoding: chunked\r\n", &chunk.repeat(6)).as_bytes());
    until("it has what it can have", || {
        let held = server.handle.bytes_in_flight();
        assert!(held <= 600_000, "{held}");
        held == 600_000
    });
    let told = raw.ask_for("1\r\nx\r\n");
    assert_eq!(told.line, "http/1.1 413 payload too large");
    raw.expect_end();
    until("nothing is held", || server.handle.bytes_in_flight() == 0);
    assert_eq!(server.http().get("k").status, 404);
}

#[test]
fn a_client_for_whom_there_is_no_place_is_told_so() {
    let server = TestServer::start_rest(|config| config.limits.connections = 1);
    let mut first = server.raw();
    first.is_usable();
    let mut second = server.raw();
    let told = second.told();
    assert_eq!(told.line, "http/1.1 503 service unavailable");
    assert!(told.head.contains("retry-after: 1"), "{}", told.head);
    second.expect_end();
    drop(first);
    until("there is a place", || server.handle.connections() == 0);
    server.raw().is_usable();
}

#[test]
fn an_idle_client_is_dropped_after_its_time_and_not_before() {
    let server = TestServer::start_rest(|config| config.rest.idle_time = Some(600 * SECOND));
    let mut raw = server.raw();
    raw.is_usable();
    server.clock.advance(599 * SECOND);
    raw.is_usable();
    server.clock.advance(600 * SECOND);
    raw.expect_end();
    until("it is counted", || server.handle.events().dropped == 1);
}

#[test]
fn what_has_arrived_is_answered_before_a_stop_and_after_a_half_close() {
    for stops in [true, false] {
        let server = TestServer::start_rest(|config| config.workers = 1);
        let mut idle = server.raw();
        idle.is_usable();
        let mut http2 = Http::connect_http2(server.rest_address());
        assert_eq!(http2.get("absent").status, 404);
        let mut raw = server.raw();
        let mut batch = String::new();
        for number in 0..500 {
            batch += &put(&format!("k{number}"), "content-length: 3\r\n", &format!("{number:03}"));
        }
        raw.send(batch.as_bytes());
        // The first answer says that the connection is being served.
        assert_eq!(raw.told().line, "http/1.1 200 ok");
        if stops {
            let stopping = std::thread::spawn(move || server.handle.shutdown());
            (1..500).for_each(|_| assert_eq!(raw.told().line, "http/1.1 200 ok"));
            raw.expect_end();
            idle.expect_end();
            // Its client has to hear of the end and hang up.
            until("HTTP/2 ends too", || http2.try_send(hyper::Method::GET, "/v1/cache/k", &[], b"").is_err());
            drop(http2);
            assert_eq!(stopping.join().unwrap(), larder_server::Stopped::Clean);
        } else {
            raw.stream.shutdown(Shutdown::Write).unwrap();
            (1..500).for_each(|_| assert_eq!(raw.told().line, "http/1.1 200 ok"));
            raw.expect_end();
            assert_eq!(server.http().get("k499").body, b"499");
        }
    }
}
