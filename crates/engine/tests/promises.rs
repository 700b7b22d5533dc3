//! What a cache promises whatever its policy does, over random operations with wipes, resizes and switches of the policy
//! among them: nothing is lost that still fits, what is used is within the capacity after every call, and FIFO, LRU, MRU and
//! LFU evict by the past of what is resident, also of what came in under another policy.

mod history;
mod rig;

use std::collections::BTreeSet;
use std::sync::Arc;

use history::History;
use larder_engine::{Options, PolicyChoice, Progress};
use proptest::prelude::*;
use rig::{Rig, Step};

/// Steps of the long walk.
const LONG_WALK: usize = 30_000;

/// The engine under changing policies beside the past of what it holds. Every entry weighs one.
struct Entries {
    rig: Rig,
    history: History,
    policy: String,
    capacity: u64,
}

impl Entries {
    fn new(policy: &str, capacity: u64) -> Entries {
        let options = Options { shards: Some(1), ..Options::entries(capacity) };
        let rig = Rig::new(options, policy);
        Entries { rig, history: History::default(), policy: policy.to_owned(), capacity }
    }

    fn run(&mut self, step: &Step) {
        match *step {
            Step::Get(key) => {
                assert_eq!(self.rig.get(key), self.history.contains(key), "hit on {key}");
                self.history.use_entry(key);
            }
            Step::Set { key, len, ttl_ms } => {
                self.rig.set(key, len, ttl_ms).expect("every entry weighs one");
                if self.history.contains(key) {
                    self.history.use_entry(key);
                } else {
                    self.expect_evictions(self.capacity - 1, Some(key));
                    self.history.insert(key);
                }
            }
            Step::Delete(key) => {
                assert_eq!(self.rig.delete(key), self.history.contains(key), "{key} deleted");
                self.history.remove(key);
            }
            Step::SetTtl { key, ttl_ms } => {
                assert_eq!(self.rig.set_ttl(key, ttl_ms), self.history.contains(key));
            }
            Step::Look(key) => assert_eq!(self.rig.look(key), self.history.contains(key)),
            Step::Advance { ms } => self.rig.advance(ms).into_iter().for_each(|key| self.history.remove(key)),
            Step::Wipe => {
                self.rig.cache.wipe();
                self.rig.written.clear();
                self.history.clear();
            }
            Step::Resize(capacity) => {
                self.rig.cache.resize(capacity).expect("not zero");
                self.capacity = capacity;
                self.expect_evictions(capacity, None);
            }
            Step::Switch(number) => {
                self.rig.switch(number);
                self.policy = rig::policies()[number].clone();
            }
        }
        assert_eq!(self.rig.resident(), self.history.resident(), "residents under {}", self.policy);
    }

    /// The cache has just evicted as many entries as it takes to leave `room` at most, and these were the right ones.
    fn expect_evictions(&mut self, room: u64, newcomer: Option<u64>) {
        let count = self.history.len().saturating_sub(room as usize);
        let here = self.rig.resident();
        assert!(newcomer.is_none_or(|key| here.contains(&key)), "the newcomer was its own victim");
        let gone: BTreeSet<u64> = self.history.resident().difference(&here).copied().collect();
        assert_eq!(gone.len(), count, "evictions under {}", self.policy);
        if let Some(victims) = self.history.victims(&self.policy, count) {
            assert_eq!(gone, victims, "victims under {}", self.policy);
        }
        for key in gone {
            self.history.remove(key);
        }
    }
}

/// The engine under changing policies with a capacity in bytes, where it must never use more.
struct Bytes {
    rig: Rig,
}

impl Bytes {
    fn new(policy: &str, capacity: u64, shards: usize) -> Bytes {
        let options = Options { shards: Some(shards), ..Options::bytes(capacity) };
        Bytes { rig: Rig::new(options, policy) }
    }

    fn run(&mut self, step: &Step) {
        let before = self.rig.resident();
        match *step {
            Step::Get(key) => assert_eq!(self.rig.get(key), before.contains(&key), "hit on {key}"),
            Step::Set { key, len, ttl_ms } => return self.set(key, len, ttl_ms, &before),
            Step::Delete(key) => assert_eq!(self.rig.delete(key), before.contains(&key), "{key} deleted"),
            Step::SetTtl { key, ttl_ms } => {
                assert_eq!(self.rig.set_ttl(key, ttl_ms), before.contains(&key));
                assert!(self.rig.resident().is_subset(&before));
                return;
            }
            Step::Look(key) => assert_eq!(self.rig.look(key), before.contains(&key)),
            Step::Advance { ms } => _ = self.rig.advance(ms),
            Step::Wipe => self.rig.cache.wipe(),
            Step::Resize(capacity) => {
                self.rig.cache.resize(capacity).expect("not zero");
                assert!(self.rig.resident().is_subset(&before));
                return;
            }
            Step::Switch(number) => self.rig.switch(number),
        }
        self.expect_kept(step, before);
    }

    /// A value that can never fit is refused and changes nothing; any other is here afterwards.
    fn set(&mut self, key: u64, len: usize, ttl_ms: Option<u64>, before: &BTreeSet<u64>) {
        let admitted = self.rig.cache.admits(8, len as u64, ttl_ms.is_some());
        let used = self.rig.cache.status().used;
        assert_eq!(self.rig.set(key, len, ttl_ms), admitted);
        let here = self.rig.resident();
        if admitted.is_err() {
            assert_eq!((&here, self.rig.cache.status().used), (before, used));
        } else {
            assert!(here.contains(&key), "{key} is not here after it was set");
            assert!(here.iter().all(|other| *other == key || before.contains(other)));
        }
    }

    /// Nothing left but what the step removes by name or time.
    fn expect_kept(&self, step: &Step, mut before: BTreeSet<u64>) {
        match step {
            Step::Delete(key) => _ = before.remove(key),
            Step::Advance { .. } => before.retain(|key| self.rig.written.contains_key(key)),
            Step::Wipe => before.clear(),
            _ => {}
        }
        assert_eq!(self.rig.resident(), before, "residents after {step:?}");
    }
}
proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn switches_and_resizes_keep_what_fits_and_the_order_of_the_past(
        policy in prop::sample::select(rig::policies()),
        capacity in 1..50u64,
        steps in prop::collection::vec(rig::any_step(20, 50), 1..300),
    ) {
        let mut entries = Entries::new(&policy, capacity);
        steps.iter().for_each(|step| entries.run(step));
    }

    #[test]
    fn a_cache_in_bytes_never_uses_more_than_its_capacity(
        policy in prop::sample::select(rig::policies()),
        capacity in 100..20_000u64,
        shards in prop::sample::select(vec![1, 4]),
        steps in prop::collection::vec(rig::any_step(3_000, 20_000), 1..200),
    ) {
        let mut bytes = Bytes::new(&policy, capacity, shards);
        steps.iter().for_each(|step| bytes.run(step));
    }

    #[test]
    fn what_has_expired_is_not_served_while_nobody_tidies_up(
        policy in prop::sample::select(rig::policies()),
        (options, steps) in prop_oneof![cache_and_steps(Options::entries, 50), cache_and_steps(Options::bytes, 20_000)],
    ) {
        let mut rig = Rig::new(options, &policy);
        steps.iter().for_each(|step| run_blindly(&mut rig, step));
        rig.resident();
    }
}

/// A cache and what happens to it, with capacities up to `capacity_max`.
fn cache_and_steps(
    make: fn(u64) -> Options,
    capacity_max: u64,
) -> impl Strategy<Value = (Options, Vec<Step>)> {
    let steps = prop::collection::vec(rig::any_step(3_000, capacity_max), 1..300);
    ((1..=capacity_max).prop_map(make), steps)
}

/// Runs a step and looks at nothing else, so that what has expired stays until the cache itself finds it.
fn run_blindly(rig: &mut Rig, step: &Step) {
    match *step {
        Step::Get(key) => _ = rig.get(key),
        Step::Set { key, len, ttl_ms } => _ = rig.set(key, len, ttl_ms),
        Step::Delete(key) => _ = rig.delete(key),
        Step::SetTtl { key, ttl_ms } => _ = rig.set_ttl(key, ttl_ms),
        Step::Look(key) => _ = rig.look(key),
        Step::Advance { ms } => rig.wait(ms),
        Step::Wipe => rig.cache.wipe(),
        Step::Resize(capacity) => rig.cache.resize(capacity).expect("not zero"),
        Step::Switch(number) => rig.switch(number),
    }
    let status = rig.cache.status();
    assert!(status.used <= status.capacity.amount(), "{} of {:?}", status.used, status.capacity);
}

/// The same walk on every run.
#[test]
fn promises_hold_on_a_long_walk() {
    let (mut entries, mut bytes) = (Entries::new("lru", 20), Bytes::new("lru", 10_000, 1));
    rig::walk(rig::any_step(20, 50)).take(LONG_WALK).for_each(|step| entries.run(&step));
    rig::walk(rig::any_step(3_000, 20_000)).take(LONG_WALK).for_each(|step| bytes.run(&step));
}

/// Entries of a cache that is too large to be switched in one step.
const LARGE: u64 = 100_000;
/// The policy that it has before.
const SOURCE: &str = "clock";

/// Reads, overwrites and deletes go on between the steps: the new policy is in force from the first of them, no entry goes,
/// and in the end the order is that of the whole past.
#[test]
fn a_switch_in_steps_loses_nothing_and_ends_in_the_order_of_the_past() {
    for target in ["fifo", "lru", "mru", "lfu"] {
        let mut entries = large();
        let steps = entries.switch_in_steps(target, |entries, step| {
            for n in 0..50 {
                entries.read(scattered(step * 50 + n));
                entries.overwrite(scattered(step * 50 + n + 30_000));
            }
            entries.delete(scattered(step + 60_000));
        });
        assert!(steps > 5, "{steps} steps leave little to try between them");
        (0..steps).for_each(|n| entries.insert(LARGE + n));
        assert_eq!(entries.rig.cache.status().entries, LARGE, "one came for each that was deleted");
        (0..50).for_each(|n| entries.insert_over_the_predicted_victim(2 * LARGE + n));
    }
}

/// What is stored while the switch is under way is here and displaces one entry each. The exact order comes later, but under
/// the policies that have one nothing goes meanwhile from the half that they keep longest.
#[test]
fn room_is_made_while_a_switch_is_under_way() {
    for target in rig::policies().into_iter().filter(|name| name != SOURCE) {
        let mut entries = large();
        let poor_half = entries.history.victims(&target, LARGE as usize / 2);
        let mut next = LARGE;
        let steps = entries.switch_in_steps(&target, |entries, _| {
            for _ in 0..100 {
                next += 1;
                entries.rig.set(next, 1, None).expect("every entry weighs one");
                assert!(entries.rig.has(next), "{next} is not here under {target}");
            }
            let status = entries.rig.cache.status();
            assert_eq!((status.entries, status.used), (LARGE, LARGE), "under {target}");
        });
        assert!(steps > 5, "{steps} steps leave little to try between them");
        let gone: BTreeSet<u64> = (0..LARGE).filter(|key| !entries.rig.has(*key)).collect();
        if ["fifo", "lru", "lfu", "mru"].contains(&target.as_str()) {
            assert!(poor_half.is_some_and(|half| gone.is_subset(&half)), "victims under {target}");
        }
    }
}

/// A full cache, the oldest entries of which were used, and some others last.
fn large() -> Entries {
    let mut entries = Entries::new(SOURCE, LARGE);
    let old = LARGE / 5;
    (0..old).for_each(|key| entries.insert(key));
    (0..old).for_each(|key| entries.read(scattered(key) % old));
    (old..LARGE).for_each(|key| entries.insert(key));
    (0..5_000).for_each(|n| entries.read(scattered(n)));
    entries
}

/// The n-th key in an order that has nothing to do with that of insertion.
fn scattered(n: u64) -> u64 {
    n * 7_919 % LARGE
}

impl Entries {
    /// Calls `between` after every step but the last; how often that was.
    fn switch_in_steps(&mut self, target: &str, mut between: impl FnMut(&mut Entries, u64)) -> u64 {
        let cache = Arc::clone(&self.rig.cache);
        let choice = PolicyChoice::Fixed(target.parse().expect("a policy's name"));
        let mut job = cache.start_switch(choice).expect("it is configured");
        assert_eq!(cache.status().policy.to_string(), target);
        self.policy = target.to_owned();
        let mut steps = 0;
        while job.step() == Progress::More {
            between(self, steps);
            steps += 1;
        }
        steps
    }

    fn insert(&mut self, key: u64) {
        self.rig.set(key, 1, None).expect("every entry weighs one");
        self.history.insert(key);
    }

    fn insert_over_the_predicted_victim(&mut self, key: u64) {
        let victims = self.history.victims(&self.policy, 1).expect("a policy that goes by the past");
        let victim = victims.first().copied().expect("the cache is full");
        assert!(self.rig.has(victim), "{victim} has gone before its turn under {}", self.policy);
        self.insert(key);
        assert!(!self.rig.has(victim), "{victim} is still here under {}", self.policy);
        self.history.remove(victim);
    }

    fn read(&mut self, key: u64) {
        assert!(self.rig.get(key), "{key} is not here under {}", self.policy);
        self.history.use_entry(key);
    }

    fn overwrite(&mut self, key: u64) {
        assert!(self.rig.has(key), "{key} is not here under {}", self.policy);
        self.rig.set(key, 2, None).expect("every entry weighs one");
        self.history.use_entry(key);
    }

    fn delete(&mut self, key: u64) {
        assert!(self.rig.delete(key), "{key} is not here under {}", self.policy);
        self.history.remove(key);
    }
}
