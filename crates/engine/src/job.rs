//! The commands that may have a lot to do - wipe, resize, switch - as a row of short steps, so that whoever runs them can let
//! others run in between. No step goes through more than some thousand slots, or evicts more than some hundred entries.

use crate::cache::Cache;
use crate::limits::{JOB_STEP_ENTRIES, SWITCH_ITEMS};

/// Whether a job has more to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Call [`Job::step`] again.
    More,
    /// It is finished.
    Done,
}

pub(crate) enum Work {
    /// The next shard to be wiped.
    Wipe { shard: usize },
    /// The next shard to shed entries.
    Resize { shard: usize },
    /// The next shard whose entries are handed to the new policy.
    Switch { shard: usize },
}

/// A command under way. Drive it to the end: a wipe that is dropped has wiped a part; a resize or switch that is dropped is
/// finished by [`Cache::maintain`].
#[must_use = "a job does its work in `step` or `finish`"]
pub struct Job<'c> {
    cache: &'c Cache,
    work: Work,
}

impl<'c> Job<'c> {
    pub(crate) fn new(cache: &'c Cache, work: Work) -> Job<'c> {
        Job { cache, work }
    }

    /// Does a short step.
    pub fn step(&mut self) -> Progress {
        let shards = self.cache.shard_count();
        let done = match &mut self.work {
            Work::Wipe { shard } => {
                self.cache.wipe_shard(*shard);
                *shard += 1;
                *shard == shards
            }
            Work::Resize { shard } => {
                let done = self.cache.shrink_step(*shard, JOB_STEP_ENTRIES);
                *shard = (*shard + 1) % shards;
                done
            }
            Work::Switch { shard } => {
                if *shard < shards && self.cache.reseed_shard(*shard, SWITCH_ITEMS) {
                    *shard += 1;
                }
                *shard == shards
            }
        };
        if done { Progress::Done } else { Progress::More }
    }

    /// Does all that is left.
    pub fn finish(mut self) {
        while self.step() == Progress::More {}
    }
}
