//! The REST API beside PaperCache and Seriput, on the same entries; and many clients at once.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::{sync::Barrier, thread, time::Duration};

use larder_wire::paper::{Error, Request};
use support::{TestServer, http::Http, seriput::Told};

#[test]
fn each_reads_what_the_others_write() {
    let server = TestServer::start_rest(|_| {});
    let (mut http, mut paper, mut seriput) = (server.http(), server.client(), server.seriput());
    paper.set(b"users:1", b"\x00\xffany bytes").unwrap();
    assert_eq!(http.get("users:1").body, b"\x00\xffany bytes");
    assert_eq!(seriput.put("users:2", br#"{"a":1}"#), Told::Ok);
    assert_eq!(http.get("users:2").body, br#"{"a":1}"#);
    http.put("users:3", &[], br#"{"b":2}"#);
    assert_eq!(paper.get(b"users:3"), Some(br#"{"b":2}"#.to_vec()));
    assert_eq!(seriput.get("users:3"), Told::Value(br#"{"b":2}"#.to_vec()));
    http.delete("users:1");
    assert_eq!(paper.get(b"users:1"), None);
    assert_eq!(seriput.delete("users:3"), Told::Ok);
    assert_eq!(http.get("users:3").status, 404);
    assert_eq!(paper.status().num_objects, 1);
}

#[test]
fn seriput_is_served_what_is_json_whatever_its_writer_called_it() {
    let server = TestServer::start_rest(|_| {});
    let (mut http, mut seriput) = (server.http(), server.seriput());
    for said in ["application/json", "Application/JSON; charset=utf-8", "application/octet-stream"] {
        http.put("k", &[("content-type", said)], b"[1,2]");
        assert_eq!(seriput.get("k"), Told::Value(b"[1,2]".to_vec()), "{said}");
        http.put("k", &[("content-type", said)], b"[1,2");
        assert_eq!(http.get("k").body, b"[1,2", "stored as the bytes that they are");
        assert!(matches!(seriput.get("k"), Told::Internal { .. }), "{said}");
    }
}

#[test]
fn a_time_to_live_holds_for_all_and_a_stale_entry_is_only_for_who_is_told() {
    let server = TestServer::start_rest(|_| {});
    let (mut http, mut paper, mut seriput) = (server.http(), server.client(), server.seriput());
    http.put("k", &[("x-cachekit-ttl", "10"), ("x-cachekit-stale-ttl", "10")], b"1");
    server.clock.advance(Duration::from_millis(9_999));
    assert_eq!(paper.get(b"k"), Some(b"1".to_vec()));
    assert_eq!(seriput.get("k"), Told::Value(b"1".to_vec()));
    server.clock.advance(Duration::from_millis(1));
    assert_eq!(http.get("k").header("x-cachekit-freshness"), Some("stale"));
    assert_eq!(paper.get(b"k"), None);
    assert_eq!(paper.call(Request::Ttl { key: b"k", ttl_s: 0 }), Err(Error::KeyNotFound));
    assert_eq!(seriput.get("k"), Told::NotFound);
    // Whoever writes it anew writes it for all.
    paper.set(b"k", b"2").unwrap();
    let reply = http.get("k");
    assert_eq!((reply.body.as_slice(), reply.header("x-cachekit-freshness")), (&b"2"[..], Some("fresh")));
    paper.call(Request::Set { key: b"t", value: b"v", ttl_s: 5 }).unwrap();
    assert_eq!(http.ttl("t").json(), serde_json::json!({ "ttl": 5 }));
}

#[test]
fn of_many_that_lock_at_once_exactly_one_wins() {
    const CLIENTS: usize = 6;
    const RACES: usize = 100;
    let server = TestServer::start_rest(|config| config.workers = 3);
    let barrier = Barrier::new(CLIENTS);
    let address = server.rest_address();
    let race = |client: usize| {
        let mut http =
            if client.is_multiple_of(2) { Http::connect(address) } else { Http::connect_http2(address) };
        (0..RACES)
            .map(|race| {
                barrier.wait();
                let id = http.lock(&format!("race:{race}"), 60_000);
                barrier.wait();
                // Only the winner's id opens it, and only once.
                if let Some(id) = &id {
                    assert_eq!(http.unlock(&format!("race:{race}"), id).status, 200);
                    assert_eq!(http.unlock(&format!("race:{race}"), id).status, 404);
                }
                id.is_some()
            })
            .collect::<Vec<_>>()
    };
    let race = &race;
    let won: Vec<Vec<bool>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..CLIENTS).map(|client| scope.spawn(move || race(client))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for race in 0..RACES {
        assert_eq!(won.iter().filter(|won| won[race]).count(), 1, "race {race}");
    }
}

#[test]
fn a_write_is_seen_through_every_protocol_as_soon_as_it_is_answered() {
    let server = TestServer::start_rest(|config| config.workers = 3);
    thread::scope(|scope| {
        for lane in 0..3 {
            let (mut http, mut paper, mut seriput) = (server.http(), server.client(), server.seriput());
            scope.spawn(move || {
                let key = format!("lane:{lane}");
                for round in 0..100u32 {
                    let text = round.to_string().into_bytes();
                    assert_eq!(http.put(&key, &[], &text).status, 200);
                    assert_eq!(paper.get(key.as_bytes()), Some(text.clone()));
                    assert_eq!(seriput.put(&key, b"[]"), Told::Ok);
                    assert_eq!(http.get(&key).body, b"[]");
                    http.delete(&key);
                    assert_eq!(paper.get(key.as_bytes()), None);
                }
            });
        }
    });
}
