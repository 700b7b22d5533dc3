//! What `larder status --why` says: what each policy would miss, and the last decisions.

use crate::failure::Failure;
use crate::output::{self, grouped, percent};
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;

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
    in_force: Option<f64>,
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
    at_ms: u64,
    gets: u64,
    from: String,
    to: String,
    outcome: String,
    rival: Option<String>,
    advantage: f64,
    margin: f64,
    in_force: f64,
}

/// The report of a server that has run so long, for a person.
pub(super) fn text(report: Value, uptime_ms: u64) -> Result<String, Failure> {
    let report: Option<Report> = serde_json::from_value(report).map_err(|error| {
        Failure::Negative(format!("the server gives reasons that are not known here: {error}"))
    })?;
    Ok(report.map_or_else(
        || "nothing is watched: that needs the policy auto, or a server started with --advise".to_owned(),
        |report| report.text(uptime_ms),
    ))
}

impl Report {
    fn text(&self, uptime_ms: u64) -> String {
        let what = if self.is_auto { "switched" } else { "changed the advice" };
        let watched = match self.one_in {
            0 | 1 => "every key is watched".to_owned(),
            one_in => format!("one key in {} is watched", grouped(one_in)),
        };
        let mut text = format!(
            "{watched}, {} entries of the sample are in the cache; {} decisions, {} of them {what}",
            grouped(self.sample_entries),
            grouped(self.decisions),
            grouped(self.switches)
        );
        match self.in_force {
            _ if self.decisions == 0 => text.push_str(
                "\nno decision yet: the first comes when the cache is full and has been turned over once",
            ),
            None => text.push_str(
                "\nno estimates: watching began anew (a wipe, another size, auto again) and has seen too few gets since",
            ),
            Some(missed) => text.push_str(&self.estimates(missed)),
        }
        if !self.history.is_empty() {
            text.push_str(&format!("\n\n{}", self.decisions(uptime_ms)));
        }
        text
    }

    fn estimates(&self, missed: f64) -> String {
        let mut text = format!("\n{} in force misses {}", self.policy, percent(missed));
        if !self.is_auto && self.advised != self.policy {
            text.push_str(&format!("; {} would be better", self.advised));
        }
        let mut order: Vec<&Estimate> = self.estimates.iter().collect();
        order.sort_by(|a, b| a.miss_ratio.total_cmp(&b.miss_ratio));
        let mut rows = vec![vec!["policy".to_owned(), "would miss".to_owned()]];
        rows.extend(order.iter().map(|estimate| vec![estimate.policy.clone(), percent(estimate.miss_ratio)]));
        text.push_str(&format!("\n\n{}", output::table(&rows)));
        text
    }

    fn decisions(&self, uptime_ms: u64) -> String {
        let head = ["decision", "ago", "gets", "missed", "rival", "advantage", "margin"].map(str::to_owned);
        let mut rows = vec![head.to_vec()];
        let last = self.history.len().saturating_sub(SHOWN_EACH);
        let mut before: Vec<&Decision> =
            self.history[..last].iter().rev().filter(|decision| decision.outcome != "kept").collect();
        before.truncate(SHOWN_EACH);
        let shown = before.into_iter().rev().chain(&self.history[last..]);
        rows.extend(shown.map(|decision| decision.row(uptime_ms)));
        output::table(&rows)
    }
}

impl Decision {
    fn row(&self, uptime_ms: u64) -> Vec<String> {
        let what = match self.outcome.as_str() {
            "kept" => format!("{} kept", self.from),
            "advised" if self.from == self.to => format!("{} as good again", self.from),
            outcome => format!("{} -> {} {outcome}", self.from, self.to),
        };
        let (rival, advantage, margin) = match &self.rival {
            Some(rival) => (rival.clone(), percent(self.advantage), percent(self.margin)),
            None => ("-".to_owned(), "-".to_owned(), "-".to_owned()),
        };
        let ago = output::duration(Duration::from_millis(uptime_ms.saturating_sub(self.at_ms)));
        vec![what, ago, grouped(self.gets), percent(self.in_force), rival, advantage, margin]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn decision(outcome: &str, rival: &Value) -> Value {
        json!({"at_ms": 60_000, "gets": 9_000, "from": "lru", "to": "arc", "outcome": outcome, "rival": rival,
            "advantage": 0.03, "margin": 0.02, "in_force": 0.5})
    }

    fn report() -> Value {
        json!({
            "is_auto": true, "policy": "arc", "advised": "arc", "one_in": 16, "sample_entries": 300, "decisions": 2,
            "switches": 1, "in_force": 0.47,
            "history": [decision("kept", &json!("arc")), decision("switched", &json!("arc"))],
            "estimates": [{"policy": "lru", "miss_ratio": 0.5}, {"policy": "arc", "miss_ratio": 0.47}],
        })
    }

    #[test]
    fn a_report_lists_the_best_policy_first_and_the_last_decisions() {
        let text = text(report(), 180_000).unwrap();
        assert!(
            text.find("arc        47.00 %").unwrap() < text.find("lru        50.00 %").unwrap(),
            "{text}"
        );
        assert!(text.contains(&format!("lru kept{}2 min 0 s", " ".repeat(13))), "{text}");
        let switched = text.lines().last().unwrap();
        assert!(switched.starts_with("lru -> arc switched") && switched.contains("  arc  "), "{text}");
    }

    #[test]
    fn what_is_not_estimated_is_not_told_as_nothing_missed() {
        let mut report = report();
        (report["in_force"], report["estimates"]) = (Value::Null, json!([]));
        let text = text(report, 180_000).unwrap();
        assert!(text.contains("no estimates: ") && text.contains("lru -> arc switched"), "{text}");
        assert!(!text.contains("would miss") && !text.contains(" 0.00 %"), "{text}");
    }

    #[test]
    fn a_policy_without_rivals_has_no_advantage_of_any() {
        let mut report = report();
        report["history"] = json!([decision("kept", &Value::Null)]);
        assert!(text(report, 180_000).unwrap().lines().last().unwrap().ends_with("-       -"));
    }

    #[test]
    fn advice_that_is_withdrawn_reads_so() {
        let mut report = report();
        let mut withdrawn = decision("advised", &json!("arc"));
        withdrawn["to"] = "lru".into();
        (report["is_auto"], report["one_in"], report["history"]) =
            (false.into(), 1.into(), json!([withdrawn]));
        let text = text(report, 180_000).unwrap();
        assert!(text.contains("lru as good again") && text.contains("changed the advice"), "{text}");
        assert!(text.starts_with("every key is watched, "), "{text}");
    }

    #[test]
    fn a_server_that_watches_nothing_says_what_it_needs() {
        assert!(text(Value::Null, 0).unwrap().contains("--advise"));
    }
}
