//! Sets of values for which thousands of small entries have to go, in steps between which others get at the cache.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::sync::Arc;

use bytes::Bytes;
use larder_engine::limits::STEP_EVICTIONS_MAX;
use larder_engine::{Cache, Error, Kind, Millis, Options, PolicyChoice, PolicyName, Progress, Storing, Ttl};

const NOW: Millis = Millis(1);
/// Little more than a value whose length is a power of two.
const CAPACITY: u64 = (8 << 20) + 256;

/// Full of small entries, so many that no step could evict them all.
fn full(shards: usize, policy: PolicyName) -> Arc<Cache> {
    let policy = PolicyChoice::Fixed(policy);
    let options = Options { shards: Some(shards), policy, ..Options::bytes(CAPACITY) };
    let cache = Arc::new(Cache::new(options).unwrap());
    (0..200_000).for_each(|key| set_small(&cache, key));
    assert!(cache.status().totals.evicted > 0, "it is full");
    cache
}

fn set_small(cache: &Cache, key: u64) {
    let key = key.to_le_bytes();
    cache.set(cache.key(&key), b"small".into(), Kind::Opaque, None, NOW).unwrap();
}

fn start(cache: &Arc<Cache>, key: &[u8], len: usize) -> Result<Storing, Error> {
    cache.start_set(cache.key(key), Bytes::from(vec![7; len]), Kind::Json, None, NOW)
}

fn len_of(cache: &Cache, key: &[u8]) -> Option<u64> {
    cache.size(cache.key(key), NOW)
}

/// The longest value that fits under a key of five bytes.
fn longest(cache: &Cache) -> usize {
    (0..CAPACITY).rev().find(|len| cache.admits(5, *len, false).is_ok()).unwrap() as usize
}

/// Steps to the end; how many there were. Calls `between` after each but the last.
fn drive(cache: &Cache, storing: &mut Storing, mut between: impl FnMut(u64)) -> u64 {
    let mut steps = 0;
    loop {
        let before = cache.status().totals.evicted;
        let progress = storing.step(NOW).unwrap();
        let status = cache.status();
        let evicted = status.totals.evicted - before;
        assert!(evicted <= STEP_EVICTIONS_MAX, "{evicted} evicted in one step");
        assert!(status.used <= status.capacity.amount(), "{} used", status.used);
        if progress == Progress::Done {
            return steps;
        }
        steps += 1;
        between(steps);
    }
}

#[test]
fn no_step_evicts_more_than_a_bound_and_in_the_end_the_value_is_there() {
    for policy in PolicyName::all_default() {
        for shards in [1, 8] {
            let cache = full(shards, policy);
            let mut storing = start(&cache, b"large", CAPACITY as usize / 2).unwrap();
            let steps = drive(&cache, &mut storing, |_| assert_eq!(len_of(&cache, b"large"), None));
            assert!(steps > 50, "{steps} steps under {policy}");
            assert_eq!(len_of(&cache, b"large"), Some(CAPACITY / 2));
            assert!(cache.status().entries > 10_000, "no more went than had to");
        }
    }
}

#[test]
fn others_read_and_write_between_the_steps_and_cannot_hold_it_up() {
    for shards in [1, 8] {
        let cache = full(shards, PolicyName::Lru);
        let longest = longest(&cache);
        let mut storing = start(&cache, b"large", longest).unwrap();
        drive(&cache, &mut storing, |step| {
            (0..200).for_each(|n| set_small(&cache, step * 200 + n));
            assert_eq!(len_of(&cache, &(step * 200 + 199).to_le_bytes()), Some(5), "the newest is there");
        });
        assert_eq!(len_of(&cache, b"large"), Some(longest as u64));
    }
}

#[test]
fn two_that_cannot_both_fit_are_both_stored_one_after_the_other() {
    for shards in [1, 8] {
        let cache = full(shards, PolicyName::Fifo);
        let longest = longest(&cache);
        let [mut one, mut other] = [&b"one.."[..], b"other"].map(|key| start(&cache, key, longest).unwrap());
        let mut done = [false; 2];
        for _ in 0..10_000 {
            for (storing, done) in [&mut one, &mut other].into_iter().zip(&mut done) {
                *done = *done || storing.step(NOW).unwrap() == Progress::Done;
            }
        }
        assert_eq!(done, [true; 2]);
        assert_eq!(cache.status().entries, 1);
    }
}

/// What lies with a large set that nobody drives is there for those who find nothing else.
#[test]
fn a_set_that_stands_still_holds_nobody_up() {
    for shards in [1, 8] {
        let cache = full(shards, PolicyName::Lru);
        let mut storing = start(&cache, b"large", longest(&cache)).unwrap();
        while cache.status().entries > 1_000 {
            assert_eq!(storing.step(NOW).unwrap(), Progress::More);
        }
        let medium = CAPACITY as usize / 2;
        cache.set(cache.key(b"m"), vec![7; medium].as_slice().into(), Kind::Opaque, None, NOW).unwrap();
        assert_eq!(len_of(&cache, b"m"), Some(medium as u64));
        cache.resize(CAPACITY / 2 + CAPACITY / 8).unwrap();
        assert!(cache.status().used <= CAPACITY / 2 + CAPACITY / 8);
        assert!(matches!(storing.step(NOW), Err(Error::ValueTooLarge { .. })), "too large by now");
    }
}

#[test]
fn a_set_that_is_given_up_leaves_the_old_value_and_gives_back_what_it_gathered() {
    for shards in [1, 8] {
        let cache = full(shards, PolicyName::Lru);
        let mut storing = start(&cache, b"large", CAPACITY as usize / 2).unwrap();
        for _ in 0..5 {
            assert_eq!(storing.step(NOW).unwrap(), Progress::More);
        }
        cache.set(cache.key(b"large"), b"old".into(), Kind::Opaque, None, NOW).unwrap();
        assert_eq!(storing.step(NOW).unwrap(), Progress::More);
        assert_eq!(len_of(&cache, b"large"), Some(3));
        drop(storing);
        cache.wipe();
        assert_eq!(cache.status().used, 0);
    }
}

#[test]
fn what_can_never_fit_is_refused_at_the_start_and_time_counts_from_the_end() {
    let cache = full(1, PolicyName::Lru);
    assert!(matches!(start(&cache, b"large", CAPACITY as usize), Err(Error::ValueTooLarge { .. })));
    assert_eq!(cache.status().totals.refused, 1);
    let life = Ttl::new(1_000).map(Into::into);
    let value = Bytes::from(vec![7; CAPACITY as usize / 2]);
    let mut storing = cache.start_set(cache.key(b"large"), value, Kind::Json, life, NOW).unwrap();
    let mut now = NOW;
    while storing.step(now).unwrap() == Progress::More {
        now.0 += 100;
    }
    let read = |now| cache.get(cache.key(b"large"), now, |entry| (entry.value.len() as u64, entry.kind));
    assert_eq!(read(Millis(now.0 + 999)), Some((CAPACITY / 2, Kind::Json)));
    assert_eq!(read(Millis(now.0 + 1_000)), None);
}
