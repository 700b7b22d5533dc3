//! Resident memory per entry: fills a cache with entries of 16-byte keys and 64-byte values and reads how much the
//! process has grown.
//!
//!     cargo run --release --bin memory [ENTRIES]

use larder_engine::{Cache, Kind, Millis, Options};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const KEY_BYTES: u64 = 16;
const VALUE: [u8; 64] = [b'v'; 64];

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has /proc");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("and VmRSS in it");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("in KiB") * 1024
}

fn main() {
    let entries: u64 =
        std::env::args().nth(1).map_or(5_000_000, |arg| arg.parse().expect("a number of entries"));
    let cache = Cache::new(Options::bytes(entries * 256)).expect("a capacity above zero");
    let before = resident_bytes();
    for n in 0..entries {
        let key = format!("k{n:015}");
        cache.set(cache.key(key.as_bytes()), (&VALUE).into(), Kind::Opaque, None, Millis(0)).expect("room");
    }
    let grown = resident_bytes() - before;
    let status = cache.status();
    assert_eq!(status.entries, entries);
    let payload = KEY_BYTES + VALUE.len() as u64;
    println!("{entries} entries in {} shards", status.shards);
    println!(
        "resident growth  {:6.1} bytes an entry over key and value",
        grown as f64 / entries as f64 - payload as f64
    );
    println!(
        "charged          {:6.1} bytes an entry over key and value",
        status.used as f64 / entries as f64 - payload as f64
    );
}
