//! Where an operation finds room: in the budget, in its own shard, in others, and last in what large sets under way have
//! gathered. Nothing is ever kept by somebody who waits, so operations cannot wait for each other: what a large set has
//! gathered lies between its steps where everybody gets at it who finds nothing else.

use std::sync::atomic::Ordering::Relaxed;
use std::thread;

use parking_lot::Mutex;

use crate::cache::Cache;
use crate::error::Error;
use crate::hash::Key;
use crate::limits::JOB_STEP_ENTRIES;
use crate::shard::{Shard, Starved, Turn};
use crate::store::Garbage;
use crate::time::Millis;

/// What all large sets under way have gathered together, in the unit of the capacity. It is taken from the budget.
#[derive(Default)]
pub(crate) struct Kept(Mutex<u64>);

impl Kept {
    /// As much of `most` as there is.
    pub(crate) fn take(&self, most: u64) -> u64 {
        let mut kept = self.0.lock();
        let taken = most.min(*kept);
        *kept -= taken;
        taken
    }

    pub(crate) fn put(&self, amount: u64) {
        *self.0.lock() += amount;
    }
}

impl Cache {
    /// Runs an operation that may need room until it has it. Between two tries others get at the shard.
    pub(crate) fn with_room<T>(
        &self,
        key: Key<'_>,
        now: Millis,
        mut operation: impl FnMut(&mut Shard, &mut Turn<'_>) -> Result<T, Starved>,
    ) -> Result<T, Error> {
        let mut turn = self.turn(now);
        let done = loop {
            match self.attempt(key, &mut turn, &mut operation) {
                Ok(Attempt::Done(done)) => break Ok(done),
                Ok(Attempt::Again) => {}
                Ok(Attempt::Stuck { need }) => self.unstick(need, &mut turn),
                Err(error) => break Err(error),
            }
        };
        self.budget.give(turn.credit);
        done
    }

    /// Tries once, evicting a bounded number of entries.
    pub(crate) fn attempt<T>(
        &self,
        key: Key<'_>,
        turn: &mut Turn<'_>,
        mut operation: impl FnMut(&mut Shard, &mut Turn<'_>) -> Result<T, Starved>,
    ) -> Result<Attempt<T>, Error> {
        let tried = operation(&mut self.shard(key), turn);
        turn.garbage = Garbage::default();
        match tried {
            Ok(done) => Ok(Attempt::Done(done)),
            Err(Starved::Again) => Ok(Attempt::Again),
            Err(Starved::Elsewhere { need: charge }) => {
                let capacity = self.budget.capacity();
                if charge > capacity {
                    // A resize has overtaken the operation.
                    return Err(Error::ValueTooLarge { charge, capacity });
                }
                let shed = self.shed_elsewhere(self.shard_of(key.hash()), charge, turn.now);
                turn.credit += shed;
                // The shard pays after all if no other can.
                let was_alone = turn.alone;
                turn.alone |= shed == 0;
                Ok(if shed > 0 || !was_alone { Attempt::Again } else { Attempt::Stuck { need: charge } })
            }
        }
    }

    /// There is nothing to evict: all that is used is on its way, with this operation and with others.
    fn unstick(&self, need: u64, turn: &mut Turn<'_>) {
        let kept = self.kept.take(need.saturating_sub(turn.credit));
        turn.credit += kept;
        if kept == 0 {
            // One of those that give back what they have finds it all there.
            self.budget.give(std::mem::take(&mut turn.credit));
            thread::yield_now();
        }
    }

    /// Evicts about `need` from another shard than `but`, one that has more than its share if there is one; what was freed, which
    /// is still taken from the budget.
    fn shed_elsewhere(&self, but: usize, need: u64, now: Millis) -> u64 {
        let count = self.shards.len();
        let start = self.rounds.fetch_add(1, Relaxed) % count;
        let others = || (start..start + count).map(|at| at % count).filter(|&at| at != but);
        let rich = others().find(|&at| self.shards[at].0.lock().weight() > self.share());
        let richest = || others().max_by_key(|&at| self.shards[at].0.lock().weight());
        rich.or_else(richest).map_or(0, |at| {
            let mut turn = self.turn(now);
            self.shards[at].0.lock().shed(need, JOB_STEP_ENTRIES, &mut turn)
        })
    }
}

/// How a try went.
pub(crate) enum Attempt<T> {
    Done(T),
    /// There is more to evict.
    Again,
    /// There is nothing to evict anywhere.
    Stuck {
        /// The weight of what is to be stored.
        need: u64,
    },
}
