//! Bounds what a client has under way: so many calls at once, so many that wait for a place, so long a wait. Beyond that a
//! call is refused at once, and nothing was sent.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use larder_store::{Error, Fault, Operation, Pending, Store};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::store_around;

/// How much may be under way. The defaults are those of the CacheKit SDKs.
///
/// ```
/// use larder_client::layer::LimitOptions;
///
/// let narrow = LimitOptions { calls_max: 10, ..LimitOptions::default() };
/// assert_eq!(narrow.queue_max, 1000);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitOptions {
    /// Calls at once; at least one.
    pub calls_max: usize,
    /// Calls that wait for a place.
    pub queue_max: usize,
    /// How long one waits.
    pub wait_max: Duration,
}

impl Default for LimitOptions {
    fn default() -> Self {
        Self { calls_max: 100, queue_max: 1000, wait_max: Duration::from_millis(100) }
    }
}

/// A store with bounded concurrency.
///
/// ```
/// use larder_client::layer::{Limit, LimitOptions};
/// use larder_client::store::{EngineStore, SystemClock};
///
/// let store = Limit::new(EngineStore::with_bytes(1 << 20, SystemClock)?, LimitOptions::default());
/// # Ok::<(), larder_client::store::Error>(())
/// ```
#[derive(Debug)]
pub struct Limit<S> {
    inner: S,
    options: LimitOptions,
    places: Semaphore,
    waiting: AtomicUsize,
}

impl<S: Store> Limit<S> {
    /// Around a store.
    ///
    /// ```
    /// # use larder_client::store::{EngineStore, SystemClock};
    /// # let place = EngineStore::with_bytes(1 << 20, SystemClock)?;
    /// use larder_client::layer::{Limit, LimitOptions};
    ///
    /// let store = Limit::new(place, LimitOptions { calls_max: 10, ..LimitOptions::default() });
    /// # Ok::<(), larder_client::store::Error>(())
    /// ```
    pub fn new(inner: S, options: LimitOptions) -> Self {
        let places = Semaphore::new(options.calls_max.clamp(1, Semaphore::MAX_PERMITS));
        Self { inner, options, places, waiting: AtomicUsize::new(0) }
    }

    async fn around<'a, T>(
        &'a self,
        operation: Operation,
        call: impl Fn() -> Pending<'a, T> + Send,
    ) -> Result<T, Error> {
        let place = self.place().await;
        let _place = place.map_err(|why| Error::new(self.inner.name(), operation, Fault::Busy(why)))?;
        call().await
    }

    async fn place(&self) -> Result<SemaphorePermit<'_>, String> {
        if let Ok(place) = self.places.try_acquire() {
            return Ok(place);
        }
        let LimitOptions { calls_max, queue_max, wait_max } = self.options;
        let waiting = Waiting::begin(&self.waiting);
        if waiting.number > queue_max {
            return Err(format!("{calls_max} calls are under way and {queue_max} wait"));
        }
        match timeout(wait_max, self.places.acquire()).await {
            Ok(Ok(place)) => Ok(place),
            // Nobody closes the semaphore.
            Ok(Err(_)) | Err(_) => {
                Err(format!("{calls_max} calls are under way, and none ended in {} ms", wait_max.as_millis()))
            }
        }
    }
}

store_around!(Limit);

/// One that waits, for as long as it does.
struct Waiting<'l> {
    count: &'l AtomicUsize,
    number: usize,
}

impl<'l> Waiting<'l> {
    fn begin(count: &'l AtomicUsize) -> Self {
        Self { count, number: count.fetch_add(1, Relaxed) + 1 }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scripted;
    use larder_store::Class;
    use std::sync::Arc;
    use tokio::task::{JoinHandle, yield_now};
    use tokio::time::Instant;

    type Answer = Result<Option<larder_store::Found>, Error>;

    fn limit(calls_max: usize, queue_max: usize) -> Arc<Limit<Scripted>> {
        let options = LimitOptions { calls_max, queue_max, ..LimitOptions::default() };
        Arc::new(Limit::new(Scripted::default(), options))
    }

    fn get(limit: &Arc<Limit<Scripted>>) -> JoinHandle<Answer> {
        let limit = Arc::clone(limit);
        tokio::spawn(async move { limit.get(b"k").await })
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_finds_no_place_in_time_is_refused_unsent() {
        let limit = limit(1, 10);
        limit.inner.hang();
        let _first = get(&limit);
        yield_now().await;
        let start = Instant::now();
        assert_eq!(limit.get(b"k").await.unwrap_err().class(), Class::Busy);
        assert_eq!(start.elapsed(), Duration::from_millis(100));
        assert_eq!(limit.inner.calls().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_queue_refuses_at_once() {
        let limit = limit(1, 2);
        limit.inner.hang();
        let _others: Vec<_> = (0..3).map(|_| get(&limit)).collect();
        yield_now().await;
        let start = Instant::now();
        assert_eq!(limit.get(b"k").await.unwrap_err().class(), Class::Busy);
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_that_becomes_free_goes_to_who_waits() {
        let limit = limit(1, 10);
        limit.inner.hang();
        let first = get(&limit);
        yield_now().await;
        let second = get(&limit);
        yield_now().await;
        limit.inner.resume();
        assert!(first.await.unwrap().is_ok() && second.await.unwrap().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn callers_that_give_up_leave_the_queue() {
        let limit = limit(1, 1);
        limit.inner.hang();
        let _first = get(&limit);
        yield_now().await;
        let waiting = get(&limit);
        yield_now().await;
        waiting.abort();
        assert!(waiting.await.unwrap_err().is_cancelled());
        assert_eq!(limit.waiting.load(Relaxed), 0);
    }
}
