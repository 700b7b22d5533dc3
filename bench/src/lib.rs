//! What the measurements have in common: the workload, and how it is measured.

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, Zipf};

/// Keys of the workload.
const KEYS: f64 = 1_000_000.0;

/// Entries that the caches have room for.
pub const CAPACITY: u64 = 100_000;

/// The value of every entry.
pub const VALUE: [u8; 64] = [b'v'; 64];

/// One step of the workload: the number of a key, and whether it is an insert.
pub type Step = (u64, bool);

/// Zipf 0.99 over all keys, one in twenty an insert.
pub fn steps(count: usize, seed: u64) -> Vec<Step> {
    let mut random = SmallRng::seed_from_u64(seed);
    let zipf = Zipf::new(KEYS, 0.99).expect("valid parameters");
    let mut step = || {
        let rank = zipf.sample(&mut random) as u64;
        // Scattered, so that neighbours in rank are not neighbours in memory.
        (rank.wrapping_mul(0x9e37_79b9_7f4a_7c15), random.random_ratio(1, 20))
    };
    (0..count).map(|_| step()).collect()
}

/// The key with a number.
pub fn key(number: u64) -> [u8; 16] {
    let mut key = [b'k'; 16];
    key[..8].copy_from_slice(&number.to_le_bytes());
    key
}

/// CPU time of this process so far, in nanoseconds: a cache may have threads of its own.
pub fn process_cpu_ns() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a live timespec.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// The middle one.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
