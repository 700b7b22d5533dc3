//! The limits of a server, each crossed: connections, memory in flight, replies that nobody reads, silence.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::{
    io::{ErrorKind, Read, Write},
    sync::Barrier,
    thread,
    time::Duration,
};

use larder_wire::paper::{Command, Request};
use support::{Client, TestServer, encode, token, until};

#[test]
fn in_a_flood_every_admitted_client_is_served_and_every_other_is_told() {
    const CLIENTS: usize = 6;
    const LIMIT: usize = 2;
    let server = TestServer::start(|config| config.limits.connections = LIMIT);
    let address = server.address();
    for round in 0..200 {
        let (start, end) = (Barrier::new(CLIENTS), Barrier::new(CLIENTS));
        let admitted: usize = thread::scope(|scope| {
            let client = || {
                start.wait();
                let mut client = Client::connect(address);
                let is_admitted = client.receive(1) == [0x21];
                if is_admitted {
                    client.call(Request::Ping).unwrap();
                } else {
                    client.expect(&[0x02]);
                    client.expect_end();
                }
                end.wait();
                usize::from(is_admitted)
            };
            let threads: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(client)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(admitted, LIMIT, "round {round}");
        until("all places are free again", || server.handle.connections() == 0);
    }
    let events = server.handle.events();
    assert_eq!((events.accepted, events.refused), (400, 800));
}

#[test]
fn a_refused_client_that_has_already_spoken_still_reads_why() {
    let server = TestServer::start(|config| config.limits.connections = 1);
    let _client = server.client();
    for _ in 0..100 {
        let mut refused = server.connect();
        // Some clients do not wait for the handshake.
        let _ = refused.stream.write_all(&[0]);
        refused.expect(&[0x3f, 0x02]);
    }
}

#[test]
fn a_reply_of_a_batch_leaves_in_one_write() {
    let server = TestServer::start(|_| {});
    let mut client = server.client();
    client.set(b"key", &[7; 100]).unwrap();
    for depth in [1, 2, 10, 100] {
        client.send(&encode(&Request::Get { key: b"key" }).repeat(depth));
        // What is written at once is read at once.
        let mut buffer = vec![0; 105 * depth + 1];
        assert_eq!(client.stream.read(&mut buffer).unwrap(), 105 * depth);
    }
}

#[test]
fn pipelines_do_not_wait_for_acknowledgements() {
    // A stall of 40 ms per batch would make this take longer than anybody waits.
    let server = TestServer::start(|_| {});
    let mut client = server.client();
    let started = std::time::Instant::now();
    for _ in 0..2_000 {
        client.ask(Request::Ping);
        client.ask(Request::Ping);
        client.reply(Command::Ping, |_| ());
        client.reply(Command::Ping, |_| ());
    }
    assert!(started.elapsed() < support::PATIENCE, "{:?}", started.elapsed());
}

#[test]
fn a_deep_pipeline_is_answered_whole() {
    let server = TestServer::start(|_| {});
    let mut client = server.client();
    let value = vec![7; 1000];
    client.set(b"key", &value).unwrap();
    const DEPTH: usize = 20_000;
    let mut writer = client.stream.try_clone().unwrap();
    let writing = thread::spawn(move || {
        writer.write_all(&encode(&Request::Get { key: b"key" }).repeat(DEPTH)).unwrap();
    });
    for _ in 0..DEPTH {
        let reply = client.receive(1005);
        assert_eq!(reply[5..], value);
    }
    writing.join().unwrap();
}

/// Sends `request` again and again, reading nothing, until the server takes no more.
fn ask_until_blocked(client: &mut Client, request: &[u8], server: &TestServer) -> usize {
    let mut sent = 0;
    client.stream.set_nonblocking(true).unwrap();
    let mut blocked_for = 0;
    // It is blocked when nothing has moved while others were served a while.
    while blocked_for < 50 {
        match client.stream.write(&request[sent % request.len()..]) {
            Ok(n) => {
                sent += n;
                blocked_for = 0;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                blocked_for += 1;
                for _ in 0..20 {
                    server.client().call(Request::Ping).unwrap();
                }
            }
            Err(error) => panic!("{error}"),
        }
    }
    client.stream.set_nonblocking(false).unwrap();
    sent
}

#[test]
fn a_client_that_does_not_read_is_paused_and_gets_everything_when_it_does() {
    for value_len in [1_000, 100_000] {
        let server = TestServer::start(|config| config.workers = 1);
        let mut client = server.client();
        // A long key, so that not too many requests fit into the sockets' buffers.
        let (key, value) = (vec![1; 60_000], vec![7; value_len]);
        client.set(&key, &value).unwrap();
        let request = encode(&Request::Get { key: &key });
        let sent = ask_until_blocked(&mut client, &request, &server);
        // What waits for it in memory is bounded by the limit and the last reply, doubled by growing.
        let held = server.handle.bytes_in_flight();
        assert!(held <= 4 << 20, "{held}");
        assert!(sent / request.len() > 20, "{sent}");
        for _ in 0..sent / request.len() {
            let reply = client.receive(5 + value_len);
            assert!(reply[5..] == value);
        }
        assert_eq!(server.handle.events().dropped, 0);
    }
}

#[test]
fn a_client_that_takes_no_reply_for_too_long_is_dropped_and_its_memory_is_free() {
    let server = TestServer::start(|config| {
        config.workers = 1;
        config.limits.stall_time = Some(Duration::from_secs(30));
    });
    let mut patient = server.client();
    let mut client = server.client();
    client.set(b"key", &[7; 10_000]).unwrap();
    ask_until_blocked(&mut client, &encode(&Request::Get { key: b"key" }), &server);
    server.clock.advance(Duration::from_secs(29));
    patient.call(Request::Ping).unwrap();
    assert_eq!(server.handle.events().dropped, 0);
    until("it is dropped", || {
        server.clock.advance(Duration::from_secs(1));
        server.handle.events().dropped == 1
    });
    until("its memory is free", || server.handle.bytes_in_flight() == 0);
    patient.call(Request::Ping).unwrap();
}

#[test]
fn a_large_request_that_stops_arriving_is_dropped_and_a_small_one_may_take_its_time() {
    let server = TestServer::start(|config| config.limits.stall_time = Some(Duration::from_secs(30)));
    let request = encode(&Request::Set { key: b"key", value: &[7; 100_000], ttl_s: 0 });
    let mut slow = server.client();
    // Each piece makes the buffer grow, by which its arrival is seen.
    for (piece, held) in [(0..20_000, 16_384), (20_000..40_000, 49_152), (40_000..70_000, 80_000)] {
        slow.send(&request[piece]);
        until("it has arrived", || server.handle.bytes_in_flight() >= held);
        server.clock.advance(Duration::from_secs(29));
    }
    slow.send(&request[70_000..]);
    slow.expect(b"!");
    drop(slow);
    until("its buffer is gone", || server.handle.bytes_in_flight() == 0);

    let (mut stalled, mut small) = (server.client(), server.client());
    stalled.send(&request[..50_000]);
    small.send(&request[..1000]);
    // Its time counts from the last byte that has been read, which may be later than now.
    until("it is dropped", || {
        server.clock.advance(Duration::from_secs(30));
        server.handle.events().dropped == 1
    });
    stalled.expect_end();
    assert_eq!(server.handle.events().dropped, 1);
    small.send(&request[1000..]);
    small.expect(b"!");
}

#[test]
fn a_silent_client_stays_unless_there_is_a_limit() {
    let server = TestServer::start(|config| config.limits.idle_time = None);
    let mut client = server.client();
    server.clock.advance(Duration::from_secs(1_000_000));
    client.call(Request::Ping).unwrap();

    let server = TestServer::start(|config| config.limits.idle_time = Some(Duration::from_secs(60)));
    let (mut silent, mut lively) = (server.client(), server.client());
    silent.call(Request::Ping).unwrap();
    server.clock.advance(Duration::from_secs(59));
    lively.call(Request::Ping).unwrap();
    server.clock.advance(Duration::from_secs(1));
    silent.expect_end();
    lively.call(Request::Ping).unwrap();
    assert_eq!(server.handle.events().dropped, 1);
}

#[test]
fn silent_clients_cannot_keep_everybody_out() {
    let server = TestServer::start(|config| {
        config.limits.connections = 3;
        config.limits.crowded_time = Some(Duration::from_secs(60));
    });
    let (mut first, mut second, mut lively) = (server.client(), server.client(), server.client());
    first.call(Request::Ping).unwrap();
    server.clock.advance(Duration::from_secs(1));
    second.call(Request::Ping).unwrap();
    server.clock.advance(Duration::from_secs(58));
    lively.call(Request::Ping).unwrap();
    server.connect().expect(&[0x3f, 0x02]);
    first.call(Request::Ping).unwrap();

    server.clock.advance(Duration::from_secs(59));
    lively.call(Request::Ping).unwrap();
    server.connect().expect(&[0x3f, 0x02]);
    second.expect_end();
    until("its place is free", || server.handle.connections() == 2);
    let mut newcomer = server.client();
    newcomer.call(Request::Ping).unwrap();
    first.call(Request::Ping).unwrap();
    lively.call(Request::Ping).unwrap();
    assert_eq!(server.handle.events().dropped, 1);
}

#[test]
fn without_a_limit_silence_keeps_its_place_however_many_are_refused() {
    let server = TestServer::start(|config| {
        config.limits.connections = 1;
        config.limits.crowded_time = None;
    });
    let mut silent = server.client();
    server.clock.advance(Duration::from_secs(1_000_000));
    server.connect().expect(&[0x3f, 0x02]);
    server.connect().expect(&[0x3f, 0x02]);
    silent.call(Request::Ping).unwrap();
}

#[test]
fn a_client_that_sends_slowly_is_not_silent() {
    let server = TestServer::start(|config| config.limits.idle_time = Some(Duration::from_secs(60)));
    let mut client = server.client();
    let before = server.handle.cache().status().totals.sets;
    for byte in encode(&Request::Set { key: b"key", value: b"value", ttl_s: 0 }) {
        server.clock.advance(Duration::from_secs(1));
        client.send(&[byte]);
    }
    client.expect(b"!");
    assert_eq!(server.handle.cache().status().totals.sets, before + 1);
}

#[test]
fn a_client_has_to_authorise_itself_in_time() {
    let server = TestServer::start(|config| {
        config.tokens = vec![token("secret")];
        config.limits.auth_time = Some(Duration::from_secs(10));
    });
    let (mut late, mut known) = (server.client(), server.client());
    known.call(Request::Auth { token: b"secret" }).unwrap();
    late.call(Request::Ping).unwrap();
    server.clock.advance(Duration::from_secs(10));
    late.expect_end();
    known.call(Request::Wipe).unwrap();
    assert_eq!(server.handle.events().dropped, 1);
}

#[test]
fn requests_that_are_too_much_together_are_refused_and_the_others_go_on() {
    let server = TestServer::start(|config| config.limits.bytes_in_flight = 300_000);
    let request = encode(&Request::Set { key: b"key", value: &[7; 200_000], ttl_s: 0 });
    let mut first = server.client();
    first.send(&request[..request.len() - 1]);
    until("it is in flight", || server.handle.bytes_in_flight() >= 180_000);
    let mut second = server.client();
    let _ = second.stream.write_all(&request);
    second.expect(&[0x3f, 0x01]);
    drop(second);
    first.send(&request[request.len() - 1..]);
    first.expect(b"!");
    until("the buffers are small again", || server.handle.bytes_in_flight() == 0);
    // There is room again.
    server.client().set(b"key", &[8; 200_000]).unwrap();
}

#[test]
fn values_above_the_limit_are_refused_though_the_cache_has_room() {
    let server = TestServer::start(|config| config.limits.value_bytes = 1000);
    let mut client = server.client();
    client.set(b"k", &[7; 1000]).unwrap();
    assert!(client.set(b"k", &[7; 1001]).is_err());
    assert_eq!(client.get(b"k").map(|value| value.len()), Some(1000));
}
