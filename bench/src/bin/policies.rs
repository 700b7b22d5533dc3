//! What an operation costs under each policy: time here, instructions under callgrind.
//!
//!     cargo run --release --bin policies                    time per operation, every policy
//!     bench/instructions.sh                                 instructions per operation
//!
//! `hit`: a get that finds its entry. `turnover`: a get that misses, and the set that follows and evicts.

use std::time::Instant;

use larder_engine::{Cache, Kind, Millis, Options, PolicyChoice, PolicyName};

const CAPACITY: u64 = 50_000;
const OPERATIONS: u64 = 400_000;
const VALUE: [u8; 64] = [b'v'; 64];

fn key(number: u64) -> [u8; 16] {
    let mut key = [b'k'; 16];
    key[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
    key
}

fn full(policy: PolicyName) -> Cache {
    let options =
        Options { policy: PolicyChoice::Fixed(policy), shards: Some(1), ..Options::entries(CAPACITY) };
    let cache = Cache::new(options).expect("valid options");
    (0..CAPACITY).for_each(|number| set(&cache, number));
    cache
}

fn set(cache: &Cache, number: u64) {
    let key = key(number);
    cache.set(cache.key(&key), (&VALUE).into(), Kind::Opaque, None, Millis(0)).expect("it fits");
}

fn get(cache: &Cache, number: u64) -> bool {
    let key = key(number);
    cache.get(cache.key(&key), Millis(0), |entry| std::hint::black_box(entry.value[0])).is_some()
}

// The names that callgrind is told to count in.
#[inline(never)]
fn measured_hit(cache: &Cache) {
    for step in 0..OPERATIONS {
        assert!(get(cache, step.wrapping_mul(7_919) % CAPACITY));
    }
}

#[inline(never)]
fn measured_turnover(cache: &Cache) {
    for step in 0..OPERATIONS {
        assert!(!get(cache, CAPACITY + step));
        set(cache, CAPACITY + step);
    }
}

fn main() {
    let only = std::env::args().nth(1);
    println!("{:<14} {:>10} {:>14}", "ns", "hit", "turnover");
    for policy in PolicyName::all_default() {
        if only.as_ref().is_some_and(|only| *only != policy.to_string()) {
            continue;
        }
        let time = |measured: fn(&Cache)| {
            let cache = full(policy);
            let begin = Instant::now();
            measured(&cache);
            begin.elapsed().as_nanos() as f64 / OPERATIONS as f64
        };
        println!("{:<14} {:>10.0} {:>14.0}", policy.to_string(), time(measured_hit), time(measured_turnover));
    }
}
