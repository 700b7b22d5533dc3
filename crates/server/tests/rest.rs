//! The REST API through an HTTP client, over HTTP/1.1 and HTTP/2: entries, their times, locks.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::time::Duration;

use hyper::Method;
use serde_json::json;
use support::{
    TestServer,
    http::{Http, Reply, path},
};

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A server, and a client of it that speaks one of the two versions.
fn each(test: impl Fn(&TestServer, &mut Http)) {
    for is_http2 in [false, true] {
        let server = TestServer::start_rest(|_| {});
        let address = server.rest_address();
        let mut http = if is_http2 { Http::connect_http2(address) } else { Http::connect(address) };
        test(&server, &mut http);
    }
}

fn freshness(reply: &Reply) -> (u16, Option<&str>, Option<&str>) {
    (reply.status, reply.header("x-cachekit-freshness"), reply.header("x-cachekit-fresh-for"))
}

fn succeeded(reply: &Reply) {
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.body, br#"{"success":true}"#, "{reply:?}");
}

#[test]
fn a_value_comes_back_as_the_bytes_that_were_put() {
    each(|_, http| {
        let all: Vec<u8> = (0..=255).collect();
        for len in [0, 1, 64, 2_000, 2_100, 16_383, 16_384, 16_385, 70_000, 1 << 20, 9 << 20] {
            let value: Vec<u8> = all.iter().copied().cycle().take(len).collect();
            succeeded(&http.put("ns:users:func:a.b:args:00-_1", &[], &value));
            let reply = http.get("ns:users:func:a.b:args:00-_1");
            assert_eq!(freshness(&reply), (200, Some("fresh"), None), "{len}");
            assert_eq!(reply.header("content-type"), Some("application/octet-stream"));
            assert_eq!(reply.header("content-length"), Some(len.to_string().as_str()));
            assert!(reply.body == value, "{len}");
            let head = http.head("ns:users:func:a.b:args:00-_1");
            assert_eq!(freshness(&head), (200, Some("fresh"), None));
            assert_eq!(head.header("content-length"), Some(len.to_string().as_str()));
            assert_eq!(head.body, b"");
        }
    });
}

#[test]
fn what_is_not_there_is_not_found_and_delete_does_not_mind() {
    each(|_, http| {
        assert_eq!(http.get("nothing").error(), (404, "not_found".to_owned()));
        assert_eq!(http.head("nothing").status, 404);
        assert_eq!(http.ttl("nothing").error(), (404, "not_found".to_owned()));
        succeeded(&http.delete("nothing"));
        http.put("something", &[], b"1");
        assert_eq!(http.head("something").status, 200);
        succeeded(&http.delete("something"));
        assert_eq!(http.get("something").status, 404);
    });
}

#[test]
fn an_entry_with_a_time_to_live_ends_to_the_millisecond() {
    each(|server, http| {
        succeeded(&http.put("k", &[("x-cachekit-ttl", "2")], b"v"));
        assert_eq!(freshness(&http.get("k")), (200, Some("fresh"), Some("2")));
        assert_eq!(http.ttl("k").json(), json!({ "ttl": 2 }));
        server.clock.advance(ms(1_999));
        assert_eq!(freshness(&http.get("k")), (200, Some("fresh"), Some("0")));
        assert_eq!(freshness(&http.head("k")), (200, Some("fresh"), None));
        assert_eq!(http.ttl("k").json(), json!({ "ttl": 1 }));
        server.clock.advance(ms(1));
        assert_eq!(http.get("k").status, 404);
        assert_eq!(http.ttl("k").status, 404);
        succeeded(&http.put("k", &[("x-ttl", "2592000")], b"v"));
        assert_eq!(freshness(&http.get("k")), (200, Some("fresh"), Some("2592000")));
    });
}

#[test]
fn a_put_replaces_the_times_as_well() {
    each(|server, http| {
        http.put("k", &[("x-cachekit-ttl", "1"), ("x-cachekit-stale-ttl", "5")], b"1");
        http.put("k", &[], b"2");
        server.clock.advance(ms(60_000));
        assert_eq!(freshness(&http.get("k")), (200, Some("fresh"), None));
        assert_eq!(http.ttl("k").json(), json!({ "ttl": null }));
    });
}

#[test]
fn an_entry_is_stale_for_its_window_and_then_gone() {
    each(|server, http| {
        succeeded(&http.put("k", &[("x-cachekit-ttl", "10"), ("x-cachekit-stale-ttl", "5")], b"v"));
        assert_eq!(http.ttl("k").json(), json!({ "ttl": 15 }), "until it is gone");
        server.clock.advance(ms(9_999));
        assert_eq!(freshness(&http.get("k")), (200, Some("fresh"), Some("0")));
        server.clock.advance(ms(1));
        let reply = http.get("k");
        assert_eq!(freshness(&reply), (200, Some("stale"), Some("0")));
        assert_eq!(reply.body, b"v");
        assert_eq!(freshness(&http.head("k")), (200, Some("stale"), None));
        assert_eq!(http.renew("k", r#"{"ttl":5}"#).error(), (409, "stale".to_owned()));
        server.clock.advance(ms(4_999));
        assert_eq!(freshness(&http.get("k")), (200, Some("stale"), Some("0")));
        assert_eq!(http.ttl("k").json(), json!({ "ttl": 1 }));
        server.clock.advance(ms(1));
        assert_eq!(http.get("k").status, 404);
        succeeded(&http.renew("k", r#"{"ttl":5}"#));
        assert_eq!(http.get("k").status, 404, "there was nothing to renew");
    });
}

#[test]
fn renewing_keeps_the_window_and_holds_both_to_the_limit() {
    each(|server, http| {
        http.put("k", &[("x-cachekit-ttl", "10"), ("x-cachekit-stale-ttl", "2000000")], b"v");
        server.clock.advance(ms(5_000));
        assert_eq!(http.renew("k", r#"{"ttl":592001}"#).error(), (400, "lifetime_too_long".to_owned()));
        assert_eq!(http.ttl("k").json(), json!({ "ttl": 2_000_005 }), "nothing has changed");
        succeeded(&http.renew("k", r#"{"ttl":592000}"#));
        assert_eq!(freshness(&http.get("k")), (200, Some("fresh"), Some("592000")));
        assert_eq!(http.ttl("k").json(), json!({ "ttl": 2_592_000 }));
        http.put("forever", &[], b"v");
        succeeded(&http.renew("forever", r#" { "ttl" : 7 } "#));
        assert_eq!(http.ttl("forever").json(), json!({ "ttl": 7 }));
    });
}

#[test]
fn bad_times_are_refused_and_change_nothing() {
    each(|_, http| {
        http.put("k", &[], b"old");
        for bad in ["0", "-1", "1.5", "2592001", "text", ""] {
            let reply = http.put("k", &[("x-cachekit-ttl", bad)], b"new");
            assert_eq!(reply.error(), (400, "invalid_ttl".to_owned()), "{bad:?}");
        }
        let twice = [("x-cachekit-ttl", "5"), ("x-cachekit-ttl", "5")];
        assert_eq!(http.put("k", &twice, b"new").error(), (400, "repeated_header".to_owned()));
        let alone = [("x-cachekit-stale-ttl", "5")];
        assert_eq!(http.put("k", &alone, b"new").error(), (400, "invalid_stale_ttl".to_owned()));
        let both = [("x-cachekit-ttl", "2592000"), ("x-cachekit-stale-ttl", "1")];
        assert_eq!(http.put("k", &both, b"new").error(), (400, "lifetime_too_long".to_owned()));
        for bad in [
            "",
            "{}",
            "7",
            "null",
            "[7]",
            r#"{"ttl":"7"}"#,
            r#"{"ttl":7,"more":1}"#,
            r#"{"ttl":7,"ttl":7}"#,
            r#"{"ttl":7"#,
        ] {
            assert_eq!(http.renew("k", bad).error(), (400, "invalid_body".to_owned()), "{bad:?}");
        }
        for bad in ["0", "-1", "1.5", "2592001", "1e99"] {
            let reply = http.renew("k", &format!("{{\"ttl\":{bad}}}"));
            assert_eq!(reply.error(), (400, "invalid_ttl".to_owned()), "{bad:?}");
        }
        let long = format!("{{\"ttl\":7}}{}", " ".repeat(5_000));
        assert_eq!(http.renew("k", &long).error(), (413, "body_too_large".to_owned()));
        assert_eq!(http.get("k").body, b"old");
        assert_eq!(http.ttl("k").json(), json!({ "ttl": null }));
    });
}

#[test]
fn a_lock_has_one_holder_until_it_is_released_or_over() {
    each(|server, http| {
        let id = http.lock("k", 5_000).expect("it is free");
        assert_eq!(id.len(), 36, "{id}");
        assert_eq!(http.lock("k", 5_000), None);
        assert!(http.lock("other", 5_000).is_some());
        let another = http.lock("third", 1).unwrap();
        assert_eq!(http.unlock("k", &another).error(), (404, "lock_not_held".to_owned()));
        assert_eq!(http.unlock("k", "nonsense").error(), (404, "lock_not_held".to_owned()));
        assert_eq!(http.lock("k", 5_000), None, "nothing has changed");
        succeeded(&http.unlock("k", &id));
        assert_eq!(http.unlock("k", &id).status, 404, "once");
        let next = http.lock("k", 100).expect("it is free again");
        assert_ne!(id, next);
        server.clock.advance(ms(99));
        assert_eq!(http.lock("k", 100), None);
        server.clock.advance(ms(1));
        assert!(http.lock("k", 100).is_some(), "it was over");
        assert_eq!(http.unlock("k", &next).status, 404);
        assert_eq!(http.get("k").status, 404, "a lock is no entry");
    });
}

#[test]
fn the_id_of_a_lock_may_stand_in_the_query_but_the_header_wins() {
    each(|_, http| {
        let id = http.lock("k", 5_000).unwrap();
        let lock = format!("{}/lock", path("k"));
        let query = format!("{lock}?lock_id={}", id.replace('-', "%2D"));
        let mut release =
            |path: &str, headers: &[(&str, &str)]| http.send(Method::DELETE, path, headers, b"");
        for (path, headers) in [
            (lock.as_str(), &[][..]),
            (&lock, &[("x-cachekit-lock-id", "")]),
            (&lock, &[("x-cachekit-lock-id", "  ")]),
            (&format!("{lock}?lock_id="), &[]),
            (&format!("{lock}?lock_id=%20"), &[]),
        ] {
            assert_eq!(
                release(path, headers).error(),
                (400, "missing_lock_id".to_owned()),
                "{path} {headers:?}"
            );
        }
        for bad in ["%", "%zz", "a%2", &format!("{id}%")] {
            let reply = release(&format!("{lock}?lock_id={bad}"), &[]);
            assert_eq!(reply.error(), (400, "invalid_lock_id".to_owned()), "{bad}");
            assert!(String::from_utf8_lossy(&reply.body).contains("a % in lock_id"), "{reply:?}");
        }
        let long = format!("{lock}?lock_id={}", "a".repeat(1_000));
        assert_eq!(release(&long, &[]).error(), (404, "lock_not_held".to_owned()));
        let wrong = ("x-cachekit-lock-id", "0189aaaa-0000-4000-8000-000000000000");
        assert_eq!(release(&query, &[wrong]).error(), (404, "lock_not_held".to_owned()));
        assert_eq!(release(&query, &[wrong, wrong]).error(), (400, "repeated_header".to_owned()));
        succeeded(&release(&query, &[("x-cachekit-lock-id", " ")]));
    });
}

#[test]
fn bad_lock_requests_are_refused_and_lock_nothing() {
    each(|_, http| {
        let lock = format!("{}/lock", path("k"));
        let mut ask = |body: &str| http.send(Method::POST, &lock, &[], body.as_bytes()).error();
        for bad in [
            "",
            "{}",
            "5000",
            r#"{"timeout_ms":"5000"}"#,
            r#"{"timeout_ms":5000,"more":null}"#,
            "{\"timeout_ms\":5000",
        ] {
            assert_eq!(ask(bad), (400, "invalid_body".to_owned()), "{bad:?}");
        }
        for bad in ["0", "-5", "1.5", "31536000000", "18446744073709551616"] {
            let body = format!("{{\"timeout_ms\":{bad}}}");
            assert_eq!(ask(&body), (400, "invalid_timeout".to_owned()), "{bad:?}");
        }
        assert!(http.lock("k", 86_400_000).is_some(), "nobody holds it");
    });
}

#[test]
fn health_counts_entries_and_locks() {
    each(|server, http| {
        let mut health = || http.send(Method::GET, "/v1/cache/health", &[], b"").json();
        let version = env!("CARGO_PKG_VERSION");
        let expected = |entries, locks| json!({ "status": "ok", "version": version, "cache_entries": entries, "active_locks": locks });
        assert_eq!(health(), expected(0, 0));
        let mut other = Http::connect(server.rest_address());
        other.put("a", &[], b"1");
        other.put("b", &[], b"1");
        other.lock("c", 50);
        assert_eq!(health(), expected(2, 1));
        server.clock.advance(ms(50));
        assert_eq!(health(), expected(2, 0));
    });
}

#[test]
fn what_a_place_does_not_have_is_said_with_what_it_has() {
    each(|_, http| {
        for (path, allow, wrong) in [
            ("/v1/cache/k", "GET, HEAD, PUT, DELETE", &["POST", "PATCH", "TRACE"][..]),
            ("/v1/cache/k/lock", "POST, DELETE", &["GET", "PUT", "HEAD"]),
            ("/v1/cache/k/ttl", "GET, PATCH", &["PUT", "DELETE"]),
            ("/v1/cache/health", "GET", &["PUT", "HEAD", "DELETE"]),
        ] {
            for wrong in wrong {
                let reply = http.send(wrong.parse().unwrap(), path, &[], b"");
                assert_eq!((reply.status, reply.header("allow")), (405, Some(allow)), "{wrong} {path}");
            }
            let options = http.send(Method::OPTIONS, path, &[], b"");
            assert_eq!((options.status, options.header("allow")), (204, Some(allow)), "{path}");
        }
        for nowhere in ["/", "/v1/cache", "/v1/cache/k/", "/v1/cache/k/lock/x", "/metrics", "/v2/cache/k"] {
            let reply = http.send(Method::GET, nowhere, &[], b"");
            assert_eq!(reply.error(), (404, "no_such_route".to_owned()), "{nowhere}");
        }
    });
}

#[test]
fn keys_are_held_to_the_grammar() {
    each(|_, http| {
        let long = "k".repeat(401);
        for bad in [
            "",
            "%2E%2E",
            "a..b",
            "a%2Fb",
            "a%252Fb",
            "a%zz",
            "a%2",
            "ttl",
            "lock",
            "%68ealth",
            "%2e",
            "caf%C3%A9",
            "a+b",
            "ns:x",
            "nsapi::k",
            &long,
        ] {
            for method in [Method::GET, Method::PUT, Method::DELETE] {
                let reply = http.send(method.clone(), &format!("/v1/cache/{bad}"), &[], b"v");
                assert_eq!(reply.error(), (400, "invalid_key".to_owned()), "{method} {bad:?}");
            }
        }
        let longest = "%3A".repeat(400);
        succeeded(&http.send(Method::PUT, &format!("/v1/cache/{longest}"), &[], b"v"));
        assert_eq!(http.send(Method::GET, &format!("/v1/cache/{longest}"), &[], b"").body, b"v");
        assert_eq!(http.send(Method::GET, &format!("/v1/cache/{}", ":".repeat(400)), &[], b"").body, b"v");
    });
}
