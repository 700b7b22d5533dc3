//! Many clients at once: the cache within its size whenever a reply has been sent, counters that add up whatever races, long
//! commands that let others through.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use larder_engine::{Kind, Millis};
use larder_wire::paper::{Command, Error, Request};
use support::{TestServer, until};

#[test]
fn the_cache_is_within_its_size_whenever_a_reply_has_been_sent() {
    const MAX: u64 = 1 << 20;
    for workers in [1, 4] {
        let server = TestServer::start(|config| {
            config.max_size = MAX;
            config.workers = workers;
        });
        thread::scope(|scope| {
            for seed in 0..4u64 {
                let mut client = server.client();
                scope.spawn(move || {
                    let mut state = seed + 1;
                    for index in 0..400 {
                        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                        // From a byte to more than the whole cache.
                        let len = 1usize << (state >> 60) << (state >> 33 & 7);
                        let key = format!("{seed}-{}", index % 50);
                        match client.set(key.as_bytes(), &vec![7; len]) {
                            Ok(()) => {}
                            Err(error) => assert_eq!(error, Error::ExceedingValueSize, "{len}"),
                        }
                        let used = client.status().used_size;
                        assert!(used <= MAX, "{used} after {len}");
                    }
                });
            }
        });
    }
}

#[test]
fn shrinking_under_load_holds_when_it_is_answered() {
    let server = TestServer::start(|config| config.max_size = 8 << 20);
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for seed in 0..2 {
            let (mut client, stop) = (server.client(), &stop);
            scope.spawn(move || {
                for index in 0u32.. {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    client.set(format!("{seed}-{}", index % 5000).as_bytes(), &[7; 1000]).unwrap();
                }
            });
        }
        let mut client = server.client();
        for size in [4 << 20, 1 << 20, 8 << 20, 2 << 20, 1 << 16] {
            client.call(Request::Resize { size }).unwrap();
            let status = client.status();
            assert!(status.used_size <= size, "{} {size}", status.used_size);
            assert_eq!(status.max_size, size);
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn counters_add_up_when_wipes_race_with_sets() {
    let server = TestServer::start(|config| config.workers = 4);
    const KEYS: usize = 200;
    thread::scope(|scope| {
        for seed in 0..3 {
            let mut client = server.client();
            scope.spawn(move || {
                for index in 0..3000 {
                    let key = format!("{}", (index * 7 + seed) % KEYS);
                    if index % 10 == 0 {
                        let _ = client.call(Request::Del { key: key.as_bytes() });
                    } else {
                        client.set(key.as_bytes(), &[7; 50]).unwrap();
                    }
                }
            });
        }
        let mut client = server.client();
        scope.spawn(move || (0..50).for_each(|_| client.call(Request::Wipe).unwrap()));
    });
    let mut client = server.client();
    let there: Vec<_> =
        (0..KEYS).map(|key| key.to_string()).filter(|key| client.get(key.as_bytes()).is_some()).collect();
    assert_eq!(client.status().num_objects, there.len() as u64);
    for key in &there {
        client.call(Request::Del { key: key.as_bytes() }).unwrap();
    }
    let status = client.status();
    assert_eq!((status.num_objects, status.used_size), (0, 0));
    // And the cache still works.
    for key in 0..50u32 {
        client.set(&key.to_le_bytes(), b"value").unwrap();
    }
    assert!((0..50u32).all(|key| client.get(&key.to_le_bytes()).is_some()));
    let totals = server.handle.cache().status().totals;
    assert_eq!(totals.sets, totals.replaced + totals.deleted + totals.wiped + 50);
}

#[test]
fn after_a_wipe_the_counters_are_zero_and_what_is_pipelined_behind_it_counts() {
    let server = TestServer::start(|_| {});
    let mut client = server.client();
    for _ in 0..10 {
        client.ask(Request::Set { key: b"a", value: b"1", ttl_s: 0 });
        client.ask(Request::Get { key: b"a" });
        client.ask(Request::Wipe);
        client.ask(Request::Set { key: b"b", value: b"1", ttl_s: 0 });
        client.ask(Request::Get { key: b"a" });
        for command in [Command::Set, Command::Get, Command::Wipe, Command::Set, Command::Get] {
            client.reply(command, |_| ());
        }
        let status = client.status();
        assert_eq!((status.gets, status.sets, status.dels, status.num_objects), (1, 1, 0, 1));
        assert_eq!(status.miss_ratio, 1.0);
    }
}

#[test]
fn a_new_policy_knows_the_keys_that_were_there_a_moment_ago() {
    let server = TestServer::start(|config| config.max_size = 4000);
    let mut client = server.client();
    for key in 0..10u32 {
        client.set(&key.to_le_bytes(), &[7; 100]).unwrap();
    }
    client.call(Request::Policy { name: b"fifo" }).unwrap();
    for key in 100..200u32 {
        client.set(&key.to_le_bytes(), &[7; 100]).unwrap();
    }
    assert!((0..10u32).all(|key| client.get(&key.to_le_bytes()).is_none()), "old keys go first");
    assert!(client.get(&199u32.to_le_bytes()).is_some());
}

/// A server with a million entries.
fn million() -> TestServer {
    let server = TestServer::start(|config| config.workers = 1);
    let cache = server.handle.cache();
    for key in 0..1_000_000u32 {
        cache
            .set(cache.key(&key.to_le_bytes()), b"value".as_slice().into(), Kind::Opaque, None, Millis(0))
            .unwrap();
    }
    server
}

#[test]
fn commands_on_a_million_entries_run_beside_other_clients_on_one_worker() {
    let server = million();
    let (mut one, mut other) = (server.client(), server.client());
    for request in [
        Request::Policy { name: b"lfu" },
        Request::Policy { name: b"arc" },
        Request::Resize { size: 32 << 20 },
        Request::Policy { name: b"fifo" },
        Request::Wipe,
    ] {
        one.ask(request);
        // What is pipelined behind it waits for it …
        one.ask(Request::Size { key: b"none" });
        // … and nobody else does.
        for _ in 0..10 {
            other.call(Request::Ping).unwrap();
        }
        one.reply(request.command(), |_| ());
        one.expect(&[0x3f, 0, 1]);
    }
    let status = other.status();
    assert_eq!((status.num_objects, status.used_size), (0, 0));
    assert_eq!(status.policy, "fifo");
}

#[test]
fn a_long_command_is_done_to_the_end_when_its_client_goes_away() {
    let server = million();
    let mut client = server.client();
    client.ask(Request::Wipe);
    until("the wipe has begun", || server.handle.cache().status().entries < 1_000_000);
    drop(client);
    until("nothing is left", || server.handle.cache().status().entries == 0);
    assert_eq!(server.handle.cache().status().totals.wiped, 1_000_000);
}
