//! Random operations on the engine and on the naive model of its policy, side by side: after every operation both must
//! have answered the same and hold the same keys. Every entry weighs one; the policy stays. (What holds when it changes is in
//! `promises.rs`.)

mod naive;
mod rig;

use larder_engine::Options;
use naive::Model;
use proptest::prelude::*;
use rig::{Rig, Step};

/// Steps of the long walk per policy.
const LONG_WALK: usize = 10_000;
/// Policies whose order does not depend on the capacity: a resize leaves to them nothing to decide.
const FREE_OF_SHARES: [&str; 6] = ["lfu", "fifo", "clock", "sieve", "lru", "mru"];

/// The engine beside the model of its policy.
struct Pair {
    rig: Rig,
    policy: String,
    model: Box<dyn Model>,
}

impl Pair {
    fn new(policy: &str, capacity: u64) -> Pair {
        let options = Options { shards: Some(1), ..Options::entries(capacity) };
        let (rig, model) = (Rig::new(options, policy), naive::model(policy, capacity));
        Pair { rig, policy: policy.to_owned(), model }
    }

    fn run(&mut self, step: &Step) {
        match *step {
            Step::Get(key) => assert_eq!(self.rig.get(key), self.model.touch(key), "hit on {key}"),
            Step::Set { key, len, ttl_ms } => {
                self.rig.set(key, len, ttl_ms).expect("every entry weighs one");
                self.model.access(key, 1);
            }
            Step::Delete(key) => {
                assert_eq!(self.rig.delete(key), self.model.resident().contains(&key), "{key} deleted");
                self.model.remove(key);
            }
            Step::SetTtl { key, ttl_ms } => {
                assert_eq!(self.rig.set_ttl(key, ttl_ms), self.model.resident().contains(&key));
            }
            Step::Look(key) => assert_eq!(self.rig.look(key), self.model.resident().contains(&key)),
            Step::Advance { ms } => self.rig.advance(ms).into_iter().for_each(|key| self.model.remove(key)),
            Step::Wipe => {
                self.rig.cache.wipe();
                self.rig.written.clear();
                self.model = naive::model(&self.policy, self.model.capacity());
            }
            Step::Resize(capacity) => {
                self.rig.cache.resize(capacity).expect("not zero");
                self.model.resize(capacity);
            }
            Step::Switch(_) => panic!("a model has one policy"),
        }
        assert_eq!(self.rig.resident(), self.model.resident(), "residents under {}", self.policy);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn engine_and_model_agree_after_every_operation(
        policy in prop::sample::select(rig::policies()),
        capacity in 1..50u64,
        steps in prop::collection::vec(rig::step(20), 1..300),
    ) {
        let mut pair = Pair::new(&policy, capacity);
        steps.iter().for_each(|step| pair.run(step));
    }

    #[test]
    fn engine_and_model_agree_when_the_capacity_changes(
        policy in prop::sample::select(&FREE_OF_SHARES[..]),
        capacity in 1..50u64,
        steps in prop::collection::vec(rig::step_or_resize(20, 50), 1..300),
    ) {
        let mut pair = Pair::new(policy, capacity);
        steps.iter().for_each(|step| pair.run(step));
    }
}

/// Long enough that every queue, count and ghost list has gone round many times. The same walk on every run.
#[test]
fn engine_and_model_agree_on_a_long_walk() {
    for policy in rig::policies() {
        for capacity in [3, 20] {
            let mut pair = Pair::new(&policy, capacity);
            rig::walk(rig::step(20)).take(LONG_WALK).for_each(|step| pair.run(&step));
        }
    }
}
