//! How a cache is watched for `auto`: what it tells the watch of requests for sampled keys, and how what was decided is put in
//! force, a few shards per operation.
//!
//! Locks are taken in this order: control, watch, shard. An operation has left its shard when it tells the watch.

use std::sync::atomic::Ordering::Relaxed;

use super::{Cache, Control};
use crate::auto::report::{AutoReport, Curve, Decision};
use crate::auto::{Totals, Watch, Watched};
use crate::hash::Key;
use crate::limits::{SWITCH_ITEMS, SWITCH_SHARDS};
use crate::policy::name::PolicyName;
use crate::store::Unit;
use crate::time::{Expiry, Millis};

/// Where putting in force what was decided goes on.
#[derive(Clone, Copy)]
pub(super) enum Spread {
    /// The next shard to have the policy.
    Switch { shard: usize },
    /// The next shard whose entries are handed to it.
    Reseed { shard: usize },
}

impl Cache {
    /// Watches the requests and tells which policy would be better, also while `auto` is not asked for; or stops that.
    pub fn advise(&self, advises: bool) {
        let mut control = self.control.lock();
        control.advises = advises;
        self.change_watch(&control);
    }

    /// How the policy is picked: the latest estimates and decisions. `None` while nothing is watched: that needs `auto` or
    /// [`advise`](Cache::advise).
    pub fn auto_report(&self) -> Option<AutoReport> {
        self.auto.with(|watch| watch.report())
    }

    /// Decisions from `number` on, oldest first, as far as they are still known; also while nothing is watched any more.
    pub fn decisions_since(&self, number: u64) -> Vec<Decision> {
        let watched = self.auto.with(|watch| watch.decisions_since(number));
        watched.unwrap_or_else(|| self.auto.past.lock().since(number))
    }

    /// What the cache would miss if it were smaller or larger. `None` while nothing is watched.
    pub fn curve(&self) -> Option<Curve> {
        self.auto.with(|watch| watch.curve())
    }

    /// Begins or ends watching, and tells the watch what is in force.
    pub(super) fn change_watch(&self, control: &Control) {
        let Control { is_auto, advises, policy, .. } = *control;
        self.auto.change(|watch| match watch {
            _ if !is_auto && !advises => {
                if let Some(ended) = watch.take() {
                    *self.auto.past.lock() = ended.into_history();
                }
            }
            Some(watch) => {
                watch.set_auto(is_auto);
                watch.switched(policy);
            }
            None => {
                let watched = Watched {
                    policies: self.policies.clone(),
                    in_force: policy,
                    capacity: self.budget.capacity(),
                    counts_entries: self.capacity.unit() == Unit::Entries,
                    is_auto,
                };
                let past = std::mem::take(&mut *self.auto.past.lock());
                *watch = Some(Box::new(Watch::new(watched, self.totals(), past)));
            }
        });
    }

    #[cold]
    #[inline(never)]
    pub(super) fn watch_get(&self, key: Key<'_>, known: Option<(u64, Option<Expiry>)>, now: Millis) {
        self.watch(|watch| watch.get(key.hash(), known, now, || self.totals()));
    }

    /// A value of this length was stored.
    #[inline]
    pub(crate) fn watch_stored(&self, key: Key<'_>, value_len: usize, expiry: Option<Expiry>, now: Millis) {
        if self.auto.samples(key) {
            let weight = self.weight(key.bytes().len(), value_len as u64, Expiry::timing(expiry));
            self.watch_set(key, (weight, expiry), now);
        }
    }

    #[cold]
    #[inline(never)]
    fn watch_set(&self, key: Key<'_>, known: (u64, Option<Expiry>), now: Millis) {
        self.watch(|watch| watch.set(key.hash(), known, now, || self.totals()));
    }

    #[cold]
    #[inline(never)]
    pub(super) fn watch_delete(&self, key: Key<'_>, now: Millis) {
        self.watch(|watch| watch.delete(key.hash(), now, || self.totals()));
    }

    #[cold]
    #[inline(never)]
    pub(super) fn watch_expiry(&self, key: Key<'_>, now: Millis) {
        let known = self.shard(key).known(key);
        if let Some((_, expiry)) = known {
            self.watch(|watch| watch.set_expiry(key.hash(), expiry, now, || self.totals()));
        }
    }

    /// The cache is being emptied.
    pub(super) fn watch_restart(&self) {
        self.auto.with(|watch| watch.restart(self.totals()));
    }

    pub(super) fn watch_capacity(&self, capacity: u64) {
        self.auto.with(|watch| watch.set_capacity(capacity, self.totals()));
    }

    /// Tells the watch of a request for a sampled key, and takes the next step of what it has decided.
    fn watch(&self, tell: impl FnOnce(&mut Watch) -> Option<PolicyName>) {
        self.spread_step();
        let Some(policy) = self.auto.with(tell).flatten() else { return };
        let mut control = self.control.lock();
        // Somebody may have asked for a policy meanwhile.
        if control.is_auto {
            control.policy = policy;
            control.spread = Some(Spread::Switch { shard: 0 });
            self.is_spreading.store(true, Relaxed);
            self.change_watch(&control);
        }
    }

    /// Puts what was decided in force in some shards, or hands some entries of one to the policy.
    pub(super) fn spread_step(&self) {
        if !self.is_spreading.load(Relaxed) {
            return;
        }
        let mut control = self.control.lock();
        let policy = control.policy;
        control.spread = control.spread.and_then(|spread| match spread {
            Spread::Switch { shard } => {
                let end = self.shards.len().min(shard + SWITCH_SHARDS);
                for shard in &self.shards[shard..end] {
                    shard.0.lock().switch(policy, true);
                }
                Some(if end < self.shards.len() {
                    Spread::Switch { shard: end }
                } else {
                    Spread::Reseed { shard: 0 }
                })
            }
            Spread::Reseed { shard } => {
                let next = shard + usize::from(self.reseed_shard(shard, SWITCH_ITEMS));
                (next < self.shards.len()).then_some(Spread::Reseed { shard: next })
            }
        });
        self.is_spreading.store(control.spread.is_some(), Relaxed);
    }

    fn totals(&self) -> Totals {
        let mut totals = Totals { used: self.budget.used(), ..Totals::default() };
        for shard in &self.shards {
            let shard = shard.0.lock();
            let counters = shard.counters();
            totals.gets += counters.gets();
            totals.misses += counters.misses;
            totals.entries += shard.entries();
        }
        totals
    }
}
