//! Seriput against a real server: what the reference was seen to lose, to hang on and to die of (sections 2 and 3 of the
//! spec of the protocol) is answered here. What one connection says and hears in a few frames is in the scripts.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::{
    io::{ErrorKind, Read, Write},
    net::Shutdown,
    thread,
    time::Duration,
};

use larder_server::{Server, StartError, Stopped, SystemClock, config::Listen};
use support::{
    TestServer,
    seriput::{Client, Told, get, head, json, put},
    test_config, token, until,
};

const OK: &[u8] = &[0; 6];

#[test]
fn a_pipeline_of_20000_requests_is_answered_in_order() {
    for workers in [1, 3] {
        let server = TestServer::start_both(|config| config.workers = workers);
        let mut client = server.seriput();
        let requests: Vec<u8> = (0..10_000u32)
            .flat_map(|index| [put("key", index.to_string().as_bytes()), get("key")].concat())
            .collect();
        let mut writer = client.raw.stream.try_clone().unwrap();
        let writing = thread::spawn(move || writer.write_all(&requests).unwrap());
        for index in 0..10_000u32 {
            assert_eq!(client.told(), Told::Ok);
            assert_eq!(client.told(), Told::Value(index.to_string().into_bytes()));
        }
        writing.join().unwrap();
    }
}

#[test]
fn requests_cut_anywhere_are_answered_alike() {
    let server = TestServer::start_both(|_| {});
    let requests =
        [put("key", b"[1,2]"), get("key"), head([9, 9, 9], 2, 3), b"kyval".to_vec(), get("none")].concat();
    let mut whole = server.seriput();
    whole.raw.send(&requests);
    let expected = [whole.told(), whole.told(), whole.told(), whole.told()];
    assert!(matches!(&expected[2], Told::Invalid { code: 2, .. }), "{expected:?}");
    for cut in 0..requests.len() {
        let mut client = server.seriput();
        client.raw.send(&requests[..cut]);
        client.raw.send(&requests[cut..]);
        assert_eq!([client.told(), client.told(), client.told(), client.told()], expected, "cut at {cut}");
    }
}

#[test]
fn a_value_that_does_not_fit_together_with_its_key_is_refused_before_it_is_buffered() {
    let server = TestServer::start_both(|config| config.max_size = 1 << 20);
    let mut client = server.seriput();
    let key = "k".repeat(60_000);
    let request = put(&key, &json(1_000_000));
    client.raw.send(&request[..11]);
    // How long a value may be with such a key, to the byte.
    let Told::Invalid { code: 6, message } = client.told() else { panic!("refused from its lengths") };
    let longest = message.split(' ').rev().nth(2).unwrap().parse().unwrap();
    client.raw.send(&request[11..]);
    assert_eq!(client.put(&key, &json(longest)), Told::Ok);
    assert!(matches!(client.put(&key, &json(longest + 1)), Told::Invalid { code: 6, .. }));
    until("nothing is kept", || server.handle.bytes_in_flight() == 0);
}

#[test]
fn values_of_8_kib_and_1_mib_come_back_and_one_above_the_limit_is_read_past() {
    let server = TestServer::start_both(|config| config.limits.value_bytes = 1 << 20);
    let mut client = server.seriput();
    for len in [8181, 8182, 8192, 16 << 10, 1 << 20] {
        let value = json(len);
        assert_eq!(client.put("key", &value), Told::Ok, "{len}");
        assert_eq!(client.get("key"), Told::Value(value), "{len}");
    }
    until("the buffers are small again", || server.handle.bytes_in_flight() == 0);
    client.raw.send(&[head([2, 1, 1], 3, 32 << 20), b"key".to_vec()].concat());
    // Answered before the value is there …
    let message = "the value has 33554432 bytes: at most 1048576 are allowed".to_owned();
    assert_eq!(client.told(), Told::Invalid { code: 6, message });
    for _ in 0..32 {
        client.raw.send(&vec![b'1'; 1 << 20]);
        assert_eq!(server.handle.bytes_in_flight(), 0, "no byte of it is kept");
    }
    // … and in step behind it.
    assert_eq!(client.get("key"), Told::Value(json(1 << 20)));
}

#[test]
fn a_value_that_does_not_fit_is_told_what_would() {
    let server = TestServer::start_both(|config| config.max_size = 10_000);
    let mut client = server.seriput();
    let Told::Invalid { code: 6, message } = client.put("key", &json(10_000)) else { panic!("it fits") };
    let max = message.strip_prefix("the value has 10000 bytes: at most ").unwrap();
    let max: usize = max.strip_suffix(" are allowed").unwrap().parse().unwrap();
    assert_eq!(client.put("key", &json(max)), Told::Ok, "{message}");
    assert!(matches!(client.put("key", &json(max + 1)), Told::Invalid { code: 6, .. }), "{message}");
    assert_eq!(client.get("key"), Told::Value(json(max)));
}

#[test]
fn claimed_lengths_cost_no_memory() {
    let server = TestServer::start_both(|_| {});
    let mut clients = Vec::new();
    for op in [1, 2, 3, 9] {
        for (key_len, value_len) in [(i32::MAX, 0), (i32::MAX, i32::MAX), (3, i32::MAX)] {
            let mut client = server.seriput();
            client.raw.send(&head([op, 1, 1], key_len, value_len));
            client.raw.send(&[b'1'; 100_000]);
            clients.push(client);
        }
    }
    // Nobody else has to wait.
    let mut other = server.seriput();
    assert_eq!(other.put("key", b"1"), Told::Ok);
    assert_eq!(server.handle.connections(), clients.len() + 1);
    assert_eq!(server.handle.bytes_in_flight(), 0);
    for client in &clients {
        client.raw.stream.shutdown(Shutdown::Both).unwrap();
    }
    until("they are gone", || server.handle.connections() == 1);
    assert_eq!(server.handle.cache().status().entries, 1);
}

#[test]
fn a_request_without_memory_for_it_is_refused_and_its_connection_goes_on() {
    let server = TestServer::start_both(|config| config.limits.bytes_in_flight = 300_000);
    let request = put("key", &json(200_000));
    let mut first = server.seriput();
    first.raw.send(&request[..request.len() - 1]);
    until("it is in flight", || server.handle.bytes_in_flight() >= 180_000);
    let mut second = server.seriput();
    second.raw.send(&request);
    assert!(matches!(second.told(), Told::Internal { code: 100, .. }));
    assert_eq!(second.get("key"), Told::NotFound, "in step behind the refused request");
    first.raw.send(&request[request.len() - 1..]);
    assert_eq!(first.told(), Told::Ok);
    assert_eq!(second.put("key", &json(200_000)), Told::Ok, "there is room again");
    let events = server.handle.events();
    assert_eq!((events.starved, events.violations), (1, 0));
}

/// Sends GETs of `key` and reads nothing until the server takes no more; returns how many bytes it has taken.
fn ask_until_blocked(client: &mut Client, key: &str, server: &TestServer) -> usize {
    let request = get(key);
    let mut other = server.seriput();
    let (mut sent, mut blocked) = (0, 0);
    client.raw.stream.set_nonblocking(true).unwrap();
    // It is blocked when nothing has moved while others were served a while.
    while blocked < 50 {
        match client.raw.stream.write(&request[sent % request.len()..]) {
            Ok(written) => (sent, blocked) = (sent + written, 0),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                blocked += 1;
                (0..100).for_each(|_| assert_eq!(other.get("none"), Told::NotFound));
            }
            Err(error) => panic!("{error}"),
        }
    }
    client.raw.stream.set_nonblocking(false).unwrap();
    sent
}

#[test]
fn a_client_that_asks_and_does_not_read_is_paused_within_a_fixed_memory_and_then_gets_everything() {
    for value_len in [8_000, 200_000] {
        let server = TestServer::start_both(|config| config.workers = 1);
        let mut client = server.seriput();
        // A long key, so that the sockets do not hold too many requests.
        let (key, value) = ("k".repeat(value_len / 20), json(value_len));
        assert_eq!(client.put(&key, &value), Told::Ok);
        let sent = ask_until_blocked(&mut client, &key, &server);
        let request = get(&key);
        let asked = sent / request.len();
        let held = server.handle.bytes_in_flight();
        assert!(held <= 4 << 20, "{held} bytes for {asked} requests");
        for _ in 0..asked {
            assert!(client.told() == Told::Value(value.clone()));
        }
        client.raw.send(&request[sent % request.len()..]);
        assert!(client.told() == Told::Value(value));
        until("its memory is free", || server.handle.bytes_in_flight() == 0);
        assert_eq!(server.handle.events().dropped, 0);
    }
}

#[test]
fn after_a_half_close_everything_is_answered() {
    let server = TestServer::start_both(|_| {});
    assert_eq!(server.seriput().put("key", &json(1000)), Told::Ok);
    for count in [1, 700, 5_000] {
        for _ in 0..5 {
            let mut client = server.seriput();
            let mut writer = client.raw.stream.try_clone().unwrap();
            let writing = thread::spawn(move || {
                writer.write_all(&get("key").repeat(count)).unwrap();
                writer.shutdown(Shutdown::Write).unwrap();
            });
            for _ in 0..count {
                assert!(client.told() == Told::Value(json(1000)));
            }
            client.raw.expect_end();
            writing.join().unwrap();
        }
    }
}

#[test]
fn puts_that_are_followed_at_once_by_a_close_are_all_stored() {
    for count in [1, 10, 100, 700] {
        for round in 0..10 {
            let server = TestServer::start_both(|_| {});
            let mut client = server.seriput();
            let requests: Vec<u8> =
                (0..count).flat_map(|index| put(&format!("key {index}"), b"null")).collect();
            client.raw.send(&requests);
            drop(client);
            until("all is stored", || server.handle.cache().status().entries == count);
            until("the connection is over", || server.handle.connections() == 0);
            assert_eq!(server.handle.cache().status().totals.sets, count, "round {round}");
        }
    }
}

#[test]
fn half_a_request_leaves_nothing() {
    let server = TestServer::start_both(|_| {});
    let request = put("key", &json(100_000));
    for len in [1, 10, 11, 12, 14, 50_000, request.len() - 1] {
        let mut client = server.seriput();
        client.raw.send(&request[..len]);
        drop(client);
    }
    until("all connections are over", || server.handle.connections() == 0);
    assert_eq!(server.handle.cache().status().entries, 0);
    // A place is free a moment before the memory is.
    until("nothing is held", || server.handle.bytes_in_flight() == 0);
}

#[test]
fn a_frame_that_arrives_in_parts_may_take_as_long_as_it_likes() {
    let server = TestServer::start_both(|_| {});
    let mut client = server.seriput();
    for byte in put("key", b"true") {
        client.raw.send(&[byte]);
        server.clock.advance(Duration::from_secs(3600));
    }
    assert_eq!(client.told(), Told::Ok);
}

#[test]
fn requests_that_have_arrived_are_answered_before_a_stop() {
    for workers in [1, 3] {
        let server = TestServer::start_both(|config| config.workers = workers);
        let mut clients: Vec<_> = (0..10).map(|_| server.seriput()).collect();
        for client in &mut clients {
            assert_eq!(client.put("key", b"1"), Told::Ok);
            client.raw.send(&put("key", b"1").repeat(1000));
            client.raw.send(&put("half", &json(100))[..50]);
        }
        assert_eq!(server.handle.shutdown(), Stopped::Clean);
        for client in &mut clients {
            client.raw.expect(&OK.repeat(1000));
            client.raw.expect_end();
        }
    }
}

#[test]
fn an_error_is_not_lost_when_more_is_under_way() {
    let server = TestServer::start_both(|_| {});
    for _ in 0..50 {
        let mut client = server.seriput();
        client.raw.send(&[head([1, 1, 1], -11, 0), vec![0; 60_000]].concat());
        assert!(matches!(client.told(), Told::Invalid { code: 1, .. }));
    }
    assert_eq!(server.handle.events().violations, 50);
}

#[test]
fn the_eleven_bytes_that_end_the_reference_end_one_connection_here() {
    for workers in [1, 3] {
        let server = TestServer::start_both(|config| config.workers = workers);
        let mut others: Vec<_> = (0..6).map(|_| server.seriput()).collect();
        for (key_len, value_len) in [(-11, 0), (0, -11), (-5, -6), (i32::MIN, i32::MAX), (100, -111)] {
            let mut client = server.seriput();
            client.raw.send(&head([1, 1, 1], key_len, value_len));
            assert!(matches!(client.told(), Told::Invalid { code: 1, .. }));
            client.raw.expect_end();
            others.iter_mut().for_each(|other| assert_eq!(other.get("none"), Told::NotFound));
        }
    }
}

#[test]
fn one_limit_on_connections_holds_for_both_listeners_together() {
    let server = TestServer::start_both(|config| config.limits.connections = 4);
    let (_paper, mut seriput) = ([server.client(), server.client()], [server.seriput(), server.seriput()]);
    seriput.iter_mut().for_each(|client| assert_eq!(client.get("none"), Told::NotFound));
    for _ in 0..20 {
        let mut refused = server.seriput();
        // A client that has asked already reads the end, not a reset that hides it.
        let _ = refused.raw.stream.write_all(&get("key"));
        assert_eq!(refused.raw.stream.read(&mut [0]).unwrap(), 0);
    }
    assert_eq!(server.handle.events().refused, 20);
    seriput.iter_mut().for_each(|client| assert_eq!(client.get("none"), Told::NotFound));
}

fn start_error(address: &str, configure: impl FnOnce(&mut larder_server::config::Config)) -> StartError {
    let mut config = test_config();
    config.seriput.listen = Listen::Address(address.to_owned());
    configure(&mut config);
    Server::start(&config, std::sync::Arc::new(SystemClock::new())).unwrap_err()
}

#[test]
fn other_machines_may_reach_it_only_if_it_is_said() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0", "[::ffff:192.0.2.1]:0"] {
        let error = start_error(address, |_| {});
        assert!(matches!(error, StartError::Unguarded { key: "seriput.listen", .. }), "{address}: {error}");
        assert!(error.is_configuration());
        assert!(error.to_string().contains("the protocol has no authentication"), "{error}");
    }
    // An address of no machine: the check is passed, and the system refuses.
    let error = start_error("192.0.2.1:0", |config| config.allow_insecure = true);
    assert!(matches!(error, StartError::Bind { key: "seriput.listen", .. }), "{error}");
}

#[test]
fn it_stands_beside_tokens_only_if_it_is_said() {
    for address in ["127.0.0.1:0", "[::1]:0", "0.0.0.0:0"] {
        let error = start_error(address, |config| config.tokens = vec![token("secret")]);
        assert!(matches!(error, StartError::PastTokens { key: "seriput.listen", .. }), "{address}: {error}");
        assert!(error.is_configuration());
        assert!(error.to_string().contains("set allow_insecure to true"), "{error}");
    }
    let server = TestServer::start_both(|config| {
        config.tokens = vec![token("secret")];
        config.allow_insecure = true;
    });
    assert_eq!(server.seriput().get("none"), Told::NotFound);
}

#[test]
fn a_taken_port_names_the_setting_and_what_to_do() {
    let server = TestServer::start_both(|_| {});
    let error = start_error(&server.seriput_address().to_string(), |_| {});
    assert!(matches!(error, StartError::Bind { key: "seriput.listen", .. }), "{error}");
    assert!(error.to_string().ends_with("set seriput.listen to another address, or to off"), "{error}");
}
