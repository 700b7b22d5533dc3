//! The watch over one cache: takes the requests of sampled keys, runs the shadows, and after every window decides.

use super::contest::Contest;
use super::curve::{SCALES, Sizes};
use super::judge::{Judge, Tally};
use super::rate::Rate;
use super::report::{AutoReport, Curve, CurvePoint, Decision, Estimate, History, Outcome};
use super::shadow::{NEVER, Request, Sample, Shadow, What};
use crate::policy::name::PolicyName;
use crate::time::{Expiry, Millis};

/// Gets of sampled keys that a window has at least; else as many as turn the cache over.
const WINDOW_GETS_MIN: f64 = 256.0;

/// Windows from one restart of the warming shadows to the next.
const EPOCH_WINDOWS: u64 = 4;

/// Requests that are taken through the shadows together, 64 at most.
const BATCH: usize = 32;

/// Entries of a shadow from which only one is started anew at a time.
const LARGE_SHADOW: u32 = 1_024;

/// Places for keys that were missed and whose value may be on its way.
const AWAITED: usize = 256;

/// A tick of the sample's clock in milliseconds.
const TICK_MS: u64 = 64;

/// Weight of an entry that is assumed until there are some. If there are smaller ones, the sample begins too large, and that
/// is seen soon.
const BYTES_ASSUMED: f64 = 4096.0;

/// What the watch asks the cache for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    /// Gets since the cache was made.
    pub(crate) gets: u64,
    /// And those among them that missed.
    pub(crate) misses: u64,
    pub(crate) entries: u64,
    pub(crate) used: u64,
}

/// What the watch is over.
#[derive(Clone, Debug)]
pub(crate) struct Watched {
    pub(crate) policies: Vec<PolicyName>,
    pub(crate) in_force: PolicyName,
    pub(crate) capacity: u64,
    pub(crate) counts_entries: bool,
    /// Decisions are carried out.
    pub(crate) is_auto: bool,
}

impl Watched {
    fn rate(&self, totals: Totals) -> Rate {
        let each = match totals.entries {
            _ if self.counts_entries => 1.0,
            0..32 => BYTES_ASSUMED,
            entries => totals.used as f64 / entries as f64,
        };
        Rate::of(self.capacity as f64 / each.max(1.0))
    }
}

pub(crate) struct Watch {
    watched: Watched,
    rate: Rate,
    sizes: Sizes,
    contest: Contest,
    judge: Judge,
    history: History,
    advised: PolicyName,
    /// Prints of keys that were missed last: a set of one of them is the answer to the miss, not a use.
    awaited: Box<[u32; AWAITED]>,
    origin: Option<Millis>,
    /// Gets and misses of the shadow of the cache in this window.
    sampled_gets: u64,
    sampled_misses: u32,
    /// The cache's gets and misses when the window began.
    window_began: Totals,
    /// Sampled gets after which it is worth looking whether the window is over.
    look_after: f64,
    windows: u64,
    /// Sampled sets since the sample began, and after how many it is worth looking whether it has the right size.
    sets: u64,
    check_rate_after: u64,
    /// Requests that wait to be taken through the shadows, and which of them are gets.
    batch: Vec<Request>,
    gets: u64,
}

impl Watch {
    /// `history` is what other watches over the cache have decided.
    pub(crate) fn new(watched: Watched, totals: Totals, history: History) -> Watch {
        let rate = watched.rate(totals);
        let scaled = rate.scale(watched.capacity);
        Watch {
            rate,
            sizes: Sizes::new(watched.in_force, scaled),
            contest: Contest::new(&watched.policies, scaled),
            judge: Judge::new(&watched.policies),
            history,
            advised: watched.in_force,
            awaited: Box::new([0; AWAITED]),
            origin: None,
            sampled_gets: 0,
            sampled_misses: 0,
            window_began: totals,
            look_after: WINDOW_GETS_MIN,
            windows: 0,
            sets: 0,
            check_rate_after: 64,
            batch: Vec::with_capacity(BATCH),
            gets: 0,
            watched,
        }
    }

    /// Mixed hashes below it are sampled.
    pub(crate) fn threshold(&self) -> u64 {
        self.rate.threshold()
    }

    /// A get of a sampled key; `found` is what the entry weighs and when it ends, if the cache had it. The policy to put in
    /// force, if there is to be another.
    pub(crate) fn get(
        &mut self,
        hash: u64,
        found: Option<(u64, Option<Expiry>)>,
        now: Millis,
        totals: impl FnOnce() -> Totals,
    ) -> Option<PolicyName> {
        let (print, tick) = (print(hash), self.tick(now));
        let found = found.map(|(weight, expiry)| self.sample(print, weight, expiry));
        if found.is_none() {
            self.awaited[print as usize % AWAITED] = print;
        }
        self.gets |= 1 << self.batch.len();
        self.take(Request { tick, what: What::Get { print, found } }, now, totals)
    }

    /// A value of a sampled key was stored. The policy to put in force, if there is to be another.
    pub(crate) fn set(
        &mut self,
        hash: u64,
        (weight, expiry): (u64, Option<Expiry>),
        now: Millis,
        totals: impl FnOnce() -> Totals,
    ) -> Option<PolicyName> {
        let tick = self.tick(now);
        let sample = self.sample(print(hash), weight, expiry);
        let awaited = &mut self.awaited[sample.print as usize % AWAITED];
        let is_use = std::mem::replace(awaited, 0) != sample.print;
        self.sets += 1;
        self.take(Request { tick, what: What::Set { sample, is_use } }, now, totals)
    }

    /// The entry of a sampled key was removed. The policy to put in force, if there is to be another.
    pub(crate) fn delete(
        &mut self,
        hash: u64,
        now: Millis,
        totals: impl FnOnce() -> Totals,
    ) -> Option<PolicyName> {
        let tick = self.tick(now);
        self.take(Request { tick, what: What::Delete { print: print(hash) } }, now, totals)
    }

    /// The entry of a sampled key ends at another time. The policy to put in force, if there is to be another.
    pub(crate) fn set_expiry(
        &mut self,
        hash: u64,
        expiry: Option<Expiry>,
        now: Millis,
        totals: impl FnOnce() -> Totals,
    ) -> Option<PolicyName> {
        let tick = self.tick(now);
        let Sample { print, deadline, .. } = self.sample(print(hash), 1, expiry);
        self.take(Request { tick, what: What::Expiry { print, deadline } }, now, totals)
    }

    /// Puts a request to the others, and when there are enough takes them through the shadows.
    fn take(&mut self, request: Request, now: Millis, totals: impl FnOnce() -> Totals) -> Option<PolicyName> {
        self.batch.push(request);
        if self.batch.len() < BATCH {
            return None;
        }
        let gets = std::mem::take(&mut self.gets);
        let hits = self.sizes.run(&self.batch, gets);
        self.contest.run(&self.batch, gets, hits);
        self.batch.clear();
        self.sampled_gets += u64::from(gets.count_ones());
        self.sampled_misses += (gets & !hits).count_ones();
        let decided = if self.sampled_gets as f64 >= self.look_after {
            self.look(totals(), now)
        } else {
            if self.sets >= self.check_rate_after {
                self.check_rate_after *= 4;
                self.check_rate(totals());
            }
            None
        };
        self.step();
        decided
    }

    /// The cache was emptied, or has become something else: the sample begins anew. What was decided stays known.
    pub(crate) fn restart(&mut self, totals: Totals) {
        let history = std::mem::take(&mut self.history);
        *self = Watch::new(self.watched.clone(), totals, history);
    }

    pub(crate) fn set_capacity(&mut self, capacity: u64, totals: Totals) {
        self.watched.capacity = capacity;
        if self.watched.rate(totals).is_far_from(self.rate) {
            return self.restart(totals);
        }
        let scaled = self.rate.scale(capacity);
        self.sizes.set_capacity(scaled);
        self.contest.each(|shadow: &mut Shadow| shadow.set_capacity(scaled));
        // The window begins anew: it would be of two sizes.
        self.contest.end_window().for_each(drop);
        self.begin_window(totals, self.window_gets());
    }

    /// Somebody has put a policy in force.
    pub(crate) fn switched(&mut self, name: PolicyName) {
        if name != self.watched.in_force {
            self.put_in_force(name);
        }
    }

    pub(crate) fn set_auto(&mut self, is_auto: bool) {
        self.watched.is_auto = is_auto;
        if is_auto && self.advised != self.watched.in_force {
            // From now on it is the next decision that counts.
            self.advise(self.watched.in_force);
        }
    }

    /// What was decided, for the watch that comes after this one.
    pub(crate) fn into_history(self) -> History {
        self.history
    }

    /// The decisions from `number` on that are still known.
    pub(crate) fn decisions_since(&self, number: u64) -> Vec<Decision> {
        self.history.since(number)
    }

    pub(crate) fn report(&self) -> AutoReport {
        AutoReport {
            is_auto: self.watched.is_auto,
            policy: self.watched.in_force,
            advised: self.advised,
            one_in: self.rate.one_in(),
            sample_entries: self.sizes.mirror().entries().into(),
            decisions: self.history.decisions,
            switches: self.history.switches,
            in_force: self.judge.in_force(),
            estimates: self.estimates(),
            history: self.history.since(0),
        }
    }

    pub(crate) fn curve(&self) -> Curve {
        let (best, ratios) = self.sizes.ratios();
        let point = |(scale, (in_force, best)): (f64, (f64, f64))| CurvePoint {
            scale,
            capacity: (self.watched.capacity as f64 * scale) as u64,
            in_force,
            best,
        };
        Curve {
            policy: self.watched.in_force,
            best,
            gets: (self.sizes.gets() * self.rate.one_in() as f64) as u64,
            points: SCALES.into_iter().zip(ratios).map(point).collect(),
        }
    }

    /// Ends the window if it is over. The cache's own gets are the measure, not those of the sample: whether one of the
    /// few keys that everybody asks for is sampled is chance, and they are hits under any policy.
    fn look(&mut self, totals: Totals, now: Millis) -> Option<PolicyName> {
        let wanted = self.window_gets();
        let gets = totals.gets.saturating_sub(self.window_began.gets) as f64 / self.rate.one_in() as f64;
        let sampled = self.sampled_gets as f64;
        if gets < wanted * 0.9 {
            let missing = (wanted / gets.max(1.0) - 1.0) * sampled;
            self.look_after = sampled + missing.clamp(16.0, 4.0 * wanted);
            return None;
        }
        let tally = Tally { misses: self.sampled_misses, contested: 0 };
        self.judge.add(gets, tally, self.contest.end_window());
        let missed = totals.misses.saturating_sub(self.window_began.misses) as f64;
        self.sizes.end_window(gets, missed / self.rate.one_in() as f64, wanted);
        let decided = if self.sizes.mirror().has_evicted() { self.decide(totals, now) } else { None };
        self.begin_window(totals, wanted);
        if !self.check_rate(totals) {
            self.end_window();
        }
        decided
    }

    /// Sampled gets that a window has.
    fn window_gets(&self) -> f64 {
        f64::from(self.sizes.mirror().entries()).max(WINDOW_GETS_MIN)
    }

    fn begin_window(&mut self, totals: Totals, wanted: f64) {
        (self.sampled_gets, self.sampled_misses) = (0, 0);
        (self.window_began, self.look_after) = (totals, wanted);
    }

    fn end_window(&mut self) {
        if !self.sizes.mirror().has_evicted() {
            return;
        }
        self.windows += 1;
        match self.windows % EPOCH_WINDOWS {
            0 => self.contest.end_epoch(),
            n if n == EPOCH_WINDOWS / 2 => self.contest.end_first_half(),
            _ => {}
        }
    }

    fn decide(&mut self, totals: Totals, now: Millis) -> Option<PolicyName> {
        let from = self.watched.in_force;
        let in_force = self.place(from);
        let verdict = match self.place(self.advised) {
            Some(advised) if self.advised != from => self.judge.advice(in_force, advised),
            _ => self.judge.verdict(in_force),
        };
        let rival = verdict.map(|verdict| self.watched.policies[verdict.rival]);
        let better = rival.filter(|_| verdict.is_some_and(|verdict| verdict.is_worth_it));
        let best = better.unwrap_or(from);
        let outcome = match self.watched.is_auto {
            true if best != from => Outcome::Switched,
            false if best != self.advised => Outcome::Advised,
            _ => Outcome::Kept,
        };
        let decision = Decision {
            number: self.history.decisions,
            at: now,
            gets: totals.gets,
            sampled_gets: self.sampled_gets,
            one_in: self.rate.one_in(),
            sample_entries: self.sizes.mirror().entries().into(),
            from,
            to: best,
            outcome,
            rival,
            advantage: verdict.map_or(0.0, |verdict| verdict.advantage),
            margin: verdict.map_or(0.0, |verdict| verdict.margin),
            in_force: self.judge.in_force().unwrap_or_default(),
            estimates: self.estimates(),
        };
        self.history.add(decision);
        match outcome {
            Outcome::Switched => {
                self.put_in_force(best);
                return Some(best);
            }
            Outcome::Advised => self.advise(best),
            Outcome::Kept => {}
        }
        None
    }

    fn place(&self, name: PolicyName) -> Option<usize> {
        self.watched.policies.iter().position(|&policy| policy == name)
    }

    fn advise(&mut self, name: PolicyName) {
        self.advised = name;
        self.sizes.advise(name, self.rate.scale(self.watched.capacity));
    }

    fn put_in_force(&mut self, name: PolicyName) {
        if let Some(at) = self.place(name) {
            self.judge.switched(at);
        }
        self.watched.in_force = name;
        self.advised = name;
        self.sizes.switch(name);
    }

    fn check_rate(&mut self, totals: Totals) -> bool {
        let is_far = self.watched.rate(totals).is_far_from(self.rate);
        if is_far {
            self.restart(totals);
        }
        is_far
    }

    /// A bounded step of what windows and switches have left to do: a few shadows are started from the content of others.
    fn step(&mut self) {
        let shadows = if self.sizes.mirror().entries() < LARGE_SHADOW { 3 } else { 1 };
        for _ in 0..shadows {
            if !self.sizes.follow() {
                let sizes = &self.sizes;
                let capacity = self.rate.scale(self.watched.capacity);
                self.contest.restart(capacity, || sizes.mirror().residents());
            }
        }
    }

    fn estimates(&self) -> Vec<Estimate> {
        let policies = self.watched.policies.iter();
        policies
            .zip(self.judge.estimates())
            .map(|(&policy, miss_ratio)| Estimate { policy, miss_ratio })
            .collect()
    }

    /// Time as the sample counts it.
    fn tick(&mut self, now: Millis) -> u32 {
        let origin = *self.origin.get_or_insert(now);
        ticks(now.0.saturating_sub(origin.0))
    }

    fn sample(&self, print: u32, weight: u64, expiry: Option<Expiry>) -> Sample {
        let origin = self.origin.unwrap_or_default();
        // At the end of its tick an entry is gone. Until then it counts as there: whether a get wants stale ones is not known.
        let ticks =
            |Expiry { evict_at, .. }| ticks(evict_at.0.saturating_sub(origin.0) + TICK_MS).min(NEVER - 1);
        let weight = u32::try_from(weight).unwrap_or(u32::MAX);
        Sample { print, weight, deadline: expiry.map_or(NEVER, ticks) }
    }
}

fn ticks(ms: u64) -> u32 {
    u32::try_from(ms / TICK_MS).unwrap_or(NEVER - 1).min(NEVER - 1)
}

/// What stands for a key in the shadows.
fn print(hash: u64) -> u32 {
    (hash ^ hash >> 32) as u32
}
