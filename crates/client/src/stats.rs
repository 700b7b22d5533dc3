//! What a cache has done, as plain numbers: take a snapshot and give it to whatever metrics library there is.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Counters since the cache was built. Each is exact; together they are not one moment.
        ///
        /// ```
        /// use larder_client::{Cache, store::{EngineStore, SystemClock}};
        ///
        /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
        /// let cache = Cache::minimal(EngineStore::with_bytes(1 << 20, SystemClock)?).build()?;
        /// cache.set("k", &1).await?;
        /// cache.get::<u8>("k").await?;
        /// cache.get::<u8>("other").await?;
        /// let stats = cache.stats();
        /// assert_eq!((stats.near_hits, stats.misses, stats.hit_ratio()), (1, 1, 0.5));
        /// # Ok::<(), larder_client::Error>(())
        /// # })?;
        /// # Ok::<(), Box<dyn std::error::Error>>(())
        /// ```
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Stats {
            $($(#[$doc])* pub $name: u64,)*
            /// Copies in the near cache now.
            pub near_entries: u64,
            /// What is used of the near cache now, in entries or bytes as it was built.
            pub near_used: u64,
            /// Computations under way now that others can wait for.
            pub flights: u64,
        }

        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub(crate) $name: Counter,)*
        }

        impl Counters {
            pub(crate) fn snapshot(&self) -> Stats {
                Stats { $($name: self.$name.0.load(Relaxed),)* ..Stats::default() }
            }
        }
    };
}

counters! {
    /// Values served from a copy in this process.
    near_hits,
    /// Values served from the store, fresh or stale.
    store_hits,
    /// Of all values served, those that were stale or due for a refresh.
    stale_hits,
    /// Values served because another caller in this process was computing them.
    shared_hits,
    /// Lookups that found nothing.
    misses,
    /// Values stored.
    sets,
    /// Deletes carried out.
    deletes,
    /// Computations begun, refreshes included.
    computations,
    /// Times that the lock of another process was waited for.
    lock_waits,
    /// Refreshes begun.
    refreshes,
    /// Refreshes that failed.
    failed_refreshes,
    /// Entries that could not be read: foreign, damaged, or of another key.
    foreign,
    /// Calls on the store that failed.
    store_errors,
    /// Times that the cache went on without the store, or without a key.
    failed_open,
}

impl Stats {
    /// The share of lookups that were served without a computation, 0.0 when there were none.
    ///
    /// ```
    /// assert_eq!(larder_client::Stats::default().hit_ratio(), 0.0);
    /// ```
    #[must_use]
    pub fn hit_ratio(&self) -> f64 {
        let hits = self.near_hits + self.store_hits + self.shared_hits;
        match hits + self.misses {
            0 => 0.0,
            lookups => hits as f64 / lookups as f64,
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    #[inline]
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Relaxed);
    }
}
