//! How well `auto` picks: the trace of phases as a whole, by phase and in the second halves of its phases, and other traces at
//! 1 % and 10 % of what they ask for, beside the best policy that stays and LRU. Figures of those come from the traces'
//! `reference.csv`.
//!
//!     cargo run --release --bin auto -- ../../shared/traces [--seed 1] [--only NAME]

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Parser;
use larder_engine::{Cache, Kind, Millis, Options, Outcome, PolicyChoice};

/// As `reference.csv` calls the nine policies.
const POLICIES: [&str; 9] = ["FIFO", "LRU", "MRU", "CLOCK", "SIEVE", "LFU", "2Q", "ARC", "S3-FIFO"];

#[derive(Parser)]
struct Args {
    /// The folder of the traces.
    traces: PathBuf,
    /// Of the hash function, and so of what is sampled.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only traces whose name contains this.
    #[arg(long, default_value = "")]
    only: String,
    /// Print every switch.
    #[arg(long)]
    verbose: bool,
    /// Compare curves with caches of those sizes, under policies that stay.
    #[arg(long)]
    curve: bool,
}

fn load(path: &Path) -> Vec<u64> {
    let file = std::fs::File::open(path).expect("a trace");
    let mut decoder = zstd::Decoder::new(file).expect("zstd");
    decoder.window_log_max(27).expect("a window");
    let mut bytes = Vec::new();
    decoder.read_to_end(&mut bytes).expect("a whole trace");
    bytes
        .chunks_exact(25)
        .map(|record| u64::from_le_bytes(record[9..17].try_into().expect("8 bytes")))
        .collect()
}

fn cache(policy: PolicyChoice, capacity: u64, seed: u64) -> Cache {
    let options = Options { policy, shards: Some(1), seed, ..Options::entries(capacity) };
    Cache::new(options).expect("valid options")
}

fn access(cache: &Cache, number: u64) -> bool {
    let bytes = number.to_le_bytes();
    let key = cache.key(&bytes);
    let hit = cache.get(key, Millis(0), |_| ()).is_some();
    if !hit {
        cache.set(key, (&b"v"[..]).into(), Kind::Opaque, None, Millis(0)).expect("it fits");
    }
    hit
}

fn percent(misses: usize, of: usize) -> f64 {
    100.0 * misses as f64 / of as f64
}

/// Misses by request.
fn replay(keys: &[u64], capacity: u64, args: &Args) -> (Vec<bool>, Cache) {
    let cache = cache(PolicyChoice::Auto, capacity, args.seed);
    let mut next = 0;
    let mut misses = Vec::with_capacity(keys.len());
    for (at, &key) in keys.iter().enumerate() {
        misses.push(!access(&cache, key));
        if args.verbose && at % 1000 == 0 {
            for decision in cache.decisions_since(next) {
                next = decision.number + 1;
                if decision.outcome == Outcome::Switched {
                    println!(
                        "  {:>9} {:>12} -> {:<12} {:.3} better than {:.3}, margin {:.3}",
                        decision.gets,
                        decision.from.to_string(),
                        decision.to.to_string(),
                        decision.advantage,
                        decision.in_force,
                        decision.margin
                    );
                }
            }
        }
    }
    (misses, cache)
}

fn phases(args: &Args) {
    let keys = load(&args.traces.join("phase_shift.bin.zst"));
    let manifest = std::fs::read_to_string(args.traces.join("manifest.json")).expect("a manifest");
    let starts = phase_starts(&manifest);
    let (misses, cache) = replay(&keys, 5_000, args);
    let count = |range: std::ops::Range<usize>| misses[range].iter().filter(|&&miss| miss).count();
    let (mut second, mut second_of) = (0, 0);
    for (at, (name, start)) in starts.iter().enumerate() {
        let end = starts.get(at + 1).map_or(keys.len(), |next| next.1);
        let middle = start + (end - start) / 2;
        second += count(middle..end);
        second_of += end - middle;
        println!(
            "  {name:<12} {:6.2}   second half {:6.2}",
            percent(count(*start..end), end - start),
            percent(count(middle..end), end - middle)
        );
    }
    let report = cache.auto_report().expect("auto");
    println!(
        "phase_shift: all {:.2}   second halves {:.2}   switches {} of {} decisions, one in {}, {} entries",
        percent(count(0..keys.len()), keys.len()),
        percent(second, second_of),
        report.switches,
        report.decisions,
        report.one_in,
        report.sample_entries
    );
}

/// Names and first requests of the phases.
fn phase_starts(manifest: &str) -> Vec<(String, usize)> {
    let manifest: serde_json::Value = serde_json::from_str(manifest).expect("JSON");
    let traces = manifest["traces"].as_array().expect("traces");
    let phases = traces.iter().find_map(|trace| trace["phases"].as_array()).expect("phases");
    let phase = |phase: &serde_json::Value| {
        (
            phase["name"].as_str().expect("a name").to_owned(),
            phase["start"].as_u64().expect("a start") as usize,
        )
    };
    phases.iter().map(phase).collect()
}

fn singles(args: &Args) {
    let reference = std::fs::read_to_string(args.traces.join("reference.csv")).expect("reference figures");
    let mut cells: Vec<(String, u64, f64, String, f64)> = Vec::new();
    for line in reference.lines() {
        let columns: Vec<&str> = line.split(',').collect();
        let [source, trace, mode, fraction, capacity, policy, ratio, ..] = columns[..] else { continue };
        if source != "own-sim"
            || mode != "unit"
            || !["0.01", "0.1"].contains(&fraction)
            || trace == "phase_shift"
        {
            continue;
        }
        if !trace.contains(&args.only) || !args.traces.join(format!("{trace}.bin.zst")).exists() {
            continue;
        }
        let (capacity, ratio): (u64, f64) =
            (capacity.parse().expect("a number"), ratio.parse().expect("a number"));
        if !POLICIES.contains(&policy) {
            continue;
        }
        match cells.iter_mut().find(|cell| cell.0 == trace && cell.1 == capacity) {
            None => cells.push((
                trace.into(),
                capacity,
                ratio,
                policy.into(),
                if policy == "LRU" { ratio } else { 2.0 },
            )),
            Some(cell) => {
                if policy == "LRU" {
                    cell.4 = ratio;
                }
                if ratio < cell.2 {
                    (cell.2, cell.3) = (ratio, policy.into());
                }
            }
        }
    }
    let mut loaded = (String::new(), Vec::new());
    for (trace, capacity, best, policy, lru) in cells {
        if loaded.0 != trace {
            loaded = (trace.clone(), load(&args.traces.join(format!("{trace}.bin.zst"))));
        }
        let (misses, cache) = replay(&loaded.1, capacity, args);
        let ratio = misses.iter().filter(|&&miss| miss).count() as f64 / misses.len() as f64;
        let report = cache.auto_report().expect("auto");
        let (over_best, over_lru) = (100.0 * (ratio - best), 100.0 * (ratio - lru));
        println!(
            "{trace:<14} {capacity:>6}  auto {:6.2}  best {:6.2} {policy:<8} {over_best:+6.2}{}  lru {:6.2} {over_lru:+6.2}{}  {:>3} switches of {}, 1/{}, {}",
            100.0 * ratio,
            100.0 * best,
            if over_best > 2.0 { "!" } else { " " },
            100.0 * lru,
            if over_lru > 1.0 { "!" } else { " " },
            report.switches,
            report.decisions,
            report.one_in,
            report.policy
        );
        if args.curve {
            compare_curves(&loaded.1, capacity, args);
        }
    }
}

/// The curve under policies that stay, beside caches of those sizes.
fn compare_curves(keys: &[u64], capacity: u64, args: &Args) {
    for policy in ["lru", "arc", "2q-0.25-0.5", "s3-fifo-0.1"] {
        let policy = PolicyChoice::Fixed(policy.parse().expect("a policy"));
        let watched = cache(policy, capacity, args.seed);
        watched.advise(true);
        keys.iter().for_each(|&key| _ = access(&watched, key));
        let curve = watched.curve().expect("a curve");
        print!("    {:<12}", policy.to_string());
        for point in &curve.points {
            let exact = cache(policy, point.capacity.max(1), args.seed);
            let exact = percent(keys.iter().filter(|&&key| !access(&exact, key)).count(), keys.len());
            print!("  x{:<4} {exact:5.2} {:+5.2}", point.scale, 100.0 * point.in_force - exact);
        }
        println!();
    }
}

fn main() {
    let args = Args::parse();
    if "phase_shift".contains(&args.only) {
        phases(&args);
    }
    singles(&args);
}
