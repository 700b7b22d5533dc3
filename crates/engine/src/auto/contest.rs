//! The contest: a shadow for each configured policy, twice. The judged shadows are compared; the warming ones were started
//! from the present content of the cache, and run an epoch unjudged: a shadow that starts from the content of a better policy looks
//! good until it has turned that content over. Then each takes the place of the judged one, unless that does better. Without such
//! restarts, a policy that has filled its shadow with what is useless now (MRU after a scan) would never be seen to be right again.

use super::judge::Tally;
use super::shadow::{Request, Resident, Shadow};
use crate::policy::name::PolicyName;

struct Pair {
    judged: Shadow,
    warming: Shadow,
    tally: Tally,
    /// Misses of each in the second half of the epoch.
    judged_misses: u32,
    warming_misses: u32,
}

pub(super) struct Contest {
    pairs: Vec<Pair>,
    /// Pairs from here on wait for a restart of their warming shadow.
    restarting: usize,
}

impl Contest {
    pub(super) fn new(policies: &[PolicyName], capacity: u64) -> Contest {
        let shadow = |name| Shadow::new(name, capacity, false);
        let pair = |&name: &PolicyName| Pair {
            judged: shadow(name),
            warming: shadow(name),
            tally: Tally::default(),
            judged_misses: 0,
            warming_misses: 0,
        };
        Contest { pairs: policies.iter().map(pair).collect(), restarting: policies.len() }
    }

    /// Takes requests, of which those in `gets` are gets and what is in force hits those in `in_force_hits`.
    pub(super) fn run(&mut self, requests: &[Request], gets: u64, in_force_hits: u64) {
        for pair in &mut self.pairs {
            let hits = pair.judged.run(requests);
            let misses = (gets & !hits).count_ones();
            pair.tally.misses += misses;
            pair.tally.contested += (gets & (hits ^ in_force_hits)).count_ones();
            pair.judged_misses += misses;
            pair.warming_misses += (gets & !pair.warming.run(requests)).count_ones();
        }
    }

    /// Does the same to every shadow.
    pub(super) fn each(&mut self, mut change: impl FnMut(&mut Shadow)) {
        for pair in &mut self.pairs {
            change(&mut pair.judged);
            change(&mut pair.warming);
        }
    }

    /// What the window that ends here showed of each policy.
    pub(super) fn end_window(&mut self) -> impl Iterator<Item = Tally> {
        self.pairs.iter_mut().map(|pair| std::mem::take(&mut pair.tally))
    }

    /// The warming shadows have turned over: from here on they are compared with the judged ones.
    pub(super) fn end_first_half(&mut self) {
        for pair in &mut self.pairs {
            (pair.judged_misses, pair.warming_misses) = (0, 0);
        }
    }

    /// An epoch ends: the better of each pair is judged from here on, and the warming shadows start anew, one in each
    /// [`restart`](Contest::restart).
    pub(super) fn end_epoch(&mut self) {
        for pair in &mut self.pairs {
            if pair.warming_misses < pair.judged_misses {
                std::mem::swap(&mut pair.judged, &mut pair.warming);
            }
        }
        self.restarting = 0;
    }

    /// Starts one warming shadow from what is in the cache; false if none waits for that.
    pub(super) fn restart(&mut self, capacity: u64, content: impl FnOnce() -> Vec<Resident>) -> bool {
        let Some(pair) = self.pairs.get_mut(self.restarting) else { return false };
        pair.warming = Shadow::of(pair.warming.name(), capacity, false, content());
        self.restarting += 1;
        true
    }
}
