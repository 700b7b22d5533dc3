//! What a person can see of how the policy is picked: decisions with their numbers, and the curve of miss ratios over sizes.

use std::collections::VecDeque;

use crate::policy::name::PolicyName;
use crate::time::Millis;

/// Decisions of each kind, kept and switched, that the history holds.
const HISTORY_EACH: usize = 64;

/// What a policy would miss, estimated on the sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The policy.
    pub policy: PolicyName,
    /// Share of gets that would miss, 0 to 1, over the last decisions.
    pub miss_ratio: f64,
}

/// What came of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The policy in force stays.
    Kept,
    /// Another policy is put in force.
    Switched,
    /// Another policy would be better than what is in force and what was advised before, or none is any more; it is not put in
    /// force, since nobody asked for `auto`.
    Advised,
}

/// A decision and the numbers that it rests on.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// Counts decisions, from 0; none is left out.
    pub number: u64,
    /// When, on the clock of the operation that brought it about.
    pub at: Millis,
    /// Gets of the cache since it was made.
    pub gets: u64,
    /// Gets of sampled keys since the last decision.
    pub sampled_gets: u64,
    /// One key in so many is sampled.
    pub one_in: u64,
    /// Entries in the shadow of the policy in force.
    pub sample_entries: u64,
    /// The policy that was in force.
    pub from: PolicyName,
    /// The policy that is in force now, or would be.
    pub to: PolicyName,
    /// What came of it.
    pub outcome: Outcome,
    /// The policy that came nearest to being put in force, or was; none where only one is configured.
    pub rival: Option<PolicyName>,
    /// By how much it was better than what was in force, as a share of gets; below 0 if it was worse. A lasting advantage is
    /// measured over more decisions than the estimates are.
    pub advantage: f64,
    /// How much it would have had to be, as a share of gets.
    pub margin: f64,
    /// What was in force missed, on the same sample.
    pub in_force: f64,
    /// Every configured policy, in their order.
    pub estimates: Vec<Estimate>,
}

/// What is known about how the policy is picked.
#[derive(Clone, Debug)]
pub struct AutoReport {
    /// Whether decisions are carried out; otherwise they are advice.
    pub is_auto: bool,
    /// The policy in force.
    pub policy: PolicyName,
    /// The policy that would be better; the one in force, where none is by the margin.
    pub advised: PolicyName,
    /// One key in so many is sampled.
    pub one_in: u64,
    /// Entries in the shadow of the policy in force.
    pub sample_entries: u64,
    /// Decisions since the cache was made.
    pub decisions: u64,
    /// Decisions that switched, or advised to.
    pub switches: u64,
    /// Miss ratio of what is in force, estimated on the sample; none while the sample has seen too few gets, since it began
    /// or the cache was emptied.
    pub in_force: Option<f64>,
    /// The latest estimates, in the order in which policies are configured; empty as long.
    pub estimates: Vec<Estimate>,
    /// The latest decisions of each kind, oldest first.
    pub history: Vec<Decision>,
}

/// A point of a curve of miss ratios.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CurvePoint {
    /// The size as a multiple of the capacity.
    pub scale: f64,
    /// The size in the unit of the capacity.
    pub capacity: u64,
    /// Miss ratio of the policy in force at this size, 0 to 1.
    pub in_force: f64,
    /// Miss ratio of the best policy at this size.
    pub best: f64,
}

/// What the cache would miss if it were smaller or larger.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// The policy in force.
    pub policy: PolicyName,
    /// The policy that the column `best` is of; the one in force, where none is better by the margin.
    pub best: PolicyName,
    /// Gets that the estimate rests on, sampled or not.
    pub gets: u64,
    /// From the smallest size to the largest.
    pub points: Vec<CurvePoint>,
}

/// The latest decisions. Switches are rare and interesting, so decisions to keep do not push them out.
#[derive(Default)]
pub(crate) struct History {
    kept: VecDeque<Decision>,
    changed: VecDeque<Decision>,
    pub(super) decisions: u64,
    pub(super) switches: u64,
}

impl History {
    pub(super) fn add(&mut self, decision: Decision) {
        self.decisions += 1;
        let ring = if decision.outcome == Outcome::Kept {
            &mut self.kept
        } else {
            self.switches += 1;
            &mut self.changed
        };
        if ring.len() == HISTORY_EACH {
            ring.pop_front();
        }
        ring.push_back(decision);
    }

    /// The decisions from `number` on, oldest first.
    pub(crate) fn since(&self, number: u64) -> Vec<Decision> {
        let both = self.kept.iter().chain(&self.changed);
        let mut decisions: Vec<Decision> =
            both.filter(|decision| decision.number >= number).cloned().collect();
        decisions.sort_by_key(|decision| decision.number);
        decisions
    }
}
