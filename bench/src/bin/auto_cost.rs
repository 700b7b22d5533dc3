//! What watching for `auto` costs: CPU time per operation, the longest operation and memory, each with the watch and
//! without it, in alternating rounds of one run. The policy stays the same, so that nothing else differs.
//!
//!     cargo run --release --bin auto_cost [-- --rounds 9 --operations 4000000 --entries 5000000]
//!
//! The longest operation is in CPU time: what other programs take meanwhile is not the operation's.

use clap::Parser;
use larder_bench::{CAPACITY, Step, VALUE, key, median, process_cpu_ns, steps};
use larder_engine::{Cache, Kind, Millis, Options, PolicyChoice, PolicyName};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[derive(Parser)]
struct Args {
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    #[arg(long, default_value_t = 4_000_000)]
    operations: usize,
    /// Entries of the caches whose memory is compared.
    #[arg(long, default_value_t = 5_000_000)]
    entries: u64,
}

fn cache(options: Options, policy: PolicyName, watched: bool) -> Cache {
    let cache =
        Cache::new(Options { policy: PolicyChoice::Fixed(policy), ..options }).expect("valid options");
    cache.advise(watched);
    cache
}

fn set(cache: &Cache, key: &[u8]) {
    cache.set(cache.key(key), (&VALUE).into(), Kind::Opaque, None, Millis(0)).expect("it fits");
}

/// A get that is filled if it misses, or an insert.
fn access(cache: &Cache, (number, insert): Step) {
    let key = key(number);
    let found = !insert
        && cache
            .get(cache.key(&key), Millis(0), |entry| {
                std::hint::black_box(entry.value.first());
            })
            .is_some();
    if !found {
        set(cache, &key);
    }
}

/// Bytes that the allocator has handed out. (Resident memory comes in huge pages, one of which is more than a watch takes.)
fn allocated_bytes() -> u64 {
    tikv_jemalloc_ctl::epoch::advance().expect("jemalloc counts");
    tikv_jemalloc_ctl::stats::allocated::read().expect("jemalloc counts") as u64
}

/// Bytes that are taken for a full cache that has been asked for every entry once.
fn grow(entries: u64, watched: bool) -> f64 {
    let before = allocated_bytes();
    // Charged 116 bytes each, so that the cache is full and has evicted.
    let cache = cache(Options::bytes(entries * 116), PolicyName::Lru, watched);
    for number in 0..entries + entries / 10 {
        access(&cache, (number, false));
    }
    assert!(cache.status().totals.evicted > 0, "a full cache");
    (allocated_bytes() - before) as f64
}

fn time(args: &Args) {
    let steps = steps(args.operations, 1);
    println!("{:<14} {:>10} {:>12} {:>18}", "", "ns/op", "ns watched", "operations kept");
    for policy in PolicyName::all_default() {
        let [plain, watched] =
            [false, true].map(|watched| cache(Options::entries(CAPACITY), policy, watched));
        let measure = |cache: &Cache| {
            let before = process_cpu_ns();
            steps.iter().for_each(|&step| access(cache, step));
            (process_cpu_ns() - before) / steps.len() as f64
        };
        measure(&plain);
        measure(&watched);
        let rounds: Vec<(f64, f64)> =
            (0..args.rounds).map(|_| (measure(&plain), measure(&watched))).collect();
        println!(
            "{:<14} {:>10.0} {:>12.0} {:>18.3}",
            policy.to_string(),
            median(rounds.iter().map(|round| round.0).collect()),
            median(rounds.iter().map(|round| round.1).collect()),
            median(rounds.iter().map(|round| round.0 / round.1).collect())
        );
    }
}

/// The same operations three times over, on caches made anew, and of each the quickest: what interrupted one of them is not there
/// in the others, and what the operation itself has to do is.
fn longest(args: &Args) {
    let steps = steps(args.operations, 1);
    let makes: [(&str, &dyn Fn() -> Cache); 3] = [
        ("without", &|| cache(Options::entries(CAPACITY), PolicyName::Lru, false)),
        ("watched", &|| cache(Options::entries(CAPACITY), PolicyName::Lru, true)),
        ("auto", &|| {
            let auto = Options { policy: PolicyChoice::Auto, ..Options::entries(CAPACITY) };
            Cache::new(auto).expect("valid options")
        }),
    ];
    for (name, make) in makes {
        let mut times = vec![f64::INFINITY; steps.len()];
        for _ in 0..3 {
            let cache = make();
            for (&step, time) in steps.iter().zip(&mut times) {
                let before = process_cpu_ns();
                access(&cache, step);
                *time = time.min(process_cpu_ns() - before);
            }
        }
        times.sort_by(f64::total_cmp);
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize] / 1e3;
        println!(
            "longest operation, {name:<8} {:8.1} us   p99.999 {:8.1}   p99.99 {:8.1}   p99 {:8.1}",
            at(1.0),
            at(0.999_99),
            at(0.999_9),
            at(0.99)
        );
    }
}

fn memory(args: &Args) {
    for entries in [args.entries / 50, args.entries / 10, args.entries / 5, args.entries] {
        let (plain, watched) = (grow(entries, false), grow(entries, true));
        println!(
            "memory, {entries:>9} entries: {:8.1} MiB, watched {:8.1} MiB, {:+.2} %",
            plain / 1024.0 / 1024.0,
            watched / 1024.0 / 1024.0,
            100.0 * (watched / plain - 1.0)
        );
    }
}

fn main() {
    let args = Args::parse();
    time(&args);
    longest(&args);
    memory(&args);
}
