//! Miss ratios of `larder replay` beside those of an independent simulator, for traces small enough to run each time. They
//! lie outside the repository, in `../shared/traces` or where LARDER_SHARED says; without them there is nothing to compare.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::path::{Path, PathBuf};
use support::{json_lines, outcome, run};

const TRACES: [&str; 7] =
    ["lirs_loop", "lirs_glimpse", "lirs_multi3", "lirs_sprite", "lirs_2pools", "web12", "nasa_http"];

/// Name here, name in the reference, and how far apart they may be in percentage points (`spec/policies.md`).
const POLICIES: [(&str, &str, f64); 9] = [
    ("lfu", "LFU", 0.01),
    ("fifo", "FIFO", 0.01),
    ("clock", "CLOCK", 0.01),
    ("sieve", "SIEVE", 0.01),
    ("lru", "LRU", 0.01),
    ("mru", "MRU", 0.01),
    ("2q-0.25-0.5", "2Q", 0.1),
    ("arc", "ARC", 0.1),
    ("s3-fifo-0.1", "S3-FIFO", 0.1),
];

fn traces_dir() -> Option<PathBuf> {
    let shared = match std::env::var_os("LARDER_SHARED") {
        Some(shared) => PathBuf::from(shared),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
    };
    let traces = shared.join("traces");
    traces.join("reference.csv").exists().then_some(traces)
}

/// The shares of the working set that are compared: few, as this runs with every test.
const SHARES: [&str; 2] = ["0.01", "0.1"];

/// Capacity, policy and miss ratio of the rows for `trace`, in entries, from the exact simulator.
fn reference(csv: &str, trace: &str) -> Vec<(u64, String, f64)> {
    let mut rows = Vec::new();
    for line in csv.lines() {
        let [source, of, mode, share, capacity, policy, miss_ratio, _] =
            line.split(',').collect::<Vec<_>>()[..]
        else {
            panic!("{line}")
        };
        if (source, of, mode) == ("own-sim", trace, "unit") && SHARES.contains(&share) {
            rows.push((capacity.parse().unwrap(), policy.to_owned(), miss_ratio.parse().unwrap()));
        }
    }
    rows
}

#[test]
fn miss_ratios_are_those_of_the_reference() {
    let Some(dir) = traces_dir() else {
        eprintln!("skipped: there is no ../shared/traces, and LARDER_SHARED does not name another place");
        return;
    };
    let csv = std::fs::read_to_string(dir.join("reference.csv")).unwrap();
    let mut compared = 0;
    for trace in TRACES {
        let rows = reference(&csv, trace);
        let mut capacities: Vec<u64> = rows.iter().map(|(capacity, ..)| *capacity).collect();
        capacities.dedup();
        for capacity in capacities {
            let file = dir.join(format!("{trace}.bin.zst"));
            let args = ["--unit", "entries", "--json", "--capacity", &capacity.to_string()];
            let (status, stdout, stderr) =
                outcome(&run(["replay", file.to_str().unwrap()].iter().chain(&args)));
            assert_eq!(status, 0, "{stderr}");
            for object in json_lines(&stdout) {
                let name = object["policy"].as_str().unwrap();
                let (_, theirs, tolerance) = POLICIES.iter().find(|(ours, ..)| *ours == name).unwrap();
                let row = rows.iter().find(|(at, policy, _)| *at == capacity && policy == theirs);
                let (.., expected) = row.unwrap_or_else(|| panic!("no row for {trace} {capacity} {name}"));
                let apart = (object["miss_ratio"].as_f64().unwrap() - expected) * 100.0;
                assert!(apart.abs() <= *tolerance, "{trace}, {capacity} entries, {name}: {apart:+.3} points");
                compared += 1;
            }
        }
    }
    assert!(compared == TRACES.len() * POLICIES.len() * SHARES.len(), "{compared}");
    eprintln!("{compared} miss ratios compared");
}
