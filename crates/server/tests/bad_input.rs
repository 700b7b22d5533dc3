//! What clients may send by mistake or on purpose, and what a real server was seen to do wrong with it (section 8 of the spec
//! of the protocol): garbage, claimed lengths, bodies that are too long, connections that end in the middle.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::time::Duration;

use larder_server::limits::{AUTH_FAILURES_MAX, AUTH_WAIT_MAX};
use larder_wire::paper::{Error, Request};
use support::{Client, TestServer, token, until};

const UNAUTHORIZED: &[u8] = &[0x3f, 0x03];
const INTERNAL: &[u8] = &[0x3f, 0x01];
const NOT_FOUND: &[u8] = &[0x3f, 0x00, 0x01];
const EXCEEDING: &[u8] = &[0x3f, 0x00, 0x03];

#[test]
fn a_megabyte_of_garbage_gets_one_answer_and_changes_nothing() {
    let server = TestServer::start(|_| {});
    server.client().set(b"k", b"v").unwrap();
    let mut garbage = Vec::new();
    for index in 0..1_000_000u32 {
        garbage.push(14 + (index.wrapping_mul(2_654_435_761) >> 24) as u8 % 200);
    }
    let mut client = server.client();
    // The server may have closed before all of it is sent.
    let _ = std::io::Write::write_all(&mut client.stream, &garbage);
    client.expect(INTERNAL);
    until("the connection is over", || server.handle.connections() == 0);
    assert_eq!(server.handle.events().violations, 1);
    assert_eq!(server.client().get(b"k").as_deref(), Some(&b"v"[..]));
}

#[test]
fn every_byte_that_is_no_command_is_answered_and_closes() {
    let server = TestServer::start(|_| {});
    for byte in 14..=255 {
        let mut client = server.client();
        client.send(&[byte]);
        client.expect(INTERNAL);
        client.expect_end();
    }
    assert_eq!(server.handle.events().violations, 242);
}

#[test]
fn the_reply_to_a_violation_is_not_lost_when_more_is_under_way() {
    let server = TestServer::start(|_| {});
    for _ in 0..50 {
        let mut client = server.client();
        client.send(&[0xff; 60_000]);
        client.expect(INTERNAL);
    }
}

#[test]
fn claimed_lengths_of_clients_without_a_token_cost_no_memory() {
    let server = TestServer::start(|config| config.tokens = vec![token("secret")]);
    let mut clients = Vec::new();
    for command in [2, 3, 4, 5, 6, 7, 8, 9, 12] {
        let mut client = server.client();
        client.send(&[command, 0xff, 0xff, 0xff, 0xff]);
        client.expect(UNAUTHORIZED);
        client.send(&[7; 100_000]);
        clients.push(client);
    }
    for len in [0xffff_ffffu32, 0xffff_ffd0, 1 << 31, 1 << 20] {
        let mut client = server.client();
        client.send(&[4, 1, 0, 0, 0, b'k']);
        client.send(&len.to_le_bytes());
        client.expect(UNAUTHORIZED);
        client.send(&[7; 100_000]);
        clients.push(client);
    }
    // A key that could be one is not kept either.
    let mut client = server.client();
    client.send(&[3, 0, 0, 1, 0]);
    client.expect(UNAUTHORIZED);
    client.send(&[7; 60_000]);
    clients.push(client);
    assert_eq!(server.handle.bytes_in_flight(), 0);
    assert_eq!(server.handle.connections(), clients.len());
}

#[test]
fn a_refused_body_is_read_past_and_the_connection_goes_on() {
    let server = TestServer::start(|config| config.tokens = vec![token("secret")]);
    let mut client = server.client();
    let value = vec![7; 3 << 20];
    assert_eq!(client.set(b"k", &value), Err(Error::Unauthorized));
    client.call(Request::Auth { token: b"secret" }).unwrap();
    assert_eq!(client.get(b"k"), None);
}

#[test]
fn a_value_that_does_not_fit_together_with_its_key_is_refused_before_it_is_buffered() {
    let server = TestServer::start(|config| config.max_size = 1_100_000);
    let mut client = server.client();
    // Each fits without the other.
    let (key, value) = (vec![7; 60_000], vec![7; 1_000_000]);
    let request = support::encode(&Request::Set { key: &key, value: &value, ttl_s: 0 });
    let header = request.len() - value.len() - 4;
    client.send(&request[..header]);
    client.expect(EXCEEDING);
    client.send(&request[header..]);
    client.call(Request::Ping).unwrap();
    // No more than the key has been kept.
    assert!(server.handle.bytes_in_flight() < 65_536, "{}", server.handle.bytes_in_flight());
    // What does fit is taken.
    client.set(b"k", &value).unwrap();
}

#[test]
fn a_key_that_is_too_long_is_refused_and_read_past_without_being_kept() {
    let server = TestServer::start(|_| {});
    for key_len in [65_537, 3 << 20] {
        for command in [3, 4, 5, 6, 7, 8, 9] {
            let mut client = server.client();
            client.send(&[command]);
            client.send(&u32::to_le_bytes(key_len));
            client.expect(match command {
                4 => EXCEEDING,
                6 => b"!?",
                _ => NOT_FOUND,
            });
            for _ in 0..key_len / 32 {
                client.send(&[10; 32]);
            }
            client.send(&vec![10; key_len as usize % 32]);
            match command {
                4 => client.send(&[&[0, 0, 1, 0][..], &[10; 65_536 + 4]].concat()),
                8 => client.send(&[10; 4]),
                _ => {}
            }
            client.call(Request::Ping).unwrap();
            assert_eq!(server.handle.bytes_in_flight(), 0, "command {command}");
        }
    }
    assert_eq!(server.handle.events().violations, 0);
}

#[test]
fn a_value_that_cannot_fit_is_refused_from_its_length_and_never_buffered() {
    let server = TestServer::start(|config| config.max_size = 1 << 20);
    let mut client = server.client();
    client.set(b"k", b"old").unwrap();
    client.send(&[4, 1, 0, 0, 0, b'k']);
    client.send(&(32u32 << 20).to_le_bytes());
    // Answered before the body is there …
    client.expect(EXCEEDING);
    let mut sent = 0;
    while sent < 32 << 20 {
        client.send(&[7; 1 << 16]);
        sent += 1 << 16;
        assert_eq!(server.handle.bytes_in_flight(), 0);
    }
    client.send(&[0; 4]);
    // … and in sync behind it.
    assert_eq!(client.get(b"k").as_deref(), Some(&b"old"[..]));
    assert_eq!(client.status().sets, 1);
}

#[test]
fn lengths_near_two_to_the_32_are_not_taken_for_small_ones() {
    let server = TestServer::start(|config| config.max_size = 64 << 20);
    for len in [u32::MAX, u32::MAX - 47, u32::MAX - 100] {
        let mut client = server.client();
        client.send(&[4, 1, 0, 0, 0, b'k']);
        client.send(&len.to_le_bytes());
        client.expect(EXCEEDING);
    }
    assert_eq!(server.status().num_objects, 0);
}

#[test]
fn what_is_accepted_is_there() {
    let server = TestServer::start(|config| config.max_size = 10_000);
    let mut client = server.client();
    let (mut accepted, mut refused) = (0, 0);
    for len in (5_000..=10_001).step_by(13) {
        match client.set(b"key", &vec![7; len]) {
            Ok(()) => {
                accepted += 1;
                assert_eq!(client.get(b"key").map(|value| value.len()), Some(len));
            }
            Err(error) => {
                refused += 1;
                assert_eq!(error, Error::ExceedingValueSize);
            }
        }
        assert!(client.status().used_size <= 10_000);
    }
    assert!(accepted > 0 && refused > 0, "the limit lies between: {accepted} {refused}");
}

#[test]
fn a_refused_part_above_the_limit_closes_the_connection_after_the_answer() {
    let server = TestServer::start(|config| {
        config.max_size = 10_000;
        config.limits.discard_bytes = 20_000;
    });
    let mut client = server.client();
    assert_eq!(client.set(b"k", &vec![7; 20_000]), Err(Error::ExceedingValueSize));
    assert_eq!(client.set(b"k", &vec![7; 20_001]), Err(Error::ExceedingValueSize));
    client.expect_end();
}

#[test]
fn a_connection_that_ends_in_the_middle_of_a_request_leaves_nothing() {
    let server = TestServer::start(|_| {});
    let request = support::encode(&Request::Set { key: b"key", value: &[7; 100_000], ttl_s: 0 });
    for len in [1, 5, 8, 12, 13, 50_000, request.len() - 1] {
        let mut client = server.client();
        client.send(&request[..len]);
        drop(client);
    }
    until("all connections are over", || server.handle.connections() == 0);
    assert_eq!(server.status().num_objects, 0);
    assert_eq!(server.handle.bytes_in_flight(), 0);
}

#[test]
fn what_had_arrived_whole_is_executed_though_its_client_is_gone() {
    for round in 0..20u32 {
        let server = TestServer::start(|_| {});
        let mut client = server.client();
        let mut requests = Vec::new();
        for key in 0..5000u32 {
            requests.extend(support::encode(&Request::Set {
                key: &key.to_le_bytes(),
                value: b"value",
                ttl_s: 0,
            }));
        }
        client.send(&requests);
        // Its replies unread, the close resets the connection.
        drop(client);
        until("the connection is over", || server.handle.connections() == 0);
        assert_eq!(server.handle.cache().status().totals.sets, 5000, "round {round}");
    }
}

#[test]
fn requests_that_arrive_in_any_pieces_are_answered_alike() {
    let server = TestServer::start(|_| {});
    let mut requests = Vec::new();
    let value = [7; 300];
    requests.extend(support::encode(&Request::Set { key: b"key", value: &value, ttl_s: 0 }));
    requests.extend(support::encode(&Request::Get { key: b"key" }));
    requests.extend(support::encode(&Request::Ping));
    let mut expected = vec![0x21, 0x21, 44, 1, 0, 0];
    expected.extend(value);
    expected.extend(b"!\x04\0\0\0pong");
    for cut in 0..requests.len() {
        let mut client = server.client();
        client.send(&requests[..cut]);
        client.send(&requests[cut..]);
        client.expect(&expected);
    }
}

#[test]
fn a_row_of_wrong_tokens_ends_the_connection() {
    let server = TestServer::start(|config| {
        config.tokens = vec![token("secret")];
        config.limits.auth_delay = Duration::ZERO;
    });
    let mut client = server.client();
    for _ in 0..=AUTH_FAILURES_MAX {
        assert_eq!(client.call(Request::Auth { token: b"guess" }), Err(Error::Unauthorized));
    }
    client.expect_end();
}

/// A server that makes wrong tokens wait, on one worker.
fn guarded(first_delay: Duration) -> TestServer {
    TestServer::start(|config| {
        config.workers = 1;
        config.tokens = vec![token("secret"), token("other")];
        config.limits.auth_delay = first_delay;
    })
}

/// Whether nothing has come for `client`, though the worker has had its turn since what it sent was counted.
fn is_waiting(server: &TestServer, client: &Client, failures: u64) -> bool {
    until("it is counted", || server.handle.events().auth_failures == failures);
    server.client().call(Request::Ping).unwrap();
    client.stream.set_nonblocking(true).unwrap();
    let peeked = client.stream.peek(&mut [0]);
    client.stream.set_nonblocking(false).unwrap();
    peeked.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
}

#[test]
fn wrong_tokens_are_counted_and_wait_longer_each_time_however_often_the_guesser_connects() {
    let first = Duration::from_millis(100);
    let server = guarded(first);
    for guesses in 1..=8u32 {
        let mut guesser = server.client();
        guesser.ask(Request::Auth { token: b"guess" });
        let delay = first * (1 << (guesses - 1).min(5));
        assert!(is_waiting(&server, &guesser, guesses.into()), "guess {guesses}");
        server.clock.advance(delay - Duration::from_millis(1));
        assert!(is_waiting(&server, &guesser, guesses.into()), "guess {guesses}");
        server.clock.advance(Duration::from_millis(1));
        guesser.expect(UNAUTHORIZED);
    }
}

#[test]
fn a_guesser_slows_down_no_right_token_for_more_than_a_short_while_and_no_client_that_is_in() {
    let server = guarded(Duration::from_millis(100));
    let mut inside = server.client();
    inside.call(Request::Auth { token: b"other" }).unwrap();
    let mut guessers: Vec<_> = (0..50).map(|_| server.client()).collect();
    for guesser in &mut guessers {
        guesser.ask(Request::Auth { token: b"guess" });
    }
    let mut client = server.client();
    until("all are counted", || server.handle.events().auth_failures == 50);
    client.ask(Request::Auth { token: b"secret" });
    assert!(is_waiting(&server, &client, 50));
    for _ in 0..100 {
        inside.call(Request::Status).unwrap();
    }
    inside.call(Request::Auth { token: b"wrong, but it is in" }).unwrap();
    server.clock.advance(AUTH_WAIT_MAX);
    client.expect(b"!");
    client.call(Request::Status).unwrap();
}
