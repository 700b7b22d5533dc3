//! What caches that pick their policy have decided, in the log: a line for what changes something, or would; the others are there
//! for who looks closely.

use larder_engine::{Decision, Outcome};
use tracing::{debug, info};

use crate::tenant::Tenant;

/// Up to which decision of each tenant there are lines.
#[derive(Default)]
pub(crate) struct Decisions(Vec<u64>);

impl Decisions {
    /// Logs what is new. `tenants` are the same ones at every call.
    pub(crate) fn log(&mut self, tenants: &[Tenant]) {
        self.0.resize(tenants.len(), 0);
        for (next, tenant) in self.0.iter_mut().zip(tenants) {
            for decision in tenant.cache.decisions_since(*next) {
                *next = decision.number + 1;
                log(&tenant.name, &decision);
            }
        }
    }
}

/// Ratios in per cent, with two decimals.
fn log(tenant: &str, decision: &Decision) {
    let Decision { from, to, gets, sampled_gets, one_in, sample_entries, .. } = decision;
    let points = |share: f64| (share * 10_000.0).round() / 100.0;
    let (missed, advantage, margin) =
        (points(decision.in_force), points(decision.advantage), points(decision.margin));
    let estimates = decision.estimates.iter();
    let estimates: Vec<String> =
        estimates.map(|estimate| format!("{} {}", estimate.policy, points(estimate.miss_ratio))).collect();
    let estimates = estimates.join(", ");
    match decision.outcome {
        Outcome::Switched => info!(
            tenant, %from, %to, missed, advantage, margin, gets, sampled_gets, one_in, sample_entries, estimates,
            "auto: another policy is put in force"
        ),
        Outcome::Advised if from == to => info!(
            tenant, %from, missed, advantage, margin, gets, sampled_gets, one_in, sample_entries, estimates,
            "advice: the policy in force does as well again"
        ),
        Outcome::Advised => info!(
            tenant, %from, %to, missed, advantage, margin, gets, sampled_gets, one_in, sample_entries, estimates,
            "advice: another policy would be better"
        ),
        Outcome::Kept => debug!(
            tenant, %from, missed, advantage, margin, gets, sampled_gets, one_in, sample_entries, estimates,
            "auto: the policy stays"
        ),
    }
}
