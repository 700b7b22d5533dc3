//! The engine on the traces beside the repository: with one shard its miss ratios are the published exact ones, with many
//! shards they are as close as sharding allows, and after a switch in mid-trace they become the new policy's.
//! By default the traces of up to 300,000 requests at the larger capacities, and those of up to a million at one; the whole
//! matrix with `LARDER_FULL_TRACES=1`.

mod figures;
mod look_aside;
mod naive;

use std::ops::RangeInclusive;

use figures::{Figure, Mode};
use larder_engine::PolicyChoice;
use look_aside::LookAside;

/// Traces up to this long are always replayed at all capacities but the smallest,
const SHORT_TRACE: usize = 300_000;
/// and up to this long at one.
const LONG_TRACE: usize = 1_000_000;
/// Entries from which a cache has more than one shard where nobody says how many.
const SHARDED_ENTRIES: u64 = 16_384;
/// Points by which a cache may miss more often than its policy's own after a switch. A cache that was spared the policy's
/// past may be a little better: S3-FIFO keeps what it once found useful for long.
const AFTER_SWITCH: RangeInclusive<f64> = -2.0..=1.0;

#[test]
fn one_shard_gives_the_published_miss_ratios() {
    let mut deviations = Vec::new();
    let is_default = |figure: &Figure, requests| {
        let is_short = requests <= SHORT_TRACE && figure.fraction >= 0.01;
        is_short || (requests <= LONG_TRACE && figure.fraction == 0.1)
    };
    let is_wanted = |figure: &Figure, requests| figures::wants_all() || is_default(figure, requests);
    replay_all(Some(1), is_wanted, |figure, _, miss_ratio| {
        let difference = points(miss_ratio, figure.miss_ratio);
        if difference.abs() > exact_tolerance(&figure.policy) {
            deviations.push(describe(figure, difference));
        }
    });
    assert_none(&deviations);
}

#[test]
fn sixteen_shards_cost_little() {
    compare_sharded(Some(16), |figure, requests| requests <= SHORT_TRACE && figure.fraction == 0.1);
}

#[test]
fn the_default_number_of_shards_costs_little() {
    compare_sharded(None, |figure, requests| requests <= SHORT_TRACE && figure.capacity >= SHARDED_ENTRIES);
}

/// Where a loop does not fit, MRU keeps a part of it and no recency or insertion order keeps any: that must survive sharding.
#[test]
fn mru_wins_on_a_loop_with_any_number_of_shards() {
    let Some(keys) = keys("lirs_loop") else { return };
    for shards in [Some(1), Some(4), None] {
        let [mru, lru, fifo] =
            ["mru", "lru", "fifo"].map(|policy| LookAside::new(policy, 252, shards).miss_ratio(&keys));
        assert!(mru + 0.1 < lru.min(fifo), "mru {mru}, lru {lru}, fifo {fifo} with {shards:?} shards");
    }
}

/// Switches at the middle of a trace. What follows one turnover of the cache (as many misses as it has room) is compared
/// with a cache that had the target from the start. LFU and MRU keep their past for ever, so they are not targets here.
#[test]
fn after_a_switch_and_one_turnover_the_miss_ratio_is_the_targets() {
    let mut deviations = Vec::new();
    let cells = [("web12", 1375), ("cp_io_sized", 489), ("mooncake_conv", 1827), ("arc_oltp", 1868)];
    for (trace, capacity) in &cells[..if figures::wants_all() { 4 } else { 2 }] {
        let Some(keys) = keys(trace) else { return };
        for target in ["fifo", "clock", "sieve", "lru", "2q-0.25-0.5", "arc", "s3-fifo-0.1"] {
            for source in ["lru", "fifo", "lfu", "arc", "sieve"] {
                let difference = difference_after_switch(source, target, *capacity, &keys);
                if !AFTER_SWITCH.contains(&difference) {
                    deviations.push(format!(
                        "{trace} at {capacity}, {source} to {target}: {difference:+.2} points"
                    ));
                }
            }
        }
    }
    assert_none(&deviations);
}

fn difference_after_switch(source: &str, target: &str, capacity: u64, keys: &[u64]) -> f64 {
    let switched = LookAside::new(source, capacity, Some(1));
    let steady = LookAside::new(target, capacity, Some(1));
    let (before, after) = keys.split_at(keys.len() / 2);
    switched.miss_ratio(before);
    steady.miss_ratio(before);
    switched.cache.switch(PolicyChoice::Fixed(target.parse().expect("a policy's name"))).expect("configured");

    let mut misses = 0;
    let turnover = after.iter().position(|key| {
        steady.access(*key);
        misses += u64::from(!switched.access(*key));
        misses == capacity
    });
    let rest = &after[turnover.expect("the trace turns the cache over")..];
    points(switched.miss_ratio(rest), steady.miss_ratio(rest))
}

fn compare_sharded(shards: Option<usize>, is_default: impl Fn(&Figure, usize) -> bool) {
    let mut deviations = Vec::new();
    let is_wanted = |figure: &Figure, requests| {
        is_judged_sharded(figure) && (figures::wants_all() || is_default(figure, requests))
    };
    replay_all(shards, is_wanted, |figure, engine, miss_ratio| {
        let per_shard = figure.capacity / engine.cache.status().shards as u64;
        let difference = points(miss_ratio, figure.miss_ratio);
        if !is_within_sharded(figure, per_shard, difference) {
            deviations.push(format!("{} ({per_shard} entries a shard)", describe(figure, difference)));
        }
    });
    assert_none(&deviations);
}

/// Not MRU, of which no more is asked than to win on loops, nor traces that are too small to shard.
fn is_judged_sharded(figure: &Figure) -> bool {
    figure.policy != "MRU" && !figure.trace.starts_with("lirs_") && figure.trace != "nasa_http"
}

/// The tolerances for sharded caches, by entries per shard; for SIEVE and LFU one-sided.
fn is_within_sharded(figure: &Figure, per_shard: u64, difference: f64) -> bool {
    match (figure.policy.as_str(), per_shard) {
        ("SIEVE" | "LFU", 64..) => difference <= 0.5,
        ("SIEVE" | "LFU", _) => true,
        (_, 256..) => difference.abs() <= 0.5,
        (_, 64..) => difference.abs() <= 1.0,
        (_, 16..) => difference.abs() <= 2.0,
        _ => true,
    }
}

/// How far from the exact figure one shard may be, in percentage points.
fn exact_tolerance(policy: &str) -> f64 {
    match policy {
        "2Q" | "ARC" | "S3-FIFO" => 0.1,
        _ => 0.01,
    }
}

/// Replays the figures that are wanted, judged by them and the number of requests, and hands each to `judge` with the cache and
/// its miss ratio.
fn replay_all(
    shards: Option<usize>,
    is_wanted: impl Fn(&Figure, usize) -> bool,
    mut judge: impl FnMut(&Figure, &LookAside, f64),
) {
    if figures::traces_dir().is_none() {
        return;
    }
    let published = naive::POLICIES.map(|(_, published)| published);
    for group in figures::exact_figures(Mode::Unit, &published) {
        let Some(keys) = keys(&group[0].trace) else { return };
        for figure in group.iter().filter(|figure| is_wanted(figure, keys.len())) {
            let named = naive::POLICIES.iter().find(|(_, published)| *published == figure.policy);
            let (name, _) = named.expect("only figures of these policies");
            let engine = LookAside::new(name, figure.capacity, shards);
            let miss_ratio = engine.miss_ratio(&keys);
            judge(figure, &engine, miss_ratio);
        }
    }
}

fn keys(trace: &str) -> Option<Vec<u64>> {
    figures::traces_dir()?;
    Some(figures::load(trace).iter().map(|request| request.key).collect())
}

fn points(miss_ratio: f64, expected: f64) -> f64 {
    (miss_ratio - expected) * 100.0
}

fn describe(figure: &Figure, difference: f64) -> String {
    let Figure { trace, capacity, policy, miss_ratio, .. } = figure;
    format!("{trace} at {capacity}, {policy}: {difference:+.4} points from {miss_ratio:.6}")
}

fn assert_none(deviations: &[String]) {
    assert!(deviations.is_empty(), "{} deviations:\n{}", deviations.len(), deviations.join("\n"));
}
