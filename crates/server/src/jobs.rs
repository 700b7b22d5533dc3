//! The commands that may have a lot to do – WIPE, RESIZE, POLICY – driven in the engine's short steps, with other
//! connections served in between. A job has a task of its own, so that it is driven to the end even if the client that
//! asked for it goes away.

use std::sync::Arc;

use larder_engine::{Error, PolicyChoice, Progress};
use tokio::task;
use tracing::{error, info};

use crate::{config::size::Size, shared::Shared};

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

/// Drives a job to the end. Dropping the future does not stop the job.
pub(crate) async fn run(shared: &Arc<Shared>, job: Job) -> Result<(), Error> {
    let driven = task::spawn(drive(Arc::clone(shared), job)).await;
    // A task fails only by a panic, which has been reported where it happened; nothing is known of the cache's state then.
    driven.unwrap_or_else(|panic| {
        error!(?job, %panic, "job failed");
        Ok(())
    })
}

async fn drive(shared: Arc<Shared>, job: Job) -> Result<(), Error> {
    let cache = &shared.cache;
    let mut steps = match job {
        Job::Wipe => cache.start_wipe(),
        Job::Resize(bytes) => cache.start_resize(bytes)?,
        Job::Switch(choice) => cache.start_switch(choice)?,
    };
    match job {
        Job::Wipe => info!("wipe"),
        Job::Resize(bytes) => info!(size = %Size(bytes), "resize"),
        Job::Switch(choice) => info!(policy = %choice, "policy"),
    }
    while steps.step() == Progress::More {
        task::yield_now().await;
    }
    Ok(())
}
