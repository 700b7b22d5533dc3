//! The near cache: copies in this process, on `larder-engine`, in front of the store. A copy lives no longer than the store
//! allows. Under encryption it is ciphertext, like the entry that it is a copy of.
//!
//! A copy is never older than what this process wrote last. A read of the store can overlap a write, and bring back what the
//! write replaced; so each write of a key leaves a mark, and what was read is kept only if no mark has appeared since.
//! Marks are counted per stripe of keys: a write may keep a neighbour's copy from being made, and costs it one more read.
//!
//! What readers of a copy share instead of decoding it each time is in `near/shared.rs`, under the same rule.

mod shared;

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use bytes::Bytes;
use larder_engine::{Cache, Capacity, Kind, Millis, Options, PolicyChoice, PolicyName, Ttl};
use parking_lot::{Mutex, MutexGuard};
use tokio::time::Instant;

use crate::limits::{NEAR_ENTRIES_MAX, NEAR_SHARED_BYTES_MAX};
pub(crate) use shared::Shared;
use shared::{SharedValues, Times};

/// How much a near cache holds, and how long.
///
/// ```
/// use larder_client::NearOptions;
/// use std::time::Duration;
///
/// let by_count = NearOptions::entries(10_000);
/// let by_size = NearOptions { life_max: Duration::from_secs(60), ..NearOptions::bytes(64 << 20) };
/// assert_eq!(NearOptions::default(), NearOptions::entries(1000));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NearOptions {
    /// How much it holds.
    pub capacity: Capacity,
    /// No copy lives longer, whatever the store allows.
    pub life_max: Duration,
    /// No copy lives longer that was read from a store which does not say how long it may be kept.
    pub unknown_life_max: Duration,
    /// Of the values that [`get_shared`](crate::Cache::get_shared) keeps decoded, beside the copies: so many bytes as they
    /// are encoded, with their keys and 128 bytes for each. Zero: none are kept.
    pub shared_bytes_max: u64,
}

impl NearOptions {
    /// So many entries.
    ///
    /// ```
    /// use larder_client::NearOptions;
    ///
    /// assert_eq!(NearOptions::entries(1000), NearOptions::default());
    /// ```
    #[must_use]
    pub const fn entries(max: u64) -> Self {
        Self {
            capacity: Capacity::Entries(max),
            life_max: Duration::MAX,
            unknown_life_max: Duration::from_secs(30),
            shared_bytes_max: NEAR_SHARED_BYTES_MAX,
        }
    }

    /// So many bytes: keys, values and the overhead of each entry.
    ///
    /// ```
    /// # use larder_client::{Cache, store::{EngineStore, SystemClock}};
    /// # let store = EngineStore::with_bytes(1 << 20, SystemClock)?;
    /// use larder_client::NearOptions;
    ///
    /// let cache = Cache::minimal(store).near(NearOptions::bytes(64 << 20)).build()?;
    /// # Ok::<(), larder_client::Error>(())
    /// ```
    #[must_use]
    pub const fn bytes(max: u64) -> Self {
        Self { capacity: Capacity::Bytes(max), ..Self::entries(0) }
    }
}

impl Default for NearOptions {
    fn default() -> Self {
        Self::entries(NEAR_ENTRIES_MAX)
    }
}

/// What this process knows of a key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Known<R> {
    /// A copy, as the reader has read it, and whether it is time to fetch it anew.
    Copy {
        /// What the reader made of it.
        read: R,
        /// Whether it is time for a refresh.
        is_due: bool,
    },
    /// The store had no entry a moment ago.
    Absent,
}

/// The state of a key's writes when a read of the store began.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    stripe: usize,
    writes: u64,
}

/// How long a copy lives.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Life {
    pub(crate) ends_after: Duration,
    /// `None`: it is never refreshed before its end.
    pub(crate) due_after: Option<Duration>,
}

pub(crate) struct Near {
    cache: Cache,
    origin: Instant,
    options: NearOptions,
    hasher: RandomState,
    writes: Box<[Mutex<u64>]>,
    shared: SharedValues,
}

const STRIPES: usize = 64;
/// A copy is its moment of refresh in milliseconds, a tag, and the bytes.
const HEADER_BYTES: usize = 9;
const NEVER_DUE: u64 = u64::MAX;
const TAG_COPY: u8 = 0;
const TAG_ABSENT: u8 = 1;

thread_local! {
    /// Small copies are brought out of the engine's lock in this, so that a hit allocates nothing.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

impl Near {
    pub(crate) fn new(options: NearOptions, seed: u64) -> Result<Self, larder_engine::Error> {
        // Sieve: a hit sets one bit, and its miss ratios are among the best.
        let policy = PolicyName::Sieve;
        let cache = Cache::new(Options {
            capacity: options.capacity,
            policies: vec![policy],
            policy: PolicyChoice::Fixed(policy),
            shards: None,
            seed,
        })?;
        let writes = (0..STRIPES).map(|_| Mutex::new(0)).collect();
        let shared = SharedValues::new(options.shared_bytes_max);
        Ok(Self { cache, origin: Instant::now(), options, hasher: RandomState::new(), writes, shared })
    }

    /// What is known of a key. A copy is shown to `read` outside any lock.
    pub(crate) fn get<R>(&self, key: &str, read: impl FnOnce(&[u8]) -> R) -> Option<Known<R>> {
        let now = self.now();
        let mut scratch = SCRATCH.take();
        let shared = self.cache.get(self.cache.key(key.as_bytes()), now, |entry| {
            if let Some(shared) = entry.shared {
                return Some(shared.clone());
            }
            scratch.clear();
            scratch.extend_from_slice(entry.value);
            None
        });
        let known = shared.and_then(|shared| match shared {
            Some(shared) => known(&shared, now, read),
            None => known(&scratch, now, read),
        });
        SCRATCH.set(scratch);
        known
    }

    /// As [`get`](Near::get), but what `read` makes of a copy is kept, and shown to all who ask for the same type.
    pub(crate) fn get_shared<T, E>(
        &self,
        key: &str,
        read: impl FnOnce(&[u8]) -> Result<Shared<T>, E>,
    ) -> Option<Known<Result<Shared<T>, E>>>
    where
        T: Send + Sync + 'static,
    {
        let now = self.now();
        if let Some((value, due)) = self.shared.get(key, now) {
            return Some(Known::Copy { read: Ok(value), is_due: now.0 >= due });
        }
        let mark = self.mark(key);
        let (whole, end) = self.cache.get(self.cache.key(key.as_bytes()), now, |entry| {
            let whole = entry.shared.cloned().unwrap_or_else(|| Bytes::copy_from_slice(entry.value));
            (whole, entry.expiry.map_or(now, |expiry| expiry.evict_at))
        })?;
        let (due, tag, held) = split(&whole)?;
        if tag != TAG_COPY {
            return Some(Known::Absent);
        }
        let read = read(held);
        if let Ok(value) = &read
            && let Some(_unwritten) = self.unwritten(mark)
            && self.holds(key, &whole, now)
        {
            self.shared.put(key, value, whole.len(), Times { due, end });
        }
        Some(Known::Copy { read, is_due: now.0 >= due })
    }

    /// The copy of a key in a form that can be kept; not a use.
    pub(crate) fn peek(&self, key: &str) -> Option<Bytes> {
        let now = self.now();
        let whole = self.cache.peek(self.cache.key(key.as_bytes()), now, |entry| match entry.shared {
            Some(shared) => shared.clone(),
            None => Bytes::copy_from_slice(entry.value),
        })?;
        let is_copy = whole.get(HEADER_BYTES - 1) == Some(&TAG_COPY);
        is_copy.then(|| whole.slice(HEADER_BYTES..))
    }

    /// Call before the store is read.
    pub(crate) fn mark(&self, key: &str) -> Mark {
        let stripe = self.stripe(key);
        Mark { stripe, writes: *self.writes[stripe].lock() }
    }

    /// Keeps what was read from the store, unless the key was written since the mark.
    pub(crate) fn keep(&self, key: &str, mark: Mark, held: &[u8], life: Life) {
        if let Some(_unwritten) = self.unwritten(mark) {
            self.put(key, TAG_COPY, held, life);
        }
    }

    /// Keeps that the store has no entry, unless the key was written since the mark.
    pub(crate) fn keep_absence(&self, key: &str, mark: Mark, ends_after: Duration) {
        if let Some(_unwritten) = self.unwritten(mark) {
            self.put(key, TAG_ABSENT, &[], Life { ends_after, due_after: None });
        }
    }

    /// A write of a key begins: its copy goes. The mark is for the end of this write.
    pub(crate) fn begin_write(&self, key: &str) -> Mark {
        let stripe = self.stripe(key);
        let mut writes = self.writes[stripe].lock();
        *writes += 1;
        self.forget(key);
        Mark { stripe, writes: *writes }
    }

    /// The write has ended, and the store has this now; unless another write overlapped, whose value it may have instead.
    pub(crate) fn end_write(&self, key: &str, mark: Mark, held: Option<(&[u8], Life)>) {
        let mut writes = self.writes[mark.stripe].lock();
        let is_alone = *writes == mark.writes;
        *writes += 1;
        match held {
            Some((held, life)) if is_alone => self.put(key, TAG_COPY, held, life),
            _ => self.forget(key),
        }
    }

    /// Copies that are here, those included that have expired and are not yet reclaimed.
    pub(crate) fn len(&self) -> u64 {
        self.cache.status().entries
    }

    /// What is used of the capacity, in its unit.
    pub(crate) fn used(&self) -> u64 {
        self.cache.status().used
    }

    /// Values that are shared now, those included that have ended and were not asked for since.
    #[cfg(test)]
    pub(crate) fn shared_len(&self) -> u64 {
        self.shared.len()
    }

    pub(crate) fn options(&self) -> &NearOptions {
        &self.options
    }

    fn put(&self, key: &str, tag: u8, held: &[u8], life: Life) {
        self.shared.remove(key);
        let now = self.now();
        let Some(ttl) = Ttl::new(millis(life.ends_after.min(self.options.life_max))) else { return };
        let due = life.due_after.map_or(NEVER_DUE, |after| now.0.saturating_add(millis(after)));
        let mut value = Vec::with_capacity(HEADER_BYTES + held.len());
        value.extend_from_slice(&due.to_le_bytes());
        value.push(tag);
        value.extend_from_slice(held);
        let key = self.cache.key(key.as_bytes());
        // What is larger than the near cache is not kept, nor is what was there before.
        if self.cache.set(key, Bytes::from(value).into(), Kind::Opaque, Some(ttl), now).is_err() {
            self.cache.delete(key, now);
        }
    }

    /// Whether this is still the copy of a key: another read of the store may have brought a younger one.
    fn holds(&self, key: &str, whole: &[u8], now: Millis) -> bool {
        let is_same = self.cache.peek(self.cache.key(key.as_bytes()), now, |entry| entry.value == whole);
        is_same.unwrap_or(false)
    }

    fn forget(&self, key: &str) {
        self.shared.remove(key);
        self.cache.delete(self.cache.key(key.as_bytes()), self.now());
    }

    fn unwritten(&self, mark: Mark) -> Option<MutexGuard<'_, u64>> {
        let writes = self.writes[mark.stripe].lock();
        (*writes == mark.writes).then_some(writes)
    }

    fn stripe(&self, key: &str) -> usize {
        self.hasher.hash_one(key) as usize % STRIPES
    }

    fn now(&self) -> Millis {
        Millis(millis(self.origin.elapsed()))
    }
}

fn known<R>(whole: &[u8], now: Millis, read: impl FnOnce(&[u8]) -> R) -> Option<Known<R>> {
    Some(match split(whole)? {
        (due, TAG_COPY, held) => Known::Copy { read: read(held), is_due: now.0 >= due },
        _ => Known::Absent,
    })
}

/// When a copy is to be refreshed, its tag, and what it is a copy of.
fn split(whole: &[u8]) -> Option<(u64, u8, &[u8])> {
    let (header, held) = whole.split_first_chunk::<HEADER_BYTES>()?;
    let [due @ .., tag] = *header;
    Some((u64::from_le_bytes(due), tag, held))
}

/// Whole milliseconds, rounded down: a copy never outlives its bound.
fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    const LIFE: Life = Life { ends_after: Duration::from_secs(10), due_after: Some(Duration::from_secs(5)) };

    fn near(options: NearOptions) -> Near {
        Near::new(options, 0).unwrap()
    }

    fn put(near: &Near, key: &str, held: &[u8]) {
        near.keep(key, near.mark(key), held, LIFE);
    }

    fn get(near: &Near, key: &str) -> Option<Known<Vec<u8>>> {
        near.get(key, <[u8]>::to_vec)
    }

    fn copy(read: &[u8]) -> Option<Known<Vec<u8>>> {
        Some(Known::Copy { read: read.to_vec(), is_due: false })
    }

    #[tokio::test(start_paused = true)]
    async fn a_copy_becomes_due_and_then_ends() {
        let near = near(NearOptions::default());
        put(&near, "k", b"v");
        assert_eq!(get(&near, "k"), copy(b"v"));
        advance(Duration::from_secs(5)).await;
        assert_eq!(get(&near, "k"), Some(Known::Copy { read: b"v".to_vec(), is_due: true }));
        advance(Duration::from_secs(5)).await;
        assert_eq!(get(&near, "k"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn no_copy_outlives_the_near_caches_own_bound() {
        let near = near(NearOptions { life_max: Duration::from_secs(1), ..NearOptions::default() });
        put(&near, "k", b"v");
        advance(Duration::from_millis(999)).await;
        assert_eq!(get(&near, "k"), copy(b"v"));
        advance(Duration::from_millis(1)).await;
        assert_eq!(get(&near, "k"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_live_for_no_time_is_not_kept() {
        let near = near(NearOptions::default());
        near.keep(
            "k",
            near.mark("k"),
            b"v",
            Life { ends_after: Duration::from_micros(999), due_after: None },
        );
        assert_eq!(get(&near, "k"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn large_copies_come_back_too() {
        let near = near(NearOptions::default());
        let large = vec![7; 100_000];
        put(&near, "k", &large);
        assert_eq!(get(&near, "k"), copy(&large));
        assert_eq!(near.peek("k").unwrap(), large);
    }

    #[tokio::test(start_paused = true)]
    async fn an_absence_is_known_for_a_while() {
        let near = near(NearOptions::default());
        near.keep_absence("k", near.mark("k"), Duration::from_secs(1));
        assert_eq!(get(&near, "k"), Some(Known::Absent));
        assert_eq!(near.peek("k"), None);
        advance(Duration::from_secs(1)).await;
        assert_eq!(get(&near, "k"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_that_a_write_overtook_is_not_kept() {
        let near = near(NearOptions::default());
        let read_began = near.mark("k");
        let write = near.begin_write("k");
        near.end_write("k", write, Some((b"new", LIFE)));
        near.keep("k", read_began, b"old", LIFE);
        near.keep_absence("k", read_began, Duration::from_secs(1));
        assert_eq!(get(&near, "k"), copy(b"new"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_during_a_write_gives_way_to_what_was_written() {
        let near = near(NearOptions::default());
        let write = near.begin_write("k");
        let read_began = near.mark("k");
        near.end_write("k", write, Some((b"new", LIFE)));
        near.keep("k", read_began, b"old", LIFE);
        assert_eq!(get(&near, "k"), copy(b"new"));
    }

    #[tokio::test(start_paused = true)]
    async fn of_two_writes_that_overlap_no_copy_is_kept() {
        let near = near(NearOptions::default());
        let (one, two) = (near.begin_write("k"), near.begin_write("k"));
        near.end_write("k", one, Some((b"one", LIFE)));
        near.end_write("k", two, Some((b"two", LIFE)));
        assert_eq!(get(&near, "k"), None, "nobody knows which of them the store has");
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_that_failed_leaves_no_copy() {
        let near = near(NearOptions::default());
        put(&near, "k", b"old");
        let write = near.begin_write("k");
        near.end_write("k", write, None);
        assert_eq!(get(&near, "k"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn it_holds_no_more_than_it_may() {
        let by_count = near(NearOptions::entries(10));
        let by_size = near(NearOptions::bytes(10_000));
        for number in 0..1000 {
            put(&by_count, &number.to_string(), &[0; 100]);
            put(&by_size, &number.to_string(), &[0; 100]);
        }
        assert_eq!((by_count.len(), by_count.used()), (10, 10));
        assert!(by_size.used() <= 10_000 && by_size.len() > 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_copy_that_does_not_fit_takes_the_one_before_with_it() {
        let near = near(NearOptions::bytes(10_000));
        put(&near, "k", b"old");
        put(&near, "k", &[0; 20_000]);
        assert_eq!(get(&near, "k"), None);
    }

    #[test]
    fn a_reader_may_read_the_near_cache() {
        let near = near(NearOptions::default());
        put(&near, "outer", b"1");
        put(&near, "inner", b"2");
        let read = near.get("outer", |outer| {
            let inner = near.get("inner", <[u8]>::to_vec);
            (outer.to_vec(), inner)
        });
        assert_eq!(read, Some(Known::Copy { read: (b"1".to_vec(), copy(b"2")), is_due: false }));
    }
}
