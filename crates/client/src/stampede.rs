//! One computation per key across processes, where the store has locks that they share. Who gets the lock computes; the others
//! look for the value and ask for the lock again, with growing pauses and for a bounded time, and then compute anyway: the lock
//! saves work, it does not guard anything. Source: the lock flow of the CacheKit REST protocol.

use std::sync::Arc;
use std::time::Duration;

use larder_store::{LockToken, Store};
use serde::de::DeserializeOwned;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep};

use crate::cache::{Cache, Read};
use crate::key::Key;
use crate::limits::{CENTURY, LOCK_HOLD, STAMPEDE_WAIT_MAX};

/// How callers who want the same value at once wait for each other.
///
/// ```
/// use larder_client::StampedeOptions;
/// use std::time::Duration;
///
/// let patient = StampedeOptions { wait_max: Duration::from_secs(20), ..StampedeOptions::default() };
/// assert!(patient.locks);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StampedeOptions {
    /// Whether the store's locks are used, if it has them and other processes see them.
    pub locks: bool,
    /// How long a lock is held at most: longer than a computation takes.
    pub hold: Duration,
    /// How long a caller waits for another's computation before it computes itself.
    pub wait_max: Duration,
    /// The pause before the second look; it doubles each time.
    pub pause: Duration,
    /// The longest pause.
    pub pause_max: Duration,
}

impl Default for StampedeOptions {
    /// 30 s, 5 s, and pauses from 50 ms to 500 ms.
    fn default() -> Self {
        Self {
            locks: true,
            hold: LOCK_HOLD,
            wait_max: STAMPEDE_WAIT_MAX,
            pause: Duration::from_millis(50),
            pause_max: Duration::from_millis(500),
        }
    }
}

/// How the question who computes was settled.
pub(crate) enum Settled<T> {
    /// This process does.
    Ours(Lease),
    /// Another did.
    Theirs(Read<T>),
    /// The wait is over, or there was no asking: compute.
    Unsettled,
}

/// A lock of the store. Dropped, it is released in the background.
pub(crate) struct Lease {
    store: Arc<dyn Store>,
    key: Key<'static>,
    token: LockToken,
}

impl Drop for Lease {
    fn drop(&mut self) {
        let (store, key, token) = (Arc::clone(&self.store), self.key.clone(), self.token.clone());
        let release = async move {
            // Not released, it falls open after its time.
            let _ = store.unlock(key.as_str().as_bytes(), &token).await;
        };
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(release)),
            Err(_) => drop(crate::blocking::runtime().map(|runtime| runtime.spawn(release))),
        }
    }
}

impl Cache {
    /// Whether other processes can be asked.
    pub(crate) fn has_locks(&self) -> bool {
        let capabilities = &self.inner.capabilities;
        capabilities.locks && capabilities.shared && self.inner.settings.stampede.locks
    }

    /// Asks for the lock of a key once.
    pub(crate) async fn try_lock(&self, key: &Key<'_>) -> Result<Option<Lease>, larder_store::Error> {
        let hold = self.inner.settings.stampede.hold;
        let token = self.inner.store.lock(key.as_str().as_bytes(), hold).await?;
        Ok(token.map(|token| Lease {
            store: Arc::clone(&self.inner.store),
            key: key.clone().into_owned(),
            token,
        }))
    }

    /// Waits until this process has the lock of a key, or another's value is there, or the time is over.
    pub(crate) async fn settle<T: DeserializeOwned>(&self, key: &Key<'_>) -> Settled<T> {
        let StampedeOptions { wait_max, pause, pause_max, .. } = self.inner.settings.stampede;
        let give_up = Instant::now() + wait_max.min(CENTURY);
        let (mut pause, pause_max) = (pause.min(CENTURY), pause_max.min(CENTURY));
        let mut has_waited = false;
        loop {
            match self.try_lock(key).await {
                Ok(Some(lease)) => {
                    // Whoever had the lock before may have stored the value since this process looked.
                    return match self.fetch(key).await {
                        Ok(Some(read)) if !read.freshness.is_stale() => Settled::Theirs(read),
                        _ => Settled::Ours(lease),
                    };
                }
                Ok(None) => {}
                Err(error) => {
                    let _ = self.failed(error);
                    return Settled::Unsettled;
                }
            }
            if !has_waited {
                has_waited = true;
                self.inner.counters.lock_waits.add();
            }
            let jittered = pause.mul_f64(0.5 + self.inner.settings.random.draw().clamp(0.0, 1.0));
            let left = give_up.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Settled::Unsettled;
            }
            sleep(jittered.min(left)).await;
            pause = (pause * 2).min(pause_max);
            if let Ok(Some(read)) = self.fetch(key).await
                && !read.freshness.is_stale()
            {
                return Settled::Theirs(read);
            }
        }
    }
}
