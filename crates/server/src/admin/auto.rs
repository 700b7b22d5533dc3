//! How the policy is picked, as JSON. Ratios are from 0 to 1, times in milliseconds since the server's clock began.

use larder_engine::{AutoReport, Curve, Decision, Estimate, Outcome};
use serde_json::{Map, Value, json};

/// The body of `/auto` for a tenant.
pub(super) fn report(report: &AutoReport) -> Value {
    json!({
        "is_auto": report.is_auto,
        "policy": report.policy.to_string(),
        "advised": report.advised.to_string(),
        "one_in": report.one_in,
        "sample_entries": report.sample_entries,
        "decisions": report.decisions,
        "switches": report.switches,
        "in_force": report.in_force,
        "estimates": estimates(&report.estimates),
        "history": report.history.iter().map(decision).collect::<Vec<_>>(),
    })
}

/// The body of `/auto/curve` for a tenant.
pub(super) fn curve(curve: &Curve) -> Value {
    let point = |point: &larder_engine::CurvePoint| {
        json!({
            "scale": point.scale,
            "capacity": point.capacity,
            "in_force": point.in_force,
            "best": point.best,
        })
    };
    json!({
        "policy": curve.policy.to_string(),
        "best": curve.best.to_string(),
        "gets": curve.gets,
        "points": curve.points.iter().map(point).collect::<Vec<_>>(),
    })
}

fn decision(decision: &Decision) -> Value {
    let outcome = match decision.outcome {
        Outcome::Kept => "kept",
        Outcome::Switched => "switched",
        Outcome::Advised => "advised",
    };
    json!({
        "number": decision.number,
        "at_ms": decision.at.0,
        "gets": decision.gets,
        "sampled_gets": decision.sampled_gets,
        "one_in": decision.one_in,
        "sample_entries": decision.sample_entries,
        "from": decision.from.to_string(),
        "to": decision.to.to_string(),
        "outcome": outcome,
        "rival": decision.rival.map(|rival| rival.to_string()),
        "advantage": decision.advantage,
        "margin": decision.margin,
        "in_force": decision.in_force,
        "estimates": estimates(&decision.estimates),
    })
}

/// A list and no object, since it has an order: that of the configuration.
fn estimates(estimates: &[Estimate]) -> Value {
    let one = |estimate: &Estimate| {
        let members = [
            ("policy".to_owned(), json!(estimate.policy.to_string())),
            ("miss_ratio".to_owned(), json!(estimate.miss_ratio)),
        ];
        Value::Object(Map::from_iter(members))
    };
    estimates.iter().map(one).collect()
}
