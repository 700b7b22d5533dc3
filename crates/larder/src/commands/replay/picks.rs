//! What a replay shows of how `auto` picked: its switches, and what they were made on.

use crate::output::{self, grouped, percent};
use crate::replay::Picks;
use larder_engine::Decision;
use serde_json::{Value, json};

/// A line that says how often it decided, and a row for each switch.
pub(super) fn text(picks: &Picks) -> String {
    let sampled = match picks.one_in {
        0 | 1 => "every key watched".to_owned(),
        one_in => format!("one key in {} watched", grouped(one_in)),
    };
    let switches = picks.switches.len();
    let plural = if switches == 1 { "" } else { "es" };
    let mut text =
        format!("auto: {} decisions, {switches} switch{plural}, {sampled}", grouped(picks.decisions));
    if !picks.switches.is_empty() {
        let head = ["record", "from", "to", "missed", "better by", "margin", "estimates"].map(str::to_owned);
        let mut rows = vec![head.to_vec()];
        rows.extend(picks.switches.iter().map(|(at, decision)| row(*at, decision)));
        text.push('\n');
        text.push_str(&output::table(&rows));
    }
    text
}

fn row(at: u64, decision: &Decision) -> Vec<String> {
    let estimates = decision.estimates.iter();
    let estimates: Vec<String> =
        estimates.map(|estimate| format!("{} {:.1}", estimate.policy, 100.0 * estimate.miss_ratio)).collect();
    vec![
        grouped(at),
        decision.from.to_string(),
        decision.to.to_string(),
        percent(decision.in_force),
        percent(decision.advantage),
        percent(decision.margin),
        estimates.join(", "),
    ]
}

/// The same for programs.
pub(super) fn object(picks: &Picks) -> Value {
    let switch = |(at, decision): &(u64, Decision)| {
        let estimates = decision.estimates.iter();
        let estimates: serde_json::Map<String, Value> =
            estimates.map(|estimate| (estimate.policy.to_string(), json!(estimate.miss_ratio))).collect();
        json!({
            "record": at,
            "from": decision.from.to_string(),
            "to": decision.to.to_string(),
            "in_force": decision.in_force,
            "advantage": decision.advantage,
            "margin": decision.margin,
            "sampled_gets": decision.sampled_gets,
            "sample_entries": decision.sample_entries,
            "estimates": estimates,
        })
    };
    json!({
        "decisions": picks.decisions,
        "one_in": picks.one_in,
        "switches": picks.switches.iter().map(switch).collect::<Vec<_>>(),
    })
}
