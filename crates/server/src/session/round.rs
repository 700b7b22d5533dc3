//! Keys of several connections, brought closer together. A connection that has one request at a time has nothing to prefetch
//! for: its lookup waits for memory some four times in a row. But where many connections have one request each, those waits
//! can overlap as they do within a batch. So a session that has read a single request enlists its key, lets the others that
//! have something to read do the same, and whoever is first to go on prefetches for all.

use std::{
    future::poll_fn,
    task::{Context, Poll},
};

use larder_engine::{Cache, KeyHash};
use parking_lot::Mutex;

/// The keys that the sessions of one worker are about to look up.
#[derive(Debug, Default)]
pub(crate) struct Round {
    keys: Mutex<Vec<KeyHash>>,
}

impl Round {
    pub(crate) fn enlist(&self, key: KeyHash) {
        self.keys.lock().push(key);
    }

    /// Prefetches what has been enlisted since the last time.
    pub(crate) fn prefetch(&self, cache: &Cache) {
        let mut keys = self.keys.lock();
        if keys.len() > 1 {
            cache.prefetch(keys.iter().copied());
        }
        keys.clear();
    }
}

/// Lets the tasks that are ready now have their turn. (Tokio's own `yield_now` would look at the sockets first.)
pub(crate) async fn step_back() {
    let mut has_stepped_back = false;
    poll_fn(|cx: &mut Context<'_>| {
        if std::mem::replace(&mut has_stepped_back, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    };

    use larder_engine::Options;

    use super::*;

    #[tokio::test]
    async fn whoever_steps_back_lets_those_that_are_ready_go_first() {
        let has_run = Arc::new(AtomicBool::new(false));
        let other = Arc::clone(&has_run);
        tokio::spawn(async move { other.store(true, Ordering::Relaxed) });
        assert!(!has_run.load(Ordering::Relaxed));
        step_back().await;
        assert!(has_run.load(Ordering::Relaxed));
    }

    #[test]
    fn a_key_is_prefetched_once() {
        let cache = Cache::new(Options::bytes(1 << 20)).unwrap();
        let round = Round::default();
        round.enlist(cache.key(b"here").to_hash());
        round.enlist(cache.key(b"there").to_hash());
        round.prefetch(&cache);
        assert!(round.keys.lock().is_empty());
    }
}
