//! What holds while many threads use one cache.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread;

use larder_engine::{Cache, Kind, Millis, Options, PolicyChoice, PolicyName, Progress, Ttl};

const NOW: Millis = Millis(1);

/// A number that looks random, for each thread and step its own.
fn scramble(thread: u64, step: u64) -> u64 {
    let mut x = (thread << 32 | step).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x ^= x >> 29;
    x.wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 7
}

fn set(cache: &Cache, key: u64, len: usize) {
    let key = key.to_le_bytes();
    cache.set(cache.key(&key), vec![7; len].as_slice().into(), Kind::Opaque, None, NOW).unwrap();
}

#[test]
fn used_never_exceeds_the_capacity_at_any_moment_that_another_thread_sees() {
    const CAPACITY: u64 = 4 << 20;
    for shards in [1, 16] {
        let cache = Cache::new(Options { shards: Some(shards), ..Options::bytes(CAPACITY) }).unwrap();
        let writers = AtomicU64::new(4);
        thread::scope(|scope| {
            for thread in 0..4 {
                let (cache, writers) = (&cache, &writers);
                scope.spawn(move || {
                    for step in 0..20_000 {
                        let random = scramble(thread, step);
                        let len =
                            if random.is_multiple_of(200) { 1_000_000 } else { (random % 4_000) as usize };
                        set(cache, random % 3_000, len);
                    }
                    writers.fetch_sub(1, SeqCst);
                });
            }
            while writers.load(SeqCst) > 0 {
                let used = cache.status().used;
                assert!(used <= CAPACITY, "{used} bytes used of {CAPACITY}");
            }
        });
        let totals = cache.status().totals;
        assert_eq!(totals.sets, 80_000);
        assert_eq!(cache.status().entries, totals.sets - totals.replaced - totals.evicted);
    }
}

#[test]
fn counters_stay_exact_while_wipes_race_sets_and_deletes() {
    for shards in [1, 8] {
        let cache = Cache::new(Options { shards: Some(shards), ..Options::bytes(1 << 20) }).unwrap();
        let deleted = AtomicU64::new(0);
        let writing = AtomicU64::new(3);
        thread::scope(|scope| {
            for thread in 0..3 {
                let (cache, deleted, writing) = (&cache, &deleted, &writing);
                scope.spawn(move || {
                    for step in 0..30_000 {
                        let random = scramble(thread, step);
                        set(cache, random % 5_000, 100);
                        let key = (random % 4_999).to_le_bytes();
                        deleted.fetch_add(u64::from(cache.delete(cache.key(&key), NOW)), SeqCst);
                    }
                    writing.fetch_sub(1, SeqCst);
                });
            }
            while writing.load(SeqCst) > 0 {
                cache.wipe();
            }
        });
        let totals = cache.status().totals;
        assert_eq!(totals.sets, 90_000);
        assert_eq!(totals.deleted, deleted.load(SeqCst));
        let gone = totals.replaced + totals.deleted + totals.evicted + totals.wiped;
        assert_eq!(cache.status().entries, totals.sets - gone);
        cache.wipe();
        assert_eq!((cache.status().entries, cache.status().used), (0, 0));
    }
}

#[test]
fn resizes_and_switches_race_everything_and_lose_nothing() {
    let cache = Cache::new(Options { shards: Some(4), ..Options::bytes(2 << 20) }).unwrap();
    let writing = AtomicU64::new(2);
    thread::scope(|scope| {
        for thread in 0..2 {
            let (cache, writing) = (&cache, &writing);
            scope.spawn(move || {
                for step in 0..40_000 {
                    let random = scramble(thread, step);
                    let key = (random % 9_000).to_le_bytes();
                    match random % 5 {
                        0 | 1 => set(cache, random % 9_000, (random % 1_000) as usize),
                        2 => _ = cache.set_ttl(cache.key(&key), Ttl::new(random % 50 + 1), NOW),
                        3 => _ = cache.maintain(Millis(step)),
                        _ => _ = cache.get(cache.key(&key), Millis(step), |_| ()),
                    }
                }
                writing.fetch_sub(1, SeqCst);
            });
        }
        let mut round = 0;
        while writing.load(SeqCst) > 0 {
            round += 1;
            let capacity = 1 << (17 + round % 5);
            cache.resize(capacity).unwrap();
            assert!(cache.status().used <= capacity);
            let policies = PolicyName::all_default();
            cache.switch(PolicyChoice::Fixed(policies[round as usize % policies.len()])).unwrap();
        }
    });
    let status = cache.status();
    let totals = status.totals;
    assert_eq!(status.entries, totals.sets - totals.replaced - totals.evicted - totals.expired);
    cache.resize(1).unwrap();
    assert_eq!((cache.status().entries, cache.status().used), (0, 0));
}

#[test]
fn others_are_served_between_the_steps_of_a_job() {
    const ENTRIES: u64 = 300_000;
    let cache = Cache::new(Options { shards: Some(1), ..Options::bytes(64 << 20) }).unwrap();
    for n in 0..ENTRIES {
        set(&cache, n, 16);
    }
    let served = |cache: &Cache, n: u64| {
        set(cache, ENTRIES + n, 16);
        cache.has(cache.key(&(ENTRIES + n).to_le_bytes()), NOW)
    };
    let mut steps = 0;
    let mut job = cache.start_switch(PolicyChoice::Fixed(PolicyName::Lfu)).unwrap();
    while job.step() == Progress::More {
        steps += 1;
        assert!(served(&cache, steps));
    }
    assert!(steps > 20, "a switch in {steps} steps");
    assert_eq!(cache.status().entries, ENTRIES + steps, "a switch keeps every entry");

    let used = cache.status().used;
    let mut job = cache.start_resize(used / 100).unwrap();
    let before = steps;
    while job.step() == Progress::More {
        steps += 1;
        assert!(served(&cache, steps));
        assert!(cache.status().used <= used);
    }
    assert!(steps - before > 100, "a resize in {} steps", steps - before);
    assert!(cache.status().used <= used / 100);
}

#[test]
fn a_reader_keeps_a_large_value_while_it_is_overwritten() {
    let cache = Cache::new(Options::bytes(1 << 20)).unwrap();
    let done = AtomicBool::new(false);
    set(&cache, 1, 50_000);
    thread::scope(|scope| {
        let (cache, done) = (&cache, &done);
        scope.spawn(move || {
            for step in 0..20_000 {
                let value = vec![step as u8; 50_000];
                let key = 1u64.to_le_bytes();
                cache.set(cache.key(&key), value.as_slice().into(), Kind::Opaque, None, NOW).unwrap();
            }
            done.store(true, SeqCst);
        });
        while !done.load(SeqCst) {
            let key = 1u64.to_le_bytes();
            let value = cache.get(cache.key(&key), NOW, |entry| entry.shared.cloned()).unwrap().unwrap();
            assert!(value.iter().all(|&byte| byte == value[0]), "a torn value");
        }
    });
}

/// Each needs more than half of the cache, and what has been evicted for one may be what the other lacks.
#[test]
fn large_sets_do_not_wait_for_each_other_for_ever() {
    for shards in [1, 8] {
        let cache = Cache::new(Options { shards: Some(shards), ..Options::bytes(1 << 20) }).unwrap();
        thread::scope(|scope| {
            for thread in 0..4 {
                let cache = &cache;
                scope.spawn(move || {
                    for step in 0..100 {
                        set(cache, thread, 600_000);
                        (0..5_000).for_each(|n| set(cache, scramble(thread, step * 5_000 + n), 10));
                    }
                });
            }
        });
        let status = cache.status();
        assert_eq!(status.totals.sets, 4 * 100 * 5_001);
        assert!(status.used <= 1 << 20);
    }
}
