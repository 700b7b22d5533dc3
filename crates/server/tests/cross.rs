//! PaperCache and Seriput on the same entries. Single steps are in the scripts `cross_*`; here is what takes many entries,
//! many clients or any order.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::{collections::HashMap, thread};

use larder_wire::paper::Request;
use proptest::prelude::*;
use support::{
    TestServer,
    seriput::{Told, json},
};

#[test]
fn what_either_evicts_is_gone_for_both_and_both_are_counted_together() {
    for paper_first in [true, false] {
        let server = TestServer::start_both(|config| config.max_size = 20_000);
        let (mut paper, mut seriput) = (server.client(), server.seriput());
        let value = json(100);
        for index in 0..1000u32 {
            let key = index.to_string();
            if (index % 2 == 0) == paper_first {
                paper.set(key.as_bytes(), &value).unwrap();
            } else {
                assert_eq!(seriput.put(&key, &value), Told::Ok);
            }
            assert!(paper.status().used_size <= 20_000);
        }
        let status = paper.status();
        assert_eq!(status.sets, 1000);
        let mut there = 0;
        for index in 0..1000u32 {
            let key = index.to_string();
            let by_paper = paper.get(key.as_bytes());
            let by_seriput = match seriput.get(&key) {
                Told::Value(value) => Some(value),
                Told::NotFound => None,
                other => panic!("{other:?}"),
            };
            assert_eq!(by_paper, by_seriput, "{key}");
            there += u64::from(by_paper.is_some());
        }
        assert_eq!(there, status.num_objects);
        assert!((50..500).contains(&there), "the oldest are gone, the newest are there: {there}");
        assert_eq!(paper.status().gets, 2000);
    }
}

#[test]
fn a_write_through_one_is_seen_through_the_other_as_soon_as_it_is_answered() {
    let server = TestServer::start_both(|config| config.workers = 3);
    thread::scope(|scope| {
        for lane in 0..4 {
            let (mut paper, mut seriput) = (server.client(), server.seriput());
            scope.spawn(move || {
                let key = format!("lane {lane}");
                for round in 0..500u32 {
                    let text = round.to_string().into_bytes();
                    assert_eq!(seriput.put(&key, &text), Told::Ok);
                    assert_eq!(paper.get(key.as_bytes()), Some(text.clone()));
                    paper.set(key.as_bytes(), b"[]").unwrap();
                    assert_eq!(seriput.get(&key), Told::Value(b"[]".to_vec()));
                    assert_eq!(seriput.delete(&key), Told::Ok);
                    assert_eq!(paper.get(key.as_bytes()), None);
                }
            });
        }
    });
}

#[test]
fn a_delete_has_one_winner_whatever_is_spoken() {
    let server = TestServer::start_both(|config| config.workers = 3);
    for round in 0..50 {
        assert_eq!(server.seriput().put("key", b"1"), Told::Ok);
        let winners: usize = thread::scope(|scope| {
            let threads: Vec<_> = (0..6)
                .map(|index| {
                    let (mut paper, mut seriput) = (server.client(), server.seriput());
                    scope.spawn(move || match index % 2 {
                        0 => paper.call(Request::Del { key: b"key" }).is_ok(),
                        _ => seriput.delete("key") == Told::Ok,
                    })
                })
                .collect();
            threads.into_iter().map(|thread| usize::from(thread.join().unwrap())).sum()
        });
        assert_eq!(winners, 1, "round {round}");
    }
}

/// A step of a client that speaks one of the two.
#[derive(Clone, Debug)]
enum Step {
    PaperSet(u8, Vec<u8>),
    PaperGet(u8),
    PaperDel(u8),
    SeriputPut(u8, Vec<u8>),
    SeriputGet(u8),
    SeriputDelete(u8),
}

/// JSON texts and other bytes, of lengths that the cache keeps in different ways.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let len = prop_oneof![2usize..200, 2_000usize..2_200, 16_300usize..16_500];
    (len, any::<bool>()).prop_map(|(len, is_json)| {
        let mut value = json(len);
        if !is_json {
            value[len - 1] = b'x';
        }
        value
    })
}

fn step() -> impl Strategy<Value = Step> {
    let key = 0u8..4;
    prop_oneof![
        (key.clone(), value()).prop_map(|(key, value)| Step::PaperSet(key, value)),
        key.clone().prop_map(Step::PaperGet),
        key.clone().prop_map(Step::PaperDel),
        (key.clone(), value()).prop_map(|(key, value)| Step::SeriputPut(key, value)),
        key.clone().prop_map(Step::SeriputGet),
        key.prop_map(Step::SeriputDelete),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn in_any_order_both_see_one_cache(steps in prop::collection::vec(step(), 1..60)) {
        let server = TestServer::start_both(|config| config.workers = 1);
        let (mut paper, mut seriput) = (server.client(), server.seriput());
        let mut model: HashMap<u8, Vec<u8>> = HashMap::new();
        let is_json = |value: &[u8]| serde_json::from_slice::<serde_json::Value>(value).is_ok();
        for step in steps {
            match step {
                Step::PaperSet(key, value) => {
                    paper.set(key.to_string().as_bytes(), &value).unwrap();
                    model.insert(key, value);
                }
                Step::PaperGet(key) => {
                    prop_assert_eq!(paper.get(key.to_string().as_bytes()), model.get(&key).cloned());
                }
                Step::PaperDel(key) => {
                    let deleted = paper.call(Request::Del { key: key.to_string().as_bytes() }).is_ok();
                    prop_assert_eq!(deleted, model.remove(&key).is_some());
                }
                Step::SeriputPut(key, value) => {
                    let told = seriput.put(&key.to_string(), &value);
                    if is_json(&value) {
                        prop_assert_eq!(told, Told::Ok);
                        model.insert(key, value);
                    } else {
                        prop_assert!(matches!(told, Told::Invalid { code: 8, .. }), "{:?}", told);
                    }
                }
                Step::SeriputGet(key) => {
                    let told = seriput.get(&key.to_string());
                    match model.get(&key) {
                        None => prop_assert_eq!(told, Told::NotFound),
                        Some(value) if is_json(value) => prop_assert_eq!(told, Told::Value(value.clone())),
                        Some(_) => prop_assert!(matches!(told, Told::Internal { code: 101, .. }), "{:?}", told),
                    }
                }
                Step::SeriputDelete(key) => {
                    let deleted = seriput.delete(&key.to_string()) == Told::Ok;
                    prop_assert_eq!(deleted, model.remove(&key).is_some());
                }
            }
        }
    }
}
