//! The curve: what the cache would miss at other sizes, from shadows of those sizes that follow the policy in force, switch
//! by switch. Where only advice is given, a second row of shadows follows the advice.

use super::shadow::{Request, Shadow};
use crate::policy::name::PolicyName;

/// The sizes, as multiples of the capacity.
pub(super) const SCALES: [f64; 6] = [0.1, 0.25, 0.5, 1.0, 2.0, 4.0];

/// The estimate rests on the gets of so many turnovers of the cache at most, and on half of them at least.
const TURNOVERS: f64 = 256.0;

struct Row {
    shadows: Vec<Shadow>,
    /// In windows that are over, and in the present one.
    misses: [f64; SCALES.len()],
    present: [u32; SCALES.len()],
    /// Shadows from here on still have another policy.
    following: usize,
    /// And are empty: they begin with the content of those that follow what is in force.
    is_fresh: bool,
    name: PolicyName,
}

impl Row {
    fn new(name: PolicyName, capacity: u64) -> Row {
        let shadows = SCALES.iter().map(|&scale| Shadow::new(name, scaled(capacity, scale), true)).collect();
        Row {
            shadows,
            misses: [0.0; SCALES.len()],
            present: [0; SCALES.len()],
            following: SCALES.len(),
            is_fresh: false,
            name,
        }
    }

    /// Takes requests, of which those in `gets` are gets; those that hit at the size 1.
    fn run(&mut self, requests: &[Request], gets: u64) -> u64 {
        let mut mirror_hits = 0;
        for (place, (shadow, misses)) in self.shadows.iter_mut().zip(&mut self.present).enumerate() {
            let hits = shadow.run(requests);
            *misses += (gets & !hits).count_ones();
            if place == MIRROR {
                mirror_hits = hits;
            }
        }
        mirror_hits
    }

    /// Switches one shadow to the policy of the row; false if all have it.
    fn follow(&mut self, in_force: Option<&Row>) -> bool {
        let at = self.following;
        let Some(shadow) = self.shadows.get_mut(at) else {
            self.is_fresh = false;
            return false;
        };
        match in_force {
            Some(row) if self.is_fresh => *shadow = row.shadows[at].with_policy(self.name),
            _ => shadow.switch(self.name),
        }
        self.following += 1;
        true
    }
}

pub(super) struct Sizes {
    in_force: Row,
    advised: Option<Row>,
    gets: f64,
    /// What the cache itself missed in those gets, scaled to the sample.
    missed: f64,
}

impl Sizes {
    pub(super) fn new(name: PolicyName, capacity: u64) -> Sizes {
        Sizes { in_force: Row::new(name, capacity), advised: None, gets: 0.0, missed: 0.0 }
    }

    /// The shadow of the cache as it is; its entries are the present content.
    pub(super) fn mirror(&self) -> &Shadow {
        &self.in_force.shadows[MIRROR]
    }

    /// Takes requests, of which those in `gets` are gets; those that the cache as it is would hit.
    pub(super) fn run(&mut self, requests: &[Request], gets: u64) -> u64 {
        if let Some(advised) = &mut self.advised {
            advised.run(requests, gets);
        }
        self.in_force.run(requests, gets)
    }

    /// What was missed at other sizes does not count any more.
    pub(super) fn set_capacity(&mut self, capacity: u64) {
        (self.gets, self.missed) = (0.0, 0.0);
        for row in [Some(&mut self.in_force), self.advised.as_mut()].into_iter().flatten() {
            (row.misses, row.present) = ([0.0; SCALES.len()], [0; SCALES.len()]);
            for (shadow, scale) in row.shadows.iter_mut().zip(SCALES) {
                shadow.set_capacity(scaled(capacity, scale));
            }
        }
    }

    /// Another policy is in force: the shadow of the cache as it is has it at once, the others one in each
    /// [`follow`](Sizes::follow). Advice was about what was in force before.
    pub(super) fn switch(&mut self, name: PolicyName) {
        self.in_force.shadows[MIRROR].switch(name);
        self.in_force.name = name;
        self.in_force.following = 0;
        self.advised = None;
    }

    /// Another policy would be better than the one in force.
    pub(super) fn advise(&mut self, name: PolicyName, capacity: u64) {
        if name == self.in_force.name {
            self.advised = None;
            return;
        }
        let row = self.advised.get_or_insert_with(|| {
            // It begins with what the cache would have missed until now.
            let misses = self.in_force.misses;
            Row { misses, is_fresh: true, ..Row::new(name, capacity) }
        });
        row.name = name;
        row.following = 0;
    }

    /// A bounded step of what a switch has left to do; false if there is nothing.
    pub(super) fn follow(&mut self) -> bool {
        let Sizes { in_force, advised, .. } = self;
        in_force.follow(None) || advised.as_mut().is_some_and(|row| row.follow(Some(in_force)))
    }

    /// A window of so many gets is over, of which the cache itself `missed` some, both scaled to the sample; `turnover` is how many
    /// turn the cache over.
    pub(super) fn end_window(&mut self, gets: f64, missed: f64, turnover: f64) {
        self.gets += gets;
        self.missed += missed;
        let keep = if self.gets > TURNOVERS * turnover { 0.5 } else { 1.0 };
        self.gets *= keep;
        self.missed *= keep;
        for row in [Some(&mut self.in_force), self.advised.as_mut()].into_iter().flatten() {
            for (misses, present) in row.misses.iter_mut().zip(&mut row.present) {
                *misses = (*misses + f64::from(std::mem::take(present))) * keep;
            }
        }
    }

    /// Gets that the curve rests on.
    pub(super) fn gets(&self) -> f64 {
        self.gets
    }

    /// The policy of the second column, and for each size the miss ratios in force and of that one.
    pub(super) fn ratios(&self) -> (PolicyName, Vec<(f64, f64)>) {
        // What chance has put into the sample, keys that come once above all, is wrong by about as much at every size; and at the
        // present one the truth is known.
        let error = self.missed - self.in_force.misses[MIRROR];
        let ratio = |misses: f64| {
            if self.gets > 0.0 { ((misses + error) / self.gets).clamp(0.0, 1.0) } else { 1.0 }
        };
        let best = self.advised.as_ref().unwrap_or(&self.in_force);
        let both = self.in_force.misses.iter().zip(&best.misses);
        (best.name, both.map(|(&in_force, &best)| (ratio(in_force), ratio(best))).collect())
    }
}

/// The place of the size 1.
const MIRROR: usize = 3;

fn scaled(capacity: u64, scale: f64) -> u64 {
    ((capacity as f64 * scale) as u64).max(1)
}
