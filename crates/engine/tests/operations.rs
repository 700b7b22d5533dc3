//! The calls on a cache, one behaviour at a time.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use larder_engine::{
    Cache, Capacity, Error, Kind, Millis, Options, PolicyChoice, PolicyName, Remaining, Renewed, Ttl, Value,
};

const NOW: Millis = Millis(1_000);

fn set(cache: &Cache, key: &[u8], value: &[u8]) {
    cache.set(cache.key(key), value.into(), Kind::Opaque, None, NOW).unwrap();
}

fn set_for(cache: &Cache, key: &[u8], value: &[u8], ttl_ms: u64, now: Millis) {
    cache.set(cache.key(key), value.into(), Kind::Opaque, Ttl::new(ttl_ms), now).unwrap();
}

fn get(cache: &Cache, key: &[u8], now: Millis) -> Option<Vec<u8>> {
    cache.get(cache.key(key), now, |entry| entry.value.to_vec())
}

fn fill(cache: &Cache, keys: std::ops::Range<u32>) {
    for n in keys {
        set(cache, &n.to_le_bytes(), b"value");
    }
}

fn present(cache: &Cache, keys: std::ops::Range<u32>) -> Vec<u32> {
    keys.filter(|n| cache.has(cache.key(&n.to_le_bytes()), NOW)).collect()
}

#[test]
fn a_value_of_any_size_reads_back() {
    let cache = Cache::new(Options::bytes(64 << 20)).unwrap();
    for len in [0, 1, 7, 64, 1_900, 2_020, 2_048, 5_000, 1 << 20] {
        for key_len in [0, 1, 16, 300, 2_000, 2_040, 5_000, 65_536] {
            let (key, value) = (vec![b'k'; key_len], vec![b'v'; len]);
            set(&cache, &key, &value);
            assert_eq!(get(&cache, &key, NOW), Some(value), "key of {key_len}, value of {len}");
            assert_eq!(cache.size(cache.key(&key), NOW), Some(len as u64));
        }
    }
    let status = cache.status();
    assert_eq!(status.entries, 8);
    cache.wipe();
    assert_eq!((cache.status().used, cache.status().entries), (0, 0));
}

#[test]
fn a_large_value_is_shared_and_not_copied() {
    let cache = Cache::new(Options::bytes(1 << 20)).unwrap();
    let value = bytes::Bytes::from(vec![7; 10_000]);
    let key = cache.key(b"large");
    cache.set(key, Value::Shared(value.clone()), Kind::Json, None, NOW).unwrap();
    let kept = cache.get(key, NOW, |entry| (entry.shared.cloned(), entry.kind)).unwrap();
    assert_eq!(kept.1, Kind::Json);
    assert_eq!(kept.0.unwrap().as_ptr(), value.as_ptr());
    assert!(cache.delete(key, NOW));
    assert_eq!(value.len(), 10_000, "what a reader keeps outlives the entry");
}

#[test]
fn an_entry_is_never_served_at_or_after_its_deadline() {
    let cache = Cache::new(Options::bytes(1 << 20)).unwrap();
    set_for(&cache, b"k", b"v", 100, NOW);
    assert_eq!(get(&cache, b"k", Millis(1_099)), Some(b"v".to_vec()));
    assert_eq!(cache.remaining(cache.key(b"k"), Millis(1_099)), Some(Remaining::For(Ttl::MIN)));
    assert_eq!(get(&cache, b"k", Millis(1_100)), None);
    assert_eq!(cache.status().totals.expired, 1);
    assert_eq!(cache.status().used, 0);
}

#[test]
fn a_set_without_ttl_clears_the_old_one() {
    let cache = Cache::new(Options::bytes(1 << 20)).unwrap();
    set_for(&cache, b"k", b"v", 100, NOW);
    set(&cache, b"k", b"w");
    assert_eq!(get(&cache, b"k", Millis(10_000)), Some(b"w".to_vec()));
    assert_eq!(cache.remaining(cache.key(b"k"), NOW), Some(Remaining::Forever));
}

#[test]
fn a_ttl_can_be_set_changed_and_cleared() {
    for len in [5, 5_000] {
        let cache = Cache::new(Options::bytes(1 << 20)).unwrap();
        let key = cache.key(b"k");
        assert!(!cache.set_ttl(key, Ttl::new(5), NOW));
        set(&cache, b"k", &vec![1; len]);
        assert!(cache.set_ttl(key, Ttl::new(50), NOW));
        assert!(cache.set_ttl(key, Ttl::new(500), NOW));
        assert!(cache.has(key, Millis(1_499)));
        assert!(cache.set_ttl(key, None, Millis(1_499)));
        assert_eq!(get(&cache, b"k", Millis(1 << 40)), Some(vec![1; len]));
        assert!(cache.set_ttl(key, Ttl::new(1), NOW));
        assert!(!cache.has(key, Millis(1_001)));
        assert_eq!(cache.status().used, 0);
    }
}

#[test]
fn an_entry_that_goes_to_make_room_for_its_own_deadline_is_not_said_to_have_one() {
    let cache = Cache::new(Options::bytes(1 << 20)).unwrap();
    set(&cache, b"k", b"v");
    cache.resize(cache.status().used).unwrap();
    let key = cache.key(b"k");
    assert!(cache.has(key, NOW));
    assert!(!cache.set_ttl(key, Ttl::new(50), NOW));
    assert!(!cache.has(key, NOW));
    set(&cache, b"k", b"v");
    assert_eq!(cache.renew(key, Ttl::MIN, Ttl::MIN, NOW), Renewed::Missing);
    assert_eq!((cache.status().used, cache.status().entries), (0, 0));
}

#[test]
fn expired_entries_are_reclaimed_without_being_read() {
    let cache = Cache::new(Options::bytes(8 << 20)).unwrap();
    for n in 0..20_000u32 {
        set_for(&cache, &n.to_le_bytes(), b"value", 100 + u64::from(n % 1_000), NOW);
    }
    while cache.maintain(Millis(1_500)) {}
    let later = cache.status();
    assert!((12_000..=13_300).contains(&later.entries), "{} entries left", later.entries);
    while cache.maintain(Millis(3_000)) {}
    let status = cache.status();
    assert_eq!((status.entries, status.used, status.totals.expired), (0, 0, 20_000));
}

#[test]
fn what_can_never_fit_is_refused_and_the_old_value_stays() {
    let cache = Cache::new(Options::bytes(10_000)).unwrap();
    set(&cache, b"k", b"old");
    let refused = cache.set(cache.key(b"k"), (&[0; 10_000]).into(), Kind::Opaque, None, NOW);
    assert!(matches!(refused, Err(Error::ValueTooLarge { capacity: 10_000, .. })), "{refused:?}");
    assert_eq!(cache.admits(1, 10_000, false), refused);
    assert_eq!(get(&cache, b"k", NOW), Some(b"old".to_vec()));
    assert_eq!((cache.status().totals.sets, cache.status().totals.refused), (1, 1));
    let long = vec![0; 65_537];
    let refused = cache.set(cache.key(&long), b"v".into(), Kind::Opaque, None, NOW);
    assert_eq!(refused, Err(Error::KeyTooLong { len: 65_537, max: 65_536 }));
}

#[test]
fn the_largest_value_that_is_admitted_fits() {
    let cache = Cache::new(Options::bytes(100_000)).unwrap();
    let largest = (0..100_000u64).rev().find(|&len| cache.admits(1, len, true).is_ok()).unwrap();
    set_for(&cache, b"k", &vec![0; largest as usize], 5, NOW);
    assert!(cache.has(cache.key(b"k"), NOW));
    assert!(cache.status().used <= 100_000);
}

#[test]
fn used_never_exceeds_the_capacity_whatever_the_sizes() {
    let cache = Cache::new(Options { shards: Some(8), ..Options::bytes(1 << 20) }).unwrap();
    let mut size = 1;
    for n in 0..50_000u32 {
        size = (size * 31 + 7) % if n % 100 == 0 { 900_000 } else { 3_000 };
        set(&cache, &(n % 700).to_le_bytes(), &vec![1; size]);
        assert!(cache.status().used <= 1 << 20);
        assert_eq!(cache.size(cache.key(&(n % 700).to_le_bytes()), NOW), Some(size as u64));
    }
    let status = cache.status();
    assert_eq!(status.totals.sets, 50_000);
    let gone = status.totals.evicted + status.totals.replaced;
    assert_eq!(status.entries, status.totals.sets - gone);
}

#[test]
fn a_resize_keeps_the_newest_and_what_is_used_within_the_capacity() {
    let cache = Cache::new(Options::entries(1_000)).unwrap();
    fill(&cache, 0..1_000);
    cache.resize(100).unwrap();
    assert_eq!(present(&cache, 0..1_000), (900..1_000).collect::<Vec<_>>());
    assert_eq!(cache.status().used, 100);
    cache.resize(200).unwrap();
    fill(&cache, 1_000..1_300);
    assert_eq!(present(&cache, 0..1_300), (1_100..1_300).collect::<Vec<_>>());
    assert_eq!(cache.resize(0), Err(Error::ZeroCapacity));
    assert_eq!(cache.status().capacity, Capacity::Entries(200));
}

#[test]
fn counters_tell_the_causes_apart_and_a_wipe_starts_them_anew() {
    let cache = Cache::new(Options::entries(10)).unwrap();
    fill(&cache, 0..12);
    set(&cache, &11u32.to_le_bytes(), b"again");
    get(&cache, &11u32.to_le_bytes(), NOW);
    get(&cache, b"absent", NOW);
    assert!(cache.delete(cache.key(&11u32.to_le_bytes()), NOW));
    assert!(!cache.delete(cache.key(&11u32.to_le_bytes()), NOW));
    let before = cache.status();
    let totals = before.totals;
    assert_eq!((totals.hits, totals.misses, totals.sets, totals.replaced), (1, 1, 13, 1));
    assert_eq!((totals.deleted, totals.evicted, before.entries), (1, 2, 9));
    assert_eq!(before.miss_ratio(), 0.5);
    cache.wipe();
    let after = cache.status();
    assert_eq!((after.since_wipe.gets(), after.since_wipe.sets, after.since_wipe.deleted), (0, 0, 0));
    assert_eq!((after.totals.wiped, after.totals.sets, after.entries, after.used), (9, 13, 0, 0));
    assert_eq!(after.miss_ratio(), 1.0);
}

#[test]
fn a_switch_keeps_every_entry_and_rules_the_next_eviction() {
    for from in PolicyName::all_default() {
        for to in PolicyName::all_default() {
            let options = Options { policy: PolicyChoice::Fixed(from), ..Options::entries(100) };
            let cache = Cache::new(options).unwrap();
            fill(&cache, 0..100);
            // 0..50 are used in reverse, so that the orders of insertion and of last use differ.
            for n in (0..50u32).rev() {
                get(&cache, &n.to_le_bytes(), NOW);
            }
            cache.switch(PolicyChoice::Fixed(to)).unwrap();
            assert_eq!(present(&cache, 0..100).len(), 100, "{from} to {to}");
            assert_eq!(cache.status().policy, to);
            fill(&cache, 100..101);
            let gone: Vec<u32> =
                (0..100u32).filter(|n| !cache.has(cache.key(&n.to_le_bytes()), NOW)).collect();
            let expected = match to {
                PolicyName::Fifo => Some(0),
                PolicyName::Lru | PolicyName::Lfu => Some(50),
                PolicyName::Mru => Some(0),
                PolicyName::Clock | PolicyName::Sieve => Some(50),
                _ => None,
            };
            assert_eq!(gone.len(), 1, "{from} to {to}");
            if let Some(expected) = expected {
                assert_eq!(gone, [expected], "{from} to {to}");
            }
        }
    }
}

#[test]
fn auto_is_remembered_until_a_policy_is_named() {
    let cache = Cache::new(Options { policy: PolicyChoice::Auto, ..Options::entries(10) }).unwrap();
    assert!(cache.status().is_auto);
    cache.switch(PolicyChoice::Fixed(PolicyName::Fifo)).unwrap();
    assert!(!cache.status().is_auto);
    cache.switch(PolicyChoice::Auto).unwrap();
    assert_eq!((cache.status().is_auto, cache.status().policy), (true, PolicyName::Fifo));
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let lru = PolicyName::Lru;
    let one = |policies: &[PolicyName], policy| Options {
        policies: policies.to_vec(),
        policy,
        ..Options::bytes(100)
    };
    let refused = |options: Options| Cache::new(options).err();
    assert_eq!(refused(Options::bytes(0)), Some(Error::ZeroCapacity));
    assert_eq!(refused(one(&[], PolicyChoice::Auto)), Some(Error::NoPolicies));
    assert_eq!(refused(one(&[lru, lru], PolicyChoice::Auto)), Some(Error::DuplicatePolicy(lru)));
    let arc = PolicyName::Arc;
    assert_eq!(refused(one(&[lru], PolicyChoice::Fixed(arc))), Some(Error::UnconfiguredPolicy(arc)));
    assert_eq!(refused(Options { shards: Some(3), ..Options::bytes(100) }), Some(Error::Shards(3)));
    assert_eq!(refused(Options { shards: Some(2_048), ..Options::bytes(100) }), Some(Error::Shards(2_048)));
    let cache = Cache::new(one(&[lru], PolicyChoice::Auto)).unwrap();
    assert_eq!(cache.switch(PolicyChoice::Fixed(arc)), Err(Error::UnconfiguredPolicy(arc)));
}

#[test]
fn a_refused_policy_changes_nothing() {
    let lru = PolicyName::Lru;
    let options = Options { policies: vec![lru], policy: PolicyChoice::Auto, ..Options::entries(10) };
    let cache = Cache::new(options).unwrap();
    assert!(cache.switch(PolicyChoice::Fixed(PolicyName::Arc)).is_err());
    assert!(cache.status().is_auto);
}

#[test]
fn switches_that_nobody_drives_to_the_end_pile_up_without_harm() {
    let policies = PolicyName::all_default();
    let cache = Cache::new(Options::entries(16_000)).unwrap();
    fill(&cache, 0..16_000);
    for round in 0..600u32 {
        let policy = policies[round as usize % policies.len()];
        let mut job = cache.start_switch(PolicyChoice::Fixed(policy)).unwrap();
        // A few steps at most: each switch begins while the one before is collecting, sorting or linking.
        for _ in 0..round % 7 {
            let _ = job.step();
        }
        fill(&cache, 16_000 + round * 20..16_020 + round * 20);
        assert_eq!(cache.status().entries, 16_000);
    }
    cache.switch(PolicyChoice::Fixed(PolicyName::Lru)).unwrap();
    cache.resize(1_000).unwrap();
    assert_eq!(cache.status().entries, 1_000);
}

#[test]
fn a_switch_of_an_empty_cache_leaves_nothing_behind() {
    for wipe in [false, true] {
        let cache = Cache::new(Options { shards: Some(8), ..Options::entries(100) }).unwrap();
        if wipe {
            fill(&cache, 0..50);
            cache.wipe();
        }
        let _never_driven = cache.start_switch(PolicyChoice::Fixed(PolicyName::Sieve)).unwrap();
        cache.resize(10).unwrap();
        fill(&cache, 0..100);
        assert_eq!(cache.status().entries, 10);
    }
}

#[test]
fn a_resize_finds_victims_whatever_a_switch_to_mru_has_left_waiting() {
    for steps in 0..12 {
        let cache = Cache::new(Options { shards: Some(1), ..Options::entries(4_096) }).unwrap();
        fill(&cache, 0..4_096);
        let mut job = cache.start_switch(PolicyChoice::Fixed(PolicyName::Mru)).unwrap();
        (0..steps).for_each(|_| _ = job.step());
        cache.resize(1_000).unwrap();
        assert_eq!(cache.status().entries, 1_000, "after {steps} steps");
    }
}

#[test]
fn a_resize_that_nobody_drives_to_the_end_is_finished_by_maintenance() {
    let cache = Cache::new(Options { shards: Some(8), ..Options::entries(40_000) }).unwrap();
    fill(&cache, 0..40_000);
    drop(cache.start_resize(1_000).unwrap());
    while cache.maintain(NOW) {}
    assert_eq!(cache.status().used, 1_000);
}

#[test]
fn a_value_over_many_small_entries_finds_room_in_every_shard() {
    let cache = Cache::new(Options { shards: Some(8), ..Options::bytes(8 << 20) }).unwrap();
    fill(&cache, 0..100_000);
    set(&cache, b"large", &vec![1; 7 << 20]);
    assert_eq!(cache.size(cache.key(b"large"), NOW), Some(7 << 20));
    let status = cache.status();
    assert!(status.used <= 8 << 20);
    assert!(status.used > 7 << 20, "what was not needed is still there: {}", status.used);
}

#[test]
fn lengths_beyond_reason_are_refused_and_not_added_up() {
    let cache = Cache::new(Options::bytes(u64::MAX)).unwrap();
    for len in [u64::MAX, u64::MAX - 20, 1 << 63] {
        assert!(Cache::new(Options::bytes(1 << 62)).unwrap().admits(0, len, true).is_err(), "{len}");
    }
    assert!(cache.admits(0, 1 << 62, true).is_ok());
}
