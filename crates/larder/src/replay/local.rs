//! Replaying against caches in this process. The trace is read once; every policy has a cache of its own, and each cache
//! sees all records in order on one thread, so the outcome does not depend on how many threads there are.

use super::{Progress, Tally};
use crate::failure::Failure;
use crate::trace::{Op, Record, TraceReader};
use bytes::Bytes;
use larder_engine::{
    Cache, Capacity, Decision, Kind, Millis, Options, Outcome, PolicyChoice, PolicyName, Ttl, Value,
};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// Blocks that may wait for a thread: enough to keep it busy, bounded.
const BLOCKS_AHEAD: usize = 4;

/// How often expired entries are cleared away, in the trace's own time.
const MAINTAIN_EVERY_MS: u64 = 100;

/// Records after which a cache that picks its policy is asked what it has decided.
const ASK_EVERY: u64 = 512;

/// What came of one cache.
pub(crate) struct Run {
    pub(crate) tally: Tally,
    /// How the cache picked its policy, if it was asked to.
    pub(crate) picks: Option<Picks>,
}

/// How a cache picked its policy.
#[derive(Default)]
pub(crate) struct Picks {
    /// How often it decided, to switch or to keep.
    pub(crate) decisions: u64,
    /// The switches, and the record by which each had been made.
    pub(crate) switches: Vec<(u64, Decision)>,
    /// One key in so many was sampled in the end.
    pub(crate) one_in: u64,
}

/// What to replay against.
pub(crate) struct Local {
    /// One cache for each.
    pub(crate) policies: Vec<PolicyChoice>,
    /// Of each cache.
    pub(crate) capacity: Capacity,
    /// As in the engine's options.
    pub(crate) shards: Option<usize>,
    /// Whether objects expire, in the trace's own time.
    pub(crate) honour_ttl: bool,
}

impl Local {
    /// Replays a trace, from caches that are empty; one run per policy, in their order.
    ///
    /// # Errors
    ///
    /// What is wrong with the trace, or options that the engine refuses.
    pub(crate) fn replay(&self, reader: &mut TraceReader, progress: &Progress) -> Result<Vec<Run>, Failure> {
        let mut lanes = Vec::new();
        for policy in &self.policies {
            lanes.push(Lane::new(self, *policy)?);
        }
        let threads = thread::available_parallelism().map_or(1, usize::from).clamp(1, lanes.len().max(1));
        let mut groups: Vec<Vec<Lane>> = (0..threads).map(|_| Vec::new()).collect();
        for (index, lane) in lanes.into_iter().enumerate() {
            groups[index % threads].push(lane);
        }
        let finished = thread::scope(|scope| {
            let mut senders = Vec::new();
            let mut workers = Vec::new();
            for group in groups {
                let (sender, receiver) = sync_channel(BLOCKS_AHEAD);
                senders.push(sender);
                workers.push(scope.spawn(move || drive(group, &receiver)));
            }
            let read = feed(reader, &senders, progress);
            drop(senders);
            let groups: Vec<Vec<Lane>> = workers
                .into_iter()
                .map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect();
            read.map(|()| groups)
        })?;
        Ok(in_order(finished))
    }
}

/// Reads the trace and gives every block to every thread.
fn feed(
    reader: &mut TraceReader,
    senders: &[SyncSender<Arc<Vec<Record>>>],
    progress: &Progress,
) -> Result<(), Failure> {
    loop {
        let block = Arc::new(reader.next_block()?);
        if block.is_empty() {
            return Ok(());
        }
        for sender in senders {
            if sender.send(Arc::clone(&block)).is_err() {
                // The thread is gone, which joining it will show.
                return Ok(());
            }
        }
        progress.show(reader);
    }
}

/// A thread: a block goes through one cache after another, which keeps each cache's memory warm for a while.
fn drive(mut lanes: Vec<Lane>, blocks: &Receiver<Arc<Vec<Record>>>) -> Vec<Lane> {
    while let Ok(block) = blocks.recv() {
        for lane in &mut lanes {
            for record in block.iter() {
                lane.step(record);
            }
        }
    }
    lanes
}

/// Undoes the dealing out to threads.
fn in_order(groups: Vec<Vec<Lane>>) -> Vec<Run> {
    let mut groups: Vec<_> = groups.into_iter().map(Vec::into_iter).collect();
    let mut runs = Vec::new();
    loop {
        let before = runs.len();
        for group in &mut groups {
            runs.extend(group.next().map(Lane::finish));
        }
        if runs.len() == before {
            return runs;
        }
    }
}

/// One cache and what was counted on it.
struct Lane {
    cache: Cache,
    clock: Option<Clock>,
    values: Values,
    position: u64,
    tally: Tally,
    picks: Option<Picks>,
}

impl Lane {
    fn new(plan: &Local, policy: PolicyChoice) -> Result<Self, Failure> {
        let policies = match policy {
            PolicyChoice::Fixed(name) => vec![name],
            PolicyChoice::Auto => PolicyName::all_default().to_vec(),
        };
        let options = Options { capacity: plan.capacity, policies, policy, shards: plan.shards, seed: 0 };
        let cache = Cache::new(options).map_err(|error| Failure::Usage(error.to_string()))?;
        Ok(Self {
            cache,
            clock: plan.honour_ttl.then(Clock::default),
            values: Values::new(plan.capacity),
            position: 0,
            tally: Tally::default(),
            picks: (policy == PolicyChoice::Auto).then(Picks::default),
        })
    }

    fn step(&mut self, record: &Record) {
        let now = match &mut self.clock {
            None => Millis(0),
            Some(clock) => clock.advance(record.time_ms, &self.cache),
        };
        let bytes = record.key.to_le_bytes();
        match record.op {
            Op::Set => {
                self.tally.set_records += 1;
                self.store(&bytes, record, now);
            }
            Op::Get => {
                let missed = self.cache.get(self.cache.key(&bytes), now, |_| ()).is_none();
                self.tally.count_get(self.position, missed);
                if missed {
                    self.store(&bytes, record, now);
                }
            }
        }
        self.position += 1;
        if self.position.is_multiple_of(ASK_EVERY) {
            self.note_decisions();
        }
    }

    fn note_decisions(&mut self) {
        let Some(picks) = &mut self.picks else { return };
        for decision in self.cache.decisions_since(picks.decisions) {
            picks.decisions = decision.number + 1;
            picks.one_in = decision.one_in;
            if decision.outcome == Outcome::Switched {
                picks.switches.push((self.position, decision));
            }
        }
    }

    fn finish(mut self) -> Run {
        self.note_decisions();
        Run { tally: self.tally, picks: self.picks }
    }

    fn store(&mut self, key: &[u8], record: &Record, now: Millis) {
        let ttl = if self.clock.is_some() { Ttl::new(u64::from(record.ttl_s) * 1000) } else { None };
        let value_bytes = record.value_bytes();
        let refused = self.cache.admits(key.len(), value_bytes.into(), ttl.is_some()).is_err() || {
            let value = Value::Shared(self.values.of(value_bytes));
            self.cache.set(self.cache.key(key), value, Kind::Opaque, ttl, now).is_err()
        };
        self.tally.refused += u64::from(refused);
    }
}

/// The trace's own time, from 0, never going back.
#[derive(Default)]
struct Clock {
    origin_ms: Option<u64>,
    now_ms: u64,
    maintained_ms: u64,
}

impl Clock {
    fn advance(&mut self, time_ms: u64, cache: &Cache) -> Millis {
        let origin_ms = *self.origin_ms.get_or_insert(time_ms);
        self.now_ms = self.now_ms.max(time_ms.saturating_sub(origin_ms));
        let now = Millis(self.now_ms);
        if self.now_ms - self.maintained_ms >= MAINTAIN_EVERY_MS {
            self.maintained_ms = self.now_ms;
            while cache.maintain(now) {}
        }
        now
    }
}

/// Values of any length whose bytes do not matter: slices of one run of zeros, which costs address space only.
struct Values {
    zeros: Bytes,
    /// A cache that counts entries does not look at lengths, so a byte stands for any value.
    one_byte: bool,
}

impl Values {
    fn new(capacity: Capacity) -> Self {
        Self { zeros: Bytes::from_static(&[0]), one_byte: matches!(capacity, Capacity::Entries(_)) }
    }

    fn of(&mut self, bytes: u32) -> Bytes {
        let bytes = if self.one_byte { 1 } else { bytes as usize };
        if bytes > self.zeros.len() {
            self.zeros = Bytes::from(vec![0; bytes.next_power_of_two()]);
        }
        self.zeros.slice(..bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(capacity: Capacity, honour_ttl: bool) -> Lane {
        let policies = vec![PolicyChoice::Fixed("lru".parse().unwrap())];
        let plan = Local { policies, capacity, shards: Some(1), honour_ttl };
        Lane::new(&plan, plan.policies[0]).unwrap()
    }

    fn run(lane: &mut Lane, records: &[Record]) -> (u64, u64) {
        for record in records {
            lane.step(record);
        }
        (lane.tally.hits, lane.tally.misses)
    }

    #[test]
    fn a_miss_stores_and_the_next_get_hits() {
        let mut lane = lane(Capacity::Entries(2), false);
        let records = [1, 1, 2, 1, 3, 2].map(|key| Record::get(key, 1_000_000));
        assert_eq!(run(&mut lane, &records), (2, 4));
    }

    #[test]
    fn a_set_stores_and_is_not_a_request() {
        let mut lane = lane(Capacity::Entries(2), false);
        let set = Record { op: Op::Set, ..Record::get(1, 5) };
        assert_eq!(run(&mut lane, &[set, Record::get(1, 5)]), (1, 0));
        assert_eq!((lane.tally.set_records, lane.tally.requests()), (1, 1));
    }

    #[test]
    fn time_to_live_counts_only_when_it_is_to_be_honoured() {
        let at = |time_ms, ttl_s| Record { time_ms, ttl_s, ..Record::get(1, 5) };
        let records = [at(50_000, 2), at(51_900, 2), at(52_100, 2), at(40_000, 2)];
        assert_eq!(run(&mut lane(Capacity::Entries(2), true), &records), (2, 2));
        assert_eq!(run(&mut lane(Capacity::Entries(2), false), &records), (3, 1));
    }

    #[test]
    fn an_object_larger_than_the_cache_is_refused_and_missed_again() {
        let mut lane = lane(Capacity::Bytes(10_000), false);
        assert_eq!(run(&mut lane, &[Record::get(1, u32::MAX), Record::get(1, u32::MAX)]), (0, 2));
        assert_eq!(lane.tally.refused, 2);
        assert_eq!(lane.values.zeros.len(), 1, "no memory was taken for it");
    }

    #[test]
    fn values_have_the_length_that_is_asked_for() {
        let mut values = Values::new(Capacity::Bytes(1));
        for bytes in [1, 7, 5000, 3] {
            assert_eq!(values.of(bytes).len(), bytes as usize);
        }
    }
}
