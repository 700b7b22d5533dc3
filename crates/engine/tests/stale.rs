//! The stale window: which calls see an entry when, beside a model of plain arithmetic.

use std::collections::BTreeMap;

use larder_engine::{Cache, Entry, Expiry, Kind, Lifetime, Millis, Options, Remaining, Renewed, Ttl};
use proptest::prelude::*;

fn life(ttl_ms: u64, stale_ms: u32) -> Lifetime {
    Lifetime { ttl: ttl(ttl_ms), stale_ms }
}

fn ttl(ms: u64) -> Ttl {
    Ttl::new(ms).expect("not zero")
}

fn cache() -> Cache {
    Cache::new(Options::bytes(32 << 20)).expect("a cache")
}

#[test]
fn an_entry_is_fresh_then_stale_then_gone() {
    let cache = cache();
    let key = cache.key(b"key");
    cache.set_for(key, b"value".into(), Kind::Json, Some(life(100, 50)), Millis(10)).expect("room");
    let fresh = |now| cache.get(key, Millis(now), |entry| entry.value.to_vec());
    let stale =
        |now| cache.get_stale(key, Millis(now), |entry| (entry.value.to_vec(), entry.kind, entry.expiry));
    let expiry = Some(Expiry { evict_at: Millis(160), stale_ms: 50 });
    assert_eq!(expiry.map(Expiry::fresh_until), Some(Millis(110)));
    for now in [10, 109, 110, 159] {
        assert_eq!(stale(now), Some((b"value".to_vec(), Kind::Json, expiry)), "{now}");
    }
    assert_eq!(fresh(109), Some(b"value".to_vec()));
    assert_eq!(cache.remaining(key, Millis(109)), Some(Remaining::For(ttl(1))));
    // From here on the entry is not there for those who could not be told that it is stale.
    assert_eq!(fresh(110), None);
    assert_eq!(cache.remaining(key, Millis(110)), None);
    assert!(!cache.has(key, Millis(110)));
    assert!(!cache.set_ttl(key, None, Millis(110)));
    assert_eq!(cache.peek_stale(key, Millis(159), |_| ()), Some(()));
    assert_eq!(stale(160), None);
    assert_eq!(cache.status().used, 0, "and its memory is back");
}

#[test]
fn a_stale_window_costs_nothing_where_there_is_none() {
    // Values of many lengths, because cells come in steps.
    let used = |set: &dyn Fn(&Cache, u8)| {
        let cache = cache();
        (0..200).for_each(|len| set(&cache, len));
        cache.status().used
    };
    let used_with = |life| {
        used(&|cache, len| {
            let value = vec![0; len.into()];
            cache.set_for(cache.key(&[len]), value[..].into(), Kind::Opaque, life, Millis(0)).expect("room");
        })
    };
    let plain = used(&|cache, len| {
        let value = vec![0; len.into()];
        cache.set(cache.key(&[len]), value[..].into(), Kind::Opaque, Some(ttl(9)), Millis(0)).expect("room");
    });
    assert_eq!(used_with(Some(life(9, 0))), plain);
    assert!(used_with(Some(life(9, 1))) > plain);
}

#[test]
fn renewing_keeps_the_window_and_revives_nothing() {
    let cache = cache();
    let key = cache.key(b"key");
    let renew = |ms, now| cache.renew(key, ttl(ms), ttl(1_000), Millis(now));
    assert_eq!(renew(10, 0), Renewed::Missing);
    cache.set(key, b"value".into(), Kind::Opaque, None, Millis(0)).expect("room");
    assert_eq!(renew(1_001, 0), Renewed::TooLong { stale_ms: 0 });
    assert_eq!(renew(1_000, 0), Renewed::Done);
    assert_eq!(cache.remaining(key, Millis(0)), Some(Remaining::For(ttl(1_000))));
    cache.set_for(key, b"value".into(), Kind::Opaque, Some(life(100, 300)), Millis(0)).expect("room");
    assert_eq!(renew(701, 50), Renewed::TooLong { stale_ms: 300 });
    assert_eq!(renew(700, 50), Renewed::Done);
    let expiry = cache.peek_stale(key, Millis(50), |entry| entry.expiry);
    assert_eq!(expiry, Some(Some(Expiry { evict_at: Millis(1_050), stale_ms: 300 })));
    assert_eq!(renew(10, 750), Renewed::Stale);
    assert_eq!(renew(10, 1_050), Renewed::Missing);
}

#[test]
fn a_stale_entry_is_replaced_and_deleted_like_any_other() {
    let cache = cache();
    let key = cache.key(b"key");
    let stale_at_five = || {
        cache.set_for(key, b"old".into(), Kind::Opaque, Some(life(1, 100)), Millis(0)).expect("room");
    };
    stale_at_five();
    assert!(cache.delete(key, Millis(5)));
    stale_at_five();
    cache.set(key, b"new".into(), Kind::Opaque, None, Millis(5)).expect("room");
    assert_eq!(cache.status().entries, 1);
    assert_eq!(cache.get(key, Millis(500), |entry| entry.value.to_vec()), Some(b"new".to_vec()));
}

#[derive(Clone, Debug)]
enum Step {
    Set { key: u8, len: usize, life: Option<(u64, u32)> },
    Read { key: u8 },
    SetTtl { key: u8, ms: Option<u64> },
    Renew { key: u8, ms: u64 },
    Delete { key: u8 },
    Advance { ms: u64 },
    Maintain,
}

fn step() -> impl Strategy<Value = Step> {
    let key = 0..12u8;
    // In the cell, at its limit, and in an allocation of its own.
    let len = prop_oneof![0..40usize, 1_990..2_040usize, Just(5_000)];
    let life = prop::option::of((1..400u64, prop_oneof![Just(0), 1..400u32]));
    prop_oneof![
        4 => (key.clone(), len, life).prop_map(|(key, len, life)| Step::Set { key, len, life }),
        4 => key.clone().prop_map(|key| Step::Read { key }),
        1 => (key.clone(), prop::option::of(1..400u64)).prop_map(|(key, ms)| Step::SetTtl { key, ms }),
        2 => (key.clone(), 1..700u64).prop_map(|(key, ms)| Step::Renew { key, ms }),
        1 => key.prop_map(|key| Step::Delete { key }),
        3 => (0..200u64).prop_map(|ms| Step::Advance { ms }),
        1 => Just(Step::Maintain),
    ]
}

/// A value, and until when it is fresh and when it ends.
type Written = (Vec<u8>, Option<(u64, u64)>);

proptest! {
    #[test]
    fn entries_live_as_the_model_says(steps in prop::collection::vec(step(), 1..200)) {
        let cache = cache();
        let (mut model, mut now) = (BTreeMap::<u8, Written>::new(), 0);
        let longest = 800;
        for (number, step) in steps.into_iter().enumerate() {
            model.retain(|_, (_, end)| end.is_none_or(|(_, gone)| gone > now));
            let fresh = |model: &BTreeMap<u8, Written>, key| {
                model.get(key).is_some_and(|(_, end)| end.is_none_or(|(fresh, _)| fresh > now))
            };
            let at = Millis(now);
            match step {
                Step::Set { key, len, life: lives } => {
                    let value = vec![number as u8; len];
                    let lives = lives.map(|(ttl, stale)| life(ttl, stale));
                    let handle = [key];
                    cache.set_for(cache.key(&handle), value[..].into(), Kind::Opaque, lives, at).expect("room");
                    let end = |life: Lifetime| {
                        let fresh = now + life.ttl.get();
                        (fresh, fresh + u64::from(life.stale_ms))
                    };
                    model.insert(key, (value, lives.map(end)));
                }
                Step::Read { key } => {
                    let (handle, look) = ([key], |entry: Entry<'_>| (entry.value.to_vec(), entry.expiry));
                    let read = cache.get_stale(cache.key(&handle), at, look);
                    let ends = |expiry: Expiry| (expiry.fresh_until().0, expiry.evict_at.0);
                    prop_assert_eq!(read.map(|(value, expiry)| (value, expiry.map(ends))), model.get(&key).cloned());
                    prop_assert_eq!(cache.get(cache.key(&handle), at, |_| ()).is_some(), fresh(&model, &key));
                }
                Step::SetTtl { key, ms } => {
                    let set = cache.set_ttl(cache.key(&[key]), ms.map(ttl), at);
                    prop_assert_eq!(set, fresh(&model, &key));
                    if set && let Some((_, end)) = model.get_mut(&key) {
                        *end = ms.map(|ms| (now + ms, now + ms));
                    }
                }
                Step::Renew { key, ms } => {
                    let renewed = cache.renew(cache.key(&[key]), ttl(ms), ttl(longest), at);
                    let is_fresh = fresh(&model, &key);
                    let expected = match model.get_mut(&key) {
                        None => Renewed::Missing,
                        Some(_) if !is_fresh => Renewed::Stale,
                        Some((_, end)) => {
                            let window = end.map_or(0, |(fresh, gone)| gone - fresh);
                            if ms + window > longest {
                                Renewed::TooLong { stale_ms: window as u32 }
                            } else {
                                *end = Some((now + ms, now + ms + window));
                                Renewed::Done
                            }
                        }
                    };
                    prop_assert_eq!(renewed, expected);
                }
                Step::Delete { key } => {
                    prop_assert_eq!(cache.delete(cache.key(&[key]), at), model.remove(&key).is_some());
                }
                Step::Advance { ms } => now += ms,
                Step::Maintain => while cache.maintain(at) {},
            }
        }
        cache.wipe();
        prop_assert_eq!(cache.status().used, 0, "what was charged is given back");
    }
}
