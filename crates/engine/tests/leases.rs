//! Leases through the cache: exactly one winner however many try at once, on one shard and on many, and nothing between
//! leases and entries.

use std::sync::Barrier;
use std::thread;

use larder_engine::{Cache, Kind, Millis, Options, Ttl};

const THREADS: usize = 8;
const RACES: u64 = 2_000;

fn cache(shards: usize) -> Cache {
    Cache::new(Options { shards: Some(shards), ..Options::bytes(64 << 20) }).expect("a cache")
}

fn ms(ms: u64) -> Ttl {
    Ttl::new(ms).expect("not zero")
}

/// How many of so many threads `wins` at once, in each of many races.
fn winners(wins: impl Fn(u64, usize) -> bool + Sync) -> Vec<usize> {
    let barrier = Barrier::new(THREADS);
    let race = |thread: usize| {
        (0..RACES)
            .map(|race| {
                barrier.wait();
                wins(race, thread)
            })
            .collect::<Vec<_>>()
    };
    let race = &race;
    let outcomes: Vec<Vec<bool>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || race(thread))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    (0..RACES as usize).map(|race| outcomes.iter().filter(|outcome| outcome[race]).count()).collect()
}

#[test]
fn of_many_that_lock_at_once_exactly_one_wins() {
    for shards in [1, 8] {
        let cache = cache(shards);
        let won = winners(|race, thread| {
            let key = (race % 50).to_le_bytes();
            // Every lease has ended when its key comes round again.
            let now = Millis(race / 50 * 100);
            cache.lock(cache.key(&key), &[thread as u8], ms(100), now).expect("room")
        });
        assert!(won.iter().all(|&winners| winners == 1), "{shards} shards: {won:?}");
    }
}

#[test]
fn of_many_that_unlock_at_once_only_the_holder_does_and_only_once() {
    let cache = cache(8);
    for race in 0..RACES {
        let key = race.to_le_bytes();
        assert_eq!(cache.lock(cache.key(&key), b"holder", ms(1_000), Millis(0)), Ok(true));
    }
    let won = winners(|race, thread| {
        let token: &[u8] = if thread % 2 == 0 { b"holder" } else { b"hunter" };
        cache.unlock(cache.key(&race.to_le_bytes()), token, Millis(1))
    });
    assert!(won.iter().all(|&winners| winners == 1), "{won:?}");
    assert_eq!(cache.leases(Millis(1)), 0);
}

#[test]
fn a_lease_is_exact_to_the_millisecond() {
    let cache = cache(1);
    let key = cache.key(b"key");
    assert_eq!(cache.lock(key, b"a", ms(100), Millis(50)), Ok(true));
    assert_eq!(cache.lock(key, b"b", ms(100), Millis(149)), Ok(false));
    assert_eq!(cache.lock(key, b"a", ms(100), Millis(149)), Ok(false), "nor for its own holder");
    assert_eq!(cache.leases(Millis(149)), 1);
    assert_eq!(cache.leases(Millis(150)), 0);
    assert!(!cache.unlock(key, b"a", Millis(150)), "it is over");
    assert_eq!(cache.lock(key, b"b", ms(100), Millis(150)), Ok(true));
    assert!(!cache.unlock(key, b"a", Millis(151)), "another's");
    assert!(!cache.unlock(key, b"", Millis(151)));
    assert!(cache.unlock(key, b"b", Millis(151)));
    assert!(!cache.unlock(key, b"b", Millis(151)), "once");
}

#[test]
fn leases_and_entries_know_nothing_of_each_other() {
    let cache = cache(1);
    let (key, now) = (cache.key(b"key"), Millis(0));
    assert_eq!(cache.lock(key, b"a", ms(100), now), Ok(true));
    assert!(!cache.has(key, now));
    cache.set(key, b"value".into(), Kind::Opaque, None, now).expect("room");
    assert!(cache.delete(key, now));
    cache.wipe();
    assert_eq!(cache.leases(now), 1);
    assert_eq!(cache.status().used, 0, "the budget is for entries");
    assert!(cache.unlock(key, b"a", now));
}

#[test]
fn memory_of_ended_leases_comes_back_with_housekeeping() {
    let cache = cache(1);
    let lock_all = |from: u64, now: u64| {
        (from..from + larder_engine::limits::SHARD_LEASES_MAX as u64)
            .filter(|number| {
                cache.lock(cache.key(&number.to_le_bytes()), b"t", ms(10), Millis(now)) == Ok(true)
            })
            .count()
    };
    let max = larder_engine::limits::SHARD_LEASES_MAX;
    assert_eq!(lock_all(0, 0), max);
    assert_eq!(lock_all(1 << 32, 9), 0);
    while cache.maintain(Millis(1_000)) {}
    assert_eq!(lock_all(1 << 32, 1_000), max);
}
