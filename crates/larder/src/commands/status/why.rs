//! What `larder status --why` says: what each policy would miss, and the last decisions.

use crate::failure::Failure;
use crate::output::{self, grouped, percent};
use serde::Deserialize;
use serde_json::Value;

/// Decisions that are shown: so many of the last ones, and so many of those before that changed something.
const SHOWN_EACH: usize = 5;

#[derive(Debug, Deserialize)]
struct Report {
    is_auto: bool,
    policy: String,
    advised: String,
    one_in: u64,
    sample_entries: u64,
    decisions: u64,
    switches: u64,
    in_force: f64,
    estimates: Vec<Estimate>,
    history: Vec<Decision>,
}

#[derive(Debug, Deserialize)]
struct Estimate {
    policy: String,
    miss_ratio: f64,
}

#[derive(Debug, Deserialize)]
struct Decision {
    gets: u64,
    from: String,
    to: String,
    outcome: String,
    advantage: f64,
    margin: f64,
    in_force: f64,
}

/// The report of a server, for a person.
pub(super) fn text(report: Value) -> Result<String, Failure> {
    let report: Option<Report> = serde_json::from_value(report).map_err(|error| {
        Failure::Negative(format!("the server gives reasons that are not known here: {error}"))
    })?;
    Ok(report.map_or_else(
        || "nothing is watched: that needs the policy auto, or a server started with --advise".to_owned(),
        |report| report.text(),
    ))
}

impl Report {
    fn text(&self) -> String {
        let what = if self.is_auto { "switched" } else { "advised to" };
        let mut text = format!(
            "one key in {} is watched, {} entries of the sample fit; {} decisions, {} of them {what}",
            grouped(self.one_in),
            grouped(self.sample_entries),
            grouped(self.decisions),
            grouped(self.switches)
        );
        if self.decisions == 0 {
            text.push_str(
                "\nno decision yet: the first comes when the cache is full and has been turned over once",
            );
            return text;
        }
        text.push_str(&format!("\n{} in force misses {}", self.policy, percent(self.in_force)));
        if !self.is_auto && self.advised != self.policy {
            text.push_str(&format!("; {} would be better", self.advised));
        }
        let mut order: Vec<&Estimate> = self.estimates.iter().collect();
        order.sort_by(|a, b| a.miss_ratio.total_cmp(&b.miss_ratio));
        let mut rows = vec![vec!["policy".to_owned(), "would miss".to_owned()]];
        rows.extend(order.iter().map(|estimate| vec![estimate.policy.clone(), percent(estimate.miss_ratio)]));
        text.push_str(&format!("\n\n{}", output::table(&rows)));
        let head = ["decision", "gets", "missed", "advantage", "margin"].map(str::to_owned);
        let mut rows = vec![head.to_vec()];
        let last = self.history.len().saturating_sub(SHOWN_EACH);
        let mut before: Vec<&Decision> =
            self.history[..last].iter().rev().filter(|decision| decision.outcome != "kept").collect();
        before.truncate(SHOWN_EACH);
        rows.extend(before.into_iter().rev().chain(&self.history[last..]).map(Decision::row));
        text.push_str(&format!("\n\n{}", output::table(&rows)));
        text
    }
}

impl Decision {
    fn row(&self) -> Vec<String> {
        let what = match self.outcome.as_str() {
            "kept" => format!("{} kept", self.from),
            outcome => format!("{} -> {} {outcome}", self.from, self.to),
        };
        vec![what, grouped(self.gets), percent(self.in_force), percent(self.advantage), percent(self.margin)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_report_lists_the_best_policy_first_and_the_last_decisions() {
        let decision = |outcome: &str| {
            json!({"gets": 9_000, "from": "lru", "to": "arc", "outcome": outcome, "advantage": 0.03, "margin": 0.02,
                "in_force": 0.5})
        };
        let report = json!({
            "is_auto": true, "policy": "arc", "advised": "arc", "one_in": 16, "sample_entries": 300, "decisions": 2,
            "switches": 1, "in_force": 0.47, "history": [decision("kept"), decision("switched")],
            "estimates": [{"policy": "lru", "miss_ratio": 0.5}, {"policy": "arc", "miss_ratio": 0.47}],
        });
        let text = text(report).unwrap();
        assert!(
            text.find("arc        47.00 %").unwrap() < text.find("lru        50.00 %").unwrap(),
            "{text}"
        );
        assert!(text.contains("lru kept") && text.contains("lru -> arc switched"), "{text}");
    }

    #[test]
    fn a_server_that_watches_nothing_says_what_it_needs() {
        assert!(text(Value::Null).unwrap().contains("--advise"));
    }
}
