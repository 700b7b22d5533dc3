//! The commands that may have a lot to do – WIPE, RESIZE, POLICY – driven in the engine's short steps, with other
//! connections served in between. A job has a task of its own, so that it is driven to the end even if the client that
//! asked for it goes away, and it runs on the control thread, so that even a long step keeps no worker from its clients.

use std::sync::Arc;

use larder_engine::{PolicyChoice, Progress};
use thiserror::Error;
use tokio::task;
use tracing::error;

use crate::shared::Shared;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Job {
    /// Delete everything.
    Wipe,
    /// Set the capacity, in bytes.
    Resize(u64),
    /// Set the policy.
    Switch(PolicyChoice),
}

/// Why a job was not done.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum JobError {
    /// The cache refuses it, and nothing has changed.
    #[error(transparent)]
    Refused(#[from] larder_engine::Error),
    /// It broke off.
    #[error("the job broke off")]
    Broken,
}

/// Drives a job to the end. Dropping the future does not stop the job.
pub(crate) async fn run(shared: &Arc<Shared>, job: Job) -> Result<(), JobError> {
    let driven = shared.control.spawn(drive(Arc::clone(shared), job)).await;
    // It broke off by a panic, which has been reported where it happened, or because the server has stopped.
    driven.unwrap_or_else(|broken| {
        error!(?job, %broken, "job not done");
        Err(JobError::Broken)
    })
}

async fn drive(shared: Arc<Shared>, job: Job) -> Result<(), JobError> {
    let cache = &shared.cache;
    let mut steps = match job {
        Job::Wipe => cache.start_wipe(),
        Job::Resize(bytes) => cache.start_resize(bytes)?,
        Job::Switch(choice) => cache.start_switch(choice)?,
    };
    shared.note_job(job);
    while steps.step() == Progress::More {
        task::yield_now().await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{
        cell::Cell,
        future::{Future, poll_fn},
        pin::pin,
        task::Poll,
    };

    use larder_engine::{Kind, Millis, PolicyName};

    use super::*;
    use crate::{ManualClock, config::Config, tenant::Tenant};

    fn shared(entries: u32) -> Arc<Shared> {
        let config = Config::default();
        let cache = Arc::new(larder_engine::Cache::new(larder_engine::Options::bytes(1 << 30)).unwrap());
        for key in 0..entries {
            let key = key.to_le_bytes();
            cache.set(cache.key(&key), key.as_slice().into(), Kind::Opaque, None, Millis(0)).unwrap();
        }
        let control = tokio::runtime::Handle::current();
        Arc::new(Shared::new(&config, Tenant::alone(cache), None, Arc::new(ManualClock::new()), control))
    }

    /// How often another task on the same thread gets its turn while a job runs.
    async fn turns_of_others(shared: &Arc<Shared>, job: Job) -> u32 {
        let turns = Cell::new(0);
        let others = async {
            loop {
                turns.set(turns.get() + 1);
                task::yield_now().await;
            }
        };
        tokio::select! {
            done = run(shared, job) => done.unwrap(),
            () = others => {}
        }
        turns.get()
    }

    #[tokio::test]
    async fn others_get_their_turn_between_the_steps_of_a_job() {
        let shared = shared(200_000);
        let status = shared.cache.status();
        let fifo = PolicyChoice::Fixed(PolicyName::Fifo);
        for job in [Job::Switch(fifo), Job::Resize(status.used / 2), Job::Wipe] {
            let turns = turns_of_others(&shared, job).await;
            assert!(turns >= status.shards as u32, "{job:?}: {turns}");
        }
        assert_eq!(shared.cache.status().entries, 0);
    }

    #[tokio::test]
    async fn a_job_that_nobody_waits_for_any_more_is_done_to_the_end() {
        let shared = shared(200_000);
        {
            let mut waiting = pin!(run(&shared, Job::Wipe));
            let first = poll_fn(|cx| Poll::Ready(waiting.as_mut().poll(cx))).await;
            assert!(first.is_pending());
        }
        assert_eq!(shared.cache.status().entries, 200_000, "it has only been asked for");
        while shared.cache.status().entries > 0 {
            task::yield_now().await;
        }
    }
}
