//! The engine beside other caches in one process: zipf 0.99 over 1 M keys, room for 100,000 entries, 95 % get, 5 % insert, a
//! miss is filled. Prints CPU time per operation on one thread, operations per second on two, and hit ratios; medians of
//! alternating rounds.
//!
//!     cargo run --release --bin engine [-- --rounds 5 --operations 4000000]

use std::time::Instant;

use clap::Parser;
use larder_bench::{CAPACITY, Step, VALUE, key, median, process_cpu_ns, steps};
use larder_engine::{Cache, Kind, Millis, Options, PolicyChoice, PolicyName};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[derive(Parser)]
struct Args {
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    #[arg(long, default_value_t = 4_000_000)]
    operations: usize,
    /// Run only subjects whose name contains this.
    #[arg(long, default_value = "")]
    only: String,
}

trait Subject: Sync {
    fn get(&self, key: &[u8; 16]) -> bool;
    fn set(&self, key: &[u8; 16]);
}

impl Subject for Cache {
    fn get(&self, key: &[u8; 16]) -> bool {
        let copy = |entry: larder_engine::Entry<'_>| {
            let mut value = [0; 64];
            value.copy_from_slice(entry.value);
            std::hint::black_box(value);
        };
        self.get(self.key(key), Millis(0), copy).is_some()
    }

    fn set(&self, key: &[u8; 16]) {
        self.set(self.key(key), (&VALUE).into(), Kind::Opaque, None, Millis(0)).expect("it fits");
    }
}

type Owned = bytes::Bytes;

impl Subject for quick_cache::sync::Cache<Owned, Owned> {
    fn get(&self, key: &[u8; 16]) -> bool {
        std::hint::black_box(self.get(&key[..])).is_some()
    }

    fn set(&self, key: &[u8; 16]) {
        self.insert(Owned::copy_from_slice(key), Owned::copy_from_slice(&VALUE));
    }
}

impl Subject for moka::sync::Cache<Owned, Owned> {
    fn get(&self, key: &[u8; 16]) -> bool {
        std::hint::black_box(self.get(&key[..])).is_some()
    }

    fn set(&self, key: &[u8; 16]) {
        self.insert(Owned::copy_from_slice(key), Owned::copy_from_slice(&VALUE));
    }
}

impl Subject for foyer_memory::Cache<Owned, Owned> {
    fn get(&self, key: &[u8; 16]) -> bool {
        std::hint::black_box(self.get(&key[..])).is_some()
    }

    fn set(&self, key: &[u8; 16]) {
        self.insert(Owned::copy_from_slice(key), Owned::copy_from_slice(&VALUE));
    }
}

fn run(subject: &dyn Subject, steps: &[Step]) -> usize {
    let mut hits = 0;
    for &(number, insert) in steps {
        let key = key(number);
        if insert {
            subject.set(&key);
        } else if subject.get(&key) {
            hits += 1;
        } else {
            subject.set(&key);
        }
    }
    hits
}

struct Row {
    name: String,
    subject: Box<dyn Subject>,
    cpu_ns: Vec<f64>,
    two_threads: Vec<f64>,
    hit_ratio: f64,
}

fn subjects() -> Vec<(String, Box<dyn Subject>)> {
    let capacity = CAPACITY as usize;
    let mut subjects: Vec<(String, Box<dyn Subject>)> = Vec::new();
    for policy in PolicyName::all_default() {
        let options = Options { policy: PolicyChoice::Fixed(policy), ..Options::entries(CAPACITY) };
        subjects.push((format!("larder {policy}"), Box::new(Cache::new(options).expect("valid options"))));
    }
    // What `auto` costs: the same policies, watched; and what it picks.
    for policy in [PolicyName::Lru, PolicyName::all_default()[8]] {
        let options = Options { policy: PolicyChoice::Fixed(policy), ..Options::entries(CAPACITY) };
        let cache = Cache::new(options).expect("valid options");
        cache.advise(true);
        subjects.push((format!("larder {policy} watched"), Box::new(cache)));
    }
    let options = Options { policy: PolicyChoice::Auto, ..Options::entries(CAPACITY) };
    subjects.push(("larder auto".into(), Box::new(Cache::new(options).expect("valid options"))));
    subjects.push(("quick_cache".into(), Box::new(quick_cache::sync::Cache::<Owned, Owned>::new(capacity))));
    subjects.push(("moka".into(), Box::new(moka::sync::Cache::<Owned, Owned>::new(CAPACITY))));
    let foyer = foyer_memory::CacheBuilder::new(capacity)
        .with_eviction_config(foyer_memory::SieveConfig)
        .build::<foyer_memory::CacheProperties>();
    subjects.push(("foyer sieve".into(), Box::new(foyer)));
    subjects
}

fn main() {
    let args = Args::parse();
    let (one, other) = (steps(args.operations, 1), steps(args.operations, 2));
    let mut rows: Vec<Row> = subjects()
        .into_iter()
        .filter(|(name, _)| name.contains(&args.only))
        .map(|(name, subject)| Row { name, subject, cpu_ns: vec![], two_threads: vec![], hit_ratio: 0.0 })
        .collect();
    for row in &rows {
        run(&*row.subject, &one);
    }
    for _ in 0..args.rounds {
        for row in &mut rows {
            let before = process_cpu_ns();
            let hits = run(&*row.subject, &one);
            row.cpu_ns.push((process_cpu_ns() - before) / args.operations as f64);
            row.hit_ratio = hits as f64 / one.iter().filter(|(_, insert)| !insert).count() as f64;
            let begin = Instant::now();
            std::thread::scope(|scope| {
                scope.spawn(|| run(&*row.subject, &one));
                scope.spawn(|| run(&*row.subject, &other));
            });
            row.two_threads.push(2.0 * args.operations as f64 / begin.elapsed().as_secs_f64() / 1e6);
        }
    }
    println!("{:<22} {:>10} {:>16} {:>10}", "", "CPU ns/op", "M ops/s, 2 thr.", "hit ratio");
    for row in rows {
        println!(
            "{:<22} {:>10.0} {:>16.1} {:>10.3}",
            row.name,
            median(row.cpu_ns),
            median(row.two_threads),
            row.hit_ratio
        );
    }
}
