//! How long the operations of each policy take, in a full cache of a million entries on one thread: a hit, and a miss with the
//! set and the eviction that follow it. `bench/instructions.sh` counts the instructions of the same.
#![allow(missing_docs, reason = "the macros below document nothing")]
#![allow(clippy::unwrap_used, reason = "a benchmark may panic")]

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use larder_engine::{Cache, Kind, Millis, Options, PolicyChoice, PolicyName, Progress};
use std::hint::black_box;

const NOW: Millis = Millis(1);
/// Entries that fill the cache; keys of eight bytes, values of 64.
const ENTRIES: u64 = 1_000_000;
const CAPACITY: u64 = ENTRIES * 128;

/// A number that looks random, for each `n` its own.
fn scatter(n: u64) -> u64 {
    n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20
}

fn set(cache: &Cache, key: u64) {
    let key = key.to_le_bytes();
    cache.set(cache.key(&key), [7; 64].as_slice().into(), Kind::Opaque, None, NOW).unwrap();
}

fn get(cache: &Cache, key: u64) -> Option<u8> {
    let key = key.to_le_bytes();
    cache.get(cache.key(&key), NOW, |entry| entry.value[0])
}

/// Full, with some of its entries used more than others.
fn full(policy: PolicyName) -> Cache {
    let policy = PolicyChoice::Fixed(policy);
    let cache = Cache::new(Options { policy, ..Options::bytes(CAPACITY) }).unwrap();
    let mut key = 0;
    while cache.status().totals.evicted == 0 {
        for _ in 0..10_000 {
            set(&cache, key);
            get(&cache, scatter(key) % (key + 1));
            key += 1;
        }
    }
    cache
}

fn operations(c: &mut Criterion) {
    for policy in PolicyName::all_default() {
        let cache = full(policy);
        let here: Vec<u64> = (0..2 * ENTRIES).filter(|key| get(&cache, *key).is_some()).collect();
        let mut group = c.benchmark_group(policy.to_string());
        let mut step = 0;
        group.bench_function("hit", |b| {
            b.iter(|| {
                step += 1;
                black_box(get(&cache, here[scatter(step) as usize % here.len()]))
            });
        });
        let mut next = 1 << 40;
        group.bench_function("miss, set, eviction", |b| {
            b.iter(|| {
                next += 1;
                assert!(get(&cache, next).is_none());
                set(&cache, next);
            });
        });
        group.finish();
    }
}

/// The steps of a switch: what a client may have to wait for when POLICY comes in.
fn switches(c: &mut Criterion) {
    let mut group = c.benchmark_group("switch of a million entries");
    group.sample_size(10);
    let cache = full(PolicyName::Lru);
    let mut targets = [PolicyName::Fifo, PolicyName::Lfu, PolicyName::Lru].into_iter().cycle();
    group.bench_function("lru, fifo, lfu in turn", |b| {
        b.iter_batched(
            || targets.next().unwrap(),
            |target| {
                let mut job = cache.start_switch(PolicyChoice::Fixed(target)).unwrap();
                while job.step() == Progress::More {}
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, operations, switches);
criterion_main!(benches);
