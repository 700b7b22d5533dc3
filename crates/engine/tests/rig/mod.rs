//! A cache to be tried with random operations: the operations, and what must hold of every answer whatever the policy is
//! (what is served is what was written last and has not expired, looking is no use, the status counts what is there).

#![allow(dead_code, reason = "every test program that includes this uses its own part of it")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use larder_engine::{Cache, Error, Kind, Millis, Options, PolicyChoice, PolicyName, Remaining, Ttl};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

/// Keys are 0 to this: few enough that they meet again, in the cache and among the ghosts.
pub(crate) const KEYS: u64 = 60;
/// Policies that are told from the nine by a share only, and the extremes of the shares.
const MORE_POLICIES: [&str; 6] =
    ["2q-0.5-0.25", "2q-0-1", "2q-1-0", "s3-fifo-0.25", "s3-fifo-0", "s3-fifo-1"];

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Get(u64),
    Set {
        key: u64,
        len: usize,
        ttl_ms: Option<u64>,
    },
    Delete(u64),
    SetTtl {
        key: u64,
        ttl_ms: Option<u64>,
    },
    /// Calls that look at an entry and are no use of it.
    Look(u64),
    Advance {
        ms: u64,
    },
    Wipe,
    Resize(u64),
    /// To the policy with this number.
    Switch(usize),
}

fn key() -> impl Strategy<Value = u64> {
    // The smaller of two: some keys come often, most now and then.
    (0..KEYS, 0..KEYS).prop_map(|(a, b)| a.min(b))
}

fn ttl_ms() -> impl Strategy<Value = Option<u64>> {
    prop_oneof![4 => Just(None), 1 => (1..5_000u64).prop_map(Some)]
}

/// What reads, writes and removes entries, with values of up to `len_max` bytes.
pub(crate) fn step(len_max: usize) -> impl Strategy<Value = Step> {
    prop_oneof![
        40 => key().prop_map(Step::Get),
        40 => (key(), 0..=len_max, ttl_ms()).prop_map(|(key, len, ttl_ms)| Step::Set { key, len, ttl_ms }),
        4 => key().prop_map(Step::Delete),
        2 => (key(), ttl_ms()).prop_map(|(key, ttl_ms)| Step::SetTtl { key, ttl_ms }),
        8 => key().prop_map(Step::Look),
        4 => (1..2_000u64).prop_map(|ms| Step::Advance { ms }),
        1 => Just(Step::Wipe),
    ]
}

/// The same with resizes.
pub(crate) fn step_or_resize(len_max: usize, capacity_max: u64) -> impl Strategy<Value = Step> {
    prop_oneof![
        90 => step(len_max),
        5 => (1..=capacity_max).prop_map(Step::Resize),
    ]
}

/// The same with switches to any of the [`policies`].
pub(crate) fn any_step(len_max: usize, capacity_max: u64) -> impl Strategy<Value = Step> {
    prop_oneof![
        95 => step_or_resize(len_max, capacity_max),
        5 => (0..policies().len()).prop_map(Step::Switch),
    ]
}

/// An endless row of steps, the same on every run.
pub(crate) fn walk(step: impl Strategy<Value = Step>) -> impl Iterator<Item = Step> {
    let mut runner = TestRunner::deterministic();
    std::iter::repeat_with(move || step.new_tree(&mut runner).expect("a step").current())
}

/// The names of the policies that are tried: the nine, and some with other shares.
pub(crate) fn policies() -> Vec<String> {
    PolicyName::all_default()
        .iter()
        .map(PolicyName::to_string)
        .chain(MORE_POLICIES.map(str::to_owned))
        .collect()
}

/// A cache, the time it lives in, and what is known about what it must hold.
pub(crate) struct Rig {
    pub(crate) cache: Arc<Cache>,
    now: Millis,
    /// What was written last under each key that may still be here, and when it expires.
    pub(crate) written: BTreeMap<u64, (Vec<u8>, Option<Millis>)>,
    writes: usize,
}

impl Rig {
    pub(crate) fn new(mut options: Options, policy: &str) -> Rig {
        options.policies =
            policies().iter().map(|name| name.parse()).collect::<Result<_, _>>().expect("their names");
        options.policy = PolicyChoice::Fixed(policy.parse().expect("a policy's name"));
        let cache = Arc::new(Cache::new(options).expect("a cache"));
        Rig { cache, now: Millis(0), written: BTreeMap::new(), writes: 0 }
    }

    /// Reads a key: whether it was there. What is served is what was written last and has not expired.
    pub(crate) fn get(&self, key: u64) -> bool {
        let bytes = key.to_le_bytes();
        let read = self.cache.get(self.cache.key(&bytes), self.now, |entry| entry.value.to_vec());
        if let Some(value) = &read {
            self.assert_due(key);
            assert_eq!(value, &self.written[&key].0, "key {key} has another value");
        }
        read.is_some()
    }

    pub(crate) fn has(&self, key: u64) -> bool {
        self.cache.has(self.cache.key(&key.to_le_bytes()), self.now)
    }

    /// Looks at a key in every way that is no use of it: whether it is there.
    pub(crate) fn look(&self, key: u64) -> bool {
        let bytes = key.to_le_bytes();
        let handle = self.cache.key(&bytes);
        let is_here = self.cache.has(handle, self.now);
        assert_eq!(self.cache.peek(handle, self.now, |_| ()).is_some(), is_here);
        let len = self.cache.size(handle, self.now);
        assert_eq!(len, is_here.then(|| self.written[&key].0.len() as u64));
        let remaining = self.cache.remaining(handle, self.now);
        let deadline = self.written.get(&key).and_then(|(_, deadline)| *deadline);
        let left = deadline.and_then(|deadline| Ttl::new(deadline.0.saturating_sub(self.now.0)));
        assert_eq!(remaining, is_here.then(|| left.map_or(Remaining::Forever, Remaining::For)));
        is_here
    }

    /// Writes a value that no other write has.
    pub(crate) fn set(&mut self, key: u64, len: usize, ttl_ms: Option<u64>) -> Result<(), Error> {
        self.writes += 1;
        let value: Vec<u8> = self.writes.to_le_bytes().into_iter().cycle().take(len).collect();
        let bytes = key.to_le_bytes();
        let ttl = ttl_ms.and_then(Ttl::new);
        self.cache.set(self.cache.key(&bytes), value.as_slice().into(), Kind::Opaque, ttl, self.now)?;
        self.written.insert(key, (value, ttl.map(|ttl| Millis(self.now.0 + ttl.get()))));
        Ok(())
    }

    pub(crate) fn delete(&mut self, key: u64) -> bool {
        let was_here = self.cache.delete(self.cache.key(&key.to_le_bytes()), self.now);
        if was_here {
            self.assert_due(key);
        }
        self.written.remove(&key);
        was_here
    }

    pub(crate) fn set_ttl(&mut self, key: u64, ttl_ms: Option<u64>) -> bool {
        let ttl = ttl_ms.and_then(Ttl::new);
        let is_here = self.cache.set_ttl(self.cache.key(&key.to_le_bytes()), ttl, self.now);
        if is_here {
            self.assert_due(key);
            let deadline = ttl.map(|ttl| Millis(self.now.0 + ttl.get()));
            self.written.get_mut(&key).expect("what is here was written").1 = deadline;
        }
        is_here
    }

    /// A key that is here was written, and its time is not over.
    fn assert_due(&self, key: u64) {
        let (_, deadline) = self.written.get(&key).expect("what is here was written");
        assert!(deadline.is_none_or(|deadline| self.now < deadline), "key {key} is here after its time");
    }

    /// Lets time pass.
    pub(crate) fn wait(&mut self, ms: u64) {
        self.now.0 += ms;
    }

    /// Lets time pass and the cache tidy up; returns the keys whose time is over.
    pub(crate) fn advance(&mut self, ms: u64) -> Vec<u64> {
        self.wait(ms);
        while self.cache.maintain(self.now) {}
        let is_over = |deadline: Option<Millis>| deadline.is_some_and(|deadline| deadline <= self.now);
        let over: Vec<u64> = self
            .written
            .iter()
            .filter(|(_, (_, deadline))| is_over(*deadline))
            .map(|(key, _)| *key)
            .collect();
        for key in &over {
            self.written.remove(key);
        }
        over
    }

    pub(crate) fn switch(&self, number: usize) {
        let policy: PolicyName = policies()[number].parse().expect("a policy's name");
        self.cache.switch(PolicyChoice::Fixed(policy)).expect("it is configured");
        assert_eq!(self.cache.status().policy, policy);
    }

    /// The keys that are here, after a check of what the status says about them.
    pub(crate) fn resident(&self) -> BTreeSet<u64> {
        let resident: BTreeSet<u64> = (0..KEYS).filter(|key| self.look(*key)).collect();
        let status = self.cache.status();
        assert_eq!(status.entries, resident.len() as u64);
        assert!(status.used <= status.capacity.amount(), "{} of {:?}", status.used, status.capacity);
        assert_eq!(status.used == 0, resident.is_empty());
        resident
    }
}
