//! The cache over a store that does what the test says, on a clock that the test owns.

mod failing;
mod reading;
mod refreshing;
mod secure;
mod sharing;
mod stampede;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use crate::testing::Scripted;
use crate::{Builder, Cache, Error, Random};

const SECOND: Duration = Duration::from_secs(1);

fn store() -> Arc<Scripted> {
    Arc::new(Scripted::default())
}

/// A cache without reliability layers; jitter is always in the middle.
fn builder(store: &Arc<Scripted>) -> Builder {
    Cache::minimal(Arc::clone(store)).random(Random::from(|| 0.5))
}

fn cache(store: &Arc<Scripted>) -> Cache {
    builder(store).build().unwrap()
}

/// A computation that counts how often it is made.
#[derive(Clone, Default)]
struct Source(Arc<AtomicU32>);

impl Source {
    /// The number of this computation, from 1.
    async fn next(self) -> Result<u32, Error> {
        tokio::task::yield_now().await;
        Ok(self.0.fetch_add(1, Relaxed) + 1)
    }

    fn made(&self) -> u32 {
        self.0.load(Relaxed)
    }
}

async fn computed(cache: &Cache, source: &Source) -> u32 {
    cache.get_or_compute("k", || source.clone().next()).await.unwrap()
}

/// Lets tasks in the background run until none can go on.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}
