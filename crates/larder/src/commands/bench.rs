//! `larder bench`: load on a server, and what came of it.

use crate::cli::BenchArgs;
use crate::failure::Failure;
use crate::load::{Bench, BenchOutcome, End, KeyPicker, LatencySummary};
use crate::output::{self, counted, grouped, percent, short_count};
use serde_json::json;

/// Requests, if nothing is said about the end.
const REQUESTS_DEFAULT: u64 = 1_000_000;

pub(super) fn run(args: &BenchArgs) -> Result<(), Failure> {
    let picker = KeyPicker::new(args.dist, args.keys, args.skew)
        .map_err(|reason| Failure::Usage(format!("--skew {}: {reason}", args.skew)))?;
    let end = match (args.duration, args.requests) {
        (Some(time), _) => End::After(time),
        (None, requests) => End::Requests(requests.unwrap_or(REQUESTS_DEFAULT)),
    };
    let bench = Bench {
        reach: args.server.reach(),
        connections: args.connections as usize,
        pipeline: args.pipeline as usize,
        get_ratio: args.get_ratio,
        keys: args.keys,
        value_bytes: args.value_size,
        picker,
        end,
        seed: args.seed,
    };
    let outcome = bench.run()?;
    let seconds = outcome.elapsed.as_secs_f64();
    let per_second = outcome.requests() as f64 / seconds.max(1e-9);
    if args.server.json {
        print_json(args, &outcome, seconds, per_second)
    } else {
        print_text(args, &outcome, seconds, per_second)
    }
}

/// Of the GETs; None without any.
fn miss_ratio(outcome: &BenchOutcome) -> Option<f64> {
    let gets = outcome.hits + outcome.misses;
    (gets > 0).then(|| outcome.misses as f64 / gets as f64)
}

fn print_json(
    args: &BenchArgs,
    outcome: &BenchOutcome,
    seconds: f64,
    per_second: f64,
) -> Result<(), Failure> {
    output::json(&json!({
        "server": args.server.server.to_string(),
        "connections": args.connections,
        "pipeline": args.pipeline,
        "keys": args.keys,
        "value_bytes": args.value_size,
        "get_ratio": args.get_ratio,
        "requests": outcome.requests(),
        "seconds": seconds,
        "requests_per_second": per_second,
        "hits": outcome.hits,
        "misses": outcome.misses,
        "miss_ratio": miss_ratio(outcome),
        "refused": outcome.refused,
        "get_us": outcome.get_latency.summary(),
        "set_us": outcome.set_latency.summary(),
    }))?;
    Ok(())
}

fn print_text(
    args: &BenchArgs,
    outcome: &BenchOutcome,
    seconds: f64,
    per_second: f64,
) -> Result<(), Failure> {
    let mut pairs = vec![
        ("server", args.server.server.to_string()),
        (
            "load",
            format!(
                "{}, {} at once on each",
                counted(args.connections, "connection"),
                counted(args.pipeline, "request")
            ),
        ),
        ("requests", format!("{} in {seconds:.2} s", grouped(outcome.requests()))),
        ("throughput", format!("{} requests/s", short_count(per_second))),
    ];
    if let Some(ratio) = miss_ratio(outcome) {
        pairs.push(("miss ratio", percent(ratio)));
    }
    if outcome.refused > 0 {
        pairs.push(("refused", format!("{} SETs did not fit the cache", grouped(outcome.refused))));
    }
    output::line(&output::pairs(&pairs))?;
    output::line("")?;
    print_latencies(&[("GET", outcome.get_latency.summary()), ("SET", outcome.set_latency.summary())])
}

/// A table of percentiles in microseconds.
pub(super) fn print_latencies(latencies: &[(&str, Option<LatencySummary>)]) -> Result<(), Failure> {
    let head = ["latency, µs", "count", "p50", "p99", "p99.9", "max"].map(str::to_owned);
    let mut rows = vec![head.to_vec()];
    for (name, summary) in latencies {
        let Some(summary) = summary else { continue };
        let us = |time: f64| format!("{time:.1}");
        let [p50, p99, p999, max] = [summary.p50, summary.p99, summary.p999, summary.max].map(us);
        rows.push(vec![(*name).to_owned(), grouped(summary.count), p50, p99, p999, max]);
    }
    output::line(&output::table(&rows))?;
    Ok(())
}
