//! The judge: moving averages of what each policy misses on the sample, and when one of them is better enough to be worth a
//! switch.
//!
//! Two averages, since two kinds of advantage are worth something. A large one shows in a few windows: a phase of the work
//! has ended. A small one that lasts shows only in many. Both have to exceed a margin, and what chance alone makes of
//! a sample of this size; and the margin is raised by every switch and sinks again, so that policies that are nearly equal do
//! not take turns: each switch costs the newcomer the ghosts and the order that it would have had.

use crate::policy::name::PolicyName;

/// Weight of the newest window in the average that sees phases.
const FAST: f64 = 0.5;
/// And in the one that sees what lasts.
const SLOW: f64 = 0.12;
/// What an advantage must exceed, as a share of gets.
const MARGIN_FAST: f64 = 0.02;
const MARGIN_SLOW: f64 = 0.008;
/// What these are multiplied with for MRU. It never evicts what is old, so what it gains at first it often loses when that is of
/// no use any more; where it is right, its advantage is large.
const MARGIN_MRU: f64 = 2.5;
/// What a switch adds to the margin, up to which sum, and what is left of that after each further window.
const MARGIN_RAISE: f64 = 0.02;
const MARGIN_RAISE_MAX: f64 = 0.1;
const MARGIN_DECAY: f64 = 0.97;
/// Standard errors of the sample that are taken for chance.
const ERRORS: f64 = 1.0;

/// What a window showed of one policy, in sampled gets.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) misses: u32,
    /// Gets that what is in force missed and this policy hit, or the other way round.
    pub(super) contested: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Average {
    fast: f64,
    slow: f64,
    /// Variances of the averages of the difference to what is in force.
    fast_variance: f64,
    slow_variance: f64,
}

impl Average {
    fn add(&mut self, tally: Tally, gets: f64, is_first: bool) {
        let ratio = f64::from(tally.misses) / gets;
        let variance = f64::from(tally.contested.max(1)) / (gets * gets);
        if is_first {
            *self = Average { fast: ratio, slow: ratio, fast_variance: variance, slow_variance: variance };
            return;
        }
        let blend = |old: &mut f64, new: f64, weight: f64| *old += weight * (new - *old);
        let spread = |old: &mut f64, weight: f64| {
            *old = *old * (1.0 - weight) * (1.0 - weight) + variance * weight * weight;
        };
        blend(&mut self.fast, ratio, FAST);
        blend(&mut self.slow, ratio, SLOW);
        spread(&mut self.fast_variance, FAST);
        spread(&mut self.slow_variance, SLOW);
    }
}

/// A policy that is not in force, and how it compares with what is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verdict {
    /// Its place among the policies.
    pub(super) rival: usize,
    pub(super) advantage: f64,
    pub(super) margin: f64,
    pub(super) is_worth_it: bool,
}

pub(super) struct Judge {
    policies: Vec<Average>,
    /// What the margins are multiplied with for each.
    cautions: Vec<f64>,
    in_force: Average,
    raise: f64,
    windows: u64,
}

impl Judge {
    pub(super) fn new(policies: &[PolicyName]) -> Judge {
        let caution = |&name: &PolicyName| if name == PolicyName::Mru { MARGIN_MRU } else { 1.0 };
        Judge {
            policies: vec![Average::default(); policies.len()],
            cautions: policies.iter().map(caution).collect(),
            in_force: Average::default(),
            raise: 0.0,
            windows: 0,
        }
    }

    /// A window of `gets` gets is over.
    pub(super) fn add(&mut self, gets: f64, in_force: Tally, policies: impl Iterator<Item = Tally>) {
        let is_first = self.windows == 0;
        self.windows += 1;
        self.raise *= MARGIN_DECAY;
        self.in_force.add(in_force, gets, is_first);
        for (average, tally) in self.policies.iter_mut().zip(policies) {
            average.add(tally, gets, is_first);
        }
    }

    /// The policy with the largest advantage over its margin, but the one that is in force: its shadow may do better than the
    /// cache, whose past is another, but there is nothing to switch to. None where no other is configured.
    pub(super) fn verdict(&self, in_force: Option<usize>) -> Option<Verdict> {
        let others = (0..self.policies.len()).filter(|&at| Some(at) != in_force);
        let verdicts = others.map(|at| self.compare(at));
        let excess = |verdict: &Verdict| verdict.advantage - verdict.margin;
        let is_better = |a: &Verdict, b: &Verdict| {
            a.is_worth_it.cmp(&b.is_worth_it).then(excess(a).total_cmp(&excess(b)))
        };
        verdicts.max_by(is_better)
    }

    /// The same where `advised` was advised before and not put in force: that advice stays until another policy is better than
    /// that one by the margin too, and is withdrawn when what is in force does as well.
    pub(super) fn advice(&self, in_force: Option<usize>, advised: usize) -> Option<Verdict> {
        let (best, standing) = (self.verdict(in_force)?, self.compare(advised));
        let is_outdone = best.is_worth_it && best.advantage - standing.advantage > best.margin;
        let is_better = standing.advantage > 0.0;
        Some(if is_outdone || !is_better { best } else { Verdict { is_worth_it: true, ..standing } })
    }

    fn compare(&self, at: usize) -> Verdict {
        let policy = &self.policies[at];
        let fast = self.in_force.fast - policy.fast;
        let slow = self.in_force.slow - policy.slow;
        let caution = self.cautions[at];
        let fast_margin = caution * MARGIN_FAST + self.raise + ERRORS * policy.fast_variance.sqrt();
        let slow_margin = caution * MARGIN_SLOW + self.raise + ERRORS * policy.slow_variance.sqrt();
        let lasts = slow > slow_margin && fast > 0.0;
        if lasts || slow - slow_margin > fast - fast_margin {
            Verdict { rival: at, advantage: slow, margin: slow_margin, is_worth_it: lasts }
        } else {
            Verdict { rival: at, advantage: fast, margin: fast_margin, is_worth_it: fast > fast_margin }
        }
    }

    /// A policy is put in force: what it was estimated to miss is what is expected now.
    pub(super) fn switched(&mut self, to: usize) {
        self.in_force = self.policies[to];
        self.raise = (self.raise + MARGIN_RAISE).min(MARGIN_RAISE_MAX);
    }

    /// Estimated miss ratios of all policies; none before the end of a window.
    pub(super) fn estimates(&self) -> impl Iterator<Item = f64> {
        let known = if self.windows == 0 { 0 } else { self.policies.len() };
        self.policies[..known].iter().map(|average| average.fast.clamp(0.0, 1.0))
    }

    /// Estimated miss ratio of what is in force; none before the end of a window.
    pub(super) fn in_force(&self) -> Option<f64> {
        (self.windows > 0).then_some(self.in_force.fast.clamp(0.0, 1.0))
    }
}
